"""Bars for the terminal: a thick line for what is done, a thin and dim one for the rest, light on any background."""

from __future__ import annotations

from rich.text import Text

_DONE, _LEFT = "━", "─"


def bar(done: float, total: float, width: int, style: str = "magenta") -> Text:
    """A bar of ``width`` letters, the share ``done`` of ``total`` of it filled: whole only when all is done."""
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 1.0
    filled = int(share * width)
    return Text.assemble((_DONE * filled, style), (_LEFT * (width - filled), "dim"))
