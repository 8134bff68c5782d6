"""The learning-rate range test: a short training whose learning rate grows at every mini-batch.

    rate     from ``low`` to ``high``, the same factor at every mini-batch
    loss     of a mini-batch, the mean of ``TRAININGS`` networks side by side, each with its own weights and order of
             rows; exponentially weighted with bias correction, over a tenth of the test
    level    the loss before it falls: the weighted one after the first tenth, for the first averages are of too few
             mini-batches to be compared with
    lowest   the smallest weighted loss
    fall     level - lowest

The suggestion is the rate at which nine tenths of the fall are done, but at most a third of the rate of the lowest
loss. Above the rate of the lowest loss training becomes unstable. The test ends where the loss is above its level, and
above ``ENDS`` times the lowest.

Sources: Smith, Cyclical learning rates for training neural networks, 2017, section 3.3; Howard and Gugger, fastai, 2020
(the smoothing, the end at four times the best). fastai suggests the steepest point, or a tenth of the rate of the
lowest loss. Both are read from one or two noisy numbers, and the steepest point is often ten times too low:
benchmarks/learning_rates.py measures them beside this rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from caviar.errors import ConfigError, NoAnswer
from caviar.learners.contract import Keys, Outcome, TrainingData, never
from caviar.learners.dense.learner import DenseLearner
from caviar.nn.averages import bias_corrected, exponentially_weighted
from caviar.records import Config

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ENDS = 4.0
FALLEN = 0.9
"""Share of the fall after which the suggestion lies."""
STEPS, FEWEST = 200, 20
TRAININGS = 5  # one alone is off by a factor of 30 now and then, where the loss hardly falls
LOW, HIGH = 1e-6, 10.0
_WINDOW = 10  # an average is over one in so many of all mini-batches: at 200 that is beta = 0.95
_ROSE = 0.1  # share of the fall that a loss must rise again to be called unstable
_LEAST = 0.02  # share of the level that must be lost for a fall
_NOISES = 5.0  # standard errors that must be lost: by noise alone the lowest of many averages is 2 or 3 below the first
_AT_ONCE = 10  # mini-batches between two looks at the loss


@dataclass(frozen=True)
class Found:
    """The curve, and what it suggests.

    ``suggested`` is the rate to start with; above ``largest`` training becomes unstable. ``largest`` is None where the
    loss never rose again, so that larger rates than those of the test may do.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggested: float
    largest: float | None


def find(
    config: Config,
    data: TrainingData,
    seed: int = 0,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
    engine: str = "native",
) -> Found:
    """Train ``steps`` mini-batches at rates from ``low`` to ``high``, or until the loss explodes, and read the curve.

    The networks are those of ``config``, without its warm-up. Raises ConfigError for limits that are none, NoAnswer for
    a loss that never falls.
    """
    if not 0 < low < high < math.inf:
        raise ConfigError(f"a range test goes from a low rate to a higher one, got {low:g} to {high:g}", "swap them")
    if steps < FEWEST:
        raise ConfigError(
            f"`steps` must be at least {FEWEST} mini-batches to see a curve, got {steps}", f"leave it out for {STEPS}"
        )
    learner, alone = DenseLearner(engine), dict(config) | {"warmup_steps": 0}
    networks = [learner.start(alone, data, Keys.of(seed, trial)) for trial in range(TRAININGS)]
    rates = np.geomspace(low, high, steps)
    beta = 1 - _WINDOW / steps
    losses: list[float] = []
    smoothed: list[float] = []
    v = 0.0
    while len(losses) < steps:
        trained = [network.train_steps(rates[len(losses) : len(losses) + _AT_ONCE], never()) for network in networks]
        for each in zip(*(done.losses.tolist() for _, done in trained), strict=False):  # one that diverged has fewer
            losses.append(sum(each) / TRAININGS)
            v = float(exponentially_weighted(np.float64(v), np.float64(losses[-1]), beta))  # type: ignore[arg-type]
            smoothed.append(float(bias_corrected(np.float64(v), beta, len(losses))))  # type: ignore[arg-type]
        settled = smoothed[steps // _WINDOW :]
        if any(outcome is Outcome.DIVERGED for outcome, _ in trained):
            break
        if settled and not smoothed[-1] <= max(ENDS * min(settled), settled[0]):
            break
    tried = rates[: len(losses)].tolist()
    suggested, largest = read(tried, losses, smoothed, steps)
    return Found(tuple(tried), tuple(losses), tuple(smoothed), suggested, largest)


def read(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], steps: int
) -> tuple[float, float | None]:
    """The rate to start with and the one of the lowest loss, None if it never rose again; see the head of this file.

    ``steps`` is the length of the whole test, of which the curve may be the beginning. Raises NoAnswer for a loss that
    never fell, or by no more than the noise of its average.
    """
    settled = steps // _WINDOW
    values = np.where(np.isfinite(smoothed), smoothed, np.inf)
    if len(values) <= settled or not math.isfinite(values[settled]):
        raise NoAnswer(
            f"the loss explodes at a learning rate of {rates[-1]:.3g}, before it could fall", "begin lower: `low=1e-9`"
        )
    level, lowest = values[settled], settled + int(np.argmin(values[settled:]))
    fall = level - values[lowest]
    noise = float(np.std(losses[: 2 * settled])) * math.sqrt(_WINDOW / (2 * steps))  # of an average with this beta
    if not fall > max(_LEAST * abs(level), _NOISES * noise):
        raise NoAnswer(
            f"the loss never fell clearly at a learning rate from {rates[0]:.3g} to {rates[-1]:.3g}",
            "try a wider range: `low=1e-9`, `high=100`",
        )
    fallen = settled + int(np.argmax(values[settled : lowest + 1] <= level - FALLEN * fall))
    if not values[-1] > values[lowest] + _ROSE * fall:
        return rates[fallen], None
    return min(rates[fallen], max(rates[lowest] / 3, rates[0])), rates[lowest]


def figure(found: Found, title: str) -> Figure:
    """The curve as a plotly figure."""
    import plotly.graph_objects as go

    drawn = go.Figure()
    drawn.add_scatter(x=found.rates, y=found.losses, mode="markers", name="loss of a mini-batch", opacity=0.3)
    drawn.add_scatter(x=found.rates, y=found.smoothed, mode="lines", name="smoothed, bias corrected")
    _mark(drawn, found.suggested, f"start near {found.suggested:.2g}", "dash", "right")
    if found.largest is not None:
        _mark(drawn, found.largest, f"unstable above {found.largest:.2g}", "dot", "left")
    drawn.update_layout(
        title=title, xaxis_title="learning rate", yaxis_title="loss", yaxis_range=[0, 1.5 * highest(found)]
    )
    drawn.update_xaxes(type="log", exponentformat="power")
    return drawn


def highest(found: Found) -> float:
    """The largest smoothed loss before it rises: the top of a picture, for after that it explodes."""
    until = len(found.rates) if found.largest is None else found.rates.index(found.largest) + 1
    return max(found.smoothed[:until])


def _mark(drawn: Figure, rate: float, text: str, dash: str, anchor: str) -> None:
    """Draw a line at ``rate`` with ``text`` beside it. On a logarithmic axis plotly places a text by the logarithm."""
    drawn.add_vline(x=rate, line_dash=dash)
    drawn.add_annotation(
        x=math.log10(rate), y=1, yref="paper", yanchor="top", xanchor=anchor, showarrow=False, text=f" {text} "
    )
