"""The panda: one network, nursed while it trains.

    own_loop   with caviar.babysit.run("resnet-7", knobs=dict(learning_rate=0.1)) as run: ...   anyone's training loop
    loop       caviar's own: one screen, a stream of events
    trainee        the network that is raised, to the bit
    program_loop, program_cub   the same for somebody's program, through docs/protocol.md
    session    what can be done to a run, and its ledger
    nurse      rules that a careful person would follow
    replay     train it again from the diary

Only ``run`` is imported with caviar; the rest is loaded where it is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from caviar.records import Value

if TYPE_CHECKING:
    from caviar.runs.own_loop import OwnRun

__all__ = ["run"]


def run(
    name: str,
    knobs: Mapping[str, Value] | None = None,
    *,
    store: str | os.PathLike[str] = "caviar.db",
    nurse: bool = True,
    snapshot_seconds: float = 60.0,
    disk_bytes: int = 2 << 30,
) -> OwnRun:
    """A training loop of yours under care: ``with caviar.babysit.run("net", knobs=dict(learning_rate=0.1)) as run``.

    knobs: what can be turned while it trains, by name. store: where it is written down. nurse: whether NaN and
    exploding losses lead back to the last good snapshot with half of the learning rate. snapshot_seconds: how often it
    wants one of itself. disk_bytes: what the snapshots may take; old and poor ones go first.

    Raises StoreError for a run of the name that is over or is kept by another process, ConfigError for a bad knob.
    """
    from caviar.runs.own_loop import OwnRun

    return OwnRun(name, knobs or {}, store, nurse, snapshot_seconds, disk_bytes)
