"""Bars for the terminal: thick lines for what is there, thin and dim ones for the rest, light on any background.

``bar`` has a given width. Band and Length take the width that a table has for them, so that a narrow terminal shortens
them and cuts none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.text import Text

_DONE, _LEFT = "━", "─"
_OUTSIDE = "·"
_LENGTH = "█"
_LEAST = 5


def bar(done: float, total: float, width: int, style: str = "magenta") -> Text:
    """A bar of ``width`` letters, the share ``done`` of ``total`` of it filled: whole only when all is done."""
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 1.0
    filled = int(share * width)
    return Text.assemble((_DONE * filled, style), (_LEFT * (width - filled), "dim"))


@dataclass(frozen=True)
class Band:
    """The part from ``low`` to ``high`` of a scale from 0 to 1, at most ``most`` letters wide."""

    low: float
    high: float
    most: int = 40

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """From the least that can be seen to ``most``."""
        return Measurement(_LEAST, self.most)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """The whole scale, the part drawn thick; it is at least a letter."""
        width = min(options.max_width, self.most)
        first = min(math.floor(self.low * width), width - 1)
        end = max(math.ceil(self.high * width), first + 1)
        yield Text.assemble(
            (_OUTSIDE * first, "dim"), (_DONE * (end - first), "bold"), (_OUTSIDE * (width - end), "dim")
        )


@dataclass(frozen=True)
class Length:
    """A block as long as ``share`` of ``most`` letters, or of what there is room for."""

    share: float
    most: int = 20

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """From the least that can be seen to ``most``."""
        return Measurement(_LEAST, self.most)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """The block alone: what is missing is left empty."""
        yield Text(_LENGTH * round(min(max(self.share, 0.0), 1.0) * min(options.max_width, self.most)))
