"""Spaces: named hyperparameters with scales, conditions and tiers, and their files.

Notation
    n          configs
    d          searched hyperparameters: those whose scale is not Fixed, in the space's order
    points     (n, d) unit coordinates in [0, 1], a column a searched hyperparameter

Files and dictionaries have one table a hyperparameter: ``scale`` with that scale's arguments, or ``choices``, or
``value``; each may have ``tier`` and ``when``. The scales themselves check them, so that a rule is written once and
reads the same from Python and from a file. (pydantic would add 0.15 s to every command, and a second voice.)

TOML has no word for None: ``{ none = true }`` is written in its place. A tuple is an array. A name with dots,
``optimizer.lr``, is written ``[optimizer.lr]`` or ``["optimizer.lr"]``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar import scale_picture
from caviar.cells import Units, Values
from caviar.errors import ConfigError, SpaceError, did_you_mean
from caviar.randomness import Purpose, generator, stream_key
from caviar.scale_rules import LAST_TIER, NONE_IN_TOML, Value, is_name, shown, title, value_key
from caviar.scales import (
    Choice,
    Fixed,
    Integer,
    Linear,
    Log,
    OneMinusLog,
    PowerOfTwo,
    Scale,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NAMED_SCALES: dict[str, type[Scale]] = {
    "linear": Linear,
    "log": Log,
    "one_minus_log": OneMinusLog,
    "integer": Integer,
    "power_of_two": PowerOfTwo,
}
UNNAMED_SCALES: dict[str, type[Scale]] = {"choices": Choice, "value": Fixed}
"""Scales that need no ``scale = ...`` in their table: the name of their one argument is enough."""


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Space:
    """Named hyperparameters: ``Space(learning_rate=Log(1e-4, 1), layers=3)``; a plain value is always that value.

    ``names`` are all hyperparameters in order, ``searched`` those with more than one value: the columns of unit
    coordinates.
    """

    names: tuple[str, ...]
    searched: tuple[str, ...]
    scales: Mapping[str, Scale]

    def __init__(self, /, **hyperparameters: Scale | Value) -> None:
        scales = {name: _scale_of(name, given) for name, given in hyperparameters.items()}
        if not scales:
            raise SpaceError("a space must have at least one hyperparameter, got none", "add one: learning_rate")
        _check_conditions(scales)
        object.__setattr__(self, "names", tuple(scales))
        object.__setattr__(self, "searched", tuple(n for n, scale in scales.items() if not isinstance(scale, Fixed)))
        object.__setattr__(self, "scales", scales)

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
        if any("." in name for name in self.names):
            return f"Space(**{dict(self.scales)!r})"
        return f"Space({', '.join(f'{name}={scale!r}' for name, scale in self.scales.items())})"

    @property
    def tiers(self) -> dict[int, tuple[str, ...]]:
        """The searched hyperparameters of each tier, first tier first; those without a tier are in tier 4."""
        tier_of = {name: self.scales[name].tier or LAST_TIER for name in self.searched}
        return {tier: tuple(n for n in self.searched if tier_of[n] == tier) for tier in sorted(set(tier_of.values()))}

    def sample(self, n: int, seed: int = 0) -> list[dict[str, Value]]:
        """``n`` configs, independent and uniform in unit coordinates; the same ``seed`` gives the same configs."""
        if isinstance(n, bool) or n < 0:
            raise SpaceError(f"the number of configs must be at least 0, got {n}", "ask for 1 or more")
        uniform = generator(stream_key(seed, Purpose.PROPOSALS))
        return self.from_unit(uniform.random((n, len(self.searched))))

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

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Plain data that JSON and TOML can hold: a table a hyperparameter, defaults left out."""
        return {name: _table_of(scale) for name, scale in self.scales.items()}

    @staticmethod
    def from_dict(tables: Mapping[str, Any]) -> Space:
        """The space of plain data as ``to_dict`` gives it; each mistake names hyperparameter and field.

        A table within a table is of a hyperparameter with a dot in its name.
        """
        return Space(**{name: _scale_from(name, table) for name, table in _flat(tables)})

    def to_toml(self) -> str:
        """The space file's text; ``from_toml`` gives the same space to the bit."""
        return "\n".join(
            "".join([f"[{_toml_name(name)}]\n", *(f"{key} = {_toml(value)}\n" for key, value in table.items())])
            for name, table in self.to_dict().items()
        )

    @staticmethod
    def from_toml(text: str) -> Space:
        """The space of a space file's ``text``."""
        try:
            tables = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as mistake:
            raise SpaceError(
                f"a space file must be TOML, got: {str(mistake).splitlines()[0]}",
                'write a table a hyperparameter: [learning_rate], then scale = "log", low = 1e-4, high = 1.0 below it',
            ) from None
        return Space.from_dict(tables)

    @staticmethod
    def load(path: str | Path) -> Space:
        """The space of the space file at ``path``."""
        try:
            text = Path(path).read_text(encoding="utf-8-sig")  # Windows editors put a mark before UTF-8
        except OSError as mistake:
            raise SpaceError(
                f"the space file {str(path)!r} cannot be read: {mistake.strerror}", "check the path"
            ) from None
        except UnicodeDecodeError:
            raise SpaceError(f"a space file must be UTF-8 text, {str(path)!r} is not", "save it as UTF-8") from None
        try:
            return Space.from_toml(text)
        except SpaceError as mistake:
            raise SpaceError(f"{str(path)!r}: {mistake.rule}", mistake.way_out) from None

    def show(self) -> Figure:
        """A plotly figure: the samples of each scale, beside plain uniform sampling of the same range."""
        return scale_picture.figure(self.scales)

    def describe(self) -> str:
        """The text for a terminal of 80 columns: facts and a small histogram a hyperparameter."""
        return scale_picture.text(self.scales)


