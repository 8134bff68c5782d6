"""Ranks of contenders over tables, and the difference of mean ranks that chance may make.

Notation: k contenders, N tables; a score per table and contender, the mean over splits.
Source: Demsar 2006, Statistical comparisons of classifiers over multiple data sets, section 3.2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, sqrt
from statistics import mean, stdev

from scipy.stats import rankdata, studentized_range

Scores = Mapping[tuple[str, int], Mapping[str, float]]
"""By table and split the score of each contender."""


def complete(scores: Scores, contenders: Sequence[str]) -> dict[str, dict[str, dict[int, float]]]:
    """By table, contender and split the scores of those tables and splits that all ``contenders`` have."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for (table, split), row in scores.items():
        if all(name in row for name in contenders):
            for name in contenders:
                found.setdefault(table, {}).setdefault(name, {})[split] = row[name]
    return found


def ranks(scores: Scores, contenders: Sequence[str], *, larger: bool) -> dict[str, dict[str, float]]:
    """By table the rank of each contender, 1 for the best; equal scores share the mean of their ranks.

    larger: True if the larger score is the better one.
    """
    found = {}
    for table, row in complete(scores, contenders).items():
        means = [mean(row[name].values()) for name in contenders]
        placed = rankdata([-value if larger else value for value in means])
        found[table] = {name: float(rank) for name, rank in zip(contenders, placed, strict=True)}
    return found


def mean_ranks(placed: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean over tables of each contender's rank."""
    names = next(iter(placed.values()), {})
    return {name: mean(row[name] for row in placed.values()) for name in names}


def wins(placed: Mapping[str, Mapping[str, float]]) -> dict[str, int]:
    """The number of tables on which a contender has the best rank, alone or beside others."""
    names = next(iter(placed.values()), {})
    return {name: sum(row[name] == min(row.values()) for row in placed.values()) for name in names}


def critical_difference(contenders: int, tables: int, level: float = 0.05) -> float:
    """The difference of two mean ranks above which chance is unlikely, by Nemenyi's test: q sqrt(k (k + 1) / (6 N))."""
    if contenders < 2 or tables < 1:
        return inf
    q = float(studentized_range.ppf(1 - level, contenders, inf)) / sqrt(2)
    return q * sqrt(contenders * (contenders + 1) / (6 * tables))


def difference(ours: Mapping[int, float], theirs: Mapping[int, float]) -> tuple[float, float]:
    """Mean of ours - theirs over the splits that both have, and its standard error; infinite for one split."""
    gaps = [ours[split] - theirs[split] for split in sorted(ours.keys() & theirs.keys())]
    return mean(gaps), standard_error(gaps)


def standard_error(values: Iterable[float]) -> float:
    """Of the mean; infinite where there is one value."""
    held = list(values)
    return stdev(held) / sqrt(len(held)) if len(held) > 1 else inf
