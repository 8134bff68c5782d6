"""The rules that a scale is held to when it is made, and the words of its errors.

Values are taken over as plain Python numbers: NumPy's would turn up in configs, JSON and the database. A function that
is given a scale checks or replaces the fields that are named.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from reprlib import Repr
from typing import Any, TypeAlias

import numpy as np

from caviar.errors import SpaceError

Value: TypeAlias = "bool | int | float | str | tuple[Value, ...] | None"
"""A value of a hyperparameter; a list that a person, JSON or TOML gives becomes a tuple."""

LAST_TIER = 4
DEEPEST = 20  # tuples within one another: far beyond any use, and far from Python's limit
LARGEST_INTEGER = 2**31  # far beyond any count, and small enough that unit coordinates tell all integers apart
NONE_IN_TOML = {"none": True}
_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = 120


def shown(value: object) -> str:
    """``value`` as Python writes it, cut short: it may be a megabyte, and an error has two lines."""
    return _BRIEF.repr(value)


def title(kind: type) -> str:
    """The name of a kind of scale in an error: "a Log scale"."""
    return f"{'an' if kind.__name__ == 'Integer' else 'a'} {kind.__name__} scale"


def is_name(name: str) -> bool:
    """True for a hyperparameter's name: words of letters, digits and underscores with dots between them."""
    return name.isascii() and all(part.isidentifier() for part in name.split("."))


def value_key(value: Value) -> Hashable:
    """A key that differs for values that differ: Python alone takes True for 1, also within a tuple."""
    if isinstance(value, tuple):
        return ("a tuple", *map(value_key, value))
    return isinstance(value, bool), value


def is_value(given: object) -> bool:
    """True for what a hyperparameter can be: None, a boolean, a number, a text, or a tuple of such."""
    if isinstance(given, tuple):
        return all(map(is_value, given))
    return given is None or isinstance(given, bool | int | float | str)


def as_value(given: Any) -> Any:
    """``given``, as JSON has it, with lists as the tuples that they were."""
    return tuple(map(as_value, given)) if isinstance(given, list) else given


def take_floats(scale: Any, *names: str) -> None:
    """Replace the named fields of ``scale`` by finite floats. Raises SpaceError."""
    for name in names:
        given = getattr(scale, name)
        rule = f"{name} must be a finite number on {title(type(scale))}, got {name}={shown(given)}"
        if isinstance(given, bool) or not isinstance(given, int | float | np.integer | np.floating):
            raise SpaceError(rule, "write a number, without quotes")
        try:
            value = float(given)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise SpaceError(rule, "choose an end that is worth trying")
        object.__setattr__(scale, name, value)


def take_integers(scale: Any, *names: str) -> None:
    """Replace the named fields of ``scale`` by integers of at most 2**31. Raises SpaceError."""
    kind = title(type(scale))
    for name in names:
        given = getattr(scale, name)
        if isinstance(given, bool) or not isinstance(given, int | np.integer):
            raise SpaceError(
                f"{name} must be an integer on {kind}, got {name}={shown(given)}",
                "write it without a decimal point or quotes, or use a Linear or Log scale",
            )
        value = int(given)
        if abs(value) > LARGEST_INTEGER:
            raise SpaceError(
                f"{name} must be between -2**31 and 2**31 on {kind}, got {name}={shown(given)}",
                "use a Linear or Log scale",
            )
        object.__setattr__(scale, name, value)


def take_value(name: str, given: object, depth: int = 0) -> Value:
    """The value of the field ``name`` as None, a plain boolean, finite number, string, or a tuple of such.

    Raises SpaceError. ``{"none": True}`` is None: TOML has no word for it. A list becomes a tuple.
    """
    if isinstance(given, np.generic):
        given = given.item()
    if isinstance(given, list | tuple) and depth < DEEPEST:
        return tuple(take_value(name, one, depth + 1) for one in given)
    if isinstance(given, Mapping) and dict(given) == NONE_IN_TOML:
        return None
    if given is not None and not isinstance(given, bool | int | float | str):
        raise SpaceError(
            f"{name} must be None, true, false, a number, a string or a tuple of these, got {shown(given)}",
            "name it by a string, and make it from that in your own code"
            if not isinstance(given, Mapping)
            else "name it by a string; None is { none = true } in a space file",
        )
    if isinstance(given, float) and not math.isfinite(given):
        raise SpaceError(f"{name} must be a finite number, got {given!r}", "choose a number")
    return given


def take_values(name: str, given: object) -> tuple[Value, ...]:
    """The values of the field ``name``, a list of at least one, as plain Python values. Raises SpaceError."""
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise SpaceError(f"{name} must be a list, got {shown(given)}", f"write [{shown(given)}]")
    if not given:
        raise SpaceError(f"{name} must name at least one value, got an empty list", "add a value")
    return tuple(take_value(name, value) for value in given)


def check_ends(scale: Any, low: float, high: float) -> None:
    """Raise SpaceError unless ``low`` is below ``high``."""
    kind = title(type(scale))
    if low == high:
        raise SpaceError(
            f"low must be smaller than high on {kind}, got {low!r} for both",
            "a plain value keeps a hyperparameter fixed (in a space file: value = ...)",
        )
    if low > high:
        raise SpaceError(f"low must be smaller than high on {kind}, got low={low!r}, high={high!r}", "swap them")


def check_zero(scale: Any, zero: float) -> None:
    """Raise SpaceError unless ``zero`` is a probability below 1."""
    if not 0 <= zero < 1:
        raise SpaceError(
            f"zero must be at least 0 and below 1 on {title(type(scale))}, got zero={zero!r}",
            "it is the probability of drawing exactly 0, such as zero=0.2",
        )


def check_place(scale: Any) -> None:
    """Raise SpaceError unless the tier is 1 to 4 and ``when`` names hyperparameters and their values."""
    tier, when = scale.tier, scale.when
    if tier is not None and (isinstance(tier, bool) or not isinstance(tier, int) or not 1 <= tier <= LAST_TIER):
        raise SpaceError(
            f"tier must be 1, 2, 3 or 4, got tier={shown(tier)}", "1 is tuned first; leave tier out if unsure"
        )
    if when is None:
        return
    if not isinstance(when, Mapping) or not when or not all(isinstance(n, str) and is_name(n) for n in when):
        raise SpaceError(
            f"when must name other hyperparameters and their values, got when={shown(when)}",
            'such as when={"optimizer": ["adam"]}, in a space file when = { optimizer = ["adam"] }',
        )
    held = {name: take_values(f"when {name}", values) for name, values in when.items()}
    object.__setattr__(scale, "when", held)
