"""Cells of new rows that training did not have: missing ones, texts that are unknown, numbers far outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from caviar.data.columns import shown


@dataclass(frozen=True)
class Notes:
    """Cells that ``apply`` met: ``missing`` ones.

    By column, ``unknown`` counts cells whose text no training row had, ``outside`` numbers far outside of training's.
    """

    missing: int
    unknown: Mapping[str, int] = field(default_factory=dict)
    outside: Mapping[str, int] = field(default_factory=dict)


def far_outside(outside: Mapping[str, int]) -> str:
    """A sentence on the numbers ``outside`` those of training, by column; empty where there are none."""
    if not outside:
        return ""
    cells = "1 number is" if sum(outside.values()) == 1 else f"{sum(outside.values()):,} numbers are"
    return f"{cells} far outside those of training, so look at their units: {_by_column(outside)}"


def never_seen(unknown: Mapping[str, int]) -> str:
    """A sentence on the ``unknown`` categories, by column; empty where there are none."""
    if not unknown:
        return ""
    cells = sum(unknown.values())
    which = "1 unknown category" if cells == 1 else f"{cells:,} unknown categories"
    return f"{which}, which no training row had: {_by_column(unknown)}"


def _by_column(counts: Mapping[str, int]) -> str:
    most = sorted(counts, key=lambda name: -counts[name])
    columns = ", ".join(f"{shown(name)} ({counts[name]:,})" for name in most[:5])
    return columns + (f" and {len(most) - 5} more columns" if len(most) > 5 else "")
