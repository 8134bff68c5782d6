"""Tools of the cases: a scratch folder, the command, a small table, a verdict."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

__all__ = ["Path", "base", "caviar", "crashed", "flat", "np", "pd", "re", "rng", "script", "tune", "verdict"]

BIN = Path(sys.executable).parent  # the environment that holds caviar
FAST = """[learning_rate]
scale = "log"
low = 3e-3
high = 1e-1
[hidden_units]
value = 24
[layers]
value = 1
[batch_size]
value = 64
"""

here = Path(tempfile.mkdtemp(prefix="case-"))
os.chdir(here)
Path("fast.toml").write_text(FAST)
rng = np.random.default_rng(0)


def caviar(*args: Any, seconds: float = 300) -> tuple[int, str]:
    """Run a command of caviar: its exit status, and all that it said."""
    done = subprocess.run([BIN / "caviar", *map(str, args)], capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout + done.stderr


def tune(data: str | pd.DataFrame, target: str = "y", *more: Any, trials: int = 4, study: str = "s"):
    """Tune four small networks: exit status, all that was said, and the model, None without one.

    A DataFrame is written to table.csv first.
    """
    if isinstance(data, pd.DataFrame):
        data.to_csv("table.csv", index=False)
        data = "table.csv"
    fixed = ["--threads", 1, "--store", "t.db", "--study", study, "--space", "fast.toml"]
    status, said = caviar("tune", data, "--target", target, "--trials", trials, *fixed, *more)
    path = Path(f"{study}.caviar")
    if not path.is_file():
        return status, said, None
    import caviar as package

    return status, said, package.load(path)


def script(text: str, name: str = "s.py", seconds: float = 300) -> tuple[int, str, str]:
    """Run a script of a user's: exit status, stdout, stderr."""
    Path(name).write_text(text)
    done = subprocess.run([sys.executable, name], capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def base(rows: int = 400) -> pd.DataFrame:
    """Two numbers, and classes up and down that they decide."""
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    return pd.DataFrame({"a": a.round(4), "b": b.round(4), "y": np.where(a + b > 0, "up", "down")})


def flat(said: str) -> str:
    """All that was said, in one line."""
    return re.sub(r"\s+", " ", said)


def crashed(said: str) -> bool:
    """True for a traceback."""
    return "Traceback (most recent call last)" in said


def verdict(outcome: str, why: str, said: str = "") -> NoReturn:
    """End the case: ``outcome`` is right, refusal, WRONG or MISSING."""
    print(f"{outcome}: {why}")
    if said and outcome not in ("right", "refusal"):
        print("--- the product said:\n" + said[-1800:])
    sys.exit(0 if outcome in ("right", "refusal") else 1)
