"""The scale on which the target of regression is learned: chosen by a trial on the validation rows.

A small network is trained on each scale of data/target_scale.py, on the same training rows with the same first weights.
Another scale than the target's own is taken only where it is better on the validation rows by more than the noise.
Tails may be so heavy that a few rows make up the squared errors. Their noise then hides every difference: where one
row decides, the mean is no more than 1 standard error. There absolute errors decide, if the squared ones do not object.

Notation
    e_i    error of the network on one scale for validation row i, in the target's own units: squared, or absolute where
           the study is by that
    f_i    the same of another scale
    d_i    e_i - f_i; row k has the largest |d|
    a_i    the same difference of absolute errors
    t(d)   mean(d) / (std(d) / sqrt(n)), the mean in standard errors

The other scale is better where t(d) > MARGIN. Where |d_k| is more than FEW of the sum of |d|, it is also better if
t(a) > CLEAR, the mean of d without row k is above 0, and t(d) > -SLACK. Absolute errors do not decide alone: a network
on a bent scale predicts the median rather than the mean, so that they are smaller on any skewed target.

Of several the one with the least mean of f is taken. The work is bounded by counts and never by a clock, so that the
same table, seed and budget choose the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from caviar.data.columns import shown
from caviar.data.dataset import ChosenScale
from caviar.data.examples import Examples
from caviar.data.preprocessing import Preprocessing
from caviar.data.target_scale import PLAIN, SCALES, TargetScale, learn_scale
from caviar.learners.contract import Floats, Keys, Outcome, TrainingData, never
from caviar.learners.names import learner_named
from caviar.learners.scoring import outputs_of
from caviar.nn.metrics import mae, r2
from caviar.records import Config

CONFIG: Config = {
    "learning_rate": 0.005,
    "hidden_units": 64,
    "layers": 2,
    "batch_size": 32,
    "decay": "cosine",
    "decay_by": "step",
}
"""The network of the trial: the default one, small batches, and a rate that falls to nothing by the end."""

MOST_ROWS = 10_000
MARGIN = 2.0  # standard errors of the mean difference
CLEAR = 5.0  # standard errors; at 2.5 a table of companies' values was better as it is, by squared errors
SLACK = 0.5  # standard errors; one row that is far worse has 1
FEW = 0.05  # of the sum of the differences
ABSURD = 1e3  # widths of the middle 98 %
_SHARE = 0.03  # of a budget in seconds
_EPOCHS, _MOST_EPOCHS, _STEPS = 10, 100, 3000  # few rows are seen more often, to have so many steps
_FEWEST_ROWS = 50  # of training and of validation: fewer say nothing
_STEP, _NUMBER = 1e-5, 3e-10  # seconds of a step, and of a row for each number that the network learns
_NATIVE = "native"
_TRIAL = 2**40 - 1  # no trial of a study has this number: its random numbers are its own


@dataclass(frozen=True)
class Choice:
    """The choice of a scale: the one that is ``asked`` for, or by a trial that takes a share of ``seconds``."""

    asked: str | None
    seed: int
    metric: str | None
    seconds: float | None

    def __call__(self, learned: Preprocessing, training: Examples, validation: Examples, target: Floats) -> ChosenScale:
        """The scale for these rows, whose ``target`` is ``learned`` as it is, and notes on it; see ScaleChoice."""
        name = shown(learned.target or "label")
        absurd = note_on_absurd(name, target)
        # Between the last two quantiles of such a target, every step of the network is one towards the absurd number.
        scales = tuple(scale for scale in SCALES if scale != "quantile" or not absurd)
        chosen = self._chosen(name, scales, training, validation, target)
        return ChosenScale(chosen.name, chosen.notes + (absurd if self.metric != "mae" else ()))

    def _chosen(
        self, name: str, scales: tuple[str, ...], training: Examples, validation: Examples, target: Floats
    ) -> ChosenScale:
        if self.asked is not None:
            why = f"the target {name} is learned on a {self.asked} scale, and scored in its own units"
            return ChosenScale(self.asked, () if self.asked == PLAIN.name else (_overruled(why),))
        rows, epochs = _work(min(len(training), MOST_ROWS), training.n_in, self.seconds)
        trained, checked = _some(len(training), rows), _some(len(validation), MOST_ROWS)
        if min(len(trained), len(checked)) < _FEWEST_ROWS:
            return ChosenScale(PLAIN.name)
        own, wanted = target[: len(training)][trained], target[len(training) :][checked]
        training, validation = training.take(trained), validation.take(checked)
        said = {}
        for scale in scales:
            answers = self._answers(learn_scale(scale, own), own, training, validation, epochs)
            if answers is not None:
                said[scale] = answers
        best = better(said, wanted, absolute=self.metric == "mae")
        if best == PLAIN.name:
            return ChosenScale(best)
        so, as_it_is = (
            f"{r2(said[scale], wanted):.3f} ({mae(said[scale], wanted):.4g})" for scale in (best, PLAIN.name)
        )
        why = (
            f"the target {name} is learned on a {best} scale: by a small network R2 on the validation rows (and the "
            f"mean absolute error) was {so} so, and {as_it_is} as it is, in its own units"
        )
        return ChosenScale(best, (_overruled(why),))

    def _answers(
        self, scale: TargetScale, own: Floats, training: Examples, validation: Examples, epochs: int
    ) -> Floats | None:
        """The numbers that a small network on ``scale`` predicts for ``validation``; None where it diverged."""
        u = scale.encode(own)
        mean, deviation = u.mean(), u.std()
        if deviation <= 1e-9 * abs(mean):  # as Preprocessing.on_scale
            return None
        y = ((u - mean) / deviation).astype(np.float32)
        nothing = replace(validation.split(0)[0], y=y[:0])
        data = TrainingData(replace(training, y=y), nothing, 1)
        network = learner_named(_NATIVE).start({**CONFIG, "decay_rate": 1 / epochs}, data, Keys.of(self.seed, _TRIAL))
        outcome, _ = network.train(epochs, never())
        if outcome is not Outcome.TRAINED:
            return None
        return scale.decode(outputs_of(network.predictor(), validation.x)[:, 0] * deviation + mean)


def better(said: dict[str, Floats], wanted: Floats, absolute: bool = False) -> str:
    """The name of the scale whose predictions are the best for numbers ``wanted`` (m,): see the head of this file."""
    if PLAIN.name not in said:
        return PLAIN.name
    power = 1 if absolute else 2
    errors = {name: np.abs(numbers - wanted) for name, numbers in said.items()}
    unit = max(float(each.max()) for each in errors.values()) or 1.0  # so that no square overflows
    errors = {name: each / unit for name, each in errors.items()}
    winners = [name for name in errors if name != PLAIN.name and _wins(errors[PLAIN.name], errors[name], power)]
    return min(winners, key=lambda name: (errors[name] ** power).mean(), default=PLAIN.name)


def _wins(known: Floats, new: Floats, power: int) -> bool:
    """Absolute errors ``new`` (n,), to the ``power``, are better than the ``known`` ones: see the head of this file."""
    won = known**power - new**power
    sizes = np.abs(won)
    largest = sizes.argmax()
    if _t(won) > MARGIN or sizes[largest] <= FEW * sizes.sum():
        return _t(won) > MARGIN
    return _t(known - new) > CLEAR and np.delete(won, largest).mean() > 0 and _t(won) > -SLACK


def _t(won: Floats) -> float:
    """The mean of ``won`` (n,) in standard errors; 0 where all are 0."""
    noise = won.std(ddof=1) / math.sqrt(len(won))
    return float(won.mean() / noise) if noise > 0 else 0.0


def note_on_absurd(name: str, y: Floats) -> tuple[str, ...]:
    """A note where numbers of ``y`` (n,), the target ``name``, are so far out that they alone make up squared errors.

    These are further from the middle 98 % than ABSURD times its width, for which a row at each end at least is left
    out. Heavy tails that are measured hardly go so far, but slips of the pen and codes for missing numbers do.
    """
    low, high = np.quantile(y, 0.01, method="higher"), np.quantile(y, 0.99, method="lower")
    beyond = np.maximum(low - y, y - high)
    count = int((beyond > ABSURD * (high - low)).sum())
    if low == high or not count:
        return ()
    return (
        f"the target {name} of {count} of the {len(y)} rows for training and validation is further from the middle "
        f"98 % than {ABSURD:,.0f} times its width, such as {y[beyond.argmax()]:g}: these rows alone make up R2 and "
        f'squared errors; look at them, or choose by absolute errors: `metric="mae"`',
    )


def _work(rows: int, n_in: int, seconds: float | None) -> tuple[int, int]:
    """Rows and epochs of a trial: those that a budget of ``seconds`` has a share for."""
    width, batch = int(str(CONFIG["hidden_units"])), int(str(CONFIG["batch_size"]))
    numbers = (n_in + 1) * width + (width + 1) * width + width + 1
    a_row = _STEP / batch + _NUMBER * numbers
    seen = math.inf if seconds is None else _SHARE * seconds / len(SCALES) / a_row  # rows times epochs
    rows = int(min(rows, seen / _EPOCHS))
    epochs = max(_EPOCHS, min(_MOST_EPOCHS, _STEPS * batch // max(rows, 1)))
    return rows, int(max(_EPOCHS, min(epochs, seen / max(rows, 1))))


def _some(rows: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many of the rows, evenly spaced."""
    return np.linspace(0, rows - 1, max(min(rows, most), 1)).astype(np.int64)


def _overruled(why: str) -> str:
    return f'{why}; `target_scale="plain"` learns it as it is'
