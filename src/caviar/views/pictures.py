"""Facts of a study's pictures: when each trial ran and in which lane, what its rungs saved, two studies side by side.

The curves are in curves.py, the axes of hyperparameters in axes.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, NamedTuple

from caviar.analysis.importance import Importance
from caviar.records import Standing, Study, StudyKind, TrialState
from caviar.records.metrics import smaller_is_better
from caviar.records.ranking import WORST, RankKey, rank_key_of
from caviar.views.lengths import seconds_worked, whole_training

_RULES = {
    "halving": "of the trials that are compared at a rung one in three goes on; those of a box, or of a portfolio, are "
    "compared at a higher rung first",
    "hyperband": "one trial in three goes on, on ladders that begin at several rungs",
    "median": "a trial goes on if it is no worse than the median of those compared at the rung before",
    "none": "no trial is stopped",
}
_BEYOND = 1 << 62  # epochs: the last rung has none after it
_OF_PEERS = "a trial goes on if it is among the best third of those compared last"


class Ranked(NamedTuple):
    """Trials by number: ranks from 0, the worst, to 1, and the best score until then, None before the first."""

    ranks: tuple[float, ...]
    best_so_far: tuple[float | None, ...]


class Lane(NamedTuple):
    """The time of a trial: seconds after the study began, and a row of the timeline; None where that is not known.

    ``ended`` is None while it runs.
    """

    began: float | None
    ended: float | None
    slot: int | None


@dataclass(frozen=True)
class RungPicture:
    """Trials at a rung: the numbers of those ``stopped`` there, and the epochs that were not trained because of that.

    Of those that ``reached`` it, ``ended`` were over before the next rung: trained to the end, or, in code of the
    user's own, ended by themselves. Some went on, and the rest diverged, failed, wait, or were interrupted there.
    """

    epochs: int
    reached: int
    stopped: tuple[int, ...]
    ended: int
    went_on: int
    rule: str
    saved_epochs: int


def ranked_by_number(metric: str, keys: Sequence[RankKey]) -> Ranked:
    """The ranks of trials with these rank ``keys``, and the best score after each."""
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    sign = -1.0 if smaller_is_better(metric) else 1.0
    best: list[float | None] = []
    so_far = WORST
    for key in keys:
        so_far = max(so_far, key)
        best.append(None if so_far == WORST else sign * so_far[0])
    return Ranked(tuple(places[key] / max(len(places) - 1, 1) for key in keys), tuple(best))


def lanes(study: Study, trials: Sequence[Standing]) -> list[Lane]:
    """The lane of each of ``trials``: the first that is free when it begins.

    A trial that waited between two rungs keeps its lane meanwhile. One whose end is not known holds none after it.
    """
    zero = datetime.fromisoformat(study.created).timestamp()
    placed: list[Lane] = [Lane(None, None, None)] * len(trials)
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    known = [(trial.began, at) for at, trial in enumerate(trials) if trial.began is not None]
    for began, at in sorted(known):
        while busy and busy[0][0] <= began:
            heappush(free, heappop(busy)[1])
        slot = heappop(free) if free else len(busy)
        runs = trials[at].state is TrialState.RUNNING
        ended = None if runs else trials[at].ended
        heappush(busy, (math.inf if runs else began if ended is None else ended, slot))
        placed[at] = Lane(began - zero, None if ended is None else ended - zero, slot)
    return placed


def rung_pictures(study: Study, trials: Sequence[Standing]) -> list[RungPicture]:
    """The rungs of ``study``; ``trials`` leave repeats out. A trial that ended between two rungs did so at the lower.

    What a stop saved is counted to the end of a whole training.
    """
    whole = whole_training(study, trials)
    rungs = study.spec.rungs
    rule = _RULES.get(study.spec.stopping, study.spec.stopping)
    if study.spec.stopping == "halving" and study.spec.kind not in (StudyKind.TABLE, StudyKind.MODULE):
        rule = _OF_PEERS
    pictures = []
    for epochs, following in zip(rungs, (*rungs[1:], _BEYOND), strict=False):
        here = [trial for trial in trials if trial.epochs >= epochs]
        last_here = [trial for trial in here if trial.epochs < following]
        stopped = [trial for trial in last_here if trial.state is TrialState.STOPPED]
        ended = [trial for trial in last_here if trial.state is TrialState.FINISHED]
        saved = sum(max(whole - trial.epochs, 0) for trial in stopped)
        runs = sum(trial.state is TrialState.RUNNING and trial.epochs > epochs for trial in last_here)
        went_on = sum(trial.epochs >= following for trial in here) + runs
        numbers = tuple(trial.number for trial in stopped)
        pictures.append(RungPicture(epochs, len(here), numbers, len(ended), went_on, rule, saved))
    return pictures


class Improvement(NamedTuple):
    """A trial that was better than all before: ``seconds`` after the study began, None where that is not known."""

    trial: int
    seconds: float | None
    best: float


@dataclass(frozen=True)
class Compared:
    """A study beside another: its improvements by trials and over time, its best ``config``, and what mattered."""

    study: Study
    trials: int
    seconds: float | None  # from its beginning until the last trial ended
    worked: float  # seconds that all commands together have worked on it
    improvements: tuple[Improvement, ...]
    over_time: tuple[Improvement, ...]
    best: float | None
    config: dict[str, Any]
    importance: tuple[Importance, ...] = ()  # empty where too few trials have a score, or nobody asked


@dataclass(frozen=True)
class Comparison:
    """Studies side by side. ``doubt`` says why their scores may not be compared; empty where they may."""

    studies: tuple[Compared, ...]
    names: tuple[str, ...]  # of hyperparameters
    doubt: str


def improvements(study: Study, trials: Sequence[Standing]) -> list[Improvement]:
    """Those of ``trials`` of ``study`` that were better than all before them."""
    zero = datetime.fromisoformat(study.created).timestamp()
    sign = -1.0 if smaller_is_better(study.metric) else 1.0
    found: list[Improvement] = []
    so_far = WORST
    for trial in trials:
        key = rank_key_of(study.metric, trial)
        if key > so_far:
            so_far = key
            seconds = None if trial.ended is None else trial.ended - zero
            if not found or sign * key[0] != found[-1].best:
                found.append(Improvement(trial.number, seconds, sign * key[0]))
    return found


def compared(study: Study, trials: Sequence[Standing], config: dict[str, Any]) -> Compared:
    """``study`` as one side of a comparison; ``trials`` leave repeats out, ``config`` is that of its best trial."""
    steps = improvements(study, trials)
    zero = datetime.fromisoformat(study.created).timestamp()
    timed = sorted((trial for trial in trials if trial.ended is not None), key=lambda trial: trial.ended or 0.0)
    seconds = (timed[-1].ended or 0.0) - zero if timed else None
    best = steps[-1].best if steps else None
    over_time = tuple(improvements(study, timed))
    return Compared(study, len(trials), seconds, seconds_worked(study), tuple(steps), over_time, best, config)


def comparison(sides: Sequence[Compared]) -> Comparison:
    """``sides`` side by side."""
    names = dict.fromkeys(name for side in sides for name in side.config)
    metrics = {side.study.metric for side in sides}
    digests = {side.study.data.get("sha256") for side in sides}
    doubt = ""
    if len(metrics) > 1:
        doubt = f"Their metrics differ: {' and '.join(sorted(metrics))}."
    elif len(digests) > 1:
        doubt = "They were tuned on different data."
    elif len({side.study.seed for side in sides}) > 1 and None not in digests:
        doubt = "Their seeds differ, and with them the rows that validate; a small lead may be chance."
    return Comparison(tuple(sides), tuple(names), doubt)
