"""The goal of the user's own code: to make its score larger, or smaller.

Where nobody gives it, names tell it: that in ``score``, those in the code, that of the function. Where none does, the
larger score is better, and a note says so. The scores are looked at as well: a loss falls from epoch to epoch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from caviar.errors import ConfigError
from caviar.protocol.command import script_of
from caviar.protocol.named_scores import Named, bare, scores_of_function, scores_of_script
from caviar.protocol.score import goal_of_name, name_of_score
from caviar.records import TrialKey
from caviar.records.ranking import OTHER, Goal

LARGER = 'a larger score counts as better, since no name says otherwise; for a loss give `goal="minimize"`'
"""The note where nothing tells the goal."""

_SIZES: Mapping[Goal, str] = {"minimize": "a smaller", "maximize": "a larger"}
_WAYS: Mapping[Goal, tuple[str, str]] = {"maximize": ("fall", "a loss"), "minimize": ("rise", "a score")}
_EPOCHS = 3  # of a trial that shows a way
_TRIALS = 5  # that show one
_MOST = 0.8  # of them go it


class GoalUnclear(ConfigError):
    """The score of the first trial is one of its losses, and nobody said that losses are to be minimized."""


class GoalFound(NamedTuple):
    """The goal, and a note where a name decided it, or nothing."""

    goal: Goal
    notes: tuple[str, ...] = ()


def goal_of_request(
    goal: str | None, score: str | None, objective: Callable[..., Any] | None, command: str | None, folder: str | None
) -> GoalFound:
    """The goal of a request. Raises ConfigError where it is none, or unclear."""
    for known in get_args(Goal):
        if goal == known:
            return GoalFound(known)
    if goal is not None:
        raise ConfigError(
            f"`goal` is maximize or minimize, got {goal!r:.60}", 'losses are to be minimized: `goal="minimize"`'
        )
    if score is not None:
        return _of_expression(score)
    return goal_of_code(objective, command, folder)


def _of_expression(score: str) -> GoalFound:
    """The goal by the name in a regular expression. Raises ConfigError."""
    name = name_of_score(score)
    if (known := goal_of_name(name)) is not None:
        return GoalFound(known, (f'{name} is to be {known}d, by its name; `goal="{OTHER[known]}"` turns that round',))
    if re.search(r"loss|error", name, re.IGNORECASE):
        raise ConfigError(
            f"is the smaller or the larger {name} the better? `score` has a name that could be either",
            'say it: `goal="minimize"` or `goal="maximize"`',
        )
    return GoalFound("maximize", (LARGER,))


def goal_of_code(objective: Callable[..., Any] | None, command: str | None, folder: str | None) -> GoalFound:
    """The goal by the names in the code of a function, or of a Python script that reports to us."""
    if objective is not None:
        name = getattr(bare(objective), "__name__", type(objective).__name__)
        scores = scores_of_function(objective)
        if not scores and (goal := goal_of_name(name)) is not None:
            scores = [Named(name, goal)]
    else:
        script = None if command is None else script_of(command, folder)
        name, scores = ("", []) if script is None else (script.name, scores_of_script(_read(script)))
    goals = {score.goal for score in scores}
    if len(goals) == 2:
        both = " and ".join(repr(next(one.code for one in scores if one.goal == goal)) for goal in get_args(Goal))
        note = f'{name} has scores of both kinds, {both}; a larger one counts as better, else give `goal="minimize"`'
        return GoalFound("maximize", (note,))
    if not goals:
        return GoalFound("maximize", (LARGER,))
    goal = goals.pop()
    if goal == "maximize":
        return GoalFound(goal)
    said = f"{name!r} is" if scores[0].code == name else f"the score of {name} is {scores[0].code!r},"
    note = f'{said} a loss by its name: a smaller one counts as better; `goal="maximize"` turns that round'
    return GoalFound(goal, (note,))


def _read(script: Path) -> str:
    try:
        return script.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


class GoalWatch:
    """Looks at the scores of a study whose goal nobody has given."""

    def __init__(self, goal: Goal, notes: MutableMapping[str, str], *, refuses: bool) -> None:
        """``notes`` gets one on scores that go the wrong way; ``refuses`` a first score that is called a loss."""
        self._goal = goal
        self._notes = notes
        self._refuses = refuses
        self._first: dict[TrialKey, tuple[int, float]] = {}  # scores so far, and the first of them
        self._shown: set[TrialKey] = set()  # those that show a way
        self._wrong: set[TrialKey] = set()  # and of these those whose last score is poorer than the first

    def see(self, trial: TrialKey, score: float | None, values: Mapping[str, float], reported: bool = True) -> None:
        """Take in a score, beside the ``values`` of the same report. Raises GoalUnclear."""
        if score is None:
            return
        if self._refuses:
            self._refuses = False
            _check_first(score, values, reported)
        if not reported or not math.isfinite(score) or "goal" in self._notes:
            return
        n, first = self._first.get(trial, (0, score))
        self._first[trial] = n + 1, first
        if n + 1 >= _EPOCHS:
            is_wrong = (score < first) if self._goal == "maximize" else (score > first)
            (self._wrong.add if is_wrong else self._wrong.discard)(trial)
            self._shown.add(trial)
            self._look()

    def _look(self) -> None:
        wrong, shown = len(self._wrong), len(self._shown)
        if shown >= _TRIALS and wrong >= _MOST * shown:
            go, kind = _WAYS[self._goal]
            self._notes["goal"] = (
                f"the scores of {wrong} of {shown} trials {go} from epoch to epoch, as those of {kind}, and "
                f"{_SIZES[self._goal]} one counts as better: if that is wrong, begin again with "
                f'`goal="{OTHER[self._goal]}"`'
            )


def _check_first(score: float, values: Mapping[str, float], reported: bool) -> None:
    """Raise GoalUnclear for a score that is reported once more under the name of a loss."""
    if not math.isfinite(score) or (reported and score == round(score)):  # round numbers are equal by chance
        return
    same = [name for name, value in values.items() if value == score]
    if same and all(goal_of_name(name) == "minimize" for name in same):
        raise GoalUnclear(
            f"the score {score:.6g} is the {same[0]} that the trial reports, and without `goal` larger is better",
            'give `goal="minimize"`; or `goal="maximize"`, if that is meant',
        )
