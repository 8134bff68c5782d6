"""What is remembered: the only door to the database."""

from caviar.store.store import Store

__all__ = ["Store"]
