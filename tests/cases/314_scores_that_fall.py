TRIED = "a score without a name that falls from epoch to epoch, as a loss does"
from kit import *

status, out, said = script(
    """import caviar
def objective(trial):
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, trial.config["x"] + 1 / epoch)
study = caviar.tune(objective, caviar.Space(x=caviar.Linear(0, 1)), trials=20, processes=2, progress=False)
print(*study.notes, sep="\\n")
"""
)
lines = out.splitlines()
right = status == 0 and len(lines) == 2 and "larger score counts" in lines[0] and "fall from epoch" in lines[1]
verdict("right" if right else "WRONG", "one note at the start, one on what the scores do", out + said)
