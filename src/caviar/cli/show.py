"""caviar show"""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import after_run, after_study, at, looking, say_next, to_resume
from caviar.cli.notes import head_in_commands, run_in_commands
from caviar.cli.options import DEFAULT_STORE, Json, RunOrStudy, StoreUrl
from caviar.errors import NoAnswer
from caviar.records import RunKind
from caviar.report.answer import answer
from caviar.report.explain import asked_lines, history_lines
from caviar.report.run import ended
from caviar.report.study import heading
from caviar.store import Store
from caviar.store.doctor import kind_of
from caviar.views.run import run_view
from caviar.views.spaces import outside_of, space_history
from caviar.views.study import head, running


def show(
    name: Annotated[str, typer.Argument(help="The name of a study, or of a run.")],
    run: RunOrStudy = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar show flowers[/]

    Show the answer of a study, or of a run, once more: what was printed at its end.
    """
    with Store.open(store, create=False) as opened:
        is_run = kind_of(opened, name, run) == "run"
        (_show_run if is_run else _show_study)(opened, name, store, json)


def _show_study(opened: Store, name: str, store: str, json: bool) -> None:
    view = head_in_commands(head(opened.study(name)))
    study, people = view.record, console(json=json)
    if study.result is None:
        raise _no_answer("study", name, running(opened, name).is_running, store)
    people.print(heading(view))
    history = space_history(study)
    outside = outside_of(opened, study)
    for line in history_lines(history, sum(opened.trial_counts()[name].values()), len(outside)):
        people.print(line, markup=False, soft_wrap=True)
    for line in asked_lines(study.spec.interventions):
        people.print(line, markup=False, soft_wrap=True)
    people.print(answer(study.result))
    say_next(people, *after_study(study, study.result, store), *looking(people, store))
    if json:
        changes = {"spaces": [asdict(one) for one in history], "outside": sorted(outside)} if history else {}
        asked = [asdict(one) for one in study.spec.interventions]
        print_json(study.result.to_record() | changes | ({"asked": asked} if asked else {}))


def _show_run(opened: Store, name: str, store: str, json: bool) -> None:
    view, people = run_in_commands(run_view(opened, name)), console(json=json)
    if view.end is None:
        way_out = "start its program again" if view.record.kind is RunKind.LOOP and not view.is_alive else ""
        raise _no_answer("run", name, view.is_alive, store, way_out)
    people.print(ended(view.end))
    say_next(people, *after_run(name, view.record.spec, view.end.get("model"), store), *looking(people, store))
    if json:
        print_json(view.end)


def _no_answer(kind: str, name: str, is_alive: bool, store: str, way_out: str = "") -> NoAnswer:
    if is_alive:
        looks_on = shlex.join(["caviar", "watch", name, *at(store)])
        return NoAnswer(f"{kind} {name!r} has no answer yet: a process works on it", looks_on)
    return NoAnswer(f"{kind} {name!r} has no answer", way_out or to_resume(name, store))
