TRIED = "babysit, lr-find and plan on a file of decimal commas with a mark of missing values, and --missing"
from kit import *

frame = base()
frame["b"] = frame.b.where(frame.index % 30 > 0, -999)
frame.to_csv("d.csv", index=False, sep=";", decimal=",")
for command in (["babysit", "--epochs", 2, "--no-nurse", "--store", "r.db"], ["lr-find"], ["plan", "--seconds", 5]):
    name, *more = command
    status, said = caviar(name, "d.csv", "--target", "y", "--missing", -999, *more)
    if status or crashed(said):
        verdict("WRONG", f"caviar {name} does not read it", said)
import caviar as package

model = package.load(next(Path(".").glob("*.caviar")))
low = model.preprocessing.low[model.preprocessing.numbers.index("b")]
status, said = caviar("predict", next(Path(".").glob("*.caviar")), "d.csv", "--out", "o.csv")
good = low > -10 and status == 0 and "14 missing" in said
verdict("right" if good else "WRONG", "read alike; the mark is missing in predict, too", said)
