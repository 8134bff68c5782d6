"""Check a call's arguments: a wrong name, or text where a number belongs, is a mistake in two lines, as any other.

An argument's kind is read from its annotation, where that is made of numbers, text, booleans, paths, dicts, lists and
None alone. An argument of another kind is checked where it is used.
"""

from __future__ import annotations

import numbers
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import wraps
from inspect import BoundArguments, Parameter, Signature, signature
from typing import Any, TypeVar, cast

from caviar import other_tuners
from caviar.errors import ConfigError, NotANumber, did_you_mean
from caviar.ranges import brief, check_ranges

_Call = TypeVar("_Call", bound=Callable[..., Any])


def checked(call: _Call) -> _Call:
    """Make an unknown keyword of the public function or method ``call`` a ConfigError that names the right one."""
    of, _, name = call.__qualname__.rpartition(".")
    of = "study" if of else "caviar.babysit" if call.__module__ == "caviar.babysit" else "caviar"
    called, shape = f"{of}.{name}", signature(call)
    known = tuple(name for name in shape.parameters if name != "self")
    kinds = {} if "self" in shape.parameters else kinds_of(shape)  # the methods check numbers of any library

    @wraps(call)
    def checking(*given: Any, **named: Any) -> Any:
        refuse_unknown(called, named, known)
        bound = _bound(called, shape, given, named)
        bound.arguments.update(check_kinds(bound.arguments, kinds))
        return call(*bound.args, **bound.kwargs)

    return cast(_Call, checking)


def kinds_of(shape: Signature) -> dict[str, frozenset[str]]:
    """The kinds that each parameter of ``shape`` may have, of those whose annotations are made of known ones."""
    found = {name: kind_of(parameter.annotation) for name, parameter in shape.parameters.items()}
    return {name: kinds for name, kinds in found.items() if kinds}


def kinds_of_fields(of: type) -> dict[str, frozenset[str]]:
    """The kinds that each field of the dataclass ``of`` may have, as ``kinds_of`` says it of parameters."""
    return {field.name: kinds for field in fields(of) if (kinds := kind_of(field.type))}


def kind_of(annotation: Any) -> frozenset[str]:
    """The kinds in an ``annotation`` as it is written; none where it has others besides."""
    plain = str(annotation)
    while "[" in plain and plain != (outer := _BRACKETS.sub("", plain)):  # Mapping[str, list[Value]]: Mapping
        plain = outer
    names = {name.strip() for name in plain.split("|")}
    if not names <= set(_KINDS):
        return frozenset()
    return frozenset(kind for name in names for kind in _KINDS[name].split())


