"""Learning curves of a study: how many trials had which score at which epoch, and the few that are drawn as lines.

Notation
    slice    an epoch at which the scores of all trials are counted
    density  (slices, bins of scores) numbers of trials; no trial is left out, however many there are
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from caviar.records import Standing, TrialState
from caviar.records.metrics import smaller_is_better
from caviar.records.ranking import WORST, rank_key_of
from caviar.store import Store

Numbers = npt.NDArray[np.float64]

ALL_LINES = 40  # trials that can be drawn as lines and still be told apart
_BEST, _CHOSEN, _RUNNING = 12, 20, 8  # lines where there are more trials
_POINTS = 150  # of a line: more than its width on a screen can show
_BINS = 40
_FEWEST_SLICES, _MOST_SLICES = 8, 64
_LOOK_UPS = 300_000  # about half a second
_SHARE = 0.02  # of the worst scores, which would squeeze all others
_WIDE = 50.0  # times the best loss: beyond it the scale is logarithmic


@dataclass(frozen=True)
class Line:
    """The curve of a trial; ``chosen`` for finalists and the winner. ``losses`` is empty where none was measured."""

    trial: int
    chosen: bool
    epochs: tuple[int, ...]
    scores: tuple[float, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True)
class CurvesPicture:
    """Lines over a density. ``epochs`` and ``scores`` are the edges of its cells; it is empty where all are lines.

    Scores beyond the first or last edge count in the cell at that end. ``of`` counts the trials with a curve.
    """

    epochs: tuple[float, ...]
    scores: tuple[float, ...]
    density: tuple[tuple[int, ...], ...]
    lines: tuple[Line, ...]
    of: int
    is_log: bool


def curves_picture(
    store: Store, name: str, metric: str, trials: Sequence[Standing], chosen: Collection[int]
) -> CurvesPicture:
    """The curves of study ``name``; ``trials`` leave repeats out, ``chosen`` are its finalists."""
    trained = [trial for trial in trials if trial.epochs]
    lines = lines_of(store, name, shown_lines(metric, trained, chosen), chosen)
    ends = np.array([score for line in lines for score in line.scores[-1:]])
    picture = CurvesPicture((), (), (), tuple(lines), len(trained), _is_log(metric, ends))
    if len(trained) <= ALL_LINES:
        return picture
    slices = _slices(store, name, trained)
    counted = store.points(name, epochs=slices, measures=("score",))[:, 1:3]
    counted = counted[np.isfinite(counted[:, 1])]
    return picture if not len(counted) else _with_density(picture, metric, slices, counted)


def shown_lines(metric: str, trials: Sequence[Standing], chosen: Collection[int]) -> list[int]:
    """The numbers of the trials to draw as lines: all of a few, else the chosen, the best and those that run."""
    trained = [trial for trial in trials if trial.epochs]
    if len(trained) <= ALL_LINES:
        return [trial.number for trial in trained]
    keys = {trial.number: rank_key_of(metric, trial) for trial in trained}
    best = sorted((number for number in keys if keys[number] > WORST), key=lambda number: keys[number], reverse=True)
    running = [trial.number for trial in trained if trial.state is TrialState.RUNNING]
    finalists = [number for number in chosen if number in keys]
    return sorted({*best[:_BEST], *finalists[:_CHOSEN], *running[-_RUNNING:]})


def lines_of(store: Store, name: str, numbers: Collection[int], chosen: Collection[int]) -> list[Line]:
    """The curves of the trials ``numbers``, by number, each thinned to what a screen can show."""
    if not numbers:
        return []
    found = store.points(name, numbers)
    starts = np.flatnonzero(np.diff(found[:, 0], prepend=-1.0))
    return [_line(part, int(part[0, 0]) in chosen) for part in np.split(found, starts[1:]) if len(part)]


def _line(points: Numbers, chosen: bool) -> Line:
    """The line of ``points`` (rows, 5), see Store.points."""
    if len(points) > _POINTS:
        points = points[np.unique(np.linspace(0, len(points) - 1, _POINTS).round().astype(np.intp))]
    losses = points[:, 3] if np.isfinite(points[:, 3]).any() else points[:0, 3]
    epochs = points[:, 1].astype(np.int64)
    return Line(int(points[0, 0]), chosen, tuple(epochs.tolist()), tuple(points[:, 2].tolist()), tuple(losses.tolist()))


def _slices(store: Store, name: str, trials: Sequence[Standing]) -> list[int]:
    """Epochs that the longest trial has measured: half of them evenly spread, half in even ratios."""
    longest = max(trials, key=lambda trial: trial.epochs)
    measured = np.unique(store.points(name, [longest.number], measures=())[:, 1])
    most = min(max(_LOOK_UPS // len(trials), _FEWEST_SLICES), _MOST_SLICES)
    if len(measured) > most:
        last = len(measured) - 1
        even = np.linspace(0, last, most // 2)
        ratios = np.geomspace(1, last + 1, most // 2) - 1
        measured = measured[np.unique(np.concatenate([even, ratios]).round().astype(np.intp))]
    return [int(epoch) for epoch in measured]


def _with_density(picture: CurvesPicture, metric: str, slices: Sequence[int], counted: Numbers) -> CurvesPicture:
    """``picture`` with the density of ``counted`` (rows, 2): epoch and score."""
    scores = counted[:, 1]
    worst, best = (1 - _SHARE, 0.0) if smaller_is_better(metric) else (_SHARE, 1.0)
    low, high = sorted(float(np.quantile(scores, share)) for share in (worst, best))
    is_log = _is_log(metric, np.array([low, high]))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.geomspace(low, high, _BINS + 1) if is_log else np.linspace(low, high, _BINS + 1)
    at = np.asarray(slices, dtype=np.float64)
    between = (at[1:] + at[:-1]) / 2
    borders = np.concatenate([[at[0] - 0.5], between, [at[-1] + 0.5]])
    bins = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, _BINS - 1)
    cells = np.searchsorted(at, counted[:, 0]) * _BINS + bins
    density = np.bincount(cells, minlength=len(at) * _BINS).reshape(len(at), _BINS)
    return replace(
        picture,
        epochs=tuple(borders.tolist()),
        scores=tuple(edges.tolist()),
        density=tuple(map(tuple, density.tolist())),
        is_log=is_log,
    )


def _is_log(metric: str, scores: Numbers) -> bool:
    """True for losses that are above 0 and lie far apart."""
    finite = scores[np.isfinite(scores)]
    if not smaller_is_better(metric) or not len(finite) or finite.min() <= 0:
        return False
    return bool(finite.max() > _WIDE * finite.min())
