"""Drift: how often rows that have not changed are said to have, and which changes are found, beside evidently.

    python -m benchmarks.retest_drift [--pairs 500] [--power 20] [--rival PYTHON]

One network is trained once; each pair has fresh old rows, of which the model's reference is made, and new rows; those
that have not changed are --pairs for each number of rows, the others --power for each change. PYTHON is the interpreter
of an environment with evidently; without it the rival is left out. Evidently has two verdicts: on the dataset (half of
the columns have drifted, its default) and on columns (any has).
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drift_tables import CHANGES, SIZES, TARGET, pair, rows
from benchmarks.machine import write
from caviar.analysis.drift import drift
from caviar.analysis.intervals import of_share
from caviar.data.column_sketches import sketch_columns
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.learners.contract import Keys, TrainingData, never
from caviar.learners.dense.learner import DenseLearner
from caviar.learners.drift_reference import Reference, layers_of, outputs_of_rows
from caviar.learners.model import Model

SEALED = 0.25  # of the old rows: their outputs are the reference
RIVAL = Path(__file__).parent / "rivals" / "evidently_drift.py"


def network() -> Model:
    """A network of rows that no pair has."""
    dataset = prepare(read(rows(2_000, np.random.default_rng(987_654_321)), TARGET), 0)
    data = TrainingData(dataset.train, dataset.validation, 2)
    training = DenseLearner("native").start({"hidden_units": 32, "layers": 2, "learning_rate": 0.003}, data, Keys.of(0))
    training.train(20, never())
    return Model(training.predictor(), dataset.preprocessing)


def alarm(model: Model, seed: int, old: int, new: int, change: str, size: float, with_old: bool) -> bool:
    """True where the report says that something has changed."""
    then, now = pair(seed, old, new, change, size)
    learned = model.preprocessing
    assert learned is not None
    sealed = learned.apply(then[: int(SEALED * old)])
    kept = Reference(
        columns=sketch_columns(then[int(SEALED * old) :].reset_index(drop=True), learned),
        labels=(1, 1),
        outputs=outputs_of_rows(model.outputs(sealed), (0, 1)),
        confusion=None,
        right=None,
        errors=None,
        layers=layers_of(model.network, sealed),
    )
    known = Model(model.network, learned, reference=kept)
    found = drift(known, now.drop(columns=TARGET), old=then if with_old else None, seed=seed)
    return found.changed


def of_pairs(contender: str, alarms: int, pairs: int, old: int, new: int, change: str, size: float) -> dict[str, Any]:
    """A row of the results."""
    low, high = of_share(alarms, pairs)
    row = {"change": change, "size": size, "old_rows": old, "new_rows": new, "contender": contender, "pairs": pairs}
    print(f"{change:14} {size:7g} {old:5} {new:4}  {contender:28} {alarms}/{pairs}", flush=True)
    return {**row, "alarms": alarms, "share": round(alarms / pairs, 4), "low": round(low, 4), "high": round(high, 4)}


def begun(rival: str, pairs: int, *case: Any) -> subprocess.Popen[str]:
    """Evidently, at work on so many pairs beside us."""
    command = [rival, str(RIVAL), *map(str, case), str(pairs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def results(false: int, power: int, rival: str | None) -> Iterator[dict[str, Any]]:
    """All rows of the results."""
    model = network()
    for old, new in SIZES:
        for change, sizes in CHANGES.items():
            for size in sizes:
                case = old, new, change, size
                pairs, few = (false, 2 * power) if change == "none" else (power, power)
                beside = None if rival is None else begun(rival, few, *case)
                found = sum(alarm(model, seed, *case, with_old=False) for seed in range(pairs))
                yield of_pairs("caviar drift", found, pairs, *case)
                if beside is not None:
                    said = json.loads(beside.communicate()[0])
                    yield of_pairs("evidently, dataset", said["dataset"], few, *case)
                    yield of_pairs("evidently, any column", said["column"], few, *case)
    for change, size in (("none", 0.0), ("shuffled", 1.0), ("all means", 0.1)):
        case = 1_500, 1_500, change, size
        found = sum(alarm(model, seed, *case, with_old=True) for seed in range(power))
        yield of_pairs("caviar drift --old", found, power, *case)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--power", type=int, default=20)
    parser.add_argument("--rival")
    asked = parser.parse_args()
    print(write("retest_drift", list(results(asked.pairs, asked.power, asked.rival))))


if __name__ == "__main__":
    main()
