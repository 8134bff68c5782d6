"""The difference of two spaces in words, and a space with single changes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from caviar.errors import ConfigError, SpaceError, did_you_mean
from caviar.scale_rules import shown, value_key
from caviar.scale_tables import table_of
from caviar.scales import Choice, Fixed, Scale
from caviar.search.eras import Era, values_of
from caviar.space import Space


def changes_of(eras: Sequence[Era], era: Era) -> list[str]:
    """Say in words how ``era`` differs from the last of ``eras``."""
    before = values_of(eras)
    new = {name: value for name, value in era.values.items() if name not in before or before[name] != value}
    return space_changes(eras[-1].space, era.space, new)


def space_changes(before: Space, after: Space, values: Mapping[str, Any] | None = None) -> list[str]:
    """A line for each hyperparameter or constraint that two spaces do not share; none where they are the same.

    values: by name, what trials had of hyperparameters that they lack, where that was not said before.
    """
    lines = []
    for name in dict.fromkeys([*before.names, *after.names]):
        if name not in after:
            lines.append(f"{name} left out (it was {_range(before[name])})")
        elif name not in before:
            lines.append(f"{name} added: {_range(after[name])}{_condition(after[name])}")
        elif table_of(before[name]) != table_of(after[name]):
            lines.append(_change(name, before[name], after[name]))
    texts = [one.text for one in before.constraints], [one.text for one in after.constraints]
    lines += [f"no longer required: {text}" for text in texts[0] if text not in texts[1]]
    lines += [f"required: {text}" for text in texts[1] if text not in texts[0]]
    lines += [f"{name} was {shown(value)} in the trials that lack it" for name, value in (values or {}).items()]
    return lines


def _change(name: str, before: Scale, after: Scale) -> str:
    parts = []
    if _range(before) != _range(after):
        parts.append(f"{_word(before, after)}: {_range(before)} before, {_range(after)} now")
    if _condition(before) != _condition(after):
        parts.append(f"applies{_condition(after) or ' always'}, before{_condition(before) or ' always'}")
    if before.tier != after.tier:
        parts.append(f"tier {after.tier or 'none'} (it was {before.tier or 'none'})")
    return f"{name} {'; '.join(parts or ['has another table in the space file'])}"


def _word(before: Scale, after: Scale) -> str:
    """The kind of a change of range."""
    if isinstance(after, Fixed):
        return "fixed"
    if isinstance(before, Fixed):
        return "searched"
    if isinstance(before, Choice) and isinstance(after, Choice):
        old, new = ({value_key(value) for value in scale.choices} for scale in (before, after))
        return "more choices" if old < new else "fewer choices" if new < old else "other choices"
    if type(before) is not type(after) or isinstance(after, Choice):
        return "has another scale"
    (low, high), (new_low, new_high) = ((s.low, s.high) for s in (before, after))  # type: ignore[attr-defined]
    if (low, high) == (new_low, new_high):
        return "has another scale"
    if new_low <= low and new_high >= high:
        return "widened"
    return "narrowed" if new_low >= low and new_high <= high else "moved"


def _range(scale: Scale) -> str:
    """The values of a scale."""
    if isinstance(scale, Fixed):
        return shown(scale.value)
    table: dict[str, Any] = {k: v for k, v in table_of(scale).items() if k not in ("tier", "when", "scale")}
    if isinstance(scale, Choice):
        return " or ".join(map(shown, scale.choices))
    low, high = table.pop("low"), table.pop("high")
    kind = str(table_of(scale)["scale"]).replace("_", " ")
    more = "".join(f", {name} {value}" for name, value in table.items())
    return f"{_brief(low)} to {_brief(high)} ({kind}{more})"


def _condition(scale: Scale) -> str:
    when: Mapping[str, Sequence[Any]] = scale.when or {}
    return "".join(
        f"{' where' if i == 0 else ' and'} {other} is {' or '.join(map(shown, values))}"
        for i, (other, values) in enumerate(when.items())
    )


def _brief(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def with_changes(space: Space, changes: Sequence[str]) -> Space:
    """``space`` with ``changes`` of its file, each a text such as "learning_rate.low=1e-5" or "momentum.value=0.9".

    Raises ConfigError or SpaceError.
    """
    tables = space.to_dict()
    for text in changes:
        path, equals, written = text.partition("=")
        name, dot, field = path.rpartition(".")
        if not (equals and dot):
            raise ConfigError(
                f"a change is written as NAME.FIELD=VALUE, got {shown(text)}",
                f"such as {space.names[0]}.low=...; a value that earlier trials had is `values`",
            )
        if name not in space:
            raise ConfigError(f"the space has no hyperparameter {shown(name)}", did_you_mean(name, space.names))
        meant = _plain(written)
        if field == "choices" and not isinstance(meant, list | dict):
            choices = json.dumps([_plain(one.strip()) for one in written.strip("[]").split(",")], separators=(",", ":"))
            raise ConfigError(
                f"the choices of {name} are written as a list of JSON, got {shown(written)}",
                f"write {shlex.quote(f'{path}={choices}')}",
            )
        kept = ("tier", "when") if field in ("value", "choices") else tuple(tables[name])
        tables[name] = {key: value for key, value in tables[name].items() if key in kept} | {field: meant}
    try:
        return Space.from_dict(tables)
    except SpaceError as mistake:
        if "when asks for a value" not in mistake.rule:
            raise
        raise SpaceError(
            mistake.rule, f"{mistake.way_out}: print today's space with `toml`, change it, and give it by `space=FILE`"
        ) from None


def _plain(written: str) -> Any:
    """The value that a person writes: JSON, a number as .01, or else a text."""
    for kind in (json.loads, float):
        try:
            return kind(written)
        except (ValueError, RecursionError):
            continue
    return written
