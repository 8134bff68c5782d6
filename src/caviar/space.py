"""Spaces: named hyperparameters with scales, conditions and tiers, and their files.

Notation
    n          configs
    d          searched hyperparameters: those whose scale is not Fixed, in the space's order
    points     (n, d) unit coordinates in [0, 1], a column a searched hyperparameter

Files and dictionaries have one table a hyperparameter: ``scale`` with that scale's arguments, or ``choices``, or
``value``; each may have ``tier`` and ``when``. The scales themselves check them, so that a rule is written once and
reads the same from Python and from a file. (pydantic would add 0.15 s to every command, and a second voice.)

scale_tables.py writes and reads these tables. The constraints of a space stand before them, as texts:
``require = ["units2 <= units1"]``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from caviar import other_tuners, scale_picture
from caviar.cells import Units, Values
from caviar.constraints import MOST_DRAWS, Constraint, Given, constraint, unfulfilled
from caviar.errors import ConfigError, SpaceError, did_you_mean
from caviar.files import MOST_TEXT, read_file, reason
from caviar.randomness import Purpose, generator, stream_key
from caviar.scale_rules import LAST_TIER, Value, is_name, shown, value_key
from caviar.scale_tables import flat, scale_from, table_of, toml, toml_name
from caviar.scales import (
    Fixed,
    Scale,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Space:
    """Named hyperparameters: ``Space(learning_rate=Log(1e-4, 1), layers=3)``; a plain value is always that value.

    ``names`` are all hyperparameters in order, ``searched`` those with more than one value: the columns of unit
    coordinates. ``constraints`` are conditions on whole configs, see ``require``.
    """

    names: tuple[str, ...]
    searched: tuple[str, ...]
    scales: Mapping[str, Scale]
    constraints: tuple[Constraint, ...]

    def __init__(self, /, *unnamed: Any, **hyperparameters: Scale | Value) -> None:
        if unnamed:
            raise SpaceError(
                f"hyperparameters are given by name, got {type(unnamed[0]).__name__} without one",
                other_tuners.space(unnamed[0]),
            )
        scales = {name: _scale_of(name, given) for name, given in hyperparameters.items()}
        if not scales:
            raise SpaceError("a space must have at least one hyperparameter, got none", "add one: learning_rate")
        _check_conditions(scales)
        object.__setattr__(self, "names", tuple(scales))
        object.__setattr__(self, "searched", tuple(n for n, scale in scales.items() if not isinstance(scale, Fixed)))
        object.__setattr__(self, "scales", scales)
        object.__setattr__(self, "constraints", ())

    def require(self, *constraints: Given) -> Self:
        """Draw only configs that fulfil all ``constraints``; the space itself, with them.

        constraints: functions of a config that return True or False, ``lambda config: config["units2"] <=
            config["units1"]``, or texts, ``"units2 <= units1"``. A constraint that asks for a hyperparameter which does
            not apply counts as fulfilled.

        Raises SpaceError for a text that cannot be read, and for a function that fails with the middle of the space.
        """
        if constraints and "require" in self.scales:
            raise SpaceError("a space with constraints can have no hyperparameter called require", "rename it")
        new = [constraint(given, self.names) for given in constraints]
        middle = self.from_unit(np.full((1, len(self.searched)), 0.5))[0]
        for one in new:
            one.holds(middle)
        object.__setattr__(self, "constraints", (*self.constraints, *new))
        return self

    def fixing(self, name: str, value: Value) -> Space:
        """A space like this one in which ``name`` is always ``value``."""
        found = Space(**{**self.scales, name: value})
        object.__setattr__(found, "constraints", self.constraints)
        return found

    def fulfils(self, config: Mapping[str, Value]) -> bool:
        """True where ``config`` fulfils every constraint."""
        return all(one.holds(config) for one in self.constraints)

    def __getitem__(self, name: str) -> Scale:
        if name not in self.scales:
            raise SpaceError(f"the space has no hyperparameter {shown(name)}", did_you_mean(name, self.names))
        return self.scales[name]

    def __contains__(self, name: object) -> bool:
        return name in self.scales

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __hash__(self) -> int:
        return hash(tuple(self.scales.items()))

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={scale!r}" for name, scale in self.scales.items())
        if any("." in name for name in self.names):
            inner = f"**{dict(self.scales)!r}"
        given = ", ".join(repr(one.text) if one.is_text else one.text for one in self.constraints)
        return f"Space({inner})" + (f".require({given})" if given else "")

    @property
    def tiers(self) -> dict[int, tuple[str, ...]]:
        """The searched hyperparameters of each tier, first tier first; those without a tier are in tier 4."""
        tier_of = {name: self.scales[name].tier or LAST_TIER for name in self.searched}
        return {tier: tuple(n for n in self.searched if tier_of[n] == tier) for tier in sorted(set(tier_of.values()))}

    def sample(self, n: int, seed: int = 0) -> list[dict[str, Value]]:
        """``n`` configs, independent and uniform in unit coordinates; the same ``seed`` gives the same configs.

        Of a space with constraints those draws that fulfil them. Raises SpaceError where hardly any does.
        """
        if isinstance(n, bool) or n < 0:
            raise SpaceError(f"the number of configs must be at least 0, got {n}", "ask for 1 or more")
        uniform = generator(stream_key(seed, Purpose.PROPOSALS))
        if not self.constraints:
            return self.from_unit(uniform.random((n, len(self.searched))))
        drawn, found = 0, list[dict[str, Value]]()
        while len(found) < n:
            if drawn >= MOST_DRAWS * (len(found) + 1):
                raise unfulfilled(self.constraints, drawn)
            count = max(n - len(found), 64)
            drawn += count
            found += filter(self.fulfils, self.from_unit(uniform.random((count, len(self.searched)))))
        return found[:n]

    def from_unit(self, points: npt.ArrayLike) -> list[dict[str, Value]]:
        """The configs at ``points`` (n, d). Where a condition fails, its coordinate is not read, and may be NaN.

        Returns n dictionaries of plain Python values in the space's order, without the hyperparameters whose
        condition does not hold.
        """
        points = np.asarray(points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != len(self.searched):
            raise SpaceError(
                f"points must have the shape (n, {len(self.searched)}), got {points.shape}",
                f"one column each for {', '.join(self.searched)}",
            )
        missing = np.isnan(points)
        some_are = bool(missing.any())
        given = np.where(missing, 0.5, points) if some_are else points
        if given.size and not 0 <= given.min() <= given.max() <= 1:
            raise SpaceError("points must be between 0 and 1", "they are unit coordinates; Space.to_unit makes them")
        columns = self._columns(given)
        applies = self._applies(columns, len(points))
        for j in np.flatnonzero(missing.any(axis=0)) if some_are else ():
            name = self.searched[j]
            if np.any(missing[:, j] & applies.get(name, True)):
                raise SpaceError(f"{name} applies at a point where its coordinate is NaN", "give it a number")
        rows = zip(*(columns[name].tolist() for name in self.names), strict=True)
        configs: list[dict[str, Value]] = [dict(zip(self.names, row, strict=True)) for row in rows]
        for name, holds in applies.items():
            for i in np.flatnonzero(~holds).tolist():
                del configs[i][name]
        return configs

    def to_unit(self, configs: Sequence[Mapping[str, Value]]) -> Units:
        """Points (n, d) of n configs: cell centres where values are discrete, NaN where a hyperparameter is absent.

        Raises ConfigError for an unknown hyperparameter or a value that is not on its scale.
        """
        for name in {name for config in configs for name in config}:
            if name not in self.scales:
                raise ConfigError(f"the space has no hyperparameter {shown(name)}", did_you_mean(name, self.names))
        points = np.full((len(configs), len(self.searched)), np.nan)
        for name, scale in self.scales.items():
            rows = [i for i, config in enumerate(configs) if name in config]
            try:
                column = scale.to_unit([configs[i][name] for i in rows])
            except SpaceError as mistake:
                raise ConfigError(f"{name}: {mistake.rule}", mistake.way_out) from None
            if name in self.searched:
                points[rows if len(rows) < len(configs) else slice(None), self.searched.index(name)] = column
        return points

    def applying(self, points: Units) -> Units:
        """``points`` (n, d) with NaN where the condition of a hyperparameter does not hold."""
        if not any(scale.when for scale in self.scales.values()):
            return points
        found = points.copy()
        for name, holds in self._applies(self._columns(points), len(points)).items():
            if name in self.searched:
                found[~holds, self.searched.index(name)] = np.nan
        return found

    def _columns(self, points: Units) -> dict[str, Values]:
        """The values (n,) of every hyperparameter, also where its condition fails."""
        unit = {name: points[:, j] for j, name in enumerate(self.searched)}
        nowhere = np.zeros(len(points))
        return {name: scale.from_unit(unit.get(name, nowhere)) for name, scale in self.scales.items()}

    def _applies(self, columns: Mapping[str, Values], n: int) -> dict[str, npt.NDArray[np.bool_]]:
        """A mask (n,) a conditional hyperparameter: True where its condition holds, on hyperparameters that apply."""
        applies: dict[str, npt.NDArray[np.bool_]] = {}
        keys: dict[str, list[Hashable]] = {}  # the values of hyperparameters that conditions name
        held: dict[tuple[str, frozenset[Hashable]], npt.NDArray[np.bool_]] = {}  # beta1, beta2 ask the same

        def holds_where(other: str, values: Sequence[Value]) -> npt.NDArray[np.bool_]:
            asked = other, frozenset(map(value_key, values))
            if asked not in held:
                if other not in keys:
                    keys[other] = [value_key(value) for value in columns[other].tolist()]
                held[asked] = np.array([key in asked[1] for key in keys[other]], dtype=np.bool_)
            return held[asked]

        def resolve(name: str) -> npt.NDArray[np.bool_]:
            if name not in applies:
                holds = np.ones(n, dtype=np.bool_)
                for other, values in (self.scales[name].when or {}).items():
                    holds &= holds_where(other, values)
                    if self.scales[other].when:
                        holds &= resolve(other)
                applies[name] = holds
            return applies[name]

        for name, scale in self.scales.items():
            if scale.when:
                resolve(name)
        return applies

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON and TOML can hold: a table a hyperparameter, defaults left out.

        Constraints stand in front, as a list called require; of a function there is the name alone.
        """
        require = {"require": [one.to_record() for one in self.constraints]} if self.constraints else {}
        return require | {name: table_of(scale) for name, scale in self.scales.items()}

    @staticmethod
    def from_dict(tables: Mapping[str, Any]) -> Space:
        """The space of plain data as ``to_dict`` gives it; each mistake names hyperparameter and field.

        A table within a table is of a hyperparameter with a dot in its name.
        """
        require = tables.get("require", ())
        if isinstance(require, Mapping):  # a hyperparameter of that name
            require = ()
        tables = {name: table for name, table in tables.items() if name != "require" or isinstance(table, Mapping)}
        space = Space(**{name: scale_from(name, table) for name, table in flat(tables)})
        if not isinstance(require, str | list | tuple):
            raise SpaceError(f"require must be a list of texts, got {shown(require)}", 'write ["units2 <= units1"]')
        return space.require(*([require] if isinstance(require, str) else require))

    def to_toml(self) -> str:
        """The space file's text; ``from_toml`` gives the same space to the bit.

        Raises SpaceError for a constraint that is a function.
        """
        functions = [one.text for one in self.constraints if not one.is_text]
        if functions:
            raise SpaceError(
                f"a constraint that is a function cannot be written to a file, got {functions[0]}",
                'write it as a text: space.require("units2 <= units1")',
            )
        tables = self.to_dict()
        require = [f"require = {toml(tables.pop('require'))}\n"] if self.constraints else []
        parts = (
            "".join([f"[{toml_name(name)}]\n", *(f"{key} = {toml(value)}\n" for key, value in table.items())])
            for name, table in tables.items()
        )
        return "\n".join([*require, *parts])

    @staticmethod
    def from_toml(text: str) -> Space:
        """The space of a space file's ``text``."""
        try:
            tables = tomllib.loads(text)
        except (ValueError, RecursionError) as mistake:
            raise SpaceError(
                f"a space file must be TOML, got: {reason(mistake)}",
                'write a table a hyperparameter: [learning_rate], then scale = "log", low = 1e-4, high = 1.0 below it',
            ) from None
        return Space.from_dict(tables)

    @staticmethod
    def load(path: str | Path) -> Space:
        """The space of the space file at ``path``."""
        try:
            text = read_file(path, MOST_TEXT).decode("utf-8-sig")  # Windows editors put a mark before UTF-8
        except UnicodeDecodeError:
            raise SpaceError(f"a space file must be UTF-8 text, {str(path)!r} is not", "save it as UTF-8") from None
        except (OSError, ValueError) as mistake:
            raise SpaceError(
                f"the space file {str(path)!r} cannot be read: {reason(mistake)}", "check the path"
            ) from None
        try:
            return Space.from_toml(text)
        except SpaceError as mistake:
            raise SpaceError(f"{str(path)!r}: {mistake.rule}", mistake.way_out) from None

    def show(self) -> Figure:
        """A plotly figure: the samples of each scale, beside plain uniform sampling of the same range."""
        return scale_picture.figure(self.scales)

    def describe(self) -> str:
        """The text for a terminal of 80 columns: facts and a small histogram a hyperparameter."""
        required = [f"\nrequired: {one.text}" for one in self.constraints]
        return scale_picture.text(self.scales) + "".join(required)


