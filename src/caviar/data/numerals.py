"""Numbers as people write them: 1.234,50 EUR; 45 %; (1,200); 1 500 kg; < 0.1; and ? where there is none.

Notation
    body       the digits of a cell with their marks, such as 1.234,50
    decimal    the mark before the fraction: a point or a comma
    thousands  the mark between groups of digits: the other one of these, a space or an apostrophe
    unit       the text before or behind the number: a currency, a per cent sign, kg
    bound      < or > before the number: a detection limit, taken as the limit itself
    mark       a text that stands for a missing value

A body such as 1.5 or 1,234.5 can be read in one way only, and proves its column's decimal mark. 1,234 can be read in
two: nothing but another cell, another column or the user can say which is meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from caviar.data.decimal_mark import decimal_of
from caviar.data.factors import is_word, split_factor
from caviar.data.number_cells import IS_CURRENCY, LIMITS, Cell, cell_of, digits, is_mark
from caviar.data.verdicts import FEW_CODES, MOST_ODD, NEARLY_ALL, Doubt, Words

_PLAIN = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_ITEM = re.compile(r"[0-9]{1,3}[.)] +[<>]? *(?P<rest>[^\W\d_].*)")  # 1. Never Married

UNITS_DIFFER = "units differ"
MOST_UNITS = 3  # different ones in a column of numbers; more of them are words
FEW_NUMBERS = 10  # different ones: with an odd text among so few, each may be a category
LONG_CODE = 9  # digits in groups, in every cell alike: a telephone number


@dataclass(frozen=True)
class Notation:
    """The way in which the numbers of a column are written; the default is Python's.

    ``thousands`` are the marks between groups. ``unit`` is the text that numbers have, ``bare``: they may go without.
    ``factors``: k, M and B stand for thousands, millions and billions. ``bounds``: < and > may stand before a limit.
    ``missing`` are texts that are no numbers, and stand for missing values besides MARKS. ``example`` is a cell as it
    was written.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    bare: bool = True
    factors: bool = False
    bounds: bool = False
    missing: tuple[str, ...] = ()
    example: str = ""

    def value(self, text: str) -> float | None:
        """The number in a cell, NaN for a missing value; None where the cell does not fit."""
        if is_mark(text) or text in self.missing:
            return float("nan")
        cell = cell_of(text)
        if cell is None:
            return float("nan") if self.unit and _is_bare_unit(text, self.unit) else None
        if cell.bound and not self.bounds:
            return None
        read = digits(cell.body, self.decimal)
        if read is None or (read[1] and (read[1] not in self.thousands or cell.power)):
            return None
        unit, factor = split_factor(cell.unit) if self.factors else (cell.unit, 1.0)
        if unit != self.unit and not (not unit and (self.bare or float(read[0]) == 0)):
            return None
        return float(f"{cell.sign}{read[0]}{cell.power}") * factor


PLAIN = Notation()


def meaning_of(text: str) -> float | str:
    """The number that ``text`` stands for as Python writes it, true and false being 1 and 0; else the text."""
    truth = {"true": 1.0, "false": 0.0}.get(text.strip().casefold())
    number = PLAIN.value(text) if truth is None else truth
    return text if number is None or number != number else number


@dataclass(frozen=True)
class Numbers:
    """A column of numbers in ``notation``. ``marks``: texts taken as missing; ``bounds``: taken as the limit."""

    notation: Notation
    marks: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()
    proof: str = ""  # the decimal mark, where a cell can be read with this one only


