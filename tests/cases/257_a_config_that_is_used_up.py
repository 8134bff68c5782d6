TRIED = "an objective that pops from trial.config, adds to it, and passes it on; then the study is resumed"
from kit import *

status, out, said = script(
    """import caviar
space = caviar.Space(x=caviar.Linear(0, 1), n=caviar.Integer(1, 9))
def objective(trial):
    config = trial.config
    n = config.pop("n")
    config["device"] = "cpu"
    config.update(x=5)
    return -n
one = caviar.tune(objective, space, trials=4, processes=1, store="o.db", study="s", progress=False)
print(sorted(one.best.config), 0 <= one.best.config["x"] <= 1)
print(len(caviar.resume("s", store="o.db", trials=6, data=objective, progress=False).trials()))
"""
)
right = out.split("\n")[:2] == ["['n', 'x'] True", "6"]
verdict("right" if right else "WRONG", "the study keeps the configs that it drew", out + said)
