"""A study's document with as many trials as a picture can show, for a report in one file.

Beyond some thousands of marks a picture of a few hundred pixels shows no more of them, while every reader of the file
waits for all. Counts, rungs, importance, curves and boxes are of all trials, whatever is left out here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 5_000
"""Trials that a report has."""

_BEST = 500  # of them the best by rank, so that the table's first pages are whole


def with_fewer_trials(document: dict[str, Any], most: int = MOST) -> dict[str, Any]:
    """``document`` of a study with ``most`` trials at most, and ``left_out``: the number of those that it leaves out.

    The chosen, the best, each that was the best so far by its number or its end, and those whose error is kept stay.
    The rest is drawn by lot, the same with every call: a sample that favours none.
    """
    trials = document["trials"]
    numbers = np.array(trials["number"], dtype=np.int64)
    n = len(numbers)
    if n <= most:
        return {**document, "left_out": 0}
    rank = np.array(trials["rank"], dtype=float)
    ended = np.array([np.nan if end is None else end for end in trials["ended"]], dtype=float)
    by_end = np.argsort(ended, kind="stable")[: np.isfinite(ended).sum()]
    named = [*document["chosen"], *map(int, trials["errors"])]
    kept = {0, n - 1, *np.flatnonzero(np.isin(numbers, named)).tolist()}
    kept |= {*_improvements(rank), *by_end[_improvements(rank[by_end])].tolist()}
    for row in np.argsort(-rank, kind="stable")[:_BEST].tolist():
        if len(kept) >= most:
            break
        kept.add(row)
    others = np.setdiff1d(np.arange(n), sorted(kept))
    lot = np.random.default_rng(0).choice(others, max(most - len(kept), 0), replace=False)
    rows = sorted({*kept, *lot.tolist()})

    def chosen(column: Any) -> Any:
        if isinstance(column, dict):
            return {name: chosen(inner) for name, inner in column.items()}
        return [column[row] for row in rows]

    fewer = {name: column if name == "errors" else chosen(column) for name, column in trials.items()}
    return {**document, "trials": fewer, "left_out": n - len(rows)}


def _improvements(rank: np.ndarray[Any, np.dtype[np.float64]]) -> list[int]:
    """The rows whose rank is above that of all before them."""
    before = np.concatenate([[-np.inf], np.maximum.accumulate(rank)[:-1]])
    return [int(row) for row in np.flatnonzero(rank > before)]
