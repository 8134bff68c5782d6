"""The trained model in one file: preprocessing and networks, and their predictions.

A model is one network, or an ensemble whose predictions are averaged. The file is the same for every kind of network:
a Predictor gives plain data and weights (see learners.contract), and PREDICTORS finds the class that reads them back.
"""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar import files
from caviar.arguments import checked
from caviar.data.bare_numbers import check_shares, note_on_scale
from caviar.data.columns import is_number, listed, numbers
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read_features
from caviar.data.several import TargetColumn, decode_several
from caviar.data.strange_cells import Notes, far_outside, never_seen
from caviar.data.target_scale import PLAIN as PLAIN_SCALE
from caviar.errors import CaviarWarning, ConfigError, DataError, ModelError
from caviar.learners.contract import Arrays, Floats, Predictor
from caviar.learners.correction import PLAIN, Correction
from caviar.learners.dense.predictor import DensePredictor
from caviar.learners.drift_reference import Reference
from caviar.learners.known_labels import KnownLabels, known_labels
from caviar.learners.residuals import Residuals, check_coverage
from caviar.machine import VERSION

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 6
"""Counts up with every change of the file; a newer one is refused. Format 1 has one network, 2 several, 3 the rest of
Model, 4 a target on a scale of its own, 5 several targets, 6 numbers with tails. The lowest that holds a model is
written: an earlier version would read a later one, and predict wrongly."""

PREDICTORS: dict[str, Callable[[Mapping[str, Any], Arrays], Predictor]] = {"dense": DensePredictor.from_record}
"""Maker of a predictor from its record, by the predictor's kind."""

_NETWORK, _PREPROCESSING, _FACTS, _WEIGHTS = "network.json", "preprocessing.json", "facts.json", "weights.safetensors"
_REFERENCE = "reference"  # among the facts
SO_FAR = "so_far"
"""A fact of a model that a study saved before its end."""
_CELLS = 1 << 22  # of the widest layer that are computed at once: 16 MiB of inputs, whatever the table's length


@dataclass(frozen=True, eq=False)
class Prediction:
    """Answer of a model for a table.

    ``labels`` (m,) of the type they had in training, ``probabilities`` (m, C) float64, rows adding up to 1; ``missing``
    cells that the preprocessing met, and by column the categories that are ``unknown`` to it and the numbers far
    ``outside`` those of training; ``read`` are notes on how the table was read, ``known`` the score on labels that it
    has. For regression ``labels`` are float64 numbers in the target's units, and ``probabilities`` is None. Where a
    coverage was asked for, ``interval`` (m, 2) has the low and the high end of each number. ``cut`` is a note on
    numbers that were beyond the range of training. Of several targets ``labels`` is a DataFrame with a column for each,
    and ``probabilities`` (m, K) are those of the second label of each.
    """

    labels: Any
    probabilities: npt.NDArray[np.float64] | None
    missing: int
    unknown: Mapping[str, int] = field(default_factory=dict)
    outside: Mapping[str, int] = field(default_factory=dict)
    read: tuple[str, ...] = ()
    known: KnownLabels | None = None
    interval: npt.NDArray[np.float64] | None = None
    cut: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """``read``, and sentences on what training did not have: categories, and numbers far outside its own."""
        return tuple(filter(None, (*self.read, never_seen(self.unknown), far_outside(self.outside), self.cut)))


