"""What is remembered: the only door to the database."""

from caviar.store.claims import Watch
from caviar.store.snapshots import Snapshots
from caviar.store.store import Store

__all__ = ["Snapshots", "Store", "Watch"]
