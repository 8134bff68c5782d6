"""The course's picture from real trials: random against grid, at the same budget, on scikit-learn's digits.

    python -m benchmarks.grid

The course's own two: a learning rate, which matters, and Adam's epsilon, which hardly does; 9 networks each, and 25. A
grid of 25 tries five learning rates, the random search twenty-five. Every trial's point and validation accuracy is a
row; the best of each search, in the mean over seeds, is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.machine import write
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.engine import engine_named
from caviar.engine.contract import Keys, Outcome, never
from caviar.nn.config import from_config
from caviar.records import Value
from caviar.scales import Log
from caviar.search.searches import search_named
from caviar.space import Space

SIDES, EPOCHS, SEEDS = (3, 5), 5, 20
SPACE = Space(
    learning_rate=Log(1e-4, 1.0, tier=1),
    epsilon=Log(1e-9, 1e-5, tier=4),
    hidden_units=32,
    layers=2,
    batch_size=64,
    optimizer="adam",
    beta1=0.9,
    beta2=0.999,
    batch_norm=True,
    activation="relu",
)


def configs(search: str, seed: int, count: int) -> list[Mapping[str, Value]]:
    machine = search_named(search, SPACE, seed)
    drawn: list[Mapping[str, Value]] = []
    while len(drawn) < count + 1 and (proposals := machine.propose(len(drawn), [])[0]):
        drawn += [proposal.config for proposal in proposals]
    return drawn[1 : count + 1] if search == "random" else drawn[:count]  # a random search's trial 0 is the middle


def main() -> None:
    x, y = load_digits(return_X_y=True)
    dataset = prepare(read((x, y)), 0)
    engine = engine_named("native")
    rows: list[dict[str, Any]] = []
    for side in SIDES:
        for search in (f"grid:{side}", "random"):
            bests = []
            for seed in range(SEEDS):
                scores = []
                for number, config in enumerate(configs(search, seed, side * side)):
                    recipe = from_config(config, dataset.preprocessing.n_in, dataset.preprocessing.n_out)
                    training = engine.start(*recipe, dataset.train, dataset.validation, Keys.of(seed, number))
                    outcome, epochs = training.train(EPOCHS, never())
                    trained = outcome is Outcome.TRAINED
                    scores.append(epochs[-1].validation.scores["accuracy"] if trained else 0.0)
                    row = {"trials": side * side, "search": search.partition(":")[0], "seed": seed, "trial": number}
                    row |= {name: f"{float(config[name]):.6g}" for name in SPACE.searched}
                    rows.append(row | {"validation_accuracy": round(scores[-1], 4)})
                bests.append(max(scores))
            print(
                f"{side * side} trials, {search}: the best has {np.mean(bests):.4f} +- {np.std(bests):.4f}", flush=True
            )
    print(write("grid", rows))


if __name__ == "__main__":
    main()
