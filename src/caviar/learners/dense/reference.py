"""The reference engine: nn/ in float64, readable and slow. Every other engine is held to it."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from caviar.data.batches import batches, epoch_order
from caviar.data.examples import Examples
from caviar.label_sets import unpacked
from caviar.learners.contract import Epoch, Evaluation, Keys, Outcome, State, StopFlag, explosion, not_evaluated
from caviar.learners.dense.contract import Steps, fewest_rows, idle_epochs, scored_only, steps_left, steps_per_epoch
from caviar.learners.dense.inputs import Rows, encoded, rows_of, training_rows_of
from caviar.learners.dense.predictor import DensePredictor
from caviar.learners.dense.turning import Place, check_turn, place_of, turned
from caviar.nn import Arrays, FloatArray, Targets, network
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.averaged import averaged
from caviar.nn.inside import LayerInside, look_inside
from caviar.nn.losses import loss_terms, mean_loss, predicted_classes
from caviar.nn.schedules import step_rates
from caviar.nn.state import State as NetworkState


class ReferenceTraining:
    """One network in training by nn/."""

    def __init__(
        self,
        architecture: Architecture,
        optimisation: Optimisation,
        training: Examples,
        validation: Examples,
        keys: Keys,
        state: State | None = None,
    ) -> None:
        rows = training_rows_of(architecture, training)
        self._architecture = architecture
        self._optimisation = optimisation
        self._scored_rows = rows
        self._x = encoded(architecture, rows)
        self._y = _targets(rows)
        self._class_weights = loss_terms(architecture, optimisation, self._y).class_weights
        self._validation = rows_of(architecture, validation)
        self._keys = keys
        self._epoch = 0
        self._row, self._loss = 0, 0.0  # of the epoch under way
        self._state = network.initial_state(architecture, optimisation, keys.weights)
        if state is not None:
            place = place_of(state)
            self._epoch, self._row, self._loss = place.epoch, place.row, place.loss
            arrays = {name: state[name].astype(np.float64) for name in self._state.arrays}
            self._state = _state_at(place, arrays)

    @property
    def architecture(self) -> Architecture:
        """The network's architecture."""
        return self._architecture

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self._epoch

    @property
    def step(self) -> int:
        """Mini-batches done."""
        return self._state.step

    @property
    def row(self) -> int:
        """Rows of the epoch under way that are done."""
        return self._row

    def train(self, to_epoch: int, stop: StopFlag) -> tuple[Outcome, list[Epoch]]:
        """See contract.Training."""
        done: list[Epoch] = []
        m = len(self._y)
        steps = steps_per_epoch(self._architecture, self._optimisation, m)
        while self._epoch < to_epoch:
            start = time.perf_counter()
            rates = step_rates(self._optimisation, self._epoch, steps)
            if self._row == 0 and idle_epochs(rates[None]):  # no schedule rises again
                done += scored_only(self._scored, self._scored_rows, self._validation, self._epoch, to_epoch)
                self._epoch = to_epoch
                break
            left = steps_left(self._architecture, self._optimisation, m, self._row)
            outcome, steps_done = self.train_steps(rates[len(rates) - left :], stop)
            if outcome is Outcome.INTERRUPTED:
                return outcome, done
            diverged = outcome is Outcome.DIVERGED
            if diverged:
                self._end_epoch()
            train_loss = steps_done.train_loss
            validation = self._not_evaluated() if diverged else self._scored(self._validation)
            limit = explosion(self._architecture.n_out, self._architecture.several)
            diverged = diverged or train_loss > limit
            diverged = diverged or (len(self._validation.y) > 0 and not np.isfinite(validation.loss))
            done.append(Epoch(self._epoch, train_loss, validation, float(rates[-1]), time.perf_counter() - start))
            if diverged:
                return Outcome.DIVERGED, done
        return Outcome.TRAINED, done

    def train_steps(self, rates: npt.NDArray[np.float64], stop: StopFlag) -> tuple[Outcome, Steps]:
        """See DenseTraining."""
        fewest, m = fewest_rows(self._architecture), len(self._y)
        steps_per_epoch(self._architecture, self._optimisation, m)  # that there are rows enough
        order = epoch_order(m, self._keys.order, self._epoch)
        outcome, losses = Outcome.TRAINED, list[float]()
        for rows, rate in zip(
            batches(order[self._row :], self._optimisation.batch_size, fewest), rates.tolist(), strict=False
        ):
            if stop[0]:
                outcome = Outcome.INTERRUPTED
                break
            self._state, loss = network.train_step(
                self._architecture,
                self._optimisation,
                self._state,
                self._x[rows],
                self._y[rows],
                rate,
                self._keys.dropout,
                self._class_weights,
            )
            losses.append(loss)
            self._loss, self._row = self._loss + loss * len(rows), self._row + len(rows)
            if not np.isfinite(loss):
                outcome = Outcome.DIVERGED
                break
        train_loss = self._loss / max(self._row, 1)
        ended = outcome is Outcome.TRAINED and m - self._row < fewest
        if ended:
            self._end_epoch()
        return outcome, Steps(np.array(losses), train_loss, ended)

    def turn(self, architecture: Architecture, optimisation: Optimisation) -> None:
        """See DenseTraining."""
        check_turn(self._architecture, architecture)
        names_of = parameter_shapes(architecture), statistics_shapes(architecture)
        state = turned(self.state(), self._optimisation, optimisation, *names_of)
        names = network.initial_state(architecture, optimisation, self._keys.weights).arrays
        self._state = _state_at(place_of(state), {name: state[name] for name in names})
        self._architecture, self._optimisation = architecture, optimisation
        self._class_weights = loss_terms(architecture, optimisation, self._y).class_weights

    def _end_epoch(self) -> None:
        self._epoch, self._row, self._loss = self._epoch + 1, 0, 0.0

    def evaluate(self, examples: Examples) -> Evaluation:
        """See contract.Training."""
        return self._scored(rows_of(self._architecture, examples))

    def _scored(self, rows: Rows) -> Evaluation:
        if len(rows.y) == 0:
            return self._not_evaluated()
        z = network.scores(self._architecture, self._predicting(), encoded(self._architecture, rows))
        score = _regression_scores if self._architecture.regression else _classification_scores
        if self._architecture.several:
            score = _scores_of_several
        return score(self._architecture, z, _targets(rows))

    def _not_evaluated(self) -> Evaluation:
        return not_evaluated(self._architecture.n_out, self._architecture.several)

    def state(self) -> State:
        """See contract.Training."""
        return self._plain(self._state)

    def inference_state(self) -> State:
        """See DenseTraining."""
        return self._plain(self._predicting())

    def predictor(self) -> DensePredictor:
        """See contract.Training."""
        return DensePredictor.of(self._architecture, self.inference_state())

    def inside(self, examples: Examples, learning_rate: float) -> tuple[LayerInside, ...]:
        """See DenseTraining."""
        rows = rows_of(self._architecture, examples)
        steps_per_epoch(self._architecture, self._optimisation, len(rows.y))  # that there are rows enough
        return look_inside(
            self._architecture,
            self._optimisation,
            self._state,
            encoded(self._architecture, rows),
            _targets(rows),
            learning_rate,
            self._keys.dropout,
            self._class_weights,
        )

    def _predicting(self) -> NetworkState:
        """The state that predictions use."""
        state = averaged(self._architecture, self._optimisation, self._state)
        if self._architecture.batch_norm_statistics == "exact":
            return network.with_exact_statistics(self._architecture, state, self._x)
        return state

    def _plain(self, state: NetworkState) -> State:
        seen = state.first_steps, state.second_steps, state.average_steps, state.squared_rates
        place = Place(state.step, self._epoch, self._row, self._loss, *seen)
        return {**{name: a.copy() for name, a in state.arrays.items()}, **place.arrays()}


