"""Pictures of the samples of a scale, beside plain uniform sampling from the same low to the same high.

Both are histograms on the scale's own axis, whose bars the scale fills equally. The shares come from evenly spread unit
coordinates put through ``from_unit``, as every draw is: the distribution itself, without the noise of one sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.scale_rules import Value
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo, Scale, Stepped

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Numbers = npt.NDArray[np.floating[Any]]
Ranged = Linear | Log | OneMinusLog | Integer | PowerOfTwo

DRAWS = 20_000  # shares to 0.005 %, in a few milliseconds
BARS = 24  # leaves half of a terminal's 80 columns for words
BARS_OF_INTEGERS = 12  # fewer, so that the lowest bars of a log scale still hold several integers each
TITLE = "What each scale samples (share of the draws), beside plain uniform sampling of the same range"
ZERO_PLACE = -1.5  # the bar of exact zeros stands apart, left of the axis
BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH = 80
TICKS = 10  # that half of a browser's width holds side by side
OWN_COLOUR, PLAIN_COLOUR = "#0072B2", "#E69F00"  # colours that differ for colour-blind readers: Okabe and Ito, 2008


@dataclass(frozen=True, slots=True)
class Histogram:
    """The samples of a scale and of plain uniform sampling, a place a bar, in shares of all draws.

    ``plain`` is None for choices, where both are the same. ``zero`` is the share of the exact zeros of a scale that has
    them; plain uniform sampling draws none. ``ticks`` are places on the axis, from 0 to the number of bars, with their
    values.
    """

    labels: tuple[str, ...]
    own: Numbers
    plain: Numbers | None
    zero: float
    own_fact: str
    plain_fact: str
    ticks: tuple[tuple[float, str], ...]


def histogram(scale: Scale) -> Histogram:
    """The histogram of a scale that is not Fixed."""
    if isinstance(scale, Choice):
        return _of_choices(scale.choices)
    assert isinstance(scale, Ranged), scale
    u = (np.arange(DRAWS) + 0.5) / DRAWS
    draws = scale.from_unit(u).astype(np.float64)
    plain = _plain(scale).from_unit(u).astype(np.float64)
    is_zero = draws == 0 if isinstance(scale, Stepped) and scale.zero > 0 else np.zeros(DRAWS, dtype=np.bool_)
    edges, labels = _bars(scale)
    own_shares, plain_shares = _shares(draws[~is_zero], edges), _shares(plain, edges)
    if len(labels) == len(edges) + 1 and " to " not in labels[0]:
        own_fact, plain_fact = (
            f"{_percent(shares[-1])} at {labels[-1]}, {_percent(shares[0])} at {labels[0]}"
            for shares in (own_shares, plain_shares)
        )
        ticks = [(i + 0.5, label) for i, label in enumerate(labels)]
    else:
        own_fact, plain_fact = _fact(scale, draws), _fact(scale, plain)
        step = scale.step if isinstance(scale, Stepped) else None
        borders = [scale.low, *(e + (step or 0.0) / 2 for e in edges), scale.high]  # the first value of each bar
        places = sorted({round(quarter * len(labels) / 4) for quarter in range(5)})
        ticks = [(float(place), _short(scale, borders[place])) for place in places]
    return Histogram(labels, own_shares, plain_shares, float(is_zero.mean()), own_fact, plain_fact, tuple(ticks))


def _plain(scale: Ranged) -> Scale:
    """Plain uniform sampling from the same low to the same high, by the same steps."""
    if isinstance(scale, Integer):
        return Integer(scale.low, scale.high, step=scale.step)
    return Linear(scale.low, scale.high, step=scale.step if isinstance(scale, Linear | Log) else None)


def _of_choices(choices: Sequence[Value]) -> Histogram:
    labels = tuple(map(_printable, choices))
    share = 1 / len(labels)
    ticks = tuple((i + 0.5, label) for i, label in enumerate(labels))
    return Histogram(labels, np.full(len(labels), share), None, 0.0, f"{_percent(share)} each", "the same", ticks)


def _bars(scale: Ranged) -> tuple[Numbers, tuple[str, ...]]:
    """The edges between the bars, and a label a bar: the one value in it, or "from to to"."""
    if isinstance(scale, PowerOfTwo):
        exponents = range(scale.high.bit_length() - scale.low.bit_length() + 1)
        edges = scale.low * 2.0 ** (np.arange(len(exponents) - 1) + 0.5)  # a number belongs to the nearest power
        return edges, tuple(str(scale.low << e) for e in exponents)
    if not isinstance(scale, OneMinusLog) and scale.step is not None:
        return _bars_of_steps(scale, scale.step)
    without_zero = replace(scale, zero=0.0) if isinstance(scale, Stepped) else scale
    edges = without_zero.from_unit(np.arange(1, BARS) / BARS)
    shown = [_short(scale, v) for v in [scale.low, *edges, scale.high]]
    return edges, tuple(f"{start} to {end}" for start, end in pairwise(shown))


def _bars_of_steps(scale: Stepped, step: float) -> tuple[Numbers, tuple[str, ...]]:
    """The same of a scale with steps: its values by themselves where they are few, else as many ranges of them."""
    n = scale.n_values or 1
    if n <= BARS:
        ends = np.arange(n - 1)  # the number of the last value of each bar
    else:
        spread = np.geomspace if isinstance(scale, Log) or (isinstance(scale, Integer) and scale.log) else np.linspace
        borders = spread(scale.low - step / 2, scale.high + step / 2, BARS_OF_INTEGERS + 1)[1:-1]
        whole = round(scale.low / step)
        numbers = np.round((borders - (scale.low - whole * step)) / step - 0.5) - whole
        ends = np.unique(np.clip(numbers, 0, n - 2).astype(np.int64))
    last = [*ends.tolist(), n - 1]
    first = [0, *(ends + 1).tolist()]
    texts = [[_of_step(scale, step, k) for k in pair] for pair in zip(first, last, strict=True)]
    return scale.low + step * (ends + 0.5), tuple(low if n <= BARS else f"{low} to {high}" for low, high in texts)


def _of_step(scale: Stepped, step: float, k: int) -> str:
    return str(scale.low + int(step) * k) if isinstance(scale, Integer) else f"{scale.low + step * k:.6g}"


def _shares(values: Numbers, edges: Numbers) -> Numbers:
    bars = np.searchsorted(edges, values, side="right")
    return np.bincount(bars, minlength=len(edges) + 1) / DRAWS


def _fact(scale: Ranged, values: Numbers) -> str:
    """The share of the scale's top decade, where it has more than one, and the median."""
    half = f"half above {_short(scale, float(np.median(values)))}"
    if isinstance(scale, OneMinusLog):
        top = 1 - 10 * (1 - scale.high)
    elif isinstance(scale, Log) or (isinstance(scale, Integer) and scale.log):
        top = scale.high // 10 if isinstance(scale, Integer) else scale.high / 10
    else:
        return half
    return f"{_percent(float(np.mean(values > top)))} above {_short(scale, top)}, {half}" if top > scale.low else half


