"""Tasks that the owner of a study gives to its helpers: each is claimed for one helper at a time.

A helper is a process that decides nothing. The owner claims tasks on its behalf, and the helper hands in what it
measured. A result is taken only while the helper still holds the task, in the transaction that writes it. So a task
that was taken back, or lost with its helper, is measured once: by its next holder.

The functions take a connection that is in a transaction, and the number of a study, whose row is locked by a writer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.files import numbers
from caviar.records import Lease, LeaseState, Measurement, StudyState, TaskKey, Trial, TrialState
from caviar.records.names import visible
from caviar.store import lease, process
from caviar.store.schema import CLAIMS, LEASES, MEASUREMENTS, STUDIES, TRIALS

_AT_ONCE = 1000  # tasks in one query; SQLite takes 32,766 parameters, PostgreSQL 65,535
_ENDED = sa.select(LEASES.c.fence).where(LEASES.c.study == CLAIMS.c.study, LEASES.c.state != str(LeaseState.HELD))


@dataclass(frozen=True, slots=True)
class Assigned:
    """A task that a helper holds: its trial as it stands, and the last epoch that was measured already."""

    task: TaskKey
    trial: Trial
    measured: int


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a helper's task: the trial after it, and the epochs that were not measured before."""

    task: TaskKey
    trial: Trial
    measurements: Sequence[Measurement]


def join(connection: sa.Connection, study: int, name: str, threads: int) -> Lease:
    """A lease of this process as a helper; StoreError where the study has no owner."""
    held = lease.rows(connection, "study", study, name, held=True)
    owner = next((other for other in held if not other.is_helper), None)
    if owner is None or not _runs(connection, study):
        raise StoreError(
            f"study {visible(name)!r} is not running: there is nothing to help with",
            "begin one with caviar tune, or take this one up again with caviar resume; then help it",
        )
    return lease.add(connection, "study", study, name, {**process.identity(), "threads": threads}, owner.fence)


def claim(connection: sa.Connection, study: int, fence: int, tasks: Sequence[TaskKey]) -> list[TaskKey]:
    """Those of ``tasks`` that the helper of that fence now holds, none if it has left or was lost; no beat of its.

    Left out are those of other helpers, those measured already, and those of trials that ended.
    """
    state = sa.select(LEASES.c.state).where(LEASES.c.study == study, LEASES.c.fence == fence)
    if connection.scalar(state) != str(LeaseState.HELD):
        return []
    wanted = [(int(number), int(repeat), int(to_epoch)) for number, repeat, to_epoch in tasks]
    over = _over(connection, study, wanted)
    free = [task for task in wanted if task not in over]
    taken = holders(connection, study, free)
    fresh = dict.fromkeys(task for task in free if task not in taken)
    if fresh:
        connection.execute(CLAIMS.insert(), [_key(study, task) | {"fence": fence} for task in fresh])
    return [task for task in free if task in fresh or taken.get(task) == fence]


def done(connection: sa.Connection, study: int, holder: Lease | None, tasks: Iterable[TaskKey]) -> None:
    """Free ``tasks`` of their claims: those of ``holder`` alone, or of any holder where it is None."""
    rows = [{f"the_{name}": value for name, value in _key(study, task).items()} for task in tasks]
    if not rows:
        return
    keys = [CLAIMS.c[name] == sa.bindparam(f"the_{name}") for name in _key(study, (0, 0, 0))]
    mine = [CLAIMS.c.fence == holder.fence] if holder is not None else []
    connection.execute(CLAIMS.delete().where(*keys, *mine), rows)


def holders(connection: sa.Connection, study: int, tasks: Sequence[TaskKey]) -> dict[TaskKey, int]:
    """The fence of the holder, for those of ``tasks`` that are claimed."""
    columns = (CLAIMS.c.number, CLAIMS.c.repeat, CLAIMS.c.to_epoch)
    query = sa.select(*columns, CLAIMS.c.fence).where(CLAIMS.c.study == study)
    rows = rows_of(connection, query, columns, tasks)
    return {(number, repeat, to_epoch): fence for number, repeat, to_epoch, fence in rows}


def assigned(connection: sa.Connection, study: int, fence: int) -> list[Assigned]:
    """The tasks that the helper of that fence holds."""
    of_trial = [CLAIMS.c[key] == TRIALS.c[key] for key in ("study", "number", "repeat")]
    measured = (
        sa.select(sa.func.max(MEASUREMENTS.c.epoch))
        .where(*[CLAIMS.c[key] == MEASUREMENTS.c[key] for key in ("study", "number", "repeat")])
        .scalar_subquery()
    )
    columns = (TRIALS.c.number, TRIALS.c.repeat, TRIALS.c.config, TRIALS.c.epochs, TRIALS.c.origin)
    query = sa.select(CLAIMS.c.to_epoch, measured, *columns).join(TRIALS, sa.and_(*of_trial))
    query = query.where(CLAIMS.c.study == study, CLAIMS.c.fence == fence)
    return [
        Assigned(
            (number, repeat, to_epoch),
            Trial(number, config, TrialState.RUNNING, epochs, None, None, repeat, origin),
            most or 0,
        )
        for to_epoch, most, number, repeat, config, epochs, origin in connection.execute(query)
    ]


