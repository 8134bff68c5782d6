"""From columns to the numbers that a network is fed: learned on the training rows, and on nothing else.

Notation
    m          rows
    x          a column of numbers (m,), missing values NaN
    mu, sigma  its mean and standard deviation over the training rows in which it is present
    z          (x - mu) / sigma (m,)

Numbers and booleans become z, a missing value becomes the mean, so z = 0. The divisor is the standard deviation:
two of the sources that this house follows divide by the variance, which would leave a column measured in metres a
thousand times larger than the same one in millimetres. Only the standard deviation gives every column variance 1. It is
the biased one (over m), as in scikit-learn's StandardScaler.

z is cut at +-5. A pixel that is dark in all but a few training images has a tiny sigma, and the one test image where it
is bright would be fed z = 30 and answered with great confidence and wrongly. benchmarks/cutting.py measures what a cut
is worth: on digits a third of the log loss, elsewhere nothing. Of regression a number may be so far out for a reason: a
delay of ten hours is not one of three. A column whose ``tails`` matter (tails.py) is cut at its range in training.

The least and the greatest value of training are kept too. A value that lies further beyond them than half of what lies
between them is counted as far outside: millimetres where training had metres, or a year that is yet to come. Values a
little beyond are not counted: among new rows there are always a few.

Text becomes one column a category, 1 where the row has it (one-hot; see text_columns.py). A date becomes its year,
month, day, weekday, hour and the days since the first, which are numbers like others (see date_columns.py).

The target of regression becomes z too, by its own mu and sigma over the training rows, and is not cut: ``encode`` and
``decode``. Where it is learned on another scale (target_scale.py), mu and sigma are those of the numbers on that scale.

What is learned is plain numbers and strings: it is kept as JSON, and reading it back runs no code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import (
    Floats,
    listed,
    numbers,
    printable,
    row_blocks,
    shown,
)
from caviar.data.date_columns import ISO, DateColumn, read_dates
from caviar.data.examples import OneHot, inputs_of
from caviar.data.forms import PLAIN_FORMS, Forms
from caviar.data.labels import Label, encode_labels, target_numbers
from caviar.data.moments import moments
from caviar.data.numerals import PLAIN
from caviar.data.several import TargetColumn
from caviar.data.strange_cells import Notes
from caviar.data.table import named
from caviar.data.target_scale import PLAIN as PLAIN_SCALE
from caviar.data.target_scale import TargetScale, learn_scale
from caviar.data.text_columns import TextColumn
from caviar.errors import DataError, ModelError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

FURTHEST = 5.0  # standard deviations; see the head of this file
_FLAT = 1e-9  # of a target's mean on its scale: a deviation below is rounding
FAR = 0.5  # of the range of training, beyond its ends; see the head of this file
_CELLS = 1 << 17  # of a block of rows: 1 MiB of float64, which stays in the cache


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing, as learned from the training rows.

    ``columns`` are the input's, in its order; ``numbers`` those of numbers, with ``mean`` and ``deviation`` (0: the
    column is constant and becomes zeros), and the range ``low`` to ``high``, which models of earlier versions lack;
    ``tails`` are those of the numbers that are not cut at +-5. ``texts`` are the columns of text, ``dates`` those of
    dates. The output has the numbers first, then the texts, then the dates.
    For regression there are no ``classes``, and ``target_mean`` and ``target_deviation`` are those of the target on its
    ``target_scale``.
    ``forms`` are the notations of columns that are written in a way of their own. ``target`` is the target's column;
    of several ``targets`` it is empty, and there are no ``classes``.
    """

    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    texts: tuple[TextColumn, ...]
    classes: tuple[Label, ...]
    warnings: tuple[str, ...] = ()
    target_mean: float | None = None
    target_deviation: float | None = None
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    tails: tuple[str, ...] = ()
    dates: tuple[DateColumn, ...] = ()
    forms: Forms = PLAIN_FORMS
    target: str = ""
    target_scale: TargetScale = PLAIN_SCALE
    targets: tuple[TargetColumn, ...] = ()

    @property
    def regression(self) -> bool:
        """True where the target is a number, False where it is a class."""
        return self.target_mean is not None

    @property
    def n_out(self) -> int:
        """Width of a network's answer: the classes, or 1 for regression, or the targets where there are several."""
        return 1 if self.regression else len(self.targets or self.classes)

    @property
    def target_columns(self) -> tuple[str, ...]:
        """The columns of the target, or of several; none where they had no name."""
        return tuple(column.name for column in self.targets) or ((self.target,) if self.target else ())

    @property
    def n_features(self) -> int:
        """Input columns."""
        return len(self.columns)

    @property
    def n_in(self) -> int:
        """Output columns: the width of a network's input."""
        return len(self.numbers) + sum(text.width for text in self.texts) + sum(date.width for date in self.dates)

    @property
    def codes(self) -> tuple[tuple[int, int], ...]:
        """The inputs that stand for a text, each with the count of its codes (see text_columns.py)."""
        ends = len(self.numbers) + np.cumsum([text.width for text in self.texts], dtype=int)
        return tuple((int(end) - 1, text.codes) for end, text in zip(ends, self.texts, strict=True) if text.ranked)

    @property
    def one_hot(self) -> OneHot:
        """The runs of inputs of which at most one is 1."""
        ends = len(self.numbers) + np.cumsum([text.width for text in self.texts], dtype=int)
        return tuple((int(end) - text.width, text.one_hot) for end, text in zip(ends, self.texts, strict=True))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that are text whatever they look like."""
        return tuple(t.name for t in self.texts)

    def apply(self, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
        """The network's input (m, n_in), C-contiguous, of ``frame``; its further columns are ignored.

        Raises DataError for a column that is not there and for a cell that cannot be read, naming row and column.
        """
        return self.apply_with_notes(frame)[0]

    def apply_with_notes(self, frame: pd.DataFrame) -> tuple[npt.NDArray[np.float32], Notes]:
        """``apply``, and what it met."""
        cells, notes = self.cells(frame)
        return inputs_of(cells, self.one_hot), notes

    def cells(self, frame: pd.DataFrame) -> tuple[npt.NDArray[np.float32], Notes]:
        """The cells (m, k) that stand for the inputs (see examples.py), and what was met. Raises as ``apply``."""
        frame = named(frame)
        self._check_columns(frame)
        dates = sum(date.width for date in self.dates)
        out = np.zeros((len(frame), len(self.numbers) + sum(t.cells for t in self.texts) + dates), dtype=np.float32)
        missing, outside = self._apply_numbers(frame, out)
        unknown, start = dict[str, int](), len(self.numbers)
        for text in self.texts:
            absent, strange = text.apply(frame[text.name], out[:, start : start + text.cells])
            missing += 0 if text.name in self.forms.checkboxes else absent  # an empty box lacks nothing
            start += text.cells
            if strange:
                unknown[text.name] = strange
        for date in self.dates:
            column = read_dates(frame[date.name], self.forms.dates.get(date.name, ISO))
            z = out[:, start : start + date.width]
            missing, start = missing + date.apply(column, z), start + date.width
            np.clip(z, -FURTHEST, FURTHEST, out=z)
        return out, Notes(missing, unknown, outside)

    def encode(self, target: pd.Series[Any]) -> npt.NDArray[np.int32] | npt.NDArray[np.float32]:
        """The class (m,) of every label, 0 to len(classes) - 1; for regression the standardised number, float32.

        Of several targets ``target`` are label sets, and stay so.

        Raises DataError for a label not seen in training, or for what is no number.
        """
        if self.targets:
            return target.to_numpy(np.int32)
        if self.target_mean is None or self.target_deviation is None:
            return encode_labels(target, self.classes)
        return self.standardised(target_numbers(target, self.forms.target or PLAIN)).astype(np.float32)

    def standardised(self, numbers: Floats) -> Floats:
        """Numbers in the units of the target of regression, as networks learn them; ``encode`` rounds them."""
        if self.target_mean is None or self.target_deviation is None:
            raise _of_classes()
        return (self.target_scale.encode(numbers) - self.target_mean) / self.target_deviation

    def decode(self, z: npt.ArrayLike) -> Floats:
        """The numbers (m,), in the target's own units, that standardised ones stand for: the inverse of ``encode``."""
        if self.target_mean is None or self.target_deviation is None:
            raise _of_classes()
        return self.target_scale.decode(np.asarray(z, dtype=np.float64) * self.target_deviation + self.target_mean)

    def on_scale(self, name: str, target: pd.Series[Any]) -> Preprocessing:
        """The same with the target of regression, ``target`` in the training rows, on the scale ``name``.

        Raises DataError where the rows do not differ on that scale: there is nothing to divide by.
        """
        scale = learn_scale(name, target_numbers(target, self.forms.target or PLAIN))
        u = scale.encode(target_numbers(target, self.forms.target or PLAIN))
        mean, deviation = mean_and_deviation(u)
        if deviation <= _FLAT * abs(mean):
            raise DataError(
                f"on a {name} scale {shown(self.target)} is the same in every training row but for rounding",
                'learn it as it is: `target_scale="plain"`',
            )
        return replace(self, target_scale=scale, target_mean=mean, target_deviation=deviation)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, which JSON keeps without loss."""
        found = asdict(self)
        if not self.regression:  # as it was before there was regression
            del found["target_mean"], found["target_deviation"]
        if not self.target:
            del found["target"]
        if not self.targets:
            del found["targets"]
        del found["target_scale"]
        if self.target_scale != PLAIN_SCALE:
            found["target_scale"] = self.target_scale.to_dict()
        if not self.tails:
            del found["tails"]
        for text in found["texts"]:
            if not text["ranked"]:
                del text["ranked"]
        found["forms"] = self.forms.to_dict()
        return found

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Preprocessing:
        """The inverse of ``to_dict``. Raises ModelError for what it cannot have written."""
        try:
            found = Preprocessing(
                columns=_strings(data["columns"]),
                numbers=_strings(data["numbers"]),
                mean=tuple(map(float, data["mean"])),
                deviation=tuple(map(float, data["deviation"])),
                texts=tuple(
                    TextColumn(
                        str(t["name"]),
                        _strings(t["categories"]),
                        bool(t["missing"]),
                        bool(t["other"]),
                        _strings(t.get("ranked", ())),
                    )
                    for t in data["texts"]
                ),
                dates=tuple(
                    DateColumn(
                        str(d["name"]),
                        _strings(d["features"]),
                        tuple(map(float, d["mean"])),
                        tuple(map(float, d["deviation"])),
                        str(d["start"]),
                    )
                    for d in data.get("dates", ())
                ),
                classes=tuple(data["classes"]),
                warnings=_strings(data["warnings"]),
                target_mean=float(data["target_mean"]) if "target_mean" in data else None,
                target_deviation=float(data["target_deviation"]) if "target_deviation" in data else None,
                low=tuple(map(float, data.get("low", ()))),
                high=tuple(map(float, data.get("high", ()))),
                tails=_strings(data.get("tails", ())),
                forms=Forms.from_dict(data.get("forms", {})),
                target=str(data.get("target", "")),
                target_scale=TargetScale.from_dict(data.get("target_scale", {})),
                targets=tuple(map(TargetColumn.from_dict, data.get("targets", ()))),
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise _damaged(f"{type(error).__name__} {error}") from error
        if not len(found.numbers) == len(found.mean) == len(found.deviation):
            raise _damaged("a mean or a deviation is missing")
        if not all(
            math.isfinite(mu) and 0 <= sigma < math.inf for mu, sigma in zip(found.mean, found.deviation, strict=True)
        ):
            raise _damaged("a mean or a deviation is not finite")
        lengths = {len(found.numbers)} if found.tails else {0, len(found.numbers)}
        if not len(found.low) == len(found.high) or len(found.low) not in lengths:
            raise _damaged("a range is missing")
        if not all(-math.inf < a <= b < math.inf for a, b in zip(found.low, found.high, strict=True)):
            raise _damaged("a range has no two ends")
        if not {*found.tails} <= {*found.numbers}:
            raise _damaged("a column with tails is missing")
        if not {*found.numbers, *found.text_columns, *(d.name for d in found.dates)} <= set(found.columns):
            raise _damaged("a column is missing")
        mu, sigma = found.target_mean, found.target_deviation
        if mu is not None and sigma is not None:
            if not (math.isfinite(mu) and 0 < sigma < math.inf) or found.classes:
                raise _damaged("the target's mean or deviation is wrong")
        elif mu is not None or sigma is not None:
            raise _damaged("the target's mean or deviation is missing")
        elif found.targets:
            if found.classes or len(found.targets) < 2:
                raise _damaged("the targets are wrong")
        elif {type(c) for c in found.classes} not in ({str}, {int}, {bool}):
            raise _damaged("the classes are not labels")
        return found

    def _check_columns(self, frame: pd.DataFrame) -> None:
        needed = {*self.numbers, *self.text_columns, *(d.name for d in self.dates)}
        lacking = needed - {*frame.columns}
        absent = [name for name in self.columns if name in lacking]
        if absent:
            others = [printable(c) for c in frame.columns if c not in {*needed, *self.target_columns}]
            way_out = did_you_mean(printable(absent[0]), others)
            raise DataError(
                f"every column of training must be there, but {listed(absent)} is missing",
                way_out if way_out.startswith("did") else "add it to the table",  # the others are no features
            )

    def _apply_numbers(self, frame: pd.DataFrame, out: npt.NDArray[np.float32]) -> tuple[int, dict[str, int]]:
        """Write the standardised numbers to ``out``; the missing cells, and those far outside by column."""
        n, missing = len(self.numbers), 0
        if not n:
            return 0, {}
        chosen = numbers(frame, self.numbers, self.forms.numbers)
        mean, deviation = np.array(self.mean), np.array(self.deviation)  # (n,)
        constant = deviation == 0
        divisor = np.where(constant, 1.0, deviation)
        least, greatest = self._far()
        lowest, highest = self._cuts()
        outside = np.zeros(n, dtype=np.int64)
        for rows in row_blocks(len(chosen), n, _CELLS):
            z = chosen.iloc[rows].to_numpy(np.float64, copy=True)  # (rows, n)
            absent = np.isnan(z)
            missing += int(np.count_nonzero(absent))
            outside += np.count_nonzero((z < least) | (z > greatest), axis=0)
            z -= mean
            z /= divisor
            np.clip(z, lowest, highest, out=z)
            z[absent] = 0.0
            z[:, constant] = 0.0
            out[rows, :n] = z
        return missing, {name: count for name, count in zip(self.numbers, outside.tolist(), strict=True) if count}

    def _cuts(self) -> tuple[Floats, Floats]:
        """The z (n,) at which numbers are cut, below and above."""
        mean, deviation = np.array(self.mean), np.array(self.deviation)
        furthest = np.full(len(mean), FURTHEST)
        if not self.tails:
            return -furthest, furthest
        kept, divisor = np.isin(self.numbers, self.tails), np.where(deviation == 0, 1.0, deviation)
        low, high = (np.array(self.low) - mean) / divisor, (np.array(self.high) - mean) / divisor
        return np.where(kept & (low < -furthest), low, -furthest), np.where(kept & (high > furthest), high, furthest)

    def _far(self) -> tuple[Floats, Floats]:
        """The numbers (n,) below and above which a value is far outside those of training."""
        if not self.low:  # of an earlier version: where z is cut
            mean, reach = np.array(self.mean), FURTHEST * np.array(self.deviation)
            return mean - reach, mean + reach
        low, high = np.array(self.low), np.array(self.high)
        reach = FAR * (high - low)
        return low - reach, high + reach


def mean_and_deviation(numbers: Floats) -> tuple[float, float]:
    """Mean and standard deviation of ``numbers`` (m,)."""
    import pandas as pd

    found = moments(pd.DataFrame({"target": numbers}))
    return float(found.mean[0]), float(found.deviation[0])


def _of_classes() -> ModelError:
    return ModelError("only numbers are decoded, and this model predicts classes", "see classes")


def _strings(values: Any) -> tuple[str, ...]:
    if not isinstance(values, (list, tuple)) or not all(isinstance(v, str) for v in values):
        raise TypeError("a list of strings is needed")
    return tuple(values)


def _damaged(what: str) -> ModelError:
    return ModelError(f"the preprocessing of this model is damaged: {shown(what, 120)}", "train the model again")
