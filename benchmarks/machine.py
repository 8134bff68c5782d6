"""What a result was measured on, for the columns that every CSV has; and how results are written."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from caviar.run.environment import processor, processors

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
