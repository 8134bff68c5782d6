"""The store of studies and runs: the only door to the database."""

from caviar.store.claims import Assigned, Result
from caviar.store.lease import Watch
from caviar.store.runs import Runs
from caviar.store.snapshots import Snapshots
from caviar.store.store import Store

__all__ = ["Assigned", "Result", "Runs", "Snapshots", "Store", "Watch"]
