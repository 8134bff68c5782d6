"""The contract of engines, tried on each: the reference, and native at every level that this processor has."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics
from sklearn.utils.class_weight import compute_class_weight

from caviar.data.examples import Examples
from caviar.errors import ConfigError, DataError
from caviar.label_sets import unpacked
from caviar.learners.contract import Keys, Outcome, never, score_names
from caviar.learners.dense.contract import Engine
from caviar.learners.dense.early_stopping import train_with_patience
from caviar.learners.dense.learner import engine_named
from caviar.learners.dense.reference import ReferenceEngine
from caviar.nn import network as nn
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes
from caviar.nn.averaged import averaged_names
from caviar.nn.losses import probabilities
from caviar.nn.optimisers import adam
from caviar.nn.schedules import step_rates
from tests.learners.contract import NETWORKS, PAIRS, RECIPES, bits, examples, examples_for, start

# Float32 has 7 digits; 50 and more steps at high learning rates multiply the rounding. Adam's first steps divide by the
# square root of squared gradients, so where a gradient is almost 0 its sign, and with it a whole step of
# `learning_rate`, is rounding: hence the mean and not the largest difference.
MEAN_DIFFERENCE = 2e-4
LOSS_DIFFERENCE = 1e-3


def trained(engine: Engine, architecture: Architecture, optimisation: Optimisation):
    """The rows and the state after 50 steps, or 20 of the whole training set."""
    trial = start(engine, architecture, optimisation)
    steps = -(-150 // optimisation.batch_size)
    outcome, done = trial.train(20 if steps == 1 else -(-50 // steps), never())
    assert outcome is Outcome.TRAINED
    return done, trial.state()


@cache
def truth(network: str, recipe: str):
    """The result of nn/, once for all engines."""
    return trained(ReferenceEngine(), NETWORKS[network], RECIPES[recipe])


@pytest.mark.parametrize(("network", "recipe"), PAIRS)
def test_agrees_with_nn_after_50_steps(engine: Engine, network: str, recipe: str):
    architecture = NETWORKS[network]
    done, ours_state = trained(engine, architecture, RECIPES[recipe])
    true, true_state = truth(network, recipe)
    assert len(done) == len(true) >= 7
    for own, other in zip(done, true, strict=True):
        assert own.epoch == other.epoch
        assert own.learning_rate == other.learning_rate
        assert own.train_loss == pytest.approx(other.train_loss, abs=LOSS_DIFFERENCE)
        assert own.validation.loss == pytest.approx(other.validation.loss, abs=2 * LOSS_DIFFERENCE)
        assert (
            list(own.validation.scores)
            == list(other.validation.scores)
            == list(score_names(architecture.n_out, architecture.several))
        )
        for name, score in own.validation.scores.items():
            shares = {
                "accuracy": 1.5 / 70,
                "balanced_accuracy": 0.1,
                "hamming_accuracy": 1.5 / 70,
                "exact_match": 2.5 / 70,
            }
            slack = shares.get(name, 2 * LOSS_DIFFERENCE)
            assert score == pytest.approx(other.validation.scores[name], abs=slack), name
    assert list(ours_state) == list(true_state)
    assert int(ours_state["step"]) == int(true_state["step"]) >= 20
    for name, array in true_state.items():
        assert ours_state[name].shape == array.shape
        scale = max(1.0, float(np.abs(array).max()))
        assert float(np.abs(ours_state[name] - array).mean()) < MEAN_DIFFERENCE * scale, name


RESUMED = [
    ("default", "adam"),
    ("tanh with dropout", "adam"),
    ("exact statistics", "adamw, cosine by the step, warm-up"),
    ("dropout of inputs too", "smoothed and balanced"),
    ("regression", "nesterov, clipped"),
    ("scaled inputs", "adamw, cosine by the step, warm-up"),
    ("default", "averaged"),
    ("parametric mish", "averaged"),
    ("default", "schedule-free, warm-up"),
    ("scaled inputs and exact statistics", "schedule-free, warm-up"),
    ("several targets", "smoothed and balanced"),
]


@pytest.mark.parametrize(("network", "recipe"), RESUMED)
def test_a_resumed_trial_has_the_same_bits_as_an_unbroken_one(engine: Engine, network: str, recipe: str):
    architecture, optimisation = NETWORKS[network], RECIPES[recipe]
    unbroken = start(engine, architecture, optimisation)
    _, all_of_them = unbroken.train(5, never())
    first = start(engine, architecture, optimisation)
    first.train(2, never())
    second = start(engine, architecture, optimisation, state=first.state())
    assert second.epoch == 2
    _, done = second.train(5, never())
    assert [epoch.epoch for epoch in done] == [3, 4, 5]
    assert [replace(epoch, seconds=0) for epoch in done] == [replace(epoch, seconds=0) for epoch in all_of_them[2:]]
    assert bits(second.state()) == bits(unbroken.state())
    assert bits(second.inference_state()) == bits(unbroken.inference_state())


@pytest.mark.parametrize("network", ["default", "exact statistics", "regression", "numbers in bins"])
def test_an_epoch_at_a_learning_rate_of_0_changes_nothing_and_is_scored(engine: Engine, network: str):
    architecture = NETWORKS[network]
    annealed = replace(RECIPES["adamw, cosine by the step, warm-up"], decay_rate=1 / 3)
    whole = start(engine, architecture, annealed)
    outcome, done = whole.train(6, never())
    assert outcome is Outcome.TRAINED
    assert [epoch.epoch for epoch in done] == [1, 2, 3, 4, 5, 6]
    assert [epoch.learning_rate for epoch in done[2:]] == pytest.approx([done[2].learning_rate, 0, 0, 0], abs=0)
    assert done[2].learning_rate > 0
    assert [epoch.validation for epoch in done[3:]] == [done[2].validation] * 3
    assert done[4].train_loss == pytest.approx(whole.evaluate(examples_for(architecture, 150, seed=1)).loss)
    short = start(engine, architecture, annealed)
    short.train(3, never())
    before, after = bits(short.state()), bits(whole.state())
    assert {name for name in before if before[name] != after[name]} == {"epoch"}
    assert (whole.epoch, whole.step) == (6, short.step)
    resumed = start(engine, architecture, annealed, state=whole.state())
    assert resumed.epoch == 6
    _, later = resumed.train(8, never())
    assert [replace(epoch, seconds=0) for epoch in later] == [
        replace(done[5], epoch=epoch, seconds=0) for epoch in (7, 8)
    ]


def test_a_trial_has_the_same_bits_alone_and_beside_others(engine: Engine):
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


def test_nothing_is_kept_of_a_training_that_is_gone(engine: Engine):
    architecture = replace(NETWORKS["tanh with dropout"], dropout=0.123)
    gone = weakref.ref(architecture)
    training = start(engine, architecture, RECIPES["adam"])
    training.train(1, never())
    training.state()
    del training, architecture
    gc.collect()
    assert gone() is None


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
    outcome, done = trial.train(10**4, stop)
    assert outcome is Outcome.INTERRUPTED
    assert done == []


def test_evaluate_scores_what_the_predictions_say(engine: Engine):
    trial = start(engine, NETWORKS["default"], RECIPES["adam"])
    _, done = trial.train(3, never())
    validation = examples(70, 20, 3, seed=2)
    evaluation = trial.evaluate(validation)
    assert evaluation == done[-1].validation
    assert evaluation.loss == evaluation.scores["log_loss"]
    assert 0 < evaluation.scores["balanced_accuracy"] <= 1


def test_learning_rate_decays_by_the_schedule(engine: Engine):
    optimisation = Optimisation(learning_rate=0.1, decay="inverse", decay_rate=1.0)
    trial = start(engine, NETWORKS["default"], optimisation)
    _, done = trial.train(3, never())
    assert [epoch.learning_rate for epoch in done] == [0.1, 0.05, 0.1 / 3]


def test_learns(engine: Engine):
    trial = start(engine, Architecture(20, 3, (32,)), RECIPES["adam"], rows=400)
    _, done = trial.train(20, never())
    assert done[-1].validation.scores["accuracy"] > 0.9
    assert done[-1].train_loss < 0.3 * done[0].train_loss


def test_learns_numbers(engine: Engine):
    trial = start(engine, Architecture(5, 1, (32,), output="linear"), RECIPES["adam"], rows=800)
    _, done = trial.train(30, never())
    assert done[-1].validation.scores["r2"] > 0.75


PREDICTING = [
    "default",
    "exact statistics",
    "one score for two classes",
    "logistic regression",
    "regression",
    "linear regression",
    "gelu with dropout",
    "softmax regression with dropout of inputs",
    "scaled inputs",
    "scaled inputs of linear regression",
    "scaled inputs and exact statistics",
    "parametric mish",
    "parametric sigmoid without batch norm",
]


AVERAGING = {
    "plain": RECIPES["momentum"],
    "averaged": replace(RECIPES["momentum"], averaging=0.95),
    "schedule-free": RECIPES["schedule-free, warm-up"],
}


@pytest.mark.parametrize("averaging", AVERAGING)
@pytest.mark.parametrize("network", PREDICTING)
def test_scores_are_scikit_learns_for_the_folded_network_that_is_saved(engine: Engine, network: str, averaging):
    """The way of a saved model: predictor, scores; and other people's metrics."""
    architecture = NETWORKS[network]
    trial = start(engine, architecture, AVERAGING[averaging])
    trial.train(3, never())
    validation = examples_for(architecture, 70, seed=2)
    _, weights = trial.predictor().record()
    folded = nn.State({name: w.astype(np.float64) for name, w in weights.items()})
    z = nn.scores(replace(architecture, batch_norm=False, input_scaling=False), folded, validation.x.astype(np.float64))
    evaluation, y = trial.evaluate(validation), validation.y
    if architecture.regression:
        expected = {
            "r2": metrics.r2_score(y, z[:, 0]),
            "rmse": metrics.root_mean_squared_error(y, z[:, 0]),
            "mae": metrics.mean_absolute_error(y, z[:, 0]),
        }
        loss = metrics.mean_squared_error(y, z[:, 0])
    else:
        p = probabilities(architecture.output, z)
        loss = metrics.log_loss(y, p, labels=range(architecture.n_out))
        expected = {
            "accuracy": metrics.accuracy_score(y, p.argmax(axis=1)),
            "balanced_accuracy": metrics.balanced_accuracy_score(y, p.argmax(axis=1)),
            "log_loss": loss,
        }
    assert evaluation.loss == pytest.approx(loss, rel=1e-3, abs=1e-4)
    assert evaluation.scores == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("network", ["default", "scaled inputs", "regression", "exact statistics"])