def notation_of(
    counts: Mapping[str, int],
    decimal: str | None = None,
    usual: str | None = None,
    missing: Sequence[str] = (),
    forced: bool = False,
    wary: bool = False,
) -> Numbers | Words | Doubt:
    """The kind of a column of text, and its notation where it holds numbers.

    counts: how many cells have each text, the empty ones left out. decimal: the mark that the user names, if any.
    usual: the mark of the other columns, for a column that proves none. missing: texts that the user takes as missing.
    forced: the user says that it holds numbers, and what is none is missing. wary: 1.234 may be more than a thousand;
    else it is read as Python writes it.
    """
    rest = [text for text in counts if not (is_mark(text) or text in missing)]
    cells = {
        text: cell for text in rest if (cell := cell_of(text)) and (digits(cell.body, ".") or digits(cell.body, ","))
    }
    units = Counter(cell.unit for cell in cells.values() if cell.unit)
    if units:  # a unit without a number, such as "null kg", is a gap
        rest = [text for text in rest if text in cells or not _is_bare_unit(text, units.most_common(1)[0][0])]
    if not forced and _are_items(rest):
        return Words()
    present, numeric = sum(counts[t] for t in rest), sum(counts[t] for t in cells)
    if not cells or (numeric < NEARLY_ALL * present and not forced):
        return Words("fewer than nine in ten cells are numbers" if numeric > present / 2 else "")
    zeros = next((text for text, cell in cells.items() if _leading_zero(cell)), None)
    if zeros is not None and not forced:
        return Words(f"{zeros!r:.30} has a leading zero")
    decided = decimal_of(cells, counts, decimal, usual, wary)
    if isinstance(decided, Doubt):
        return decided
    mark, proof = decided
    read = {text: found for text, cell in cells.items() if (found := digits(cell.body, mark)) is not None}
    rare = _rare_units({text: cells[text] for text in read}, counts)
    for text in [t for t in read if cells[t].unit in rare or (read[t][1] and cells[t].power)]:
        del read[text]
    odd = [text for text in rest if text not in read]
    if not forced and (why := _odd(odd, counts, present, {read[t][0] for t in read})) is not None:
        return Words(why)
    if not forced and _is_code([cells[t] for t in read], {found[1] for found in read.values()}):
        return Words("digits in groups, as many in every cell, look like a code")
    unit = _units({text: cells[text] for text in read}, counts, {t: read[t][0] for t in read}, forced)
    if isinstance(unit, Words | Doubt):
        return unit
    bounds = [text for text in read if cells[text].bound]
    limits = [text for text in bounds if cells[text].bound[0] in LIMITS]
    if len(read) - len(limits) < 2 and not forced and any(cells[text].bound != "+" for text in read):
        return Words()  # <18 and >65, but not 1,000+ and 5,000+
    if not forced and (grade := _grade({text: cells[text] for text in read})) is not None:
        return Words(f"{grade!r:.30} may be a grade")
    notation = Notation(
        decimal=mark,
        thousands="".join(sorted({found[1] for found in read.values()} - {""})),
        unit=unit.unit,
        bare=unit.bare,
        factors=unit.factors,
        bounds=bool(bounds),
    )
    fits = [text for text in read if (value := notation.value(text)) is not None and value == value]
    example = max(
        fits,
        key=lambda text: (float(read[text][0]) > 0, _dress(cells[text], text, read[text][1]), counts[text], text),
        default="",
    )
    bounds = [text for text in bounds if text in fits]
    marks = [text for text in counts if text in missing or (value := notation.value(text)) is None or value != value]
    own = tuple(sorted(text for text in marks if not is_mark(text)))
    return Numbers(replace(notation, missing=own, example=example), tuple(marks), tuple(bounds), proof)


def _leading_zero(cell: Cell) -> bool:
    return len(cell.body) > 1 and cell.body[0] == "0" and cell.body.isdigit() and not cell.unit and not cell.power


def _are_items(texts: Sequence[str]) -> bool:
    """True for words that are numbered: 1. Yes, 2. No."""
    found = [_ITEM.fullmatch(text.strip()) for text in texts]
    return all(found) and len({item["rest"].casefold() for item in found if item}) > 1


def _dress(cell: Cell, text: str, thousands: str) -> int:
    """The parts of a cell that Python does not write, or reads otherwise."""
    return bool(cell.unit) + (split_factor(cell.unit)[1] != 1.0) + bool(thousands or not _PLAIN.fullmatch(text))


def _odd(odd: Sequence[str], counts: Mapping[str, int], present: int, values: set[str]) -> str | None:
    """The reason why texts that are neither numbers nor marks make the column text; None where they do not."""
    if not odd:
        return None
    total = sum(counts[text] for text in odd)
    coded = sum(counts[text] for text in odd if any(c.isdigit() for c in text))
    if total > (1 - NEARLY_ALL) * present or coded > FEW_CODES * present or len(odd) > MOST_ODD:
        return f"{odd[0]!r:.30} is no number"
    return f"{odd[0]!r:.30} is no number" if len(values) <= FEW_NUMBERS else None


