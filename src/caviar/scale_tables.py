"""Scales as plain data: a table a hyperparameter, for JSON and space files (TOML), and back.

TOML has no word for None: ``{ none = true }`` is written in its place. A tuple is an array. A name with dots,
``optimizer.lr``, is written ``[optimizer.lr]`` or ``["optimizer.lr"]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any

from caviar.errors import SpaceError, did_you_mean
from caviar.scale_rules import NONE_IN_TOML, is_name, shown, title
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo, Scale

NAMED_SCALES: dict[str, type[Scale]] = {
    "linear": Linear,
    "log": Log,
    "one_minus_log": OneMinusLog,
    "integer": Integer,
    "power_of_two": PowerOfTwo,
}
UNNAMED_SCALES: dict[str, type[Scale]] = {"choices": Choice, "value": Fixed}
"""Scales that need no ``scale = ...`` in their table: the name of their one argument is enough."""

_FIELDS = {"scale", *UNNAMED_SCALES, *(field.name for kind in NAMED_SCALES.values() for field in fields(kind))}


def flat(tables: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Each hyperparameter and its table; ``[optimizer.lr]`` is a table within a table to TOML."""
    for key, table in tables.items():
        name = f"{before}{key}"
        if not isinstance(table, Mapping):
            yield name, table
            continue
        inner = {key: one for key, one in table.items() if isinstance(one, Mapping) and key not in _FIELDS}
        own = {key: one for key, one in table.items() if key not in inner}
        if own or not inner:
            yield name, own
        yield from flat(inner, f"{name}.")


def _flat_when(when: Any) -> Any:
    """A condition with the names that TOML has taken apart: ``when = { optimizer.name = ["adam"] }``."""
    if not isinstance(when, Mapping):
        return when
    flat: dict[str, Any] = {}
    for name, values in when.items():
        inner = _flat_when(values)
        flat |= {f"{name}.{rest}": one for rest, one in inner.items()} if isinstance(inner, dict) else {name: values}
    return flat


def scale_from(name: str, table: Any) -> Scale:
    """The scale of one table; every mistake starts with the hyperparameter's name."""
    name = name if is_name(name) else shown(name)
    if not isinstance(table, Mapping):
        raise SpaceError(
            f"{name}: a hyperparameter must be a table, got {shown(table)}",
            f"write [{name}] and below it value = {shown(table)}",
        )
    kind, how = _kind_of(name, table)
    arguments = {key: _flat_when(value) if key == "when" else value for key, value in table.items() if key != "scale"}
    known = {field.name: field.default is MISSING for field in fields(kind)}
    for key in arguments:
        if key == "require":
            raise SpaceError(
                f"{name}: require is a line of the whole space, and stands here in a table",
                "write it before all tables",
            )
        if key not in known:
            raise SpaceError(f"{name}: {how} has no field {shown(key)}", did_you_mean(key, known))
    for key, required in known.items():
        if required and key not in arguments:
            raise SpaceError(f"{name}: {how} must have {key}, got none", f"add {key} = ...")
    try:
        return kind(**arguments)
    except SpaceError as mistake:
        raise SpaceError(f"{name}: {mistake.rule}", mistake.way_out) from None


def _kind_of(name: str, table: Mapping[str, Any]) -> tuple[type[Scale], str]:
    """The class of a table's scale, and what errors call it."""
    given = [key for key in ("scale", *UNNAMED_SCALES) if key in table]
    if len(given) != 1:
        near = [key for key in table if key not in given and "did you" in did_you_mean(key, ["scale", *UNNAMED_SCALES])]
        raise SpaceError(
            f"{name}: a table must have exactly one of scale, choices and value, got {' and '.join(given) or 'none'}",
            f"{shown(near[0])}: {did_you_mean(near[0], ['scale', *UNNAMED_SCALES])}"
            if near
            else 'such as scale = "log", or choices = [1, 2], or value = 3',
        )
    key = given[0]
    if key in UNNAMED_SCALES:
        return UNNAMED_SCALES[key], title(UNNAMED_SCALES[key])
    if not isinstance(table["scale"], str) or table["scale"] not in NAMED_SCALES:
        raise SpaceError(
            f"{name}: unknown scale, got {shown(table['scale'])}",
            did_you_mean(str(table["scale"])[:100], NAMED_SCALES),
        )
    return NAMED_SCALES[table["scale"]], title(NAMED_SCALES[table["scale"]])


def table_of(scale: Scale) -> dict[str, Any]:
    """The scale's table; fields that have their default are left out."""
    named = {kind: name for name, kind in NAMED_SCALES.items()}
    table: dict[str, Any] = {"scale": named[type(scale)]} if type(scale) in named else {}
    for field in sorted(fields(scale), key=lambda field: bool(field.kw_only)):  # tier, when last
        value = getattr(scale, field.name)
        if value != field.default:
            table[field.name] = _as_lists(value)
    if scale.when is not None:
        table["when"] = {name: [_as_lists(value) for value in values] for name, values in scale.when.items()}
    return table


def _as_lists(value: Any) -> Any:
    """``value`` with lists in the place of tuples, as JSON and TOML have them."""
    return [_as_lists(one) for one in value] if isinstance(value, tuple) else value


def toml_name(name: str) -> str:
    """A name as TOML has it: in quotes where it has a dot."""
    return f'"{name}"' if "." in name else name


def toml(value: Any) -> str:
    """A value as TOML has it."""
    if value is None:
        value = NONE_IN_TOML
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{toml_name(key)} = {toml(values)}' for key, values in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _toml_string(value)
    return repr(value)  # the shortest digits that give the same float


def _toml_string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's but for DEL
