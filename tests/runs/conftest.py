"""A small table, and runs of it that take a tenth of a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from caviar.data import samples
from caviar.runs import loop
from caviar.store import Store
from caviar.store.runs import Runs

CONFIG = {"hidden_units": 8, "layers": 1, "batch_size": 16, "dropout": 0.1, "learning_rate": 0.01}


@dataclass
class Pond:
    """A folder with a table and a store."""

    folder: Path
    store: str

    def request(self, **changes: Any) -> loop.Request:
        asked = {"data": self.folder / "wine.csv", "target": samples.wine().target_name, "config": CONFIG, "epochs": 6}
        return loop.Request(**{**asked, "name": "wine", "store": self.store, **changes})

    def raise_one(
        self, on_epoch: Callable[[loop.EpochDone, Callable], None] | None = None, **changes: Any
    ) -> loop.RunEnded:
        """A whole run; ``on_epoch`` may give orders at epochs' ends."""
        return self.follow(loop.follow(self.request(**changes)), on_epoch)

    @staticmethod
    def follow(events, on_epoch=None) -> loop.RunEnded:
        order: Any = None
        for event in events:
            if isinstance(event, loop.Begun):
                order = event.order
            elif isinstance(event, loop.EpochDone) and on_epoch is not None:
                on_epoch(event, order)
        assert isinstance(event, loop.RunEnded)
        return event

    def runs(self) -> Runs:
        return Runs(Store.open(self.store, create=False))


@pytest.fixture
def pond(tmp_path: Path) -> Pond:
    samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    return Pond(tmp_path, str(tmp_path / "caviar.db"))
