"""Constraints: conditions on a whole config, such as "units2 <= units1", that every draw fulfils.

A constraint is a function of a config that returns True or False, or a text: comparisons, arithmetic, and/or/not, the
functions min, max, abs and len, and the names of hyperparameters. A text is read by Python's own parser, and only what
is listed here is evaluated; nothing in it can call or read anything else.

A constraint that asks for a hyperparameter which does not apply to a config counts as fulfilled.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from caviar.errors import SpaceError, did_you_mean
from caviar.scale_rules import shown

_LONGEST = 1000  # characters of a text
_LARGEST_POWER = 64
_EXAMPLE = 'such as "units2 <= units1", or a function: lambda config: config["units2"] <= config["units1"]'

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "abs": abs, "len": len}

MOST_DRAWS = 20_000
"""Draws of which one at least must fulfil the constraints: with fewer they leave nothing to search."""

Given = Any
"""A text, a function of a config, or a Constraint."""
_Value = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, eq=False)
class Constraint:
    """One constraint, by its ``text``, or a function with that name.

    ``function`` is None for a function that was not given again: the store does not keep it.
    """

    text: str
    is_text: bool
    function: Callable[[Mapping[str, Any]], Any] | None = None
    names: frozenset[str] = frozenset()  # that a config can have

    def __eq__(self, other: object) -> bool:
        """Equal texts, or one function."""
        if not isinstance(other, Constraint) or (self.text, self.is_text) != (other.text, other.is_text):
            return False
        return self.is_text or self.function is other.function

    def __hash__(self) -> int:
        return hash((self.text, self.is_text))

    def __reduce__(self) -> Any:  # pickled by its text: what that was compiled to cannot be
        return constraint, (self.text if self.is_text else self.function or self.to_record(), self.names)

    @property
    def is_missing(self) -> bool:
        """True for a function that has to be given again."""
        return self.function is None

    def holds(self, config: Mapping[str, Any]) -> bool:
        """True where ``config`` fulfils it. Raises SpaceError where that cannot be said."""
        if self.function is None:
            return True
        try:
            found = self.function(config if self.is_text else _Config(config, self.names))
        except _DoesNotApplyError:
            return True
        except SpaceError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
            way_out = "values must be of kinds that can be compared" if self.is_text else _EXAMPLE
            rule = f"the constraint {self.text!r:.100} cannot be evaluated ({said}) for {shown(dict(config))}"
            raise SpaceError(rule, way_out) from None
        if not isinstance(found, bool | np.bool_):
            raise SpaceError(f"the constraint {self.text!r:.100} must be true or false, got {shown(found)}", _EXAMPLE)
        return bool(found)

    def to_record(self) -> Any:
        """Plain data, for the store: the text, or that it is a function."""
        return self.text if self.is_text else {"function": self.text}


def constraint(given: Any, names: Collection[str]) -> Constraint:
    """The constraint of a function, of a text, or of a record of either, on hyperparameters ``names``.

    Raises SpaceError for a text that cannot be read, with its way out.
    """
    known = frozenset(names)
    if isinstance(given, Constraint):
        return given
    if isinstance(given, str):
        return Constraint(given, True, _compiled(given, known), known)
    if isinstance(given, Mapping) and list(given) == ["function"]:
        return Constraint(str(given["function"])[:200], False, None, known)
    if callable(given):
        name = getattr(given, "__name__", type(given).__name__)
        return Constraint(str(name)[:200], False, given, known)
    raise SpaceError(f"a constraint must be a text or a function, got {shown(given)}", _EXAMPLE)


def unfulfilled(constraints: Sequence[Constraint], drawn: int) -> SpaceError:
    """The error of a space of which hardly any draw, of ``drawn``, fulfils the constraints."""
    which = f"the constraint {constraints[0].text!r:.100}"
    if len(constraints) > 1:
        which = f"all {len(constraints)} constraints, {', '.join(repr(one.text) for one in constraints):.200}"
    return SpaceError(
        f"of {drawn:,} draws from the space hardly any fulfils {which}",
        "loosen it, or narrow the ranges; two values that must be equal are one hyperparameter",
    )


class _DoesNotApplyError(Exception):
    """A hyperparameter of the constraint is not in the config."""


class _Config(dict[str, Any]):
    """A config for a function, which says whether a name that it lacks is one at all."""

    def __init__(self, config: Mapping[str, Any], names: frozenset[str]) -> None:
        super().__init__(config)
        self._names = names

    def __missing__(self, name: str) -> Any:
        if name in self._names:
            raise _DoesNotApplyError
        rule = f"a constraint asks for {shown(name)}, which is no hyperparameter"
        raise SpaceError(rule, did_you_mean(str(name), sorted(self._names)))


def _compiled(text: str, names: frozenset[str]) -> _Value:
    """The function of ``text``."""
    if len(text) > _LONGEST:
        raise SpaceError(f"a constraint has at most {_LONGEST} characters, got {len(text)}", "write a function")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _Reader(text, names).value(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SpaceError(f"a constraint cannot be read: {said}, got {shown(text)}", _EXAMPLE) from None


@dataclass(frozen=True)
class _Reader:
    """Turns the nodes of Python's syntax that a constraint may have into functions of a config."""

    text: str
    names: frozenset[str]

    def value(self, node: ast.expr) -> _Value:
        """The function of one node."""
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str | None):
            constant = node.value
            return lambda config: constant
        if isinstance(node, ast.Tuple | ast.List):
            parts = [self.value(one) for one in node.elts]
            return lambda config: tuple(part(config) for part in parts)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._name(node)
        if isinstance(node, ast.BoolOp):
            return self._together(node)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.UnaryOp | ast.BinOp) and type(node.op) in (*_ARITHMETIC, ast.Not, ast.USub, ast.UAdd):
            return self._arithmetic(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _FUNCTIONS and not node.keywords:
            function, arguments = _FUNCTIONS[ast.unparse(node.func)], [self.value(one) for one in node.args]
            return lambda config: function(*(argument(config) for argument in arguments))
        if isinstance(node, ast.Subscript):
            whole, at = self.value(node.value), self.value(node.slice)
            return lambda config: whole(config)[at(config)]
        raise SpaceError(
            f"a constraint has comparisons, arithmetic, and, or, not, min, max, abs and len, got {shown(self.text)}",
            "write a function for more: lambda config: ...",
        )

    def _name(self, node: ast.Name | ast.Attribute) -> _Value:
        name = ast.unparse(node)
        if name not in self.names:
            raise SpaceError(
                f"the constraint {self.text!r:.100} asks for {shown(name)}, which is no hyperparameter",
                did_you_mean(name, sorted(self.names)),
            )

        def look_up(config: Mapping[str, Any]) -> Any:
            if name not in config:
                raise _DoesNotApplyError
            return config[name]

        return look_up

    def _together(self, node: ast.BoolOp) -> _Value:
        parts = [self.value(one) for one in node.values]
        if isinstance(node.op, ast.And):
            return lambda config: all(_truth(part(config)) for part in parts)
        return lambda config: any(_truth(part(config)) for part in parts)

    def _comparison(self, node: ast.Compare) -> _Value:
        """a < b <= c, which is true where both are."""
        sides = [self.value(one) for one in (node.left, *node.comparators)]
        compares = [_COMPARISONS[type(op)] for op in node.ops]

        def compare(config: Mapping[str, Any]) -> bool:
            values = [side(config) for side in sides]
            return all(bool(f(a, b)) for f, a, b in zip(compares, values, values[1:], strict=False))

        return compare

    def _arithmetic(self, node: ast.UnaryOp | ast.BinOp) -> _Value:
        if isinstance(node, ast.UnaryOp):
            operand = self.value(node.operand)
            if isinstance(node.op, ast.Not):
                return lambda config: not _truth(operand(config))
            sign = -1 if isinstance(node.op, ast.USub) else 1
            return lambda config: sign * _number(operand(config))
        function, left, right = _ARITHMETIC[type(node.op)], self.value(node.left), self.value(node.right)
        is_power = isinstance(node.op, ast.Pow)

        def combine(config: Mapping[str, Any]) -> Any:
            a, b = _number(left(config)), _number(right(config))
            if is_power and abs(b) > _LARGEST_POWER:
                raise OverflowError(f"a power of {b:g}")
            return function(float(a) if is_power else a, b)

        return combine


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.40} is neither true nor false")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} is no number")
    return value
