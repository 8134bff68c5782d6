"""Operations that studies and runs of a store share: names, numbers, transactions, interruption, deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import sqlalchemy as sa

from caviar.errors import NameTaken, NotThere, StoreError, did_you_mean
from caviar.records import LeaseState, StudyState, TrialState
from caviar.records.names import PARAMETERS, Kind, check_storable, visible
from caviar.store.places import Place, place_of, with_place
from caviar.store.run_tables import OF_A_RUN, RUNS
from caviar.store.schema import LEASES, META, OF_A_STUDY, STUDIES, TRIALS
from caviar.store.transactions import Transactions

_TABLES: dict[Kind, tuple[sa.Table, tuple[sa.Table, ...]]] = {"study": (STUDIES, OF_A_STUDY), "run": (RUNS, OF_A_RUN)}


@dataclass(frozen=True)
class Subjects:
    """All studies, or all runs, of an open store. Every method is one transaction."""

    transactions: Transactions
    kind: Kind

    @property
    def table(self) -> sa.Table:
        """The table with a row for each of them."""
        return _TABLES[self.kind][0]

    @contextmanager
    def reading(self, name: str) -> Iterator[tuple[sa.Connection, int]]:
        """A reading transaction, and the number of ``name``."""
        with self.transactions.reading() as connection:
            yield connection, self._number(connection, name)

    @contextmanager
    def writing(self, name: str) -> Iterator[tuple[sa.Connection, int]]:
        """A writing transaction, which holds up other writers to ``name``, and the number of ``name``."""
        with self.transactions.writing() as connection:
            yield connection, self._number(connection, name, lock=True)

    def create(
        self,
        row: dict[str, Any],
        numbered: bool = False,
        check: Callable[[str], object] = lambda name: None,
        write: Callable[[sa.Connection, int], None] = lambda connection, number: None,
    ) -> str:
        """Insert ``row``, with a place for its files; the name that it has then.

        Where the name is taken, even at the same moment, it is numbered if it may be ``numbered``; else NameTaken.
        ``check`` gets the name before anything is written, and may raise. What ``write`` writes is of the same
        transaction.
        """
        check_storable(self.kind, row["name"])
        while True:
            name = self.free_name(row["name"]) if numbered else row["name"]
            check(name)
            try:
                with self.transactions.writing() as connection:
                    store = str(connection.scalar(sa.select(META.c.identity)))
                    placed = with_place(row["environment"], self.transactions.database, store)
                    fresh = row | {"name": name, "state": str(row["state"]), "environment": placed}
                    connection.execute(self.table.insert(), fresh)
                    write(connection, self._number(connection, name))
                return name
            except sa.exc.IntegrityError:
                if name not in self.names():
                    raise
                if not numbered:  # else another process was quicker
                    raise NameTaken(
                        f"the store has a {self.kind} {visible(name)!r} already",
                        f"name this one otherwise: `{PARAMETERS[self.kind]}={visible(self.free_name(name))!r}`; "
                        f"or go on with the one that is there: caviar resume {visible(name)}",
                    ) from None

    def number(self, name: str) -> int:
        """The number of ``name``; StoreError with 'did you mean' if there is no such name."""
        with self.reading(name) as (_, number):
            return number

    def place(self, name: str) -> Place:
        """Where the files of ``name`` are."""
        with self.reading(name) as (connection, number):
            return self._place(connection, number)

    def places(self) -> tuple[str, list[Place]]:
        """The random name of the store, and where the files of all of them are."""
        with self.transactions.reading() as connection:
            store = str(connection.scalar(sa.select(META.c.identity)))
            rows = connection.execute(sa.select(self.table.c.id, self.table.c.environment)).all()
        return store, [place_of(row.environment, row.id) for row in rows]

    def names(self) -> dict[str, int]:
        """All of them, oldest first, with their numbers."""
        with self.transactions.reading() as connection:
            rows = connection.execute(sa.select(self.table.c.name, self.table.c.id).order_by(self.table.c.id)).all()
        return {row.name: row.id for row in rows}

    def free_name(self, name: str) -> str:
        """``name`` if it is free, else the first free one of name-2, name-3, ..."""
        taken = self.names()
        return next(free for free in chain([name], (f"{name}-{n}" for n in count(2))) if free not in taken)

    def interrupt(self, name: str, ended: str) -> bool:
        """End ``name`` without a result, as interrupted; False, and nothing is changed, where a process holds it."""
        with self.writing(name) as (connection, number):
            if self._is_held(connection, number):
                return False
            values = {"state": str(StudyState.INTERRUPTED), "ended": ended}
            connection.execute(self.table.update().where(self.table.c.id == number).values(values))
            if self.kind == "study":
                running = TRIALS.update().where(TRIALS.c.study == number, TRIALS.c.state == str(TrialState.RUNNING))
                connection.execute(running.values(state=str(TrialState.INTERRUPTED)))
        return True

    def delete(self, name: str) -> Place:
        """Delete ``name`` with all of its rows, and return where its files are, which are left (see doctor.delete).

        Raises StoreError while a process holds it, or while a run has branches.
        """
        table, belongings = _TABLES[self.kind]
        with self.writing(name) as (connection, number):
            if self._is_held(connection, number):
                raise StoreError(
                    f"{self.kind} {visible(name)!r} has a process that works on it",
                    "end that first; caviar doctor shows which it is",
                )
            if self.kind == "run":
                branches = list(connection.scalars(sa.select(RUNS.c.name).where(RUNS.c.parent == number)))
                if branches:
                    raise StoreError(
                        f"run {name!r} has branches that began from its snapshots: {', '.join(branches[:5])}",
                        f"delete these first: caviar delete {branches[0]}",
                    )
            place = self._place(connection, number)
            for belonging in belongings:
                connection.execute(belonging.delete().where(belonging.c[self.kind] == number))
            connection.execute(table.delete().where(table.c.id == number))
        return place

    def _place(self, connection: sa.Connection, number: int) -> Place:
        environment = connection.scalar(sa.select(self.table.c.environment).where(self.table.c.id == number))
        return place_of(environment or {}, number)

    def _is_held(self, connection: sa.Connection, number: int) -> bool:
        held = LEASES.c[self.kind] == number, LEASES.c.state == str(LeaseState.HELD)
        return bool(connection.scalar(sa.select(sa.func.count()).select_from(LEASES).where(*held)))

    def _number(self, connection: sa.Connection, name: str, lock: bool = False) -> int:
        check_storable(self.kind, name)
        query = sa.select(self.table.c.id).where(self.table.c.name == name)
        number = connection.scalar(query.with_for_update(key_share=True) if lock else query)
        if number is None:
            known = [visible(known) for known in connection.scalars(sa.select(self.table.c.name))]
            raise NotThere(f"the store has no {self.kind} {visible(name)!r}", did_you_mean(visible(name), known))
        return int(number)
