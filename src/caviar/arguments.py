"""Check a call's arguments: a wrong name, or no number where one belongs, is a mistake in two lines, as any other."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from caviar import other_tuners
from caviar.errors import ConfigError, NotANumber, did_you_mean

_Call = TypeVar("_Call", bound=Callable[..., Any])


def checked(call: _Call) -> _Call:
    """Make an unknown keyword of the public function or method ``call`` a ConfigError that names the right one."""
    known = tuple(name for name in signature(call).parameters if name != "self")
    of, _, name = call.__qualname__.rpartition(".")
    of = "study" if of else "caviar.babysit" if call.__module__ == "caviar.babysit" else "caviar"

    @wraps(call)
    def checking(*given: Any, **named: Any) -> Any:
        refuse_unknown(f"{of}.{name}", named, known)
        return call(*given, **named)

    return cast(_Call, checking)


def refuse_unknown(call: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ConfigError for the first name of ``given`` that is not among the ``known`` arguments of ``call``."""
    names = list(known)
    for name in given:
        if name not in names:
            way_out = other_tuners.argument(name, names) or did_you_mean(name, names).replace("'", "`")
            raise ConfigError(f"{call} has no argument `{name}`", way_out)


def check_whole(name: str, value: Any, way_out: str) -> None:
    """Raise ConfigError unless ``value``, called ``name``, is a whole number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ConfigError(f"`{name}` must be a whole number, got {_shown(value)}", way_out)


def check_number(name: str, value: Any, way_out: str) -> None:
    """Raise NotANumber unless ``value``, called ``name``, is one real number, also as an array or tensor of one.

    It is not converted: that would wait for a tensor that a GPU has still to compute.
    """
    if isinstance(value, float | int):
        return
    size = getattr(value, "numel", getattr(value, "size", 1))
    kind = getattr(getattr(value, "dtype", None), "kind", "f")  # of NumPy and JAX
    if (
        not hasattr(type(value), "__float__")
        or (size() if callable(size) else size) != 1
        or (isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real))
        or kind not in "fiubV"  # V: bfloat16
        or "complex" in str(getattr(value, "dtype", ""))
    ):
        raise NotANumber(f"`{name}` must be a number, got {_shown(value)}", way_out)


def as_number(name: str, value: Any, way_out: str) -> float:
    """``value``, called ``name``, as a float. Raises NotANumber."""
    check_number(name, value, way_out)
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except OverflowError:  # a whole number of 400 digits
        return float("inf") if value > 0 else float("-inf")
    except Exception as error:  # of whatever library it comes from
        raise NotANumber(f"`{name}` must be a number, got {_shown(value)}", way_out) from error


def _shown(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None and tuple(shape):
        return f"{type(value).__name__} of shape {tuple(shape)}"
    return f"{' '.join(repr(value).split()):.60}"
