"""The contract of learners, tried on each: dense networks on both engines, and a second learner without layers.

The examples are 4 x 4 images: a learner takes them in their shape.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from caviar.data.examples import Examples
from caviar.errors import ConfigError, ModelError
from caviar.learners.contract import (
    Keys,
    Learner,
    Outcome,
    State,
    Training,
    TrainingData,
    explosion,
    never,
    score_names,
)
from caviar.learners.dense.learner import DenseLearner
from caviar.learners.model import PREDICTORS, Model, load
from caviar.records import Config
from tests.learners.contract import bits, examples, numbers
from tests.learners.templates import TemplatesLearner, TemplatesPredictor


@dataclass(frozen=True)
class Case:
    """A learner, a config that learns, one that diverges, and data of classes or of numbers."""

    learner: Learner
    good: Config
    absurd: Config
    data: TrainingData

    def start(self, seed: int = 7, repeat: int = 0, state: State | None = None) -> Training:
        return self.learner.start(self.good, self.data, Keys.of(seed, 3, repeat), state)


LEARNERS = {
    "native": (lambda: DenseLearner("native"), {"hidden_units": 8, "learning_rate": 0.02}, {"learning_rate": 1e30}),
    "reference": (
        lambda: DenseLearner("reference"),
        {"hidden_units": 8, "dropout": 0.1, "learning_rate": 0.02},
        {"learning_rate": 1e30},
    ),
    "templates": (TemplatesLearner, {"pace": 0.1, "together": 32}, {"pace": 1e30, "together": 32}),
}


def images(flat: Examples) -> Examples:
    return Examples(flat.x.reshape(-1, 4, 4), flat.y)


DATA = {
    "classes": TrainingData(images(examples(150, 16, 3, seed=1)), images(examples(70, 16, 3, seed=2)), 3),
    "numbers": TrainingData(images(numbers(150, 16, seed=1)), images(numbers(70, 16, seed=2)), 1),
}


@pytest.fixture(params=LEARNERS)
def learner(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=DATA)
def case(request: pytest.FixtureRequest, learner: str) -> Case:
    make, good, absurd = LEARNERS[learner]
    return Case(make(), good, absurd, DATA[request.param])


def timeless(epochs):
    return [replace(epoch, seconds=0) for epoch in epochs]


def test_every_config_of_the_default_space_can_be_started(case: Case):
    space = case.learner.default_space()
    assert {*space.names, *case.learner.sizes, case.learner.rate} <= set(case.learner.hyperparameters)
    for config in space.sample(20):
        parameters = case.learner.parameters(config, case.data)
        assert isinstance(parameters, int)
        assert parameters > 0
        assert case.learner.start(config, case.data, Keys.of(0)).epoch == 0


def test_a_hyperparameter_of_another_learner_is_refused(case: Case):
    for refused in (case.learner.parameters, lambda c, d: case.learner.start(c, d, Keys.of(0))):
        with pytest.raises(ConfigError, match="'sharpness' is not a hyperparameter"):
            refused({**case.good, "sharpness": 1.0}, case.data)


def test_a_network_learns_and_counts_its_epochs(case: Case):
    training = case.start()
    before = training.evaluate(case.data.validation).loss
    outcome, done = training.train(8, never())
    assert outcome is Outcome.TRAINED
    assert [epoch.epoch for epoch in done] == list(range(1, 9))
    assert training.epoch == 8
    assert done[-1].validation.loss < 0.9 * before
    assert done[-1].train_loss < done[0].train_loss
    assert training.train(8, never()) == (Outcome.TRAINED, [])


def test_the_bits_follow_from_config_data_and_keys_alone(case: Case):
    def trained(seed: int, repeat: int):
        training = case.start(seed, repeat)
        _, done = training.train(3, never())
        return bits(training.state()), timeless(done)

    streams = [(7, 0), (7, 1), (8, 0)]
    alone = [trained(*stream) for stream in streams]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda stream: trained(*stream), streams)) == alone
    assert len({tuple(state.values()) for state, _ in alone}) == 3


def test_a_training_goes_on_from_its_state_to_the_same_bits(case: Case):
    unbroken = case.start()
    _, all_of_them = unbroken.train(5, never())
    first = case.start()
    first.train(2, never())
    state = first.state()
    kept = bits(state)
    first.train(3, never())
    assert bits(state) == kept  # a state is a copy
    second = case.start(state=state)
    assert second.epoch == 2
    _, done = second.train(5, never())
    assert bits(state) == kept
    assert timeless(done) == timeless(all_of_them[2:])
    assert bits(second.state()) == bits(unbroken.state())
    assert second.evaluate(case.data.validation) == unbroken.evaluate(case.data.validation)
    x = case.data.validation.x
    assert second.predictor().outputs(x).tobytes() == unbroken.predictor().outputs(x).tobytes()


def test_the_stop_flag_ends_training_and_it_can_go_on(case: Case):
    unbroken, stopped, stop = case.start(), case.start(), never()
    unbroken.train(4, never())
    stopped.train(2, stop)
    stop[0] = 1
    assert stopped.train(10**4, stop) == (Outcome.INTERRUPTED, [])
    assert stopped.epoch == 2
    stop[0] = 0
    _, done = stopped.train(4, stop)
    assert [epoch.epoch for epoch in done] == [3, 4]
    assert bits(stopped.state()) == bits(unbroken.state())


def test_a_divergence_is_an_outcome(case: Case):
    training = case.learner.start(case.absurd, case.data, Keys.of(0))
    outcome, done = training.train(50, never())
    assert outcome is Outcome.DIVERGED
    assert training.epoch == done[-1].epoch == len(done) < 50
    assert not done[-1].train_loss <= explosion(case.data.n_out) or not np.isfinite(done[-1].validation.loss)


def test_an_evaluation_is_scikit_learns_of_the_outputs(case: Case):
    training = case.start()
    _, done = training.train(3, never())
    validation = case.data.validation
    evaluation, p, y = training.evaluate(validation), training.predictor().outputs(validation.x), validation.y
    assert evaluation == done[-1].validation
    assert tuple(evaluation.scores) == score_names(case.data.n_out)
    if case.data.n_out == 1:
        loss = metrics.mean_squared_error(y, p[:, 0])
        expected = {"r2": metrics.r2_score(y, p[:, 0]), "rmse": loss**0.5, "mae": metrics.mean_absolute_error(y, p)}
    else:
        loss, chosen = metrics.log_loss(y, p, labels=range(3)), p.argmax(axis=1)
        accuracy, balanced = metrics.accuracy_score(y, chosen), metrics.balanced_accuracy_score(y, chosen)
        expected = {"accuracy": accuracy, "balanced_accuracy": balanced, "log_loss": loss}
    assert evaluation.loss == pytest.approx(loss, rel=1e-3)
    assert evaluation.scores == pytest.approx(expected, rel=1e-3)


def test_without_validation_examples_every_score_is_nan(case: Case):
    nothing = case.data.validation.take(np.arange(0))
    training = case.learner.start(case.good, replace(case.data, validation=nothing), Keys.of(0))
    outcome, done = training.train(1, never())
    assert outcome is Outcome.TRAINED
    for evaluation in (done[0].validation, training.evaluate(nothing)):
        assert np.isnan([evaluation.loss, *evaluation.scores.values()]).all()
        assert tuple(evaluation.scores) == score_names(case.data.n_out)


def test_a_predictor_is_the_network_as_it_stood(case: Case):
    training, x = case.start(), case.data.validation.x
    training.train(2, never())
    predictor = training.predictor()
    outputs = predictor.outputs(x)
    training.train(4, never())
    assert predictor.outputs(x).tobytes() == outputs.tobytes() != training.predictor().outputs(x).tobytes()
    assert (outputs.shape, outputs.dtype) == ((len(x), case.data.n_out), np.dtype(np.float64))
    assert predictor.n_out == case.data.n_out
    assert np.prod(predictor.shape) == 16 <= predictor.width
    if case.data.n_out > 1:
        np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-12)


def test_a_model_file_keeps_every_kind_of_network(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(PREDICTORS, "templates", TemplatesPredictor.from_record)
    training = case.start()
    training.train(2, never())
    x = case.data.validation.x
    Model(training.predictor(), facts={"learner": case.learner.name}).save(tmp_path / "one.caviar")
    loaded = load(tmp_path / "one.caviar")
    assert type(loaded.network) is type(training.predictor())
    assert loaded.outputs(x).tobytes() == training.predictor().outputs(x).tobytes()
    said = loaded.predict(x.reshape(len(x), 16))  # a table has rows
    assert (said == (loaded.outputs(x)[:, 0] if loaded.regression else loaded.outputs(x).argmax(axis=1))).all()


def test_a_kind_of_network_that_this_version_does_not_have_is_refused(tmp_path: Path):
    case = Case(TemplatesLearner(), {"pace": 0.1, "together": 32}, {}, DATA["classes"])
    Model(case.start().predictor()).save(tmp_path / "one.caviar")
    with pytest.raises(ModelError, match="never saves"):
        load(tmp_path / "one.caviar")


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_dense_network_takes_an_image_as_the_row_of_its_numbers(engine: str):
    shaped = DATA["classes"]

    def rows(of: Examples) -> Examples:
        return Examples(of.x.reshape(len(of), 16), of.y)

    flat = replace(shaped, training=rows(shaped.training), validation=rows(shaped.validation))
    trainings = [DenseLearner(engine).start({"hidden_units": 5}, data, Keys.of(1)) for data in (shaped, flat)]
    epochs = [timeless(training.train(2, never())[1]) for training in trainings]
    assert epochs[0] == epochs[1]
    assert bits(trainings[0].state()) == bits(trainings[1].state())
    assert trainings[0].inside(shaped.training, 0.1) == trainings[1].inside(flat.training, 0.1)
