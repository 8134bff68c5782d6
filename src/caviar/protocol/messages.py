"""The messages of docs/protocol.md: those to a program are plain data, those from a program are checked here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from caviar.ranges import RANGES
from caviar.records.names import cleaned, cleaned_value

VERSION = 1
LONGEST = 1 << 20  # bytes of a line
LONGEST_NAME = 100  # characters of an attribute's name

_MARK = b"\xef\xbb\xbf"  # of UTF-8: .NET writes it before its first line

Kind = Literal["error", "out_of_memory", "diverged", "infeasible"]


@dataclass(frozen=True, slots=True)
class Measured:
    """``epoch`` (or mini-batch ``step``) was measured, and the program waits for an answer. A score may be None."""

    epoch: int | None
    step: int | None
    score: float | None
    values: Mapping[str, float] = field(default_factory=dict)
    saves: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Did:
    """``what`` ("saved", "restored") was asked for and is done; "cannot" where it cannot be, and ``why``."""

    what: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Over:
    """The trial is over; ``score`` is None where that of the last epoch stands. ``more``: it takes another trial.

    ``went_on`` where it reported on and on after its stop.
    """

    score: float | None
    more: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    went_on: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The trial cannot be trained on."""

    kind: Kind
    why: str
    more: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)


Message = Measured | Did | Over | Failure


class Malformed(Exception):
    """A line that looks like a message and is none."""


def trial(
    number: int,
    config: Mapping[str, Any],
    seed: int,
    epochs: int,
    folder: str,
    start: tuple[int, str] | None = None,
) -> dict[str, Any]:
    """The message that gives a program a trial; ``start`` is (epochs done, path of their snapshot)."""
    return {
        "type": "trial",
        "caviar": VERSION,
        "trial": number,
        "config": dict(config),
        "seed": seed,
        "epochs": epochs,
        "folder": folder,
        "start": None if start is None else {"epoch": start[0], "path": start[1]},
    }


def go_on(
    save: str | None = None, restore: tuple[int, str] | None = None, knobs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The answer that lets a trial go on, with further requests; see docs/protocol.md."""
    answer: dict[str, Any] = {"type": "go_on"}
    if save is not None:
        answer["save"] = save
    if restore is not None:
        answer["restore"] = {"epoch": restore[0], "path": restore[1]}
    if knobs:
        answer["knobs"] = dict(knobs)
    return answer


def stop(why: str) -> dict[str, Any]:
    """The answer that ends a trial."""
    return {"type": "stop", "why": why}


def line_of(message: Mapping[str, Any]) -> bytes:
    """A message as it goes over the pipe."""
    return json.dumps(message, allow_nan=False).encode() + b"\n"


def parse(line: bytes) -> Message | None:
    """The message in a program's ``line``; None for any other line. Raises Malformed, with the line in it."""
    line = line.removeprefix(_MARK)
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        found = json.loads(line)
        return _message(found)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        shown = line[:200].decode(errors="replace").strip()
        raise Malformed(cleaned(f"not a message of the protocol ({_reason(error)}): {shown}")) from None


def _message(found: dict[str, Any]) -> Message:
    kind = found["type"]
    if kind == "epoch":
        score = _number(found["score"]) if "score" in found else None
        epoch, saves = _count(found, "epoch"), found.get("saves") is True
        return Measured(epoch, None, score, _values(found), saves, _attributes(found))
    if kind == "step":
        step, saves = _count(found, "step"), found.get("saves") is True
        return Measured(None, step, None, _values(found), saves, _attributes(found))
    if kind in ("saved", "restored"):
        return Did(kind)
    if kind == "cannot":
        return Did(kind, _text(found, "why"))
    if kind == "done":
        score = found.get("score")
        score = None if score is None else _number(score)
        return Over(score, found.get("more") is True, _attributes(found), _values(found), bool(found.get("went_on")))
    if kind == "failed":
        said = found.get("kind", "error")
        if said not in get_args(Kind):
            raise ValueError(f"there is no kind {said!r:.40}")
        return Failure(said, _text(found, "why"), found.get("more") is True, _attributes(found))
    raise ValueError(f"there is no type {kind!r:.40}")


def _count(found: dict[str, Any], name: str) -> int:
    value, known = found[name], RANGES[name]
    if isinstance(value, float) and value.is_integer():  # some languages have no other numbers
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < known.least:
        raise ValueError(f"{name} must be a whole number from {known.least} on")
    if value > known.most:
        raise ValueError(f"{name} must be at most {known.most:,}")
    return value


def _values(found: dict[str, Any]) -> dict[str, float]:
    values = found.get("values") or {}
    if not isinstance(values, dict):
        raise ValueError("values must be numbers by name")
    return {cleaned(str(name)[:100]): _number(value) for name, value in values.items()}


def _attributes(found: dict[str, Any]) -> dict[str, Any]:
    attributes = found.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise ValueError("attributes must be values by name")
    if any(not name.strip() or len(name) > LONGEST_NAME for name in attributes):
        raise ValueError(f"the name of an attribute has 1 to {LONGEST_NAME} characters")
    return {cleaned(name): cleaned_value(value) for name, value in attributes.items()}


def _number(value: Any) -> float:
    """A number, also one that JSON has no word for; see docs/protocol.md."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        if value not in ("NaN", "Infinity", "-Infinity"):
            raise ValueError(f"{value!r:.40} is no number")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r:.40} is no number")
    try:
        return float(value)
    except OverflowError:  # a whole number of 400 digits
        return math.inf


def _text(found: dict[str, Any], name: str) -> str:
    return cleaned(str(found.get(name, ""))[:10_000])


def _reason(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
