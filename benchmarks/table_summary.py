"""The summary of `python -m benchmarks.tables --summary`, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from statistics import mean, median
from typing import NamedTuple

from benchmarks.table_ranks import (
    complete,
    critical_difference,
    difference,
    mean_ranks,
    ranks,
    standard_error,
    wins,
)

OURS, BASE = "caviar", "lightgbm"
SLOW = ("realmlp", "tabm")
"""Contenders that are given more seconds than the others."""
TIMES = 5
"""They are given so many times as many."""
Row = Mapping[str, str]


def is_ours(contender: str) -> bool:
    """True for caviar, also without one of its parts."""
    return contender == OURS or contender.startswith(f"{OURS}-")


class Measure(NamedTuple):
    """A score by which contenders are compared: accuracy of classes and R2 of numbers stand in one column."""

    title: str
    columns: tuple[str, ...]
    larger: bool


GOALS = (Measure("accuracy or R2", ("accuracy", "r2"), True), Measure("log loss", ("log_loss",), False))


def usable(rows: Sequence[Row], seconds: int, commit: str | None) -> list[Row]:
    """The last row of each run that counts at this budget, without those that failed.

    Ours are those of ``commit``, or of the newest commit that has a row at this budget. A contender that knows no
    deadline counts at every budget; RealMLP only where its training took at most five times as long.
    """
    ours = [row for row in rows if is_ours(row["contender"]) and row["seconds"] == str(seconds)]
    commit = commit or (ours[-1]["commit"] if ours else None)
    last: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        if row["seconds"] not in ("0", str(seconds)) or (is_ours(row["contender"]) and row["commit"] != commit):
            continue
        last[row["table"], row["split"], row["contender"]] = row

    def counts(row: Row) -> bool:
        too_slow = row["contender"] in SLOW and row["seconds"] == "0"
        return not row["reason"] and not (too_slow and float(row["fit_seconds"]) > TIMES * seconds)

    return [row for row in last.values() if counts(row)]


def scores_of(rows: Sequence[Row], goal: Measure) -> dict[tuple[str, int], dict[str, float]]:
    """By table and split the score of each contender."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for row in rows:
        for column in goal.columns:
            if row[column]:
                found.setdefault((row["table"], int(row["split"])), {})[row["contender"]] = float(row[column])
    return found


def summary(rows: Sequence[Row], contenders: Sequence[str], commit: str | None = None) -> str:
    """All halves and budgets that the rows have."""
    budgets = sorted({int(row["seconds"]) for row in rows} - {0})
    lines: list[str] = []
    for half in ("judge", "choose"):
        for seconds in budgets:
            own = [row for row in rows if row["half"] == half and row["contender"] in contenders]
            held = usable(own, seconds, commit)
            if held:
                lines += [f"## {half}, {seconds} s", "", *_part(held, contenders), ""]
    return "\n".join(lines) or "nothing is measured yet"


def _part(rows: Sequence[Row], contenders: Sequence[str]) -> Iterator[str]:
    present = [name for name in contenders if any(row["contender"] == name for row in rows)]
    commits = sorted({row["commit"] for row in rows if row["contender"] == OURS})
    if commits:
        yield from (f"caviar at commit {', '.join(commits)}.", "")
    groups = [present]
    if quick := [name for name in present if name not in SLOW]:
        groups += [quick] if len(quick) < len(present) else []
    for goal in GOALS:
        for group in groups:
            yield from _ranked(rows, goal, group)
    for goal in GOALS:
        yield from _table(rows, goal, present)
    yield from _worse(rows)
    yield from _worth(rows, [name for name in present if is_ours(name) and name != OURS])
    yield from _costs(rows, present)


def _ranked(rows: Sequence[Row], goal: Measure, contenders: Sequence[str]) -> Iterator[str]:
    scores = scores_of(rows, goal)
    if len(contenders) < 2 or not scores:
        return
    whole = complete(scores, contenders)
    pieces = sum(len(next(iter(row.values()))) for row in whole.values())
    yield f"### Rank by {goal.title}, {len(contenders)} contenders"
    yield ""
    yield f"{len(whole)} tables, {pieces} of {len(scores)} tables x splits: those that all of these contenders have."
    if not whole:
        lacking = {name: sum(name in row for row in scores.values()) for name in contenders}
        yield from ("", f"Each has so many: {', '.join(f'{name} {count}' for name, count in lacking.items())}.", "")
        return
    placed = ranks(scores, contenders, larger=goal.larger)
    means, won = mean_ranks(placed), wins(placed)
    far = critical_difference(len(contenders), len(whole))
    yield f"Mean ranks that differ by less than {far:.2f} may differ by chance (Nemenyi, 5 %)."
    yield from ("", "| contender | mean rank | wins |", "|---|---|---|")
    for name in sorted(means, key=lambda name: means[name]):
        yield f"| {name} | {means[name]:.2f} | {won[name]} |"
    yield ""


