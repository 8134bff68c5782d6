"""Commands that intervene in a run, turn, pause, snapshot, rollback and stop, and the outcome that they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from caviar.cli.console import console, print_json
from caviar.cli.next_steps import at, say_next, to_resume
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, RunOrStudy, StoreUrl
from caviar.errors import ConfigError
from caviar.records import Intervention, InterventionState
from caviar.runs import client
from caviar.runs.interventions import BEST
from caviar.store import Store
from caviar.store.doctor import kind_of
from caviar.study import client as of_studies

RunName = Annotated[str, typer.Argument(help="The name of a run.", metavar="RUN")]
Because = Annotated[str, typer.Option("--because", help="Why, for the diary.", metavar="TEXT")]


def turn(
    run: RunName,
    knobs: Annotated[list[str], typer.Argument(help="name=value, one or more.", metavar="KNOB=VALUE")],
    because: Because = "",
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar turn flowers learning_rate=0.003 --because plateau[/]

    Turn knobs of a run at its next mini-batch: learning_rate, decay, decay_rate, momentum, beta1, beta2, l2, dropout,
    input_dropout, batch_size, clip_norm, weight_decay, optimizer.
    """
    intervene(run, "turn", client.changes_of(run, knobs, store), store, because, json, quiet)


def pause(
    run: RunName, because: Because = "", store: StoreUrl = DEFAULT_STORE, json: Json = False, quiet: Quiet = False
) -> None:
    """[bold]caviar pause flowers[/]

    Hold a run at its next mini-batch; caviar resume lets it go on.
    """
    intervene(run, "pause", {}, store, because, json, quiet)


def snapshot(
    run: RunName, because: Because = "", store: StoreUrl = DEFAULT_STORE, json: Json = False, quiet: Quiet = False
) -> None:
    """[bold]caviar snapshot flowers --because "before I try something"[/]

    Save a run's state at its next mini-batch; such snapshots are the last to be cleaned up.
    """
    intervene(run, "snapshot", {}, store, because, json, quiet)


def rollback(
    run: RunName,
    to: Annotated[
        str | None, typer.Option(help="The epoch to go back to: its number, or best.", metavar="EPOCH")
    ] = None,
    snapshot: Annotated[
        int | None, typer.Option(help="A snapshot by its number; by default the last good one.", metavar="NUMBER")
    ] = None,
    because: Because = "",
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar rollback flowers --to best[/]

    Bring a run back to a snapshot, to the bit: weights, moments, statistics, knobs, schedule and random streams.
    """
    number = client.snapshot_of(run, epoch_or_best("to", to), snapshot, store)
    intervene(run, "rollback", {} if number is None else {"snapshot": number}, store, because, json, quiet)


def stop(
    name: Annotated[str, typer.Argument(help="The name of a run, or of a study.")],
    because: Because = "",
    run: RunOrStudy = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """[bold]caviar stop flowers[/]

    End a run for good at its next mini-batch: it is scored and its model saved. Or end the search of a study: the best
    of its trials are trained again, and it has its answer; a second stop ends it at once, with everything saved.
    """
    with Store.open(store, create=False) as opened:
        of_run = kind_of(opened, name, run) == "run"
    if of_run:
        intervene(name, "stop", {}, store, because, json, quiet)
        return
    say_of_study(name, of_studies.intervene(name, "stop", {}, store, because), json, quiet)
    say_next(console(json=json, quiet=quiet), ["watch", name, *at(store)])


def say_of_study(study: str, asked: Intervention, json: bool, quiet: bool) -> None:
    """Show the outcome of what a study was asked for."""
    if json:
        print_json({"study": study, "kind": asked.kind, "state": str(asked.state), "outcome": asked.outcome})
    outcome = asked.outcome or "it waits until the study looks at its store, between two tasks"
    console(json=json, quiet=quiet).print(f"{study}: {outcome}", markup=False, soft_wrap=True)


def epoch_or_best(option: str, text: str | None) -> int | str | None:
    """The value of an ``option`` that names an epoch: its number, or "best"."""
    if text is None or text == BEST:
        return text
    try:
        return int(text)
    except ValueError:
        rule = f"`{option}` is the number of an epoch, or best, got {text!r}"
        raise ConfigError(rule, f"go to the best one: `{option}=best`") from None


def intervene(
    run: str, kind: str, arguments: Mapping[str, Any], store: str, because: str, json: bool, quiet: bool
) -> None:
    """Intervene in ``run`` and show the outcome. A refused intervention is the user's mistake."""
    asked = client.intervene(run, kind, arguments, store, because)
    client.check_taken(run, asked)
    if json:
        print_json(
            {"run": run, "order": asked.number, "kind": kind, "state": str(asked.state), "outcome": asked.outcome}
        )
    said = f"{asked.state} {asked.outcome}"
    if asked.state is InterventionState.WAITING:
        said = f"waits until a process trains the run ({to_resume(run, store)})"
        if client.is_held(run, store):
            said = "waits until the run comes to its next mini-batch, a program to its next report"
            said += ", a loop of your own to run.snapshot or run.wants_rollback"
    people = console(json=json, quiet=quiet)
    people.print(f"{run}: {kind} {said}", markup=False, soft_wrap=True)
    on = ["resume", run] if kind == "pause" else ["watch", run]
    say_next(people, [*on, *at(store)], ["diary", run, *at(store)])
