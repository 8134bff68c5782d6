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

from caviar.store.schema import LEASES, META, METADATA, VERSION, ConfigJson, ExactFloat, Seed, columns

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    *columns(sa.Text, "kind"),
    *columns(Seed, "seed"),
    *columns(sa.JSON, "request"),
    *columns(ConfigJson, "config"),
    *columns(sa.JSON, "data", "environment"),
    *columns(sa.Text, "created"),
    sa.Column("parent", sa.ForeignKey("runs.id")),
    sa.Column("parent_snapshot", sa.Integer),
    *columns(sa.Text, "state"),
    sa.Column("ended", sa.Text),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("progress", sa.JSON(none_as_null=True)),
)


def _of_a_run(name: str, *others: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        METADATA,
        sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        *others,
        sqlite_with_rowid=False,
    )


def _clock() -> list[sa.Column[Any]]:
    return [*columns(sa.BigInteger, "tick", "step"), *columns(sa.Integer, "epoch", "take")]


RUN_MEASUREMENTS = _of_a_run("run_measurements", *_clock(), *columns(sa.JSON, "values"))

RUN_INTERVENTIONS = _of_a_run(
    "run_interventions",
    *columns(sa.Text, "kind"),
    *columns(sa.JSON, "arguments"),
    *columns(sa.Text, "who", "because", "written", "state", "outcome"),
    sa.Column("tick", sa.BigInteger),
)

RUN_SNAPSHOTS = _of_a_run(
    "run_snapshots",
    *_clock(),
    *columns(sa.Text, "reason"),
    sa.Column("loss", ExactFloat),
    *columns(sa.Text, "path", "sha256"),
    *columns(sa.BigInteger, "size"),
    *columns(sa.Text, "created", "state"),
)

RUN_DIARY = _of_a_run(
    "run_diary", *_clock(), *columns(sa.Text, "written", "kind", "who", "text"), *columns(sa.JSON, "facts")
)

OF_A_RUN = (LEASES, RUN_MEASUREMENTS, RUN_INTERVENTIONS, RUN_SNAPSHOTS, RUN_DIARY)
"""Every table with rows of a run, in an order in which they can be deleted."""


def create(connection: sa.Connection) -> None:
    """Make all tables, those of studies too, in the transaction of ``connection``."""
    METADATA.create_all(connection)
    connection.execute(META.insert().values(schema_version=VERSION, identity=secrets.token_hex(8)))
