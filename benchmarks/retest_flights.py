"""The worked example of docs/retest.md: a network for flights of one winter, tested again later in the year.

    python -m benchmarks.retest_flights --packages /tmp/tables18 [--folder flights]

The tables are those of benchmarks/drift_flights.py. It tunes a network on winter.csv for 20 seconds, and tests it again
for 60 seconds on other flights of that winter, on flights of July, and on its own data.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.drift_flights import flights, write_tables
from caviar.cli.main import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=Path("flights"))
    asked = parser.parse_args()
    asked.folder.mkdir(exist_ok=True)
    write_tables(flights(asked.packages.resolve()), asked.folder)
    os.chdir(asked.folder)
    run(["tune", "winter.csv", "--target", "late", "--metric", "roc_auc", "--seconds", "20", "--quiet"])
    for table in ("same-winter", "july", "winter"):
        print(f"\n{table}", flush=True)
        words = ["retest", "winter", "--data", f"{table}.csv", "--seconds", "60", "--name", f"again-{table}"]
        print("exit status", run(words), flush=True)
    run(["retests", "winter"])


if __name__ == "__main__":
    main()
