"""The cost of each part of training: steps a second with it, beside those without it, on the native engine.

    python -m benchmarks.parts [--turns 9] [--seconds 0.3]

One thread, in seconds of this process on a processor, so that other programs disturb little. Every part takes a turn
beside the plain network, which is the same in all other things; a row gives the medians over the turns, the share of a
step that the part adds, and the share that its arithmetic is of the plain step's products (operations over operations).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from benchmarks.machine import write
from caviar.data.examples import Examples
from caviar.learners.contract import Keys, never
from caviar.learners.dense.native import NativeEngine
from caviar.nn.architecture import Architecture, Optimisation

SIZES = [((20, 64, 64), 64), ((64, 128, 128), 128), ((100, 256, 256, 256), 128)]  # inputs, hidden layers; mini-batch


def products(widths: tuple[int, ...], batch: int) -> int:
    """Operations of the products of a step: forward, dw, and dx of all layers but the first."""
    weights = [a * b for a, b in pairwise((*widths, 1))]
    return 2 * batch * (3 * sum(weights) - weights[0])


def parts(widths: tuple[int, ...], batch: int) -> dict[str, tuple[dict[str, Any], dict[str, Any], float | None]]:
    """By name: fields of the architecture, of the optimisation, and the operations added (None: not counted)."""
    weights = [a * b for a, b in pairwise((*widths, 1))]
    parameters = sum(weights) + 2 * sum(widths[1:]) + 1
    return {
        "input_scaling": ({"input_scaling": True}, {}, 4.0 * weights[0]),  # w s forward; dw s and sum(w dw) backward
        "averaging": ({}, {"averaging": 0.99}, 3.0 * parameters),
        "schedule_free": ({}, {"optimizer": "schedule_free"}, 2.0 * parameters),  # adamw's but for y, z in m's place
        "silu": ({"activation": "silu"}, {}, None),
        "mish": ({"activation": "mish"}, {}, None),
        "selu": ({"activation": "selu"}, {}, None),
        "parametric mish": ({"activation": "mish", "parametric_activation": True}, {}, None),
        "huber": ({}, {"loss": "huber"}, 4.0 * batch),
        "pinball": ({}, {"loss": "pinball"}, 4.0 * batch),
        "nothing": ({}, {}, 0.0),  # what two measurements of the same differ by
    }


def training(architecture: Architecture, optimisation: Optimisation, seconds: float) -> Callable[[], float]:
    """Something that trains for ``seconds`` and gives the steps a second."""
    random = np.random.default_rng(0)
    batch = optimisation.batch_size
    x = random.standard_normal((64 * batch, architecture.n_in)).astype(np.float32)
    examples = Examples(x, np.tanh(x[:, 0] * x[:, 1]))
    network = NativeEngine().start(architecture, optimisation, examples, Examples(x[:0], x[:0, 0]), Keys.of(0))

    return lambda: 64 * pace(lambda: network.train(network.epoch + 1, never()), seconds)


def pace(of: Callable[[], object], seconds: float) -> float:
    """Calls of ``of`` a second of this process."""
    calls, start = 0, time.process_time()
    while (passed := time.process_time() - start) < seconds:
        of()
        calls += 1
    return calls / passed


def turns_and_seconds(doc: str | None) -> argparse.Namespace:
    """The options of a benchmark whose contenders take ``turns`` of so many ``seconds``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.3)
    return parser.parse_args()


def main() -> None:
    """Measure every part at every size."""
    options = turns_and_seconds(__doc__)
    rows = []
    for widths, batch in SIZES:
        architecture = Architecture(widths[0], 1, widths[1:], output="linear")
        optimisation = Optimisation("adamw", batch_size=batch)
        plain = training(architecture, optimisation, options.seconds)
        for name, (network, rule, operations) in parts(widths, batch).items():
            other = training(replace(architecture, **network), replace(optimisation, **rule), options.seconds)
            turns = [(plain(), other()) for _ in range(options.turns)]
            rows.append(
                {
                    "network": "-".join(map(str, widths)),
                    "batch": batch,
                    "part": name,
                    "plain_steps_per_second": round(median(a for a, _ in turns), 1),
                    "steps_per_second": round(median(b for _, b in turns), 1),
                    "added": round(median(a / b for a, b in turns) - 1, 3),
                    "arithmetic": "" if operations is None else round(operations / products(widths, batch), 4),
                    "instruction_set": NativeEngine().instruction_set,
                }
            )
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    print(write("parts", rows))


if __name__ == "__main__":
    main()
