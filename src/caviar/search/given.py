"""Configs that a person gives: checked against the space, and filled in by the search where they leave names out."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from caviar.cells import Units
from caviar.errors import ConfigError, SpaceError, did_you_mean
from caviar.randomness import Purpose, generator, stream_key
from caviar.records import Config, Value
from caviar.records.config import as_argument
from caviar.scale_rules import shown, take_value, value_key
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo, Scale, Stepped
from caviar.search.slow_starters import slow_starters
from caviar.space import Space
from caviar.steps import steps

_MOST_FILLED = 20_000  # draws of what a config leaves out, one of which must fulfil the constraints
_NEAR = 1e-9  # of a step: 0.1 + 0.2 is the third step of 0.1


def read_all(space: Space, given: Any, argument: str = "first") -> tuple[Config, ...]:
    """The configs ``given``, each a mapping or a text such as "learning_rate=0.01 layers=2".

    They may leave hyperparameters out. Raises ConfigError for what is outside of the space, and names the range.
    """
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise ConfigError(
            f"`{argument}` must be a list of configs, got {shown(given)}",
            f'write `{argument}=[{{"{space.names[0]}": ...}}]`',
        )
    return tuple(read(space, one) for one in given)


def read(space: Space, given: Any) -> dict[str, Value]:
    """One config that was given; see read_all."""
    if isinstance(given, str):
        given = _from_text(space, given)
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(
            f"a config must be a dict of hyperparameters and their values, got {shown(given)}",
            f'write {{"{space.names[0]}": ...}}',
        )
    for name in given:
        if name not in space:
            raise ConfigError(f"the space has no hyperparameter {shown(name)}", did_you_mean(str(name), space.names))
    config = {name: _value(name, space[name], given[name]) for name in space.names if name in given}
    required(space, config)
    if space.constraints:
        Wish(space, config, 0).config(0, None)
    return config


def parse(space: Space, pairs: Sequence[str]) -> dict[str, Value]:
    """The config in texts such as "learning_rate=0.01". Raises ConfigError."""
    found: dict[str, Value] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ConfigError(f"a config is written as name=value, got {shown(pair)}", f"such as {space.names[0]}=...")
        if name not in space:
            raise ConfigError(f"the space has no hyperparameter {shown(name)}", did_you_mean(name, space.names))
        found[name] = value_of(name, space[name], text)
    return found


@dataclass(frozen=True)
class Wish:
    """A config that a person wants tried; see scheduling.contract.Wish."""

    space: Space
    given: Config
    seed: int

    @property
    def whole(self) -> bool:
        """True where the search has nothing to fill in."""
        config = self._exact(self._point(np.full(len(self.space.searched), 0.5)), {})
        return all(name in self.given for name in self.space.searched if name in config)

    def config(self, number: int, proposal: Config | None) -> dict[str, Value]:
        """The config of trial ``number``: what is given, and for the rest what the search proposes, or a draw."""
        stream = generator(stream_key(self.seed, Purpose.FILLING, trial=number))
        drawn = stream.random(len(self.space.searched))
        try:
            [proposed] = self.space.to_unit([proposal or {}])
        except ConfigError:  # the space of today is another than that of the wish
            proposal, proposed = None, np.full(len(drawn), np.nan)
        drawn = np.where(np.isnan(proposed), drawn, proposed)
        config = self._exact(self._point(drawn), proposal or {})
        left = 0 if self.whole else _MOST_FILLED
        while not self.space.fulfils(config):
            left -= 1
            if left < 0:
                broken = next(one.text for one in self.space.constraints if not one.holds(config))
                given = ", ".join(f"{name}={shown(value)}" for name, value in self.given.items())
                raise ConfigError(
                    f"no config with {given} fulfils {broken!r}", "change it, or leave more to the search"
                )
            config = self._exact(self._point(stream.random(len(self.space.searched))), {})
        return config

    def is_slow(self, config: Config) -> bool:
        """True for a slow starter."""
        return bool(slow_starters(self.space, self.space.to_unit([config]))[0])

    def _point(self, start: Units) -> Units:
        """``start`` (d,) with the coordinates of what is given, and of the values that let it apply."""
        point = start.copy()
        columns = {name: j for j, name in enumerate(self.space.searched)}
        for name, allowed in required(self.space, self.given).items():
            if name in columns and name not in self.given:
                value = self.space[name].from_unit(point[columns[name] : columns[name] + 1]).tolist()[0]
                if value_key(value) not in map(value_key, allowed):
                    point[columns[name]] = self.space[name].to_unit(allowed[:1])[0]
        for name in columns.keys() & self.given.keys():
            point[columns[name]] = self.space[name].to_unit([self.given[name]])[0]
        return point

    def _exact(self, point: Units, proposal: Config) -> dict[str, Value]:
        """The config at ``point``, with the very floats that were given or proposed: coordinates round."""
        [config] = self.space.from_unit([point])
        proposed = self.space.to_unit([proposal])[0] if proposal else np.full(len(point), np.nan)
        for j, name in enumerate(self.space.searched):
            if name in config and proposed[j] == point[j]:
                config[name] = proposal[name]
        return config | {name: value for name, value in self.given.items() if name in config}


def required(space: Space, given: Config) -> dict[str, Sequence[Value]]:
    """The values that other hyperparameters must have, so that those of ``given`` apply.

    Raises ConfigError where ``given`` has another value, or none is left.
    """
    allowed: dict[str, Sequence[Value]] = {}

    def require(name: str) -> None:
        for other, values in (space[name].when or {}).items():
            keys = set(map(value_key, values))
            left = [value for value in allowed.get(other, values) if value_key(value) in keys]
            allowed[other] = left
            if not left:
                raise ConfigError(
                    f"{name} applies only where {other} is {_one_of(values)}, and another one where it is not",
                    f"leave {name} out",
                )
            if other in given and value_key(given[other]) not in set(map(value_key, left)):
                raise ConfigError(
                    f"{name} applies only where {other} is {_one_of(values)}, got {other}={shown(given[other])}",
                    f"leave {name} out",
                )
            require(other)

    for name in given:
        require(name)
    return allowed


def _value(name: str, scale: Scale, given: Any) -> Value:
    """A value that was given, as its scale has it; ConfigError, with the range, where it has none such."""
    try:
        value = take_value(name, given)
    except SpaceError as mistake:
        raise ConfigError(mistake.rule, mistake.way_out) from None
    if isinstance(scale, Integer | PowerOfTwo) and isinstance(value, float) and value.is_integer():
        value = int(value)
    elif isinstance(scale, Linear | Log | OneMinusLog) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(scale, Linear | Log) and scale.step is not None and isinstance(value, float):
        nearest = steps(scale.low, scale.high, scale.step).nearest(value)
        value = nearest if math.isclose(nearest, value, rel_tol=_NEAR, abs_tol=_NEAR * scale.step) else value
    if isinstance(scale, Choice):  # 64.0 is 64 where the list has that
        value = next((choice for choice in scale.choices if value_key(choice) == value_key(value)), value)
    if not scale.contains(value):
        raise ConfigError(
            f"{name} must be {limits(scale)}, got {shown(value)}", "give one of these, or widen the space"
        )
    return value


def limits(scale: Scale) -> str:
    """The values of a scale in words: "from 0.0001 to 1.0"."""
    if isinstance(scale, Fixed):
        return f"{shown(scale.value)}, as the space has it"
    if isinstance(scale, Choice):
        return _one_of(scale.choices)
    assert isinstance(scale, Linear | Log | OneMinusLog | Integer | PowerOfTwo)
    kind = {Integer: "a whole number ", PowerOfTwo: "a power of two "}.get(type(scale), "")
    words = f"{kind}from {scale.low!r} to {scale.high!r}"
    if isinstance(scale, Stepped) and scale.step not in (None, 1):
        words += f" in steps of {scale.step!r}"
    return words + (", or 0" if isinstance(scale, Stepped) and scale.zero else "")


def _one_of(values: Sequence[Value]) -> str:
    texts = [shown(value) for value in values[:8]]
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts) + (
        ", ..." if len(values) > 8 else ""
    )


def _from_text(space: Space, text: str) -> dict[str, Value]:
    try:
        return parse(space, shlex.split(text))
    except ValueError as error:
        raise ConfigError(f"a config cannot be read: {error}, got {shown(text)}", "mind the quotes") from None


def value_of(name: str, scale: Scale, text: str) -> Value:
    """The value of ``name`` that ``text`` stands for: that of JSON if the scale has it, else the choice written so."""
    value: Value = text
    for kind in (json.loads, float):  # .01 is a number to people, and none to JSON
        try:
            value = take_value(name, kind(text))
            break
        except (ValueError, RecursionError, SpaceError):
            continue
    choices = scale.choices if isinstance(scale, Choice) else [scale.value] if isinstance(scale, Fixed) else []
    if not choices or (value is not text and scale.contains(value)):
        return value
    alike = [choice for choice in choices if text in (str(choice), repr(choice), as_argument(choice))]
    if len(alike) > 1:
        raise ConfigError(
            f"{name}={text} may be {' or '.join(map(shown, alike))}",
            f"write it as JSON: {name}=null, {name}='\"{text}\"'",
        )
    return alike[0] if alike else value