@dataclass(frozen=True, eq=False)
class Member:
    """Another network of an ensemble; ``share`` is its part in the average of their predictions."""

    share: float
    network: Predictor


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with all that it needs to predict; with ``members`` it is one of an ensemble.

    Without ``preprocessing`` the network takes rows of numbers as they are, and its classes are 0, 1, ... ``facts``
    are kept with it for people: study, trial, config, scores.

    The prediction of an ensemble is the weighted mean of its networks' probabilities, or of their numbers on the scale
    on which the target is learned: on a log scale it is nearer a geometric mean. The share of ``network`` is what the
    shares of ``members`` leave of 1. Intervals need ``residuals``. The ``correction``
    changes probabilities, but no label, and numbers. ``reference`` is what new rows are compared with;
    models of earlier versions, and of caviar.train, have none. Raises ModelError where the parts do not fit.
    """

    network: Predictor
    preprocessing: Preprocessing | None = field(default=None, repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    residuals: Residuals | None = field(default=None, repr=False)
    correction: Correction = PLAIN
    reference: Reference | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        own, learned = self.network, self.preprocessing
        if any((member.network.shape, member.network.n_out) != (own.shape, own.n_out) for member in self.members):
            raise ModelError("the networks of an ensemble must predict the same", "train them on the same data")
        shares = [member.share for member in self.members]
        if not all(0 < share < 1 for share in shares) or sum(shares) >= 1:
            raise ModelError("the shares of an ensemble must be above 0 and add up to 1", "divide them by their sum")
        corrected = {len(self.correction.shares), len(self.correction.target_shares)}
        if not corrected <= {0, own.n_out} or (self.correction.target_shares and not own.several):
            raise ModelError("the correction is of other classes", "train the network again")
        if self.reference is not None and self.reference.n_out != own.n_out:
            raise ModelError("the reference is of other classes", "train the network again")
        fits = not learned or (learned.n_in, learned.n_out) == (math.prod(own.shape), own.n_out)
        if learned and not (fits and bool(learned.targets) == own.several):
            wanted = "a number to predict" if learned.regression else f"{learned.n_out} {_what(learned.targets)}"
            raise ModelError(
                f"the preprocessing gives {learned.n_in} inputs and {wanted}, "
                f"the network has {math.prod(own.shape)} and {own.n_out} {_what(own.several)}",
                "keep the preprocessing and the network of one training together",
            )

    @property
    def regression(self) -> bool:
        """True for a model that predicts numbers, False for one of classes."""
        return self.network.n_out == 1

    @property
    def classes(self) -> tuple[str | int | bool, ...]:
        """The labels in the order of the columns of ``predict_proba``; none for regression and several targets."""
        if self.regression or self.network.several:
            return ()
        return self.preprocessing.classes if self.preprocessing else tuple(range(self.network.n_out))

    @property
    def targets(self) -> tuple[TargetColumn, ...]:
        """Several targets in the order of the columns of ``predict_proba``, with their two labels; none for one."""
        if not self.network.several:
            return ()
        unnamed = (TargetColumn(str(k), (0, 1)) for k in range(self.network.n_out))
        return self.preprocessing.targets if self.preprocessing else tuple(unnamed)

    def predict(self, data: Any) -> Any:
        """The label (m,) of every row of ``data``: a DataFrame, an array (m, n_features) or the path of a file.

        For regression the number, float64, in the units of the training target. Of several targets a DataFrame with a
        column of labels for each. Gives a CaviarWarning where numbers
        are far outside those of training, and for categories that no training row had.

        Raises DataError, naming row and column, for what cannot be read.
        """
        found = self.prediction(data)
        _warn(found)
        return found.labels

    def predict_proba(self, data: Any) -> npt.NDArray[np.float64]:
        """The probability (m, C) of every class, in the order of ``classes``, for every row of ``data``.

        Of several targets the probability (m, K) of the second label of each, in the order of ``targets``.
        Gives the warning of ``predict``. Raises ModelError for a model of regression, which has no classes.
        """
        self.check_classes()
        found = self.prediction(data)
        _warn(found)
        assert found.probabilities is not None  # there are classes
        return found.probabilities

    def predict_interval(self, data: Any, coverage: float = 0.9) -> npt.NDArray[np.float64]:
        """The low and the high end (m, 2) of an interval that has the true number of a share ``coverage`` of the rows.

        Its width is the same for every row, on the scale on which the target is learned: it comes from the
        errors on rows that networks of this config had not seen
        (split conformal prediction, see residuals.py). It holds for new rows that come as those did.

        Gives the warning of ``predict``. Raises ModelError for a model of classes, for one that was saved without
        residuals, and for a coverage that needs more rows than the study had.
        """
        found = self.prediction(data, coverage)
        _warn(found)
        assert found.interval is not None  # a coverage was asked for
        return found.interval

    def reach(self, coverage: float) -> float:
        """Half of the width of an interval, in standard deviations of the target. Raises as ``predict_interval``."""
        check_coverage(coverage)
        if not self.regression:
            raise ModelError(
                "intervals are for numbers, and this model predicts classes", "ask for probabilities: `proba=True`"
            )
        if self.residuals is None:
            raise ModelError(
                "this model has no errors on unseen rows to make intervals of: it was saved by caviar babysit, by "
                "caviar.train or by an earlier version",
                "train it by caviar tune, which keeps them",
            )
        return self.residuals.reach(coverage)

    def check_classes(self) -> None:
        """Raise ModelError for a model of regression: it has no probabilities to give."""
        if self.regression:
            raise ModelError(
                "probabilities are for classes, and this model predicts a number",
                "predict without `proba`",
            )

    def prediction(self, data: Any, coverage: float | None = None) -> Prediction:
        """Labels, probabilities, and what the preprocessing met; intervals of ``coverage`` where one is given."""
        reach = None if coverage is None else self.reach(coverage)
        frame, read = self.frame(data)
        if self.facts.get(SO_FAR):
            read = (f"{self.facts.get('study')} had not ended: this is its best network by then", *read)
        outputs = np.empty((len(frame), self.network.n_out))
        missing, unknown, outside = 0, Counter[str](), Counter[str]()
        widest = max(network.width for network in (self.network, *(member.network for member in self.members)))
        step = max(1, _CELLS // widest)
        for start in range(0, len(frame), step):
            rows = slice(start, start + step)
            x, notes = self.inputs(frame, rows)
            outputs[rows] = self.outputs(x)
            wrong = np.flatnonzero(~np.isfinite(outputs[rows]).all(axis=1))
            if len(wrong):
                raise DataError(
                    f"row {start + wrong[0] + 1} has no finite answer: a number in it is missing or much too large, "
                    "or the network diverged",
                    "look at the row, and at how the network was trained",
                )
            missing += notes.missing
            unknown.update(notes.unknown)
            outside.update(notes.outside)
        corrected, beyond = self._corrected(outputs)
        learned, known = self.preprocessing, None
        if learned is not None:
            known = known_labels(learned, frame, corrected, outputs, self.facts)
        if self.regression:
            z = corrected[:, 0]
            ends = None if reach is None else np.stack([self._decoded(z - reach), self._decoded(z + reach)], axis=1)
            decoded = self.correction.exactly(self._decoded(z))
            return Prediction(decoded, None, missing, unknown, outside, read, known, ends, self._note_on(beyond))
        if self.targets:
            sets = decode_several(outputs > 0.5, self.targets)
            return Prediction(sets, corrected, missing, unknown, outside, read, known)
        # Text stays Python's: an array of NumPy's own text would lose zero characters at the end.
        labels = np.array(self.classes, dtype=object if isinstance(self.classes[0], str) else None)
        return Prediction(labels[outputs.argmax(axis=1)], corrected, missing, unknown, outside, read, known)

    def outputs(self, x: npt.NDArray[Any]) -> Floats:
        """The weighted mean of the networks' outputs (m, n_out) for inputs ``x`` (m, n_in), not corrected."""
        x = x.reshape(len(x), *self.network.shape)
        mean = self.network.outputs(x)
        if not self.members:
            return mean
        mean *= 1 - sum(member.share for member in self.members)
        for member in self.members:
            mean += member.share * member.network.outputs(x)
        return mean

    def _decoded(self, z: Floats) -> Floats:
        """Standardised numbers (m,) in the units of the target."""
        return self.preprocessing.decode(z) if self.preprocessing else z

    def _corrected(self, outputs: Floats) -> tuple[Floats, int]:
        """The outputs (m, n_out) after the correction, and how many numbers were beyond its range."""
        if self.regression:
            z, beyond = self._within(outputs[:, 0])
            return z[:, None], beyond
        return self.correction.of_several(outputs) if self.targets else self.correction.probabilities(outputs), 0

    def _within(self, z: Floats) -> tuple[Floats, int]:
        """Standardised numbers (m,) in the range of the correction, and how many were beyond it."""
        learned, beyond = self.preprocessing, self.correction.beyond(self._decoded(z))
        return self.correction.cut(z, learned.standardised if learned else np.asarray), beyond

    def _note_on(self, beyond: int) -> str:
        """A note on predictions that were cut; empty where none was."""
        if not beyond:
            return ""
        which = "1 prediction was" if beyond == 1 else f"{beyond:,} predictions were"
        low, high = self.correction.low, self.correction.high
        return f"{which} beyond the target of training, {low:g} to {high:g}, and cut to it, as its study was asked to"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one file; where that fails, what was at ``path`` is untouched. Raises ModelError."""
        from safetensors.numpy import save

        network, weights = _record(self.network)
        tensors = dict(weights)
        if self.members:
            network["company"] = []  # the name that format 2 has for the members
        for number, member in enumerate(self.members, start=1):
            plain, weights = _record(member.network)
            network["company"].append({"share": member.share, "network": plain})
            tensors |= {f"member{number}.{name}": w for name, w in weights.items()}
        if self.residuals is not None:
            network["residuals"] = self.residuals.to_dict()
        if self.correction != PLAIN:
            network["correction"] = self.correction.to_dict()
        _check_finite(tensors)
        entries = {
            _NETWORK: files.dumps(network).encode(),
            _PREPROCESSING: files.dumps(self.preprocessing.to_dict() if self.preprocessing else None).encode(),
            _FACTS: files.dumps({**self.facts, **self._kept()}).encode(),
            _WEIGHTS: save({name: np.ascontiguousarray(w) for name, w in tensors.items()}),
        }
        has_more = self.residuals is not None or self.correction != PLAIN
        written = 5 if self.network.several else 3 if has_more else 2 if self.members else 1
        if self.preprocessing is not None and self.preprocessing.target_scale != PLAIN_SCALE:
            written = 4  # of several targets none has a scale
        if self.preprocessing is not None and self.preprocessing.tails:
            written = FORMAT
        files.write_whole(Path(path), files.pack(entries, {"format": written, "caviar": VERSION}))

    def _kept(self) -> dict[str, Any]:
        """The reference as an entry of the facts, where earlier versions of caviar take it for one of them."""
        return {} if self.reference is None else {_REFERENCE: self.reference.to_dict()}

    def frame(self, data: Any) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """The features, and notes on them; where there is no preprocessing, the network's inputs."""
        learned = self.preprocessing
        if learned:
            text = (*learned.text_columns, *learned.target_columns)
            table = read_features(data, text, list(learned.columns), learned.forms)
            means = dict(zip(learned.numbers, learned.mean, strict=True))
            for name in table.bare:
                check_shares(name, table.frame[name], learned.forms.numbers[name], means.get(name, 0.0))
            spans = zip(learned.numbers, learned.low, learned.high, strict=False)  # earlier versions have none
            scales = [
                note_on_scale(name, table.frame[name], low, high)
                for name, low, high in spans
                if name in table.frame and is_number(table.frame[name].dtype)
            ]
            there = [name for name in learned.columns if name in table.frame and len(table.frame) > 1]
            empty = [name for name in there if table.frame[name].isna().all()]
            return table.frame, (*table.warnings, *_without_values(empty), *filter(None, scales))
        frame = read_features(data).frame
        if frame.shape[1] != math.prod(self.network.shape):
            raise DataError(
                f"the network takes {math.prod(self.network.shape)} columns, got {frame.shape[1]}",
                "give it the columns of x",
            )
        return numbers(frame, list(frame.columns)), ()

    def inputs(self, frame: pd.DataFrame, rows: slice) -> tuple[npt.NDArray[Any], Notes]:
        """The network's inputs (m, n_in) for some rows, and what the preprocessing met."""
        if not self.preprocessing:
            return frame.iloc[rows].to_numpy(np.float64), Notes(0)
        try:
            x, notes = self.preprocessing.apply_with_notes(frame.iloc[rows])
        except DataError:
            if rows.start:  # say the same with the row counted from the table's start
                numbers(frame, self.preprocessing.numbers)
            raise
        return x, notes


