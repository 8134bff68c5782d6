"""A second learner, for tests: one template a class, multiplied with an example of any shape and summed.

Softmax regression in NumPy, by mini-batches and plain gradient descent: no layers, no architecture, hyperparameters of
its own. A study that runs with it shows that nothing above learners/ depends on dense networks.

    p = softmax(sum(x * template) + offset)  (m, C)      dloss/dscores = (p - onehot(y)) / m

For a number C is 1 and p is the score itself. Source of the gradient: Course, week 3, "Softmax Regression".
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from caviar import randomness
from caviar.data.batches import batches, epoch_order
from caviar.data.examples import Examples
from caviar.errors import ConfigError, did_you_mean
from caviar.learners.contract import (
    Epoch,
    Evaluation,
    Keys,
    Outcome,
    State,
    StopFlag,
    TrainingData,
    explosion,
    not_evaluated,
)
from caviar.scales import Log, PowerOfTwo
from caviar.space import Space


@dataclass(frozen=True, eq=False)
class TemplatesPredictor:
    templates: np.ndarray  # (*shape, C)
    offset: np.ndarray  # (C,)

    kind = "templates"
    several = False

    @staticmethod
    def from_record(plain, weights) -> TemplatesPredictor:
        assert plain == {}
        return TemplatesPredictor(weights["templates"], weights["offset"])

    def record(self):
        return {}, {"templates": self.templates, "offset": self.offset}

    @property
    def shape(self) -> tuple[int, ...]:
        return self.templates.shape[:-1]

    @property
    def n_out(self) -> int:
        return self.templates.shape[-1]

    @property
    def width(self) -> int:
        return int(np.prod(self.templates.shape[:-1]))

    def outputs(self, x):
        assert x.shape[1:] == self.shape  # examples keep their shape all the way
        axes = tuple(range(1, x.ndim)), tuple(range(x.ndim - 1))
        scores = np.tensordot(x.astype(np.float64), self.templates.astype(np.float64), axes) + self.offset
        if self.n_out == 1:
            return scores
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


class TemplatesTraining:
    def __init__(self, pace: float, together: int, data: TrainingData, keys: Keys, state: State | None) -> None:
        self._pace, self._together, self._data, self._keys = pace, together, data, keys
        if state is None:
            start = randomness.generator(keys.weights).normal(0, 0.01, (*data.shape, data.n_out))
            state = {"templates": start.astype(np.float32), "offset": np.zeros(data.n_out, np.float32)}
            state |= {"epoch": np.array(0), "row": np.array(0), "loss": np.array(0.0)}
        self._state = {name: array.copy() for name, array in state.items()}

    @property
    def epoch(self) -> int:
        return int(self._state["epoch"])

    def predictor(self) -> TemplatesPredictor:
        return TemplatesPredictor(self._state["templates"].copy(), self._state["offset"].copy())

    def state(self) -> State:
        return {name: array.copy() for name, array in self._state.items()}

    def evaluate(self, examples: Examples) -> Evaluation:
        if len(examples) == 0:
            return not_evaluated(self._data.n_out)
        p = self.predictor().outputs(examples.x)
        loss = _loss(p, examples.y)
        if self._data.n_out == 1:
            mae = float(np.abs(p[:, 0] - examples.y).mean())
            return Evaluation(loss, {"r2": 1 - loss / float(examples.y.var()), "rmse": loss**0.5, "mae": mae})
        right = p.argmax(axis=1) == examples.y
        balanced = float(np.mean([right[examples.y == c].mean() for c in np.unique(examples.y)]))
        return Evaluation(loss, {"accuracy": float(right.mean()), "balanced_accuracy": balanced, "log_loss": loss})

    @np.errstate(all="ignore")  # a divergence is a result
    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        done: list[Epoch] = []
        state, m = self._state, len(self._data.training)
        while self.epoch < to_epoch:
            started = time.perf_counter()
            order = epoch_order(m, self._keys.order, self.epoch)
            for rows in batches(order[int(state["row"]) :], self._together):
                if stop[0]:
                    return Outcome.INTERRUPTED, done
                state["loss"] += self._step(self._data.training.take(rows)) * len(rows)
                state["row"] += len(rows)
            train_loss = float(state["loss"]) / m
            state |= {"epoch": state["epoch"] + 1, "row": np.array(0), "loss": np.array(0.0)}
            diverged = not train_loss <= explosion(self._data.n_out)
            validation = not_evaluated(self._data.n_out) if diverged else self.evaluate(self._data.validation)
            done.append(Epoch(self.epoch, train_loss, validation, self._pace, time.perf_counter() - started))
            if diverged:
                return Outcome.DIVERGED, done
        return Outcome.TRAINED, done

    def _step(self, examples: Examples) -> float:
        p = self.predictor().outputs(examples.x)
        loss = _loss(p, examples.y)
        wanted = examples.y[:, None] if self._data.n_out == 1 else np.eye(self._data.n_out)[examples.y]
        error = (p - wanted) / len(examples)  # (m, C)
        self._state["templates"] -= (self._pace * np.tensordot(examples.x, error, (0, 0))).astype(np.float32)
        self._state["offset"] -= (self._pace * error.sum(axis=0)).astype(np.float32)
        return loss


def _loss(p, y) -> float:
    if y.dtype.kind == "f":
        return float(np.mean((p[:, 0] - y) ** 2))
    return float(-np.log(p[np.arange(len(y)), y]).mean())


class TemplatesLearner:
    name = "templates"
    instruction_set = "float32"
    hyperparameters = ("pace", "together")
    rate = "pace"
    sizes = ("together",)

    def default_space(self, epochs: int | None = None) -> Space:
        return Space(pace=Log(0.003, 1.0), together=PowerOfTwo(8, 64))

    def epoch_seconds(self, rows: int, shape: tuple[int, ...]) -> float:
        return 1e-6 * rows

    def release(self, examples: Examples) -> None:
        pass

    def parameters(self, config, data: TrainingData) -> int:
        self._check(config)
        return (int(np.prod(data.shape)) + 1) * data.n_out

    def start(self, config, data: TrainingData, keys: Keys, state: State | None = None) -> TemplatesTraining:
        self._check(config)
        return TemplatesTraining(float(config["pace"]), int(config["together"]), data, keys, state)

    def _check(self, config) -> None:
        for name in config:
            if name not in self.hyperparameters:
                raise ConfigError(f"{name!r} is not a hyperparameter", did_you_mean(name, self.hyperparameters))
