"""What is remembered: the only door to the database."""

from caviar.store.assignments import Assigned, Result
from caviar.store.claims import Watch
from caviar.store.snapshots import Snapshots
from caviar.store.store import Store

__all__ = ["Assigned", "Result", "Snapshots", "Store", "Watch"]