def default_space() -> Space:
    """The space for dense networks that is searched when none is given: default_space.toml, with its reasons."""
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
                        f"{other} is {shown(scales[other])}",
                    )
    done: set[str] = set()
    for name in scales:
        _check_no_cycle(name, scales, (), done)


def _check_no_cycle(name: str, scales: Mapping[str, Scale], path: tuple[str, ...], done: set[str]) -> None:
    """Depth first; ``path`` leads to ``name``, and the conditions of those in ``done`` are known to end."""
    if name in path:
        circle = " -> ".join([*path[path.index(name) :], name])
        raise SpaceError(f"conditions must not run in a circle, got {circle}", "leave one of their when out")
    if name not in done:
        for other in scales[name].when or {}:
            _check_no_cycle(other, scales, (*path, name), done)
        done.add(name)


def _table_of(scale: Scale) -> dict[str, Any]:
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


_FIELDS = {"scale", *UNNAMED_SCALES, *(field.name for kind in NAMED_SCALES.values() for field in fields(kind))}


def _flat(tables: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
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
        yield from _flat(inner, f"{name}.")


def _flat_when(when: Any) -> Any:
    """A condition with the names that TOML has taken apart: ``when = { optimizer.name = ["adam"] }``."""
    if not isinstance(when, Mapping):
        return when
    flat: dict[str, Any] = {}
    for name, values in when.items():
        inner = _flat_when(values)
        flat |= {f"{name}.{rest}": one for rest, one in inner.items()} if isinstance(inner, dict) else {name: values}
    return flat


def _scale_from(name: str, table: Any) -> Scale:
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


def _toml_name(name: str) -> str:
    return f'"{name}"' if "." in name else name


def _toml(value: Any) -> str:
    if value is None:
        value = NONE_IN_TOML
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_toml_name(key)} = {_toml(values)}' for key, values in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _toml_string(value)
    return repr(value)  # the shortest digits that give the same float


def _toml_string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's but for DEL