def check_kinds(given: Mapping[str, Any], kinds: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    """The arguments ``given``, numbers of NumPy as Python's.

    Raises ConfigError for one that is not of its kinds, or not in the range of its name.
    """
    found = {name: _checked(name, value, kinds[name]) if name in kinds else value for name, value in given.items()}
    check_ranges({name: value for name, value in found.items() if name in kinds})
    return found


def refuse_unknown(call: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ConfigError for the first name of ``given`` that is not among the ``known`` arguments of ``call``."""
    names = list(known)
    for name in given:
        if name not in names:
            way_out = other_tuners.argument(name, names) or did_you_mean(name, names).replace("'", "`")
            raise ConfigError(f"{call} has no argument `{name}`", way_out)


def check_call(name: str, call: Any, example: str) -> None:
    """Raise ConfigError unless ``call``, called ``name``, can be called with one argument, as in ``example``."""
    if not callable(call):
        raise ConfigError(f"`{name}` is a function of one argument, got {_shown(call)}", f"write `{example}`")
    try:
        signature(call).bind(None)
    except TypeError:
        raise ConfigError(
            f"`{name}` is called with one argument, and {_shown(call)} takes others", f"write `{example}`"
        ) from None
    except ValueError:  # of a builtin, which does not say what it takes
        return


def check_text(name: str, value: Any) -> None:
    """Raise ConfigError for a text ``value``, called ``name``, that no path and no database can hold."""
    if not isinstance(value, str):
        return
    if "\0" in value:
        raise ConfigError(f"`{name}` has a character of number 0 in it", "leave that character out")
    try:
        os.fsencode(value)  # the name of a file may be no UTF-8: Python has half letters of its own for that
    except UnicodeEncodeError as error:
        half = f"U+{ord(value[error.start]):04X}"
        raise ConfigError(f"`{name}` has half a letter in it, {half}", "leave that character out") from None


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


def _bound(called: str, shape: Signature, given: Sequence[Any], named: Mapping[str, Any]) -> BoundArguments:
    """The arguments of a call by name. Raises ConfigError for one that is missing, doubled, or lacks its name."""
    places = [name for name, each in shape.parameters.items() if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    first = len(places) and places[0] == "self"
    if len(given) > len(places):
        takes, got = len(places) - first, len(given) - first
        rule = f"{called} takes {takes} argument{'s' * (takes != 1)} without a name, got {got}"
        raise ConfigError(rule, f"name the others: {known_by_name(shape)}")
    for name in places[: len(given)]:
        if name in named:
            raise ConfigError(f"{called} got `{name}` twice", "give it once, by name or in its place")
    for name, each in shape.parameters.items():
        if each.default is Parameter.empty and name not in named and name not in places[: len(given)]:
            raise ConfigError(f"{called} needs `{name}`", f"give it: `{name}=...`")
    return shape.bind(*given, **named)


def known_by_name(shape: Signature) -> str:
    """The first arguments of ``shape`` that have to be named, as they are written."""
    named = [name for name, each in shape.parameters.items() if each.kind is Parameter.KEYWORD_ONLY]
    return ", ".join(f"`{name}=...`" for name in named[:2]) or "there are no others"


def _checked(name: str, value: Any, kinds: frozenset[str]) -> Any:
    """``value``, called ``name``, if it is of one of ``kinds``."""
    if value is None and "None" in kinds:
        return None
    number = isinstance(value, numbers.Real) and not isinstance(value, bool) and type(value).__name__ != "bool"
    if number and "number" in kinds:
        return value.item() if type(value).__module__ == "numpy" else value
    if number and "whole" in kinds and isinstance(value, numbers.Integral):
        return int(value)
    if "bool" in kinds and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    if isinstance(value, str) and kinds & {"text", "path"}:
        check_text(name, value)
        return value
    if isinstance(value, os.PathLike) and "path" in kinds:
        check_text(name, os.fspath(value))
        return value
    if "mapping" in kinds and isinstance(value, Mapping):
        return value
    if "sequence" in kinds and isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return value
    wanted, way_out = _wanted(name, value, kinds)
    instead = ", or leave it out" if "None" in kinds else ""
    raise ConfigError(f"`{name}` must be {wanted}, got {_shown(value)}", way_out + instead)


def _wanted(name: str, value: Any, kinds: frozenset[str]) -> tuple[str, str]:
    """The kind that was wanted, in words, and how to write it."""
    if kinds & {"number", "whole"}:
        wanted = "a number" if "number" in kinds else "a whole number"
        if isinstance(value, str):
            try:
                plain = float(value) if "number" in kinds else int(value)
                return wanted, f"leave out the quotes: `{name}={plain:g}`"
            except (ValueError, OverflowError):
                pass
        elif isinstance(value, float) and value.is_integer():
            return wanted, f"write `{name}={value:.0f}`"
        return wanted, f"write one: `{name}={_EXAMPLES.get(name, 10)}`"
    if "bool" in kinds:
        return "True or False", f"write `{name}=True` or `{name}=False`"
    if "mapping" in kinds:
        return "a dict", f'write `{name}={{"learning_rate": 0.01}}`'
    if "sequence" in kinds:
        return "a list or a tuple", f"write `{name}={_EXAMPLES.get(name, '[...]')}`"
    return "a path" if "path" in kinds else "text", f'write `{name}="..."`'


def _shown(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None and tuple(shape):
        return f"{type(value).__name__} of shape {tuple(shape)}"
    return brief(value)


_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_EXAMPLES = {
    "seconds": 60,
    "trials": 500,
    "seed": 0,
    "epochs": 20,
    "threads": 2,
    "processes": 2,
    "patience": 5,
    "first": '[{"x": 0.2}]',
}
_KINDS = {
    "int": "whole",
    "float": "number",
    "bool": "bool",
    "str": "text",
    "None": "None",
    "File": "path",
    "StorePath": "path None",
    "os.PathLike": "path",
    "Goal": "text",
    "Rule": "text",
    "Mapping": "mapping",
    "Config": "mapping",
    "Sequence": "sequence",
    "tuple": "sequence",
}
"""The kinds that each name in an annotation stands for."""
