"""Functions that return one score and report nothing on the way: caviar's search beside Optuna's and random draws.

    python -m benchmarks.one_score [--trials 100] [--seeds 10] [--searches "caviar" "optuna gp"]

Ten functions of two to eight numbers whose minimum is known: the settings of the search were chosen with five in
sight, and the other five ("held out") were looked at afterwards. The searches: caviar.tune with one process and with
four, Optuna's TPE, which is its default, its Gaussian process, and draws by chance. A row has the regret after so many
trials, the best value so far less the minimum: the median over the seeds, and the quartiles; and the seconds of a study
in the median. A study of four processes has its trials in the order of their numbers.

`--searches` measures these alone and keeps the rows of the others. Optuna's Gaussian process needs torch.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna

import caviar
from benchmarks.machine import merge
from caviar.store import Store

AFTER = (25, 50, 100)
KEY = ("function", "search", "trials")
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


def levy(at: Mapping[str, Any]) -> float:
    """Levy's in five numbers on -10 to 10; the minimum is 0."""
    w = 1 + (20 * np.array([at[f"x{i}"] for i in range(5)]) - 11) / 4
    between = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)).sum()
    return float(np.sin(np.pi * w[0]) ** 2 + between + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2))


def styblinski(at: Mapping[str, Any]) -> float:
    """Styblinski and Tang's in four numbers on -5 to 5, with 16 minima; the lowest is moved to 0."""
    x = 10 * np.array([at[f"x{i}"] for i in range(4)]) - 5
    return float((x**4 - 16 * x**2 + 5 * x).sum() / 2 + 4 * 39.16616570377142)


def camel(at: Mapping[str, Any]) -> float:
    """The camel with six humps, on -2 to 2 and -1 to 1; the lowest two of its minima are moved to 0."""
    x, y = 4 * at["x0"] - 2, 2 * at["x1"] - 1
    return float((4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2 + 1.031628453489877)


def griewank(at: Mapping[str, Any]) -> float:
    """Griewank's in three numbers: a bowl full of ripples, whose minimum, 0, is off the middle."""
    x = 40 * (np.array([at[f"x{i}"] for i in range(3)]) - 0.61)
    return float((x**2).sum() / 4000 - np.prod(np.cos(x / np.sqrt(np.arange(1, 4)))) + 1)


def crease(at: Mapping[str, Any]) -> float:
    """Eight numbers that differ in importance by 2 each, with a crease at the minimum, 0."""
    x = np.array([at[f"x{i}"] for i in range(8)])
    return float((np.abs(x - np.linspace(0.2, 0.8, 8)) ** 1.5 * 2.0 ** -np.arange(8)).sum())


FUNCTIONS: dict[str, tuple[Function, int, float]] = {
    "branin": (branin, 2, 0.397887),
    "hartmann": (hartmann, 6, -3.32237),
    "ackley": (ackley, 4, 0.0),
    "bowl": (bowl, 6, 0.0),
    "valley": (valley, 3, 0.0),
    "levy": (levy, 5, 0.0),
    "styblinski": (styblinski, 4, 0.0),
    "camel": (camel, 2, 0.0),
    "griewank": (griewank, 3, 0.0),
    "crease": (crease, 8, 0.0),
}
"""Each with its number of hyperparameters, all from 0 to 1, and its minimum."""
HELD_OUT = ("levy", "styblinski", "camel", "griewank", "crease")


def ours(function: Function, n: int, trials: int, seed: int, processes: int = 1) -> list[float]:
    """The values in the order of the trials."""

    def objective(trial: Any) -> float:
        return function(trial.config)

    space = caviar.Space(**{f"x{i}": caviar.Linear(0, 1) for i in range(n)})
    given: dict[str, Any] = {
        "trials": trials,
        "seed": seed,
        "processes": processes,
        "goal": "minimize",
        "progress": False,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "caviar.db"))
        study = caviar.tune(objective, space, **given, store=path)
        with Store.open(path) as store:
            return [function(one.config) for one in store.trials(study.name) if one.repeat == 0]


def optunas(sampler: type[Any], function: Function, n: int, trials: int, seed: int) -> list[float]:
    """The same of a sampler of Optuna."""
    study = optuna.create_study(sampler=sampler(seed=seed))
    study.optimize(lambda trial: function({f"x{i}": trial.suggest_float(f"x{i}", 0, 1) for i in range(n)}), trials)
    return [one.value for one in study.trials if one.value is not None]


def chance(function: Function, n: int, trials: int, seed: int) -> list[float]:
    """The same of draws by chance."""
    draws = np.random.default_rng(seed).uniform(size=(trials, n))
    return [function({f"x{i}": float(value) for i, value in enumerate(row)}) for row in draws]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--searches", nargs="*")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searches: dict[str, Callable[[Function, int, int, int], list[float]]] = {
        "caviar": ours,
        "caviar, 4 processes": partial(ours, processes=4),
        "optuna tpe": partial(optunas, optuna.samplers.TPESampler),
        "optuna gp": partial(optunas, optuna.samplers.GPSampler),
        "chance": chance,
    }
    for name, (function, n, least) in FUNCTIONS.items():
        for search in options.searches or searches:
            each, seconds = [], []
            for seed in range(options.seeds):
                start = time.perf_counter()
                values = searches[search](function, n, options.trials, seed)
                seconds.append(time.perf_counter() - start)
                each.append(np.minimum.accumulate(values) - least)
            half = "held out" if name in HELD_OUT else "in sight"
            rows = []
            for after in AFTER:
                low, median, high = np.quantile([one[after - 1] for one in each], [0.25, 0.5, 0.75])
                numbers = {"median": f"{median:.3g}", "quarter": f"{low:.3g}", "three_quarters": f"{high:.3g}"}
                row = {"function": name, "half": half, "search": search, "trials": after, "seeds": options.seeds}
                rows.append({**row, **numbers, "seconds": round(float(np.median(seconds)), 2)})
                print(*rows[-1].values(), flush=True)
            merge("one_score", rows, KEY)


if __name__ == "__main__":
    main()
