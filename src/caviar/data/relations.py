"""Relations of columns: how the numbers of each pair of columns go together, with the error of that.

Notation
    u, v       places of a row's two numbers in the distributions of training (sketches.py), standardised over the rows
    rho        mean of u v: a rank correlation, of Spearman's kind
    psi        u v - rho (u^2 + v^2) / 2, a row's influence on rho
    tau2       mean of psi^2: the variance of sqrt(n) rho, for any distribution

A column whose values were shuffled among the rows has the distribution that it had. Its relations are gone, and that
shows without any row of training. The places are a fixed function of the numbers, the same for old and new rows, so
that the influence function of a correlation gives the error of rho as it stands.

Source: Devlin, Gnanadesikan and Kettenring, Robust estimation and outlier detection with correlation coefficients,
1975, for psi; van der Vaart, Asymptotic Statistics, 1998, example 3.6, for tau2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from caviar.data.columns import Floats
from caviar.data.sketches import NumberSketch
from caviar.randomness import Purpose, generator, stream_key

MOST = 40
"""Columns whose pairs are kept, at most: 780 pairs."""

_ROWS = 10_000  # drawn of more: an error of 0.01, in a tenth of a second
_DIGITS = 6
_RARE = 0.08  # deviation of places, below which nearly all rows have one value; of equally distant places it is 0.29


@dataclass(frozen=True, eq=False)
class Relations:
    """``rho`` (c, c) and ``tau2`` (c, c) of the pairs of ``columns``, over so many ``rows``.

    A column that is the same in nearly every row has none: its row and column are NaN.
    """

    columns: tuple[str, ...]
    rows: int
    rho: Floats
    tau2: Floats

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for a model file: the pairs above the diagonal, rounded, None where there is none."""
        above = np.triu_indices(len(self.columns), 1)
        pairs = {name: _rounded(matrix[above]) for name, matrix in (("rho", self.rho), ("tau2", self.tau2))}
        return {"columns": list(self.columns), "rows": self.rows, **pairs}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Relations:
        """The inverse of ``to_dict``, but for rounding. Raises ValueError for what it cannot have written."""
        columns = tuple(map(str, data["columns"]))
        rho, tau2 = (_matrix(len(columns), data[name]) for name in ("rho", "tau2"))
        if np.nanmax(np.abs(rho), initial=0.0) > 1 + 1e-6 or np.nanmin(tau2, initial=0.0) < 0:
            raise ValueError("a correlation is beyond 1")
        return Relations(columns, int(data["rows"]), rho, tau2)


def relations(sketches: Mapping[str, NumberSketch], columns: Sequence[str], x: Floats) -> Relations:
    """The relations of ``columns`` with the numbers ``x`` (m, c), NaN for missing, by the places of ``sketches``.

    Of many rows some thousands are drawn.
    """
    if len(x) > _ROWS:
        x = x[np.sort(generator(stream_key(0, Purpose.SKETCHES, repeat=1)).permutation(len(x))[:_ROWS])]
    m, c = x.shape
    places = np.column_stack([sketches[name].place(x[:, j]) for j, name in enumerate(columns)]) if c else x
    deviation = places.std(axis=0) if m else np.zeros(c)
    sound = deviation > _RARE
    u = np.where(sound, (places - places.mean(axis=0)) / np.where(sound, deviation, 1.0), np.nan) if m else places
    rho = u.T @ u / max(m, 1)  # (c, c)
    squares = u * u
    cubes, fourths = squares * u, (squares * squares).mean(axis=0) if m else np.zeros(c)
    both = squares.T @ squares / max(m, 1)  # mean of u^2 v^2
    one = cubes.T @ u / max(m, 1)  # mean of u^3 v
    # mean of psi^2, multiplied out
    tau2 = both - rho * (one + one.T) + rho**2 / 4 * (fourths[:, None] + 2 * both + fourths[None, :])
    return Relations(tuple(columns), m, np.clip(rho, -1.0, 1.0), np.maximum(tau2, 0.0))


def _rounded(numbers: Floats) -> list[float | None]:
    return [None if np.isnan(one) else round(float(one), _DIGITS) for one in numbers]


def _matrix(c: int, pairs: Sequence[float | None]) -> Floats:
    found = np.full((c, c), np.nan)
    found[np.triu_indices(c, 1)] = [np.nan if one is None else float(one) for one in pairs]
    return np.where(np.isnan(found), found.T, found)