def test_averages_predict_and_are_those_of_pandas_and_training_goes_on_without_them(engine: Engine, network: str):
    architecture, plain = NETWORKS[network], RECIPES["adam"]
    trials = [start(engine, architecture, replace(plain, averaging=beta)) for beta in (0.0, 0.8)]
    names, seen = averaged_names(architecture), []
    rates = step_rates(plain, 0, 5)
    for i in range(5):
        for trial in trials:
            trial.train_steps(rates[i : i + 1], never())
        seen.append({name: trials[0].state()[name].astype(np.float64) for name in names})
        for name in names:
            assert trials[1].state()[name].tobytes() == trials[0].state()[name].tobytes()
    state, step_of = trials[1].inference_state(), np.arange(1, 6)
    for name in names:
        statistic = name.endswith((".mean", ".variance"))
        if statistic and architecture.batch_norm_statistics == "exact":
            continue
        started = 1 - architecture.batch_norm_momentum**step_of if statistic else np.ones(5)
        history = pd.DataFrame(
            [array.ravel() / s for array, s in zip((now[name] for now in seen), started, strict=True)]
        )
        expected = history.ewm(alpha=1 - 0.8).mean().iloc[-1].to_numpy() * started[-1]
        np.testing.assert_allclose(state[name].ravel(), expected, rtol=1e-4, atol=1e-6, err_msg=name)
    validation = examples_for(architecture, 70, seed=2)
    assert trials[0].evaluate(validation).loss != pytest.approx(trials[1].evaluate(validation).loss, rel=1e-4)
    mini_batch = examples_for(architecture, 32, seed=5)
    assert trials[0].inside(mini_batch, 0.01) == trials[1].inside(mini_batch, 0.01)


