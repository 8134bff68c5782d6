"""caviar respace"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from caviar.analysis.space_changes import with_changes
from caviar.cli.console import console, print_json
from caviar.cli.interventions import Because
from caviar.cli.next_steps import at, say_next
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.errors import ConfigError
from caviar.records import StudyKind
from caviar.report.text import counted, visible
from caviar.space import Space
from caviar.store import Store
from caviar.study.respace import Respaced, change_space


def respace(
    study: Annotated[str, typer.Argument(help="The study's name; caviar studies lists them.", metavar="STUDY")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            help="Changes of today's space, by the names of its file: learning_rate.low=1e-5, momentum.value=0.9.",
            metavar="NAME.FIELD=VALUE...",
        ),
    ] = None,
    space: Annotated[str | None, typer.Option(help="The new space file (TOML), whole.", metavar="FILE")] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--value",
            help="The value that the trials so far had of a new hyperparameter; may be repeated.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    toml: Annotated[
        bool,
        typer.Option(
            "--toml", help="Print today's space as a space file, to change it, with --json as JSON; nothing else."
        ),
    ] = False,
    because: Because = "",
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar respace flowers learning_rate.low=1e-5[/]

    Change the space of a study that runs or rests: widen or narrow ranges, add hyperparameters, fix them or leave them
    out, change choices and conditions. Trials that lie in the new space still count; the others are kept.
    """
    if toml and (space is not None or changes or values):
        raise ConfigError("`toml` prints today's space, and changes nothing", "leave it out to change the space")
    if toml:
        with Store.open(store, create=False) as opened:
            now = Space.from_dict(opened.study(study).space)
        if json:
            print_json({"study": study, "space": now.to_dict()})
        else:
            print(now.to_toml(), end="")
        return
    if space is None and not changes and not values:
        raise ConfigError(
            "there is no other space",
            "give `space=FILE`, or changes such as learning_rate.low=1e-5; with --toml it prints today's",
        )

    def changed(now: Space) -> Space:
        return with_changes(now if space is None else Space.load(Path(space)), changes or [])

    done = change_space(study, changed, values or [], store, because)
    if json:
        print_json({"study": study, **done._asdict()})
    _say(study, done, store, json)


def _say(study: str, done: Respaced, store: str, json: bool) -> None:
    people = console(json=json)
    begins = "its process takes it up at its next trial"
    if done.first_trial is not None:
        begins = f"another space from trial {done.first_trial} on"
    trials = done.fit + done.outside
    lines = [f"{study}: {begins}", *(f"  {change}" for change in done.changes)]
    if trials:
        some = (
            f"{done.fit:,} of the {counted(trials, 'trial')} so far count; the others lie outside of it, and are kept"
        )
        lines.append(some if done.outside else f"all {counted(trials, 'trial')} so far count")
    for line in [*lines, *(f"note: {note}" for note in done.notes)]:
        people.print(visible(line), markup=False, soft_wrap=True)
    with Store.open(store, create=False) as opened:
        kind = opened.study(study).spec.kind
    if done.is_running:
        say_next(people, ["watch", study, *at(store)])
    elif kind in (StudyKind.TABLE, StudyKind.PROGRAM):
        say_next(people, ["resume", study, "--trials", str((done.first_trial or 0) + 100), *at(store)])
