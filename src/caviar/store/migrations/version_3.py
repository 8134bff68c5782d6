"""The panda: runs, their measurements, orders, snapshots and diaries."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Five tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("seed", sa.String, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("environment", sa.JSON, nullable=False),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("parent", sa.Integer, sa.ForeignKey("runs.id")),
        sa.Column("parent_snapshot", sa.Integer),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("result", sa.JSON),
        sa.Column("keeper", sa.JSON),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("beats", sa.BigInteger, nullable=False),
        sa.Column("progress", sa.JSON),
    )
    _of_a_run("run_measurements", *_clock(), sa.Column("values", sa.JSON, nullable=False))
    _of_a_run(
        "run_orders",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("written", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("tick", sa.BigInteger),
    )
    _of_a_run(
        "run_snapshots",
        *_clock(),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("merit", sa.Double().with_variant(sa.BLOB(), "sqlite")),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    _of_a_run(
        "run_diary",
        *_clock(),
        sa.Column("written", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
    )


def _of_a_run(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
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
