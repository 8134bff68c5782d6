"""Runs for the pages to show, really trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from caviar.data import samples
from caviar.data.table import Table
from caviar.records import RunKind, RunSpec
from caviar.runs import loop
from caviar.runs.events import Begun, EpochDone
from caviar.store import Store

CONFIG: dict[str, Any] = {
    "hidden_units": 16,
    "layers": 3,
    "batch_norm": True,
    "optimizer": "adam",
    "learning_rate": 0.003,
    "dropout": 0.1,
}


def write_run(store: Store, folder: Path, name: str, rows: Table | None = None, epochs: int = 9, url: str = "") -> None:
    """Train a network that is turned, goes back once, and is broken off after so many ``epochs``, three at least.

    ``url`` is the store's with its password, where it has one.
    """
    sample = rows or samples.wine()
    table = folder / "rows.csv"
    samples.write_csv(sample, table)
    spec = RunSpec(
        kind=RunKind.NETWORK, data=str(table), target=sample.target_name, epochs=2 * epochs, snapshot_seconds=0.0
    )
    events = loop.begin(spec, CONFIG, name=name, store=url or store.url)
    done = 0
    ask: Callable[..., Any] | None = None
    for event in events:
        if isinstance(event, Begun):
            ask = event.ask
        if isinstance(event, EpochDone) and ask is not None:
            done += 1
            if done == epochs // 3:
                ask("turn", {"learning_rate": 0.01}, "it falls too slowly")
            if done == 2 * epochs // 3:
                ask("rollback", {"snapshot": epochs // 3}, "noisier than before")
            if done == epochs:
                break
    events.close()  # type: ignore[attr-defined]  # it is a generator
