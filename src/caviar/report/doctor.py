"""The health of a store and of the machine it is on."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from caviar.machine import processor, processors
from caviar.store import Store
from caviar.store.examination import living, room, who
from caviar.store.finding import Finding
from caviar.store.runs import Runs, is_kept

_PACKAGES = ("caviar", "numpy", "scipy", "scikit-learn", "pandas", "sqlalchemy", "alembic", "safetensors", "psycopg")


def machine() -> dict[str, Any]:
    """The processor, its instruction sets that the native engine has code for, and versions."""
    from caviar.learners.dense.native import instruction_sets

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "processors": processors(),
        "instruction_sets": instruction_sets(),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
    }


def store_facts(store: Store) -> dict[str, Any]:
    """What a store is and holds, who works on its studies and keeps its runs; sizes in bytes."""
    studies, runs = store.studies(), Runs(store).all()
    return {
        "url": store.url,
        "database": store.database.version(),
        "studies": len(studies),
        "runs": len(runs),
        "workers": [f"{study.name}: {who(worker)}" for study in studies for worker in living(store, study.name)],
        "keepers": [f"{run.name}: process {run.keeper['pid']}" for run in runs if run.keeper and is_kept(run)],
        "snapshots_folder": str(Path(store.database.snapshots).absolute()),
        "disk_bytes_left": room(store),
    }


def finding_row(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    return {
        "study": finding.study or None,
        "run": finding.run or None,
        "what": finding.what,
        "way_out": finding.way_out,
        "kind": "damage" if finding.is_damage else "warning",
        "mended": finding.mended or None,
    }


def doctor_page(here: Mapping[str, Any], facts: Mapping[str, Any] | None, found: Sequence[Finding]) -> Group:
    """All of it for people."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    sets = ", ".join(here["instruction_sets"])
    table.add_row("machine", Text(f"{here['processor']}, {here['processors']} cores, {here['system']}; {sets}"))
    versions = ", ".join(f"{name} {number}" for name, number in here["packages"].items())
    table.add_row("versions", Text(f"Python {here['python']}, {versions}"))
    if facts is None:
        return Group(table, Text("There is no store here yet; --store names one elsewhere."))
    table.add_row(
        "store", Text(f"{facts['url']}, {facts['database']}, {facts['studies']} studies, {facts['runs']} runs")
    )
    table.add_row("disk", Text(f"{facts['disk_bytes_left'] / 2**30:,.1f} GiB left"))
    for worker in (*facts["workers"], *facts["keepers"]):
        table.add_row("at work", Text(worker))
    lines = [Text("nothing is wrong", style="green")] if not any(f.is_damage for f in found) else []
    return Group(table, *lines, *(line for finding in found for line in _lines(finding)))


def _lines(finding: Finding) -> list[Text]:
    head = Text("wrong: " if finding.is_damage else "note: ", style="bold red" if finding.is_damage else "bold")
    about = f"study {finding.study!r}: " if finding.study else f"run {finding.run!r}: " if finding.run else ""
    what = head + Text(f"{about}{finding.what}")
    then = Text(f"  mended: {finding.mended}", "green") if finding.mended else Text(f"  {finding.way_out}")
    return [what, then]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
