"""The nurse at work: she looks at a session by the rules of rules.py, and does in it what they advise."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from caviar.errors import SnapshotAbsent, SnapshotError
from caviar.records import Clock, Run, RunSnapshot, Value
from caviar.records.config import as_number
from caviar.runs.epochs import Epochs
from caviar.runs.rules import THRESHOLDS, Advice, Sight, advise
from caviar.runs.snapshots import SavedStates
from caviar.runs.trainee import Trainee

_RECENT = 3  # epochs within which a learning rate that was turned up is the first thing to doubt


class Nursed(Protocol):
    """The part of a session (session.py) that the nurse sees and does something to."""

    run: Run
    trainee: Trainee
    snapshots: SavedStates
    stopped: str
    paused: bool
    finite: bool
    epoch_ended: bool
    losses: list[float]

    @property
    def clock(self) -> Clock: ...  # noqa: D102 - see Session

    @property
    def epochs(self) -> Epochs: ...  # noqa: D102

    def turn(self, changes: Mapping[str, Value], who: str, because: str) -> None: ...  # noqa: D102

    def rollback(self, to: RunSnapshot, who: str, because: str) -> None: ...  # noqa: D102

    def enter(self, kind: str, who: str, text: str, facts: Mapping[str, Any]) -> None: ...  # noqa: D102

    def find(self, number: int | None) -> RunSnapshot: ...  # noqa: D102

    def last_good(self, avoid: Collection[int] = ()) -> RunSnapshot | None: ...  # noqa: D102


class Nurse:
    """The nurse of one session. What she did is written down in its diary by the session's own methods."""

    def __init__(self, session: Nursed) -> None:
        self._session = session
        self._said: set[str] = set()  # rules that were written down already
        self._untrue: set[str] = set()  # of those, the ones that were not true any more
        self._turned_at = 0  # epoch
        self._judged = 0  # epochs, or what stands for them in a loop
        self._rate_increased: tuple[int, int, int] | None = None  # snapshot, epoch and judged before it
        self._rollbacks = 0  # since the last best
        self._last_target: int | None = None  # snapshot of the last rollback, until an epoch is finished

    @property
    def needs(self) -> list[int]:
        """Numbers of the snapshots that must stay."""
        return [] if self._last_target is None else [self._last_target]

    def look(self) -> None:
        """Look at what was trained last, and follow the advice of the rules."""
        session = self._session
        advices = self.advices()
        if session.epoch_ended:
            self._untrue |= self._said - {advice.rule for advice in advices}
        for advice in advices:
            self.follow(advice)
        if session.run.spec.nurse == "no" and not session.finite and not session.trainee.survives_nan:
            session.stopped = "it diverged, and no nurse was there"

    def advices(self) -> list[Advice]:
        """The advice of the rules on the run as it stands; nothing is done."""
        session = self._session
        if session.run.spec.nurse != "no":
            return advise(session.trainee.sight(self._sight()), rules=session.trainee.rules)
        text = "the loss is no longer a finite number, and no nurse is there"
        return [] if session.finite else [Advice("diverged", "say", text)]

    def follow(self, advice: Advice) -> None:
        """Do what is advised, or write it down once where the nurse may only say it."""
        session = self._session
        lost = advice.action == "rollback" and session.last_good() is None
        if lost and (session.finite or not session.trainee.is_stopped_when_lost):
            advice = replace(advice, action="say", text=f"{advice.text}, and there is no snapshot to go back to")
        if advice.action == "rollback":
            self._roll_back(advice)
        elif advice.action == "stop":
            session.enter("nurse", "nurse", f"{advice.rule}: {advice.text}", {"rule": advice.rule})
            session.stopped = advice.text
            if session.trainee.applies("rollback", session.paused):  # so that there is a network to show for it
                try:
                    session.rollback(session.find(None), "nurse", "the end")
                except SnapshotAbsent:
                    session.stopped = ""
                    raise
                except SnapshotError:
                    pass
        elif advice.action == "turn" and session.run.spec.nurse == "act":
            session.turn(advice.changes, "nurse", f"{advice.rule}: {advice.text}")
        elif advice.rule not in self._said:
            facts = {"rule": advice.rule, "changes": advice.changes}
            session.enter("advice", "nurse", f"{advice.rule}: {advice.text}", facts)
        self._said.add(advice.rule)

    # --- what happened in the session ---

    def turned(self, turned: Mapping[str, Sequence[Value]], by_nurse: bool) -> None:
        """Note that knobs were turned, from [before, after]."""
        session = self._session
        self._has_news()
        self._turned_at = session.clock.epoch
        if session.trainee.rate_knob in turned:
            before, after = map(as_number, turned[session.trainee.rate_knob])
            newest = max((s.number for s in session.snapshots.all), default=0)
            up = not by_nurse and after >= THRESHOLDS.turned_up_times * before
            self._rate_increased = (newest, session.clock.epoch, self._judged) if up else None

    def went_back(self) -> None:
        """Note a rollback."""
        self._has_news()
        self._turned_at = min(self._turned_at, self._session.clock.epoch)
        self._rate_increased = None

    def judge(self, lowest: float, loss: float) -> None:
        """Note an epoch's ``loss`` after the ``lowest`` of those before: a new best ends the count of rollbacks."""
        self._judged += 1
        if loss < lowest:
            self._has_news()
            self._rollbacks = 0
        if self._session.finite:
            self._last_target = None

    def _has_news(self) -> None:
        """Let what was said, and became untrue since, be said again."""
        self._said -= self._untrue
        self._untrue.clear()

    def _sight(self) -> Sight:
        session = self._session
        return Sight(
            losses=session.losses,
            epochs=session.epochs,
            chance_loss=session.trainee.chance_loss,
            finite=session.finite,
            epoch_ended=session.epoch_ended,
            rollbacks=self._rollbacks,
            since_turn=session.clock.epoch - self._turned_at,
            rate_increased=self._rate_increased[1] if self._rate_increased else None,
            knobs=session.trainee.knobs(),
        )

    def _roll_back(self, advice: Advice) -> None:
        """Go to the last good snapshot with half of its learning rate; where that was tried, to the one before it."""
        session, trainee = self._session, self._session.trainee
        avoid: set[int] = set()
        rate_before, again = trainee.rate, self._last_target is not None
        if self._rate_increased is not None and self._judged - self._rate_increased[2] <= _RECENT:
            avoid = {s.number for s in session.snapshots.all if s.number > self._rate_increased[0]}
        if self._last_target is not None:
            avoid |= {s.number for s in session.snapshots.all if s.number >= self._last_target}
        absent: SnapshotAbsent | None = None
        away: set[int] = set()
        while True:
            to = session.last_good(avoid) or session.last_good(away)
            if to is None and absent is not None:
                raise absent  # the run is not over: it goes on when they are back
            if to is None:
                session.enter("nurse", "nurse", f"{advice.rule}: {advice.text}, and there is no snapshot", {})
                session.stopped = f"{advice.text}, and no snapshot to go back to"
                return
            try:
                session.rollback(to, "nurse", f"{advice.rule}: {advice.text}")
                break
            except SnapshotAbsent as error:
                absent = error
                away.add(to.number)
                avoid.add(to.number)
            except SnapshotError:
                avoid.add(to.number)
        self._rollbacks += 1
        self._last_target = to.number
        rate = (min(trainee.rate, rate_before) if again else trainee.rate) / 2
        if math.isfinite(rate):
            session.turn({trainee.rate_knob: rate}, "nurse", f"{advice.rule}")
        else:
            text = f"{advice.rule}: there is no knob learning_rate that could be halved"
            session.enter("warning", "nurse", text, {"rule": advice.rule})
