TRIED = "every fourth trial of a function fails: does the answer say why?"
from kit import *

status, out, said = script(
    """import caviar
def objective(trial):
    if trial.number % 4 == 1:
        raise ValueError("batch of 7 rows is too small\\nfor batch norm")
    return trial.config["x"]
study = caviar.tune(objective, caviar.Space(x=caviar.Linear(0, 1)), trials=8, processes=2, progress=False)
print(study.summary["trials"]["failed"], study.notes)
"""
)
right = status == 0 and out.startswith("2 ") and "batch of 7 rows is too small" in out
verdict("right" if right else "WRONG", "the count, and the words of the last", out + said)
