"""Limits of this processor: the shortest step of each network of benchmarks.engine by its operations and its bytes.

    python -m benchmarks.roofline [--turns 5] [--seconds 0.5]

A C++ program beside this one measures what a core does at most: fused multiply-adds, square roots and divisions, wide
multiplications, and bytes read, and read and written, in buffers of the size of each cache level. `roof` adds up the
phases of a step, each at the slower of its arithmetic and its bytes; phases do not overlap, for each needs the result
of the one before. The products are set against the fastest rate of fused multiply-adds, not against SGEMM, which is
below it. Native, PyTorch and SGEMM take turns with it. Other work on a machine only ever slows a turn, so that the
columns are of the fastest turn of each (benchmarks.engine gives medians).

Not in the roof: calls, loops and branches, the order of the rows, and that a level's bandwidth is shared.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch

from benchmarks.engine import NETWORKS, native_steps, operations, rate, sgemm_rate, torch_steps
from benchmarks.machine import write

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ["-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi"]
LEVELS = (("l1", 32 << 10), ("l2", 512 << 10), ("l3", 16 << 20))
"""The size of each level, in bytes (half of this machine's third, which others use too); beyond is memory."""

TARGETS = {
    ((64, 32, 32, 10), 0.0): 100.0,
    ((64, 128, 128, 10), 0.0): 12.0,
    ((784, 128, 128, 10), 0.0): 2.8,
    ((784, 512, 512, 10), 0.0): 1.15,
    ((20, 256, 256, 256, 2), 0.0): 4.0,
}

# Vector operations an element, as nn/ and native/layers.h write them; a fused multiply-add is one.
HIDDEN_FORWARD = 7  # sum, centre, square and add, normalise (2), scale and shift, relu
HIDDEN_BACKWARD = 8  # scale and shift, slope (2), two sums, and the gradient through both (3)
LOGIT = 26  # bias, maximum, e**x (20), sum, gradient (3)
DROPPED = 4  # compare, multiplier, product, product on the way back
WIDE_MULTIPLICATIONS = 20 / 16  # ten rounds of two decide sixteen units
BLOCK_BYTES = 4 * (6 + 16) / (2 * 6 * 16)  # from the first level into a register block of 6 x 16 (AVX2's), an operation


@dataclass(frozen=True)
class Phase:
    """A part of a step: seconds of arithmetic; bytes read only, and bytes read and written again; where they lie.

    ``loaded`` is what goes from the first level into registers over and over.
    """

    name: str
    arithmetic: float
    loaded: float
    read: float
    update: float
    level: str


def machine_rates(program: Path) -> dict[str, float]:
    """The C++ program's rates by name."""
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines)}


def level_of(size: float) -> str:
    """The first level with room for ``size`` bytes."""
    return next((name for name, room in LEVELS if size <= room), "memory")


