TRIED = "--score that matches a line each 100 mini-batches: they count as epochs, and use them up"
import sys

from kit import *

Path("steps.py").write_text(
    """import sys
for step in range(0, 6000, 100):
    print(f"step {step}: acc={step / 6000 + float(sys.argv[1]):.4f}", flush=True)
"""
)
Path("plain.py").write_text((Path("steps.py").read_text()).replace("step {step}: ", ""))
Path("space.toml").write_text('[x]\nscale = "linear"\nlow = 0.0\nhigh = 1.0\n')
fixed = ["--score", "acc=([0-9.]+)", "--space", "space.toml", "--trials", 4, "--stopping", "none", "--store", "c.db"]
_, steps = caviar("tune", "--command", f"{sys.executable} steps.py {{x}}", *fixed)
_, plain = caviar("tune", "--command", f"{sys.executable} plain.py {{x}}", *fixed)
_, whole = caviar("tune", "--command", f"{sys.executable} plain.py {{x}}", *fixed, "--epochs", 60)
noted = "names a step" in flat(steps) and "printed more scores than its 27 epochs" in flat(plain)
right = noted and "--epochs 100" in flat(plain) and "counts as an epoch" not in flat(whole)
verdict("right" if right else "WRONG", "noted with the way out, and no note where all lines fit", steps + plain + whole)