def _short(scale: Ranged, value: float) -> str:
    """Three digits, counted from 1 downwards where the scale does."""
    if isinstance(scale, OneMinusLog):
        return f"{1 - float(f'{1 - value:.2g}'):.12g}"
    return f"{value:.3g}" if abs(value) < 1000 or not isinstance(scale, Integer) else f"{value:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.2g} %"


def _printable(value: Value) -> str:
    """At most 24 characters that a terminal shows as they are: control and direction marks are written out."""
    shown = str(value) if str(value).isprintable() else ascii(value)
    return shown if len(shown) <= BARS else shown[: BARS - 3] + "..."


def _facts_of(scale: Scale) -> str:
    """The scale as a person wrote it: its kind, ends, tier and condition."""
    if isinstance(scale, Fixed):
        facts = [f"always {_printable(scale.value)}"]
    elif isinstance(scale, Choice):
        facts = [f"Choice of {len(scale.choices)}"]
    else:
        assert isinstance(scale, Ranged), scale
        kind = "Integer on a log scale" if isinstance(scale, Integer) and scale.log else type(scale).__name__
        facts = [f"{kind} from {scale.low:.12g} to {scale.high:.12g}"]
        if isinstance(scale, Stepped) and scale.step not in (None, 1):
            facts[0] += f" in steps of {scale.step:.12g}"
        if isinstance(scale, Stepped) and scale.zero > 0:
            facts.append(f"or exactly 0 ({_percent(scale.zero)} of the draws)")
    if scale.tier is not None:
        facts.append(f"tier {scale.tier}")
    if scale.when is not None:
        conditions = [f"{name} is {' or '.join(map(_printable, values))}" for name, values in scale.when.items()]
        facts.append(f"when {' and '.join(conditions)}")
    return ", ".join(facts)


# In a terminal.


def text(scales: Mapping[str, Scale]) -> str:
    """Facts and a small histogram a hyperparameter, at most 80 columns wide."""
    head = (
        "What each scale samples, beside plain uniform sampling from the same low to the same high. "
        "The bars of a row are drawn to the row's highest; exact zeros are left out of them."
    )
    return "\n".join([fill(head, WIDTH), *(line for name, scale in scales.items() for line in _lines(name, scale))])


