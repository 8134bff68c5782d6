"""Scores of what a network says of rows, by every metric; and the trainings of a study whose metric is not measured by
the engine itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.data.dataset import Dataset
from caviar.data.examples import Examples
from caviar.data.preprocessing import Preprocessing
from caviar.data.target_scale import PLAIN, TargetScale
from caviar.label_sets import as_classes, unpacked
from caviar.learners.contract import (
    Epoch,
    Evaluation,
    Floats,
    Outcome,
    Predictor,
    State,
    StopFlag,
    Training,
    score_names,
)
from caviar.learners.correction import Correction, shares_of
from caviar.nn.losses import balanced_class_weights
from caviar.nn.metrics import OF_CLASSES, OF_LABELS, OF_NUMBERS, OF_SEVERAL, undefined, undefined_of_several
from caviar.records.metrics import SHARES_OF_ROWS

_CELLS = 1 << 22  # of the widest layer that are computed at once: 32 MiB of float64, however many rows there are
_ZERO = 2.0**-21  # of the target's mean: a 0 that went through float32 comes back as something below this

Targets = npt.NDArray[np.int32] | npt.NDArray[np.float32]
OfRows = Callable[[npt.NDArray[Any] | slice], float]


@dataclass(frozen=True)
class Scoring:
    """The facts of a table that its metrics need.

    ``n_out`` is the number of classes, or 1 where the target is a number; that has ``mean`` and ``deviation`` on the
    ``scale`` on which it is learned. Scores are those of numbers in the target's own units.
    ``positive`` is the class of two that average precision is about: the one with fewer training rows. With
    ``several`` targets ``n_out`` is their number, and targets ``y`` (m,) are label sets. ``balanced`` where training
    lets every class count alike: then baselines choose their labels so, too.
    """

    n_out: int
    positive: int = 1
    mean: float = 0.0
    deviation: float = 1.0
    scale: TargetScale = PLAIN
    several: bool = False
    balanced: bool = False

    @staticmethod
    def of(dataset: Dataset) -> Scoring:
        """The scoring of ``dataset``."""
        learned = dataset.preprocessing
        if len(learned.classes) != 2:
            return Scoring.of_target(learned)
        rows = np.bincount(dataset.train.y.astype(np.int64), minlength=2)
        return Scoring.of_target(learned, 0 if rows[0] < rows[1] else 1)

    @staticmethod
    def of_target(learned: Preprocessing, positive: int = 1) -> Scoring:
        """The scoring of the target of ``learned``; ``positive`` counts where it has two classes."""
        if learned.target_mean is not None and learned.target_deviation is not None:
            return Scoring(1, 1, learned.target_mean, learned.target_deviation, learned.target_scale)
        if learned.targets:
            return Scoring(learned.n_out, several=True)
        return Scoring(learned.n_out, positive)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, the default first."""
        return tuple(OF_SEVERAL if self.several else OF_NUMBERS if self.n_out == 1 else OF_CLASSES)

    def resampled(self, metric: str) -> tuple[str, ...]:
        """The metrics whose intervals come from resampled rows, ``metric`` first: the study's, and the usual others."""
        usual = ("r2",) if self.n_out == 1 else ("hamming_accuracy", "log_loss", "f1_macro") if self.several else ()
        return tuple(name for name in dict.fromkeys((metric, *usual)) if name not in SHARES_OF_ROWS)

    @property
    def beside(self) -> tuple[str, ...]:
        """The scores of an engine that are not those of the target's own units: its scale is bent."""
        return () if self.scale == PLAIN else score_names(self.n_out, self.several)

    @property
    def units(self) -> Mapping[str, float]:
        """Factors that bring the scores of a training, by name, to the target's own units."""
        return {} if self.scale != PLAIN else {"rmse": self.deviation, "mae": self.deviation}

    def undefined(self, metric: str, y: Targets) -> str | None:
        """The reason why ``metric`` has no value on rows with targets ``y`` (m,); None where it has one."""
        if self.several:
            return undefined_of_several(metric, unpacked(y, self.n_out))
        targets: npt.NDArray[Any] = self.numbers(y) if self.n_out == 1 else y
        return undefined(metric, targets, self.n_out, self.positive)

    def score(self, metric: str, outputs: Floats, y: Targets) -> float:
        """``metric`` of a network's ``outputs`` (m, n_out) for rows with targets ``y`` (m,), in the target's units.

        NaN where it is not defined.
        """
        return self.of_rows(metric, outputs, y)(slice(None))

    def of_rows(self, metric: str, outputs: Floats, y: Targets) -> OfRows:
        """``score`` as a function of the rows that count: for many resamples, as targets are read only once."""
        if self.n_out == 1:
            of_numbers, said, true = OF_NUMBERS[metric], self.decoded(outputs[:, 0]), self.numbers(y)
            return lambda rows: of_numbers(said[rows], true[rows])
        if self.several:
            of_several, cells = OF_SEVERAL[metric], unpacked(y, self.n_out)
            return lambda rows: of_several(outputs[rows], cells[rows])
        of_classes, classes = OF_CLASSES[metric], y.astype(np.int64, copy=False)
        return lambda rows: of_classes(outputs[rows], classes[rows], self.positive)

    def scores(self, outputs: Floats, y: Targets, labels: Floats | None = None) -> dict[str, float]:
        """Every metric that is defined, by name.

        labels: (m, n_out), as the networks gave them, where the label need not be the most probable class.
        """
        defined = [name for name in self.metrics if self.undefined(name, y) is None]
        return {name: self.score(name, outputs_for(name, outputs, labels), y) for name in defined}

    def corrected(self, outputs: Floats, correction: Correction) -> Floats:
        """The outputs (m, n_out) of networks as a model with this ``correction`` gives them."""
        if self.n_out == 1:
            return correction.cut(outputs, self.standardised)
        return correction.of_several(outputs) if self.several else correction.probabilities(outputs)

    def set_back(self, y: Targets) -> Correction:
        """The correction after balanced training on rows with classes ``y`` (m,), or with label sets."""
        if self.several:
            return Correction(target_shares=tuple(unpacked(y, self.n_out).mean(axis=0).tolist()))
        return Correction(shares=shares_of(y, self.n_out))

    def as_classes(self, outputs: Floats, y: Targets) -> tuple[Floats, Targets]:
        """Outputs (k, m, n_out) of k networks and targets (m,); of several targets every cell as a row of two classes.

        A row's cells, n_out of them, stand together: (k, m n_out, 2) and (m n_out,).
        """
        if not self.several:
            return outputs, y
        cells = [as_classes(of_one, y) for of_one in outputs]
        return np.stack([both for both, _ in cells]), cells[0][1].astype(np.int32)

    def balancing(self, y: Targets) -> Floats:
        """Weights of rows (m,) that let every class count alike; of several targets, of each cell of ``as_classes``."""
        if not self.several:
            classes = y.astype(np.int64)
            return balanced_class_weights(classes, self.n_out)[classes]
        of_targets = unpacked(y, self.n_out).T
        return np.stack([balanced_class_weights(labels, 2)[labels] for labels in of_targets], axis=1).ravel()

    def numbers(self, y: Targets) -> Floats:
        """The targets ``y`` (m,) in their own units, 0 where they were 0."""
        zero = float(self.scale.encode(0.0))
        u = y.astype(np.float64) * self.deviation + self.mean
        return np.where(np.abs(u - zero) <= _ZERO * max(abs(self.mean), abs(zero)), 0.0, self.scale.decode(u))

    def decoded(self, z: Floats) -> Floats:
        """The numbers in the target's own units that outputs ``z`` stand for."""
        return self.scale.decode(z * self.deviation + self.mean)

    def standardised(self, numbers: Floats) -> Floats:
        """The inverse of ``decoded``."""
        return (self.scale.encode(numbers) - self.mean) / self.deviation