def _table(rows: Sequence[Row], goal: Measure, contenders: Sequence[str]) -> Iterator[str]:
    scores = scores_of(rows, goal)
    if not scores:
        return
    yield f"### {goal.title[0].upper()}{goal.title[1:]}: mean over splits ± its standard error"
    yield from ("", f"| table | {' | '.join(contenders)} |", "|---" * (len(contenders) + 1) + "|")
    for table in dict.fromkeys(table for table, _ in scores):
        cells = []
        for name in contenders:
            values = [row[name] for (one, _), row in scores.items() if one == table and name in row]
            error = standard_error(values)
            spread = f" ± {error:.4f}" if isfinite(error) else ""
            cells.append(f"{mean(values):.4f}{spread}" if values else "")
        yield f"| {table} | {' | '.join(cells)} |"
    yield ""


def worse(rows: Sequence[Row], goal: Measure, ours: str = OURS, base: str = BASE) -> list[tuple[str, float, float]]:
    """Tables where ``ours`` is behind ``base`` by more than two standard errors of the difference over splits.

    With the difference, as large as ours is behind, and its standard error; a table of one split is never among them.
    """
    found = []
    for table, row in complete(scores_of(rows, goal), (ours, base)).items():
        gap, error = difference(row[ours], row[base])
        behind = -gap if goal.larger else gap
        if behind > 2 * error:
            found.append((table, behind, error))
    return found


def _worse(rows: Sequence[Row]) -> Iterator[str]:
    for goal in GOALS:
        if not complete(scores_of(rows, goal), (OURS, BASE)):
            continue
        found = [f"{table} ({behind:.4f} ± {error:.4f})" for table, behind, error in worse(rows, goal)]
        yield f"Behind {BASE} by more than two standard errors at {goal.title}: {', '.join(found) or 'nowhere'}."
        yield ""


def _worth(rows: Sequence[Row], without: Sequence[str]) -> Iterator[str]:
    """The worth of each part: what the answer loses without it, on the tables and splits that both have."""
    if not without:
        return
    yield "### Without a part: mean change ± its standard error, and tables better and worse than with it"
    titles = ("part", "accuracy or R2, points", "better, worse", "log loss, %", "better, worse")
    yield from ("", f"| {' | '.join(titles)} |", "|---" * len(titles) + "|")
    for name in without:
        cells: list[str] = []
        for goal, change in ((GOALS[0], _points), (GOALS[1], _percent)):
            both = complete(scores_of(rows, goal), (OURS, name))
            pairs = [[(whole, row[name][split]) for split, whole in row[OURS].items()] for row in both.values()]
            changes = [mean(change(*pair) for pair in splits) for splits in pairs]
            up, down = (sum(sign * value > 0 for value in changes) for sign in (1, -1))
            shown = f"{mean(changes):+.2f} ± {standard_error(changes):.2f}" if changes else ""
            cells += [shown, f"{up}, {down}" if goal.larger else f"{down}, {up}"]
        yield f"| {name.removeprefix(f'{OURS}-')} | {' | '.join(cells)} |"
    yield ""


def _points(whole: float, without: float) -> float:
    return 100 * (without - whole)


def _percent(whole: float, without: float) -> float:
    return 100 * (without / whole - 1)


def _costs(rows: Sequence[Row], contenders: Sequence[str]) -> Iterator[str]:
    yield "### Calibration and cost: medians, and in brackets the largest"
    yield from ("", "| contender | runs | calibration error | training, s | memory, MB | 100,000 rows, s |")
    yield "|---|---|---|---|---|---|"
    for name in contenders:
        own = [row for row in rows if row["contender"] == name]
        cells = []
        for column in ("calibration_error", "fit_seconds", "memory_mb", "predict_seconds"):
            values = [float(row[column]) for row in own if row[column]]
            cells.append(f"{median(values):.3g} ({max(values):.3g})" if values else "")
        yield f"| {name} | {len(own)} | {' | '.join(cells)} |"
    yield ""
