TRIED = "trial.set with NaN, arrays, a NUL, a lone surrogate, a set, a huge text, a list that holds itself; then every export"
from kit import *

status, out, said = script(
    """import caviar, numpy as np
refused = []
def objective(trial):
    trial.set("loss", float("nan") if trial.number == 1 else trial.number / 4)
    trial.set("sizes", np.arange(3))
    trial.set("text", "a" + chr(0) + chr(0xD800))
    trial.set("mixed", "text" if trial.number % 2 else 10**30)
    ring = []
    ring.append(ring)
    n = 0
    for name, bad in [("a", {1, 2}), ("b", object()), ("c", "x" * 3_000_000), ("d", ring), ("", 1), (None, 1), ("n" * 200, 1)]:
        try:
            trial.set(name, bad)
        except ValueError:
            n += 1
    trial.set("refused", n)
    return trial.config["x"]
study = caviar.tune(objective, caviar.Space(x=caviar.Linear(0, 1)), trials=6, study="s", store="t.db", processes=2, progress=False)
print(study.trials()["attributes.loss"].dtype, set(study.trials()["attributes.refused"]))
"""
)
exports = [caviar("export", "s", "--out", name, "--store", "t.db") for name in ("s.csv", "s.parquet")]
shown = [caviar("explain", "s", "--store", "t.db"), caviar("trials", "s", "--json", "--store", "t.db")]
fine = status == 0 and out.split() == ["float64", "{7}"] and all(code == 0 for code, _ in exports + shown)
fine = fine and pd.read_parquet("s.parquet")["attributes.sizes"].tolist() == ["[0, 1, 2]"] * 6
verdict("right" if fine else "WRONG", "kept, or refused where it is set", out + said + str(exports) + str(shown))
