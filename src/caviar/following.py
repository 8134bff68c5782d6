"""A call from Python follows a study to its answer: shown where a person looks, its notes given as warnings."""

from __future__ import annotations

import builtins
import sys
import warnings
from collections import deque
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from caviar.arguments import check_call
from caviar.drawn import DRAWINGS
from caviar.errors import CaviarWarning
from caviar.study.events import Begun, Event, TunedProgram, TunedStudy, each_given_to
from caviar.study.options import AfterTrial
from caviar.views.live import view_of

if TYPE_CHECKING:
    from caviar.report.showing import Stderr

_USUAL_STORE = "sqlite:///caviar.db"


def answer_of(
    events: Generator[Event, None, None], reading: str, progress: bool | None, after_trial: AfterTrial | None
) -> TunedStudy | TunedProgram:
    """The last of ``events``, all of which are shown if ``progress`` is true; ``after_trial`` gets each ended trial."""
    if after_trial is not None:
        check_call("after_trial", after_trial, "after_trial=lambda trial: print(trial.number, trial.score)")
    shown = _watched() if progress is None else progress
    noted = _noted(events if after_trial is None else each_given_to(after_trial, events))
    last = _shown(noted, reading) if shown else deque(noted, maxlen=1).pop()
    assert isinstance(last, TunedStudy | TunedProgram)
    return replace(last, drawing=DRAWINGS)


def _noted(events: Generator[Event, None, None]) -> Generator[Event, None, None]:
    """The ``events``, with a CaviarWarning for each note: those of the beginning there, the answer's at the end."""
    given: tuple[str, ...] = ()
    with closing(events):  # a filter may make an error of a warning
        for event in events:
            if isinstance(event, Begun | TunedStudy | TunedProgram):
                notes = event.study.notes if isinstance(event, Begun) else event.notes
                for note in notes:
                    if note not in given:
                        warnings.warn(note, CaviarWarning, stacklevel=_levels())
                given = notes
            yield event


def _levels() -> int:
    """The ``stacklevel`` at which a warning names the line that called caviar."""
    frame, levels = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "caviar":
        frame, levels = frame.f_back, levels + 1
    return levels


def _shown(events: Generator[Event, None, None], reading: str) -> Event | None:
    """The last of ``events``, shown. An error of the display does not end the study."""
    from caviar.report.showing import Stderr, showing  # with rich: a study that is not shown need not wait for it

    people = Stderr()
    name, last = "", None
    try:
        # Closed at once: where Ctrl-C comes while something is drawn, closing ends the study and saves it.
        with showing(people, reading, forgiven=(Exception,)) as show, closing(events):
            for last in events:
                if isinstance(last, Begun):
                    name = last.study.name
                    show(view_of(replace(last, study=replace(last.study, notes=()))))  # they are warnings here
                else:
                    show(view_of(last))
        if isinstance(last, TunedProgram) and last.result.best.repeated is None and last.image is None:
            elsewhere = "" if last.store == _USUAL_STORE else ", store=..."
            _say(people, f"next: caviar.resume({name!r}, data=objective, repeats=3{elsewhere})")
    except KeyboardInterrupt:
        if name and not isinstance(last, TunedStudy | TunedProgram):
            _say(people, f"ended early, with everything saved; to go on: caviar.resume({name!r}, ...)")
        raise
    return last


def _say(people: Stderr, said: str) -> None:
    """Print a line that can be pasted; an error of the display is none of the study."""
    with suppress(Exception):
        people.print(said, markup=False, soft_wrap=True)


def _watched() -> bool:
    """True where a person looks: stderr is a terminal, or this is a notebook."""
    if hasattr(builtins, "get_ipython") and "ipykernel" in sys.modules:
        return True
    try:
        return sys.stderr.isatty()
    except Exception:  # it is closed, or None, or an object without isatty
        return False
