TRIED = "a port from Optuna whose score is a count of errors: trial.report(errors, step), all whole numbers"
from kit import *

status, out, said = script(
    """import caviar
def objective(trial):
    for step in range(20):
        trial.report(700 - 30 * step - trial.number, step)
caviar.tune(objective, caviar.Space(x=caviar.Linear(0, 1)), goal="minimize", trials=8, processes=2, progress=False)
"""
)
clear = status != 0 and "trial.report(epoch" in said and "Optuna" in said
verdict("refusal" if clear else "WRONG", "refused where it is called, with the right order", out + said)
