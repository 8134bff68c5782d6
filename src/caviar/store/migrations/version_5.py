"""One lease for studies and runs; the progress of studies; the field's names for columns."""

from __future__ import annotations

import json
import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Change one group of tables after another."""
    _studies()
    _comparisons()
    _snapshots()
    _interventions()
    _leases()


def _studies() -> None:
    op.add_column("studies", sa.Column("progress", sa.JSON))


def _comparisons() -> None:
    op.alter_column("comparisons", "merit", new_column_name="smoothed")


def _snapshots() -> None:
    op.alter_column("snapshots", "bytes", new_column_name="size")
    op.alter_column("run_snapshots", "merit", new_column_name="loss")


def _interventions() -> None:
    op.rename_table("run_orders", "run_interventions")


def _leases() -> None:
    """Gather the workers of studies and the keepers of runs in one table, to which claims then refer."""
    op.rename_table("claims", "old_claims")
    leases = op.create_table(
        "leases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study", sa.Integer, sa.ForeignKey("studies.id")),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id")),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("identity", sa.JSON, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("beats", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("helps", sa.Integer),
        sa.UniqueConstraint("study", "fence"),
        sa.UniqueConstraint("run", "fence"),
        sa.CheckConstraint("(study IS NULL) <> (run IS NULL)"),
    )
    connection = op.get_bind()
    workers = connection.execute(sa.text("SELECT * FROM workers ORDER BY study, fence")).all()
    runs = connection.execute(sa.text("SELECT id, fence, keeper, beats FROM runs WHERE fence > 0 ORDER BY id")).all()
    rows = [_lease_of_worker(row) for row in workers] + [_lease_of_run(row) for row in runs]
    if rows:
        connection.execute(leases.insert(), rows)
    op.create_table(
        "claims",
        sa.Column("study", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("repeat", sa.Integer, primary_key=True),
        sa.Column("to_epoch", sa.Integer, primary_key=True),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["study", "fence"], ["leases.study", "leases.fence"]),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO claims SELECT study, number, repeat, to_epoch, fence FROM old_claims")
    op.drop_table("old_claims")
    op.drop_table("workers")
    for column in ("keeper", "fence", "beats"):
        op.drop_column("runs", column)


def _lease_of_worker(row: sa.Row[Any]) -> dict[str, Any]:
    identity = _plain(row.identity)
    return {
        "study": row.study,
        "run": None,
        "fence": row.fence,
        "identity": {name: value for name, value in identity.items() if name != "helps"},
        "token": row.token,
        "beats": row.beats,
        "state": "held" if row.state == "working" else row.state,
        "helps": identity.get("helps"),
    }


def _lease_of_run(row: sa.Row[Any]) -> dict[str, Any]:
    identity = _plain(row.keeper)
    return {
        "study": None,
        "run": row.id,
        "fence": row.fence,
        "identity": identity or {},
        "token": secrets.token_hex(8),
        "beats": row.beats,
        "state": "left" if identity is None else "held",
        "helps": None,
    }


def _plain(value: Any) -> Any:
    """JSON as Python's data: text on SQLite, and already decoded on PostgreSQL."""
    return json.loads(value) if isinstance(value, str) else value
