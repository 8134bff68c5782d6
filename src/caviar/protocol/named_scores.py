"""Facts that Python code tells by itself: the goal, by names, and whether it reports while it trains.

A function that returns ``val_loss`` means the smaller to be the better.

Only names are read, and nothing is run. In ``-loss``, ``1 - error`` and ``1 / cost`` the goal is the other one. A name
that says nothing is followed to what it was assigned: ``value = log_loss(y, p); return value``.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from caviar.protocol.score import goal_of_name
from caviar.records.ranking import OTHER, Goal

_THROUGH = {"float", "int", "round", "abs", "min", "max", "sum", "mean", "nanmean", "median", "average"}
_THROUGH |= {"sqrt", "array", "asarray", "tensor", "item", "numpy", "cpu", "detach", "tolist", "values"}
"""Calls whose value has the goal of what they are given."""
_ANY_SCORE = re.compile(r"(\w+_)?scores?")  # of a variable that may hold anything
_LOOK_UPS = ("get", "pop")
_SAYING = {"report", "step", "epochs"}
"""Methods of a trial by which it can be stopped."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Named(NamedTuple):
    """A score as it stands in the code, and the goal that its names tell."""

    code: str
    goal: Goal


def scores_of_function(function: Callable[..., Any]) -> list[Named]:
    """The scores that ``function`` reports and returns, as far as names tell their goal."""
    own = _code(function)
    if own is None:
        return []
    returned = [own.body] if isinstance(own, ast.Lambda) else _returned(own.body)
    return _named([*_reported(own), *returned], own)


def reports_nothing(function: Callable[..., Any]) -> bool:
    """True if the code of ``function`` shows all that it does with its trial, and no report is among it."""
    own = _code(function)
    if own is None or bare(function) is not function:  # what is around it may report
        return False
    of_an_object = inspect.ismethod(function) or not inspect.isroutine(function)
    arguments = [*own.args.posonlyargs, *own.args.args][of_an_object:]
    if not arguments:
        return False
    trial = arguments[0].arg
    uses = quiet = 0
    for node in ast.walk(own):
        match node:
            case ast.Name(id=name):
                uses += name == trial
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute not in _SAYING:
                quiet += name == trial
            case ast.Subscript(value=ast.Name(id=name)):
                quiet += name == trial
    return uses == quiet  # any other use may report: another function that is given the trial, say


def _code(function: Callable[..., Any]) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """The source of ``function`` itself, where one is found."""
    function = bare(function)
    code = function if inspect.isroutine(function) else type(function).__call__
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError, ValueError, RecursionError):  # no file has it, or no whole line
        return None
    found = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    if not found or (isinstance(found[0], ast.Lambda) and len(found) > 1):
        return None
    return found[0]


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` without what functools has wrapped around it."""
    while isinstance(function, partial):
        function = function.func
    unwrapped: Callable[..., Any] = inspect.unwrap(function)
    return unwrapped


def scores_of_script(source: str) -> list[Named]:
    """The scores that a program reports by our client, the same."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return _named(_reported(tree), tree)


def _returned(body: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """The values that a function with this ``body`` returns; functions within it left out."""
    for node in body:
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        elif not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield from _returned(ast.iter_child_nodes(node))


def _reported(tree: ast.AST) -> Iterator[ast.expr]:
    """The scores in all calls of ``trial.report(epoch, score)`` and ``trial.done(score)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            place = {"report": 1, "done": 0}.get(node.func.attr)
            if place is not None:
                yield from node.args[place : place + 1]
                yield from (given.value for given in node.keywords if given.arg == "score")


def _named(scores: Iterable[ast.expr], tree: ast.AST) -> list[Named]:
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and isinstance(node.target, ast.Name):
            assigned.setdefault(node.target.id, []).extend([node.value] if node.value is not None else [])
    reader = _Reader(assigned)
    found = [(score, reader.goal(score)) for score in scores]
    return [Named(" ".join(ast.unparse(score).split())[:60], goal) for score, goal in found if goal is not None]


class _Reader:
    """Reads goals from expressions; ``assigned`` are those of each name."""

    def __init__(self, assigned: dict[str, list[ast.expr]]) -> None:
        self._assigned = assigned
        self._open: set[str] = set()  # names that are being followed

    def goal(self, node: ast.expr) -> Goal | None:
        """The goal of the value of ``node``; None where no name tells it, or where names tell both."""
        match node:
            case ast.Name(id=name):
                return (
                    self._followed(name) if _ANY_SCORE.fullmatch(name) else goal_of_name(name) or self._followed(name)
                )
            case ast.Attribute(value=value, attr=name):
                return goal_of_name(name) or self.goal(value)
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                return goal_of_name(name) or self.goal(value)
            case ast.Call():
                return self._called(node)
            case ast.Dict(keys=keys):
                return _agreed(goal_of_name(_text(key)) for key in keys)
            case ast.UnaryOp(op=ast.USub(), operand=value):
                return self._turned(value)
            case ast.BinOp():
                return self._reckoned(node)
            case ast.IfExp(body=one, orelse=other):
                return _agreed(map(self.goal, (one, other)))
            case ast.BoolOp(values=values):
                return _agreed(map(self.goal, values))
            case ast.Subscript(value=value) | ast.UnaryOp(operand=value) | ast.NamedExpr(value=value):
                return self.goal(value)
        return None

    def _turned(self, node: ast.expr) -> Goal | None:
        goal = self.goal(node)
        return None if goal is None else OTHER[goal]

    def _followed(self, name: str) -> Goal | None:
        """The goal of what is assigned to ``name``."""
        if name in self._open:
            return None
        self._open.add(name)
        goal = _agreed(map(self.goal, self._assigned.get(name, ())))
        self._open.remove(name)
        return goal

    def _called(self, node: ast.Call) -> Goal | None:
        """The goal of a call: by the name of what is called, and not by its arguments, which may be anything."""
        called = node.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        if name in _THROUGH:
            of_itself = [called.value] if isinstance(called, ast.Attribute) else []
            return _agreed(map(self.goal, [*of_itself, *node.args]))
        if name in _LOOK_UPS and node.args:
            return goal_of_name(_text(node.args[0]))
        return goal_of_name(name) or (self.goal(called.value) if isinstance(called, ast.Attribute) else None)

    def _reckoned(self, node: ast.BinOp) -> Goal | None:
        left, right = node.left, node.right
        match node.op:
            case ast.Sub() if not _is_number(right):
                return self._turned(right) if _is_number(left) else None
            case ast.Div() | ast.FloorDiv() if _is_number(left):
                return self._turned(right)
            case ast.Sub() | ast.Div() | ast.FloorDiv() | ast.Pow() | ast.Mod():
                return self.goal(left)
            case ast.Mult() if _is_negative(left):
                return self._turned(right)
            case ast.Mult() if _is_negative(right):
                return self._turned(left)
            case ast.Mult() | ast.Add():
                return _agreed(map(self.goal, (left, right)))
        return None


def _agreed(goals: Iterable[Goal | None]) -> Goal | None:
    """The goal that all say who say any."""
    said = set(goals) - {None}
    return said.pop() if len(said) == 1 else None


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is_number(node.operand)