def default_space() -> Space:
    """The space for dense networks that is searched when none is given: default_space.toml, with its reasons.

    A study has one over its own number of epochs as the ``decay_rate``.
    """
    return Space.from_toml(resources.files("caviar").joinpath("default_space.toml").read_text(encoding="utf-8"))


def _scale_of(name: str, given: Scale | Value) -> Scale:
    if not is_name(name):
        raise SpaceError(
            f"a hyperparameter's name must be letters, digits and underscores, with dots between, got {shown(name)}",
            "write it like learning_rate, or optimizer.learning_rate",
        )
    if isinstance(given, Scale):
        return given
    if isinstance(given, list | tuple):  # a range, to some tuners; choices, to others
        raise SpaceError(
            f"{name}: a hyperparameter must be a scale or a plain value, got {shown(given)}",
            f"write Choice({shown(list(given))}), or Linear, Log or Integer with two ends, or Fixed({shown(given)})",
        )
    try:
        return Fixed(given)
    except SpaceError as mistake:
        raise SpaceError(f"{name}: {mistake.rule}", "give a scale, such as Log(1e-4, 1), or a plain value") from None


def _check_conditions(scales: Mapping[str, Scale]) -> None:
    for name, scale in scales.items():
        for other, values in (scale.when or {}).items():
            if other not in scales:
                raise SpaceError(
                    f"{name}: when names an unknown hyperparameter, got {shown(other)}", did_you_mean(other, scales)
                )
            for value in values:
                if not scales[other].contains(value):
                    raise SpaceError(
                        f"{name}: when asks for a value that {other} never has, got {shown(value)}",
                        f"leave out {', '.join(_never(scales, other))}, or let when ask for a value that {other} has",
                    )
    done: set[str] = set()
    for name in scales:
        _check_no_cycle(name, scales, (), done)


def _never(scales: Mapping[str, Scale], other: str) -> list[str]:
    """The hyperparameters whose condition asks ``other`` for a value that it never has."""
    asked = {name: (scale.when or {}).get(other, ()) for name, scale in scales.items()}
    return [name for name, values in asked.items() if not all(map(scales[other].contains, values))]


def _check_no_cycle(name: str, scales: Mapping[str, Scale], path: tuple[str, ...], done: set[str]) -> None:
    """Depth first; ``path`` leads to ``name``, and the conditions of those in ``done`` are known to end."""
    if name in path:
        circle = " -> ".join([*path[path.index(name) :], name])
        raise SpaceError(f"conditions must not run in a circle, got {circle}", "leave one of their when out")
    if name not in done:
        for other in scales[name].when or {}:
            _check_no_cycle(other, scales, (*path, name), done)
        done.add(name)
