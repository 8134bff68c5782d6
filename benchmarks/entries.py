"""The first layer by entries beside the same by products: what numbers over bins and columns of texts cost a step.

    python -m benchmarks.entries [--turns 9] [--seconds 0.3]

A row's inputs are mostly 0, or 1 up to the bin of a number, and native/entries.h makes the first layer's products of
the few that matter. Both ways take turns on the same rows, one thread, in seconds of this process on a processor; a row
gives the medians over the turns of epochs a second, and how much faster training and evaluations are by entries.
`entries` is of a row, one for a number over bins; the engine goes by them where there are eight inputs for each or more
(`chosen`).
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from benchmarks.machine import write
from benchmarks.parts import pace, turns_and_seconds
from caviar.data.examples import Examples
from caviar.learners.contract import Keys, TrainingData, never
from caviar.learners.dense import layout
from caviar.learners.dense.inputs import shares_of_inputs
from caviar.learners.dense.learner import DenseLearner
from caviar.learners.dense.native import NativeTraining

# rows, numbers, texts (20 columns each), bins of a number (0: as they are), hidden units, layers, mini-batch
CASES = [
    (8000, 12, 16, 64, 128, 2, 256),
    (8000, 12, 16, 64, 256, 3, 256),
    (8000, 12, 16, 0, 128, 2, 256),
    (2000, 19, 0, 64, 128, 2, 128),
    (2000, 19, 0, 32, 128, 2, 128),
    (2000, 8, 1, 32, 128, 2, 128),
    (2000, 8, 1, 16, 64, 2, 64),
    (2000, 8, 1, 8, 32, 2, 32),
    (2000, 19, 0, 8, 128, 2, 32),
    (8000, 2, 4, 0, 128, 2, 128),
]
_TEXT = 20


def rows_of(rows: int, numbers: int, texts: int) -> Examples:
    """Rows of numbers, and of texts as a column for each value."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, numbers)).astype(np.float32)
    hot = [np.eye(_TEXT, dtype=np.float32)[rng.integers(0, _TEXT, rows)] for _ in range(texts)]
    return Examples(np.concatenate([x, *hot], axis=1), (np.sin(3 * x[:, 0]) + x[:, 1] > 0).astype(np.int32))


def measured(case: tuple[int, ...], turns: int, seconds: float) -> dict[str, Any]:
    """The row of one of CASES."""
    rows, numbers, texts, bins, units, layers, batch = case
    examples = rows_of(rows, numbers, texts)
    data = TrainingData(examples, examples, 2)
    config: dict[str, Any] = {"hidden_units": units, "layers": layers, "batch_size": batch, "learning_rate": 1e-3}
    config |= {"optimizer": "adamw", **({"encoding": "quantile_bins", "bins": bins} if bins else {})}

    def begun(by: float) -> NativeTraining:
        ratio, layout._BY_ENTRIES = layout._BY_ENTRIES, by
        network = DenseLearner().start(config, data, Keys.of(0))
        layout._BY_ENTRIES = ratio
        assert isinstance(network, NativeTraining)
        network.train(1, never())
        return network

    def turn(network: NativeTraining) -> tuple[float, float]:
        trained = pace(lambda: network.train(network.epoch + 1, never()), seconds)
        return trained, pace(lambda: network.evaluate(examples), seconds / 3)

    ways = begun(inf), begun(0.0)
    each = np.array([[turn(network) for network in ways] for _ in range(turns)])  # (turns, ways, training or scores)
    shares = shares_of_inputs(examples).tolist()
    trained, faster = np.median(each[:, :, 0], axis=0), np.median(each[:, 1] / each[:, 0], axis=0)
    return {
        "rows": rows,
        "numbers": numbers,
        "texts": texts,
        "bins": bins,
        "hidden": "-".join([str(units)] * layers),
        "batch": batch,
        "inputs": ways[0].architecture.inputs,
        "entries": round(sum(shares) if not bins else numbers + sum(shares[numbers:]), 1),
        "chosen": layout.layout(ways[0].architecture, shares)["by_entries"],
        "epochs_per_second_products": round(trained[0], 2),
        "epochs_per_second_entries": round(trained[1], 2),
        "faster": round(faster[0], 2),
        "evaluation_faster": round(faster[1], 2),
        "instruction_set": DenseLearner().instruction_set,
    }


def main() -> None:
    """Measure every case."""
    options = turns_and_seconds(__doc__)
    rows = []
    for case in CASES:
        rows.append(measured(case, options.turns, options.seconds))
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    print(write("entries", rows))


if __name__ == "__main__":
    main()
