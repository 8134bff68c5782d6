"""The choice of a target's scale: by more than the noise, and the same every time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from caviar.analysis.target_scale import ABSURD, Choice, better, note_on_absurd
from caviar.data.dataset import prepare
from caviar.data.read import read


def straight(rows: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "c"])
    return frame.assign(y=(50 + 3 * frame.a - 2 * frame.b + rng.normal(size=rows)).round(3))


def test_a_straight_target_stays_as_it_is_and_nothing_is_said():
    choices = []

    def choose(*rows):
        choices.extend([Choice(None, seed, None, seconds)(*rows) for seed, seconds in ((0, None), (1, None), (0, 5.0))])
        return choices[0]

    prepare(read(straight(), "y"), 0, choose=choose)
    assert choices == [("plain", ())] * 3


def test_a_scale_is_taken_only_where_it_is_better_by_more_than_the_noise():
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=400)
    near, far = wanted + 0.3 * rng.normal(size=400), wanted + 0.4 * rng.normal(size=400)
    assert better({"plain": far, "log": near, "quantile": far}, wanted) == "log"
    assert better({"plain": near, "log": far, "quantile": far}, wanted) == "plain"
    nearer = near + 0.001 * rng.normal(size=400)  # as good but for noise
    assert better({"plain": near, "log": nearer}, wanted) == "plain"
    lucky = np.where(np.arange(400) == 7, wanted, far)  # one row does not decide
    assert better({"plain": far, "log": lucky}, wanted) == "plain"
    assert better({"log": near}, wanted) == "plain"  # the plain one diverged
    wild = np.where(np.arange(400) == 7, 50.0, near)
    assert better({"plain": far, "log": wild}, wanted) == "plain"
    assert better({"plain": far, "log": near, "quantile": wild}, wanted, absolute=True) == "log"


def test_where_one_row_makes_up_the_squared_errors_absolute_ones_decide():
    rng = np.random.default_rng(0)
    wanted = np.exp(2 * rng.normal(size=400))
    one = wanted.argmax()
    wide, narrow = (wanted * np.exp(size * rng.normal(size=400)) for size in (0.9, 0.3))
    wide[one], narrow[one] = 0.0, 0.2 * wanted[one]  # within 1 standard error, whatever the other 399 rows say
    assert better({"plain": wide, "log": narrow}, wanted) == "log"
    assert better({"plain": narrow, "log": wide}, wanted) == "plain"


def test_a_prediction_that_explodes_is_worse_though_absolute_errors_are_smaller():
    wanted, plain, log = np.zeros(400), np.ones(400), np.full(400, 0.2)
    for explodes, best in ((25.0, "log"), (40.0, "plain")):  # -0.4 and -0.8 standard errors
        log[0] = explodes
        assert np.abs(log).sum() < np.abs(plain).sum()
        assert (log**2).sum() > (plain**2).sum()
        assert better({"plain": plain, "log": log}, wanted) == best


def test_medians_are_not_taken_for_means_only_because_their_absolute_errors_are_smaller():
    wanted = np.exp(np.random.default_rng(0).normal(size=5000))
    mean, median = np.full(5000, wanted.mean()), np.full(5000, np.median(wanted))
    assert better({"plain": mean, "log": median}, wanted) == "plain"
    assert better({"plain": mean, "log": median}, wanted, absolute=True) == "log"


@pytest.mark.parametrize("seed", range(4))
def test_a_lognormal_target_is_learned_on_another_scale_every_time(seed: int):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2000, 6))
    frame = pd.DataFrame(x, columns=list("abcdef"))
    frame["y"] = 1000 * np.exp(1.5 * x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * rng.normal(size=2000))
    chosen = []

    def choose(*rows):
        chosen.extend(Choice(None, seed, None, 10.0)(*rows) for _ in range(2))
        return chosen[0]

    prepare(read(frame, "y"), seed, choose=choose)
    assert chosen[0].name != "plain"
    assert chosen[0] == chosen[1]
    assert len(chosen[0].notes) == 1  # such tails are not absurd


def test_absurd_numbers_are_said_and_leave_out_the_scale_that_runs_towards_them():
    frame = straight()
    frame.loc[[5, 77], "y"] = 1e12
    found = {}

    def choose(*rows):
        found.update({metric: Choice(None, 0, metric, 5.0)(*rows) for metric in ("r2", "mae")})
        return found["r2"]

    prepare(read(frame, "y"), 0, choose=choose)
    assert found["mae"].name == found["r2"].name == "log"
    [note] = [note for note in found["r2"].notes if "middle" in note]
    assert note.endswith('look at them, or choose by absolute errors: `metric="mae"`')
    assert not [note for note in found["mae"].notes if "middle" in note]


def test_a_number_is_absurd_beyond_a_thousand_widths_of_the_middle():
    y = np.linspace(0, 1, 101)  # the middle, 0.01 to 0.99, is 0.98 wide
    y[0] = 0.01 - 0.98 * ABSURD * 0.999
    assert note_on_absurd("'y'", y) == ()
    y[0] = 0.01 - 0.98 * ABSURD * 1.001
    [note] = note_on_absurd("'y'", y)
    assert note.startswith("the target 'y' of 1 of the 101 rows")
    assert "such as -980.97" in note
    assert note_on_absurd("'y'", np.where(np.arange(100) == 3, 7.0, 0.0)) == ()  # a rare event: there is no width


@pytest.mark.parametrize("absolute", [False, True])
def test_numbers_of_any_size_are_compared(absolute: bool):
    wanted = 1e90 * np.random.default_rng(0).normal(size=200)
    said = {"plain": wanted + 1e90, "log": wanted + 1e88 * np.linspace(1, 2, 200)}
    assert better(said, wanted, absolute) == "log"  # and no warning
