"""Functions that return one score and report nothing on the way: caviar's search beside Optuna's TPE and random draws.

    python -m benchmarks.one_score [--trials 100] [--seeds 20]

Five functions of two to six numbers whose minimum is known, and four kinds of search: caviar.tune as it is, the same
with stopping="halving" (which was the default once), TPE with its defaults, and draws by chance. A row has the regret
after so many trials, the best value so far less the minimum: the median over the seeds, and the quartiles.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna

import caviar
from benchmarks.machine import write
from caviar.store import Store

AFTER = (25, 50, 100)
Function = Callable[[Mapping[str, Any]], float]

_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_C = np.array([1.0, 1.2, 3.0, 3.2])


def branin(at: Mapping[str, Any]) -> float:
    """Three minima of 0.397887 on -5 to 10 and 0 to 15."""
    x, y = 15 * at["x0"] - 5, 15 * at["x1"]
    off = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return float(off**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


def hartmann(at: Mapping[str, Any]) -> float:
    """The minimum of six numbers is -3.32237."""
    x = np.array([at[f"x{i}"] for i in range(6)])
    return -float(_C @ np.exp(-(_A * (x - _P) ** 2).sum(axis=1)))


def ackley(at: Mapping[str, Any]) -> float:
    """Many minima; the lowest, 0, is off the middle of the space."""
    x = 30 * (np.array([at[f"x{i}"] for i in range(4)]) - 0.37)
    return float(-20 * np.exp(-0.2 * np.sqrt((x**2).mean())) - np.exp(np.cos(2 * np.pi * x).mean()) + 20 + np.e)


def bowl(at: Mapping[str, Any]) -> float:
    """A bowl whose minimum, 0, is off the middle; its numbers differ in importance by 2 each."""
    x = np.array([at[f"x{i}"] for i in range(6)])
    return float((2.0 ** -np.arange(6) * (x - np.array([0.2, 0.7, 0.4, 0.9, 0.1, 0.6])) ** 2).sum())


def valley(at: Mapping[str, Any]) -> float:
    """Rosenbrock's in three numbers on -2 to 2, on a log scale: its minimum is 0."""
    x = 4 * np.array([at[f"x{i}"] for i in range(3)]) - 2
    return float(np.log1p((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()))


FUNCTIONS: dict[str, tuple[Function, int, float]] = {
    "branin": (branin, 2, 0.397887),
    "hartmann": (hartmann, 6, -3.32237),
    "ackley": (ackley, 4, 0.0),
    "bowl": (bowl, 6, 0.0),
    "valley": (valley, 3, 0.0),
}
"""Each with its number of hyperparameters, all from 0 to 1, and its minimum."""


def ours(function: Function, n: int, trials: int, seed: int, **options: Any) -> list[float]:
    """The values in the order of the trials."""

    def objective(trial: Any) -> float:
        return function(trial.config)

    space = caviar.Space(**{f"x{i}": caviar.Linear(0, 1) for i in range(n)})
    given: dict[str, Any] = {"trials": trials, "seed": seed, "processes": 1, "goal": "minimize", "progress": False}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "caviar.db"))
        study = caviar.tune(objective, space, **given, store=path, **options)
        with Store.open(path) as store:
            return [function(one.config) for one in store.trials(study.name) if one.repeat == 0]


def tpe(function: Function, n: int, trials: int, seed: int) -> list[float]:
    """The same of Optuna's default."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(lambda trial: function({f"x{i}": trial.suggest_float(f"x{i}", 0, 1) for i in range(n)}), trials)
    return [one.value for one in study.trials if one.value is not None]


def chance(function: Function, n: int, trials: int, seed: int) -> list[float]:
    """The same of draws by chance."""
    draws = np.random.default_rng(seed).uniform(size=(trials, n))
    return [function({f"x{i}": float(value) for i, value in enumerate(row)}) for row in draws]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searches: dict[str, Callable[[Function, int, int, int], list[float]]] = {
        "caviar": ours,
        "caviar, halving": lambda *given: ours(*given, stopping="halving"),
        "optuna tpe": tpe,
        "chance": chance,
    }
    rows = []
    for name, (function, n, least) in FUNCTIONS.items():
        for search, values_of in searches.items():
            each = [
                np.minimum.accumulate(values_of(function, n, options.trials, s)) - least for s in range(options.seeds)
            ]
            for after in AFTER:
                low, median, high = np.quantile([one[after - 1] for one in each], [0.25, 0.5, 0.75])
                numbers = {"median": f"{median:.4g}", "quarter": f"{low:.4g}", "three_quarters": f"{high:.4g}"}
                rows.append({"function": name, "search": search, "trials": after, "seeds": options.seeds, **numbers})
                print(*rows[-1].values(), flush=True)
    write("one_score", rows)


if __name__ == "__main__":
    main()
