"""What `caviar resume NAME` means for a run."""

from __future__ import annotations

from caviar.errors import StoreError
from caviar.records import RunState
from caviar.runs.client import is_kept


def going_on(name: str, store: str) -> str | None:
    """ "paused" for a run that a process keeps, "ended" for one that none does; None where a study is meant.

    A run that is over is meant only where there is no study of the name: then a StoreError says so.
    """
    from caviar.store import Store
    from caviar.store.runs import Runs

    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        if not runs.exists(name):
            return None
        run = runs.run(name)
        if run.state in (RunState.FINISHED, RunState.STOPPED):
            if any(study.name == name for study in opened.studies()):
                return None
            raise StoreError(f"run {name!r} is {run.state}", f"begin from one of its snapshots: caviar branch {name}")
    return "paused" if is_kept(run) else "ended"
