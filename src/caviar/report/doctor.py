"""The health of a store and of its machine in the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from caviar.report.text import counted
from caviar.views.health import Health


def doctor_page(health: Health) -> Group:
    """The machine, the store, and what is wrong with it."""
    here, store = health.machine, health.store
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    cores = counted(here.processors, "core")
    table.add_row("machine", Text(f"{here.processor}, {cores}, {here.system}; {', '.join(here.instruction_sets)}"))
    versions = ", ".join(f"{name} {number}" for name, number in here.packages.items())
    table.add_row("versions", Text(f"Python {here.python}, {versions}"))
    if store is None:
        return Group(table, Text("There is no store here yet; --store names one elsewhere."), *_findings(health))
    studies = counted(store.studies, "study", "studies")
    table.add_row("store", Text(f"{store.url}, {store.database}, {studies}, {counted(store.runs, 'run')}"))
    table.add_row("disk", Text(f"{store.disk_bytes_left / 2**30:,.1f} GiB left"))
    for process in (*store.workers, *store.owners):
        table.add_row("at work", Text(process))
    lines = [] if any(found.is_damage for found in health.found) else [Text("nothing is wrong", style="green")]
    return Group(table, *lines, *_findings(health))


def _findings(health: Health) -> list[Text]:
    lines = []
    for found in health.found:
        head = Text("wrong: " if found.is_damage else "note: ", style="bold red" if found.is_damage else "bold")
        about = f"study {found.study!r}: " if found.study else f"run {found.run!r}: " if found.run else ""
        way_out = Text(f"  fixed: {found.mended}", "green") if found.mended else Text(f"  {found.way_out}")
        lines += [head + Text(f"{about}{found.what}"), way_out]
    return lines
