"""One process leads a study: a second one is told so, and what a dead one left is taken over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from caviar.errors import StoreError
from caviar.records import Worker, WorkerState

if TYPE_CHECKING:
    from caviar.store import Store

_LOOK_EVERY = 0.3  # seconds; a leader beats twice a second


def only_worker(store: Store, me: Worker | str, patience: float) -> None:
    """StoreError if another process leads the study; one that is dead, or frozen for ``patience`` seconds, is told off.

    So are helpers whose leader is gone: their work was given in its name. ``me`` is this process as a worker, or the
    study's name before it has joined.
    """
    from caviar.store import Watch

    study, fence = (me.study, me.fence) if isinstance(me, Worker) else (me, -1)
    watch = Watch(store, study, patience)
    seen: dict[int, int] = {}
    while True:
        watch.look()
        working = [w for w in store.workers(study) if w.state is WorkerState.WORKING and w.fence != fence]
        others = {worker.fence: worker for worker in working if not worker.is_helper}
        orphans = [worker for worker in working if worker.is_helper and worker.identity["helps"] not in others]
        for other in others.values():
            if seen.setdefault(other.fence, other.beats) != other.beats:
                who = other.identity
                raise StoreError(
                    f"study {study!r} is running: process {who['pid']} of {who['user']} on {who['host']} works on it",
                    "wait for it, or end it with Ctrl-C there; it can be resumed then",
                )
        if not others and len(store.lost(study, orphans)) == len(orphans):
            return
        time.sleep(_LOOK_EVERY)
