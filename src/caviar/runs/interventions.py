"""Orders: what somebody wants of a run, from another terminal, the keyboard, Python or a browser, through the store.

They are obeyed in the order in which they were given, all that wait at one mini-batch boundary together. Where two of
one such batch contradict each other, the later one counts: a turn whose every knob is turned again is overtaken, and so
is a pause before a resume. Whatever comes after a stop is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caviar.errors import ConfigError, did_you_mean
from caviar.records import Intervention, Value

KINDS = ("turn", "pause", "resume", "snapshot", "rollback", "stop")
"""What can be ordered; a branch is a run of its own, and needs no one's leave."""


def check(kind: str, arguments: Mapping[str, Value]) -> None:
    """Raise ConfigError for what is no order, where it is typed and not where it is obeyed."""
    if kind not in KINDS:
        raise ConfigError(f"{kind!r} is no order", did_you_mean(kind, KINDS))
    if kind == "rollback":
        to = arguments.get("snapshot")
        if to is not None and (not isinstance(to, int) or isinstance(to, bool) or to < 1):
            raise ConfigError(f"a snapshot is named by its number, got {to!r}", "caviar diary shows the numbers")


def overtaken(orders: Sequence[Intervention]) -> dict[int, int]:
    """The orders of one batch that a later one makes void: number by number of the later one."""
    void: dict[int, int] = {}
    for i, order in enumerate(orders):
        for later in orders[i + 1 :]:
            if later.kind in ("rollback", "stop"):
                break  # what comes before it was meant for the network as it was then
            both_turn = order.kind == later.kind == "turn" and set(order.arguments) <= set(later.arguments)
            if both_turn or {order.kind, later.kind} == {"pause", "resume"}:
                void[order.number] = later.number
                break
    return void
