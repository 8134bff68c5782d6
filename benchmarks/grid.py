"""The course's picture from real trials: random against grid, at the same budget, on scikit-learn's digits.

    python -m benchmarks.grid

A learning rate that matters and an l2 that hardly does; 25 networks each. The grid tries five learning rates, the random
search twenty-five. Every trial's point and validation accuracy is a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.datasets import load_digits

from benchmarks.machine import write
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.engine import engine_named
from caviar.engine.contract import Keys
from caviar.nn.config import from_config
from caviar.records import Value
from caviar.scales import Log
from caviar.search.searches import search_named
from caviar.space import Space

TRIALS, EPOCHS, SEEDS = 25, 10, 5
SPACE = Space(
    learning_rate=Log(1e-4, 1.0, tier=1),
    l2=Log(1e-6, 1e-3),
    hidden_units=32,
    layers=2,
    batch_size=64,
    optimizer="momentum",
    momentum=0.9,
    batch_norm=True,
    activation="relu",
)


def configs(search: str, seed: int) -> list[Mapping[str, Value]]:
    machine = search_named(search, SPACE, seed)
    drawn: list[Mapping[str, Value]] = []
    while len(drawn) < TRIALS + 1 and (proposals := machine.propose(len(drawn), [])[0]):
        drawn += [proposal.config for proposal in proposals]
    return drawn[1 : TRIALS + 1] if search == "random" else drawn[:TRIALS]  # a random search's trial 0 is the middle


def main() -> None:
    x, y = load_digits(return_X_y=True)
    dataset = prepare(read((x, y), None, None), 0, None, None)
    engine = engine_named("native")
    rows: list[dict[str, Any]] = []
    for search in ("grid:5", "random"):
        for seed in range(SEEDS):
            for number, config in enumerate(configs(search, seed)):
                recipe = from_config(config, dataset.preprocessing.n_in, dataset.preprocessing.n_out)
                training = engine.start(*recipe, dataset.train, dataset.validation, Keys.of(seed, number))
                epochs = list(training.train(EPOCHS))
                accuracy = epochs[-1].validation.scores["accuracy"] if epochs else float("nan")
                row = {"search": search.partition(":")[0], "seed": seed, "trial": number}
                row |= {name: f"{float(config[name]):.6g}" for name in SPACE.searched}
                rows.append(row | {"validation_accuracy": round(accuracy, 4)})
            best = max(row["validation_accuracy"] for row in rows if row["seed"] == seed)
            print(search, seed, best, flush=True)
    print(write("grid", rows))


if __name__ == "__main__":
    main()
