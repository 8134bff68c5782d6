"""Learn the preprocessing of training rows: preprocessing.py says what it is, and has the notation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.data.columns import Floats, is_date, is_number, is_text, listed, numbers, shown, tidy
from caviar.data.date_columns import DateColumn, learn_dates
from caviar.data.forms import PLAIN_FORMS, Forms
from caviar.data.labels import classes_of, target_numbers, tidy_labels
from caviar.data.moments import Moments, moments
from caviar.data.numerals import PLAIN
from caviar.data.preprocessing import FURTHEST, Preprocessing, mean_and_deviation
from caviar.data.several import TargetColumn
from caviar.data.table import named
from caviar.data.tails import tails_matter
from caviar.data.text_columns import TextColumn, learn_text
from caviar.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def learn(
    frame: pd.DataFrame,
    target: pd.Series[Any],
    regression: bool = False,
    forms: Forms = PLAIN_FORMS,
    several: tuple[TargetColumn, ...] = (),
) -> Preprocessing:
    """Learn from the training rows: ``frame`` has the features and ``target`` the labels, of these rows only.

    Where there are ``several`` targets, ``target`` are their label sets.
    Raises DataError if all rows are alike in every column, and for a target of ``regression`` that is constant.
    """
    frame, left_out = tidy(named(frame))
    number_names = tuple(name for name, dtype in zip(frame.columns, frame.dtypes, strict=True) if is_number(dtype))
    found = moments(numbers(frame, number_names)) if number_names else Moments(*[np.zeros(0)] * 5)
    texts, dates, warnings = [], [], list(left_out)
    for name in (n for n, dtype in zip(frame.columns, frame.dtypes, strict=True) if is_text(dtype)):
        text, warning = learn_text(frame[name])
        texts.extend([text] if text else [])
        warnings.extend([warning] if warning else [])
    for name in (n for n, dtype in zip(frame.columns, frame.dtypes, strict=True) if is_date(dtype)):
        date = learn_dates(str(name), frame[name])
        dates.extend([date] if date else [])
        warnings.extend([] if date else [f"constant in the training rows, so left out: {shown(name)}"])
    names = tuple(frame.columns)
    learned = learned_from(names, number_names, found, target, regression, texts, dates, warnings, forms)
    learned = with_tails(learned, lambda name: frame[[name]], target)
    return replace(learned, classes=(), target="", targets=several) if several else learned


def learned_from(
    columns: tuple[str, ...],
    number_names: tuple[str, ...],
    found: Moments,
    target: pd.Series[Any],
    regression: bool,
    texts: Sequence[TextColumn] = (),
    dates: Sequence[DateColumn] = (),
    warnings: Sequence[str] = (),
    forms: Forms = PLAIN_FORMS,
) -> Preprocessing:
    """The preprocessing of training rows from what was ``found``, the ``moments`` of their numbers, and their texts and
    dates.

    Raises DataError as ``learn`` does.
    """
    if (found.deviation == 0).all() and not texts and not dates:
        raise DataError(
            f"at least one feature must differ between rows, but all {len(columns)} are constant, empty or "
            f"different in every row",
            "check that these are the right columns, and that the numbers are written as numbers",
        )
    target_mean, target_deviation = _learn_target(target) if regression else (None, None)
    return Preprocessing(
        columns=columns,
        numbers=number_names,
        mean=tuple(found.mean.tolist()),
        deviation=tuple(found.deviation.tolist()),
        texts=tuple(texts),
        dates=tuple(dates),
        classes=() if regression else classes_of(tidy_labels(target)),
        warnings=(*warnings, *_only_zeros(number_names, found.deviation, found.present)),
        target_mean=target_mean,
        target_deviation=target_deviation,
        low=tuple(found.low.tolist()),
        high=tuple(found.high.tolist()),
        forms=forms,
        target="" if target.name is None else str(target.name),
    )


def with_tails(learned: Preprocessing, column: Callable[[str], pd.DataFrame], target: pd.Series[Any]) -> Preprocessing:
    """The same with its ``tails``, see tails.py; ``column`` gives the training rows of one, by name."""
    if not learned.regression:
        return learned
    y = learned.standardised(target_numbers(target, learned.forms.target or PLAIN))
    found = []
    for name, mean, deviation, low, high in zip(
        learned.numbers, learned.mean, learned.deviation, learned.low, learned.high, strict=True
    ):
        if deviation > 0 and max(mean - low, high - mean) > FURTHEST * deviation:
            values = numbers(column(name), (name,), learned.forms.numbers).to_numpy(np.float64)[:, 0]
            z = np.nan_to_num((values - mean) / deviation)  # a missing number is the mean
            found += [name] if tails_matter(z, y, FURTHEST) else []
    return replace(learned, tails=tuple(found))


def _only_zeros(names: Sequence[str], deviation: Floats, present: Floats) -> list[str]:
    """A warning each for the columns without a value, and for those that are constant."""
    warnings = []
    for reason, which in (("without a value", present == 0), ("constant", (deviation == 0) & (present > 0))):
        found = [name for name, hit in zip(names, which, strict=True) if hit]
        if found:
            warnings.append(f"{reason} in the training rows, so only zeros: {listed(found)}")
    return warnings


def _learn_target(target: pd.Series[Any]) -> tuple[float, float]:
    """Mean and standard deviation of a numeric target. Raises DataError where it is constant."""
    mean, deviation = mean_and_deviation(target_numbers(target))
    if deviation == 0:
        raise DataError(
            f"the target of regression must differ between rows, but {shown(target.name)} is {mean:g} in every "
            "training row",
            "add rows with other values, or choose another target column",
        )
    return mean, deviation
