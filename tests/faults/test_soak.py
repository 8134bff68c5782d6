"""The soak of ``make soak``, for some seconds: that it works itself, and that studies survive a few of its rounds."""

from __future__ import annotations

import sys

import pytest

from tests import soak


@pytest.mark.slow
def test_a_short_one(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["soak", "--seconds", "20", "--seed", "1"])
    monkeypatch.setattr(soak, "TRIALS", 100)
    monkeypatch.chdir(".")  # it is another's at the end
    soak.main()
    assert "nothing lost" in capfd.readouterr().out
