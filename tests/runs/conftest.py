"""A small table, and runs of it that take a tenth of a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from caviar.data import samples
from caviar.records import RunKind, RunSpec
from caviar.runs import loop
from caviar.runs.events import Event, RunEnded
from caviar.store import Store
from caviar.store.runs import Runs

CONFIG = {"hidden_units": 8, "layers": 1, "batch_size": 16, "dropout": 0.1, "learning_rate": 0.01}


@dataclass
class Pond:
    """A folder with a table and a store."""

    folder: Path
    store: str

    def spec(self, **changes: Any) -> RunSpec:
        asked = {"data": str(self.folder / "wine.csv"), "target": samples.wine().target_name, "epochs": 6}
        return RunSpec(kind=RunKind.NETWORK, **{**asked, **changes})

    def begin(
        self,
        config: Any = CONFIG,
        name: str = "wine",
        seed: int = 0,
        ended: Callable[[], bool] = lambda: False,
        **changes: Any,
    ) -> Iterator[Event]:
        """A run that is begun, event by event."""
        return loop.begin(self.spec(**changes), config, seed, name, self.store, ended)

    def run_one(self, on_epoch: Callable[[loop.EpochDone, Callable], None] | None = None, **changes: Any) -> RunEnded:
        """A whole run; ``on_epoch`` may intervene at epochs' ends."""
        return self.follow(self.begin(**changes), on_epoch)

    @staticmethod
    def follow(events, on_epoch=None) -> RunEnded:
        ask: Any = None
        for event in events:
            if isinstance(event, loop.Begun):
                ask = event.ask
            elif isinstance(event, loop.EpochDone) and on_epoch is not None:
                on_epoch(event, ask)
        assert isinstance(event, RunEnded)
        return event

    def runs(self) -> Runs:
        return Runs(Store.open(self.store, create=False))


@pytest.fixture
def pond(tmp_path: Path) -> Pond:
    samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    return Pond(tmp_path, str(tmp_path / "caviar.db"))
