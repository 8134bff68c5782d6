"""The decimal mark of a column of numbers: proved by a cell, shown by other columns, named by the user, or a doubt.

Three digits behind one mark are a fraction or a group of thousands. Python's own point is a fraction, unless the column
looks like whole numbers with marks of thousands: what has a mark has three digits behind it, what has none is below
1000, and there are both kinds, as in 950, 1.250, 12.400.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from caviar.data.factors import split_factor
from caviar.data.number_cells import Cell, digits
from caviar.data.verdicts import FEW_CODES, MOST_ODD, Doubt

_MANY = 20  # cells with three digits behind the mark, and none with one or two: thousands


def decimal_of(
    cells: Mapping[str, Cell], counts: Mapping[str, int], known: str | None, usual: str | None, wary: bool
) -> tuple[str, str] | Doubt:
    """The decimal mark, and the same again where a cell proves it; or a doubt.

    See ``numerals.notation_of`` for the arguments. A column that can be read with the other mark only is not read with
    that which the user names.
    """
    proofs: dict[str, Counter[str]] = {".": Counter(), ",": Counter()}
    either = []
    for text, cell in cells.items():
        point, comma = digits(cell.body, "."), digits(cell.body, ",")
        if cell.power:  # no groups before an exponent
            point, comma = (found if found is None or not found[1] else None for found in (point, comma))
        if point is None or comma is None:
            if point or comma:
                proofs["." if point else ","][text] = counts[text]
        elif point != comma:
            either.append(text)
    if known is not None and (proofs[known] or not (proofs["."] or proofs[","])):
        return known, known if proofs[known] else ""
    if proofs["."] and proofs[","]:
        less, more = sorted(proofs.values(), key=lambda proof: proof.total())
        if less.total() > FEW_CODES * more.total() or len(less) > MOST_ODD:
            one, other = (next(iter(proofs[mark])) for mark in ".,")
            return Doubt(
                f"a column must have one decimal mark, but {{name}} has both {one!r:.30} and {other!r:.30}",
                "write them alike, or keep the column as text: `text=[{name}]`",
            )
        mark = "." if more is proofs["."] else ","
        return mark, mark
    for mark, proof in proofs.items():
        if proof:
            return mark, mark
    grouped = _grouped_by(cells, either)
    if usual is not None and usual != grouped:
        return usual, ""
    if not (doubtful := [text for text in either if wary or grouped or "," in cells[text].body]):
        return ".", ""  # 1.234, as Python writes it
    one = doubtful[0]
    plain = [cell.body for cell in cells.values() if cell.body.isdigit()]
    if usual is None and grouped != "." and len(doubtful) >= _MANY and plain and max(map(len, plain)) <= 3:
        # fractions of three digits in so many cells, and none of one or two, would be a wonder
        return ("." if "," in cells[one].body else ","), ""
    point, comma = digits(cells[one].body, "."), digits(cells[one].body, ",")
    assert point
    assert comma
    return Doubt(
        f"{one!r:.30} in {{name}} can be read in two ways: as {point[0]} or as {comma[0]}",
        f'say which: `decimal="."` reads {point[0]}, `decimal=","` reads {comma[0]}',
        settled_by_others=True,
    )


def _grouped_by(cells: Mapping[str, Cell], either: Sequence[str]) -> str | None:
    """The mark in cells that can be read in two ways, where the column looks like whole numbers with thousands.

    Fractions rounded to three digits look alike only where Python does not write them: with a 0 at the end. Without
    one, the numbers below 1000 must be far above what the others would be as fractions.
    """
    plain = [int(cell.body) for cell in cells.values() if cell.body.isdigit()]
    if (
        not either
        or not plain
        or max(plain) >= 1000
        or any(cells[t].power or split_factor(cells[t].unit)[1] != 1 for t in either)
    ):
        return None
    bodies = [cells[text].body for text in either]
    mark = "." if "." in bodies[0] else ","
    if not all(mark in body for body in bodies):
        return None
    largest = max(int(body.split(mark)[0]) for body in bodies)
    above = min(plain) >= 100 and largest < min(plain)
    return mark if above or any(body.endswith("0") for body in bodies) else None
