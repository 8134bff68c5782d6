"""The nurse says what she sees once, and again only where it became untrue and the run has news."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from caviar.records import Clock
from caviar.runs.epochs import Epochs
from caviar.runs.nurse import Nurse
from caviar.runs.rules import Advice, Sight, Thresholds


class Scripted:
    """A session in which one rule is true where ``ill`` is."""

    def __init__(self) -> None:
        self.ill = False
        self.said: list[str] = []
        self.run = SimpleNamespace(spec=SimpleNamespace(nurse="watch"))
        self.trainee = SimpleNamespace(
            chance_loss=1.0,
            rate=0.1,
            rate_knob="learning_rate",
            rules=[self.rule],
            knobs=dict,
            sight=lambda sight: sight,
        )
        self.snapshots = SimpleNamespace(all=[])
        self.epochs, self.clock, self.losses = Epochs(), Clock(0, 0, 0), [1.0]
        self.finite = self.epoch_ended = True
        self.stopped, self.paused = "", False

    def rule(self, sight: Sight, t: Thresholds) -> Advice | None:
        return Advice("plateau", "say", "no better") if self.ill else None

    def enter(self, kind: str, who: str, text: str, facts: dict[str, Any]) -> None:
        self.said.append(text)


def test_a_remark_comes_again_only_after_it_was_untrue_and_there_is_news():
    session = Scripted()
    nurse = Nurse(cast(Any, session))

    def said(ill: bool) -> int:
        session.ill = ill
        nurse.look()
        return len(session.said)

    assert [said(True), said(True), said(False), said(True)] == [1, 1, 1, 1]  # nothing is new
    nurse.judge(lowest=0.5, loss=0.6)
    assert [said(False), said(True)] == [1, 1]  # an epoch that is no new best is no news
    nurse.judge(lowest=0.5, loss=0.4)
    assert said(True) == 2
    nurse.judge(lowest=0.4, loss=0.3)
    assert said(True) == 2  # it has been true all the time
    said(False)
    nurse.turned({"learning_rate": [0.1, 0.2]}, by_nurse=False)
    assert said(True) == 3
    said(False)
    nurse.went_back()
    assert said(True) == 4
