"""Interventions: changes of a run that somebody asks for, in a terminal, at the keyboard or in Python.

They go through the store and are applied in the order in which they were asked for, all that wait at one mini-batch
boundary together. Where two of one such batch contradict each other, the later one counts: a turn whose every knob is
turned again is overtaken, and so is a pause before a resume. All that come after a stop are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caviar.errors import ConfigError, did_you_mean
from caviar.records import Intervention, Value

KINDS = ("turn", "pause", "resume", "snapshot", "rollback", "stop")
"""The kinds of interventions; a branch is a run of its own, and none of them."""

BEST = "best"
"""A rollback ``to`` this goes to the best epoch."""


def check(kind: str, arguments: Mapping[str, Value]) -> None:
    """Raise ConfigError for an intervention that no run can apply, before it is written."""
    if kind not in KINDS:
        raise ConfigError(f"{kind!r} is no intervention", did_you_mean(kind, KINDS))
    if kind == "rollback":
        if arguments.get("to", BEST) != BEST:
            raise ConfigError(f"a rollback by name is to the best, got {arguments['to']!r}", "give a snapshot's number")
        to = arguments.get("snapshot")
        if to is not None and (not isinstance(to, int) or isinstance(to, bool) or to < 1):
            raise ConfigError(f"a snapshot is named by its number, got {to!r}", "caviar diary shows the numbers")


def overtaken(waiting: Sequence[Intervention]) -> dict[int, int]:
    """The interventions of one batch that a later one makes void: number by number of the later one."""
    void: dict[int, int] = {}
    for i, one in enumerate(waiting):
        for later in waiting[i + 1 :]:
            if later.kind in ("rollback", "stop"):
                break  # an earlier one was meant for the network as it was then
            both_turn = one.kind == later.kind == "turn" and set(one.arguments) <= set(later.arguments)
            if both_turn or {one.kind, later.kind} == {"pause", "resume"}:
                void[one.number] = later.number
                break
    return void
