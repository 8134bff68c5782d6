"""The learner of dense networks, on either engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from caviar.errors import ConfigError, SpaceError, did_you_mean
from caviar.learners.contract import Keys, State, TrainingData
from caviar.learners.dense.config import HYPERPARAMETERS, from_config
from caviar.learners.dense.contract import DenseTraining, Engine
from caviar.learners.dense.native import NativeEngine
from caviar.learners.dense.reference import ReferenceEngine
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes
from caviar.records import Config
from caviar.space import Space, default_space

ENGINES: dict[str, Callable[[], Engine]] = {"native": NativeEngine, "reference": ReferenceEngine}
_TYPICAL = (128, 128, 128)  # hidden units of a network of middle size
_SPEED = 4e10  # floating-point operations of it that a processor does in a second
_MOST_PARAMETERS = 250_000_000  # below most_parameters of native/trial.h, which counts padding too


def engine_named(name: str) -> Engine:
    """The engine called ``name``, "native" (C++, float32) or "reference" (nn/, float64); ConfigError for another."""
    if name not in ENGINES:
        raise ConfigError(f"there is no engine {name!r}", did_you_mean(name, tuple(ENGINES)))
    return ENGINES[name]()


def architecture_of(config: Config, data: TrainingData) -> tuple[Architecture, Optimisation]:
    """The network that ``config`` describes for ``data``. Raises ConfigError."""
    return from_config(config, math.prod(data.shape), data.n_out, data.training, data.several)


class DenseLearner:
    """Trains the networks of configs by the engine called ``name``."""

    hyperparameters = HYPERPARAMETERS
    rate = "learning_rate"
    sizes = ("hidden_units", "layers", "batch_size")

    def __init__(self, name: str = "native") -> None:
        self.name = name
        self._engine = engine_named(name)
        self.instruction_set = self._engine.instruction_set

    def default_space(self, epochs: int | None = None) -> Space:
        """See contract.Learner: the learning rate is 0 after ``epochs``."""
        space = default_space()
        if epochs is None:
            return space
        return space.fixing("decay_rate", 1 / epochs)

    def epoch_seconds(self, rows: int, shape: tuple[int, ...]) -> float:
        """See contract.Learner: by its arithmetic, forward once and backward twice."""
        flops = 6.0 * rows * sum(a * b for a, b in pairwise((math.prod(shape), *_TYPICAL)))
        return flops / _SPEED

    def parameters(self, config: Config, data: TrainingData) -> int:
        """See contract.Learner."""
        architecture, _ = architecture_of(config, data)
        parameters = sum(math.prod(shape) for shape in parameter_shapes(architecture).values())
        if parameters > _MOST_PARAMETERS:
            raise SpaceError(
                f"a network may have {_MOST_PARAMETERS:,} parameters at most, got a config of {parameters:,}",
                "lower hidden_units or layers",
            )
        return parameters

    def start(self, config: Config, data: TrainingData, keys: Keys, state: State | None = None) -> DenseTraining:
        """See contract.Learner."""
        architecture, optimisation = architecture_of(config, data)
        return self._engine.start(architecture, optimisation, data.training, data.validation, keys, state)
