"""The native engine: C++ in float32 (native/)."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from caviar.data.examples import Examples
from caviar.errors import ConfigError
from caviar.learners.contract import Epoch, Evaluation, Keys, Outcome, State, StopFlag, explosion
from caviar.learners.dense import _native
from caviar.learners.dense.contract import Steps, idle_epochs, scored_only, steps_per_epoch
from caviar.learners.dense.inputs import Rows, rows_of, shares_of_inputs, training_rows_of
from caviar.learners.dense.layout import MOST_HIDDEN_LAYERS, instruction_set, layout
from caviar.learners.dense.predictor import DensePredictor
from caviar.learners.dense.turning import Place, check_turn, place_of, turned
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.averaged import averaged_names
from caviar.nn.initialisers import initial_parameters
from caviar.nn.inside import LayerInside
from caviar.nn.losses import loss_terms
from caviar.nn.optimisers import recipe
from caviar.nn.schedules import step_rates

# The numbers of the enum Error in native/network.h.
_LOSSES = ("squared", "huber", "pinball")


class NativeTraining:
    """One network in training by the native engine."""

    def __init__(
        self,
        instruction_set: str,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None,
    ) -> None:
        self._instruction_set = instruction_set
        self._rows = training, validation  # as they are; the numbers of their texts are looked up at each use
        self._keys = keys
        self._begin(architecture, optimisation)
        rows_of(architecture, validation)  # that they have its kind of targets
        if state is None:
            initial = initial_parameters(architecture, keys.weights)
            self._trial.start([initial[name].astype(np.float32) for name in parameter_shapes(architecture)])
        else:
            self._load(state)

    def _begin(self, architecture: Architecture, optimisation: Optimisation) -> None:
        """Make an empty trial of this kind. Raises ConfigError for an optimiser that the engine does not have."""
        rule = recipe(optimisation)
        if rule.nesterov and (rule.beta_second is not None or rule.corrected):
            raise ConfigError(
                f"the native engine has Nesterov's look ahead without a second moment and without bias correction "
                f"alone, got {optimisation.optimizer!r}",
                "use the reference engine: `engine='reference'`",
            )
        self._architecture = architecture
        self._optimisation = optimisation
        weights = loss_terms(architecture, optimisation, self._training.y).class_weights
        settings = {
            **layout(architecture, shares_of_inputs(self._rows[0]).tolist(), self._rows[0].one_hot),
            "input_scaling_rate": optimisation.input_scaling_rate,
            "label_smoothing": 0.0 if architecture.regression else optimisation.label_smoothing,
            "class_weights": [] if weights is None else weights.reshape(-1).tolist(),
            "first_moment": rule.beta_first is not None,
            "second_moment": rule.beta_second is not None,
            "bias_correction": rule.corrected,
            "nesterov": rule.nesterov,
            "schedule_free": rule.schedule_free,
            "beta1": rule.beta_first or 0.0,
            "beta2": rule.beta_second or 0.0,
            "epsilon": rule.epsilon,
            "l2": optimisation.l2,
            "weight_decay": rule.decay,
            "clip_norm": optimisation.clip_norm,
            "averaging": optimisation.averaging,
            "loss": _LOSSES.index(optimisation.loss),
            "huber_delta": optimisation.huber_delta,
            "quantile": optimisation.quantile,
            "batch_size": min(optimisation.batch_size, max(len(self._training.y), 2)),  # a larger one is the whole set
            "keys": [int(k) for k in (*self._keys.order, *self._keys.dropout)],
        }
        self._trial = _native.Trial(settings, self._instruction_set)

    def _load(self, state: State) -> None:
        arrays = [np.ascontiguousarray(state[name], dtype=np.float32) for name in self._names]
        self._trial.load(arrays, **asdict(place_of(state)))

    @property
    def _names(self) -> tuple[str, ...]:
        """The names of a state's arrays, in the order that native/binding.cpp visits them."""
        parameters = parameter_shapes(self._architecture)
        moments = (f"{name}.{moment}" for name in parameters for moment in recipe(self._optimisation).moments)
        names = averaged_names(self._architecture) if self._optimisation.averaging > 0 else ()
        averages = (f"{name}.average" for name in names)
        return (*parameters, *statistics_shapes(self._architecture), *moments, *averages)

    @property
    def _training(self) -> Rows:
        return training_rows_of(self._architecture, self._rows[0])

    def _taken(self, examples: Examples) -> Rows:
        """The ``examples`` as the trial takes them: as it takes its training rows."""
        return rows_of(self._architecture, examples.kept_as(self._rows[0].one_hot))

    @property
    def architecture(self) -> Architecture:
        """The network's architecture."""
        return self._architecture

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return int(self._trial.epoch)

    @property
    def step(self) -> int:
        """Mini-batches done."""
        return int(self._trial.step)

    @property
    def row(self) -> int:
        """Rows of the epoch under way that are done."""
        return int(self._trial.row)

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """See contract.Training."""
        first = self.epoch
        training, validation = self._training, self._taken(self._rows[1])
        steps = steps_per_epoch(self._architecture, self._optimisation, len(training.y))
        if to_epoch <= first:
            return Outcome.TRAINED, []
        rates = np.array([step_rates(self._optimisation, epoch, steps) for epoch in range(first, to_epoch)])
        idle = idle_epochs(rates) if self.row == 0 else 0
        outcome, rows = self._trial.train(
            *(training.cells, training.y, validation.cells, validation.y),
            *(rates[: len(rates) - idle], explosion(self._architecture.n_out, self._architecture.several), stop),
            *(training.texts, validation.texts),
        )
        done = [
            Epoch(first + i + 1, train_loss, self._evaluation(*scores), float(rates[i, -1]), seconds)
            for i, (train_loss, *scores, seconds) in enumerate(rows)
        ]
        if idle and Outcome(outcome) is Outcome.TRAINED:
            done += scored_only(self._scored, training, validation, to_epoch - idle, to_epoch)
            self._load({**self.state(), "epoch": np.array(to_epoch)})
        return Outcome(outcome), done

    def train_steps(self, rates: npt.NDArray[np.float64], stop: StopFlag) -> tuple[Outcome, Steps]:
        """See DenseTraining."""
        training = self._training
        steps_per_epoch(self._architecture, self._optimisation, len(training.y))  # that there are rows enough
        wanted = np.ascontiguousarray(rates, dtype=np.float64)
        outcome, losses, ended, train_loss = self._trial.train_steps(
            training.cells, training.y, wanted, stop, training.texts
        )
        return Outcome(outcome), Steps(np.array(losses), train_loss, ended)

    def turn(self, architecture: Architecture, optimisation: Optimisation) -> None:
        """See DenseTraining."""
        check_turn(self._architecture, architecture)
        names = parameter_shapes(architecture), statistics_shapes(architecture)
        state = turned(self.state(), self._optimisation, optimisation, *names)
        self._begin(architecture, optimisation)
        self._load(state)

    def evaluate(self, examples: Examples) -> Evaluation:
        """See contract.Training."""
        return self._scored(self._taken(examples))

    def _scored(self, rows: Rows) -> Evaluation:
        training = self._training
        both = rows.cells, rows.y, training.cells, training.y, rows.texts, training.texts
        return self._evaluation(*self._trial.evaluate(*both))

    def state(self) -> State:
        """See contract.Training."""
        return self._with_counts(self._trial.export())

    def inference_state(self) -> State:
        """See DenseTraining."""
        if self._architecture.batch_norm_statistics != "exact" or not statistics_shapes(self._architecture):
            return self._with_counts(self._trial.averaged())
        training = self._training
        state = self._with_counts(self._trial.statistics_of(training.cells, training.y, training.texts))
        for name in statistics_shapes(self._architecture):
            share = 1 - self._architecture.batch_norm_momentum ** int(state["step"])
            state[name] = state[name].astype(np.float64) * share
        return state

    def predictor(self) -> DensePredictor:
        """See contract.Training."""
        return DensePredictor.of(self._architecture, self.inference_state())

    def inside(self, examples: Examples, learning_rate: float) -> tuple[LayerInside, ...]:
        """See DenseTraining."""
        rows = self._taken(examples)
        steps_per_epoch(self._architecture, self._optimisation, len(rows.y))  # that there are rows enough
        return tuple(LayerInside(*row) for row in self._trial.inside(rows.cells, rows.y, learning_rate, rows.texts))

    def _evaluation(self, loss: float, second: float, third: float) -> Evaluation:
        if self._architecture.regression:
            return Evaluation(loss, {"r2": second, "rmse": math.sqrt(loss), "mae": third})
        if self._architecture.several:
            return Evaluation(loss, {"hamming_accuracy": second, "exact_match": third, "log_loss": loss})
        return Evaluation(loss, {"accuracy": second, "balanced_accuracy": third, "log_loss": loss})

    def _with_counts(self, arrays: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> State:
        trial = self._trial
        seen = trial.first_steps, trial.second_steps, trial.average_steps, trial.squared_rates
        place = Place(trial.step, trial.epoch, trial.row, trial.loss, *seen)
        return {**dict(zip(self._names, arrays, strict=True)), **place.arrays()}


class NativeEngine:
    """Calls C++; many threads may use one engine at once."""

    name = "native"

    def __init__(self) -> None:
        self.instruction_set = instruction_set()

    def start(
        self,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None = None,
    ) -> NativeTraining:
        """See contract.Engine."""
        hidden = len(architecture.hidden_units)
        if hidden > MOST_HIDDEN_LAYERS:
            raise ConfigError(
                f"the native engine has at most {MOST_HIDDEN_LAYERS} hidden layers, got {hidden}",
                "use fewer layers, or the reference engine",
            )
        return NativeTraining(self.instruction_set, architecture, optimisation, training, validation, keys, state)
