"""A study shown while it runs: a live display in a terminal or a notebook, a line a round in a pipe or a log."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from types import FrameType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from caviar.records import StudyProgress, StudyResult
from caviar.report import answer, study
from caviar.views.study import Running, StudyHead

View = StudyHead | StudyProgress | StudyResult

_ROUND = 2.0  # seconds between two lines of a log, at least
_NOTEBOOK_ROUND = 0.5  # between two pictures in a notebook, each of which goes through its server to the browser


class Stderr(Console):
    """A console on stderr for a display that the program can do without."""

    def __init__(self) -> None:
        super().__init__(stderr=True, highlight=False)

    def on_broken_pipe(self) -> None:
        """Rich's own would send the program's stdout nowhere, and end it."""
        raise  # the BrokenPipeError, which rich is handling when it calls this


@contextmanager
def showing(
    people: Console, reading: str, forgiven: tuple[type[Exception], ...] = ()
) -> Iterator[Callable[[View], None]]:
    """A function that shows ``people`` the views of a study, of which its heading and its answer stay in the end.

    ``reading`` names the data or the program that is read before the first view. Where the display raises one of
    ``forgiven``, it is closed, and nothing more is shown.
    """
    screen = _Screen(people, reading)
    broken = False

    def attempt(do: Callable[[], None]) -> None:
        nonlocal broken
        if broken:
            return
        try:
            with _whole():
                do()
        except forgiven:
            broken = True
            with suppress(*forgiven):
                screen.close()

    try:
        attempt(screen.open)
        yield lambda view: attempt(partial(screen.show, view))
    finally:
        attempt(screen.close)


class _Screen:
    def __init__(self, people: Console, reading: str) -> None:
        self._people = people
        self._head: StudyHead | None = None
        self._shown = 0.0  # seconds of the study at the last picture or line
        self._drawn = False
        self._pause = _ROUND
        self._display = Live(
            Text(f"reading {reading}"),
            console=people,
            transient=True,
            auto_refresh=False,
            redirect_stdout=not people.stderr,  # what a program prints to stdout stays there
        )

    def open(self) -> None:
        """Give the first sign of life: the first view may be seconds away."""
        self._drawn = _can_draw(self._people)
        if self._drawn:
            self._pause = _NOTEBOOK_ROUND if self._people.is_jupyter else 0.0
            self._display.start(refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was; nothing where it is closed already."""
        self._display.stop()

    def show(self, view: View) -> None:
        people = self._people
        if isinstance(view, StudyHead):
            self._head = view
            people.print(study.heading(view))
            for note in study.notes(view):
                people.print(note)
        elif isinstance(view, StudyResult):
            self.close()
            people.print(answer.answer(view))
        elif self._head is not None and view.elapsed - self._shown >= self._pause:
            self._shown = view.elapsed
            if self._drawn:
                self._display.update(study.picture(Running(self._head, view), people.width), refresh=True)
            else:
                people.print(study.line(Running(self._head, view)), markup=False, soft_wrap=True)


@contextmanager
def _whole() -> Iterator[None]:
    """Ctrl-C waits until this is over, for half a picture would stay on the screen; a second one does not wait."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    asked: list[tuple[int, FrameType | None]] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append((number, frame))
        if len(asked) > 1:
            before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if asked:
            before(*asked[0])


def _can_draw(people: Console) -> bool:
    """True where ``people`` see a display that can be drawn over."""
    if people.is_jupyter:
        return find_spec("ipywidgets") is not None
    return people.is_interactive and people.file.isatty()  # with FORCE_COLOR rich takes any pipe for a terminal
