"""caviar replay"""

from __future__ import annotations

from caviar.cli import options
from caviar.cli.console import console, print_json
from caviar.cli.interventions import RunName
from caviar.cli.next_steps import at, say_next
from caviar.cli.options import DEFAULT_STORE, Json, Quiet, StoreUrl
from caviar.report.text import counted
from caviar.runs.replay import Replayed
from caviar.runs.replay import replay as again


def replay(
    run: RunName,
    data: options.DataAgain = None,
    test: options.TestAgain = None,
    labels: options.LabelsAgain = None,
    test_labels: options.TestLabelsAgain = None,
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """[bold]caviar replay flowers[/]

    Train a run again from its diary, and see if it ends with the same bits: every turn and rollback is done at its
    mini-batch. Exit status 0 if it does, 1 if not.
    """
    people = console(json=json, quiet=quiet)
    moved = options.given(data=data, test=test, labels=labels, test_labels=test_labels)
    same = False
    with people.status(f"replaying {run}") as status:
        for event in again(run, store, **moved):
            if isinstance(event, Replayed):
                summary = event.summary
                same = bool(summary["same_bits"])
            else:
                status.update(f"replaying {run}: {event.trained:,} mini-batches, epoch {event.epoch}")
    if json:
        print_json(summary)
    outcome = "the same bits" if same else "other bits than the run had: another processor, version or data?"
    people.print(
        f"{run}: {counted(summary['epochs'], 'epoch')}, {counted(summary['interventions'], 'turn')}, "
        f"{counted(summary['rollbacks'], 'rollback')}: {outcome}",
        markup=False,
        soft_wrap=True,
    )
    if same:
        say_next(people, ["diary", run, *at(store)])
    return 0 if same else 1
