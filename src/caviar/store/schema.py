"""The tables: what is remembered of studies, trials and measurements.

    meta          one row: the version of this schema
    studies       one row a study
    trials        one row a trial or repeat        (study, number, repeat)
    measurements  one row an epoch of a trial      (study, number, repeat, epoch)

Only types and constraints that SQLite and PostgreSQL share. Numbers come back as the bits that went in.
"""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, UserDefinedType

VERSION = 1
"""Counts up with every change of a table; a store of a newer version is refused."""

NAN_TEXT = "NaN"
"""How a NaN is kept on SQLite, which turns the number itself into NULL without a word."""


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


METADATA = sa.MetaData()

META = sa.Table("meta", METADATA, sa.Column("schema_version", sa.Integer, nullable=False))

STUDIES = sa.Table(
    "studies",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("seed", Seed, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("search", sa.Text, nullable=False),
    sa.Column("space", sa.JSON, nullable=False),
    sa.Column("budget", sa.JSON, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("environment", sa.JSON, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("ended", sa.Text),
    sa.Column("result", sa.JSON(none_as_null=True)),
)

TRIALS = sa.Table(
    "trials",
    METADATA,
    sa.Column("study", sa.ForeignKey("studies.id"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("repeat", sa.Integer, primary_key=True),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("epochs", sa.Integer, nullable=False),
    sa.Column("score", ExactFloat),
    sa.Column("validation_loss", ExactFloat),
    sqlite_with_rowid=False,  # kept in the order of the key, which is the order of reading
)

MEASUREMENTS = sa.Table(
    "measurements",
    METADATA,
    sa.Column("study", sa.Integer, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("repeat", sa.Integer, primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("train_loss", ExactFloat, nullable=False),
    sa.Column("validation_loss", ExactFloat, nullable=False),
    sa.Column("validation_accuracy", ExactFloat, nullable=False),
    sa.Column("score", ExactFloat, nullable=False),
    sa.Column("learning_rate", ExactFloat, nullable=False),
    sa.Column("seconds", ExactFloat, nullable=False),
    sa.ForeignKeyConstraint(["study", "number", "repeat"], ["trials.study", "trials.number", "trials.repeat"]),
    sqlite_with_rowid=False,
)
