TRIED = "after_trial: one that is no function, takes no argument, empties trial.config, raises in the middle"
from kit import *

status, out, said = script(
    """import caviar
space = caviar.Space(x=caviar.Linear(0, 1))
def objective(trial):
    return trial.config["x"]
given = dict(store="t.db", processes=2, progress=False)
for bad in (5, lambda: None, [print]):
    try:
        caviar.tune(objective, space, trials=3, study="bad", after_trial=bad, **given)
    except caviar.CaviarError as error:
        print("refused", len(str(error).splitlines()))
study = caviar.tune(objective, space, trials=4, study="s", after_trial=lambda trial: trial.config.clear(), **given)
print(study.trials().x.notna().all(), "x" in study.best_config)
def third(trial):
    if trial.number == 2:
        raise OSError("disk")
try:
    caviar.tune(objective, space, trials=30, study="t", after_trial=third, **given)
except OSError:
    print("raised")
print(len(caviar.resume("t", data=objective, trials=30, **given).trials()))
import sqlite3
print(sqlite3.connect("t.db").execute("select count(*) from studies where name = 'bad'").fetchone()[0])
"""
)
fine = status == 0 and out.split() == "refused 2 refused 2 refused 2 True True raised 30 0".split()
verdict("right" if fine else "WRONG", "refused before anything is written; copies; saved", out + said)
