"""Promises about new rows, on the sealed fifth of real tables: coverage of intervals, calibration of probabilities.

    python -m benchmarks.new_rows --packages /tmp/tables18 --seconds 10

The packages are those of benchmarks.tables, and so are the splits; the tables are those to choose by, 20,000 rows of
each at most. Of numbers: the share of sealed rows within intervals of coverage 0.9, and their mean width in standard
deviations of the target. Of classes: log loss and calibration error at the model's temperature, and beside it at 1,
which is the rival.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

import caviar
from benchmarks.machine import merge
from benchmarks.table_definitions import Columns, Table, load, named, split
from caviar.learners.correction import PLAIN
from caviar.learners.model import Model
from caviar.nn.metrics import calibration_error, log_loss

COVERAGE, ROWS = 0.9, 20_000
TARGET = "the target"


def frame_of(columns: Columns) -> pd.DataFrame:
    """A table for ``caviar.tune``."""
    y = columns.y if not columns.classes else np.array(columns.classes, dtype=object)[columns.y]
    return pd.DataFrame({**columns.columns, TARGET: y})


def of_numbers(model: Model, sealed: pd.DataFrame) -> dict[str, float]:
    """Coverage and width of intervals."""
    y, ends = sealed[TARGET].to_numpy(), model.predict_interval(sealed, COVERAGE)
    within = (ends[:, 0] <= y) & (y <= ends[:, 1])
    return {"coverage": float(within.mean()), "width": float((ends[:, 1] - ends[:, 0]).mean() / y.std())}


def of_classes(model: Model, sealed: pd.DataFrame) -> dict[str, float]:
    """Log loss and calibration error, with the temperature and without."""
    place = {name: k for k, name in enumerate(model.classes)}
    y: npt.NDArray[np.int64] = np.array([place[label] for label in sealed[TARGET]], dtype=np.int64)
    found = {"temperature": model.correction.temperature}
    for suffix, one in (("", model), ("_before", replace(model, correction=PLAIN))):
        p = one.predict_proba(sealed)
        found |= {f"log_loss{suffix}": log_loss(p, y), f"calibration_error{suffix}": calibration_error(p, y)}
    return found


def row_of(table: Table, packages: Path, number: int, seconds: float) -> dict[str, object]:
    """The promises of one study, kept or not."""
    columns = load(table, packages)
    some = np.arange(len(columns.y))[:: -(-len(columns.y) // ROWS)]
    columns = columns.rows(some)
    training, sealed = (frame_of(columns.rows(rows)) for rows in split(columns.y, number, regression=table.regression))
    task = "regression" if table.regression else "classification"
    options = caviar.TableOptions(test=sealed, task=task)
    study = caviar.tune(
        training, TARGET, seconds=seconds, seed=number, threads=1, store=None, progress=False, options=options
    )
    names = ("coverage", "width", "temperature", "log_loss", "log_loss_before", "calibration_error")
    found = (of_numbers if table.regression else of_classes)(study.best.model, sealed)
    scores = {name: round(found[name], 4) if name in found else "" for name in (*names, "calibration_error_before")}
    return {"table": table.name, "split": number, "seconds": seconds, "sealed_rows": len(sealed), **scores}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--tables", nargs="*")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for table in named(given.tables, "choose"):
        for number in range(given.splits):
            rows.append(row_of(table, given.packages, number, given.seconds))
            print(rows[-1], flush=True)
    print(merge("new_rows", rows, ("table", "split", "seconds")))


if __name__ == "__main__":
    main()
