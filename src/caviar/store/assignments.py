"""Work that the process in charge of a study, its leader, gives to others: helpers.

A helper is a worker that decides nothing. The leader claims pieces of work on its behalf, and the helper hands in what
it measured. A result is taken only while the helper still holds the piece, in the transaction that writes it; so
whatever was taken back, or lost with a helper, is measured once, by whoever has it then.

The functions take a connection that is in a transaction, and the number of a study, whose row is locked by a writer.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.records import Measurement, Piece, StudyState, Trial, TrialState, Worker, WorkerState
from caviar.store import claims, process
from caviar.store.schema import CLAIMS, MEASUREMENTS, STUDIES, TRIALS, WORKERS


@dataclass(frozen=True, slots=True)
class Assigned:
    """A piece that a helper holds: its trial as it stands, and up to which epoch it was measured already."""

    piece: Piece
    trial: Trial
    measured: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a helper makes of a piece: the trial after it, and the epochs that nobody had measured before."""

    piece: Piece
    trial: Trial
    measurements: Sequence[Measurement]


def join(connection: sa.Connection, study: int, name: str, threads: int) -> Worker:
    """A new helper of this process; StoreError where nobody leads the study."""
    leader = next((w for w in _working(connection, study, name) if not w.is_helper), None)
    if leader is None or not _runs(connection, study):
        raise StoreError(
            f"study {name!r} is not running: there is nothing to help with",
            "begin one with caviar tune, or take this one up again with caviar resume; then help it",
        )
    highest = connection.scalar(sa.select(sa.func.max(WORKERS.c.fence)).where(WORKERS.c.study == study))
    identity = {**process.identity(), "helps": leader.fence, "threads": threads}
    worker = Worker(name, (highest or 0) + 1, identity, secrets.token_hex(8))
    row = {"fence": worker.fence, "identity": identity, "token": worker.token, "state": str(worker.state)}
    connection.execute(WORKERS.insert().values(study=study, beats=0, **row))
    return worker


def assign(connection: sa.Connection, study: int, helper: int, pieces: Sequence[Piece]) -> list[Piece]:
    """Those of ``pieces`` that the helper of that fence now holds, none if it has left or was lost; not its beat."""
    works = sa.select(WORKERS.c.state).where(WORKERS.c.study == study, WORKERS.c.fence == helper)
    if connection.scalar(works) != str(WorkerState.WORKING):
        return []
    return claims.claim(connection, study, helper, pieces)


def assigned(connection: sa.Connection, study: int, helper: int) -> list[Assigned]:
    """What the helper of that fence holds."""
    of_trial = [CLAIMS.c[key] == TRIALS.c[key] for key in ("study", "number", "repeat")]
    measured = (
        sa.select(sa.func.max(MEASUREMENTS.c.epoch))
        .where(*[CLAIMS.c[key] == MEASUREMENTS.c[key] for key in ("study", "number", "repeat")])
        .scalar_subquery()
    )
    columns = (TRIALS.c.number, TRIALS.c.repeat, TRIALS.c.config, TRIALS.c.epochs, TRIALS.c.origin)
    query = sa.select(CLAIMS.c.to_epoch, measured, *columns).join(TRIALS, sa.and_(*of_trial))
    query = query.where(CLAIMS.c.study == study, CLAIMS.c.fence == helper)
    return [
        Assigned(
            (number, repeat, to_epoch),
            Trial(number, config, TrialState.RUNNING, epochs, None, None, repeat, origin),
            most or 0,
        )
        for to_epoch, most, number, repeat, config, epochs, origin in connection.execute(query)
    ]


def hand_in(
    connection: sa.Connection, study: int, helper: Worker, results: Sequence[Result]
) -> tuple[list[Trial], list[tuple[int, int, Measurement]], list[Piece]]:
    """What of ``results`` is to be written: trials, measurements, and pieces done. Only what the helper still holds."""
    if not _runs(connection, study):
        return [], [], []
    held = {
        piece
        for piece, fence in claims.holders(connection, study, [r.piece for r in results]).items()
        if fence == helper.fence
    }
    taken = [result for result in results if result.piece in held]
    measurements = [(r.trial.number, r.trial.repeat, m) for r in taken for m in r.measurements]
    return [result.trial for result in taken], measurements, [result.piece for result in taken]


def take_back(connection: sa.Connection, study: int, pieces: Sequence[Piece]) -> None:
    """Nobody holds ``pieces`` any more."""
    claims.done(connection, study, None, pieces)


def open_pieces(connection: sa.Connection, study: int, pieces: Sequence[Piece]) -> set[Piece]:
    """Those of ``pieces`` that somebody holds."""
    return set(claims.holders(connection, study, pieces))


def results(connection: sa.Connection, study: int, pieces: Sequence[Piece]) -> list[Result]:
    """What the store has of the trials of ``pieces``: each as it stands, with all of its measurements."""
    keys = {(number, repeat) for number, repeat, _ in pieces}
    columns = [TRIALS.c[name] for name in Trial._fields]
    query = sa.select(*columns).where(TRIALS.c.study == study)
    rows = claims.rows_of(connection, query, (TRIALS.c.number, TRIALS.c.repeat), keys)
    trials = {(row.number, row.repeat): Trial(**{**row._mapping, "state": TrialState(row.state)}) for row in rows}
    measured: Mapping[tuple[int, int], list[Measurement]] = {key: [] for key in keys}
    names = list(Measurement.__dataclass_fields__)
    query = sa.select(MEASUREMENTS.c.number, MEASUREMENTS.c.repeat, *[MEASUREMENTS.c[name] for name in names])
    query = query.where(MEASUREMENTS.c.study == study).order_by(MEASUREMENTS.c.epoch)
    at = (MEASUREMENTS.c.number, MEASUREMENTS.c.repeat)
    for number, repeat, *values in claims.rows_of(connection, query, at, keys):
        measured[number, repeat].append(Measurement(*values))
    return [Result(piece, trials[piece[:2]], measured[piece[:2]]) for piece in pieces]


def _runs(connection: sa.Connection, study: int) -> bool:
    state = connection.scalar(sa.select(STUDIES.c.state).where(STUDIES.c.id == study))
    return bool(state == str(StudyState.RUNNING))


def _working(connection: sa.Connection, study: int, name: str) -> list[Worker]:
    columns: list[Any] = [WORKERS.c[key] for key in ("fence", "identity", "token", "beats")]
    query = sa.select(*columns).where(WORKERS.c.study == study, WORKERS.c.state == str(WorkerState.WORKING))
    return [Worker(name, *row) for row in connection.execute(query.order_by(WORKERS.c.fence))]
