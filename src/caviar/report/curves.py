"""Curves for the terminal, drawn with braille dots: two columns and four rows of them a letter."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from caviar.report.text import number

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # (row, column) of a letter

Series = tuple[Sequence[float], str]
"""Values from left to right, and a style."""


def chart(series: Sequence[Series], width: int, height: int, log: bool = False) -> Text:
    """All ``series`` over one another, each stretched over the width; the ends of the axis at the left."""
    ends = _ends(series, log)
    if ends is None:
        return Text("\n".join(["no numbers yet", *[""] * (height - 1)]), style="dim")
    low, high = ends
    labels = [number(high), *[""] * (height - 2), number(low)] if height > 1 else [number(high)]
    left = margin(series, log)
    columns = max(width - left, 8)
    letters = [[0] * columns for _ in range(height)]
    styles = [[""] * columns for _ in range(height)]
    for points, style in series:
        for x, y in _dots(points, 2 * columns, 4 * height, low, high, log):
            letters[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
            styles[y // 4][x // 2] = style
    picture = Text()
    for row, label in enumerate(labels):
        picture.append(f"{label:>{left - 1}} ", style="dim")
        for letter, style in zip(letters[row], styles[row], strict=True):
            picture.append(chr(0x2800 + letter) if letter else " ", style=style)
        picture.append("\n" if row < height - 1 else "")
    return picture


def margin(series: Sequence[Series], log: bool = False) -> int:
    """Letters at the left of the curves in ``chart``: the labels of the axis, and a space."""
    ends = _ends(series, log)
    return 0 if ends is None else max(len(number(end)) for end in ends) + 1


def _ends(series: Sequence[Series], log: bool) -> tuple[float, float] | None:
    """The lowest and the highest value of an axis for ``series``; None where there is nothing to draw."""
    values = [v for points, _ in series for v in points if math.isfinite(v) and (v > 0 or not log)]
    if not values:
        return None
    low, high = min(values), max(values)
    if low == high:
        return (low * 0.9, high * 1.1) if log else (low - 0.5, high + 0.5)
    return low, high


def _dots(points: Sequence[float], across: int, down: int, low: float, high: float, log: bool) -> list[tuple[int, int]]:
    """The places of the points, joined: (x, y) with y from the top."""

    axis = math.log if log else float
    span = axis(high) / 2 - axis(low) / 2  # halves, for the whole may be above the largest number

    def level(value: float) -> float:
        return (axis(value) / 2 - axis(low) / 2) / span if span > 0 else 0.5

    dots: list[tuple[int, int]] = []
    n = len(points)
    before: tuple[int, int] | None = None
    for i, value in enumerate(points):
        if not math.isfinite(value) or (log and value <= 0):
            before = None
            continue
        x = round(i * (across - 1) / (n - 1)) if n > 1 else 0
        y = round((1 - min(max(level(value), 0.0), 1.0)) * (down - 1))
        if before is not None:
            steps = max(abs(x - before[0]), abs(y - before[1]))
            dots += [
                (round(before[0] + (x - before[0]) * k / steps), round(before[1] + (y - before[1]) * k / steps))
                for k in range(1, steps)
            ]
        dots.append((x, y))
        before = (x, y)
    return dots
