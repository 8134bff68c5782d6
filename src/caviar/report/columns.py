"""Columns for pages: numbers by as many digits as a picture shows, null for what is none, texts that are short."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from caviar.views.study_page import StudyPage

LONGEST_TEXT = 2_000
"""Characters of an error, or of a text among values, in a page of all trials; that of one trial has more."""

_LONGEST_VALUE = 80
_MOST_ERRORS = 300


def rounded(values: Iterable[float | None], digits: int = 6) -> list[float | None]:
    """``values`` by so many significant digits; null for None, NaN and infinities."""
    return [None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}") for value in values]


def places(values: Iterable[float], digits: int = 4) -> list[float | None]:
    """Places on an axis from 0 to 1, by so many digits after the point; null for NaN."""
    return [None if value != value else round(value, digits) for value in values]


def short(text: str, longest: int = LONGEST_TEXT) -> str:
    """``text``, cut where it is longer."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"


def trial_columns(page: StudyPage) -> dict[str, Any]:
    """The columns of all trials by number, repeats left out."""
    trials, own = page.view.trials, page.own
    outside = set(page.view.outside)
    errors = [(str(trial.number), short(trial.error)) for trial in trials if trial.error]
    return {
        "number": [trial.number for trial in trials],
        "state": [str(one.state) for one in own],
        "origin": [short(trial.origin, _LONGEST_VALUE) for trial in trials],
        "score": rounded(one.score for one in own),
        "loss": rounded(one.validation_loss for one in own),
        "epochs": [one.epochs for one in own],
        "outside": [one.number in outside for one in own],
        "rank": places(page.ranked.ranks),
        "best": rounded(page.ranked.best_so_far),
        "began": rounded((lane.began for lane in page.lanes), 7),
        "ended": rounded((lane.ended for lane in page.lanes), 7),
        "slot": [lane.slot for lane in page.lanes],
        "u": {axis.name: places(axis.u.tolist()) for axis in page.axes},
        "values": {axis.name: [value_of(trial.config.get(axis.name)) for trial in trials] for axis in page.axes},
        "errors": dict(errors[:_MOST_ERRORS]),
    }


def value_of(value: Any) -> Any:
    """A hyperparameter's value: a number by four digits, a boolean, a text; null where it does not apply."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else str(value)
    return value if isinstance(value, int) else short(str(value), _LONGEST_VALUE)