def _is_code(cells: Sequence[Cell], thousands: set[str]) -> bool:
    """True for telephone numbers and addresses of machines: digits in groups, equally many in every cell."""
    if not thousands & {" ", "."} or any("," in cell.body for cell in cells):
        return False
    lengths = {sum(c.isdigit() for c in cell.body) for cell in cells}
    return len(cells) > 1 and len(lengths) == 1 and min(lengths) >= LONG_CODE


def _grade(cells: Mapping[str, Cell]) -> str | None:
    """A cell with a minus behind that looks like a grade's: 1+ stands beside 1-, or all have one digit."""
    behind = next((text for text, cell in cells.items() if cell.behind), None)
    alone = all(len(cell.body) == 1 for cell in cells.values())
    return behind if alone or any(cell.bound == "+" for cell in cells.values()) else None


class _Unit(NamedTuple):
    unit: str
    bare: bool
    factors: bool


def _is_bare_unit(text: str, unit: str) -> bool:
    """True for a cell that has the unit, and no number or a mark of a missing one."""
    rest = text.casefold().strip()
    for part in unit.casefold().split(" "):
        rest = rest.removeprefix(part).strip() if rest.startswith(part) else rest.removesuffix(part).strip()
    return is_mark(rest)


def _units(
    cells: Mapping[str, Cell], counts: Mapping[str, int], values: Mapping[str, str], forced: bool
) -> _Unit | Words | Doubt:
    """The one unit of all cells, which some may lack; or that there are several."""
    by_unit: Counter[str] = Counter()
    for text, cell in cells.items():
        by_unit[cell.unit] += counts[text]
    bare = by_unit.pop("", 0) > 0
    if not by_unit:
        return _Unit("", True, False)
    bases, factors = (set(part) for part in zip(*map(split_factor, by_unit), strict=True))
    scaled = len(factors - {1.0}) > 1 or (factors & {1e3} and (bare or 1.0 in factors))
    scaled = scaled or all(is_word(unit) or split_factor(unit)[1] == 1.0 for unit in by_unit)
    if len(bases) == 1 and factors != {1.0} and (scaled or (factors != {1.0} and IS_CURRENCY.fullmatch(min(bases)))):
        return _Unit(bases.pop(), True, True)
    if len(by_unit) == 1:
        return _one_unit(next(iter(by_unit)), bare, cells, values)
    if forced:
        return _Unit(by_unit.most_common(1)[0][0], True, False)
    most = [unit for unit, _ in by_unit.most_common(2)]
    if len(by_unit) > MOST_UNITS or all(len(unit) == 1 and unit.isalpha() for unit in by_unit):
        return Words()  # 12 Main St, 7 High St; 12A, 12B
    return Words(f"{UNITS_DIFFER}, {most[0]!r:.20} in most cells, and {most[1]!r:.20}")


def _rare_units(cells: Mapping[str, Cell], counts: Mapping[str, int]) -> set[str]:
    """The units that so few cells have that they may be mistakes: 12O among numbers."""
    by_unit: Counter[str] = Counter()
    for text, cell in cells.items():
        by_unit[cell.unit] += counts[text]
    scales = any(split_factor(unit)[1] != 1.0 for unit in by_unit)  # a few millions among thousands are none
    return {unit for unit, n in by_unit.items() if unit and n <= FEW_CODES * by_unit.total() and not scales}


def _one_unit(unit: str, bare: bool, cells: Mapping[str, Cell], values: Mapping[str, str]) -> _Unit | Words | Doubt:
    shares = [text for text, cell in cells.items() if cell.unit == unit]
    plain = [text for text, cell in cells.items() if not cell.unit and float(values[text])]
    if unit in ("%", "‰") and plain:
        value, whole = float(values[plain[0]]), 100 if unit == "%" else 1000
        return Doubt(
            f"{plain[0]!r:.30} in {{name}} can be read in two ways beside {shares[0]!r:.30}: as {value:g} {unit} or as "
            f"{value * whole:g} {unit}",
            "write them alike, or keep the column as text: `text=[{name}]`",
        )
    if set(unit) == {"x"}:
        return Words(f"the end of {shares[0]!r:.30} is hidden")
    if len(unit) == 1 and unit.isalpha() and plain:
        return Words(f"{plain[0]!r:.30} and {shares[0]!r:.30} may be different things")  # houses 12 and 12A
    return _Unit(unit, bare and bool(plain), False)
