TRIED = "a program that fails by an exception of a library, with a long warning before and advice behind it"
import sys

from kit import *

Path("train.py").write_text(
    """import sys, warnings
import numpy as np
warnings.warn("x" * 3000)
def load(rate):
    try:
        return np.linalg.inv(np.zeros((2, 2)))
    except np.linalg.LinAlgError as error:
        raise RuntimeError(f"cannot train at {rate}\\nadvice: see the manual\\nmore: of it") from error
load(float(sys.argv[1]))
"""
)
Path("space.toml").write_text('[lr]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n')
fixed = ["--space", "space.toml", "--trials", 6, "--store", "c.db", "--study", "s"]
status, said = caviar("tune", "--command", f"{sys.executable} train.py {{lr}}", "--score", "acc=([0-9.]+)", *fixed)
last = flat(said)
right = (
    "RuntimeError: cannot train at" in last and "(train.py, line 8)" in last and "from numpy.linalg.LinAlgError" in last
)
verdict("right" if right and status == 1 else "WRONG", "the exception's own message, its line, and its cause", said)
