"""Names of studies and runs: which are taken, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from unicodedata import category

from caviar.errors import StoreError

Kind = Literal["study", "run"]
PARAMETERS: dict[Kind, str] = {"study": "study", "run": "name"}
"""The argument of a call that gives the name."""

_SHOWN = 60  # letters of a name in a message
_TAME = re.compile(r"\w[\w .-]{0,99}")
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # of writing


def check_name(kind: Kind, name: str) -> None:
    """Raise StoreError unless ``name`` is safe in a terminal, a file name and a sentence."""
    if not _TAME.fullmatch(name):
        raise StoreError(
            f"a {kind}'s name is letters, digits, '_', '-', '.' and spaces, at most 100 of them, got {name[:100]!r}",
            f"name it otherwise: `{PARAMETERS[kind]}='my {kind}'`",
        )


def check_storable(kind: Kind, name: str) -> None:
    """Raise StoreError for characters that no database keeps; imported studies may have any other name."""
    if storable(name) != name:
        raise StoreError(
            f"a {kind}'s name has characters that databases do not keep, got {visible(name)!r}",
            f"name it otherwise: `{PARAMETERS[kind]}='my {kind}'`",
        )


def storable(text: str) -> str:
    """``text`` with a replacement for the characters that databases do not keep."""
    return "".join("\N{REPLACEMENT CHARACTER}" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)


def cleaned(text: str) -> str:
    """``text`` of a program or a person, with what a terminal would act on, and no database keeps, written out.

    Line ends and tabs stay, and so do blanks and joiners of any script; an escape becomes the four letters \\x1b.
    """
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if _acts(c) else c for c in text)


def _acts(letter: str) -> bool:
    """True for a control character, half of a surrogate pair, and what turns the direction of writing round."""
    kind = category(letter)
    return letter not in "\n\t" and (kind in ("Cc", "Cs", "Zl", "Zp") or letter in _DIRECTIONS)


def cleaned_value(value: Any) -> Any:
    """Plain data with every text in it ``cleaned``."""
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, Mapping):
        return {cleaned(str(name)): cleaned_value(item) for name, item in value.items()}
    return [cleaned_value(item) for item in value] if isinstance(value, list | tuple) else value


def visible(name: str) -> str:
    """``name`` for a message: short, without characters that change a terminal or the direction of writing."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name[:_SHOWN])
    return shown if len(name) <= _SHOWN else f"{shown}..."