@pytest.mark.parametrize("beta1", [0.02, 0.9, 0.999])
@pytest.mark.parametrize("network", ["default", "scaled inputs", "regression", "exact statistics", "parametric mish"])
def test_schedule_free_predicts_the_mean_of_its_base_by_squared_rates(engine: Engine, network: str, beta1: float):
    architecture = NETWORKS[network]
    optimisation = replace(RECIPES["schedule-free, warm-up"], beta1=beta1)
    trial = start(engine, architecture, optimisation)
    rates, bases = np.array([0.002, 0.004, 0.0, 0.01, 0.006]), []
    for rate in rates:
        trial.train_steps(np.array([rate]), never())
        bases.append(trial.state())
    state, last = trial.inference_state(), trial.state()
    assert float(state["squared_rates"]) == pytest.approx(np.sum(rates**2))
    for name in parameter_shapes(architecture):
        mean = np.average([b[f"{name}.base"].astype(np.float64) for b in bases], axis=0, weights=rates**2)
        np.testing.assert_allclose(state[name], mean, rtol=1e-5, atol=1e-6 / beta1, err_msg=name)
        y = last[f"{name}.base"] + beta1 * (mean - last[f"{name}.base"])
        np.testing.assert_allclose(last[name], y, rtol=1e-5, atol=1e-6, err_msg=name)
    validation = examples_for(architecture, 70, seed=2)
    plain = start(engine, architecture, RECIPES["sgd"], state=state)
    as_trained = start(engine, architecture, RECIPES["sgd"], state=last)
    if architecture.batch_norm_statistics != "exact":  # there the statistics of x are found anew, up to rounding
        assert trial.evaluate(validation) == plain.evaluate(validation)
    assert trial.evaluate(validation).loss == pytest.approx(plain.evaluate(validation).loss, rel=1e-5)
    assert trial.evaluate(validation).loss != pytest.approx(as_trained.evaluate(validation).loss, rel=1e-5)


