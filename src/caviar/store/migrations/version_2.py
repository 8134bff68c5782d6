"""Resuming and sharing a study: boxes, snapshots, workers and claims; where a trial came from and why it failed."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Two columns of trials, four tables, and a random name of the store."""
    op.add_column("meta", sa.Column("identity", sa.Text, nullable=False, server_default=""))
    op.execute(sa.text("UPDATE meta SET identity = :identity").bindparams(identity=secrets.token_hex(8)))
    op.add_column("trials", sa.Column("origin", sa.Text, nullable=False, server_default=""))
    op.add_column("trials", sa.Column("error", sa.Text))
    op.create_table(
        "boxes",
        sa.Column("study", sa.Integer, sa.ForeignKey("studies.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("first_trial", sa.BigInteger, nullable=False),
        sa.Column("ranges", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "snapshots",
        sa.Column("study", sa.Integer, sa.ForeignKey("studies.id"), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workers",
        sa.Column("study", sa.Integer, sa.ForeignKey("studies.id"), primary_key=True),
        sa.Column("fence", sa.Integer, primary_key=True),
        sa.Column("identity", sa.JSON, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("beats", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "claims",
        sa.Column("study", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("to_epoch", sa.Integer, primary_key=True),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["study", "fence"], ["workers.study", "workers.fence"]),
        sqlite_with_rowid=False,
    )
