"""The scale on which the target of regression is learned: chosen by a trial on the validation rows.

A small network is trained on each scale of data/target_scale.py, on the same training rows with the same first weights.
Another scale than the target's own is taken only where it is better on the validation rows by more than the noise.

Notation
    e_i    error of the network on the scale as it is for validation row i, in the target's own units: squared, or
           absolute where the study is by that
    f_i    the same of another scale
    d_i    e_i - f_i

The other scale is better where mean(d) > MARGIN * std(d) / sqrt(n). Of several the one with the least mean of f is
taken. The work is bounded by counts and never by a clock, so that the same table, seed and budget choose the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from caviar.data.columns import shown
from caviar.data.dataset import ChosenScale
from caviar.data.examples import Examples
from caviar.data.preprocessing import Preprocessing
from caviar.data.target_scale import PLAIN, SCALES, TargetScale, learn_scale
from caviar.learners.contract import Floats, Keys, Outcome, TrainingData, never
from caviar.learners.names import learner_named
from caviar.learners.scoring import outputs_of
from caviar.nn.metrics import r2
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

    def __call__(self, learned: Preprocessing, training: Examples, validation: Examples) -> ChosenScale:
        """The scale for these rows, whose target is ``learned`` as it is, and a note where it is another."""
        name = shown(learned.target or "label")
        if self.asked is not None:
            why = f"the target {name} is learned on a {self.asked} scale, and scored in its own units"
            return ChosenScale(self.asked, () if self.asked == PLAIN.name else (_overruled(why),))
        training, validation = _some(training, MOST_ROWS), _some(validation, MOST_ROWS)
        rows, epochs = _work(len(training), training.n_in, self.seconds)
        training = _some(training, rows)
        if min(len(training), len(validation)) < _FEWEST_ROWS:
            return ChosenScale(PLAIN.name)
        own = learned.decode(training.y)
        wanted = learned.decode(validation.y)
        said = {}
        for scale in SCALES:
            answers = self._answers(learn_scale(scale, own), own, training, validation, epochs)
            if answers is not None:
                said[scale] = answers
        best = better(said, wanted, absolute=self.metric == "mae")
        if best == PLAIN.name:
            return ChosenScale(best)
        why = (
            f"the target {name} is learned on a {best} scale: by a small network R2 on the validation rows was "
            f"{r2(said[best], wanted):.3f} so, and {r2(said[PLAIN.name], wanted):.3f} as it is, in its own units"
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
    errors = {name: np.abs(numbers - wanted) ** power for name, numbers in said.items()}
    best, lowest = PLAIN.name, math.inf
    for name, each in errors.items():
        difference = errors[PLAIN.name] - each
        noise = difference.std(ddof=1) / math.sqrt(len(wanted))
        if name != PLAIN.name and difference.mean() > MARGIN * noise and each.mean() < lowest:
            best, lowest = name, float(each.mean())
    return best


def _work(rows: int, n_in: int, seconds: float | None) -> tuple[int, int]:
    """Rows and epochs of a trial: those that a budget of ``seconds`` has a share for."""
    width, batch = int(str(CONFIG["hidden_units"])), int(str(CONFIG["batch_size"]))
    numbers = (n_in + 1) * width + (width + 1) * width + width + 1
    a_row = _STEP / batch + _NUMBER * numbers
    seen = math.inf if seconds is None else _SHARE * seconds / len(SCALES) / a_row  # rows times epochs
    rows = int(min(rows, seen / _EPOCHS))
    epochs = max(_EPOCHS, min(_MOST_EPOCHS, _STEPS * batch // max(rows, 1)))
    return rows, int(max(_EPOCHS, min(epochs, seen / max(rows, 1))))


def _some(examples: Examples, most: int) -> Examples:
    """At most so many of the examples, evenly spaced."""
    if len(examples) <= most:
        return examples
    return examples.take(np.linspace(0, len(examples) - 1, max(most, 1)).astype(np.int64))


def _overruled(why: str) -> str:
    return f'{why}; `target_scale="plain"` learns it as it is'
