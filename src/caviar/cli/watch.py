"""Follow a study in the terminal: a live display there, a line a round in a pipe or a log, JSON if asked."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from caviar.cli.console import console, print_json
from caviar.cli.options import DEFAULT_STORE
from caviar.cli.signals import Ended, ending
from caviar.report.showing import showing
from caviar.study.loop import Begun, Event, TunedProgram, TunedStudy


def watch(
    events: Callable[[Callable[[], bool]], Iterator[Event]],
    reading: str,
    store: str,
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Show the ``events`` of a study, made from whether it shall end; Ctrl-C and SIGTERM end it with everything saved.

    ``reading`` is what is said to be read before the first event.
    """
    people = console(json=json, quiet=quiet)
    begun: Begun | None = None
    with ending() as ended:
        try:
            with showing(people, reading) as show:
                for event in events(ended.asked.is_set):
                    show(event)
                    if isinstance(event, Begun):
                        begun = event
                    elif isinstance(event, TunedStudy | TunedProgram) and json:
                        print_json(event.summary)
        except KeyboardInterrupt:
            if begun is not None:
                where = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
                people.print(
                    f"ended early, with everything saved in {store}; "
                    f"to go on: caviar resume {shlex.quote(begun.study.name)}{where}",
                    markup=False,
                    soft_wrap=True,
                )
            raise Ended(ended.status) from None
