"""The machine of a result, for the columns that every CSV has; and how results are written."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from caviar.machine import processor, processors

RESULTS = Path(__file__).parent / "results"


def facts() -> dict[str, str]:
    """Machine, commit and date."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    commit = subprocess.run(command, capture_output=True, text=True, cwd=RESULTS.parent, check=False).stdout.strip()
    return {
        "machine": f"{processor()}, {processors()} cores",
        "commit": commit or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
    }


def write(name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write benchmarks/results/NAME.csv, with the machine, commit and date on every row."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"
    known = facts()
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, [*rows[0], *known], lineterminator="\n")
        table.writeheader()
        table.writerows({**row, **known} for row in rows)
    return path


def read(name: str) -> list[dict[str, str]]:
    """The rows of benchmarks/results/NAME.csv, none where there is no such file."""
    path = RESULTS / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def merge(name: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str], sort_by: Sequence[str] = ()) -> Path:
    """Put ``rows`` into benchmarks/results/NAME.csv in the place of those with the same ``key``, the others stay.

    Every row keeps the machine, commit and date of its own measurement: a benchmark of hours is run piece by piece.
    ``sort_by`` names further columns to sort by, as numbers.
    """
    known = facts()
    new = [{column: str(value) for column, value in {**row, **known}.items()} for row in rows]
    replaced = {tuple(row[column] for column in key) for row in new}
    kept = [row for row in read(name) if tuple(row[column] for column in key) not in replaced]
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"

    def place(row: Mapping[str, str]) -> list[tuple[float, str]]:
        return [_number_first(row[column]) for column in (*key, *sort_by)]

    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(new[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(kept + new, key=place))
    return path


def _number_first(text: str) -> tuple[float, str]:
    """A key that sorts numbers as numbers, and texts after them."""
    try:
        return float(text), ""
    except ValueError:
        return float("inf"), text