def _what(several: object) -> str:
    return "targets" if several else "classes"


def _warn(prediction: Prediction) -> None:
    """Give the notes as warnings, at the line that called the model."""
    for note in prediction.notes:
        warnings.warn(note, CaviarWarning, stacklevel=3)


def _without_values(columns: list[str]) -> tuple[str, ...]:
    """A note on ``columns`` of which the rows to predict have no value."""
    if not columns:
        return ()
    return (f"no row has a value in {listed(columns)}: taken as missing in all rows",)


@checked
def load(path: str | os.PathLike[str]) -> Model:
    """The model at ``path``. Raises ModelError for a file that is damaged, unsafe, or of a newer format."""
    content = files.read_whole(Path(path))
    try:
        return _unpack(content)
    except ModelError as error:
        raise ModelError(f"{os.fspath(path)}: {error.rule}", error.way_out) from error


def _unpack(content: bytes) -> Model:
    from safetensors import SafetensorError
    from safetensors.numpy import load as tensors

    entries = files.unpack(content, FORMAT, names=(_NETWORK, _PREPROCESSING, _FACTS, _WEIGHTS))
    try:
        network, learned, facts = (files.loads(entries[name]) for name in (_NETWORK, _PREPROCESSING, _FACTS))
        weights = tensors(entries[_WEIGHTS])
        members = [
            Member(float(entry["share"]), _predictor(entry["network"], _with_prefix(weights, f"member{number}.")))
            for number, entry in enumerate(network.pop("company", []), start=1)
        ]
        residuals, correction = network.pop("residuals", None), network.pop("correction", {})
        kept = facts.pop(_REFERENCE, None)
        model = Model(
            _predictor(network, {name: w for name, w in weights.items() if not name.startswith("member")}),
            None if learned is None else Preprocessing.from_dict(learned),
            dict(facts),
            tuple(members),
            None if residuals is None else Residuals.from_dict(residuals),
            Correction.from_dict(correction),
            None if kept is None else Reference.from_dict(kept),
        )
    except (ConfigError, SafetensorError, ValueError, ArithmeticError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"this model holds what caviar never saves ({files.reason(error)})", "train the network again"
        ) from error
    _check_finite(weights)
    return model


def _record(network: Predictor) -> tuple[dict[str, Any], Arrays]:
    """The record of a predictor with its kind; a dense one goes without, as in the first model files."""
    plain, weights = network.record()
    return (plain if network.kind == "dense" else {**plain, "kind": network.kind}), weights


def _predictor(plain: dict[str, Any], weights: Arrays) -> Predictor:
    kind = plain.pop("kind", "dense")
    return PREDICTORS[kind](plain, weights)


def _with_prefix(weights: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}


def _check_finite(weights: Arrays) -> None:
    for name, w in weights.items():
        if not np.isfinite(w).all():
            raise ModelError(f"the weights {name} are not finite: the network diverged", "train it again, more slowly")
