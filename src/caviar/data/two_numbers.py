"""Cells that hold two numbers: 160/110, 80-85, 4 out of 5, 5'8", 2 3/4. A person has to say what is made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from caviar.data.verdicts import NEARLY_ALL

_NUMBER = r"[0-9]{1,6}(?:[.,][0-9]{1,3})?"
_PAIR = re.compile(
    rf"[<>~]? ?(?P<first>{_NUMBER}) ?(?:%|[^\W\d_]{{1,3}})? ?"
    r"(?P<between>/|-|\N{EN DASH}|\N{EM DASH}|x|\N{MULTIPLICATION SIGN}|to|bis|out of|of|von|over) ?"
    rf"(?P<second>{_NUMBER}) ?(?:%|[^\W\d_]{{1,6}})?"
)
_FEET = re.compile(
    r"[0-9]{1,2} ?(?:['\N{PRIME}\N{RIGHT SINGLE QUOTATION MARK}]|ft\.?|feet) ?[0-9]{1,2}(?:\.[0-9]+)? ?\D{0,6}"
)
_MIXED = re.compile(r"[0-9]{1,4} [0-9]{1,2}/[0-9]{1,2} ?\D{0,6}")
_FEW = 10  # different texts: so few are better categories


def two_numbers(cells: Sequence[str]) -> str:
    """One of the ``cells`` where nearly all of them hold two numbers; else nothing."""
    different = set(cells)
    if len(different) <= _FEW or sum(map(_holds_two, cells)) < NEARLY_ALL * len(cells):
        return ""
    return min(filter(_holds_two, different))


def _holds_two(cell: str) -> bool:
    cell = cell.strip()
    found = _PAIR.fullmatch(cell)
    if found is None:
        return bool(_FEET.fullmatch(cell) or _MIXED.fullmatch(cell))
    if found["between"] in "-\N{EN DASH}\N{EM DASH}":  # a range rises; parts of a code do not
        first, second = (float(found[which].replace(",", ".")) for which in ("first", "second"))
        return first < second and len(found["second"]) - len(found["first"]) <= 1
    return True
