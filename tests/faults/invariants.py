"""Facts that hold after every fault (the head of FAULTS.md); one checker for all tests of faults, and for the soak."""

from __future__ import annotations

import math
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from caviar.errors import SnapshotError, StoreError
from caviar.learners.contract import never
from caviar.records import Comparison, LeaseState, Measurement, StudyState, Task, TrialState
from caviar.records.ranking import smoothed
from caviar.store import Snapshots, Store
from caviar.store.schema import CLAIMS
from caviar.study.check import check_table
from caviar.study.spec import Request

Row = tuple[int | str, ...]


def acknowledged(store: str | Path, study: str) -> set[Row]:
    """Every measurement that the store has, to the bit, but for the time it took; none of an unknown study."""
    with Store.open(store, create=False) as opened:
        try:
            measurements = opened.measurements(study)
        except StoreError:
            return set()
    return {
        (number, repeat, m.epoch, m.train_loss.hex(), m.validation_loss.hex(), m.score.hex(), m.learning_rate.hex())
        for number, repeat, m in measurements
    }


def check_whole(store: str | Path, study: str, before: set[Row] = frozenset()) -> None:  # type: ignore[assignment]
    """Check, also right after a SIGKILL, that nothing is torn, and nothing of ``before`` is lost."""
    if "://" not in str(store):
        _check_file(Path(store))
    rows = acknowledged(store, study)
    assert before <= rows, f"{len(before - rows)} acknowledged results are lost"
    assert len({row[:3] for row in rows}) == len(rows), "a result is there twice"
    with Store.open(store, create=False) as opened:
        if study not in {known.name for known in opened.studies()}:
            return
        # Another process may be writing: what rests on measurements is read before them, and has all of its own then.
        compared = opened.comparisons(study)
        trials = {(trial.number, trial.repeat): trial for trial in opened.trials(study)}
        curves: dict[tuple[int, int], list[Measurement]] = {}
        for number, repeat, measurement in opened.measurements(study):
            curves.setdefault((number, repeat), []).append(measurement)
        _check_comparisons(compared, curves)
        assert set(curves) <= {(trial.number, trial.repeat) for trial in opened.trials(study)}
        for key, trial in trials.items():
            measured = [measurement.epoch for measurement in curves.get(key, [])]
            assert measured == list(range(1, len(measured) + 1)), f"trial {key} lacks an epoch"
            assert trial.epochs <= len(measured), f"trial {key} has {trial.epochs} epochs and {len(measured)} measured"
        _check_snapshots(Snapshots(opened), study)


def _check_snapshots(snapshots: Snapshots, study: str) -> None:
    """Check that the file of every snapshot is whole."""
    for snapshot in snapshots.of_study(study):
        try:
            snapshots.files(study).check(snapshot.saved, snapshot.label)
        except SnapshotError:  # nor is anything torn where another process has removed it meanwhile
            assert snapshot not in snapshots.of_study(study), f"{snapshot.label} is listed and cannot be read"


def _check_comparisons(
    comparisons: Sequence[tuple[int, int, Comparison]], curves: Mapping[tuple[int, int], Sequence[Measurement]]
) -> None:
    """Check that comparisons agree with measurements."""
    for number, repeat, compared in comparisons:
        curve = curves[number, repeat][: compared.epoch]
        assert curve[-1].epoch == compared.epoch, f"trial {number} was compared at an epoch that nobody measured"
        said = (smoothed([m.score for m in curve]), curve[-1].score, curve[-1].validation_loss)
        assert repr(said) == repr(compared[1:4]), f"trial {number} was compared by other numbers than it had"


def check_over(store: str | Path, study: str, before: set[Row] = frozenset()) -> None:  # type: ignore[assignment]
    """Check the facts that hold once nobody works on the study any more, however it ended."""
    check_whole(store, study, before)
    with Store.open(store, create=False) as opened:
        record = opened.study(study)
        assert record.state is not StudyState.RUNNING
        trials = opened.trials(study)
        assert not [trial for trial in trials if trial.state is TrialState.RUNNING], "a trial is left running"
        assert not [w for w in opened.leases.of(study) if w.state is LeaseState.HELD], "a worker is left working"
        with opened.subjects.reading(study) as (connection, number):
            claims = sa.select(sa.func.count()).select_from(CLAIMS).where(CLAIMS.c.study == number)
            assert connection.scalar(claims) == 0, "a task is left claimed"
        counts = {state: n for state, n in opened.trial_counts()[study].items() if n}
        first = [trial for trial in trials if trial.repeat == 0]
        assert counts == Counter(trial.state for trial in first)
        assert [trial.number for trial in first] == list(range(len(first)))
        if record.result is not None:
            _check_answer(opened, study, counts)


def _check_answer(store: Store, study: str, counts: dict[TrialState, int]) -> None:
    """The summary's counts add up, and the best trial is finite and trains again to the same numbers."""
    record = store.study(study)
    assert record.result is not None
    said = record.result.trials
    assert said["started"] == sum(counts.values())
    assert said["finished"] == counts.get(TrialState.FINISHED, 0)
    assert said["stopped"] == counts.get(TrialState.STOPPED, 0) + counts.get(TrialState.INTERRUPTED, 0)
    assert said["diverged"] == counts.get(TrialState.DIVERGED, 0)
    best = record.result.best
    assert all(math.isfinite(value) for value in (best.validation or {}).values())
    spec = replace(record.spec, seconds=None, trials=1)
    job = check_table(Request.again(record, spec, time.monotonic(), store=store.url), lambda: False)
    number = best.trial
    measured = [m for of, repeat, m in store.measurements(study) if (of, repeat) == (number, 0)]
    _, again = job.start(Task(number, 0, best.config, 0, 1), None).train(measured[-1].epoch, never())
    assert [(m.train_loss, m.validation_loss) for m in measured] == [(e.train_loss, e.validation.loss) for e in again]
    assert all(math.isfinite(m.train_loss) for m in measured)


def _check_file(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
