"""A clock that counts: a budget of seconds ends after so much work, however busy the machine is."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from caviar.study import job, programs, resume
from caviar.study.ledger import Ledger


class CountedClock:
    """Stands in for ``time`` in the modules that count a study's budget.

    It goes on by ``read`` seconds whenever it is read, and by ``result`` seconds with every result of a task.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, read: float, result: float) -> None:
        self.began = self.now = time.monotonic()  # requests take their start from the real clock
        record = Ledger.record

        def monotonic() -> float:
            self.now += read
            return self.now

        def recording(ledger, done):
            self.now += result
            return record(ledger, done)

        monkeypatch.setattr(Ledger, "record", recording)
        for module in (job, programs, resume):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=monotonic))

    @property
    def elapsed(self) -> float:
        """Counted seconds since its start."""
        return self.now - self.began
