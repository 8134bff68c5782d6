"""The range test suggests a rate between the fall of the loss and its rise, whatever the noise; or it finds none."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.analysis import learning_rate_range as test
from caviar.data.dataset import prepare
from caviar.data.table import table
from caviar.errors import ConfigError, NoAnswer
from caviar.learners.contract import TrainingData

STEPS = 200
RATES = np.geomspace(1e-6, 10, STEPS)


def curve(falls_at: float, rises_at: float, noise: float, seed: int, until: float = 10.0) -> list[float]:
    """Losses that fall from 2 to 1 around one rate, in a decade and a half, and explode above another."""
    decades = np.log10(RATES)
    fall = 1 / (1 + np.exp(-4 * (decades - math.log10(falls_at))))
    rise = (RATES / rises_at) ** 2
    losses = 2 - fall + rise + noise * np.random.default_rng(seed).normal(size=STEPS)
    return [float(loss) for loss in losses[: np.searchsorted(RATES, until, "right")]]


def smoothed(losses: list[float]) -> list[float]:
    """pandas' weighted average with adjusted weights is the bias-corrected one."""
    return [float(v) for v in pd.Series(losses).ewm(alpha=0.05, adjust=True).mean()]


def read(losses: list[float]) -> tuple[float, float | None]:
    return test.read(RATES[: len(losses)].tolist(), losses, smoothed(losses), STEPS)


@given(
    falls_at=st.floats(1e-4, 1e-2),
    apart=st.floats(100, 1000),
    noise=st.floats(0, 0.2),
    seed=st.integers(0, 10**6),
)
def test_suggestion_lies_between_the_fall_and_the_rise(falls_at: float, apart: float, noise: float, seed: int) -> None:
    rises_at = min(falls_at * apart, 5.0)
    suggested, largest = read(curve(falls_at, rises_at, noise, seed))
    assert falls_at / 3 < suggested < rises_at
    assert largest is not None
    assert suggested <= largest / 3 * 1.0001


@given(noise=st.floats(0, 0.2), seed=st.integers(0, 10**6), factor=st.floats(1e-3, 1e3))
def test_the_unit_of_the_loss_does_not_matter(noise: float, seed: int, factor: float) -> None:
    losses = curve(1e-3, 0.5, noise, seed)
    assert read([factor * loss for loss in losses]) == pytest.approx(read(losses))


def is_a_fall(losses: list[float]) -> bool:
    try:
        read(losses)
    except NoAnswer:
        return False
    return True


@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_noise_alone_is_no_fall(noise: float) -> None:
    draws = 2 + noise * np.random.default_rng(1).normal(size=(200, STEPS))
    assert sum(is_a_fall(draw.tolist()) for draw in draws) <= 6


def test_a_range_that_ends_too_soon_names_no_limit() -> None:
    suggested, largest = read(curve(1e-3, 5.0, 0.05, 1, until=3e-3))
    assert largest is None
    assert suggested <= 3e-3


def test_the_first_mini_batches_do_not_count() -> None:
    """A steep fall of the first averages, which are of a few mini-batches, was once taken for the best rate."""
    losses = curve(1e-3, 0.5, 0.0, 1)
    losses[:3] = [6.0, 5.0, 4.0]
    assert read(losses)[0] == pytest.approx(read(curve(1e-3, 0.5, 0.0, 1))[0], rel=0.5)


def test_a_loss_that_explodes_at_once_is_no_curve() -> None:
    with pytest.raises(NoAnswer, match="explodes"):
        read([2.0, math.inf, math.inf])
    with pytest.raises(NoAnswer, match="explodes"):
        read([math.inf] * STEPS)


def noisy(kind: str, seed: int) -> TrainingData:
    stream = np.random.default_rng(7)
    x = stream.normal(size=(300, 5))
    y = x[:, 0] - x[:, 1] + (2 if kind == "noisy" else 0.1) * stream.normal(size=300)
    frame = pd.DataFrame(x, columns=list("abcde"))
    labels = np.where(y > 0, "up", "down") if kind == "classes" else y
    return TrainingData.of(prepare(table(frame, pd.Series(labels, name="y"), kind), seed))


@pytest.mark.parametrize("kind", ["noisy", "clear", "classes"])
def test_small_tables_get_a_usable_rate_with_every_seed(kind: str) -> None:
    found = [test.find({}, noisy(kind, seed), seed) for seed in range(5)]
    assert all(3e-3 < one.suggested < 0.3 for one in found)  # the default network does well from 1e-3 to 1
    assert all(len(one.rates) == len(one.losses) == len(one.smoothed) for one in found)
    assert found[0] == test.find({}, noisy(kind, 0), 0)


def test_smoothing_is_the_weighted_average_of_pandas() -> None:
    found = test.find({}, noisy("clear", 0), 0)
    assert found.smoothed == pytest.approx(smoothed(list(found.losses)))


def test_limits_that_are_none_are_refused() -> None:
    data = noisy("clear", 0)
    with pytest.raises(ConfigError, match="swap them"):
        test.find({}, data, low=1.0, high=0.1)
    with pytest.raises(ConfigError, match="at least 20"):
        test.find({}, data, steps=19)
    with pytest.raises(NoAnswer, match="explodes"):
        test.find({"optimizer": "sgd", "batch_norm": False}, data, low=1e8, high=1e12)


def test_labels_stand_at_their_lines() -> None:
    """On a logarithmic axis plotly draws a line at a value, and a text at its logarithm."""
    found = test.find({}, noisy("clear", 0), 0)
    assert found.largest is not None
    drawn = test.figure(found, "clear")
    lines = [shape.x0 for shape in drawn.layout.shapes]
    texts = [10**annotation.x for annotation in drawn.layout.annotations]
    assert lines == pytest.approx([found.suggested, found.largest])
    assert texts == pytest.approx(lines)
