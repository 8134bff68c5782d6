"""Interventions in a study while a process runs it: they stand in its specification, with who asked and when.

The process looks there several times a second. The functions take a connection that is in a writing transaction with
the study's row locked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from caviar.records import Config, Intervention, InterventionState, StudySpec
from caviar.store import paths, studies
from caviar.store.database import Database
from caviar.store.schema import STUDIES

_GONE_ON = "the study was taken up again after it"


def intervene(
    database: Database,
    connection: sa.Connection,
    study: int,
    kind: str,
    arguments: Mapping[str, Any],
    who: str,
    because: str,
) -> Intervention:
    """Write down an intervention, which waits for the study's process; a resume has begun one, and is done."""
    spec = studies.spec(database, connection, study)
    made = _made(spec, kind, arguments, who, because)
    if kind == "resume":
        made = replace(made, state=InterventionState.DONE)
    _write(database, connection, study, replace(spec, interventions=(*spec.interventions, made)))
    return made


def enqueue(database: Database, connection: sa.Connection, study: int, config: Config, who: str, because: str) -> int:
    """Have ``config`` tried as one of the next trials; the number of those that wait."""
    spec = studies.spec(database, connection, study)
    made = replace(_made(spec, "enqueue", {"config": config}, who, because), state=InterventionState.DONE)
    first = (*spec.first, config)
    _write(database, connection, study, replace(spec, first=first, interventions=(*spec.interventions, made)))
    return len(first) - studies.enqueued(connection, study)


def answer(
    database: Database,
    connection: sa.Connection,
    study: int,
    number: int,
    state: InterventionState,
    outcome: str,
    tick: int | None = None,
) -> None:
    """Write what came of an intervention that waited, and at which ``tick``.

    A budget that was extended is the study's from here on, and so is a space that was changed: from trial ``tick`` on.
    """
    spec = studies.spec(database, connection, study)
    asked = spec.interventions[number - 1]
    if asked.state is not InterventionState.WAITING:
        return
    answered = replace(asked, state=state, outcome=outcome, tick=tick)
    done = state is InterventionState.DONE
    if asked.kind == "respace" and done:
        before = connection.execute(sa.select(STUDIES.c.space).where(STUDIES.c.id == study)).scalar_one()
        answered = replace(answered, arguments={**asked.arguments, "before": before})
        connection.execute(STUDIES.update().where(STUDIES.c.id == study).values(space=asked.arguments["space"]))
    interventions = (*spec.interventions[: number - 1], answered, *spec.interventions[number:])
    spec = replace(spec, interventions=interventions, was_stopped=spec.was_stopped or (asked.kind == "stop" and done))
    if asked.kind == "extend" and done:
        spec = extended(spec, asked.arguments)
    _write(database, connection, study, spec)


def extended(spec: StudySpec, more: Mapping[str, Any]) -> StudySpec:
    """The specification with ``more`` seconds or trials of the budget that it has."""
    seconds, trials = more.get("seconds"), more.get("trials")
    return replace(
        spec,
        seconds=spec.seconds if seconds is None or spec.seconds is None else spec.seconds + seconds,
        trials=spec.trials if trials is None or spec.trials is None else spec.trials + trials,
    )


def taken_up(spec: StudySpec, there: StudySpec) -> StudySpec:
    """The specification of a study that goes on as ``spec``, with what was asked since that was read.

    What waited for the process of before is overtaken.
    """
    first = (*there.first, *(config for config in spec.first if config not in there.first))
    interventions = tuple(map(_overtaken, there.interventions))
    return replace(spec, first=first, interventions=interventions, was_stopped=False)


def _overtaken(asked: Intervention) -> Intervention:
    if asked.state is not InterventionState.WAITING:
        return asked
    return replace(asked, state=InterventionState.OVERTAKEN, outcome=_GONE_ON)


def _made(spec: StudySpec, kind: str, arguments: Mapping[str, Any], who: str, because: str) -> Intervention:
    when = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Intervention(len(spec.interventions) + 1, kind, dict(arguments), who, because, when)


def _write(database: Database, connection: sa.Connection, study: int, spec: StudySpec) -> None:
    record = paths.kept(spec.to_record(), database)
    connection.execute(STUDIES.update().where(STUDIES.c.id == study).values(spec=record))
