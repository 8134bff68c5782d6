"""The learning-rate range test in the terminal and as HTML."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from caviar.analysis.learning_rate_range import Found, figure, highest
from caviar.report.curves import chart, margin
from caviar.report.drawing import as_page
from caviar.report.text import number

_WIDEST = 100


def picture(found: Found, width: int) -> Group:
    """The smoothed curve with a mark at the suggestion, and the learning rate to start with."""
    wide = min(width, _WIDEST)
    top = 1.25 * highest(found)
    shown = [min(loss, top) for loss in found.smoothed]  # a NaN stays one, and is not drawn
    left = margin([(shown, "")])
    return Group(
        Text("loss of the mini-batches, smoothed", style="dim"),
        chart([(shown, "blue")], wide, 12),
        _axis(found, left, wide - left),
        Text.assemble("\nStart near ", (f"{found.suggested:.2g}", "bold"), f"; {_limit(found)}"),
    )


def _axis(found: Found, left: int, columns: int) -> Text:
    """Two lines under a curve of ``columns``: a mark at each of the two rates, and the ends of the axis."""
    marks = [" "] * columns
    for rate, mark in ((found.largest, "△"), (found.suggested, "▲")):
        if rate is not None:
            after = sum(one < rate for one in found.rates) / max(len(found.rates) - 1, 1)
            marks[min(int(after * columns), columns - 1)] = mark
    first, last = number(found.rates[0]), number(found.rates[-1])
    between = "learning rate, logarithmic".center(max(columns - len(first) - len(last), 0))
    axis = f"{first}{between}{last}"
    return Text("\n").join([Text(" " * left + "".join(marks), style="bold"), Text(" " * left + axis, style="dim")])


def _limit(found: Found) -> str:
    if found.largest is None:
        last = number(found.rates[-1])
        return f"training was stable up to {last}, the highest rate tried, and a higher one may be better."
    return f"above {found.largest:.2g} training becomes unstable."


def as_html(found: Found, name: str) -> str:
    """The curve as one HTML page that needs no network."""
    title = f"learning-rate range test: {name}"
    return as_page(figure(found, title), title)
