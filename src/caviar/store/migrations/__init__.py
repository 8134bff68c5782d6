"""Migrations of a store of an older version to this one: Alembic's operations, a file a version.

To change the tables: change store/schema.py and count its VERSION up to N; add version_N.py here, with
``revision = "N"``, ``down_revision = "N-1"`` and an ``upgrade()`` of ``alembic.op`` calls (names of tables and columns
written out, never imported from schema.py, which goes on changing); and keep a database of version N-1 as
tests/store/history/version_N-1.db.xz (tests/store/keep_history.py writes it), which the tests migrate. They also
compare the tables that a migration leaves with those of schema.py, so that a forgotten column is found.

SQLite adds columns and tables in place; for any other change use ``op.batch_alter_table``. The version itself is in the
``meta`` table, because stores of version 1 have it there, and one truth is enough: Alembic keeps no table of its own.
Everything runs in the one transaction of the caller, so that a migration that is killed has not been.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

_FOLDER = Path(__file__).parent


def migrate(connection: sa.Connection, version: int, to: int) -> None:
    """Change the tables from ``version`` to ``to``, in the transaction of ``connection``."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER)])
    steps = list(script.iterate_revisions(str(to), str(version)))
    with Operations.context(MigrationContext.configure(connection)):
        for step in reversed(steps):
            step.module.upgrade()
    connection.execute(sa.text("UPDATE meta SET schema_version = :to"), {"to": to})
