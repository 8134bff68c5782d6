"""The one network that is raised: trained by mini-batches, turned, saved and brought back to the bit.

It knows nothing of stores, people or time. All that its next mini-batch depends on is in ``save``: the engine's state,
the knobs, and where it stands. The order of the rows and the dropout masks follow from the run's seed, the epoch and
the step alone, so that they come back with the place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from caviar.data.examples import Examples
from caviar.learners.contract import (
    Evaluation,
    Keys,
    Outcome,
    Predictor,
    State,
    StopFlag,
    explosion,
)
from caviar.learners.dense.contract import Engine, Steps, fewest_rows, steps_left, steps_per_epoch
from caviar.nn.architecture import statistics_shapes
from caviar.nn.network import State as NetworkState
from caviar.nn.network import forward
from caviar.nn.schedules import rates_from
from caviar.records import Clock, Value
from caviar.runs.knobs import Settings, from_plain, to_plain, turned

LOOKED_AT = 256
"""Rows of the fixed mini-batch on which a network is looked into: enough for every statistic that is shown."""

_SATURATED = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}


class NetworkTrainee:
    """A network in training, and its knobs; see the head of this file."""

    rate_knob = "learning_rate"

    def __init__(
        self, engine: Engine, training: Examples, validation: Examples, keys: Keys, settings: Settings
    ) -> None:
        self.settings = settings
        self.clock = Clock()
        self.last_rate = settings.optimisation.learning_rate  # of the last mini-batch
        self._engine = engine
        self._data = (training, validation)
        self._keys = keys
        self._running: State = {}  # statistics at the last look inside
        self._training = engine.start(settings.architecture, settings.optimisation, training, validation, keys)

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return len(self._data[0].y)

    @property
    def row(self) -> int:
        """Rows of the epoch under way that are done."""
        return self._training.row

    @property
    def place(self) -> float:
        """Epochs done, the part of the one under way included."""
        return self.clock.epoch + self._steps_done / self._steps

    @property
    def rate(self) -> float:
        """The learning rate of the next mini-batch."""
        return float(self._rates(1)[0])

    @property
    def validated(self) -> bool:
        """Whether there is a validation part."""
        return len(self._data[1].y) > 0

    @property
    def explosion(self) -> float:
        """A mean loss above this is a divergence."""
        return explosion(self.settings.architecture.n_out)

    @property
    def guess(self) -> float:
        """The loss of guessing blindly."""
        return self.explosion / 1000.0

    def train(self, steps: int, stop: StopFlag) -> tuple[Outcome, Steps]:
        """Train ``steps`` mini-batches more, but not beyond the end of the epoch."""
        left = steps_left(self.settings.architecture, self.settings.optimisation, self.rows, self.row)
        rates = self._rates(max(min(steps, left), 1))
        outcome, piece = self._training.train_steps(rates, stop)
        if len(piece.losses):
            self.last_rate = float(rates[len(piece.losses) - 1])
        self.clock = replace(
            self.clock,
            tick=self.clock.tick + len(piece.losses),
            step=self._training.step,
            epoch=self._training.epoch,
        )
        return outcome, piece

    def knobs(self) -> dict[str, Value]:
        """Every knob; the learning rate is the one in force."""
        return self.settings.knobs() | {"learning_rate": self.rate}

    def takes(self, kind: str, paused: bool) -> bool:
        """Between two mini-batches everything can be done to a network."""
        return True

    def turn(self, changes: Mapping[str, Value]) -> dict[str, list[Value]]:
        """Turn knobs; what each was and is. Raises ConfigError and changes nothing where one cannot be turned."""
        before = self.knobs()
        settings = turned(self.settings, changes, self.place, self.rate)
        self._training.turn(settings.architecture, settings.optimisation)
        self.settings = settings
        return {name: [before[name], settings.knobs()[name]] for name in changes}

    def save(self) -> dict[str, Any]:
        """All that the next mini-batch depends on, as a tree that state_files keeps."""
        return {"state": self._training.state(), "settings": to_plain(self.settings)}

    def restore(self, saved: Mapping[str, Any], clock: Clock) -> None:
        """Be what was ``saved`` again, at ``clock``."""
        settings = from_plain(saved["settings"])
        training, validation = self._data
        self._training = self._engine.start(
            settings.architecture, settings.optimisation, training, validation, self._keys, dict(saved["state"])
        )
        self.settings = settings
        self._running = {}
        self.clock = replace(clock, step=self._training.step, epoch=self._training.epoch)

    def evaluate(self, examples: Examples | None = None) -> Evaluation:
        """Score ``examples``, by default the validation part."""
        return self._training.evaluate(self._data[1] if examples is None else examples)

    def judged(self, values: Mapping[str, Any]) -> float:
        """The validation loss of an epoch."""
        return float(values["validation_loss"])

    def merit(self) -> float:
        """The validation loss."""
        return self.evaluate().loss

    def predictor(self) -> Predictor:
        """The network as it stands, for predictions."""
        return self._training.predictor()

    def bits(self) -> str:
        """The SHA-256 of all that the next mini-batch depends on."""
        digest = hashlib.sha256(repr(sorted(to_plain(self.settings).items())).encode())
        for name, array in self._training.state().items():
            digest.update(f"{name} {array.dtype} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def inside(self, before: State | None) -> list[dict[str, float]]:
        """What goes on in every layer, on a fixed mini-batch; ``before`` is the state of the last look.

        Beside the numbers of nn.inside: "saturated", the share of tanh or sigmoid units at their ends, and "drift", how
        far batch norm's running means have gone since ``before``, in standard deviations.
        """
        training = self._data[0]
        seen = Examples(training.x[:LOOKED_AT].copy(), training.y[:LOOKED_AT].copy())
        if len(seen.y) < fewest_rows(self.settings.architecture):
            return []
        layers = [
            {
                "activation_mean": layer.activation_mean,
                "activation_std": layer.activation_std,
                "gradient_norm": layer.gradient_norm,
                "update_to_weight": layer.update_to_weight,
                "dead": layer.dead,
                "saturated": 0.0,
                "drift": 0.0,
            }
            for layer in self._training.inside(seen, self.rate)
        ]
        state = self._training.state()
        for name in statistics_shapes(self.settings.architecture):
            layer, _, statistic = name.partition(".")
            if statistic == "mean" and before is not None and name in before:
                deviation = np.sqrt(np.maximum(state[f"{layer}.variance"].astype(np.float64), 1e-12))
                gone = np.abs(state[name].astype(np.float64) - before[name]) / deviation
                layers[int(layer.removeprefix("layer")) - 1]["drift"] = float(np.median(gone))
        ends = _SATURATED.get(self.settings.architecture.activation)
        if ends is not None:
            for layer_seen, share in zip(layers, self._saturated(state, seen, *ends), strict=False):
                layer_seen["saturated"] = share
        return layers

    def look(self) -> list[dict[str, float]]:
        """What goes on in every layer, and how far its statistics have gone since the last look."""
        layers = self.inside(self._running or None)
        self._running = self.running()
        return layers

    def running(self) -> State:
        """The running statistics alone, for the next ``inside``."""
        names = statistics_shapes(self.settings.architecture)
        if not names:
            return {}
        state = self._training.state()
        return {name: np.array(state[name]) for name in names}

    def _saturated(self, state: State, seen: Examples, low: float, high: float) -> list[float]:
        architecture = replace(self.settings.architecture, dropout=0.0, input_dropout=0.0)
        arrays = NetworkState({name: a.astype(np.float64) for name, a in state.items() if "layer" in name}).arrays
        with np.errstate(all="ignore"):
            cache = forward(architecture, arrays, seen.x.astype(np.float64))
        return [float(np.mean((hidden.a <= low) | (hidden.a >= high))) for hidden in cache.hidden]

    @property
    def _steps(self) -> int:
        return steps_per_epoch(self.settings.architecture, self.settings.optimisation, self.rows)

    @property
    def _steps_done(self) -> float:
        return self.row / self.settings.optimisation.batch_size

    def _rates(self, n: int) -> Any:
        settings, clock = self.settings, self.clock
        return rates_from(
            settings.optimisation, settings.since, clock.epoch, self._steps_done, self._steps, clock.step, n
        )