def of_labels(metric: str) -> bool:
    """True where ``metric`` looks at labels alone."""
    return metric in OF_LABELS


def score_of_numbers(metric: str, predicted: Floats, true: Floats) -> float:
    """``metric`` of numbers ``predicted`` (m,) for ``true`` ones (m,), both in the target's units."""
    return OF_NUMBERS[metric](predicted, true)


def outputs_for(metric: str, outputs: Floats, labels: Floats | None) -> Floats:
    """Those of ``outputs`` and ``labels`` that ``metric`` looks at."""
    return labels if labels is not None and metric in OF_LABELS else outputs


def outputs_of(predictor: Predictor, x: npt.NDArray[np.float32]) -> Floats:
    """The outputs (m, n_out) for inputs ``x`` (m, ...), computed in parts that fit the memory."""
    step = max(1, _CELLS // predictor.width)
    if len(x) <= step:
        return predictor.outputs(x)
    return np.concatenate([predictor.outputs(x[start : start + step]) for start in range(0, len(x), step)])


class ScoredTraining:
    """A training whose evaluations have scores by ``metrics`` that its engine does not measure, or on another scale.

    It trains epoch by epoch and measures with the predictor, so a search by such a metric takes longer.
    """

    def __init__(self, training: Training, validation: Examples, scoring: Scoring, metrics: Collection[str]) -> None:
        """``validation`` are the rows that ``training`` is scored on after each epoch."""
        self._training = training
        self._validation = validation
        self._scoring = scoring
        self._metrics = metrics

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self._training.epoch

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """See contract.Training."""
        done: list[Epoch] = []
        outcome = Outcome.TRAINED
        while outcome is Outcome.TRAINED and self.epoch < to_epoch:
            outcome, epochs = self._training.train(self.epoch + 1, stop)
            began = time.perf_counter()
            scored = [replace(epoch, validation=self._scored(epoch.validation, self._validation)) for epoch in epochs]
            took = (time.perf_counter() - began) / max(len(epochs), 1)
            done += [replace(epoch, seconds=epoch.seconds + took) for epoch in scored]
        return outcome, done

    def evaluate(self, examples: Examples) -> Evaluation:
        """See contract.Training."""
        return self._scored(self._training.evaluate(examples), examples)

    def state(self) -> State:
        """See contract.Training."""
        return self._training.state()

    def predictor(self) -> Predictor:
        """See contract.Training."""
        return self._training.predictor()

    def _scored(self, evaluation: Evaluation, examples: Examples) -> Evaluation:
        scores = dict.fromkeys(self._metrics, math.nan)
        if len(examples) and math.isfinite(evaluation.loss):
            outputs = outputs_of(self.predictor(), examples.x)
            scores = {name: self._scoring.score(name, outputs, examples.y) for name in self._metrics}
        return Evaluation(evaluation.loss, {**evaluation.scores, **scores})
