"""The portfolio of the default space, found greedily over the tables for choosing.

    python -m benchmarks.portfolio --packages /tmp/tables18 [--draws 60] [--long]
    python -m benchmarks.portfolio --choose 8 [--long] >> src/caviar/portfolio.toml

The first adds rows to benchmarks/results/portfolio.csv. Random configs of the default space are trained on the tables
for choosing (benchmarks/table_definitions.py; the judging half is not read), at most ROWS rows of each, for as many
epochs as a study of a minute would. With --long it is all rows of those with more, and portfolio_long.csv: networks of
many rows want less dropout and more units. The score of a config on a table is its best at a rung: cross-entropy for
classes, R2 for numbers. The loss of a portfolio on a table is that of its best config, 0 for the best of all draws and
1 for the median draw. The next config is the one that makes the mean loss over the tables the least (Auto-sklearn 2.0,
section 4.2). With --long they are printed the smallest first.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import machine
from benchmarks.table_definitions import Table, load, named, split
from caviar.data.dataset import Dataset, prepare
from caviar.data.read import read
from caviar.learners.contract import Keys, Outcome, TrainingData, never
from caviar.learners.dense.learner import DenseLearner
from caviar.nn.encoding import ENCODINGS
from caviar.records import Config
from caviar.scheduling.halving import rungs_to
from caviar.search.portfolio import LONG
from caviar.space import Space, default_space

ROWS = 12_000
RESULTS = {long: machine.RESULTS / f"portfolio{'_long' * long}.csv" for long in (False, True)}
Scores = npt.NDArray[np.float64]
_LEAST = 2  # rungs of a good portfolio's scores: the first says little


def dataset_of(table: Table, packages: Path, most: int | None) -> Dataset:
    """The training rows of the first split, at most so many of them, as a study prepares them."""
    import pandas as pd

    columns = load(table, packages)
    frame = pd.DataFrame(
        {
            name: values if values.dtype.kind == "f" else pd.Series(values, dtype=object).where(values != "", None)
            for name, values in columns.columns.items()
        }
    )
    target = columns.y if table.regression else np.array([f"class {code}" for code in columns.y], dtype=object)
    train, _ = split(columns.y, 0, regression=table.regression)
    chosen = np.sort(np.random.default_rng(0).permutation(train)[:most])
    frame = frame.assign(**{"the target": target}).iloc[chosen].reset_index(drop=True)
    return prepare(read(frame, "the target"), 0, None, "regression" if table.regression else "classification")


def peak(config: Config, data: TrainingData, last: int) -> tuple[float, int]:
    """The best score at a rung, larger is better, and after how many epochs; minus infinity where it diverged."""
    whole = {**config, "decay_rate": 1 / last}
    outcome, epochs = DenseLearner().start(whole, data, Keys.of(0)).train(last, never())
    if outcome is not Outcome.TRAINED:
        return -np.inf, 0
    name, sign = ("r2", 1) if data.n_out == 1 else ("log_loss", -1)
    return max((sign * epochs[rung - 1].validation.scores[name], rung) for rung in rungs_to(last)[_LEAST - 1 :])


def measure(tables: list[Table], space: Space, packages: Path, draws: int, long: bool) -> None:
    """Append a row for each config and table that has none yet."""
    done = {(row["table"], row["config"]) for row in rows(long)}
    drawn = [dict(config) for config in space.sample(draws, seed=18)]
    configs = [json.dumps({k: v for k, v in c.items() if k != "decay_rate"}) for c in (*drawn, *by_hand(long))]
    for table in tables:
        missing = [config for config in configs if (table.name, config) not in done]
        if not missing:
            continue
        data = TrainingData.of(dataset_of(table, packages, None if long else ROWS))
        last = 81 if len(data.training) < 6_000 else 27
        with RESULTS[long].open("a", newline="") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(("table", "config", "score", "epochs"))
            for config in missing:
                score, epochs = peak(json.loads(config), data, last)
                writer.writerow((table.name, config, f"{score:.6g}", epochs))
                file.flush()
        print(table.name, len(missing), flush=True)


def by_hand(long: bool) -> list[Config]:
    """Configs that a careful person would begin with, beside the random ones; for ``long`` tables large ones too."""
    usual: dict[str, Any] = {"optimizer": "adamw", "learning_rate": 0.01, "beta1": 0.9, "batch_size": 128}
    usual |= {"hidden_units": 128, "layers": 2, "activation": "silu", "decay": "cosine", "decay_by": "step"}
    usual |= {"beta2": 0.999, "epsilon": 1e-8, "batch_norm": True, "input_dropout": 0.0}
    usual |= {"input_scaling": True, "averaging": 0.99}
    bins = {"quantile_bins": 16, "tree_bins": 32}
    held_back: tuple[dict[str, Any], ...] = (
        {"dropout": 0.1, "weight_decay": 0.1},
        {"dropout": 0.3, "weight_decay": 1.0},
    )
    found: list[Config] = [
        {**usual, **held, "encoding": encoding} | ({"bins": bins[encoding]} if encoding in bins else {})
        for encoding in ENCODINGS
        for held in held_back
    ]
    large: dict[str, Any] = {"weight_decay": 0.1, "hidden_units": 256, "layers": 3}
    for encoding, most in (("quantile_bins", 64), ("tree_bins", 32)) if long else ():
        for dropout in (0.0, 0.1):
            for batch_size in (128, 256, 512):
                spread: dict[str, Any] = {
                    "encoding": encoding,
                    "bins": most,
                    "dropout": dropout,
                    "batch_size": batch_size,
                }
                found += [{**usual, "weight_decay": 0.1, **spread}, {**usual, **large, **spread}]
    return found


def rows(long: bool) -> list[dict[str, str]]:
    """The rows of the CSV."""
    if not RESULTS[long].exists():
        return []
    with RESULTS[long].open(newline="") as file:
        return list(csv.DictReader(file))


def measured(long: bool) -> tuple[list[str], list[str], Scores]:
    """The tables, the configs that were measured on all of them, and their scores (tables, configs)."""
    found = rows(long)
    tables, configs = sorted({row["table"] for row in found}), list(dict.fromkeys(row["config"] for row in found))
    by = {(row["table"], row["config"]): float(row["score"]) for row in found}
    whole = [config for config in configs if all((table, config) in by for table in tables)]
    return tables, whole, np.array([[by[table, config] for config in whole] for table in tables])


def losses(scores: Scores) -> Scores:
    """The loss of each config on each table (tables, configs): 0 for the best, 1 for the median, 2 at most."""
    best, median = scores.max(axis=1, keepdims=True), np.median(scores, axis=1, keepdims=True)
    return np.asarray(np.minimum((best - scores) / np.maximum(best - median, 1e-12), 2.0))


def together(loss: Scores, most: int, worst: float = 2.0) -> list[tuple[int, float]]:
    """The configs of the portfolio, the first one first, and the mean loss with each; ``loss`` (tables, configs)."""
    chosen: list[tuple[int, float]] = []
    reached = np.full(len(loss), worst)
    while len(chosen) < most and reached.any():
        at = int(np.minimum(reached[:, None], loss).mean(axis=0).argmin())
        reached = np.minimum(reached, loss[:, at])
        chosen.append((at, float(reached.mean())))
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, default=Path("build/tables"))
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--choose", type=int, help="measure nothing; print a portfolio of so many configs")
    parser.add_argument("--long", action="store_true", help="tables of many rows, all of them")
    options = parser.parse_args()
    if options.choose is None:
        chosen = [table for table in named(None, "choose") if not options.long or table.rows > ROWS]
        measure(chosen, default_space(), options.packages, options.draws, options.long)
        return
    tables, whole, scores = measured(options.long)
    kind = f"tables with {LONG:,} rows for training or more" if options.long else "any table"
    order = "; the order below is by size" if options.long else ""
    print(f"# For {kind}: found among {len(whole)} configs on {len(tables)} tables{order}.")
    chosen_configs = together(losses(scores), options.choose)
    for place, (_, mean) in enumerate(chosen_configs, 1):
        print(f"# {place}: mean loss {mean:.3f}")
    configs = [(at, json.loads(whole[at])) for at, _ in chosen_configs]
    if options.long:  # a minute has room for a few: first those of which there is room for more
        configs.sort(key=lambda entry: entry[1]["hidden_units"] * entry[1]["layers"])
    for _, config in configs:
        print(f"\n[[{'long' if options.long else 'any'}]]")
        for name, value in config.items():
            if name not in default_space().searched:
                continue
            value = float(f"{value:.3g}") if isinstance(value, float) else value
            print(f"{name} = {json.dumps(value)}")


if __name__ == "__main__":
    main()
