"""Training steps a second: the native engine beside PyTorch eager with fused Adam, one thread each, in the same run.

    python -m benchmarks.engine [--pairs 7] [--seconds 0.5]

Both pick the mini-batch's rows from the training set, go forward and backward through dense layers with batch norm and
relu and a softmax output, and update by Adam. The two take turns; a row gives the medians over the turns and the
ratio's spread. `of_sgemm` is the share of this core's own rate of multiplying 1024 x 1024 matrices (PyTorch's, one
thread, measured in the same turns), counting only the products.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

import numpy as np
import torch

from benchmarks.machine import write
from caviar.data.examples import Examples
from caviar.learners.contract import Keys, never
from caviar.learners.dense.native import NativeEngine
from caviar.nn.architecture import Architecture, Optimisation

NETWORKS = [
    ((64, 32, 32, 10), 32, 0.0),
    ((64, 128, 128, 10), 64, 0.0),
    ((784, 128, 128, 10), 128, 0.0),
    ((784, 512, 512, 10), 256, 0.0),
    ((20, 256, 256, 256, 2), 64, 0.0),
    ((20, 256, 256, 256, 2), 64, 0.2),
]


def operations(widths: Sequence[int], batch: int) -> int:
    """Floating-point operations of the products of one step: forward, dw, and dx of all layers but the first."""
    weights = [a * b for a, b in pairwise(widths)]
    return 2 * batch * (3 * sum(weights) - weights[0])


def native_steps(widths: Sequence[int], batch: int, dropout: float) -> Callable[[], int]:
    """Something that trains an epoch and says how many steps that was."""
    steps = max(1, 2_000_000 // (sum(widths) * batch))
    random = np.random.default_rng(0)
    x = random.standard_normal((steps * batch, widths[0])).astype(np.float32)
    y = random.integers(0, widths[-1], len(x)).astype(np.int32)
    nothing = Examples(x[:0], y[:0])
    architecture = Architecture(widths[0], widths[-1], tuple(widths[1:-1]), dropout=dropout)
    training = NativeEngine().start(architecture, Optimisation(batch_size=batch), Examples(x, y), nothing, Keys.of(0))

    def epoch() -> int:
        training.train(training.epoch + 1, never())
        return steps

    return epoch


def torch_steps(widths: Sequence[int], batch: int, dropout: float) -> Callable[[], int]:
    """The same for PyTorch."""
    layers: list[torch.nn.Module] = []
    for n_in, n_out in pairwise(widths[:-1]):
        layers += [torch.nn.Linear(n_in, n_out, bias=False), torch.nn.BatchNorm1d(n_out), torch.nn.ReLU()]
        layers += [torch.nn.Dropout(dropout)] if dropout else []
    network = torch.nn.Sequential(*layers, torch.nn.Linear(widths[-2], widths[-1]))
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    steps = max(1, 200_000 // (sum(widths) * batch))
    x = torch.randn(steps * batch, widths[0])
    y = torch.randint(0, widths[-1], (len(x),))
    loss_of = torch.nn.CrossEntropyLoss()

    def epoch() -> int:
        order = torch.randperm(len(x))
        for rows in torch.split(order, batch):
            adam.zero_grad(set_to_none=True)
            loss_of(network(x[rows]), y[rows]).backward()
            adam.step()
        return steps

    return epoch


def sgemm_rate() -> float:
    """This core's floating-point operations a second in a product of 1024 x 1024 matrices, the best of five."""
    a = torch.rand(1024, 1024)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return float(2 * 1024**3 / min(times))


def rate(epoch: Callable[[], int], seconds: float) -> float:
    """Steps a second over at least ``seconds``."""
    steps, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        steps += epoch()
    return steps / passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for widths, batch, dropout in NETWORKS:
        ours, theirs = native_steps(widths, batch, dropout), torch_steps(widths, batch, dropout)
        ours(), theirs()
        turns = [
            (rate(ours, options.seconds), rate(theirs, options.seconds), sgemm_rate()) for _ in range(options.pairs)
        ]
        ratios = sorted(own / other for own, other, _ in turns)
        flops = operations(widths, batch)
        row = {
            "network": "-".join(map(str, widths)),
            "batch": batch,
            "dropout": dropout,
            "native_steps_per_second": round(median(own for own, _, _ in turns), 1),
            "torch_steps_per_second": round(median(other for _, other, _ in turns), 1),
            "ratio": round(median(ratios), 2),
            "ratio_low": round(ratios[0], 2),
            "ratio_high": round(ratios[-1], 2),
            "of_sgemm": round(median(own * flops / peak for own, _, peak in turns), 3),
            "torch_of_sgemm": round(median(other * flops / peak for _, other, peak in turns), 3),
            "sgemm_gflops": round(median(peak for _, _, peak in turns) / 1e9, 1),
            "instruction_set": NativeEngine().instruction_set,
            "torch": torch.__version__,
        }
        rows.append(row)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    print(write("engine", rows))


if __name__ == "__main__":
    main()
