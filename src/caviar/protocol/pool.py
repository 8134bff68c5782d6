"""Processes that train, kept warm: each has one trial at a time, and a failed trial costs one process.

One thread drives them all: ``give`` a trial, ``take`` what happens, ``answer`` a trial that asks. Notation

    place   room for one process: a processor, or a slot of a GPU
    turn    the side that speaks next: "program", "we", or "idle" for neither
"""

from __future__ import annotations

import math
import selectors
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from caviar.protocol import messages as protocol
from caviar.protocol.command import Command
from caviar.protocol.failures import exception, with_sentence
from caviar.protocol.leaving import Leaving, Stopped, why_gone
from caviar.protocol.messages import Did, Failure, Kind, Malformed, Measured, Over
from caviar.protocol.process import Program
from caviar.protocol.reading import Reader, Spoken

_STOPPING = 10.0  # seconds from a stop until the trial must have said done
_DEAF = (
    "a bare `except:` or `except BaseException` around trial.report catches TrialStopped, which is to end the function "
    "(let it pass, or catch Exception); in a loop over trials(), `if not trial.report(...): break`"
)
_WORDS = 8000  # characters of a program's last output that stand below its error
_MOST_LINES = 1000  # of a program that does not wait for its answers: more is a flood


@dataclass(frozen=True, slots=True)
class Reported:
    """A trial reported a measurement and waits for ``answer``; ``seconds`` since the last message to it."""

    number: int
    measured: Measured
    seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A trial did what the last answer asked for ("saved", "restored"), or could not ("cannot", and ``why``)."""

    number: int
    did: Did


@dataclass(frozen=True, slots=True)
class Finished:
    """A trial is over, by itself or, where it was ``stopped``, because it was told to end; its place is free."""

    number: int
    score: float | None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Crashed:
    """A trial failed: it said so, or its process ended or broke the protocol. Its place is free."""

    number: int
    kind: Kind
    why: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


Event = Reported | Snapshot | Finished | Crashed


@dataclass
class _Place:
    environment: dict[str, str]
    program: Program | None = None
    number: int | None = None
    turn: Literal["program", "we", "idle"] = "idle"
    asked_at: float = 0.0  # the start of its last turn
    heard_at: float = 0.0
    stopping: float | None = None  # the time of its stop
    epoch: int = 0
    goes_back_to: int | None = None  # the epoch of the snapshot that it is restoring
    reader: Reader = field(default_factory=Spoken)
    unread: Mapping[str, Any] | None = None  # a trial that a warm process was given, until it says anything


class Pool:
    """``places`` processes; see the head of this file."""

    def __init__(
        self,
        command: Command,
        environments: Sequence[Mapping[str, str]],
        timeout: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        moment: float = 0.0,
    ) -> None:
        """``environments``: variables for the processes of each place.

        ``timeout``: seconds that a process may be silent in its turn. ``moment``: seconds that one without the protocol
        has after its stop to fail by itself.
        """
        self._command = command
        self._places = [_Place(dict(environment)) for environment in environments]
        self._timeout = timeout
        self._clock = clock
        self._events: deque[Event] = deque()
        self._selector = selectors.DefaultSelector()
        self._leaving = Leaving()
        self._stopped = Stopped(moment)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes; those without a trial are asked to first."""
        for place in self._places:
            if place.program is not None:
                if place.number is None:
                    place.program.send(protocol.line_of({"type": "end"}))
                self._leave(place)
        self._look_at_stopped(math.inf)
        self._leaving.end(self._clock, error is not None)
        self._selector.close()
        self._command.close()

    @property
    def places(self) -> int:
        """The number of trials that can be trained at once."""
        return len(self._places)

    @property
    def notes(self) -> dict[str, str]:
        """Sentences on the trials that a person should read, by their kind; whoever has one adds it."""
        return self._command.notes

    @property
    def speaks(self) -> bool:
        """True for processes with the protocol."""
        return self._command.speaks

    @property
    def has_events(self) -> bool:
        """True where an event waits to be taken."""
        return bool(self._events)

    @property
    def room(self) -> int:
        """The number of trials that can be given now."""
        return sum(place.number is None for place in self._places)

    @property
    def idle(self) -> bool:
        """True where no trial has a place and no event waits to be taken: two trials may end in one look."""
        return self.room == len(self._places) and not self._events and not self._stopped

    def give(self, trial: Mapping[str, Any], number: int | None = None) -> None:
        """Train a trial, given by the protocol's message; a warm process takes it where there is one.

        ``number`` is its name here, by default the trial's. Raises OSError where no process can be started.
        """
        free = [place for place in self._places if place.number is None]
        place = next((place for place in free if place.program is not None and not place.program.has_ended), free[0])
        if place.program is not None and place.program.has_ended:
            self._leave(place)
        place.unread = None if place.program is None else trial
        program = place.program or self._start(place, trial)
        program.forget()
        place.number = int(trial["trial"]) if number is None else number
        place.turn, place.stopping = "program", None
        place.reader = self._command.reader()
        start = trial.get("start")
        place.epoch, place.goes_back_to = (start["epoch"] if start else 0), None
        place.asked_at = place.heard_at = self._clock()
        if self._command.speaks:
            program.send(protocol.line_of(trial))

    def answer(self, number: int, message: Mapping[str, Any]) -> None:
        """Answer a trial that reported; a ``stop`` may come at any time."""
        place = _place_of(self._places, number)
        if place is None or place.program is None:
            return
        now = self._clock()
        if message["type"] == "stop":
            if place.stopping is None:
                place.stopping = now
            if not self._command.speaks:
                self._stopped.add(number, place.program, place.reader, now)
                self._detach(place)
                place.number, place.turn, place.stopping = None, "idle", None
                return
            if place.turn != "we":
                return  # the stop is sent with its next report
        elif "restore" in message:
            place.goes_back_to = int(message["restore"]["epoch"])
        place.turn, place.asked_at = "program", now
        if self._command.speaks:
            place.program.send(protocol.line_of(message))
        self._hear(place)

    def end(self, number: int) -> None:
        """End a trial and its process at once."""
        place = _place_of(self._places, number)
        if place is not None:
            place.number, place.turn = None, "idle"
            self._leave(place)
        elif (program := self._stopped.take(number)) is not None:
            self._leaving.add(program, self._clock())

    def take(self, timeout: float | None = None) -> Event | None:
        """The next event; None where there is none within ``timeout`` seconds."""
        until = None if timeout is None else self._clock() + timeout
        while True:
            if self._events:
                return self._events.popleft()
            self._look(0.05 if until is None else max(min(until - self._clock(), 0.05), 0.0))
            if not self._events and until is not None and self._clock() >= until:
                return None

    # --- one look ---

    def _look(self, timeout: float) -> None:
        if self._selector.get_map():
            for key, _ in self._selector.select(timeout):
                place = key.data
                program = place.program
                if program is None:
                    continue
                program.read(key.fd)
                if key.fd not in program.open:
                    self._selector.unregister(key.fd)
        else:
            time.sleep(timeout)
        now = self._clock()
        for place in self._places:
            if place.program is not None:
                if place.program.has_unsent:
                    place.program.send()
                if place.number is None:
                    place.program.hush()  # nobody asked
                self._hear(place)
                self._watch(place, now)
        self._look_at_stopped(now)
        self._leaving.reap(now)

    def _hear(self, place: _Place) -> None:
        """Take what a process wrote, as long as it is its turn."""
        program = place.program
        while program is not None and place.number is not None and place.turn == "program":
            try:
                message = place.reader.next(program, place.epoch)
                if message is None:
                    break
                self._handle(place, program, place.number, message)
            except Malformed as error:
                self._crash(place, "error", str(error))
            program = place.program
        if program is None or place.number is None:
            return
        if program.is_flooding:
            self._crash(place, "error", f"it wrote a line of more than {protocol.LONGEST:,} bytes")
        elif program.waiting_lines > _MOST_LINES and self._command.speaks:
            self._crash(place, "error", f"it wrote {_MOST_LINES:,} lines and waited for no answer")
        elif program.has_ended and not program.drain() and place.reader.is_empty:
            self._gone(place, program)

    def _start(self, place: _Place, trial: Mapping[str, Any]) -> Program:
        """Start a process for ``trial``, which is not sent. Raises OSError."""
        place.program = program = self._command.start(trial, place.environment)
        for descriptor in program.open:
            self._selector.register(descriptor, selectors.EVENT_READ, place)
        return program

    def _handle(self, place: _Place, program: Program, number: int, message: protocol.Message) -> None:
        now = self._clock()
        place.heard_at, place.unread = now, None
        if isinstance(message, Over | Failure):
            warm = message.more and not program.has_ended
            stopped = place.stopping is not None
            event: Event
            if stopped and isinstance(message, Over) and message.went_on:
                self.notes.setdefault("deaf", f"a trial did not end at its stop, and went on: {_DEAF}")
            if isinstance(message, Failure) and not stopped:
                why = message.why if message.kind == "infeasible" else with_sentence(message.why)
                event = Crashed(number, message.kind, why, message.attributes)
            else:
                over = message if isinstance(message, Over) and not stopped else Over(None)
                event = Finished(number, over.score, message.attributes, over.values, stopped)
            self._end_trial(place, event, warm)
        elif place.stopping is not None:
            if isinstance(message, Measured):
                program.send(protocol.line_of(protocol.stop("it was told to stop")))
        elif isinstance(message, Did):
            if message.what == "restored" and place.goes_back_to is not None:
                place.epoch, place.goes_back_to = place.goes_back_to, None
            self._events.append(Snapshot(number, message))
        else:
            if message.epoch is not None:
                if message.epoch <= place.epoch:
                    raise Malformed(f"epoch {message.epoch} after epoch {place.epoch}: epochs rise")
                place.epoch = message.epoch
            place.turn = "we"
            self._events.append(Reported(number, message, now - place.asked_at))

    def _watch(self, place: _Place, now: float) -> None:
        """End a process that was silent for too long."""
        if place.number is None or place.turn == "idle":
            return
        if place.stopping is not None and now - place.stopping > _STOPPING:
            self.notes.setdefault("deaf", f"a trial was killed {_STOPPING:g} s after its stop: {_DEAF}")
            self._end_trial(place, Finished(place.number, None, stopped=True))
        elif (
            self._timeout is not None
            and place.turn == "program"
            and now - max(place.asked_at, place.heard_at) > self._timeout
        ):
            self._crash(place, "error", f"it was silent for more than {self._timeout:g} s, the trial timeout")

    def _gone(self, place: _Place, program: Program) -> None:
        """Handle a process that ended without a message.

        A warm process may have been about to end when it was given its trial: then a new one gets that trial.
        """
        assert place.number is not None
        if place.unread is not None and place.stopping is None:
            trial, place.unread = place.unread, None
            self._leave(place)
            try:
                program = self._start(place, trial)
            except OSError as error:
                self._events.append(Crashed(place.number, "error", f"it could not be started: {error.strerror}"))
                place.number, place.turn = None, "idle"
                return
            place.asked_at = place.heard_at = self._clock()
            program.send(protocol.line_of(trial))
            return
        over = place.reader.over() if program.ended_well else None
        if place.stopping is not None:
            self._end_trial(place, Finished(place.number, None, stopped=True))
        elif isinstance(over, Failure):
            self._crash(place, over.kind, "; ".join(filter(None, [exception(program.last_words), over.why])))
        elif over is not None:
            self._handle(place, program, place.number, over)
        else:
            self._crash(place, *why_gone(program))

    def _look_at_stopped(self, now: float) -> None:
        for number, program, was_done in self._stopped.over(now):
            failed = self._stopped.seconds and program.has_ended and not program.ended_well
            finished = Finished(number, None, stopped=not was_done)
            self._events.append(_crashed(number, program, *why_gone(program)) if failed else finished)
            self._leaving.add(program, self._clock())

    def _crash(self, place: _Place, kind: Kind, why: str) -> None:
        assert place.program is not None
        assert place.number is not None
        if place.stopping is not None:
            self._end_trial(place, Finished(place.number, None, stopped=True))
            return
        self._end_trial(place, _crashed(place.number, place.program, kind, why))

    def _end_trial(self, place: _Place, event: Event, warm: bool = False) -> None:
        self._events.append(event)
        place.number, place.turn, place.stopping = None, "idle", None
        if not warm:
            self._leave(place)

    def _leave(self, place: _Place) -> None:
        """Ask the process of a place to end; another may begin there meanwhile."""
        program = place.program
        assert program is not None
        self._detach(place)
        self._leaving.add(program, self._clock())

    def _detach(self, place: _Place) -> None:
        """Read no more of the process of a place."""
        place.program = None
        for key in [key for key in self._selector.get_map().values() if key.data is place]:
            self._selector.unregister(key.fd)


def _crashed(number: int, program: Program, kind: Kind, why: str) -> Crashed:
    """The failure of a trial, with the last words of its process."""
    words = program.last_words
    return Crashed(number, kind, f"{why}\n{words[-_WORDS:]}" if words else why)


def _place_of(places: Sequence[_Place], number: int) -> _Place | None:
    """The place of a trial; None where it has none."""
    return next((place for place in places if place.number == number), None)
