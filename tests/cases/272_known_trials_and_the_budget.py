TRIED = "a study of 12 trials is the start of another with trials=5: how many are trained?"
QUICK = True
from kit import *

status, out, said = script(
    """import caviar
space = caviar.Space(x=caviar.Linear(0, 1))
def objective(trial):
    return trial.config["x"]
given = dict(store="t.db", processes=2, progress=False)
caviar.tune(objective, space, trials=12, study="old", **given)
study = caviar.tune(objective, space, trials=5, study="new", known="old", **given)
print(len(study.trials()), study.trials().origin.str.startswith("old").sum())
print(len(caviar.resume("new", data=objective, trials=20, **given).trials()))
"""
)
right = status == 0 and out.split() == ["17", "12", "20"]
verdict("right" if right else "WRONG", "five of its own", out + said)
