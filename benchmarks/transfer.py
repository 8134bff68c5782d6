"""The worth of earlier studies: regret with and without the portfolio and `like`, leave one table out.

    python -m benchmarks.transfer lcbench [--seeds 5]      # simulated training: minutes
    python -m benchmarks.transfer worth                    # of a portfolio, in random trials: a minute

`lcbench` plays studies of coarse_to_fine on the surrogate's tasks (benchmarks/lcbench.py). A budget of n is as many
epochs as n trainings to the end. What a study takes from another task is what caviar takes: the best configs of a study
of coarse_to_fine there, of 50 trainings and another seed. `like 1` and `like 3` name that many other tasks, drawn at
random; `like all` all of them; `portfolio` begins with the eight configs that are the best together on the other tasks
(greedy, as benchmarks/portfolio.py). `misled` follows the worst eight of 200 configs of its own task. The regret is
that of benchmarks/search_lcbench.py. Rows go to results/transfer_lcbench.csv; a run that is broken off goes on there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from multiprocessing import Pool
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import machine
from benchmarks.lcbench import EPOCHS, FOLDER, RUNGS, SPACE
from benchmarks.search_lcbench import Curves, Ours, loaded, play_ours
from caviar.records import Box, Config, Winners
from caviar.scheduling.halving import POOL
from caviar.scheduling.strategy import Strategy
from caviar.search.coarse_to_fine import CoarseToFine
from caviar.search.contract import Evidence, Proposal, Search
from caviar.search.transfer import Mix, Transfer

BUDGETS = (1, 5, 10, 50)
BEST = 8  # configs that a study takes from another

Scores = npt.NDArray[np.float64]


# --- simulated training ---


@cache
def limits() -> Scores:
    """The worst and the best score of each task (tasks, 2)."""
    return np.array([task.limits() for task in loaded()])


@cache
def past(task: int) -> Winners:
    """The best configs of a study of 50 trainings on ``task``."""
    curves = Curves(CoarseToFine(SPACE, 777_000 + task), loaded()[task])
    strategy = Strategy(curves, RUNGS, pool=POOL)
    found: dict[int, tuple[float, Config]] = {}
    spent = 0
    while spent < 50 * EPOCHS:
        step = strategy.next()
        assert step is not None
        spent += step.to_epoch - step.from_epoch
        accuracy = curves.of[step.trial][RUNGS.index(step.to_epoch)]
        if step.to_epoch == EPOCHS:
            found[step.trial] = accuracy, step.config
        strategy.report(step, (accuracy, 0.0))
    best = sorted(found, key=lambda number: found[number][0], reverse=True)[:BEST]
    name = loaded()[task].name
    return Winners(label=name, trials=tuple(best), configs=tuple(found[number][1] for number in best))


def misleading(task: int) -> Winners:
    """The worst configs of 200 on ``task`` itself."""
    configs = SPACE.sample(200, seed=task)
    worst = loaded()[task].curves(configs, (EPOCHS,))[:, 0].argsort()[:BEST].tolist()
    return Winners(label="misled", trials=tuple(worst), configs=tuple(configs[at] for at in worst))


def portfolio(task: int, most: int) -> list[Config]:
    """The configs that are the best together on all tasks but ``task``, the first one first."""
    others = [other for other in range(len(loaded())) if other != task]
    configs = [config for other in others for config in past(other).configs]
    loss = np.array([regret_of(other, loaded()[other].curves(configs, (EPOCHS,))[:, 0]) for other in others])
    chosen: list[int] = []
    reached = np.full(len(others), 100.0)
    for _ in range(most):
        chosen.append(int(np.minimum(reached[:, None], loss).mean(axis=0).argmin()))
        reached = np.minimum(reached, loss[:, chosen[-1]])
    return [configs[at] for at in chosen]


def regret_of(task: int, accuracy: Any) -> Any:
    """The regret in percent of the range of a task."""
    worst, best = limits()[task]
    return np.maximum(100 * (best - accuracy) / (best - worst), 0.0)


class First:
    """A search that begins with given configs, whatever comes of them."""

    def __init__(self, search: Search, configs: Sequence[Config]) -> None:
        self._search = search
        self._configs = configs

    def lag(self, number: int) -> int | None:
        """See contract.Search."""
        return None if number < len(self._configs) else self._search.lag(number)

    def recall(self, config: Config) -> None:
        """Nothing is taken up here."""

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """See contract.Search."""
        rest = self._configs[number:]
        return ([Proposal(config, "first") for config in rest], []) if rest else self._search.propose(number, evidence)


def like(task: int, seed: int, studies: int) -> list[Winners]:
    """The winners that a study of ``task`` takes from so many others, drawn at random."""
    others = [other for other in range(len(loaded())) if other != task]
    chosen = np.random.default_rng((seed, task)).permutation(others)[:studies].tolist()
    return [past(other) for other in chosen]


def ahead(like: Sequence[Winners], trials: int) -> list[Winners]:
    """The same, so many of their winners in all at the beginning."""
    return [replace(w, ahead=len(range(i, trials, len(like))), straight=i == 0) for i, w in enumerate(like)]


def followed(task: int, seed: int, of: list[Winners], trials: int = 4, mix: Mix | None = None) -> Search:
    return Transfer(CoarseToFine(SPACE, seed), SPACE, seed, ahead(of, trials), mix)


METHODS: dict[str, Callable[[int, int], Search]] = {
    "coarse_to_fine": lambda task, seed: CoarseToFine(SPACE, seed),
    "like 1": lambda task, seed: followed(task, seed, like(task, seed, 1)),
    "like 3": lambda task, seed: followed(task, seed, like(task, seed, 3)),
    "like all": lambda task, seed: followed(task, seed, like(task, seed, 99)),
    "portfolio": lambda task, seed: First(CoarseToFine(SPACE, seed), portfolio(task, 8)),
    "misled": lambda task, seed: followed(task, seed, [misleading(task)]),
}


def job(given: tuple[str, int, int]) -> list[float]:
    """The regrets at the budgets."""
    name, task, seed = given
    search = METHODS[name](task, 1000 * task + seed)
    played = play_ours(Ours(lambda space, _: search), loaded()[task], seed, BUDGETS)
    return [round(float(each), 3) for each in regret_of(task, np.array(played.accuracies))]


def lcbench(seeds: int, processes: int, only: Sequence[str]) -> None:
    done = {(row["method"], row["task"], row["seed"]) for row in machine.read("transfer_lcbench")}
    rows = []
    with Pool(processes) as pool:
        for method in only or METHODS:
            missing = [
                (method, task, seed)
                for task in range(len(loaded()))
                for seed in range(seeds)
                if (method, loaded()[task].name, str(seed)) not in done
            ]
            for (_, task, seed), regrets in zip(missing, pool.map(job, missing, chunksize=4), strict=True):
                row: dict[str, Any] = {"method": method, "task": loaded()[task].name, "seed": seed}
                rows.append(row | {f"regret_{b}": r for b, r in zip(BUDGETS, regrets, strict=True)})
            if missing:
                machine.merge("transfer_lcbench", rows, ("method", "task", "seed"))
            show(method)


def show(method: str) -> None:
    found = [row for row in machine.read("transfer_lcbench") if row["method"] == method]
    means = [np.mean([float(row[f"regret_{b}"]) for row in found]) for b in BUDGETS]
    print(f"{method:16}", "  ".join(f"{b}: {m:6.2f}" for b, m in zip(BUDGETS, means, strict=True)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("lcbench",))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=())
    options = parser.parse_args()
    if not FOLDER.exists():
        raise SystemExit(f"the surrogate is not at {FOLDER}: nothing to do")
    lcbench(options.seeds, options.processes, options.only)


if __name__ == "__main__":
    main()
