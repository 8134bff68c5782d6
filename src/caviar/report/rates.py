"""The learning-rate range test in the terminal and as HTML."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from caviar.analysis.learning_rate_range import Found, figure
from caviar.report.curves import chart
from caviar.report.text import number


def picture(found: Found, width: int) -> Group:
    """The smoothed curve, and the learning rate to start with."""
    top = 1.5 * found.smoothed[0]
    shown = [min(loss, top) for loss in found.smoothed]
    left, right = number(found.rates[0]), number(found.rates[-1])
    wide = min(width, 100)
    axis = f"{left}{'learning rate, logarithmic'.center(max(wide - len(left) - len(right) - 2, 1))}{right}"
    return Group(
        Text("loss of the mini-batches, smoothed", style="dim"),
        chart([(shown, "blue")], wide, 12),
        Text(axis, style="dim"),
        Text.assemble(
            "\nStart near ",
            (f"{found.suggested:.2g}", "bold"),
            f"; above {found.largest:.2g} training becomes unstable.",
        ),
    )


def as_html(found: Found, name: str) -> str:
    """The curve as one HTML page that needs no network."""
    return str(figure(found, f"learning-rate range test: {name}").to_html(include_plotlyjs=True))
