"""Cells that hold a number, taken apart: the sign, the digits with their marks, the unit."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

# fmt: off
MARKS = frozenset({
    "?", "??", "???", "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", "\N{MINUS SIGN}", ".", "..", "...",
    "\N{HORIZONTAL ELLIPSIS}", "*", "**", "/", "//", "\\", "\\n", "_", "na", "n/a", "n.a.", "n.a", "n/d", "n.d.", "n.d",
    "nd", "nan", "-nan", "+nan", "none", "null", "nil", "nul", "<na>", "<nan>", "(null)", "nat", "1.#qnan", "1.#ind",
    "-1.#ind", "-1.#qnan", "k.a.", "s/d", "unknown", "unk", "missing", "undefined", "blank", "empty", "tbd", "tba",
    "not available", "not applicable", "no data", "not measured", "not reported", "not recorded", "keine angabe",
})
# fmt: on
"""Texts that stand for a missing value where numbers or dates are expected, in lower case."""

_SPREADSHEET_ERROR = re.compile(r"#[A-Z0-9/]{2,12}[!?]?")  # #DIV/0!, #N/A, #WERT!
_SPACES = " \N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}"
_ALIKE = str.maketrans(
    dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{SMALL HYPHEN-MINUS}\N{FULLWIDTH HYPHEN-MINUS}", "-")
    | dict.fromkeys(_SPACES, " ")
    | {start + digit: str(digit) for start in (0x660, 0x6F0, 0x966, 0xFF10) for digit in range(10)}
    | dict.fromkeys("\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}\N{PRIME}", "'")
)
_CURRENCIES = (
    "US$|A$|C$|AU$|CA$|NZ$|HK$|S$|R$|[$€£¥₹₽₩₺₪₫฿₴₦₱₡]|USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|Rs|BRL|MXN|RUB|KRW|"
    "SEK|NOK|DKK|PLN|CZK|HUF|TRY|ZAR|SGD|HKD|THB|ILS|kr|zł|Fr"
).replace("$|", r"\$|")
_CELL = re.compile(
    rf"(?P<bound>[<>≤≥~≈]=?)? *(?P<open>\()? *(?P<sign>[-+])? *(?P<prefix>(?:{_CURRENCIES})\.?)? *(?P<inner>[-+])? *"
    r"(?P<body>[0-9][0-9.,' ]*|[.,][0-9]+)(?P<power>[eE][-+]?[0-9]{1,3})? *(?P<plus>\+)? *"
    r"(?P<suffix>(?:[^\W\d_]|[%‰°$€£¥₹₽₩/\"″])(?:[^\d<>()=;:,]{0,15}[^\W\d_.%‰°$€£¥₹₽₩²³\"″/]|[^\d<>()=;:,]{0,16})"
    r"(?:(?<=m)[23])?)?(?P<more>\+)? *(?P<close>\))?(?P<behind>-)?"
)
IS_CURRENCY = re.compile(rf"(?:{_CURRENCIES})")
"""A unit that is a currency."""

_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?P<mark>[.,' ])[0-9]{3}(?:(?P=mark)[0-9]{3})*")
_GROUPED_IN_INDIA = re.compile(r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")
_TIMES = "x*\N{MULTIPLICATION SIGN}\N{MIDDLE DOT}"
_TIMES_TEN = re.compile(rf"(?<=[0-9]) ?[{_TIMES}] ?10(?:\^|\*\*)(?P<power>[-+]?[0-9]{{1,3}})")
_ERROR = re.compile(r"(?<=[0-9]) ?(?:\N{PLUS-MINUS SIGN}|\+/-|\+-) ?[0-9]+(?:[.,][0-9]+)?")  # 5.3 +- 0.5
_ABOUT = re.compile(
    r"(?:ca\.?|c\.|circa|approx(?:\.|imately)?|about|around|etwa|env\.) *(?=[-+(]?[0-9])", re.IGNORECASE
)
_FOOTNOTE = re.compile(
    r" ?(?:\*{1,4}|[\N{DAGGER}\N{DOUBLE DAGGER}\N{SECTION SIGN}]+|\?|\[[^\]]{1,6}\]|"
    r"\((?:est|estimated?|approx|prov|provisional|prelim|preliminary|revised|forecast|n\.?s|[eprf])\.?\))$",
    re.IGNORECASE,
)
LIMITS = "<>\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}"
_NO_CENTS = re.compile(r"(?<=[0-9])[.,] ?(?:--?|\N{EM DASH})(?=\D*$)")  # 58.- francs, 12,-- EUR
_LONGEST = 60  # characters of a cell that may be a number


class Cell(NamedTuple):
    """A number as it stands in a cell: sign, body, exponent, unit in its normal form, and a bound such as < or +.

    A remark, such as ca. or a footnote's star, is a bound, too. ``behind``: the minus stands behind the number.
    """

    sign: str
    body: str
    power: str
    unit: str
    bound: str
    behind: bool = False


def is_mark(text: str) -> bool:
    """True for a text that stands for a missing value in a column of numbers or dates."""
    cell = text.strip()
    return cell.casefold() in MARKS or not cell or _SPREADSHEET_ERROR.fullmatch(cell) is not None


@lru_cache(maxsize=4096)
def _unit(prefix: str, suffix: str) -> str:
    """The unit in one form: 'Hours', 'hour' and 'hour.' are alike."""
    found = re.sub(" +", " ", suffix.strip().rstrip("."))
    found = found if len(found) == 1 else found.casefold()
    return f"{prefix.rstrip('.')} {found[:-1] if len(found) > 2 and found.endswith('s') else found}".strip()


def cell_of(text: str) -> Cell | None:
    """The number that ``text`` is written as; None where it is no number in any notation."""
    if len(text) > _LONGEST:
        return None
    plain, remark = _without_remark(_without_quotes(text.translate(_ALIKE).strip()))
    found = _CELL.fullmatch(plain)
    if found is None:
        return None
    part = found.groupdict(default="")
    negative = [mark for mark in (part["sign"], part["inner"], part["behind"]) if mark]
    if len(negative) + bool(part["open"]) > 1 or bool(part["open"]) != bool(part["close"]):
        return None
    sign = "-" if part["open"] or "-" in negative else ""
    bound = part["bound"] or part["plus"] or part["more"] or remark
    unit = _unit(part["prefix"], part["suffix"])
    return Cell(sign, part["body"].strip(), part["power"], unit, bound, bool(part["behind"]))


def _without_quotes(cell: str) -> str:
    """A cell without what a spreadsheet puts around a number, ="80.6" or '80.6, and without a price's empty cents."""
    if cell[:1].isdigit() and cell[-1:].isdigit():  # nearly all cells
        return cell
    cell = cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell
    return _NO_CENTS.sub("", cell[1:] if cell[:1] == "'" and cell[1:2].isdigit() else cell)


def _without_remark(cell: str) -> tuple[str, str]:
    """A cell without what says how sure its number is, and this: ca., a star, +- 0.5; x10^3 becomes an exponent."""
    if cell[:1].isdigit() and cell[-1:].isdigit() and len(cell) < 6:  # nearly all cells
        return cell, ""
    cell = _TIMES_TEN.sub(lambda found: f"e{found['power']}", cell, count=1)
    about = _ABOUT.match(cell)
    cell = cell[about.end() :] if about else cell
    error = _ERROR.search(cell)
    cell = cell[: error.start()] + cell[error.end() :] if error else cell
    note = _FOOTNOTE.search(cell)
    cell = cell[: note.start()] if note else cell
    return cell, "".join(found[0].strip() for found in (about, error, note) if found)


def digits(body: str, decimal: str) -> tuple[str, str] | None:
    """``body`` as Python writes it, read with that decimal mark, and its mark of thousands; None where it is neither.

    A group of thousands has three digits, in India those before the last have two.
    """
    whole, mark, fraction = body.partition(decimal)
    if mark and not fraction.isdigit() and (fraction or decimal == ","):
        return None
    if whole.isdigit() or (not whole and fraction):
        return (f"{whole or '0'}.{fraction}" if mark else whole), ""
    grouped = _GROUPED.fullmatch(whole)
    if grouped is None and decimal == "." and _GROUPED_IN_INDIA.fullmatch(whole):
        separator = ","
    elif grouped is None or grouped["mark"] == decimal:
        return None
    else:
        separator = grouped["mark"]
    plain = whole.replace(separator, "")
    return (f"{plain}.{fraction}" if mark else plain), separator
