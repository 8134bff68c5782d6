"""The contract of engines, tried on each: the reference, and native at every level that this processor has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from caviar.engine import engine_named
from caviar.engine.contract import Engine, Keys, Outcome, never
from caviar.engine.native import instruction_sets
from caviar.engine.reference import ReferenceEngine
from caviar.nn.config import Architecture, Optimisation
from tests.engine.contract import NETWORKS, RECIPES, examples, start


@pytest.fixture(params=["reference", *instruction_sets()])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    if request.param == "reference":
        return engine_named("reference")
    monkeypatch.setenv("CAVIAR_INSTRUCTION_SET", request.param)
    return engine_named("native")


def bits(state):
    return {name: array.tobytes() for name, array in state.items()}


# Float32 has 7 digits; 50 and more steps at high learning rates multiply the rounding. Adam's first steps divide by the
# square root of squared gradients, so where a gradient is almost 0 its sign, and with it a whole step of
# `learning_rate`, is rounding: hence the mean and not the largest difference.
MEAN_DIFFERENCE = 2e-4
LOSS_DIFFERENCE = 1e-3


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("network", NETWORKS)
def test_agrees_with_the_reference_after_50_steps(engine: Engine, network: str, recipe: str):
    architecture, optimisation = NETWORKS[network], RECIPES[recipe]
    ours, truth = (start(e, architecture, optimisation) for e in (engine, ReferenceEngine()))
    epochs = -(-50 // -(-150 // optimisation.batch_size)) if optimisation.batch_size < 150 else 20
    _, done = ours.train(epochs, never())
    _, true = truth.train(epochs, never())
    assert len(done) == epochs
    for own, other in zip(done, true, strict=True):
        assert own.epoch == other.epoch
        assert own.learning_rate == other.learning_rate
        assert own.train_loss == pytest.approx(other.train_loss, abs=LOSS_DIFFERENCE)
        assert own.validation.log_loss == pytest.approx(other.validation.log_loss, abs=2 * LOSS_DIFFERENCE)
        assert own.validation.accuracy == pytest.approx(other.validation.accuracy, abs=1.5 / 70)
    ours_state, true_state = ours.state(), truth.state()
    assert list(ours_state) == list(true_state)
    assert int(ours_state["step"]) == int(true_state["step"]) >= 20
    for name, array in true_state.items():
        assert ours_state[name].shape == array.shape
        scale = max(1.0, float(np.abs(array).max()))
        assert float(np.abs(ours_state[name] - array).mean()) < MEAN_DIFFERENCE * scale, name


@pytest.mark.parametrize("network", ["default", "tanh with dropout"])
def test_a_resumed_trial_has_the_same_bits_as_an_unbroken_one(engine: Engine, network: str):
    architecture, optimisation = NETWORKS[network], RECIPES["adam"]
    unbroken = start(engine, architecture, optimisation)
    unbroken.train(5, never())
    first = start(engine, architecture, optimisation)
    first.train(2, never())
    second = start(engine, architecture, optimisation, state=first.state())
    assert second.epoch == 2
    _, done = second.train(5, never())
    assert [epoch.epoch for epoch in done] == [3, 4, 5]
    assert bits(second.state()) == bits(unbroken.state())


def test_a_trial_has_the_same_bits_in_any_company(engine: Engine):
    architecture, optimisation = NETWORKS["tanh with dropout"], RECIPES["adam"]

    def train(trial: int):
        training = start(engine, architecture, optimisation, trial=trial)
        training.train(3, never())
        return bits(training.state())

    alone = [train(trial) for trial in range(6)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(train, range(6)))
    assert together == alone
    assert len({state["layer1.w"] for state in alone}) == 6


def test_a_diverging_neighbour_changes_nothing(engine: Engine):
    architecture, optimisation = NETWORKS["default"], RECIPES["adam"]
    healthy = start(engine, architecture, optimisation)
    healthy.train(2, never())
    other = start(engine, architecture, optimisation)
    other.train(1, never())
    sick = start(engine, architecture, Optimisation("sgd", learning_rate=1e30, batch_size=32))
    outcome, done = sick.train(9, never())
    assert outcome is Outcome.DIVERGED
    assert not np.isfinite(done[-1].train_loss) or done[-1].train_loss > 1000
    other.train(2, never())
    assert bits(other.state()) == bits(healthy.state())


@pytest.mark.parametrize("network", ["default", "without batch norm", "softmax regression"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_absurd_inputs_are_a_divergence_not_a_crash(engine: Engine, network: str, bad: float):
    architecture = NETWORKS[network]
    training = examples(64, architecture.n_in, architecture.n_out)
    training.x[5, 2] = bad
    validation = examples(0, architecture.n_in, architecture.n_out)
    trial = engine.start(architecture, Optimisation("sgd", learning_rate=1e30), training, validation, Keys.of(0))
    outcome, _ = trial.train(3, never())
    assert outcome is Outcome.DIVERGED


def test_the_last_smaller_mini_batch_is_trained_on_unless_it_has_one_row(engine: Engine):
    optimisation = Optimisation(batch_size=32)
    for rows, steps in ((64, 2), (65, 2), (66, 3), (95, 3)):
        trial = start(engine, NETWORKS["default"], optimisation, rows=rows)
        trial.train(1, never())
        assert int(trial.state()["step"]) == steps
    trial = start(engine, NETWORKS["without batch norm"], optimisation, rows=65)
    trial.train(1, never())
    assert int(trial.state()["step"]) == 3


def test_a_mini_batch_larger_than_the_training_set_is_all_of_it(engine: Engine):
    trial = start(engine, NETWORKS["default"], Optimisation(batch_size=512), rows=150)
    trial.train(3, never())
    assert int(trial.state()["step"]) == 3


def test_one_row_at_a_time_without_batch_norm(engine: Engine):
    optimisation = Optimisation("sgd", learning_rate=0.01, batch_size=1)
    ours, truth = (start(e, NETWORKS["without batch norm"], optimisation, rows=30) for e in (engine, ReferenceEngine()))
    ours.train(2, never())
    truth.train(2, never())
    assert int(ours.state()["step"]) == 60
    np.testing.assert_allclose(ours.state()["layer1.w"], truth.state()["layer1.w"], atol=1e-4)


def test_the_stop_flag_ends_training_at_the_next_mini_batch(engine: Engine):
    trial = start(engine, NETWORKS["default"], RECIPES["adam"])
    stop = never()
    stop[0] = 1
    outcome, done = trial.train(10**6, stop)
    assert outcome is Outcome.INTERRUPTED
    assert done == []


def test_evaluate_scores_what_the_predictions_say(engine: Engine):
    trial = start(engine, NETWORKS["default"], RECIPES["adam"])
    _, done = trial.train(3, never())
    validation = examples(70, 20, 3, seed=2)
    evaluation = trial.evaluate(validation)
    assert evaluation.accuracy == done[-1].validation.accuracy
    assert evaluation.log_loss == done[-1].validation.log_loss
    assert 0 < evaluation.balanced_accuracy <= 1


def test_learning_rate_decays_by_the_schedule(engine: Engine):
    optimisation = Optimisation(learning_rate=0.1, decay="inverse", decay_rate=1.0)
    trial = start(engine, NETWORKS["default"], optimisation)
    _, done = trial.train(3, never())
    assert [epoch.learning_rate for epoch in done] == [0.1, 0.05, 0.1 / 3]


def test_learns(engine: Engine):
    trial = start(engine, Architecture(20, 3, (32,)), RECIPES["adam"], rows=400)
    _, done = trial.train(20, never())
    assert done[-1].validation.accuracy > 0.9
    assert done[-1].train_loss < 0.3 * done[0].train_loss
