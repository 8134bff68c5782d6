"""Tables of runs: their measurements, interventions, snapshots and diaries; and the making of all tables.

    runs               one row a nursed network or training loop
    run_measurements   one row a measurement              (run, number)
    run_interventions  one row an intervention            (run, number)
    run_snapshots      one row a saved state              (run, number)
    run_diary          one row an entry                   (run, number)

``tick``, ``step``, ``epoch`` and ``take`` are those of records.Clock.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from caviar.store.schema import LEASES, META, METADATA, VERSION, ExactFloat, Seed

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("seed", Seed, nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("environment", sa.JSON, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("parent", sa.ForeignKey("runs.id")),
    sa.Column("parent_snapshot", sa.Integer),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("ended", sa.Text),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("progress", sa.JSON(none_as_null=True)),
)


def _of_a_run(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        METADATA,
        sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        *columns,
        sqlite_with_rowid=False,
    )


def _clock() -> list[sa.Column[Any]]:
    return [
        sa.Column("tick", sa.BigInteger, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("take", sa.Integer, nullable=False),
    ]


RUN_MEASUREMENTS = _of_a_run("run_measurements", *_clock(), sa.Column("values", sa.JSON, nullable=False))

RUN_INTERVENTIONS = _of_a_run(
    "run_interventions",
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("written", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("tick", sa.BigInteger),
)

RUN_SNAPSHOTS = _of_a_run(
    "run_snapshots",
    *_clock(),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("loss", ExactFloat),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)

RUN_DIARY = _of_a_run(
    "run_diary",
    *_clock(),
    sa.Column("written", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
)

OF_A_RUN = (LEASES, RUN_MEASUREMENTS, RUN_INTERVENTIONS, RUN_SNAPSHOTS, RUN_DIARY)
"""Every table with rows of a run, in an order in which they can be deleted."""


def create(connection: sa.Connection) -> None:
    """Make all tables, those of studies too, in the transaction of ``connection``."""
    METADATA.create_all(connection)
    connection.execute(META.insert().values(schema_version=VERSION, identity=secrets.token_hex(8)))
