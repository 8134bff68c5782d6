TRIED = (
    "babysit --patience on a network that learns by heart: the saved model is that of the best epoch, and it says so"
)
from kit import *

import csv
import json

noisy = base(150)
flip = rng.random(150) < 0.3
noisy["y"] = np.where(flip, np.where(noisy.y == "up", "down", "up"), noisy.y)
noisy.to_csv("table.csv", index=False)
Path("c.toml").write_text("hidden_units = 128\nlayers = 3\nlearning_rate = 0.01\n")
given = ["--target", "y", "--config", "c.toml", "--epochs", 300, "--patience", 8, "--name", "r", "--store", "t.db"]
status, said = caviar("babysit", "table.csv", *given, "--no-nurse", "--json")
if status:
    verdict("WRONG", "it fails", said)
summary = json.loads(re.search(r"^\{.*\}$", said, re.M).group())
caviar("export", "r", "--out", "r.csv", "--store", "t.db")
with open("r.csv", newline="") as file:
    losses = [float(row["validation_loss"]) for row in csv.DictReader(file)]
best = int(np.argmin(losses)) + 1
if summary["model_epoch"] != best or len(losses) != best + 8:
    verdict("WRONG", f"epoch {summary['model_epoch']} of {len(losses)} is kept; the best is {best}", said)
if abs(summary["validation"]["log_loss"] - min(losses)) > 1e-4:
    verdict("WRONG", "the scores are of another epoch", said)
verdict("right", f"epoch {best} of {len(losses)}")
