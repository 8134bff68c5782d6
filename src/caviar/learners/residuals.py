"""Intervals of predicted numbers by split conformal prediction.

Notation
    n      rows that the networks have not seen
    k      networks that predicted each of them, one or a few of one config
    r      (k, n) absolute residuals |prediction - target|, in standard deviations of the target on the scale on which
           it is learned (data/target_scale.py)
    c      coverage: the share of new rows whose target is to lie in its interval

The interval is the prediction -+ the ceil((n + 1) c)-th smallest of n residuals. For a new row that is exchangeable
with the n, its residual is among the ceil((n + 1) c) smallest of n + 1 with a probability of at least c, whatever the
network and the distribution are. Where k networks predicted the same rows their residuals are pooled, and n stays the
number of rows: the finite-sample correction is that of n rows.

Where the scale is another than the target's own, the ends are taken on it and then brought back. It rises strictly, so
that a target lies between the ends there as often as here; the width then differs from row to row.

Source: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, Distribution-free predictive inference for regression, 2018.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from caviar.arguments import check_number
from caviar.errors import ModelError
from caviar.learners.contract import Floats
from caviar.ranges import check_range

MOST = 1_000
"""Residuals that are kept, at most: 20 kB of a model file. More rows are thinned, see ``Residuals.of``."""


@dataclass(frozen=True)
class Residuals:
    """The residuals that a model keeps: ``sizes``, rising, of ``rows`` rows that its networks have not seen."""

    rows: int
    sizes: tuple[float, ...]

    @classmethod
    def of(cls, residuals: Floats) -> Residuals:
        """The residuals (k, n) that are kept: all, or MOST of equally distant ranks, the last among them.

        A rank between two that are kept counts as the higher: thinned intervals are wider, never narrower.
        """
        found = np.sort(np.abs(residuals), axis=None)
        kept = min(len(found), MOST)
        ranks = -(-np.arange(1, kept + 1) * len(found) // kept)
        return cls(residuals.shape[1], tuple(found[ranks - 1].tolist()))

    def reach(self, coverage: float) -> float:
        """Half of an interval's width, in standard deviations of the target.

        Raises ModelError for a ``coverage`` that needs more rows than there are, ConfigError for one that is no share.
        """
        check_coverage(coverage)
        share = Fraction(str(float(coverage)))  # 0.7 as it is written: 0.7 * 10 is above 7 in binary
        rank = math.ceil((self.rows + 1) * share)
        if rank > self.rows:
            needed = math.ceil(share / (1 - share))
            most = math.floor(1000 * self.rows / (self.rows + 1)) / 1000
            raise ModelError(
                f"a coverage of {float(coverage):g} needs {needed:,} rows that the network has not seen, "
                f"and this model has {self.rows:,}",
                f"ask for less: `coverage={most:g}`; or tune on more rows",
            )
        return self.sizes[-(-rank * len(self.sizes) // self.rows) - 1]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for a model file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Residuals:
        """The inverse of ``to_dict``. Raises ValueError for what it cannot have written."""
        found = cls(int(data["rows"]), tuple(map(float, data["sizes"])))
        rising = all(a <= b for a, b in zip(found.sizes, found.sizes[1:], strict=False))
        if not found.rows or not found.sizes or not rising or not 0 <= found.sizes[0] <= found.sizes[-1] < math.inf:
            raise ValueError("its residuals are no rising numbers")
        return found


def check_coverage(coverage: Any) -> None:
    """Raise ConfigError unless ``coverage`` is a share of rows, above 0 and below 1."""
    check_number("coverage", coverage, "give a share of the rows: `coverage=0.9`")
    check_range("coverage", float(coverage))
