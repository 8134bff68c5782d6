"""Verdicts on a column of text that is not what it may look like: words, or a doubt that is refused."""

from __future__ import annotations

from dataclasses import dataclass

NEARLY_ALL = 0.9  # of the cells that are no marks must be numbers ...
FEW_CODES = 0.02  # ... and of cells with digits that are none, such as V45, so few may be mistakes
MOST_ODD = 5  # different texts that are neither numbers nor marks: more of them mean something


@dataclass(frozen=True)
class Words:
    """A column of text; ``why`` it is, where most of it looks like numbers."""

    why: str = ""


@dataclass(frozen=True)
class Doubt:
    """A column that can be read in two ways: the ``rule`` that it breaks, and the ``way_out``.

    ``settled_by_others``: another column may show which it is.
    """

    rule: str
    way_out: str
    settled_by_others: bool = False
