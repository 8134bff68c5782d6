"""Resuming a study: what it was, what is left of its budget, what was measured of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

from caviar.constraints import Given
from caviar.data.dataset import check_arranged
from caviar.errors import ConfigError, DataError, StoreError
from caviar.executors.helpers import PATIENCE
from caviar.machine import no_collection, setting_aside
from caviar.moved import relocated
from caviar.records import Study, StudyState
from caviar.records.specs import StudyKind, StudySpec
from caviar.store import Snapshots, Store
from caviar.store.delivery import STORE_PATIENCE
from caviar.store.trust import check_trusted
from caviar.study.check import check_table, model_path
from caviar.study.earlier import gone_on_with, is_imported
from caviar.study.events import Event
from caviar.study.job import TableJob
from caviar.study.known import Known
from caviar.study.programs import ProgramJob, check_program
from caviar.study.spec import ProgramRequest, Request, StorePath
from caviar.study.tune import train

_LEAST = 5.0  # seconds: enough for the finals of a study that was broken in them


def take_up(
    study: str,
    *,
    store: StorePath,
    seconds: float | None = None,
    trials: int | None = None,
    data: Any = None,
    test: Any = None,
    threads: int | None = None,
    processes: int | None = None,
    out: Any = None,
    labels: Any = None,
    test_labels: Any = None,
    folder: Any = None,
    command: str | None = None,
    score: str | None = None,
    constraints: Sequence[Given] = (),
    repeats: int | None = None,
    store_patience: float = STORE_PATIENCE,
    trust: bool = False,
    ended: Callable[[], bool] = lambda: False,
) -> Generator[Event, None, None]:
    """Resume ``study``, event by event; see ``caviar.resume``.

    data, labels, test, test_labels, folder: the new places of files, and of the folder that a program is started in.
    command, score: the program that goes on with a study that was imported.
    trust: run the program of the study although somebody else may have written its command.
    repeats: the times that the best trials of a program are trained again, also where nothing of the budget is left.
    """
    started = time.monotonic()
    given = {"data": data, "test": test, "threads": threads, "out": out, "command": command, "score": score}
    given |= {"labels": labels, "test_labels": test_labels, "folder": folder}
    given |= {"constraints": constraints, "repeats": repeats, "store_patience": store_patience}
    with Store.open(store, create=False) as opened, setting_aside() as set_aside:
        begun = opened.study(study)
        _check_given(begun, given, processes)  # before anything is written
        program, table = begun.spec.program, begun.spec.table
        of_store = "" if program is None or command is not None else program.command
        folder_of_store = None if table is None or out is not None else table.out
        check_trusted(opened.leases, study, trust, of_store, folder_of_store)
        lease = opened.leases.take(study, PATIENCE)
        try:
            delivery = opened.delivery(lease, store_patience)
            record = opened.study(study)  # not before: its owner may have finished it meanwhile
            with no_collection():
                known = Known.of(opened, record)
                set_aside()
            if is_imported(record):
                record = gone_on_with(record, list(known.trials.values()), command, score, processes or 0)
            spec = _moved(_within(record, known, seconds, trials, repeats), given)
            spec = replace(spec, spent=record.worked or 0.0)
            away = Snapshots(opened).absent(study, known.unsettled)
            if away is not None and spec.kind is not StudyKind.TABLE:
                raise away  # a program that begins again need not come to the same scores
            job = _job(replace(record, spec=spec), started, ended, store, given, processes)
            if away is not None and isinstance(job, TableJob):
                noted = f"{away.rule}: they are trained again from their beginning, to the same bits"
                job = replace(job, noted=(noted,))
            opened.reopen_study(study, spec, lease)
        except BaseException:
            opened.leases.leave(lease)
            raise
        yield from train(job, opened, replace(record, spec=spec), delivery, known)


def _within(study: Study, known: Known, seconds: float | None, trials: int | None, repeats: int | None) -> StudySpec:
    """The specification of the study with its budget, and its ``repeats``, from here on."""
    spec = study.spec if repeats is None else replace(study.spec, repeats=repeats)
    is_done = study.state is StudyState.FINISHED and not known.unsettled  # a budget of seconds leaves some under way
    reached = trials == known.begun and is_done and repeats is None and seconds is None
    if trials is not None and (trials < known.begun or reached):
        raise ConfigError(
            f"study {study.name!r} has {known.begun} trials already, and `trials` counts all of them, got {trials}",
            f"give it more: `trials={known.begun + 100}`",
        )
    if seconds is not None or trials is not None:
        return replace(spec, seconds=seconds, trials=trials)
    if study.state is StudyState.FINISHED and repeats is not None:
        return replace(spec, seconds=None, trials=known.begun)
    if study.state is StudyState.FINISHED and not study.spec.was_stopped:
        raise ConfigError(
            f"study {study.name!r} is finished: nothing of its budget is left",
            f"give it more: `seconds=60`, or `trials={known.begun + 100}`",
        )
    if spec.trials is not None or spec.seconds is None:
        return replace(spec, seconds=None)
    at_once = study.environment.get("threads") or (1 if spec.program is None else spec.program.slots)
    trained = known.seconds() / int(at_once)  # where its process did not live to say how long it worked
    left = spec.seconds - (trained if study.worked is None else study.worked - spec.spent)
    return replace(spec, seconds=max(left, _LEAST))


def _moved(spec: StudySpec, given: dict[str, Any]) -> StudySpec:
    """The ``spec`` with the paths that are ``given`` anew."""
    if spec.table is not None:
        return replace(spec, table=relocated(spec.table, given))
    if spec.program is not None:
        return replace(spec, program=relocated(spec.program, given, ["folder"]))
    return spec


def _job(
    study: Study,
    started: float,
    ended: Callable[[], bool],
    store: StorePath,
    given: dict[str, Any],
    processes: int | None,
) -> TableJob | ProgramJob:
    """The checked job that the study was, with what is ``given`` anew."""
    spec = study.spec
    if spec.kind in (StudyKind.FUNCTION, StudyKind.PROGRAM):
        more = given["data"], processes, given["constraints"], given["store_patience"]
        request = ProgramRequest.again(study, spec, started, store, *more)
        return check_program(request, ended)
    names = ("data", "labels", "test", "test_labels", "threads", "out", "constraints", "store_patience")
    of_a_table = {name: given[name] for name in names}
    table = Request.again(study, spec, started, store=store, **of_a_table)
    job = check_table(table, ended)
    check_same(study, job)
    model_path(table, study.name, again=True)
    return job


def _check_given(study: Study, given: dict[str, Any], processes: int | None) -> None:
    """ConfigError where something is ``given`` that the kind of ``study`` cannot use."""
    kind = study.spec.kind
    if given["repeats"] is not None and kind is StudyKind.TABLE:
        raise ConfigError(
            "`repeats` is for code of your own: the best networks of a table are trained again in any case",
            "give it more: `seconds=60`",
        )
    if is_imported(study):
        _check_imported(study, given)
        return
    if given["command"] is not None or given["score"] is not None:
        raise ConfigError(
            "`command` and `score` are for studies that were imported from Optuna; others know how they are trained",
            "leave them out",
        )
    if kind in (StudyKind.FUNCTION, StudyKind.PROGRAM):
        _check_of_a_table(study, given)
    elif kind is not StudyKind.TABLE:
        raise StoreError(
            f"study {study.name!r} is one of ask and tell: its own program trains", "start that program again"
        )
    elif processes is not None:
        raise ConfigError(
            f"study {study.name!r} trains its networks in threads, and `processes` is for programs of your own",
            "leave it out, or give `threads`",
        )
    elif given["folder"] is not None:
        raise ConfigError(f"study {study.name!r} is of a table, and `folder` is for programs", "leave it out")


def _check_imported(study: Study, given: dict[str, Any]) -> None:
    """ConfigError unless there is code that trains the trials of an imported study."""
    if (given["command"] is None) == (not callable(given["data"])):
        raise ConfigError(
            f"study {study.name!r} was imported from Optuna, and needs the code that trains its trials",
            f"caviar.resume({study.name!r}, data=objective, trials=100) with a function of yours, "
            f'or caviar resume {shlex.quote(study.name)} --command "python train.py" --trials 100',
        )
    _check_of_a_table(study, given | ({} if given["command"] is None else {"data": None}))


def _check_of_a_table(study: Study, given: dict[str, Any]) -> None:
    """ConfigError where something is ``given`` to a study of a program that only a table's can use."""
    names = ["test", "labels", "test_labels", "threads", "out"]
    if study.spec.kind is StudyKind.PROGRAM:  # a function is given again as data
        names.append("data")
    of_a_table = [name for name in names if given.get(name) is not None]
    if of_a_table:
        raise ConfigError(
            f"the trials of study {study.name!r} are processes of a program, and `{of_a_table[0]}` is for tables",
            "leave it out" if of_a_table[0] != "threads" else "give `processes` instead",
        )
    if given["folder"] is not None and study.spec.kind is not StudyKind.PROGRAM and given["command"] is None:
        raise ConfigError(
            f"study {study.name!r} is of a function, and `folder` is for programs",
            "leave it out, and start Python in that folder",
        )


def check_same(study: Study, job: TableJob) -> None:
    """DataError unless the data is what it was, and split as it was."""
    if job.dataset.facts["sha256"] != study.data["sha256"]:
        raise DataError(
            f"the data of study {study.name!r} has changed since it began, or an earlier version of caviar read it "
            "otherwise",
            "put the old file back; or begin a new study with the new one, by caviar tune",
        )
    check_arranged(f"study {study.name!r}", study.data, job.dataset)
