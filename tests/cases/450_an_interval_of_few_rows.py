TRIED = "intervals of a table of few rows, of classes, and of a model that babysit saved"
from kit import *

frame = base(60)
frame["y"] = (100 + 10 * frame.a + rng.normal(size=60)).round(2)
tune(frame)
status, said = caviar("predict", "s.caviar", "table.csv", "--interval", "0.9", "--out", "o.csv")
found = pd.read_csv("o.csv") if Path("o.csv").exists() else pd.DataFrame()
if status or list(found) != ["prediction", "low", "high"]:
    verdict("WRONG", f"no columns low and high: {list(found)}", said)
if not ((found.low < found.prediction) & (found.prediction < found.high)).all():
    verdict("WRONG", "a prediction outside its interval", said)
status, said = caviar("predict", "s.caviar", "table.csv", "--interval", "0.99", "--out", "p.csv")
if status != 2 or Path("p.csv").exists() or "99 rows" not in said:
    verdict("WRONG", "48 rows promise 0.99", said)
caviar("babysit", "table.csv", "--target", "y", "--epochs", 2, "--store", "t.db", "--name", "b", "--quiet")
status, said = caviar("predict", "b.caviar", "table.csv", "--interval", "0.9")
verdict("right" if status == 2 and len(said.splitlines()) == 2 else "WRONG", flat(said))
