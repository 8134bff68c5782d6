"""The store against a model of a few dicts: whatever is done to it, in whatever order, it says what the model says."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from caviar.errors import Fenced, StoreError
from caviar.records import (
    Box,
    Comparison,
    Lease,
    LeaseState,
    Measurement,
    Study,
    StudyKind,
    StudySpec,
    StudyState,
    TaskKey,
    Trial,
    TrialState,
)
from caviar.records.result import BestTrial, StudyResult
from caviar.store import Store, schema
from tests.postgresql_server import empty
from tests.store.sample import CONFIG, STUDY, measurement

RESULT = StudyResult(metric=STUDY.metric, best=BestTrial(trial=1, config=CONFIG, score=0.5))
NAMES = st.sampled_from(["flowers", "moths"])
NUMBERS = st.integers(0, 3)
REPEATS = st.integers(0, 1)
EPOCHS = st.integers(1, 3)
TASKS = st.lists(st.tuples(NUMBERS, REPEATS, EPOCHS), max_size=4, unique=True)
TRIALS = st.lists(
    st.builds(
        Trial,
        number=NUMBERS,
        config=st.just(CONFIG),
        state=st.sampled_from(TrialState),
        epochs=EPOCHS,
        score=st.none() | st.floats(allow_nan=False),
        validation_loss=st.none() | st.floats(allow_nan=False),
        repeat=REPEATS,
        origin=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3),
        error=st.none() | st.just("broken"),
    ),
    max_size=3,
)
COMPARED = st.lists(
    st.tuples(NUMBERS, REPEATS, st.builds(Comparison, EPOCHS, st.floats(), st.floats(), st.floats(), st.floats(0, 9))),
    max_size=2,
)
MEASURED = st.lists(st.tuples(NUMBERS, REPEATS, st.builds(measurement, EPOCHS, st.floats(allow_nan=False))), max_size=3)
BOXES = st.lists(st.builds(Box, NUMBERS, NUMBERS, st.just({"learning_rate": [0.1, 1.0]}), st.text("ab🐟")), max_size=2)


@dataclass
class Remembered:
    """One study in the model."""

    study: Study
    trials: dict[tuple[int, int], Trial] = field(default_factory=dict)
    measured: dict[tuple[int, int, int], Measurement] = field(default_factory=dict)
    compared: dict[tuple[int, int, int], Comparison] = field(default_factory=dict)
    boxes: dict[int, Box] = field(default_factory=dict)
    workers: list[Lease] = field(default_factory=list)
    claims: dict[TaskKey, int] = field(default_factory=dict)

    def counts(self, worker: Lease) -> bool:
        """True if a write of ``worker`` is taken; if so, this is a beat."""
        for i, known in enumerate(self.workers):
            if known.token == worker.token and known.state is LeaseState.HELD:
                self.workers[i] = replace(known, beats=known.beats + 1)
                return True
        return False

    def owner(self) -> Lease | None:
        return next((o for o in self.workers if o.state is LeaseState.HELD and not o.is_helper), None)

    def end(self, fence: int, state: LeaseState) -> bool:
        if self.workers[fence - 1].state is not LeaseState.HELD:
            return False
        self.workers[fence - 1] = replace(self.workers[fence - 1], state=state)
        self.claims = {task: holder for task, holder in self.claims.items() if holder != fence}
        return True


class StoreMachine(RuleBasedStateMachine):
    """Two studies, few trials, so that things collide."""

    workers = Bundle("workers")
    fresh_url: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self.url = type(self).fresh_url()
        self.store = Store.open(self.url)
        self.model: dict[str, Remembered] = {}

    def teardown(self) -> None:
        self.store.close()

    def refused(self, study: str, attempt: Callable[[], Any]) -> bool:
        """True if there is no such study, which ``attempt`` then says."""
        if study in self.model:
            return False
        with pytest.raises(StoreError, match="has no study"):
            attempt()
        return True

    @initialize(target=workers)
    def begin(self) -> Lease:
        self.create("flowers")
        return self.join("flowers")

    @rule(name=NAMES)
    def create(self, name: str) -> None:
        study = replace(STUDY, name=name)
        if name in self.model:
            with pytest.raises(StoreError, match="already"):
                self.store.create_study(study)
        else:
            self.store.create_study(study)
            self.model[name] = Remembered(study)

    @rule(target=workers, name=NAMES)
    def join(self, name: str) -> Lease:
        """The first to come owns the study, and the others help."""
        if self.refused(name, lambda: self.store.leases.join(name)):
            return Lease(name, 1, {}, "nobody")
        known = self.model[name]
        owner = known.owner()
        if owner is None:
            for helper in [lease for lease in known.workers if lease.state is LeaseState.HELD]:
                known.end(helper.fence, LeaseState.LOST)
            lease = self.store.leases.join(name)
        else:
            with pytest.raises(StoreError, match="is running: process"):
                self.store.leases.join(name)
            if known.study.state is not StudyState.RUNNING:
                with pytest.raises(StoreError, match="is not running"):
                    self.store.join_helper(name, 2)
                return owner
            lease = self.store.join_helper(name, 2)
            assert lease.helps == owner.fence
        known.workers.append(lease)
        assert lease.fence == len(known.workers)
        return lease

    @rule(
        name=NAMES,
        trials=TRIALS,
        measured=MEASURED,
        boxes=BOXES,
        done=TASKS,
        worker=st.none() | workers,
        compared=COMPARED,
    )
    def write(
        self,
        name: str,
        trials: list[Trial],
        measured: list[tuple[int, int, Measurement]],
        boxes: list[Box],
        done: list[TaskKey],
        worker: Lease | None,
        compared: list[tuple[int, int, Comparison]],
    ) -> None:
        study = worker.name if worker is not None else name

        def attempt() -> None:
            self.store.write(study, trials, measured, boxes, done, worker, compared)

        if self.refused(study, attempt):
            return
        known = self.model[study]
        if worker is not None and not known.counts(worker):
            with pytest.raises(Fenced):
                attempt()
            return
        there = known.trials | {(trial.number, trial.repeat): trial for trial in trials}
        keys = [(number, repeat, m.epoch) for number, repeat, m in measured]
        rungs = [(number, repeat, c.epoch) for number, repeat, c in compared]
        twice = len({*keys}) < len(keys) or len({*rungs}) < len(rungs)
        again = {*keys} & {*known.measured} or {*rungs} & {*known.compared}
        if twice or again or {key[:2] for key in keys + rungs} - set(there):
            if worker is not None:  # the beat was a part of the write that did not happen
                known.workers[worker.fence - 1] = replace(
                    known.workers[worker.fence - 1], beats=known.workers[worker.fence - 1].beats - 1
                )
            with pytest.raises(StoreError, match="has these epochs already"):
                attempt()
            return
        attempt()
        known.trials = there
        known.measured |= {key: row[2] for key, row in zip(keys, measured, strict=True)}
        known.compared |= {key: row[2] for key, row in zip(rungs, compared, strict=True)}
        known.boxes |= {box.number: box for box in boxes}
        for task in done:
            if worker is None or known.claims.get(task) == worker.fence:
                known.claims.pop(task, None)

    @rule(owner=workers, helper=workers, tasks=TASKS)
    def assign(self, owner: Lease, helper: Lease, tasks: list[TaskKey]) -> None:
        if self.refused(owner.name, lambda: self.store.assign(owner, {helper.fence: tasks})):
            return
        known = self.model[owner.name]
        if not known.counts(owner):
            with pytest.raises(Fenced):
                self.store.assign(owner, {helper.fence: tasks})
            return
        holds = helper.fence <= len(known.workers) and known.workers[helper.fence - 1].state is LeaseState.HELD
        free = [
            task
            for task in tasks
            if holds
            and task not in known.measured
            and (task[:2] not in known.trials or known.trials[task[:2]].state in ("running", "interrupted"))
            and known.claims.get(task, helper.fence) == helper.fence
        ]
        assert self.store.assign(owner, {helper.fence: tasks}) == {helper.fence: free}
        known.claims |= dict.fromkeys(free, helper.fence)

    @rule(worker=workers)
    def beat(self, worker: Lease) -> None:
        if self.refused(worker.name, lambda: self.store.leases.beat(worker)):
            return
        if self.model[worker.name].counts(worker):
            self.store.leases.beat(worker)
        else:
            with pytest.raises(Fenced):
                self.store.leases.beat(worker)

    @rule(worker=workers)
    def leave(self, worker: Lease) -> None:
        if self.refused(worker.name, lambda: self.store.leases.leave(worker)):
            return
        self.store.leases.leave(worker)
        known = self.model[worker.name]
        if any(worker.token == other.token for other in known.workers):
            known.end(worker.fence, LeaseState.LEFT)

    @rule(name=NAMES, data=st.data())
    def lose(self, name: str, data: st.DataObject) -> None:
        if name not in self.model or not self.model[name].workers:
            return
        known = self.model[name]
        seen = data.draw(st.sampled_from(known.workers))
        stale = replace(seen, beats=seen.beats - data.draw(st.integers(0, 1)))
        expected = [seen.fence] if stale.beats == seen.beats and known.end(seen.fence, LeaseState.LOST) else []
        assert [worker.fence for worker in self.store.leases.lost(name, [stale])] == expected

    @rule(name=NAMES, epoch=EPOCHS)
    def go_on(self, name: str, epoch: int) -> None:
        progress = {"phase": "search", "elapsed": epoch / 3}
        if self.refused(name, lambda: self.store.write(name, progress=progress)):
            return
        self.store.write(name, progress=progress)
        self.model[name].study = replace(self.model[name].study, progress=progress)

    @rule(name=NAMES, state=st.sampled_from(StudyState))
    def finish(self, name: str, state: StudyState) -> None:
        if self.refused(name, lambda: self.store.finish_study(name, state, RESULT, "2026")):
            return
        self.store.finish_study(name, state, RESULT, "2026")
        known = self.model[name]
        known.study = replace(known.study, state=state, result=RESULT, ended="2026")
        known.trials = {
            key: trial._replace(state=TrialState.INTERRUPTED) if trial.state is TrialState.RUNNING else trial
            for key, trial in known.trials.items()
        }

    @rule(name=NAMES)
    def reopen(self, name: str) -> None:
        spec = StudySpec(kind=StudyKind.TABLE, trials=7)
        if self.refused(name, lambda: self.store.reopen_study(name, spec)):
            return
        self.store.reopen_study(name, spec)
        known = self.model[name]
        known.study = replace(known.study, state=StudyState.RUNNING, ended=None, progress=None, spec=spec)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if self.refused(name, lambda: self.store.subjects.delete(name)):
            return
        if any(worker.state is LeaseState.HELD for worker in self.model[name].workers):
            with pytest.raises(StoreError, match="works on it"):
                self.store.subjects.delete(name)
        else:
            self.store.subjects.delete(name)
            del self.model[name]

    @precondition(lambda self: not self.url.startswith("memory"))
    @rule()
    def close_and_open(self) -> None:
        self.store.close()
        self.store = Store.open(self.url, create=False)

    @invariant()
    def agree(self) -> None:
        assert {study.name: study for study in self.store.studies()} == {
            n: known.study for n, known in self.model.items()
        }
        for name, known in self.model.items():
            trials = [known.trials[key] for key in sorted(known.trials)]
            assert repr(self.store.trials(name)) == repr(trials)
            measured = [(*key[:2], known.measured[key]) for key in sorted(known.measured)]
            assert repr(self.store.measurements(name)) == repr(measured)
            compared = [(*key[:2], known.compared[key]) for key in sorted(known.compared)]
            assert repr(self.store.comparisons(name)) == repr(compared)
            assert self.store.boxes(name) == [known.boxes[number] for number in sorted(known.boxes)]
            assert self.store.leases.of(name) == known.workers
            with self.store.subjects.reading(name) as (connection, number):
                columns = (
                    schema.CLAIMS.c.number,
                    schema.CLAIMS.c.repeat,
                    schema.CLAIMS.c.to_epoch,
                    schema.CLAIMS.c.fence,
                )
                held = connection.execute(sa.select(*columns).where(schema.CLAIMS.c.study == number)).all()
            assert {(row[0], row[1], row[2]): row[3] for row in held} == known.claims
            counts = {state: sum(t.state is state and not t.repeat for t in trials) for state in TrialState}
            assert self.store.trial_counts()[name] == counts


def test_the_store_is_as_its_model(store_url: str, tmp_path: Path) -> None:
    def emptied() -> str:
        if store_url.startswith("postgresql"):
            empty(store_url)
        return f"sqlite:///{tmp_path / secrets.token_hex(8)}.db" if store_url.startswith("sqlite") else store_url

    machine = type("Machine", (StoreMachine,), {"fresh_url": staticmethod(emptied)})
    quiet = settings(
        max_examples=5 if store_url.startswith("postgresql") else 10,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=quiet)  # type: ignore[no-untyped-call]
