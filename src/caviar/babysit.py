"""Nurse one network while it trains: the panda's door to Python.

with caviar.babysit.run("resnet-7", knobs=dict(learning_rate=0.1)) as run:   anyone's training loop
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from caviar.arguments import checked
from caviar.drawn import run_as_html
from caviar.records import RunKind, RunSpec, Value
from caviar.runs.own_loop import OwnRun
from caviar.store.delivery import STORE_PATIENCE

__all__ = ["run"]


@checked
def run(
    name: str | None = None,
    knobs: Mapping[str, Value] | None = None,
    *,
    store: str | os.PathLike[str] = "caviar.db",
    nurse: bool = True,
    snapshot_seconds: float = 60.0,
    disk_bytes: int = 2 << 30,
    store_patience: float = STORE_PATIENCE,
) -> OwnRun:
    """Nurse a training loop of yours: ``with caviar.babysit.run("net", knobs=dict(learning_rate=0.1)) as run``.

    name: the run's name. A run of that name that was interrupted is taken up again. Without a name it is a new run,
        with the first free one of run, run-2, run-3, ...
    knobs: numbers, strings and booleans that can be turned while it trains, by name.
    store: the database that the run is written to.
    nurse: NaN and exploding losses lead back to the last good snapshot with half of the learning rate.
    snapshot_seconds: seconds between two snapshots that the run asks for by itself.
    disk_bytes: the most that the snapshots may take; old and poor ones are deleted first.
    store_patience: seconds that the end of the loop waits for a store that cannot be reached. The loop itself never
        waits: what it logs is kept, and written when the store is back.

    Raises StoreError for a run of the name that is over or belongs to another process, ConfigError for a bad knob.
    """
    spec = RunSpec(
        kind=RunKind.LOOP,
        nurse="watch" if nurse else "no",
        disk_bytes=disk_bytes,
        snapshot_seconds=snapshot_seconds,
    )
    return OwnRun(name, knobs or {}, store, spec, store_patience, run_as_html)