def still_held(connection: sa.Connection, study: int, helper: Lease, results: Sequence[Result]) -> list[Result]:
    """Those of ``results`` whose task the helper holds yet; none once the study has ended."""
    if not _runs(connection, study):
        return []
    fences = holders(connection, study, [result.task for result in results])
    return [result for result in results if fences.get(result.task) == helper.fence]


def results(connection: sa.Connection, study: int, tasks: Sequence[TaskKey]) -> list[Result]:
    """Those of ``tasks`` that are claimed no more: their trials as they stand, with all measurements."""
    claimed = holders(connection, study, tasks)
    free = [task for task in tasks if task not in claimed]
    keys = {(number, repeat) for number, repeat, _ in free}
    columns = [TRIALS.c[name] for name in Trial._fields]
    query = sa.select(*columns).where(TRIALS.c.study == study)
    rows = rows_of(connection, query, (TRIALS.c.number, TRIALS.c.repeat), keys)
    trials = {
        (row.number, row.repeat): Trial(
            **{**row._mapping, "state": TrialState(row.state), "attributes": numbers(row.attributes or {})}
        )
        for row in rows
    }
    measured: Mapping[tuple[int, int], list[Measurement]] = {key: [] for key in keys}
    names = list(Measurement.__dataclass_fields__)
    query = sa.select(MEASUREMENTS.c.number, MEASUREMENTS.c.repeat, *[MEASUREMENTS.c[name] for name in names])
    query = query.where(MEASUREMENTS.c.study == study).order_by(MEASUREMENTS.c.epoch)
    at = (MEASUREMENTS.c.number, MEASUREMENTS.c.repeat)
    for number, repeat, *values in rows_of(connection, query, at, keys):
        measured[number, repeat].append(Measurement(*values))
    return [Result(task, trials[task[:2]], measured[task[:2]]) for task in free]


def orphaned(connection: sa.Connection, study: int) -> int:
    """The number of claims of leases that ended, of which the store itself leaves none."""
    query = sa.select(sa.func.count()).select_from(CLAIMS).where(CLAIMS.c.study == study, CLAIMS.c.fence.in_(_ENDED))
    return connection.scalar(query) or 0


def free_orphaned(connection: sa.Connection, study: int) -> None:
    """Free them."""
    connection.execute(CLAIMS.delete().where(CLAIMS.c.study == study, CLAIMS.c.fence.in_(_ENDED)))


def rows_of(
    connection: sa.Connection, query: sa.Select[Any], columns: Sequence[Any], keys: Collection[tuple[int, ...]]
) -> Iterable[Any]:
    """The rows of ``query`` whose ``columns`` are among ``keys``."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), _AT_ONCE):
        yield from connection.execute(query.where(sa.tuple_(*columns).in_(ordered[start : start + _AT_ONCE])))


def _over(connection: sa.Connection, study: int, tasks: Sequence[TaskKey]) -> set[TaskKey]:
    """Those of ``tasks`` that are measured, or whose trial has ended."""
    columns = (MEASUREMENTS.c.number, MEASUREMENTS.c.repeat, MEASUREMENTS.c.epoch)
    query = sa.select(*columns).where(MEASUREMENTS.c.study == study)
    over = {(number, repeat, epoch) for number, repeat, epoch in rows_of(connection, query, columns, tasks)}
    keys = (TRIALS.c.number, TRIALS.c.repeat)
    running = (str(TrialState.RUNNING), str(TrialState.INTERRUPTED))  # an interrupted one can be taken up again
    ended = sa.select(*keys).where(TRIALS.c.study == study, TRIALS.c.state.not_in(running))
    trials = {(number, repeat) for number, repeat, _ in tasks}
    ends = {(number, repeat) for number, repeat in rows_of(connection, ended, keys, trials)}
    return over | {task for task in tasks if task[:2] in ends}


def _key(study: int, task: TaskKey) -> dict[str, int]:
    number, repeat, to_epoch = task
    return {"study": study, "number": int(number), "repeat": int(repeat), "to_epoch": int(to_epoch)}


def _runs(connection: sa.Connection, study: int) -> bool:
    state = connection.scalar(sa.select(STUDIES.c.state).where(STUDIES.c.id == study))
    return bool(state == str(StudyState.RUNNING))
