"""Pairs of old and new rows for the benchmark of drift, with changes of known size: NumPy and pandas alone.

The rivals draw the same pairs in environments of their own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

TARGET = "y"
CHANGES = {
    "none": (0.0,),
    "one mean": (0.1, 0.2, 0.3, 0.5),
    "all means": (0.05, 0.1, 0.2),
    "one category": (0.05, 0.1, 0.2),
    "gaps": (0.02, 0.05, 0.1),
    "shuffled": (0.25, 0.5, 1.0),
    "unit": (1000.0,),
}
"""Sizes of each change: in deviations, in shares of the rows, or the factor."""

SIZES = ((800, 400), (2_000, 500))
"""Old and new rows; with more than 1,000 old rows evidently takes distances for its tests of significance."""


def rows(m: int, rng: np.random.Generator) -> pd.DataFrame:
    """A made table: related numbers, skewed numbers with gaps, whole numbers, text, and two classes."""
    a = rng.normal(size=m)
    b = 0.7 * a + rng.normal(size=m)
    income = np.where(rng.random(m) < 0.05, np.nan, rng.lognormal(size=m))
    y = a + b + rng.normal(size=m) > 0
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "income": income,
            "share": rng.beta(0.5, 0.5, size=m),
            "visits": rng.poisson(2, size=m),
            "level": rng.integers(0, 3, size=m),
            "colour": rng.choice(["red", "green", "blue", "white"], m, p=[0.4, 0.3, 0.2, 0.1]),
            "other": rng.standard_t(4, size=m),
            TARGET: np.where(y, "yes", "no"),
        }
    )


def changed(frame: pd.DataFrame, change: str, size: float, rng: np.random.Generator) -> pd.DataFrame:
    """``frame`` with a ``change`` of that ``size``."""
    frame, m = frame.copy(), len(frame)
    some = rng.random(m) < size
    if change == "one mean":
        frame["a"] += size
    elif change == "all means":
        for name in ("a", "b", "income", "share", "other"):
            frame[name] += size * frame[name].std()
    elif change == "one category":
        frame.loc[some, "colour"] = "red"
    elif change == "gaps":
        frame.loc[some, "b"] = np.nan
    elif change == "shuffled":
        frame.loc[some, "a"] = rng.permutation(frame.loc[some, "a"].to_numpy())
    elif change == "unit":
        frame["income"] *= size
    return frame


def pair(seed: int, old: int, new: int, change: str, size: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Old rows, and new rows of the same kind with a ``change`` of that ``size``."""
    rng = np.random.default_rng([seed, old, new])
    return rows(old, rng), changed(rows(new, rng), change, size, rng)
