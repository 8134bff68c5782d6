TRIED = "ports from Ray Tune, Keras Tuner and Optuna: each name is answered with ours"
from kit import *

calls = {
    "caviar.tune.run(f, config={})": "caviar.tune(objective, space)",
    "caviar.RandomSearch(f, objective='val_loss', max_trials=3)": "caviar.tune(objective, space, trials=100)",
    "caviar.tune(f, space, max_trials=3)": "`trials`",
    "caviar.tune(f, space, objective='val_loss')": '`goal="minimize"`',
    "caviar.tune(f, space, callbacks=[print])": "`after_trial`",
    "caviar.Space({'lr': (1e-4, 1.0)})": "caviar.Space(lr=caviar.Log(0.0001, 1.0))",
    "caviar.create_study(direction='minimize')": "caviar.tune(objective, space, trials=100)",
    "caviar.tune(space, f)": "caviar.tune(objective, space)",
}
wrong, all_said = [], ""
for call, ours in calls.items():
    status, out, said = script(
        f"import caviar\nf = lambda trial: 0.5\nspace = caviar.Space(x=caviar.Linear(0, 1))\n{call}\n"
    )
    all_said += said
    if status == 0 or ours not in flat("\n".join(said.splitlines()[-2:])):
        wrong.append(call)
verdict("WRONG" if wrong else "refusal", f"our name stands in the last two lines; not for {wrong}", all_said)
