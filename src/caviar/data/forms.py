"""The way in which the columns of a table are written: what a model keeps, to read the next table in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from caviar.data.dates import CLOCK, ORDERS, DateNotation
from caviar.data.numerals import Notation
from caviar.records import Reading


@dataclass(frozen=True)
class Forms:
    """The notation of each column of numbers that is not written as Python writes them, of dates, and of the target.

    ``checkboxes``: columns with one value and blanks, and that value. ``missing`` are texts that stand for a missing
    value in any column; ``encoding`` and ``separator`` those of the file
    that the user named.
    """

    numbers: Mapping[str, Notation] = field(default_factory=dict)
    dates: Mapping[str, DateNotation] = field(default_factory=dict)
    target: Notation | None = None
    checkboxes: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    encoding: str | None = None
    separator: str | None = None

    @property
    def file(self) -> Reading:
        """Instructions for another file of this kind, where it is not of a usual kind."""
        return Reading(encoding=self.encoding, separator=self.separator)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are written in a way of their own."""
        return (*self.numbers, *self.dates)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, empty where nothing is out of the ordinary."""
        plain = {
            "numbers": {name: _record(notation) for name, notation in self.numbers.items()},
            "dates": {name: asdict(notation) for name, notation in self.dates.items()},
            "target": None if self.target is None else _record(self.target),
            "checkboxes": dict(self.checkboxes),
            "missing": list(self.missing),
            "encoding": self.encoding,
            "separator": self.separator,
        }
        return {name: value for name, value in plain.items() if value}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Forms:
        """The inverse of ``to_dict``. Raises TypeError, KeyError or ValueError for what it cannot have written."""
        target = data.get("target")
        return Forms(
            numbers={str(name): _notation(plain) for name, plain in data.get("numbers", {}).items()},
            dates={str(name): _date_notation(plain) for name, plain in data.get("dates", {}).items()},
            target=None if target is None else _notation(target),
            checkboxes={str(name): str(value) for name, value in data.get("checkboxes", {}).items()},
            missing=tuple(map(str, data.get("missing", ()))),
            encoding=data.get("encoding"),
            separator=data.get("separator"),
        )


PLAIN_FORMS = Forms()


def _record(notation: Notation) -> dict[str, Any]:
    usual = Notation()
    return {name: value for name, value in asdict(notation).items() if value != getattr(usual, name)}


def _date_notation(plain: Mapping[str, Any]) -> DateNotation:
    if plain["order"] not in (*ORDERS, CLOCK):
        raise ValueError("an order of year, month and day is wrong")
    first = int(plain.get("first", DateNotation().first))
    return DateNotation(plain["order"], tuple(map(str, plain["missing"])), str(plain["example"]), first)


def _notation(plain: Mapping[str, Any]) -> Notation:
    known = {f.name: type(getattr(Notation(), f.name)) for f in fields(Notation)}
    found = {name: known[name](value) for name, value in plain.items() if name in known}
    if found.get("decimal", ".") not in (".", ","):
        raise ValueError("a decimal mark is . or ,")
    return Notation(**found)
