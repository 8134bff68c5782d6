TRIED = "--score with tqdm's bar over the epochs, redrawn ten times in each, its newest value in the postfix"
import sys

from kit import *

Path("bar.py").write_text(
    """import sys
lr = float(sys.argv[1])
for epoch in range(6):
    for step in range(10):
        sys.stderr.write(f"\\rEpoch {epoch + 1}/6:  {step * 10}%|###  | {step}/10 [00:00, val_acc={epoch / 10 - step / 1e4:.5f}]")
        sys.stderr.flush()
print()
"""
)
Path("space.toml").write_text('[lr]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n')
command = f"{sys.executable} bar.py {{lr}}"
fixed = [
    "--space",
    "space.toml",
    "--epochs",
    6,
    "--trials",
    3,
    "--store",
    "c.db",
    "--study",
    "bar",
    "--stopping",
    "none",
]
status, said = caviar("tune", "--command", command, "--score", "val_acc=([0-9.]+)", *fixed)
caviar("export", "bar", "--store", "c.db", "--out", "e.csv")
trials = pd.read_csv("e.csv")
right = set(trials.epochs) == {6} and set(trials.score.round(5)) == {0.4991}
verdict("right" if right else "WRONG", "six epochs, the last value of each", said + trials.to_string())
