"""Each of the nurse's rules alone, on histories made by hand, and what comes of them together."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.runs.epochs import Epochs
from caviar.runs.rules import THRESHOLDS, Sight, advise, smoothed

CHANCE = math.log(10)


def layer(**changes: float) -> dict[str, float]:
    healthy = {"gradient_norm": 0.1, "update_to_weight": 1e-3, "dead": 0.0, "saturated": 0.0}
    return {**healthy, **changes}


def epochs(training: list[float], validation: list[float], inside=None):
    return [
        {"epoch": i, "train_loss": t, "validation_loss": v, "inside": inside or [layer(), layer()]}
        for i, (t, v) in enumerate(zip(training, validation, strict=True), start=1)
    ]


def seen(training: list[float], validation: list[float], **rest) -> Sight:
    measured = epochs(training, validation, rest.pop("inside", None))
    return Sight(losses=[], epochs=Epochs(measured), chance_loss=CHANCE, epoch_ended=True, **rest)


def rules(sight: Sight) -> list[str]:
    return [advice.rule for advice in advise(sight)]


def falling(n: int, start: float = 2.0, factor: float = 0.9) -> list[float]:
    return [start * factor**i for i in range(n)]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50), st.floats(0.0, 0.99))
def test_the_smoothed_loss_is_pandas_adjusted_average(losses: list[float], beta: float):
    expected = pd.Series(losses).ewm(alpha=1 - beta, adjust=True).mean().iloc[-1]
    assert smoothed(losses, beta) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_nothing_is_said_of_a_run_that_goes_well():
    assert rules(seen(falling(40), falling(40))) == []


def test_a_nan_leads_back():
    (advice,) = advise(Sight([1.0, math.nan], Epochs(), CHANCE, finite=False))
    assert (advice.rule, advice.action) == ("diverged", "rollback")


def test_an_explosion_is_seen_before_it_is_infinite_and_one_odd_mini_batch_is_none():
    done = Epochs(epochs(falling(5), falling(5)))
    calm = [1.3] * 30
    assert rules(Sight(calm, done, CHANCE)) == []
    assert rules(Sight([*calm, 12.0], done, CHANCE)) == []
    assert rules(Sight([*calm, *[12.0] * 5], done, CHANCE)) == ["exploding"]


def test_a_small_loss_may_triple():
    done = Epochs(epochs([0.01], [0.01]))
    assert rules(Sight([0.05] * 100, done, CHANCE)) == []


def test_before_the_first_epoch_an_explosion_is_measured_by_the_loss_of_chance():
    assert rules(Sight([2.0 * CHANCE] * 20, Epochs(), CHANCE)) == []
    assert rules(Sight([4.0 * CHANCE] * 20, Epochs(), CHANCE)) == ["exploding"]


def test_an_epoch_far_worse_on_both_parts_leads_back_and_on_one_does_not():
    good = falling(6, 0.5)
    assert rules(seen([*good, 2.0], [*good, 2.0])) == ["worsened"]
    assert "worsened" not in rules(seen([*good, 0.2], [*good, 2.0]))
    assert "worsened" not in rules(seen([*good, 2.0], [*good, 0.2]))


def test_a_rate_that_was_turned_up_and_made_two_epochs_worse_is_regretted():
    before, after = [1.0, 0.5], [0.6, 0.56]
    worse = seen([*before, *after], [*before, *after], rate_increased=2)
    assert rules(worse) == ["regretted"]
    assert rules(replace(worse, rate_increased=None)) == []
    assert rules(seen([*before, 0.6], [*before, 0.6], rate_increased=2)) == []  # one epoch may be the price of it
    assert rules(seen([*before, 0.6, 0.51], [*before, 0.6, 0.51], rate_increased=2)) == []
    assert rules(seen([*before, *after], [*before, 0.6, 0.45], rate_increased=2)) == []  # validation gained


def test_a_plateau_proposes_a_decay_of_the_rate_in_force():
    flat = [*falling(5, 1.0), *[0.66] * 11]
    sight = seen(flat, flat, knobs={"learning_rate": 0.1})
    (advice,) = advise(sight)
    assert (advice.rule, advice.action) == ("plateau", "turn")
    assert advice.changes["learning_rate"] == pytest.approx(0.03)
    assert rules(replace(sight, since_turn=3)) == []  # it was just turned: wait
    assert rules(seen([*falling(16, 1.0)], flat, knobs={"learning_rate": 0.1})) == []  # training still falls


def test_overfitting_is_validation_that_turns_while_training_falls():
    turning = [1.0, 0.8, 0.6, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9]
    assert rules(seen(falling(9), turning)) == ["overfitting"]
    assert rules(seen(falling(6), turning[:6])) == []  # too early to say
    assert "overfitting" not in rules(seen(turning, turning))  # training turns too: something else
    lucky = [1.0, 0.8, 0.6, 0.3, 0.55, 0.5, 0.48, 0.46, 0.45, 0.44, 0.43]  # one epoch by luck, and it still falls
    assert rules(seen(falling(11), lucky)) == []


@pytest.mark.parametrize(
    ("ill", "rule"),
    [
        ([layer(gradient_norm=1e-7), layer()], "vanishing"),
        ([layer(gradient_norm=1e5), layer(gradient_norm=1e5)], "vanishing"),
        ([layer(dead=0.8), layer()], "dead"),
        ([layer(saturated=0.7), layer()], "saturated"),
        ([layer(update_to_weight=0.5), layer(update_to_weight=0.4)], "tearing"),
    ],
)
def test_an_ill_layer_is_named_when_it_stays_ill(ill, rule: str):
    assert rules(seen(falling(3), falling(3), inside=ill)) == [rule]
    once = seen(falling(3), falling(3))
    once.epochs[-1]["inside"] = ill  # type: ignore[index]
    assert rules(once) == []


def test_after_too_many_rollbacks_she_stops_with_advice():
    sight = Sight([math.nan], Epochs(), CHANCE, finite=False, rollbacks=THRESHOLDS.rollbacks)
    (advice,) = advise(sight)
    assert advice.action == "stop"
    assert "ten times smaller" in advice.text


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_noise_around_a_falling_loss_is_no_reason_to_act(seed: int, n: int):
    """Multiplicative noise of 10 %, as a mini-batch's has at the end of a training, but for one draw in twenty."""
    random = np.random.default_rng(seed)
    noisy = (np.array(falling(n, 2.0, 0.95)) * random.normal(1, 0.1, n).clip(0.8, 1.2)).tolist()
    sight = replace(seen(noisy, noisy), losses=(noisy[-1] * random.normal(1, 0.3, 200).clip(0.1, 2)).tolist())
    assert [advice for advice in advise(sight) if advice.action == "rollback"] == []
