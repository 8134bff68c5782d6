"""Follow a run in the terminal: the live screen with its keys there, a line an epoch in a pipe, JSON if asked."""

from __future__ import annotations

import math
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from rich.live import Live
from rich.text import Text

from caviar.cli.console import console, print_json, to_resume
from caviar.cli.next_steps import after_run, say_next
from caviar.cli.notes import in_commands, print_notes
from caviar.cli.signals import Ended, ending
from caviar.errors import CaviarError, ConfigError
from caviar.records import DiaryEntry, Run, RunMeasurement
from caviar.report.run import ended as ended_page
from caviar.report.run import entry_line, epoch_line, screen
from caviar.runs.client import changes_for
from caviar.runs.events import Begun, EpochDone, Event, Noted, Progress, RunEnded
from caviar.views.run import run_view_of

Ask = Callable[[str, dict[str, Any], str], object]
"""Writes an intervention down: its kind, its arguments, and why."""

_FASTER, _SLOWER = 1.5, 1 / 1.5


def follow_run(
    begin: Callable[[Callable[[], bool]], Iterator[Event]],
    reading: str,
    store: str,
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Show the run that ``begin`` begins until it ends; Ctrl-C and SIGTERM end it with everything saved."""
    people = console(json=json, quiet=quiet)
    name = ""
    facts: dict[str, Any] = {}
    epochs: list[RunMeasurement] = []
    diary: list[DiaryEntry] = []
    with (
        ending() as ended,
        Live(Text(f"reading {reading}"), console=people, transient=True, auto_refresh=False) as display,
        Keys(enabled=people.is_terminal and sys.stdin.isatty() and not quiet) as keys,
    ):
        display.refresh()

        def show() -> None:
            if people.is_terminal and facts and keys.run is not None:
                view = run_view_of(keys.run, epochs, diary, facts=facts)
                drawn = screen(view, people.width, people.height, keys.typed, keys.said, keys.enabled)
                display.update(drawn, refresh=True)

        try:
            for event in begin(ended.asked.is_set):
                if isinstance(event, Begun):
                    name = event.run.name
                    keys.ask, keys.run = event.ask, event.run
                    print_notes(people, event.warnings, "babysit")
                    epochs, diary = list(event.epochs_before), list(event.diary_before)
                elif isinstance(event, Progress):
                    facts = dict(event.facts)
                    keys.rate, keys.rate_knob = float(facts["learning_rate"]), facts.get("rate_knob", keys.rate_knob)
                    show()
                elif isinstance(event, EpochDone):
                    epochs.append(event.measurement)
                    if not people.is_terminal:
                        line = epoch_line(name, event.measurement, event.epochs)
                        people.print(line, markup=False, soft_wrap=True)
                elif isinstance(event, Noted):
                    diary.append(event.entry)
                    if not people.is_terminal and event.entry.kind not in ("snapshot", "end"):
                        people.print(f"{name} | {entry_line(event.entry)}", markup=False, soft_wrap=True)
                    show()
                elif isinstance(event, RunEnded):
                    display.stop()
                    summary = {**event.summary, "notes": list(in_commands(event.summary["notes"], "babysit"))}
                    people.print(ended_page(summary))
                    if keys.run is not None:
                        say_next(people, *after_run(name, keys.run.spec, summary.get("model"), store))
                    if json:
                        print_json(summary)
        except KeyboardInterrupt as interrupt:
            display.stop()
            if name:
                how = interrupt.args[0] if interrupt.args else "and everything is saved"
                people.print(f"interrupted, {how}: {to_resume(name, store)}", markup=False, soft_wrap=True)
            raise Ended(ended.status) from None


class Keys:
    """The keyboard of the live screen. Keys become interventions, like those of any other terminal."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.ask: Ask | None = None
        self.run: Run | None = None
        self.rate = 0.0  # in force
        self.rate_knob = "learning_rate"
        self.typed: str | None = None
        self.said = ""
        self._paused = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Keys:
        if self.enabled:
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.enabled:
            import termios

            self._over.set()
            self._thread.join()
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def press(self, key: str) -> None:
        """One key. A mistake is shown where it was typed."""
        if self.ask is None or self.run is None:
            return
        try:
            self._press(key, self.ask, self.run)
        except CaviarError as mistake:
            self.typed, self.said = None, f"{mistake.rule} ({mistake.way_out})"

    def _press(self, key: str, ask: Ask, run: Run) -> None:
        if self.typed is not None:
            if key in "\r\n":
                text, self.typed = self.typed, None
                self._command(text, ask, run)
            elif key == "\x1b":
                self.typed = None
            elif key in "\x7f\b":
                self.typed = self.typed[:-1]
            elif key.isprintable():
                self.typed += key
            return
        self.said = ""
        if key == ":":
            self.typed = ""
        elif key in "+=-":
            if not math.isfinite(self.rate):
                raise ConfigError("there is no knob learning_rate", "turn another: type : and its name=value")
            ask("turn", {self.rate_knob: self.rate * (_SLOWER if key == "-" else _FASTER)}, "")
        elif key == "p":
            self._paused = not self._paused
            ask("pause" if self._paused else "resume", {}, "")
        elif key == "s":
            ask("snapshot", {}, "")
        elif key == "b":
            ask("rollback", {}, "")
        elif key == "q":
            ask("stop", {}, "")

    def _command(self, text: str, ask: Ask, run: Run) -> None:
        """``learning_rate=0.003 because plateau``."""
        turns, _, because = text.partition(" because ")
        if turns.strip():
            ask("turn", changes_for(run, turns.split()), because.strip())

    def _read(self) -> None:
        descriptor = sys.stdin.fileno()
        while not self._over.is_set():
            ready, _, _ = select.select([descriptor], [], [], 0.1)
            if ready:
                for key in os.read(descriptor, 64).decode(errors="replace"):
                    self.press(key)