def _lines(name: str, scale: Scale) -> list[str]:
    title = fill(f"{name}  {_facts_of(scale)}", WIDTH, subsequent_indent="    ")
    if isinstance(scale, Fixed):
        return ["", title]
    drawn = histogram(scale)
    lines = ["", title, _row("  its scale  ", drawn.own, drawn.own_fact)]
    if drawn.plain is not None:
        lines.append(_row("  uniform    ", drawn.plain, drawn.plain_fact))
    return [*lines, f"             {_axis(drawn)}".rstrip()]


def _row(label: str, shares: Numbers, fact: str) -> str:
    row = f"{label}{_blocks(shares)}  "
    return row + (fact if len(row + fact) <= WIDTH else fact.split(", ")[-1])  # the median, where both are too long


def _blocks(shares: Numbers) -> str:
    """A row of bars; a bar that holds anything can be seen."""
    width = max(BARS // len(shares), 1)
    heights = np.maximum(np.round(8 * shares / shares.max()), shares > 0).astype(int)
    bar = max(width - 1, 1) if len(shares) < BARS_OF_INTEGERS else width  # few bars stand apart
    return "".join((BLOCKS[height] * bar).ljust(width) for height in heights[: WIDTH // 2]).ljust(BARS)


def _axis(drawn: Histogram) -> str:
    """The ticks that fit under ``_blocks``: each bar's, or the ends and the middle."""
    width = max(BARS // len(drawn.labels), 1)
    if drawn.ticks[0][0] > 0:
        starts = [(int(place) * width, label) for place, label in drawn.ticks]
    else:
        (_, low), (middle_place, middle), (_, high) = (drawn.ticks[i] for i in (0, len(drawn.ticks) // 2, -1))
        columns = width * len(drawn.labels)
        starts = [
            (0, low),
            (round(middle_place * width) - len(middle) // 2, middle),
            (columns - len(high), high),
        ]
    axis = ""
    for start, label in starts:
        if start >= len(axis) + (1 if axis else 0) and start + len(label) <= WIDTH // 2:
            axis = axis.ljust(start) + label
    return axis


# In a browser.


def figure(scales: Mapping[str, Scale]) -> Figure:
    """A plotly figure with a panel for each scale that is not Fixed."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    drawn = {name: histogram(scale) for name, scale in scales.items() if not isinstance(scale, Fixed)}
    columns = 2 if len(drawn) > 1 else 1
    rows = max(math.ceil(len(drawn) / columns), 1)
    titles = [_title(name, scales[name], bars) for name, bars in drawn.items()]
    picture = make_subplots(rows, columns, vertical_spacing=0.42 / rows, subplot_titles=titles)
    in_legend: set[str] = set()
    for i, bars in enumerate(drawn.values()):
        row, column = i // columns + 1, i % columns + 1
        series = [("its scale", OWN_COLOUR, bars.own, bars.zero), ("plain uniform", PLAIN_COLOUR, bars.plain, 0.0)]
        zeros = [ZERO_PLACE] if bars.zero > 0 else []
        for label, colour, shares, zero in series:
            if shares is not None:
                trace = go.Bar(
                    x=zeros + [place + 0.5 for place in range(len(shares))],
                    y=[zero for _ in zeros] + shares.tolist(),
                    customdata=["exactly 0" for _ in zeros] + [escape(text) for text in bars.labels],
                    hovertemplate="%{customdata}: %{y:.2%} of the draws",
                    name=label,
                    legendgroup=label,
                    showlegend=label not in in_legend,
                    marker_color=colour,
                )
                picture.add_trace(trace, row, column)
                in_legend.add(label)
        room = bars.ticks[:: math.ceil(len(bars.ticks) / TICKS)]
        ticks = [(place, "0") for place in zeros] + [(place, escape(text)) for place, text in room]
        places, texts = zip(*ticks, strict=True)
        picture.update_xaxes(tickvals=places, ticktext=texts, tickangle=0, row=row, col=column)
        picture.update_yaxes(tickformat=".0%", rangemode="tozero", row=row, col=column)
    height = 160 + 250 * rows
    picture.update_layout(
        title={"text": TITLE, "yref": "container", "y": 1 - 20 / height, "yanchor": "top"},
        legend={"orientation": "h", "yref": "container", "y": 1 - 50 / height, "yanchor": "top"},
        margin={"t": 140},
        height=height,
        template="plotly_white",
        barmode="group",
        bargap=0.1,
    )
    picture.update_annotations(font_size=13)
    return picture


def _title(name: str, scale: Scale, drawn: Histogram) -> str:
    facts = f"its scale: {drawn.own_fact}; plain uniform: {drawn.plain_fact}"
    return f"<b>{name}</b>: {escape(_facts_of(scale))}<br><span style='font-size:11px'>{escape(facts)}</span>"
