"""caviar watch"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from caviar.cli.console import console, print_json
from caviar.cli.options import DEFAULT_STORE, Json, RunOrStudy, StoreUrl
from caviar.records import StudyState
from caviar.report import plain
from caviar.report import run as run_report
from caviar.report import study as study_report
from caviar.report.answer import answer
from caviar.store import Store
from caviar.store.run_examination import is_run
from caviar.views.answer import answer_of
from caviar.views.run import run_view
from caviar.views.study import running

if TYPE_CHECKING:
    from rich.console import Console

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

    Look on while another terminal, or the night, trains a run or tunes a study. In a pipe: lines.
    """
    people = console(json=json)
    with Store.open(store, create=False) as opened:
        of_run = is_run(opened, name, run)
        if json:
            print_json(plain.run(run_view(opened, name)) if of_run else plain.running(running(opened, name)))
            return
        look = _look_at_run(people, opened, name) if of_run else _look_at_study(people, opened, name)
        try:
            with Live(console=people, auto_refresh=False, transient=False) as display:
                while look(display) and not once:
                    time.sleep(_EVERY)
        except KeyboardInterrupt:
            return  # there is nothing to save


def _look_at_run(people: Console, store: Store, name: str) -> Callable[[Live], bool]:
    """A function that shows the run once more, and is true while a process trains it."""
    shown = 0

    def look(display: Live) -> bool:
        nonlocal shown
        view = run_view(store, name)
        if people.is_terminal:
            display.update(run_report.screen(view, people.width, people.height), refresh=True)
        else:
            for measurement in view.measured[shown:]:
                people.print(run_report.epoch_line(name, measurement), markup=False, soft_wrap=True)
            shown = len(view.measured)
        return view.is_alive

    return look


def _look_at_study(people: Console, store: Store, name: str) -> Callable[[Live], bool]:
    """A function that shows the study once more, and is true while a process runs it."""
    rounds = 0

    def look(display: Live) -> bool:
        nonlocal rounds
        view = running(store, name)
        study = view.head.record
        if rounds == 0:
            people.print(study_report.heading(view.head))
        if people.is_terminal:
            display.update(study_report.picture(view), refresh=True)
        elif rounds % _LINES_EVERY == 0 or not view.is_running:
            people.print(study_report.line(view), markup=False, soft_wrap=True)
        rounds += 1
        if study.result is not None and study.state is StudyState.FINISHED:
            people.print(answer(answer_of(study.result, study.metric)))
        return view.is_running

    return look
