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
    """Add the progress, and turn the budget, whose keys told the kind of a study, into a specification that says it."""
    op.add_column("studies", sa.Column("progress", sa.JSON))
    op.alter_column("studies", "budget", new_column_name="spec")
    connection = op.get_bind()
    studies = sa.table("studies", sa.column("id", sa.Integer), sa.column("spec", sa.JSON), sa.column("data", sa.JSON))
    for row in connection.execute(sa.select(studies)).all():
        spec = _spec(row.spec or {}, row.data or {})
        connection.execute(studies.update().where(studies.c.id == row.id).values(spec=spec))


def _spec(budget: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """The specification in a budget of schema 4 and before; an imported study has facts of no table."""
    program, table = budget.get("program"), budget.get("request")
    stopping = (program or table or {}).get("stopping") or "halving"
    kind = "asked"
    if program is not None:
        kind = "function" if program.get("command") is None else "program"
        program = {name: program.get(name) for name in ("command", "score", "processes", "gpus", "trial_timeout")} | {
            "goal": program.get("goal") or "maximize",
            "epochs": program.get("epochs") or 27,
            "slots": budget.get("slots") or 1,
        }
    elif not budget.get("asked") and data and "imported_from" not in data:
        kind = "table"
        names = ("data", "target", "labels", "test", "test_labels", "task", "out")
        asked = table or {}
        table = {name: asked.get(name) for name in names} | {
            "prefer": asked.get("prefer") or "score",
            "ensemble": bool(asked.get("ensemble")),
            "engine": asked.get("engine") or "native",
        }
    return {
        "kind": kind,
        "seconds": budget.get("seconds"),
        "trials": budget.get("trials"),
        "rungs": budget.get("rungs") or [],
        "repeats": budget.get("repeats") or 0,
        "stopping": stopping,
        "table": table if kind == "table" else None,
        "program": program,
    }


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
    runs = connection.execute(
        sa.text("SELECT id, fence, keeper AS owner, beats FROM runs WHERE fence > 0 ORDER BY id")
    ).all()
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
    identity = _plain(row.owner)
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
