"""caviar watch"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from itertools import count, islice
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import at, say_next
from caviar.cli.notes import head_in_commands, run_in_commands
from caviar.cli.options import DEFAULT_STORE, Json, RunOrStudy, StoreUrl
from caviar.report import plain
from caviar.report.answer import answer
from caviar.report.run import ended, entry_line, epoch_line, state_text
from caviar.report.run_screen import screen
from caviar.report.study import heading, line, notes
from caviar.report.study import picture as study_picture
from caviar.store import Store
from caviar.store.doctor import kind_of
from caviar.views.run import is_routine, run_view
from caviar.views.study import Running, running

_EVERY = 0.5  # seconds; a run or study writes its progress as often
_LINES_EVERY = 4  # rounds between two lines on a study


def watch(
    name: Annotated[str, typer.Argument(help="The name of a run, or of a study.")],
    once: Annotated[bool, typer.Option("--once", help="Show it as it stands now, and end.")] = False,
    run: RunOrStudy = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar watch flowers[/]

    Look on while another terminal trains a run or tunes a study. In a pipe: lines.
    """
    people = console(json=json)
    with Store.open(store, create=False) as opened:
        of_run = kind_of(opened, name, run) == "run"
        if json:
            print_json(plain.run(run_view(opened, name)) if of_run else plain.running(_running(opened, name)))
            return
        looks = _looks_at_run(people, opened, name) if of_run else _looks_at_study(people, opened, name)
        with suppress(KeyboardInterrupt):  # there is nothing to save
            _show(people, looks, once)
            say_next(people, ["diary" if of_run else "explain", name, *at(store)])


Look = tuple[RenderableType, list[RenderableType]]
"""A picture for a terminal, and what is new since the look before, for a pipe."""


def _show(people: Console, looks: Iterator[Look], once: bool) -> None:
    """Draw the pictures over one another in a terminal, or the first alone; print the news in a pipe."""
    live = people.is_terminal and not once
    with Live(console=people, auto_refresh=False) if live else nullcontext() as display:
        for picture, news in islice(looks, 1) if once else looks:
            if display is not None:
                display.update(picture, refresh=True)
            elif people.is_terminal:
                people.print(picture)
            else:
                people.print(*news, sep="\n", end="\n" if news else "", soft_wrap=True)


def _looks_at_run(people: Console, store: Store, name: str) -> Iterator[Look]:
    """The run now and again, until no process trains it."""
    seen, read, alive = 0, 0, True
    while alive:
        view = run_in_commands(run_view(store, name))
        alive = view.is_alive
        news = [(m.clock.tick, epoch_line(name, m)) for m in view.measured[seen:]]
        noted = [entry for entry in view.diary[read:] if entry.kind != "end" and not is_routine(entry)]
        news += [(entry.clock.tick, f"{name} | {entry_line(entry)}") for entry in noted]
        seen, read = len(view.measured), len(view.diary)
        ends: list[RenderableType] = []
        if not alive:
            ends = [state_text(view) if view.end is None else ended(view.end)]
        beneath = sum(len(people.render_lines(each)) for each in ends)
        picture = Group(screen(view, people.width, people.height - beneath), *ends)
        yield picture, [*(Text(line) for _, line in sorted(news, key=lambda one: one[0])), *ends]
        time.sleep(_EVERY if alive else 0.0)


def _looks_at_study(people: Console, store: Store, name: str) -> Iterator[Look]:
    """The study now and again, until no process runs it; at last its answer, where it has one."""
    for rounds in count():
        view = _running(store, name)
        study, ended = view.head.record, list[RenderableType]()
        if study.result is not None and not view.is_running:
            ended.append(answer(study.result))  # with the notes
        head = Group(heading(view.head), *([] if ended else notes(view.head)))
        news = [Text(line(view))] if rounds % _LINES_EVERY == 0 or not view.is_running else []
        yield Group(head, study_picture(view, people.width), *ended), [*([head] if rounds == 0 else []), *news, *ended]
        if not view.is_running:
            return
        time.sleep(_EVERY)


def _running(store: Store, name: str) -> Running:
    """Study ``name`` as it stands, its notes in the words of the command line."""
    view = running(store, name)
    return replace(view, head=head_in_commands(view.head))
