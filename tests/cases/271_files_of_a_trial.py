TRIED = "files beside a trial, of a function and of ask and tell: are they named, and deleted with the study?"
from kit import *

status, out, said = script(
    """import caviar, pathlib
def objective(trial):
    pathlib.Path(trial.folder, "weights.txt").write_text(str(trial.number))
    return trial.config["x"]
space = caviar.Space(x=caviar.Linear(0, 1))
study = caviar.tune(objective, space, trials=4, study="f", store="t.db", processes=2, progress=False)
best = pathlib.Path(study.summary["best"]["folder"], "weights.txt").read_text()
assert best == str(study.best.number)
with caviar.open_study("a", space, store="t.db") as asked:
    for trial in asked.ask(3):
        (asked.folder(trial) / "weights.txt").write_text(str(trial.number))
        asked.tell(trial, trial.config["x"])
    try:
        asked.folder(99)
    except caviar.CaviarError as error:
        print(len(str(error).splitlines()))
"""
)
named = {name: re.search(r"Files: (\S+)", caviar("explain", name, "--store", "t.db")[1]) for name in ("f", "a")}
there = {name: found and (Path(found[1]) / "weights.txt").is_file() for name, found in named.items()}
for name in named:
    caviar("delete", name, "--yes", "--store", "t.db")
left = list(Path().rglob("weights.txt"))
fine = status == 0 and out.strip() == "2" and all(there.values()) and not left
verdict("right" if fine else "WRONG", f"named {there}, left {left}", out + said)
