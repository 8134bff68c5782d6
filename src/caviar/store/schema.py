"""Tables of studies, trials and measurements, and of the processes that write to studies and runs.

    meta          one row: the version of this schema, and a random name of this store
    studies       one row a study
    trials        one row a trial or repeat        (study, number, repeat)
    measurements  one row an epoch of a trial      (study, number, repeat, epoch)
    comparisons   one row a rung of a trial        (study, number, repeat, epoch)
    boxes         one row a box of the search      (study, number)
    snapshots     one row a file of saved state    (study, number, repeat, epoch)
    leases        one row a process that wrote to a study or a run
    claims        one row a task that was taken    (study, number, repeat, to_epoch)

The tables of runs are in run_tables.py.

Only types and constraints that SQLite and PostgreSQL share. Numbers come back as the bits that went in. A change of a
table counts VERSION up and needs a migration: store/migrations/__init__.py says how.
"""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, UserDefinedType

from caviar.records.config import as_config

VERSION = 6
"""Counts up with every change of a table; a store of an older version is migrated, a newer one refused."""

NAN_TEXT = "NaN"
"""The stand-in for NaN on SQLite, which silently turns the number itself into NULL."""


class _Untouched(UserDefinedType[Any]):
    """A SQLite column without a numeric affinity: REAL would read -0.0 back as 0.0."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "BLOB"


class ExactFloat(TypeDecorator[float]):
    """A float that comes back as it was: NaN, infinities and -0.0 included, and NULL is None."""

    impl = sa.Double
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:  # noqa: D102 - SQLAlchemy's name
        return dialect.type_descriptor(_Untouched() if dialect.name == "sqlite" else sa.Double())

    def process_bind_param(self, value: float | None, dialect: sa.Dialect) -> Any:  # noqa: D102
        if value is None:
            return None
        return NAN_TEXT if dialect.name == "sqlite" and math.isnan(value) else float(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> float | None:  # noqa: D102
        return None if value is None else float(value)


class Seed(TypeDecorator[int]):
    """A seed of 64 bits without a sign, which databases' integers do not hold: kept as decimal digits."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> str | None:  # noqa: D102
        return None if value is None else str(int(value))

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> int | None:  # noqa: D102
        return None if value is None else int(value)


class ConfigJson(TypeDecorator[dict[str, Any]]):
    """A config, whose tuples JSON makes lists of."""

    impl = sa.JSON
    cache_ok = True

    def process_result_value(self, value: dict[str, Any] | None, dialect: sa.Dialect) -> Any:  # noqa: D102
        return None if value is None else as_config(value)


METADATA = sa.MetaData()


def columns(kind: type[sa.types.TypeEngine[Any]], *names: str) -> list[sa.Column[Any]]:
    """Columns of one type that hold no NULL."""
    return [sa.Column(name, kind, nullable=False) for name in names]


def _key(*names: str) -> list[sa.Column[Any]]:
    """Columns of a primary key of trials and their epochs, whose ``number`` is long."""
    return [sa.Column(name, sa.BigInteger if name == "number" else sa.Integer, primary_key=True) for name in names]


def _of_epochs(name: str, *numbers: str) -> sa.Table:
    """A table with a row an epoch of a trial, and ``numbers`` that were measured there."""
    return sa.Table(
        name,
        METADATA,
        *_key("study", "number", "repeat", "epoch"),
        *columns(ExactFloat, *numbers),
        sa.ForeignKeyConstraint(["study", "number", "repeat"], ["trials.study", "trials.number", "trials.repeat"]),
        sqlite_with_rowid=False,
    )


META = sa.Table(
    "meta",
    METADATA,
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("identity", sa.Text, nullable=False, server_default=""),
)

STUDIES = sa.Table(
    "studies",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    *columns(sa.Text, "name"),
    *columns(Seed, "seed"),
    *columns(sa.Text, "metric", "search"),
    *columns(sa.JSON, "space", "spec", "data", "environment"),
    *columns(sa.Text, "state", "created"),
    sa.Column("ended", sa.Text),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("progress", sa.JSON(none_as_null=True)),
    sa.UniqueConstraint("name").ddl_if(dialect="sqlite"),
)
# An entry of PostgreSQL's index holds at most 2,700 bytes, and a name may be longer.
sa.Index("studies_name", sa.func.md5(STUDIES.c.name), unique=True).ddl_if(dialect="postgresql")

TRIALS = sa.Table(
    "trials",
    METADATA,
    sa.Column("study", sa.ForeignKey("studies.id"), primary_key=True),
    *_key("number", "repeat"),
    *columns(ConfigJson, "config"),
    *columns(sa.Text, "state"),
    *columns(sa.Integer, "epochs"),
    sa.Column("score", ExactFloat),
    sa.Column("validation_loss", ExactFloat),
    sa.Column("origin", sa.Text, nullable=False, server_default=""),
    sa.Column("error", sa.Text),
    sa.Column("began", ExactFloat),  # seconds since 1970
    sa.Column("ended", ExactFloat),
    sa.Column("attributes", sa.JSON(none_as_null=True)),
    sqlite_with_rowid=False,  # kept in the order of the key, which is the order of reading
)

MEASUREMENTS = _of_epochs(
    "measurements", "train_loss", "validation_loss", "validation_accuracy", "score", "learning_rate", "seconds"
)

# What measurements say too, at the epochs of decisions alone: a study that is taken up again reads a twentieth of it.
COMPARISONS = _of_epochs("comparisons", "smoothed", "score", "loss", "seconds")

BOXES = sa.Table(
    "boxes",
    METADATA,
    sa.Column("study", sa.ForeignKey("studies.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    *columns(sa.BigInteger, "first_trial"),
    *columns(sa.JSON, "ranges"),
    *columns(sa.Text, "reason"),
    sqlite_with_rowid=False,
)

SNAPSHOTS = sa.Table(
    "snapshots",
    METADATA,
    sa.Column("study", sa.ForeignKey("studies.id"), primary_key=True),
    *_key("number", "repeat", "epoch"),
    *columns(sa.Text, "path", "sha256"),
    *columns(sa.BigInteger, "size"),
    sqlite_with_rowid=False,
)

LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study", sa.ForeignKey("studies.id")),
    sa.Column("run", sa.ForeignKey("runs.id")),
    *columns(sa.Integer, "fence"),
    *columns(sa.JSON, "identity"),
    *columns(sa.Text, "token"),
    *columns(sa.BigInteger, "beats"),
    *columns(sa.Text, "state"),
    sa.Column("helps", sa.Integer),
    sa.UniqueConstraint("study", "fence"),
    sa.UniqueConstraint("run", "fence"),
    sa.CheckConstraint("(study IS NULL) <> (run IS NULL)"),
)

CLAIMS = sa.Table(
    "claims",
    METADATA,
    *_key("study", "number", "repeat", "to_epoch"),
    *columns(sa.Integer, "fence"),
    sa.ForeignKeyConstraint(["study", "fence"], ["leases.study", "leases.fence"]),
    sqlite_with_rowid=False,
)

OF_A_STUDY = (CLAIMS, LEASES, SNAPSHOTS, BOXES, COMPARISONS, MEASUREMENTS, TRIALS)
"""Every table with rows of a study, in the order in which they can be deleted; a new one goes in here."""
