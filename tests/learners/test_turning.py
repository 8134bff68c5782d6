"""A network that is trained in pieces, stopped anywhere, and turned: the same for every engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.learners.contract import Outcome, never
from caviar.learners.dense.contract import Engine, steps_per_epoch
from caviar.learners.dense.learner import engine_named
from caviar.learners.dense.turning import place_of, turned
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes
from caviar.nn.averages import bias_corrected, exponentially_weighted
from caviar.nn.optimisers import recipe, update
from caviar.nn.schedules import SCHEDULES, rates_from, step_rates
from tests.learners.contract import NETWORKS, RECIPES, bits, start

ROWS = 150


@pytest.mark.parametrize(
    "recipe", ["adam", "adamw, cosine by the step, warm-up", "sgd", "averaged", "schedule-free, warm-up"]
)
@pytest.mark.parametrize("network", ["tanh with dropout", "regression", "exact statistics"])
def test_pieces_and_restores_at_every_mini_batch_have_the_bits_of_whole_epochs(engine: Engine, network: str, recipe):
    architecture, optimisation = NETWORKS[network], RECIPES[recipe]
    whole = start(engine, architecture, optimisation, ROWS)
    _, epochs = whole.train(2, never())
    steps = steps_per_epoch(architecture, optimisation, ROWS)
    pieces = start(engine, architecture, optimisation, ROWS)
    for epoch in range(2):
        rates = step_rates(optimisation, epoch, steps)
        for i in range(steps):
            assert (pieces.epoch, pieces.step) == (epoch, epoch * steps + i)
            outcome, piece = pieces.train_steps(rates[i : i + 1], never())
            assert outcome is Outcome.TRAINED
            assert len(piece.losses) == 1
            assert piece.ended == (i == steps - 1)
            pieces = start(engine, architecture, optimisation, ROWS, state=pieces.state())
        assert piece.train_loss == pytest.approx(epochs[epoch].train_loss, rel=1e-15)
    assert bits(pieces.state()) == bits(whole.state())
    assert bits(pieces.inference_state()) == bits(whole.inference_state())


def test_an_epoch_under_way_is_finished_by_train(engine: Engine):
    architecture, optimisation = NETWORKS["default"], RECIPES["adamw, cosine by the step, warm-up"]
    whole = start(engine, architecture, optimisation, ROWS)
    _, epochs = whole.train(3, never())
    half = start(engine, architecture, optimisation, ROWS)
    half.train_steps(step_rates(optimisation, 0, 5)[:3], never())
    outcome, done = half.train(3, never())
    assert outcome is Outcome.TRAINED
    assert [replace(epoch, seconds=0) for epoch in done] == [replace(epoch, seconds=0) for epoch in epochs]
    assert bits(half.state()) == bits(whole.state())


def test_a_piece_never_goes_beyond_its_epoch_and_a_set_flag_ends_it_before_a_step(engine: Engine):
    architecture, optimisation = NETWORKS["default"], RECIPES["momentum"]  # 48 + 48 + 48 + 6 rows
    training = start(engine, architecture, optimisation, ROWS)
    outcome, piece = training.train_steps(np.full(100, 0.1), never())
    assert (outcome, len(piece.losses), piece.ended, training.epoch, training.row) == (Outcome.TRAINED, 4, True, 1, 0)
    before = bits(training.state())
    outcome, piece = training.train_steps(np.full(4, 0.1), np.ones(1, np.uint8))
    assert (outcome, len(piece.losses), piece.ended) == (Outcome.INTERRUPTED, 0, False)
    assert bits(training.state()) == before


def test_a_piece_that_diverges_says_so_at_its_step(engine: Engine):
    training = start(engine, NETWORKS["without batch norm"], RECIPES["sgd"])
    training.turn(NETWORKS["without batch norm"], replace(RECIPES["sgd"], batch_size=10))
    outcome, piece = training.train_steps(np.array([0.1, 1e30, 0.1, 0.1, 0.1, 0.1, 0.1]), never())
    assert outcome is Outcome.DIVERGED
    assert np.isfinite(piece.losses[:-1]).all()
    assert not np.isfinite(piece.losses[-1])
    assert len(piece.losses) in (3, 4, 5)
    assert not piece.ended


TURNS = {
    "another batch size": (RECIPES["adam"], replace(RECIPES["adam"], batch_size=7, l2=0.1, clip_norm=0.5)),
    "another beta": (RECIPES["adam"], replace(RECIPES["adam"], beta1=0.5, beta2=0.9)),
    "momentum to adam": (RECIPES["momentum"], RECIPES["adam"]),
    "rmsprop to adamw": (RECIPES["rmsprop"], replace(RECIPES["adam"], optimizer="adamw")),
    "sgd to nesterov": (RECIPES["sgd"], RECIPES["nesterov, clipped"]),
    "adam to sgd": (RECIPES["adam"], RECIPES["sgd"]),
    "averaging begins": (RECIPES["adam"], RECIPES["averaged"]),
    "averaging ends": (RECIPES["averaged"], RECIPES["rmsprop"]),
    "another averaging": (RECIPES["averaged"], replace(RECIPES["averaged"], averaging=0.5)),
    "adamw to schedule-free": (RECIPES["adamw, cosine by the step, warm-up"], RECIPES["schedule-free, warm-up"]),
    "schedule-free to adam": (RECIPES["schedule-free, warm-up"], RECIPES["adam"]),
    "another beta1 of schedule-free": (
        RECIPES["schedule-free, warm-up"],
        replace(RECIPES["schedule-free, warm-up"], beta1=0.6, learning_rate=0.02, weight_decay=0.0),
    ),
}


@pytest.mark.parametrize("turn", TURNS)
def test_engines_agree_with_nn_through_a_turn(engine: Engine, turn: str):
    before, after = TURNS[turn]
    architecture = NETWORKS["tanh with dropout"]
    other = replace(architecture, dropout=0.1)

    def nursed(by: Engine):
        training = start(by, architecture, before, ROWS)
        training.train(2, never())
        training.train_steps(np.full(1, 0.01), never())
        training.turn(other, after)
        training.train(6, never())
        return {**training.state(), **{f"predicts.{name}": a for name, a in training.inference_state().items()}}

    ours, true = nursed(engine), nursed(engine_named("reference"))
    assert list(ours) == list(true)
    for name, array in true.items():
        scale = max(1.0, float(np.abs(array).max()))
        assert float(np.abs(ours[name] - array).mean()) < 2e-4 * scale, name


def test_every_row_is_visited_once_in_an_epoch_whose_batch_size_was_turned(engine: Engine):
    """Of a linear network with gradient descent at rate 0, the mean loss of an epoch is that of its rows."""
    architecture = Architecture(20, 3, ())
    optimisation = Optimisation("sgd", learning_rate=1.0, batch_size=32)
    training = start(engine, architecture, optimisation, ROWS)
    expected = float(training.train_steps(np.zeros(5), never())[1].train_loss)
    training.train_steps(np.zeros(2), never())
    assert training.row == 64
    training.turn(architecture, replace(optimisation, batch_size=11))
    _, piece = training.train_steps(np.zeros(100), never())
    assert (piece.ended, len(piece.losses)) == (True, 8)  # 86 rows left, by 11
    assert piece.train_loss == pytest.approx(expected, rel=1e-6)


def test_an_architecture_cannot_be_turned(engine: Engine):
    training = start(engine, NETWORKS["default"], RECIPES["adam"])
    with pytest.raises(ConfigError, match="hidden_units cannot be changed while a network trains"):
        training.turn(replace(NETWORKS["default"], hidden_units=(9,)), RECIPES["adam"])


@pytest.mark.parametrize("recipe", ["adam", "averaged", "schedule-free, warm-up"])
def test_a_turn_of_the_learning_rate_changes_no_array(engine: Engine, recipe: str):
    training = start(engine, NETWORKS["default"], RECIPES[recipe])
    training.train(1, never())
    before = bits(training.state())
    training.turn(NETWORKS["default"], replace(RECIPES[recipe], learning_rate=7.0, l2=0.5, clip_norm=0.7))
    assert bits(training.state()) == before


@pytest.mark.parametrize("network", ["default", "scaled inputs", "without batch norm"])
def test_what_schedule_free_predicts_outlives_every_turn_of_it(engine: Engine, network: str):
    architecture, rule = NETWORKS[network], RECIPES["schedule-free, warm-up"]
    training = start(engine, architecture, rule)
    training.train(2, never())
    before, predicts = training.state(), training.inference_state()
    training.turn(architecture, replace(rule, beta1=0.5))
    after, predicts_after = training.state(), training.inference_state()
    for name in parameter_shapes(architecture):
        assert after[f"{name}.base"].tobytes() == before[f"{name}.base"].tobytes()
        np.testing.assert_allclose(predicts_after[name], predicts[name], rtol=1e-6, atol=1e-7)
        halfway = (after[f"{name}.base"].astype(np.float64) + predicts[name]) / 2
        np.testing.assert_allclose(after[name], halfway, rtol=1e-6, atol=1e-7)
    assert after["squared_rates"] == before["squared_rates"] > 0
    training.turn(architecture, RECIPES["adam"])
    plain = training.state()
    assert "squared_rates" not in plain
    for name in parameter_shapes(architecture):
        assert plain[name].tobytes() == predicts_after[name].tobytes()
        assert plain[f"{name}.second"].tobytes() == before[f"{name}.second"].tobytes()
        assert not plain[f"{name}.first"].any()
    training.turn(architecture, rule)
    back = training.inference_state()
    assert "squared_rates" not in back  # its average begins again
    for name in parameter_shapes(architecture):
        for array in (back[name], training.state()[name], back[f"{name}.base"]):
            assert array.tobytes() == plain[name].tobytes()
    training.train_steps(np.array([0.01]), never())
    for name in parameter_shapes(architecture):  # its first step is all of the average
        np.testing.assert_allclose(
            training.inference_state()[name], training.state()[f"{name}.base"], rtol=1e-6, atol=1e-7
        )


def test_momentum_that_becomes_adam_is_adam_with_its_moments_put_into_torch():
    """PyTorch's Adam, given momentum's average as exp_avg with the age that its weights have, takes the same steps."""
    before = Optimisation("momentum", momentum=0.8)
    after = Optimisation("adam", beta1=0.95, beta2=0.99)
    random = np.random.default_rng(0)
    gradients = random.normal(size=(40, 3))
    first = np.zeros(3)
    for g in gradients[:10]:
        first = exponentially_weighted(first, g, 0.8)
    state = {"w": np.zeros(3), "w.first": first, "step": np.array(10), "epoch": np.array(1)}
    now = turned(state, before, after, ["w"])
    place = place_of(now)
    assert now["w.first"].tobytes() == first.tobytes()
    assert 1 - 0.95**place.first_steps == pytest.approx(1 - 0.8**10)
    assert place.second_steps == 0
    p, moments = now["w"], {"first": now["w.first"], "second": now["w.second"]}
    w = torch.zeros(3, dtype=torch.float64)
    m, v = torch.tensor(first), torch.zeros(3, dtype=torch.float64)
    weight_first, weight_second = 1 - 0.8**10, 0.0  # what the averages' weights add up to, kept by hand
    for i, g in enumerate(gradients[10:], start=1):
        ages = {"first": place.first_steps + i, "second": place.second_steps + i}
        new = update(recipe(after), p, g, moments, ages, 0.1)
        p, moments = new["p"], {"first": new["first"], "second": new["second"]}
        m, v = 0.95 * m + 0.05 * torch.tensor(g), 0.99 * v + 0.01 * torch.tensor(g) ** 2
        weight_first, weight_second = 0.95 * weight_first + 0.05, 0.99 * weight_second + 0.01
        w = w - 0.1 * (m / weight_first) / (torch.sqrt(v / weight_second) + after.epsilon)
        assert p == pytest.approx(w.numpy(), rel=1e-9)


@example([(0.5, 1), (0.0, 0), (0.5, 1)], 0)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 0.9, 0.999]), st.integers(0, 6)), min_size=1, max_size=6),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_a_moment_s_correction_stays_exact_whatever_its_betas_were(periods, seed):
    """The corrected average of a constant is that constant: its weights add up to 1."""
    theta = np.random.default_rng(seed).normal(size=2)
    state = {"w": np.zeros(2), "w.first": np.zeros(2), "step": np.array(0), "epoch": np.array(0)}
    beta_before, seen_any = periods[0][0], False
    for beta, steps in periods:
        before, after = (Optimisation("momentum", momentum=b) for b in (beta_before, beta))
        state = turned(state, before, after, ["w"])
        place = place_of(state)
        t, v = place.first_steps, state["w.first"]
        for _ in range(steps):
            v, t, seen_any = exponentially_weighted(v, theta, beta), t + 1, True
            assert bias_corrected(v, beta, t) == pytest.approx(theta, rel=1e-6)
        state = {**state, "w.first": v, "first_steps": np.array(t)}
        beta_before = beta
    assert seen_any or not np.any(state["w.first"])


def test_states_of_before_pieces_still_restore(engine: Engine):
    architecture, optimisation = NETWORKS["default"], RECIPES["adam"]
    training = start(engine, architecture, optimisation)
    training.train(2, never())
    old = {name: a for name, a in training.state().items() if name in ("step", "epoch") or "layer" in name}
    again = start(engine, architecture, optimisation, state=old)
    again.train(3, never())
    training.train(3, never())
    assert bits(again.state()) == bits(training.state())


@pytest.mark.parametrize("decay", [name for name in SCHEDULES if name != "coslog4"])  # it is for steps alone
@pytest.mark.parametrize("by", ["epoch", "step"])
def test_rates_from_the_start_are_those_of_the_schedule_to_the_bit(decay: str, by: str):
    optimisation = Optimisation(decay=decay, decay_rate=0.3, decay_by=by, warmup_steps=9, learning_rate=0.017)
    for epoch in range(4):
        expected = step_rates(optimisation, epoch, 7)
        for done in range(7):
            ours = rates_from(optimisation, 0.0, epoch, done, 7, epoch * 7 + done, 7 - done)
            assert ours.tobytes() == expected[done:].tobytes()


@pytest.mark.parametrize("by", ["epoch", "step"])
def test_a_schedule_that_begins_anew_begins_with_the_rate_that_was_asked_for(by: str):
    optimisation = Optimisation(decay="inverse", decay_rate=1.0, decay_by=by, learning_rate=0.5)
    since = 12 + 3 / 7 if by == "step" else 12.0
    assert rates_from(optimisation, since, 12, 3, 7, 87, 1)[0] == 0.5
    assert rates_from(optimisation, since, 14, 3, 7, 101, 1)[0] == pytest.approx(0.5 / 3)


def test_names_of_parameters_are_what_turned_takes():
    assert list(parameter_shapes(Architecture(3, 2, (4,)))) == [
        "layer1.w",
        "layer1.gamma",
        "layer1.beta",
        "layer2.w",
        "layer2.b",
    ]
