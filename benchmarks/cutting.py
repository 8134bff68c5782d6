"""The worth of cutting normalised inputs: test scores by where they are cut, over twelve splits of three tables.

    python -m benchmarks.cutting

Three fixed configs, two seeds each, trained on all rows but the test part; means over splits. "none" is the rival.
"""

from __future__ import annotations

import itertools
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.machine import write
from caviar.data import preprocessing, samples
from caviar.data.dataset import prepare
from caviar.data.examples import Examples
from caviar.data.read import read
from caviar.learners.contract import Keys, never
from caviar.learners.dense.config import from_config
from caviar.learners.dense.native import NativeEngine
from caviar.records import Config

CUTS = (float("inf"), 10.0, 6.0, 5.0, 4.0, 3.0, 2.0)
CONFIGS: tuple[Config, ...] = (
    {"learning_rate": 0.003, "hidden_units": 128, "layers": 2, "batch_size": 64, "decay_rate": 0.02},
    {"learning_rate": 0.003, "hidden_units": 220, "layers": 3, "batch_size": 64, "decay_rate": 0.02, "dropout": 0.2},
    {"learning_rate": 0.01, "hidden_units": 250, "layers": 3, "batch_size": 256, "decay_rate": 0.05},
)


def scores(path: Path, target: str | None, seed: int, cut: float) -> tuple[float, float]:
    """Mean test accuracy and log loss of the configs on one split."""
    preprocessing.FURTHEST = cut
    dataset = prepare(read(path, target), seed)
    assert dataset.test is not None
    test, rows = dataset.test.open(), dataset.train_and_validation()
    nothing = Examples(rows.x[:0], rows.y[:0])
    classes = len(dataset.preprocessing.classes)

    def run(config: Config, repeat: int) -> tuple[float, float]:
        architecture, optimisation = from_config(config, rows.x.shape[1], classes)
        network = NativeEngine().start(architecture, optimisation, rows, nothing, Keys.of(999, repeat))
        network.train(60, never())
        evaluation = network.evaluate(test)
        return evaluation.scores["accuracy"], evaluation.scores["log_loss"]

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda work: run(*work), itertools.product(CONFIGS, range(2))))
    accuracy, loss = np.mean(runs, axis=0)
    return float(accuracy), float(loss)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for sample in (samples.digits, samples.breast_cancer, samples.wine):
            table = sample()
            path = samples.write_csv(table, Path(folder) / f"{table.name}.csv")
            for cut in CUTS:
                accuracy, loss = np.mean(
                    [scores(path, table.target_name, seed, cut) for seed in range(12)], axis=0
                ).tolist()
                name = "none" if np.isinf(cut) else f"{cut:g}"
                score = {"accuracy": round(accuracy, 4), "log_loss": round(loss, 4)}
                rows.append({"data": table.name, "cut": name, **score})
                print(rows[-1], flush=True)
    print(write("cutting", rows))


if __name__ == "__main__":
    main()
