"""Follow a run in the terminal: the live screen with its keys there, a line an epoch in a pipe, JSON if asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from rich.live import Live
from rich.text import Text

from caviar.cli.console import console, print_json
from caviar.cli.keys import Keys
from caviar.cli.next_steps import after_run, looking, say_next, to_resume
from caviar.cli.notes import entry_in_commands, in_commands, print_notes, run_in_commands
from caviar.cli.signals import Ended, ending
from caviar.records import DiaryEntry, RunMeasurement
from caviar.report.run import ended as ended_page
from caviar.report.run import entry_line, epoch_line
from caviar.report.run_screen import screen
from caviar.runs.events import Begun, EpochDone, Event, Noted, Progress, RunEnded
from caviar.views.run import run_view_of


def follow_run(
    begin: Callable[[Callable[[], bool]], Iterator[Event]],
    reading: str,
    store: str,
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Show the run that ``begin`` begins until it ends; a signal ends it with everything saved."""
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
                view = run_in_commands(run_view_of(keys.run, epochs, diary, facts=facts))
                keys.saw(view)
                typed = keys.typed, keys.said
                drawn = screen(view, people.width, people.height, *typed, keys.enabled, keys.explained)
                display.update(drawn, refresh=True)

        try:
            for event in begin(ended.asked.is_set):
                ended.saves = True
                if isinstance(event, Begun):
                    name = event.run.name
                    keys.ask, keys.run = event.ask, event.run
                    print_notes(people, event.warnings, "babysit")
                    epochs, diary = list(event.epochs_before), list(event.diary_before)
                elif isinstance(event, Progress):
                    facts = dict(event.facts)
                    keys.rate, keys.rate_knob = float(facts["learning_rate"]), facts.get("rate_knob", keys.rate_knob)
                    keys.stands(bool(facts.get("paused")))
                    show()
                elif isinstance(event, EpochDone):
                    epochs.append(event.measurement)
                    if not people.is_terminal:
                        line = epoch_line(name, event.measurement, event.epochs)
                        people.print(line, markup=False, soft_wrap=True)
                elif isinstance(event, Noted):
                    diary.append(event.entry)
                    if not people.is_terminal and event.entry.kind not in ("snapshot", "end"):
                        entry = entry_in_commands(event.entry)
                        people.print(f"{name} | {entry_line(entry)}", markup=False, soft_wrap=True)
                    show()
                elif isinstance(event, RunEnded):
                    display.stop()
                    summary = {**event.summary, "notes": list(in_commands(event.summary["notes"], "babysit"))}
                    people.print(ended_page(summary))
                    if keys.run is not None:
                        following = after_run(name, keys.run.spec, summary.get("model"), store)
                        say_next(people, *following, *looking(people, store))
                    if json:
                        print_json(summary)
        except KeyboardInterrupt as interrupt:
            display.stop()
            if name:
                how = interrupt.args[0] if interrupt.args else "and everything is saved"
                people.print(f"interrupted, {how}: {to_resume(name, store)}", markup=False, soft_wrap=True)
            raise Ended(ended.status) from None