def phases(widths: Sequence[int], batch: int, dropout: float, rates: Mapping[str, float]) -> list[Phase]:
    """The phases of one training step with Adam and batch norm.

    Widths are padded to whole strips of 16 where bytes are counted, and not where operations are: padding is the
    engine's and not the problem's.
    """
    vector = rates["fma"] / 2  # elements a second of a simple operation
    padded = [-(-n // 16) * 16 for n in widths]
    weights = [a * b for a, b in pairwise(padded)]
    parameters = sum(weights) + 2 * sum(padded[1:-1]) + padded[-1]
    true_parameters = sum(a * b for a, b in pairwise(widths)) + 2 * sum(widths[1:-1]) + widths[-1]
    hidden = batch * sum(widths[1:-1])
    copies = 4 if dropout else 2  # of a layer's activations that are kept for the way back
    everything = 4 * (4 * parameters + batch * (padded[0] + copies * sum(padded[1:]) + 2 * max(padded[1:])))
    home = level_of(everything)
    rows = max(1, 2_000_000 // (sum(widths) * batch)) * batch  # of benchmarks.engine's training set

    flops = operations(widths, batch)
    streamed = 0.0  # bytes of the products: one operand passes by once a strip of the other
    for layer, (n_in, n_out) in enumerate(pairwise(padded)):
        x, z, w = 4 * batch * n_in, 4 * batch * n_out, 4 * n_in * n_out
        streamed += n_out / 16 * x + w + z  # forward
        streamed += n_out / 16 * x + w + z  # dw
        streamed += (n_in / 16 * z + 3 * w + x) if layer else 0  # dx, with w read, written and read transposed
    elementwise = hidden * (HIDDEN_FORWARD + HIDDEN_BACKWARD + (DROPPED if dropout else 0)) + batch * widths[-1] * LOGIT
    drawing = hidden * WIDE_MULTIPLICATIONS / rates["mul64"] if dropout else 0.0
    return [
        Phase("products", flops / rates["fma"], flops * BLOCK_BYTES, streamed, 0, home),
        Phase("optimiser", true_parameters / rates["sqrt_div"], 0, 4 * parameters, 12 * parameters, home),
        Phase("layers", elementwise / vector + drawing, 0, 4 * hidden * copies, 4 * hidden, home),
        Phase("rows", 0.0, 0, 4 * batch * widths[0], 0, level_of(4 * rows * widths[0])),
    ]


def seconds(phase: Phase, rates: Mapping[str, float]) -> float:
    """The slower of a phase's arithmetic and its bytes."""
    moving = phase.read / rates[f"{phase.level}_read"] + phase.update / rates[f"{phase.level}_update"]
    return max(phase.arithmetic, moving, phase.loaded / rates["l1_read"])


def verdict(target: float | None, ratio: float, attainable: float) -> str:
    """The verdict on a target, a ratio to PyTorch; ``attainable`` is the roof's."""
    if target is None:
        return ""
    if ratio >= target:
        return "met"
    return "out of reach" if attainable < target else "below the roof"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "roofline"
        compiler = shlex.split(os.environ.get("CXX", "g++"))
        subprocess.run([*compiler, "-std=c++17", *FLAGS, str(SOURCE), "-o", str(program)], check=True)
        for widths, batch, dropout in NETWORKS:
            ours, theirs = native_steps(widths, batch, dropout), torch_steps(widths, batch, dropout)
            ours(), theirs()
            rates: dict[str, float] = {}
            native = torch_rate = sgemm = 0.0
            for _ in range(options.turns):
                for name, value in machine_rates(program).items():
                    rates[name] = max(rates.get(name, 0.0), value)
                native = max(native, rate(ours, options.seconds))
                torch_rate = max(torch_rate, rate(theirs, options.seconds))
                sgemm = max(sgemm, sgemm_rate())
            parts = phases(widths, batch, dropout, rates)
            took = {part.name: seconds(part, rates) for part in parts}
            roof = 1 / sum(took.values())
            target = TARGETS.get((widths, dropout))
            row = {
                "network": "-".join(map(str, widths)),
                "batch": batch,
                "dropout": dropout,
                "product_operations": operations(widths, batch),
                "l1_bytes": round(sum(part.loaded for part in parts)),
                **{
                    f"{level}_bytes": round(sum(part.read + 2 * part.update for part in parts if part.level == level))
                    for level in ("l2", "l3", "memory")
                },
                **{f"{name}_microseconds": round(1e6 * value, 2) for name, value in took.items()},
                "roof_steps_per_second": round(roof, 1),
                "native_steps_per_second": round(native, 1),
                "torch_steps_per_second": round(torch_rate, 1),
                "of_roof": round(native / roof, 3),
                "ratio": round(native / torch_rate, 2),
                "roof_ratio": round(roof / torch_rate, 2),
                "target": target or "",
                "verdict": verdict(target, native / torch_rate, roof / torch_rate),
                "sgemm_gflops": round(sgemm / 1e9, 1),
                "fma_gflops": round(rates["fma"] / 1e9, 1),
                **{f"{name}_billions": round(rates[name] / 1e9, 2) for name in ("sqrt", "div", "sqrt_div", "mul64")},
                **{
                    f"{level}_{way}_gbytes": round(rates[f"{level}_{way}"] / 1e9, 1)
                    for level in ("l1", "l2", "l3", "memory")
                    for way in ("read", "update")
                },
            }
            rows.append(row)
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    print(write("roofline", rows))


if __name__ == "__main__":
    main()
