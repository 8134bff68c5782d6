"""Two threads against one on independent trials, and evaluating against training, for the native engine.

    python -m benchmarks.scaling [--turns 5] [--seconds 0.5]

`two_threads` is how many times the steps of one thread two threads do together; the rivals take turns. `evaluation` is
rows evaluated a second over rows trained a second, times the share of a training step's product operations that its
forward pass has: 1 means as fast a row as the forward part of training. That share is a third, and more where the first
layer is the largest, for no gradient of the inputs is computed. Evaluation has no dropout, so that the last line's
training pays for more than its forward part.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from statistics import median

import numpy as np

from benchmarks.engine import NETWORKS, native_steps, operations, rate
from benchmarks.machine import write
from caviar.data.examples import Examples
from caviar.learners.contract import Keys
from caviar.learners.dense.native import NativeEngine
from caviar.nn.architecture import Architecture, Optimisation


def evaluated_rows(widths: tuple[int, ...], batch: int, seconds: float) -> float:
    """Rows evaluated a second."""
    random = np.random.default_rng(0)
    x = random.standard_normal((20_000, widths[0])).astype(np.float32)
    y = random.integers(0, widths[-1], len(x)).astype(np.int32)
    examples = Examples(x, y)
    architecture = Architecture(widths[0], widths[-1], widths[1:-1])
    training = NativeEngine().start(architecture, Optimisation(batch_size=batch), examples, examples, Keys.of(0))
    rows, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        training.evaluate(examples)
        rows += len(x)
    return rows / passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    rows = []
    for widths, batch, dropout in NETWORKS:
        epochs = [native_steps(widths, batch, dropout) for _ in range(2)]
        forward = 2 * batch * sum(a * b for a, b in pairwise(widths)) / operations(widths, batch)
        ratios, evaluations = [], []
        with ThreadPoolExecutor(2) as pool:
            for _ in range(options.turns):
                one = rate(epochs[0], options.seconds)
                two = sum(pool.map(rate, epochs, [options.seconds] * 2))
                ratios.append(two / one)
                evaluations.append(forward * evaluated_rows(widths, batch, options.seconds) / (one * batch))
        ratios.sort()
        row = {
            "network": "-".join(map(str, widths)),
            "batch": batch,
            "dropout": dropout,
            "two_threads": round(median(ratios), 2),
            "two_threads_low": round(ratios[0], 2),
            "two_threads_high": round(ratios[-1], 2),
            "evaluation": round(median(evaluations), 2),
        }
        rows.append(row)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    print(write("scaling", rows))


if __name__ == "__main__":
    main()
