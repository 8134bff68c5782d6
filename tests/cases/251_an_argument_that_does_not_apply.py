TRIED = "--momentum {momentum} for a momentum that only sgd has, and a flag, with a real argument parser"
import sys

from kit import *

Path("train.py").write_text(
    """import argparse
p = argparse.ArgumentParser()
p.add_argument("--optimizer")
p.add_argument("--momentum", type=float)
p.add_argument("--nesterov", action="store_true")
a = p.parse_args()
assert (a.optimizer == "sgd") == (a.momentum is not None)
assert a.optimizer == "sgd" or not a.nesterov
print("acc", 0.5 + (a.momentum or 0) / 10 + a.nesterov / 10)
"""
)
Path("space.toml").write_text(
    """[optimizer]
choices = ["sgd", "adam"]
[momentum]
scale = "linear"
low = 0.1
high = 0.9
when = { optimizer = ["sgd"] }
[nesterov]
choices = [true, false]
when = { optimizer = ["sgd"] }
"""
)
line = f"{sys.executable} train.py --optimizer {{optimizer}} --momentum {{momentum}} {{--nesterov}}"
fixed = ["--space", "space.toml", "--epochs", 1, "--trials", 12, "--store", "c.db", "--study", "s"]
status, said = caviar("tune", "--command", line, "--score", "acc ([0-9.]+)", *fixed)
right = status == 0 and "0 failed" in flat(said)
verdict("right" if right else "WRONG", "no trial fails for an argument that does not apply", said)