@pytest.mark.parametrize("averages", [replace(RECIPES["adam"], averaging=0.99), RECIPES["schedule-free, warm-up"]])
def test_averages_before_the_first_step_are_the_first_weights(engine: Engine, averages: Optimisation):
    trials = [start(engine, NETWORKS["default"], each) for each in (RECIPES["adam"], averages)]
    validation = examples_for(NETWORKS["default"], 70, seed=2)
    assert trials[0].evaluate(validation) == trials[1].evaluate(validation)
    for name in parameter_shapes(NETWORKS["default"]):
        assert trials[0].state()[name].tobytes() == trials[1].inference_state()[name].tobytes()


def test_exact_statistics_change_what_is_predicted_and_nothing_that_is_trained(engine: Engine):
    """Few steps, a large learning rate, a large mini-batch: that is where running averages lag behind."""
    optimisation = Optimisation("momentum", learning_rate=2.0, batch_size=75)
    averaged, exact = NETWORKS["default"], NETWORKS["exact statistics"]
    trials = [start(engine, architecture, optimisation) for architecture in (averaged, exact)]
    rows = [trial.train(3, never())[1] for trial in trials]
    assert [epoch.train_loss for epoch in rows[0]] == [epoch.train_loss for epoch in rows[1]]
    assert bits(trials[0].state()) == bits(trials[1].state())
    assert abs(rows[0][-1].validation.loss - rows[1][-1].validation.loss) > 0.01
    assert bits(trials[0].inference_state()) == bits(trials[0].state())
    state = trials[1].inference_state()
    assert list(state) == list(trials[1].state())
    x = examples_for(exact, 150, seed=1).x.astype(np.float64)
    z = x @ state["layer1.w"].astype(np.float64)
    start_of_averages = 1 - 0.9 ** int(state["step"])
    np.testing.assert_allclose(state["layer1.mean"] / start_of_averages, z.mean(axis=0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(state["layer1.variance"] / start_of_averages, z.var(axis=0), rtol=1e-3)


@pytest.mark.parametrize(
    "network",
    ["dropout of inputs too", "scaled inputs", "scaled inputs of linear regression", "many bins, dropout of inputs"],
)
@pytest.mark.parametrize("recipe", ["adamw, cosine by the step, warm-up", "schedule-free, warm-up"])
def test_looking_inside_changes_nothing_and_agrees_with_nn(engine: Engine, network: str, recipe: str):
    architecture, optimisation = NETWORKS[network], RECIPES[recipe]
    trials = [start(e, architecture, optimisation) for e in (engine, ReferenceEngine())]
    for trial in trials:
        trial.train(2, never())
    before = bits(trials[0].state())
    mini_batch = examples_for(architecture, 32, seed=5)
    ours, true = (trial.inside(mini_batch, 0.01) for trial in trials)
    assert bits(trials[0].state()) == before
    assert len(ours) == len(true) == len(architecture.hidden_units) + 1
    for own, other in zip(ours, true, strict=True):
        assert asdict(own) == pytest.approx(asdict(other), rel=2e-2, abs=1e-3)
    if architecture.hidden_units:
        with pytest.raises(DataError, match="at least 2 rows"):
            trials[0].inside(examples_for(architecture, 1), 0.01)


def test_input_scaling_turns_columns_of_noise_down(engine: Engine):
    """Two of ten columns say which class it is; their factors are the two largest in the end."""
    random = np.random.default_rng(3)
    x = random.normal(size=(600, 10)).astype(np.float32)
    training = Examples(x, (x[:, 4] + x[:, 7] > 0).astype(np.int32))
    architecture = Architecture(10, 2, (16,), activation="silu", input_scaling=True)
    trial = engine.start(architecture, RECIPES["adam"], training, training, Keys.of(0))
    trial.train(10, never())
    assert set(np.argsort(trial.state()["layer1.scale"])[-2:].tolist()) == {4, 7}
    plain, _ = trial.predictor().record()
    assert "input_scaling" not in plain  # a file that earlier versions read


def test_too_few_rows_are_an_error(engine: Engine):
    for network, rows in (("default", 1), ("default", 0), ("without batch norm", 0)):
        with pytest.raises(DataError, match="rows"):
            start(engine, NETWORKS[network], RECIPES["adam"], rows=rows).train(1, never())
    _, done = start(engine, NETWORKS["without batch norm"], RECIPES["adam"], rows=1).train(1, never())
    assert len(done) == 1


@pytest.mark.parametrize(("network", "given"), [("default", "regression"), ("regression", "default")])
def test_classes_and_numbers_are_not_taken_for_each_other(engine: Engine, network: str, given: str):
    architecture = NETWORKS[network]
    other = replace(NETWORKS[given], n_in=architecture.n_in)
    with pytest.raises(DataError, match=r"got y of (float|int)32"):
        engine.start(architecture, RECIPES["adam"], examples_for(other, 50), examples_for(other, 20), Keys.of(0)).train(
            1, never()
        )


@pytest.mark.parametrize(
    ("network", "dtype"), [("default", np.int64), ("default", np.uint8), ("regression", np.float64)]
)
def test_targets_of_another_width_are_a_clear_error(engine: Engine, network: str, dtype: type):
    architecture = NETWORKS[network]
    good = examples_for(architecture, 50)
    wide = Examples(good.x, good.y.astype(dtype))
    trial = engine.start(architecture, RECIPES["adam"], good, good, Keys.of(0))
    for wrong in (
        lambda: engine.start(architecture, RECIPES["adam"], wide, good, Keys.of(0)),
        lambda: engine.start(architecture, RECIPES["adam"], good, wide, Keys.of(0)),
        lambda: trial.evaluate(wide),
        lambda: trial.inside(wide, 0.01),
    ):
        with pytest.raises(DataError, match=f"got y of {np.dtype(dtype)}\ngive y as (int|float)32"):
            wrong()


@pytest.mark.parametrize("network", ["default", "regression", "several targets"])
def test_without_validation_rows_every_score_is_nan(engine: Engine, network: str):
    architecture = NETWORKS[network]
    training, nothing = examples_for(architecture, 60), examples_for(architecture, 0)
    trial = engine.start(architecture, RECIPES["adam"], training, nothing, Keys.of(0))
    outcome, done = trial.train(1, never())
    assert outcome is Outcome.TRAINED
    for evaluation in (done[0].validation, trial.evaluate(nothing)):
        assert np.isnan(evaluation.loss)
        assert list(evaluation.scores) == list(score_names(architecture.n_out, architecture.several))
        assert np.isnan(list(evaluation.scores.values())).all()


@pytest.mark.parametrize(("targets", "r2"), [(np.float32(0.5), 0.0), (np.float32(0.0), 1.0)])
def test_r2_of_a_constant_target_is_one_if_it_is_hit_and_else_zero(engine: Engine, targets: np.float32, r2: float):
    """As scikit-learn has it; a network of zeros predicts 0."""
    architecture = NETWORKS["linear regression"]
    trial = start(engine, architecture, RECIPES["sgd"])
    zeros = {name: np.zeros_like(array) for name, array in trial.state().items()}
    trial = start(engine, architecture, RECIPES["sgd"], state=zeros)
    constant = Examples(np.ones((5, 10), np.float32), np.full(5, targets))
    assert trial.evaluate(constant).scores == {"r2": r2, "rmse": float(targets), "mae": float(targets)}


@pytest.mark.parametrize("recipe", ["smoothed and balanced", "momentum"])
def test_what_training_adds_to_the_loss_is_not_in_the_evaluation(engine: Engine, recipe: str):
    architecture = NETWORKS["softmax regression"]
    optimisation = replace(RECIPES[recipe], batch_size=150, learning_rate=1e-12)
    trial = start(engine, architecture, optimisation)
    _, done = trial.train(1, never())
    training = examples_for(architecture, 150, seed=1)
    same = done[0].train_loss == pytest.approx(trial.evaluate(training).loss, rel=1e-5)
    assert same == (recipe == "momentum")


@pytest.mark.parametrize(("loss", "share"), [({"loss": "pinball", "quantile": 0.9}, 0.9), ({"loss": "huber"}, None)])
def test_numbers_are_trained_by_their_loss_and_evaluated_by_squared_error(engine: Engine, loss, share):
    architecture = NETWORKS["linear regression"]
    training = examples_for(architecture, 400, seed=1)
    training.y[::40] += 100  # outliers
    trial = engine.start(architecture, Optimisation("adam", 0.03, **loss), training, training, Keys.of(0))
    _, done = trial.train(60, never())
    z = trial.predictor().outputs(training.x)[:, 0]
    assert trial.evaluate(training).loss == pytest.approx(metrics.mean_squared_error(training.y, z), rel=1e-4)
    if share is not None:
        assert (training.y <= z).mean() == pytest.approx(share, abs=0.02)
        assert done[-1].train_loss < metrics.mean_pinball_loss(training.y, 0 * z, alpha=share)
    else:  # 10 of 400 rows are 100 too high: 2.5 in the mean
        assert abs(float(z.mean())) < 0.3


def test_balanced_class_weights_are_those_of_the_whole_training_set(engine: Engine):
    """One step on classes of 100, 40 and 10 rows, beside PyTorch's loss with scikit-learn's weights."""
    architecture = NETWORKS["softmax regression"]
    everything = examples_for(architecture, 600, seed=1)
    rows = np.concatenate([np.flatnonzero(everything.y == c)[:n] for c, n in enumerate((100, 40, 10))])
    training = Examples(everything.x[rows], everything.y[rows])
    optimisation = Optimisation("sgd", learning_rate=0.5, batch_size=150, class_weights="balanced")
    trial = engine.start(architecture, optimisation, training, examples_for(architecture, 70), Keys.of(0))
    p = {
        name: torch.tensor(trial.state()[name], dtype=torch.float64, requires_grad=True)
        for name in ("layer1.w", "layer1.b")
    }
    weights = compute_class_weight("balanced", classes=np.arange(3), y=training.y)
    z = torch.tensor(training.x, dtype=torch.float64) @ p["layer1.w"] + p["layer1.b"]
    loss = torch.nn.functional.cross_entropy(z, torch.tensor(training.y).long(), weight=torch.tensor(weights))
    loss.backward()
    _, done = trial.train(1, never())
    assert done[0].train_loss == pytest.approx(loss.item(), rel=1e-4)
    for name, value in p.items():
        np.testing.assert_allclose(trial.state()[name], (value - 0.5 * value.grad).detach().numpy(), atol=1e-4)


@pytest.mark.parametrize("network", ["more targets than a strip, no layer"])
def test_a_step_on_several_targets_is_that_of_pytorch_and_its_scores_those_of_scikit_learn(
    engine: Engine, network: str
):
    architecture = NETWORKS[network]
    training, others = examples_for(architecture, 150, seed=1), examples_for(architecture, 70, seed=2)
    trial = engine.start(architecture, Optimisation("sgd", 0.5, batch_size=150), training, others, Keys.of(0))
    p = {
        name: torch.tensor(trial.state()[name], dtype=torch.float64, requires_grad=True)
        for name in ("layer1.w", "layer1.b")
    }
    bits = unpacked(training.y, architecture.n_out)
    z = torch.tensor(training.x, dtype=torch.float64) @ p["layer1.w"] + p["layer1.b"]
    loss = torch.nn.BCEWithLogitsLoss()(z, torch.tensor(bits, dtype=torch.float64))
    loss.backward()
    _, done = trial.train(1, never())
    assert done[0].train_loss == pytest.approx(loss.item(), rel=1e-4)
    for name, value in p.items():
        np.testing.assert_allclose(trial.state()[name], (value - 0.5 * value.grad).detach().numpy(), atol=1e-4)
    said, true = trial.predictor().outputs(others.x), unpacked(others.y, architecture.n_out)
    scores = done[0].validation.scores
    assert scores["hamming_accuracy"] == pytest.approx(1 - metrics.hamming_loss(true, said > 0.5))
    assert scores["exact_match"] == pytest.approx(metrics.accuracy_score(true, said > 0.5))
    each = [metrics.log_loss(true[:, k], said[:, k], labels=[0, 1]) for k in range(architecture.n_out)]
    assert scores["log_loss"] == pytest.approx(np.mean(each), rel=1e-4)
    assert trial.evaluate(others) == done[0].validation


def test_warm_up_counts_the_steps_of_the_whole_training(engine: Engine):
    optimisation = Optimisation(learning_rate=0.1, batch_size=50, warmup_steps=5)  # 3 steps an epoch
    _, done = start(engine, NETWORKS["default"], optimisation).train(3, never())
    assert [epoch.learning_rate for epoch in done] == [pytest.approx(0.1 * 3 / 5), 0.1, 0.1]


def test_a_rate_that_has_come_down_to_zero_trains_no_more(engine: Engine):
    optimisation = Optimisation("adamw", batch_size=50, decay="cosine", decay_rate=0.5, decay_by="step")
    trial = start(engine, NETWORKS["default"], optimisation)
    trial.train(2, never())
    two = trial.state()
    trial.train(3, never())
    for name in parameter_shapes(NETWORKS["default"]):
        np.testing.assert_array_equal(trial.state()[name], two[name])


def test_early_stopping_goes_back_to_the_best_epoch(engine: Engine):
    architecture = Architecture(20, 3, (64, 64))
    optimisation = Optimisation(learning_rate=0.02, batch_size=16)  # overfits 60 rows at once
    stopped = train_with_patience(start(engine, architecture, optimisation, rows=60), 60, 4, never())
    losses = [epoch.validation.loss for epoch in stopped.epochs]
    assert stopped.outcome is Outcome.TRAINED
    assert stopped.best_epoch == int(np.argmin(losses)) + 1
    assert len(losses) == stopped.best_epoch + 4 < 60
    plain = start(engine, architecture, optimisation, rows=60)
    plain.train(stopped.best_epoch, never())
    assert bits(stopped.state) == bits(plain.state())
    restored = start(engine, architecture, optimisation, rows=60, state=stopped.state)
    assert restored.evaluate(examples_for(architecture, 70, seed=2)).loss == min(losses)


def test_native_refuses_an_optimiser_that_it_does_not_have(monkeypatch: pytest.MonkeyPatch):
    """Nadam, say: Nesterov's look ahead on Adam's corrected moments. Training it as plain Adam would be silent."""
    nadam = replace(adam(0.9, 0.999, 1e-8), nesterov=True)
    monkeypatch.setattr("caviar.learners.dense.native.recipe", lambda optimisation: nadam)
    with pytest.raises(ConfigError, match="Nesterov"):
        start(engine_named("native"), NETWORKS["default"], Optimisation())
