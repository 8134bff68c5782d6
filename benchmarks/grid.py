"""Random against grid with as many trials: the course's picture, from real trials on digits.

    python -m benchmarks.grid [--seeds 40]        then: python docs/grid.py draws docs/grid.svg

Two hyperparameters that matter unequally, learning_rate and Adam's epsilon, and 25 trials: a grid of 5 x 5 powers of
ten, which tries five learning rates, or 25 random points on the same scales, which try 25. Everything else is fixed:
two layers of 64 units, mini-batches of 64, 20 epochs. A seed decides the split, the weights and the random points; a
row is a trial. The score is the log loss on the validation part, which tells networks apart where accuracy is all but
1.

Source: Bergstra and Bengio, Random search for hyper-parameter optimization, 2012; deeplearning.ai, Improving deep
neural networks, week 3, "Tuning process".
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from itertools import product
from pathlib import Path
from statistics import mean, median

from benchmarks.machine import read, write
from benchmarks.table_files import table_file
from caviar import train
from caviar.records import Config
from caviar.scales import Log
from caviar.space import Space

SPACE = Space(learning_rate=Log(1e-4, 1.0), epsilon=Log(1e-10, 1e-6))
SIDE = 5
TRIALS = SIDE * SIDE
FIXED: Config = {"hidden_units": 64, "layers": 2, "batch_size": 64, "optimizer": "adam"}
EPOCHS = 20


def grid() -> list[Config]:
    """Every pair of powers of ten."""
    edge = [k / (SIDE - 1) for k in range(SIDE)]
    return list(SPACE.from_unit(list(product(edge, edge))))


def best_of(rows: list[dict[str, str]]) -> dict[str, dict[int, float]]:
    """The lowest log loss of each way by seed."""
    losses: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in rows:
        losses[row["way"], int(row["seed"])].append(float(row["log_loss"]))
    best: dict[str, dict[int, float]] = defaultdict(dict)
    for (way, seed), values in losses.items():
        best[way][seed] = min(values)
    return best


def summary() -> str:
    """The result of the rows, in a sentence."""
    best = best_of(read("grid"))
    seeds = sorted(best["grid"])
    wins = sum(best["random"][seed] < best["grid"][seed] for seed in seeds)
    ways = ", ".join(
        f"{way}: mean {mean(best[way].values()):.4f}, median {median(best[way].values()):.4f}" for way in best
    )
    return f"lowest log loss of {TRIALS} trials, {len(seeds)} seeds: {ways}; random is lower in {wins} of {len(seeds)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        table = table_file("digits", Path(name))
        assert table is not None
        for seed in range(options.seeds):
            data = table.dataset(seed)
            held_out = data.validation.x, data.validation.y
            for way, configs in (("grid", grid()), ("random", SPACE.sample(TRIALS, seed))):
                for number, config in enumerate(configs):
                    weights = seed * TRIALS + number  # the same for both ways: neither has the luckier ones
                    fit = train(
                        data.train.x,
                        data.train.y,
                        {**FIXED, **config},
                        epochs=EPOCHS,
                        seed=weights,
                        validation=held_out,
                    )
                    last = fit.history.iloc[-1]
                    rows.append(
                        {
                            "way": way,
                            "seed": seed,
                            "trial": number,
                            "learning_rate": f"{config['learning_rate']:.6g}",
                            "epsilon": f"{config['epsilon']:.6g}",
                            "log_loss": round(float(last["validation_loss"]), 5),
                            "accuracy": round(float(last["validation_accuracy"]), 4),
                        }
                    )
    print(write("grid", rows))
    print(summary())


if __name__ == "__main__":
    main()
