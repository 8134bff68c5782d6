"""Comparisons: what a study that is taken up again decides by. Those of older studies are made when they are needed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """One table."""
    op.create_table(
        "comparisons",
        sa.Column("study", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        *[_exact_float(name) for name in ("merit", "score", "loss", "seconds")],
        sa.ForeignKeyConstraint(["study", "number", "repeat"], ["trials.study", "trials.number", "trials.repeat"]),
        sqlite_with_rowid=False,
    )


def _exact_float(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double().with_variant(sa.BLOB(), "sqlite"), nullable=False)
