"""Runs of networks and programs: begin one, take one up again, branch one, and the loop that drives it.

Nothing here prints: a run is a stream of events. Interventions come through the store, whoever asked for them; the live
screen, the other terminals and the nurse all do the same things to a run, and all of it stands in its diary.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from caviar.errors import ConfigError, NoAnswer, StoreAway, StoreError, StoreLost
from caviar.files import working_folder
from caviar.records import Config, DiaryEntry, Run, RunKind, RunSpec, RunState
from caviar.records.names import cleaned, storable
from caviar.runs.client import ask
from caviar.runs.conclusion import conclude
from caviar.runs.events import Begun, EpochDone, Event, Noted, Progress
from caviar.runs.going_back import check_there, go_back_to_the_end
from caviar.runs.moved import spec_where_it_is
from caviar.runs.network import NetworkSetup
from caviar.runs.program import ProgramSetup
from caviar.runs.session import Session, close, with_reason
from caviar.runs.snapshots import snapshot_numbered
from caviar.runs.trainee import DrivenTrainee, Setup
from caviar.store import Store
from caviar.store.delivery import STORE_PATIENCE, Delivery
from caviar.store.runs import Runs, now
from caviar.store.trust import check_trusted

_DOZE = 0.05  # seconds between two looks at the interventions while paused
_WRITE = 0.5  # seconds between two looks that others get from the store
_GRACE = 3.0  # seconds after Ctrl-C in which a program may come to where it can be saved

Ended = Callable[[], bool]
"""Turns true when the run is to end in good order, at Ctrl-C."""

SETUPS: dict[RunKind, Callable[[RunSpec, Config, int], Setup]] = {
    RunKind.NETWORK: NetworkSetup,
    RunKind.PROGRAM: ProgramSetup,
}


def begin(
    spec: RunSpec,
    config: Config,
    seed: int = 0,
    name: str | None = None,
    store: str = "caviar.db",
    ended: Ended = lambda: False,
    store_patience: float = STORE_PATIENCE,
) -> Iterator[Event]:
    """Begin a run and drive it to its end, event by event, the RunEnded last.

    ``config`` is the network's, or the program's own; its numbers are the knobs. Raises UserMistake for a run that
    cannot be begun or whose name is taken, NoAnswer for one that fails, and KeyboardInterrupt when ``ended`` turns
    true: ``resume`` goes on.
    """
    if spec.kind is RunKind.PROGRAM and spec.folder is None:
        spec = replace(spec, folder=working_folder())
    setup = SETUPS[spec.kind](spec, config, seed)
    with Store.open(store) as opened:
        runs = Runs(opened)
        run = Run(
            name=name or setup.name,
            seed=seed,
            spec=setup.spec,
            config=setup.config,
            data=setup.data,
            environment=setup.environment,
            created=now(),
        )
        runs.create(run)

        def first(session: Session) -> None:
            if setup.begun:
                session.enter("begun", "caviar", setup.begun, {"knobs": run.config})

        yield from _follow(opened, run, setup, first, ended, store_patience)


def resume(
    name: str,
    store: str,
    ended: Ended = lambda: False,
    store_patience: float = STORE_PATIENCE,
    trust: bool = False,
    who: str = "caviar",
    because: str = "",
    **moved: str,
) -> Iterator[Event]:
    """Take up a run whose process was killed or interrupted, from its newest whole snapshot.

    ``who`` does so, and ``because``, the reason, are for the diary.
    ``trust``: run its program although somebody else may have written its command.
    ``moved`` are new places: of data, test, labels and test_labels, or of a program's folder. They are kept.

    Raises StoreError for a run that is over, or that another process holds; SnapshotAbsent where that snapshot is away.
    """
    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        run = runs.run(name)
        if run.kind is RunKind.LOOP:
            raise StoreError(
                f"run {name!r} is a training loop of another program", "start that program again: it takes the run up"
            )
        if run.state.is_over:
            raise StoreError(f"run {name!r} is {run.state}", f"begin from one of its snapshots: caviar branch {name}")
        check_trusted(runs.leases, name, trust, run.spec.command, run.spec.out)
        check_there(runs, name)
        spec = spec_where_it_is(run, moved)
        setup = SETUPS[run.kind](spec, run.config, run.seed)
        setup.check_same(run)
        if moved:
            runs.move(name, setup.spec)
            run = replace(run, spec=setup.spec)
        first = partial(go_back_to_the_end, who=cleaned(who), because=cleaned(because))
        yield from _follow(opened, run, setup, first, ended, store_patience)


def branch(
    parent: str,
    at: int,
    changes: Config,
    store: str,
    name: str | None = None,
    epochs: int | None = None,
    who: str = "",
    because: str = "",
    ended: Ended = lambda: False,
    store_patience: float = STORE_PATIENCE,
    trust: bool = False,
    **moved: str,
) -> Iterator[Event]:
    """Begin a second run from snapshot ``at`` of run ``parent`` with other knobs, and drive it to its end.

    ``moved`` as of ``resume``; they are those of the branch alone.
    """
    with Store.open(store, create=False) as opened:
        runs = Runs(opened)
        old = runs.run(parent)
        if old.kind is RunKind.LOOP:
            raise StoreError(f"run {parent!r} is a training loop of another program", "branch it there")
        check_trusted(runs.leases, parent, trust, old.spec.command, old.spec.out)
        snapshot = snapshot_numbered(runs.snapshots(parent), at)
        saved = runs.load(parent, snapshot)
        spec = spec_where_it_is(old, moved)
        spec = spec if epochs is None else replace(spec, epochs=epochs)
        if spec.epochs <= snapshot.clock.epoch:
            kept = [one.clock.epoch for one in runs.snapshots(parent) if one.state == "kept"]
            earlier = [epoch for epoch in kept if epoch < spec.epochs]
            raise ConfigError(
                f"the branch would begin after epoch {snapshot.clock.epoch} of {parent!r}, and of its {spec.epochs} "
                "epochs in all none is left to train",
                f"give it more, `epochs={snapshot.clock.epoch + RunSpec(kind=spec.kind).epochs}`"
                + (f", or begin it earlier, `at={max(earlier)}`" if earlier else ""),
            )
        setup = SETUPS[spec.kind](spec, old.config, old.seed)
        setup.check_same(old)
        run = Run(
            name=name or f"{parent}-branch",
            seed=old.seed,
            spec=spec,
            config=setup.branched(saved, changes),
            data=old.data,
            environment=old.environment,
            created=now(),
            parent=parent,
            parent_snapshot=at,
        )
        run = runs.create(run, numbered=name is None)
        because = cleaned(because)
        text = with_reason(f"branch {run.name} from snapshot {at} at epoch {snapshot.clock.epoch}", because)
        runs.enter(parent, DiaryEntry(0, now(), "branch", who, snapshot.clock, text, {"run": run.name, "snapshot": at}))

        def first(session: Session) -> None:
            session.trainee.restore(saved, replace(snapshot.clock, tick=0, take=0))
            text = f"begun from snapshot {at} of {parent}, at epoch {snapshot.clock.epoch}"
            session.enter("branched", who, with_reason(text, because), {"parent": parent, "snapshot": at})
            session.snapshot("branch")
            if changes:
                session.turn(changes, who, because)

        yield from _follow(opened, run, setup, first, ended, store_patience)


def _follow(
    store: Store,
    run: Run,
    setup: Setup,
    first: Callable[[Session], None],
    ended: Ended,
    store_patience: float,
) -> Iterator[Event]:
    """Hold the run, and give it back in good order whatever happens."""
    runs = Runs(store)
    delivery, number = runs.delivery(runs.take(run.name), store_patience), runs.subjects.number(run.name)
    state, result = RunState.INTERRUPTED, None
    try:
        with setup.trainee(run, number, runs.files(run.name).folder) as trainee:
            session = Session(runs, delivery, run, trainee)
            try:
                first(session)
                noted = _notes(runs, run.name)
                for note in [note for note in map(storable, setup.warnings) if note not in noted]:
                    session.enter("note", "caviar", note, {})
                before = tuple(runs.measurements(run.name)), tuple(runs.diary(run.name))
                session.entries.clear()  # they are in `before`
                yield Begun(run, run.spec.epochs, setup.warnings, *before, partial(_ask, runs, delivery))
                yield from drive(session, trainee, ended)
                yield from _delivered(session, trainee, ended)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(session.interrupt()) from None
            except StoreLost:
                with suppress(StoreLost):  # it is raised again when the run is given back
                    session.interrupt()
                raise
            facts = _facts(session, trainee) | {"phase": "scoring"}  # it may take seconds
            session.write(facts)
            yield Progress(facts)
            noted = [entry.text for entry in (*before[1], *session.entries) if entry.kind == "note"]
            end, whole = conclude(session, trainee, store, noted, ended)
            state, result = RunState.STOPPED if session.stopped else RunState.FINISHED, end.summary
        if not whole:
            raise NoAnswer(
                f"run {run.name!r} ended without a whole network: {session.stopped or 'no epoch has a finite number'}",
                f"caviar diary {shlex.quote(run.name)} says how",
            )
    except BaseException as ending:
        try:
            close(runs, delivery, state, result, ended)
        except StoreLost as lost:
            if isinstance(ending, KeyboardInterrupt):
                raise KeyboardInterrupt(f"{lost.rule}; {lost.way_out}") from None
            raise
        raise
    try:
        close(runs, delivery, state, result, ended)
    except StoreLost as lost:
        if not ended():
            raise
        # Somebody has asked for the end, and the answer is there all the same.
        note = f"the store does not have this answer: {lost.rule}; {lost.way_out}"
        end = replace(end, summary={**end.summary, "notes": [*end.summary["notes"], note]})
    yield end


def _ask(runs: Runs, delivery: Delivery, kind: str, arguments: dict[str, Any], because: str = "") -> object:
    """Write an intervention from within the run's own process. StoreAway while the store cannot be reached."""
    asked = delivery.ask(lambda: ask(runs, delivery.lease.name, kind, arguments, because), None)
    if asked is None:
        raise StoreAway("the store cannot be reached at the moment", "ask again when it is back")
    return asked


