TRIED = "infeasible: raised without a reason, returned, said after a report, all of them; tell() without a value"
from kit import *

status, out, said = script(
    """import caviar
space = caviar.Space(x=caviar.Linear(0, 1))
given = dict(store="t.db", processes=2, progress=False)
def objective(trial):
    if trial.number == 0:
        raise caviar.Infeasible
    if trial.number == 1:
        return caviar.Infeasible("two\\nlines")
    if trial.number == 2:
        trial.report(1, 99.0)
        trial.infeasible()
    return trial.config["x"]
study = caviar.tune(objective, space, trials=6, study="s", **given)
print(list(study.trials().state).count("infeasible"), study.summary["trials"]["failed"], study.best_score < 2, study.notes == ())
try:
    caviar.tune(lambda trial: caviar.Infeasible("never"), space, trials=3, study="n", **given)
except caviar.CaviarError as error:
    print("all 3 trials were infeasible" in str(error))
with caviar.open_study("a", space, store="t.db") as asked:
    one, two = asked.ask(2)
    for wrong in (lambda: asked.tell(one), lambda: asked.tell(one, infeasible=float("nan"))):
        try:
            wrong()
        except caviar.CaviarError as error:
            print("refused", len(str(error).splitlines()))
    asked.tell(one, infeasible="too large")
    asked.tell(two, 1.0)
    print(asked.best_score)
"""
)
fine = status == 0 and out.split() == "3 0 True True True refused 2 refused 2 1.0".split()
verdict("right" if fine else "WRONG", "no failure, ranked last, never a silent NaN", out + said)
