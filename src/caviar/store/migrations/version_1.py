"""The tables of caviar 0.1.0, which made them whole: where the migrations begin."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Nothing to do: tests/store/history/version_1.db.xz is such a store."""