def _delivered(session: Session, trainee: DrivenTrainee, ended: Ended) -> Iterator[Event]:
    """Signs of progress until the store has everything or the end is asked for, after all epochs of a run."""
    while session.delivery.is_behind and not ended():
        time.sleep(_DOZE)
        session.delivery.beat()
        yield Progress(_facts(session, trainee))


def drive(session: Session, trainee: DrivenTrainee, ended: Ended) -> Iterator[Event]:
    """Drive ``trainee`` until it is over: the only loop that trains a run."""
    written, shown = 0.0, 0
    asked_to_end: float | None = None
    while not session.over:
        # Apply the interventions that people asked for, and save the state where a snapshot is due.
        session.look()
        if session.stopped:
            trainee.stop(session.stopped)
        elif not session.paused:
            session.snapshot_if_due()

        # End in good order after Ctrl-C: where the state can be saved, or after a few seconds.
        if ended():
            asked_to_end = asked_to_end or time.monotonic()
            if trainee.waits or time.monotonic() - asked_to_end > _GRACE:
                raise KeyboardInterrupt

        # Train for a tenth of a second; a paused run trains nothing.
        step = None
        if session.paused and not session.stopped:
            trainee.rest()
            time.sleep(_DOZE)
        else:
            step = trainee.advance()

        # Write down what was measured, save a network before anything is changed, and let the nurse look.
        if step is not None:
            session.saw(step)
            if step.values is not None:
                yield EpochDone(session.measured(step.values), session.run.spec.epochs)
            if not trainee.trains_on_when_saved:
                session.snapshot_if_due()
            session.nurse.look()
            session.stop_without_progress()

        # Show what happened: the diary's new lines, and several times a second where the run stands.
        yield from (Noted(entry) for entry in session.entries[shown:])
        shown = len(session.entries)
        if time.monotonic() - written >= _WRITE or (step is not None and step.values is not None) or session.over:
            written = time.monotonic()
            facts = _facts(session, trainee)
            session.write(facts)
            yield Progress(facts)


def _facts(session: Session, trainee: DrivenTrainee) -> dict[str, Any]:
    """Facts of where the run stands, for the screens."""
    return session.progress() | {"epochs": session.run.spec.epochs} | trainee.progress(session.paused)


def _notes(runs: Runs, name: str) -> list[str]:
    """The notes on the data of run ``name``, which stand in its diary."""
    return [entry.text for entry in runs.diary(name) if entry.kind == "note"]
