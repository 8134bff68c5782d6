"""The store: studies, their trials and what every epoch measured, in one database."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from caviar.errors import StoreError
from caviar.records import (
    Box,
    Comparison,
    Config,
    Curve,
    Intervention,
    InterventionState,
    Lease,
    Measurement,
    Standing,
    Study,
    StudyResult,
    StudySpec,
    StudyState,
    TaskKey,
    Trial,
    TrialState,
)
from caviar.records.names import visible
from caviar.store import claims, interventions, paths, studies
from caviar.store.backends.memory import Memory
from caviar.store.claims import Assigned, Result
from caviar.store.delivery import STORE_PATIENCE, Delivery
from caviar.store.lease import Leases, beat
from caviar.store.schema import STUDIES, TRIALS
from caviar.store.studies import MEASURES, Times
from caviar.store.subjects import Subjects
from caviar.store.taking_up import take_up_kept
from caviar.store.transactions import Transactions, opened

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

DEFAULT_URL = "sqlite:///caviar.db"


class Store(AbstractContextManager["Store"]):
    """One open store: ``with Store.open("caviar.db") as store: ...``.

    Every method is one transaction. Any number of processes may use a store at the same time; a process keeps one
    Store open on it, for all of its threads, and none across a fork.
    """

    def __init__(self, transactions: Transactions) -> None:
        """Use Store.open, which checks what it opens."""
        self.transactions = transactions
        self.database = transactions.database
        self.url = self.database.url
        """For people and summaries: stars in the place of a password."""
        self.subjects = Subjects(transactions, "study")
        """The names and numbers of studies."""
        self.leases = Leases(self.subjects)
        """The leases of studies: of their owners and helpers."""

    @classmethod
    def open(
        cls, url: str | os.PathLike[str] | None = DEFAULT_URL, create: bool = True, read_only: bool = False
    ) -> Self:
        """Open the store at ``url``: a path, ``sqlite:///path`` or ``postgresql+psycopg://user:password@host/name``.

        None, or ``memory://``, is a new store in memory, which is gone with its files when it is closed. ``create``
        makes a store where there is none. A store of an older version is migrated, on SQLite after a copy of it was
        kept. Through one that is ``read_only`` nothing can be written, and an older one is refused. Raises StoreError
        where any of that fails, and changes nothing then.
        """
        return cls(opened(None if url is None else os.fspath(url), create and not read_only, read_only))

    @classmethod
    def of_image(cls, image: bytes) -> Self:
        """Open a copy in memory of the store that was in memory when ``image`` was made."""
        store = cls(opened(None, True))
        assert isinstance(store.database, Memory)
        store.database.load(image)
        return store

    def image(self) -> bytes:
        """All rows of this store, which is in memory; files of saved states and trials are left out."""
        assert isinstance(self.database, Memory)
        return self.database.image()

    def close(self) -> None:
        """Close the connection; what was written is safe already, except in memory."""
        self.transactions.closed.set()
        self.database.close()

    def __exit__(self, *_: object) -> None:
        """Close the store, whatever was raised."""
        self.close()

    def delivery(self, lease: Lease, patience: float = STORE_PATIENCE) -> Delivery:
        """The way to the store for the owner of a study; what its last owner could not deliver is written first."""
        write = partial(self.write, lease.name, lease=lease)
        take_up_kept(self.leases, lease, write)
        return Delivery(self.leases, lease, write, patience)

    def create_study(
        self,
        study: Study,
        trials: Sequence[Trial] = (),
        measurements: Sequence[tuple[int, int, Measurement]] = (),
        numbered: bool = False,
        check: Callable[[str], object] = lambda name: None,
        at: Mapping[tuple[int, int], Times] | None = None,
    ) -> Study:
        """Write a new study with the trials that it begins with; the study with the name that it has.

        NameTaken if one of its name is there, also where two processes do it at once; unless it may be ``numbered``.
        ``check`` gets the name before anything is written, and may raise. ``at`` has the times of trials.
        """

        def write(connection: sa.Connection, number: int) -> None:
            studies.write_trials(self.database, connection, number, trials, measurements, at=at)

        row = studies.study_row(self.database, study)
        return replace(study, name=self.subjects.create(row, numbered, check, write))

    def write(
        self,
        study: str,
        trials: Sequence[Trial] = (),
        measurements: Sequence[tuple[int, int, Measurement]] = (),
        boxes: Sequence[Box] = (),
        claims_done: Sequence[TaskKey] = (),
        lease: Lease | None = None,
        comparisons: Sequence[tuple[int, int, Comparison]] = (),
        progress: Mapping[str, Any] | None = None,
        at: Mapping[tuple[int, int], Times] | None = None,
    ) -> None:
        """Write all of this or nothing: ``trials`` and ``boxes``, new or changed, and (number, repeat, measurement).

        ``comparisons`` go with their trials in the same way. ``progress`` takes the place of the study's last one.
        ``at`` has the times of trials.

        ``claims_done`` are the tasks that the process of ``lease`` need not hold any more; a write is also one of its
        beats. Raises StoreError if an epoch has been measured before, or its trial is in neither the store nor
        ``trials``; Fenced if the lease was declared lost.
        """
        try:
            with self._writing(study, lease) as (connection, number):
                studies.write_trials(self.database, connection, number, trials, measurements, comparisons, at)
                studies.write_boxes(self.database, connection, number, boxes)
                claims.done(connection, number, lease, claims_done)
                if progress is not None:
                    connection.execute(STUDIES.update().where(STUDIES.c.id == number).values(progress=progress))
        except sa.exc.IntegrityError as error:
            said = " ".join(str(error.orig).split())
            raise StoreError(
                f"study {visible(study)!r} has these epochs already, or not their trials ({said})",
                "if another process is writing to this study, end it",
            ) from error

    def finish_study(
        self,
        name: str,
        state: StudyState,
        result: StudyResult | None,
        ended: str,
        lease: Lease | None = None,
    ) -> None:
        """Write how study ``name`` ended; a trial that was still running was interrupted by that."""
        with self._writing(name, lease) as (connection, number):
            ending = STUDIES.update().where(STUDIES.c.id == number)
            connection.execute(
                ending.values(
                    state=str(state), result=result and paths.kept(result.to_record(), self.database), ended=ended
                )
            )
            running = TRIALS.update().where(TRIALS.c.study == number, TRIALS.c.state == str(TrialState.RUNNING))
            connection.execute(running.values(state=str(TrialState.INTERRUPTED)))

    def reopen_study(self, name: str, spec: StudySpec | None = None, lease: Lease | None = None) -> None:
        """Let study ``name`` go on, with a new budget in ``spec`` if one is given; its result stays until the next."""
        with self._writing(name, lease) as (connection, number):
            fresh: dict[str, Any] = {"state": str(StudyState.RUNNING), "ended": None, "progress": None}
            there = studies.spec(self.database, connection, number)
            spec = interventions.taken_up(spec or there, there)
            fresh["spec"] = paths.kept(spec.to_record(), self.database)
            connection.execute(STUDIES.update().where(STUDIES.c.id == number).values(fresh))

    def enqueue(self, name: str, config: Config, who: str = "", because: str = "") -> int:
        """Have ``config`` tried as one of the next trials of study ``name``; the number of those that wait."""
        with self._writing(name, None) as (connection, number):
            return interventions.enqueue(self.database, connection, number, config, who, because)

    def intervene(
        self, name: str, kind: str, arguments: Mapping[str, Any], who: str = "", because: str = ""
    ) -> Intervention:
        """Write an intervention, which the process of study ``name`` carries out or refuses; a resume is done."""
        with self._writing(name, None) as (connection, number):
            return interventions.intervene(self.database, connection, number, kind, arguments, who, because)

    def answer(
        self, lease: Lease, number: int, state: InterventionState, outcome: str, tick: int | None = None
    ) -> None:
        """Write what came of intervention ``number``, at which tick, unless that is written. Fenced as ``assign``."""
        with self._writing(lease.name, lease) as (connection, study):
            interventions.answer(self.database, connection, study, number, state, outcome, tick)

    def spec(self, name: str) -> StudySpec:
        """The specification of study ``name`` as it stands: with what people have asked of it."""
        with self.subjects.reading(name) as (connection, number):
            return studies.spec(self.database, connection, number)

    def join_helper(self, study: str, threads: int) -> Lease:
        """Make this process a helper of ``study``; StoreError where no other process owns it."""
        with self.subjects.writing(study) as (connection, number):
            return claims.join(connection, number, study, threads)

    def assign(self, owner: Lease, work: Mapping[int, Sequence[TaskKey]]) -> dict[int, list[TaskKey]]:
        """Claim tasks for helpers, by their fences; those that each of them now holds, none if it is over.

        Raises Fenced if the owner was declared lost. The trials of the tasks are in the store already.
        """
        with self._writing(owner.name, owner) as (connection, number):
            return {fence: claims.claim(connection, number, fence, tasks) for fence, tasks in work.items()}

    def take_back(self, owner: Lease, tasks: Sequence[TaskKey]) -> None:
        """Free ``tasks`` of their claims: no result of theirs is taken from here on. Raises Fenced as ``assign``."""
        with self._writing(owner.name, owner) as (connection, number):
            claims.done(connection, number, None, tasks)

    def handed_in(self, study: str, tasks: Sequence[TaskKey]) -> list[Result]:
        """Of ``tasks`` that were assigned, those that are held no more, with what the store has of their trials."""
        with self.subjects.reading(study) as (connection, number):
            return claims.results(connection, number, tasks)

    def assigned(self, helper: Lease) -> list[Assigned]:
        """The tasks that ``helper`` holds."""
        with self.subjects.reading(helper.name) as (connection, number):
            return claims.assigned(connection, number, helper.fence)

    def hand_in(self, helper: Lease, results: Sequence[Result], given_back: Sequence[TaskKey] = ()) -> list[TaskKey]:
        """Write the results that ``helper`` still holds, and give the other tasks back; the tasks that were taken.

        Raises Fenced if the helper was declared lost.
        """
        with self._writing(helper.name, helper) as (connection, number):
            taken = claims.still_held(connection, number, helper, results)
            measured = [(r.trial.number, r.trial.repeat, m) for r in taken for m in r.measurements]
            studies.write_trials(self.database, connection, number, [result.trial for result in taken], measured)
            done = [result.task for result in taken]
            claims.done(connection, number, helper, [*done, *given_back])
            return done

    def boxes(self, study: str) -> list[Box]:
        """The boxes that ``study`` has drawn from, the first one first."""
        with self.subjects.reading(study) as (connection, number):
            return studies.boxes(connection, number)

    def free_name(self, name: str) -> str:
        """``name`` if no study has it yet, else the first free one of name-2, name-3, ..."""
        return self.subjects.free_name(name)

    def studies(self) -> list[Study]:
        """All studies, oldest first."""
        with self.transactions.reading() as connection:
            return studies.studies(self.database, connection)

    def retests(self, of: str) -> list[Study]:
        """The studies that test the answer of the study ``of`` again, the oldest first."""
        with self.transactions.reading() as connection:
            return studies.retests(self.database, connection, of)

    def study(self, name: str) -> Study:
        """The study ``name``; StoreError with 'did you mean' if there is none."""
        with self.subjects.reading(name) as (connection, number):
            return studies.studies(self.database, connection, number)[0]

    def trial_counts(self) -> dict[str, dict[TrialState, int]]:
        """The trials of every study by state, repeats left out."""
        with self.transactions.reading() as connection:
            return studies.trial_counts(connection)

    def trials(self, name: str, numbers: Collection[int] | None = None) -> list[Trial]:
        """The trials ``numbers`` of study ``name``, all by default, by number, each followed by its repeats."""
        with self.subjects.reading(name) as (connection, number):
            return studies.trials(connection, number, numbers)

    def standings(self, name: str) -> list[Standing]:
        """The trials of study ``name`` without their configs, by number, each followed by its repeats."""
        with self.subjects.reading(name) as (connection, number):
            return studies.standings(connection, number)

    def times(self, name: str) -> dict[tuple[int, int], Times]:
        """The times at which the trials of study ``name`` began and ended, by (number, repeat)."""
        with self.subjects.reading(name) as (connection, number):
            return studies.times(connection, number)

    def measurements(self, name: str) -> list[tuple[int, int, Measurement]]:
        """The measurements of study ``name``, as (number, repeat, measurement), in the order of trials and epochs."""
        with self.subjects.reading(name) as (connection, number):
            return studies.measurements(self.database, connection, number)

    def points(
        self,
        name: str,
        numbers: Collection[int] | None = None,
        epochs: Collection[int] | None = None,
        measures: Sequence[str] = MEASURES,
    ) -> npt.NDArray[np.float64]:
        """The curves of study ``name``: columns of numbers, epochs, and ``measures``, a row an epoch of a trial.

        Of these trials at these epochs, all by default; repeats are left out.
        """
        with self.subjects.reading(name) as (connection, number):
            return studies.points(self.database, connection, number, numbers, epochs, measures)

    def comparisons(self, name: str) -> list[tuple[int, int, Comparison]]:
        """The comparisons of study ``name``, as (number, repeat, comparison), in the order of trials and epochs."""
        with self.subjects.reading(name) as (connection, number):
            return studies.comparisons(self.database, connection, number)

    def curves(self, name: str, numbers: Collection[int] | None = None) -> dict[tuple[int, int], Curve]:
        """The measurements of study ``name`` that its decisions depend on, by (number, repeat).

        ``numbers`` are those of the trials that are asked for, all by default. Raises StoreError where a trial lacks an
        epoch before its last one; a program's may.
        """
        with self.subjects.reading(name) as (connection, number):
            return studies.curves(self.database, connection, number, numbers)

    def trials_frame(self, name: str, for_file: bool = False) -> pd.DataFrame:
        """The trials of study ``name`` as a table: a row a trial or repeat, a column a hyperparameter.

        ``for_file`` writes None and tuples as texts.
        """
        return studies.frame(self.trials(name), for_file=for_file, at=self.times(name))

    @contextmanager
    def _writing(self, study: str, of: Lease | None) -> Iterator[tuple[sa.Connection, int]]:
        """A writing transaction, which is a beat of the lease ``of`` where there is one, and the study's number."""
        with self.subjects.writing(study) as (connection, number):
            if of is not None:
                beat(connection, "study", number, of)
            yield connection, number
