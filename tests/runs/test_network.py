"""The time that is left to a network: its epochs are trained, measured and saved."""

from __future__ import annotations

import math

import pytest

from caviar.records import Clock
from caviar.runs import network
from caviar.runs.events import Begun, Progress
from tests.runs.conftest import CONFIG, Pond


def test_the_time_that_is_left_counts_what_happens_between_epochs(pond: Pond, monkeypatch: pytest.MonkeyPatch):
    """Each epoch's snapshot takes four seconds here, and its measurement one."""
    now = [100.0]
    monkeypatch.setattr(network.time, "perf_counter", lambda: now[0])
    subject = network.NetworkSubject(pond.spec(epochs=10), CONFIG, 0)
    assert subject and math and Clock and Begun and Progress