def _state_at(place: Place, arrays: Arrays) -> NetworkState:
    seen = place.first_steps, place.second_steps, place.average_steps, place.squared_rates
    return NetworkState(arrays, place.step, *seen)


def _targets(rows: Rows) -> Targets:
    """y as nn/ takes it: numbers in float64, classes as they are."""
    return rows.y.astype(np.float64) if rows.y.dtype.kind == "f" else rows.y


def _classification_scores(architecture: Architecture, z: FloatArray, y: Targets) -> Evaluation:
    right = predicted_classes(architecture.output, z) == y
    loss = mean_loss(architecture.output, z, y) if np.isfinite(z).all() else float("nan")
    balanced = float(np.mean([right[y == c].mean() for c in np.unique(y).tolist()]))  # over the classes present
    return Evaluation(loss, {"accuracy": float(right.mean()), "balanced_accuracy": balanced, "log_loss": loss})


def _scores_of_several(architecture: Architecture, z: FloatArray, y: Targets) -> Evaluation:
    right = (z > 0) == (unpacked(y, architecture.n_out) == 1)  # (m, K)
    loss = mean_loss(architecture.output, z, y) if np.isfinite(z).all() else float("nan")
    exact = float(right.all(axis=1).mean())
    return Evaluation(loss, {"hamming_accuracy": float(right.mean()), "exact_match": exact, "log_loss": loss})


def _regression_scores(architecture: Architecture, z: FloatArray, y: Targets) -> Evaluation:
    """R2 = 1 - sum((z - y)^2) / sum((y - mean(y))^2); where all y are the same it is 1 if every z is y, else 0."""
    with np.errstate(all="ignore"):
        loss = mean_loss(architecture.output, z, y)
        variance = float(y.var())
        r2 = 1 - loss / variance if variance > 0 else float(loss == 0)
        mae = float(np.abs(z[:, 0] - y).mean())
    return Evaluation(loss, {"r2": r2, "rmse": float(np.sqrt(loss)), "mae": mae})


class ReferenceEngine:
    """Runs nn/."""

    name = "reference"
    instruction_set = "float64"
    start = staticmethod(ReferenceTraining)
