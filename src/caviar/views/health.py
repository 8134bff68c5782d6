"""Facts for the doctor: this machine, a store, and its findings."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from caviar.data import kept_rows
from caviar.learners.dense.layout import instruction_sets
from caviar.machine import processor, processors
from caviar.store import Store
from caviar.store.doctor import Finding, examine, room
from caviar.store.lease import Leases, shown
from caviar.store.runs import Runs

_PACKAGES = ("caviar", "numpy", "scipy", "scikit-learn", "pandas", "sqlalchemy", "alembic", "safetensors", "psycopg")


@dataclass(frozen=True)
class Machine:
    """The system, the processor with the instruction sets that the native engine has code for, and versions."""

    system: str
    processor: str
    processors: int
    instruction_sets: list[str]
    python: str
    packages: dict[str, str]


@dataclass(frozen=True)
class StoreFacts:
    """A store, its database and its contents; the processes that work on its studies and train its runs."""

    url: str
    database: str
    studies: int
    runs: int
    workers: list[str]
    owners: list[str]
    snapshots_folder: str
    disk_bytes_left: int


@dataclass(frozen=True)
class Health:
    """A machine, the store on it, None where there is none yet, and what is wrong with it."""

    machine: Machine
    store: StoreFacts | None = None
    found: tuple[Finding, ...] = ()

    @property
    def is_damaged(self) -> bool:
        """True where damage is left that was not repaired."""
        return any(found.is_damage and not found.mended for found in self.found)


def health(store: Store, name: str | None, repair: bool, forget: bool = False) -> Health:
    """The health of ``store`` and its machine, or of one study or run ``name``; ``repair`` mends what it can.

    ``forget`` gives up the snapshots that are away.

    Raises StoreError if there is no study or run ``name``.
    """
    found = examine(store, name, repair, forget)
    return Health(machine(), store_facts(store), (*found, *([] if name else mapped_rows(repair))))


def mapped_rows(repair: bool) -> list[Finding]:
    """A finding where processes that were killed have left mapped rows unfinished; ``repair`` removes them."""
    left = sum(map(kept_rows.size, kept_rows.abandoned()))
    if not left:
        return []
    what = f"{left / 2**20:,.1f} MiB of mapped rows in {kept_rows.folder()} were never finished"
    way_out = "caviar doctor --repair removes them, and so does the next run"
    if repair:
        kept_rows.clear()
    return [Finding(what, way_out, is_damage=False, mended="removed" if repair else "")]


def machine() -> Machine:
    """The facts of this machine."""
    packages = {name: found for name in _PACKAGES if (found := _version(name)) is not None}
    system = f"{platform.system()} {platform.machine()}"
    return Machine(system, processor(), processors(), instruction_sets(), platform.python_version(), packages)


def store_facts(store: Store) -> StoreFacts:
    """The facts of ``store``."""
    runs = Runs(store)
    return StoreFacts(
        url=store.url,
        database=store.database.version(),
        studies=len(store.subjects.names()),
        runs=len(runs.subjects.names()),
        workers=_at_work(store.leases),
        owners=_at_work(runs.leases),
        snapshots_folder=str(store.database.folder("snapshots").absolute()),
        disk_bytes_left=room(store),
    )


def _at_work(leases: Leases) -> list[str]:
    """The processes that hold studies, or runs, each with the name of its study or run."""
    return [f"{name}: {shown(lease)}" for name in leases.subjects.names() for lease in leases.living(name)]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
