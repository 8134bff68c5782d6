"""The learning-rate range test: one short training whose learning rate grows at every mini-batch.

    rate   from ``low`` to ``high``, the same factor at every mini-batch
    loss   exponentially weighted with bias correction; the test ends where it is ``ENDS`` times the smallest so far

The suggestion is the rate at which the loss falls steepest over the logarithm of the rate; the largest that may do is a
third of the one at which the loss began to rise.

Sources: Smith, Cyclical learning rates for training neural networks, 2017, section 3.3; Howard and Gugger, fastai, 2020
(the smoothing, the end at four times the best, the steepest point).
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
SMOOTHING = 0.95
STEPS = 200
LOW, HIGH = 1e-6, 10.0
_AT_ONCE = 10  # mini-batches between two looks at the loss


@dataclass(frozen=True)
class Found:
    """The curve, and what it suggests: ``suggested``, where the loss falls steepest, and ``largest``, still safe."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggested: float
    largest: float


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

    The network is that of ``config``, without its warm-up. Raises ConfigError for limits that are none, NoAnswer for a
    loss that never falls.
    """
    if not 0 < low < high < math.inf:
        raise ConfigError(f"a range test goes from a low rate to a higher one, got {low:g} to {high:g}", "swap them")
    if steps < 20:
        raise ConfigError(f"a range test needs at least 20 mini-batches to see a curve, got {steps}", "leave it out")
    network = DenseLearner(engine).start(dict(config) | {"warmup_steps": 0}, data, Keys.of(seed))
    rates = np.geomspace(low, high, steps)
    losses: list[float] = []
    smoothed: list[float] = []
    v = 0.0
    while len(losses) < steps:
        outcome, trained = network.train_steps(rates[len(losses) : len(losses) + _AT_ONCE], never())
        for loss in trained.losses.tolist():
            losses.append(loss)
            v = float(exponentially_weighted(np.float64(v), np.float64(loss), SMOOTHING))  # type: ignore[arg-type]
            smoothed.append(float(bias_corrected(np.float64(v), SMOOTHING, len(losses))))  # type: ignore[arg-type]
        over = outcome is Outcome.DIVERGED or not smoothed[-1] <= ENDS * min(smoothed)
        if over and len(losses) > 10:
            break
        if outcome is Outcome.DIVERGED:
            raise NoAnswer(
                f"the loss is not finite at a learning rate of {rates[len(losses) - 1]:.3g}", "begin lower: `low=1e-9`"
            )
    tried = rates[: len(losses)]
    suggested, largest = read(tried.tolist(), smoothed)
    return Found(tuple(tried.tolist()), tuple(losses), tuple(smoothed), suggested, largest)


def read(rates: Sequence[float], smoothed: Sequence[float]) -> tuple[float, float]:
    """The rate where the curve falls steepest, and a third of the one at its lowest. Raises NoAnswer."""
    values = np.array(smoothed)
    finite = np.flatnonzero(np.isfinite(values))
    lowest = int(finite[np.argmin(values[finite])]) if len(finite) else 0
    if lowest < 5 or values[0] - values[lowest] < 0.02 * abs(values[0]):
        raise NoAnswer("the loss never fell, at no learning rate of the range", "try another range: `low`, `high`")
    logs = np.log(np.array(rates[: lowest + 1]))
    slopes = np.gradient(values[: lowest + 1], logs)
    steepest = int(np.argmin(slopes[3:])) + 3  # the first averages are of too few mini-batches
    return float(rates[steepest]), float(rates[lowest] / 3)


def figure(found: Found, title: str) -> Figure:
    """The curve as a plotly figure."""
    import plotly.graph_objects as go

    drawn = go.Figure()
    drawn.add_scatter(x=found.rates, y=found.losses, mode="markers", name="loss of a mini-batch", opacity=0.3)
    drawn.add_scatter(x=found.rates, y=found.smoothed, mode="lines", name="smoothed, bias corrected")
    drawn.add_vline(x=found.suggested, line_dash="dash", annotation_text=f"suggested {found.suggested:.2g}")
    drawn.add_vline(x=found.largest, line_dash="dot", annotation_text=f"at most {found.largest:.2g}")
    top = 2 * max(found.smoothed[0], 1e-12)
    drawn.update_layout(title=title, xaxis_title="learning rate", yaxis_title="loss", yaxis_range=[0, top])
    drawn.update_xaxes(type="log", exponentformat="power")
    return drawn
