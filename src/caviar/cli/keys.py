"""The keyboard of the live screen of a run."""

from __future__ import annotations

import math
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from caviar.errors import CaviarError, ConfigError
from caviar.records import Run
from caviar.report.run import best_text
from caviar.runs.client import changes_for
from caviar.runs.interventions import BEST
from caviar.views.run import RunView

Ask = Callable[[str, dict[str, Any], str], object]
"""Writes an intervention down: its kind, its arguments, and why."""

_FASTER, _SLOWER = 1.5, 1 / 1.5


class Keys:
    """The keyboard of the live screen. Keys become interventions, like those of any other terminal.

    A key that undoes or ends training is pressed twice: after the first, ``said`` is the question.
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.ask: Ask | None = None
        self.run: Run | None = None
        self.rate = 0.0  # in force
        self.rate_knob = "learning_rate"
        self.typed: str | None = None
        self.said = ""
        self.explained = False
        """True while the screen explains the keys."""
        self._question = ""  # the key that asked it
        self._best = ""  # epoch of the run, as people read it
        self._paused = self._stood_paused = False
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
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def saw(self, view: RunView) -> None:
        """Take in what the screen shows, for the questions."""
        self._best = "" if view.best is None else best_text(view.best)

    def stands(self, paused: bool) -> None:
        """Take in whether the run is paused, which another terminal may have asked for."""
        if paused != self._stood_paused:
            self._paused = self._stood_paused = paused

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
        question, self._question, self.said = self._question, "", ""
        if question:
            self._answer(question, key, ask)
        elif key == ":":
            self.typed = ""
        elif key == "?":
            self.explained = not self.explained
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
            to_best = f"b: to the best, {self._best}. " if self._best else ""
            self._question, self.said = key, f"Go back? {to_best}g: to the newest good snapshot. Any other key: no."
        elif key == "q":
            ends = "q: yes, it is scored and its model saved. Any other key: no."
            self._question, self.said = key, f"Stop for good? {ends} (Ctrl-C only interrupts: caviar resume goes on.)"

    def _answer(self, question: str, key: str, ask: Ask) -> None:
        """Do what was asked about, if ``key`` says yes."""
        if question == key == "q":
            ask("stop", {}, "")
        elif question == "b" and key == "b" and self._best:
            ask("rollback", {"to": BEST}, "")
        elif question == "b" and key == "g":
            ask("rollback", {}, "")

    def _command(self, text: str, ask: Ask, run: Run) -> None:
        """``learning_rate=0.003 because plateau``."""
        turns, _, because = text.partition(" because ")
        if turns.strip():
            ask("turn", changes_for(run, turns.split()), because.strip())

    def _read(self) -> None:
        descriptor = sys.stdin.fileno()
        while not self._over.is_set():
            ready, _, _ = select.select([descriptor], [], [], 0.1)
            if not ready:
                continue
            try:
                typed = os.read(descriptor, 64)
            except OSError:
                return
            if not typed:  # the terminal is gone
                return
            for key in typed.decode(errors="replace"):
                self.press(key)
