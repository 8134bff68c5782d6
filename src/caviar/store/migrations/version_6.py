"""The times of trials, and what a person noted of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Add the columns, which are unknown for trials of before."""
    for name in ("began", "ended"):
        op.add_column("trials", sa.Column(name, sa.Double().with_variant(sa.BLOB(), "sqlite")))
    op.add_column("trials", sa.Column("attributes", sa.JSON))
