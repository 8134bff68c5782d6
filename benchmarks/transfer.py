"""The worth of earlier studies: regret with and without the portfolio and `like`, leave one table out.

    python -m benchmarks.transfer worth                              # of a portfolio, in random trials: minutes
    python -m benchmarks.transfer lcbench [--seeds 3]                # simulated training
    python -m benchmarks.transfer tables --packages /tmp/tables18    # real tables by training
    python -m benchmarks.transfer show

`lcbench` plays studies with halving on the surrogate's tasks (benchmarks/lcbench.py); a budget of n is as many epochs
as n trainings to the end. `tables` trains on the tables for choosing (benchmarks/table_definitions.py), ROWS rows of
each at most, every trial to its end, so that a budget of n is n trials. Both:

    coarse_to_fine           begins with the middle of the space, and knows nothing of other tables
    portfolio                first the eight configs that are the best together on the other tables
    like 1, like 3           follows that many studies of coarse_to_fine on other tables, drawn at random
    portfolio and like 3     both
    misled                   follows a study whose eight "best" configs are the worst of its own table

Regret on LCBench is that of benchmarks/search_lcbench.py, in percent. On real tables it is 0 for the best trial of all
methods and 100 for the median of the trials of coarse_to_fine, 200 at most. Rows go to results/transfer_*.csv; a run
that is broken off goes on where it was.

`worth` is of a portfolio that was chosen on the other tables: the random trials whose best has the same mean regret.
For real tables it takes the configs and scores of benchmarks/portfolio.py (60 random draws), for LCBench the surrogate.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import machine
from benchmarks.lcbench import EPOCHS, FOLDER, SPACE
from benchmarks.lcbench import RUNGS as SIMULATED
from benchmarks.portfolio import by_hand, dataset_of, losses, measured, peak, together
from benchmarks.search_lcbench import Curves, Ours, loaded, play_ours
from benchmarks.table_definitions import named
from caviar.learners.contract import TrainingData
from caviar.learners.dense.learner import DenseLearner
from caviar.records import Box, Config, Winners
from caviar.scheduling.halving import POOL
from caviar.scheduling.strategy import Strategy
from caviar.search.coarse_to_fine import CoarseToFine
from caviar.search.contract import Evidence, Proposal, Search
from caviar.search.given import Wish, read
from caviar.search.transfer import Transfer
from caviar.space import Space

BUDGETS = (1, 5, 10, 50)
BEST = 8  # configs that a study takes from another, and those of a portfolio
METHODS = ("coarse_to_fine", "portfolio", "like 1", "like 3", "portfolio and like 3", "misled")
ROWS, RUNGS = 600, (1, 3, 9, 27)  # of a real table
RESULTS = {"lcbench": "transfer_lcbench", "tables": "transfer_tables"}

Scores = npt.NDArray[np.float64]


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


@dataclass(frozen=True)
class World:
    """The tables of one kind: what a study on one of them takes from the others."""

    space: Space
    tables: Sequence[str]
    past: Callable[[int], Winners]
    worst: Callable[[int], Winners]
    portfolio: Callable[[int], list[Config]]

    def search(self, method: str, table: int, seed: int) -> Search:
        """The search of a ``method`` on a table, with winners at the beginning as in a study by time."""
        found: Search = CoarseToFine(self.space, seed)
        if method.startswith("portfolio"):
            found = First(found, self.portfolio(table))
        like: list[Winners] = []
        if method == "misled":
            like = [self.worst(table)]
        elif "like" in method:
            others = [other for other in range(len(self.tables)) if other != table]
            chosen = np.random.default_rng((seed, table)).permutation(others)[: int(method[-1])].tolist()
            like = [self.past(other) for other in chosen]
        ahead = [replace(w, ahead=len(range(i, 4, len(like))), straight=i == 0) for i, w in enumerate(like)]
        return Transfer(found, self.space, seed, ahead) if like else found


# --- simulated training ---


@cache
def limits() -> Scores:
    """The worst and the best score of each task (tasks, 2)."""
    return np.array([task.limits() for task in loaded()])


def regret_of(task: int, accuracy: Any) -> Any:
    """The regret in percent of the range of a task."""
    worst, best = limits()[task]
    return np.maximum(100 * (best - accuracy) / (best - worst), 0.0)


@cache
def past(task: int) -> Winners:
    """The best configs of a study of 50 trainings on ``task``."""
    curves = Curves(CoarseToFine(SPACE, 777_000 + task), loaded()[task])
    strategy = Strategy(curves, SIMULATED, pool=POOL)
    found: dict[int, tuple[float, Config]] = {}
    spent = 0
    while spent < 50 * EPOCHS:
        step = strategy.next()
        assert step is not None
        spent += step.to_epoch - step.from_epoch
        accuracy = curves.of[step.trial][SIMULATED.index(step.to_epoch)]
        if step.to_epoch == EPOCHS:
            found[step.trial] = accuracy, step.config
        strategy.report(step, (accuracy, 0.0))
    best = sorted(found, key=lambda number: found[number][0], reverse=True)[:BEST]
    name = loaded()[task].name
    return Winners(label=name, trials=tuple(best), configs=tuple(found[number][1] for number in best))


def worst(task: int) -> Winners:
    """The worst configs of 200 on ``task`` itself."""
    configs = SPACE.sample(200, seed=task)
    at = loaded()[task].curves(configs, (EPOCHS,))[:, 0].argsort()[:BEST].tolist()
    return Winners(label="misled", trials=tuple(at), configs=tuple(configs[i] for i in at))


@cache
def losses_of_winners() -> tuple[list[Config], Scores]:
    """The winners of all tasks, and the regret of each on each task (tasks, configs)."""
    configs = [config for task in range(len(loaded())) for config in past(task).configs]
    return configs, np.array([regret_of(i, t.curves(configs, (EPOCHS,))[:, 0]) for i, t in enumerate(loaded())])


def portfolio(task: int) -> list[Config]:
    """The winners of the other tasks that are the best together on these."""
    configs, loss = losses_of_winners()
    own = [loaded()[other].name == loaded()[task].name for other in range(len(loaded())) for _ in past(other).configs]
    left = np.where(own, 100.0, np.delete(loss, task, axis=0))
    return [configs[at] for at, _ in together(left, BEST, worst=100.0)]


def simulated() -> World:
    return World(SPACE, [task.name for task in loaded()], past, worst, portfolio)


def play(given: tuple[str, int, int]) -> dict[str, Any]:
    """A row of the CSV: one study on one task."""
    method, task, seed = given
    search = simulated().search(method, task, 1000 * task + seed)
    played = play_ours(Ours(lambda space, _: search), loaded()[task], seed, BUDGETS)
    regrets = regret_of(task, np.array(played.accuracies))
    row: dict[str, Any] = {"method": method, "table": loaded()[task].name, "seed": seed}
    return row | {f"regret_{b}": round(float(r), 3) for b, r in zip(BUDGETS, regrets, strict=True)}


# --- real training ---


@dataclass(frozen=True)
class Trained:
    """The trials of a study of BUDGETS[-1] trials: its configs and scores in their order."""

    configs: list[Config]
    scores: list[float]


def train(search: Search, data: TrainingData, trials: int) -> Iterator[tuple[Config, float]]:
    """The config and the score of each trial, every one trained to its end."""
    strategy = Strategy(search, RUNGS, trials=trials, stopping="none")
    while (step := strategy.next()) is not None:
        score, _ = peak(step.config, data, RUNGS[-1])
        yield step.config, score
        strategy.report(step, (score, 0.0))


def stored(method: str, table: str, seed: int) -> Trained | None:
    found = [
        row
        for row in machine.read(RESULTS["tables"])
        if (row["method"], row["table"], row["seed"]) == (method, table, str(seed))
    ]
    found.sort(key=lambda row: int(row["trial"]))
    if len(found) < BUDGETS[-1]:
        return None
    return Trained([json.loads(row["config"]) for row in found], [float(row["score"]) for row in found])


def winners_of(table: str, seed: int, sign: int = 1) -> Winners:
    """The best configs of the study of coarse_to_fine on a table; the worst that have a score where ``sign`` is -1."""
    trained = stored("coarse_to_fine", table, seed)
    assert trained is not None, "coarse_to_fine comes first"
    finite = [at for at, score in enumerate(trained.scores) if np.isfinite(score)]
    best = sorted(finite, key=lambda at: sign * trained.scores[at], reverse=True)[:BEST]
    return Winners(label=table, trials=tuple(best), configs=tuple(trained.configs[at] for at in best))


def portfolio_without(table: str, space: Space) -> list[Config]:
    """The portfolio that is chosen on the measured tables but this one."""
    tables, configs, scores = measured(long=False)
    others = losses(scores[[name != table for name in tables]])
    chosen = [json.loads(configs[at]) for at, _ in together(others, BEST)]
    searched = [{name: value for name, value in config.items() if name in space.searched} for config in chosen]
    return [Wish(space, read(space, config), 0).config(0, None) for config in searched]


def tables(seeds: int, packages: Path) -> None:
    """Train what is missing, one study after the other, coarse_to_fine on all tables first."""
    space = DenseLearner().default_space(RUNGS[-1])
    chosen = named(None, "choose")
    for seed in range(seeds):
        world = World(
            space,
            [table.name for table in chosen],
            past=lambda at, seed=seed: winners_of(chosen[at].name, seed),  # type: ignore[misc]
            worst=lambda at, seed=seed: winners_of(chosen[at].name, seed, -1),  # type: ignore[misc]
            portfolio=lambda at: portfolio_without(chosen[at].name, space),
        )
        for method in METHODS:
            for at, table in enumerate(chosen):
                if stored(method, table.name, seed) is not None:
                    continue
                data = TrainingData.of(dataset_of(table, packages, ROWS))
                search = world.search(method, at, 1000 * at + seed + 500 * (method != "coarse_to_fine"))
                row = {"method": method, "table": table.name, "seed": seed}
                rows = [
                    {**row, "trial": n, "score": f"{score:.6g}", "config": json.dumps(config)}
                    for n, (config, score) in enumerate(train(search, data, BUDGETS[-1]))
                ]
                machine.merge(RESULTS["tables"], rows, ("method", "table", "seed", "trial"))
                print(method, table.name, flush=True)


def regrets_of_tables() -> list[dict[str, Any]]:
    """Rows as those of LCBench, from the stored trials."""
    found = machine.read(RESULTS["tables"])
    studies = sorted({(row["method"], row["table"], row["seed"]) for row in found})
    trained = {study: kept for study in studies if (kept := stored(study[0], study[1], int(study[2]))) is not None}
    rows = []
    for (method, table, seed), study in trained.items():
        best = max(max(one.scores) for (_, name, _), one in trained.items() if name == table)
        usual = [one.scores for (by, name, _), one in trained.items() if (by, name) == ("coarse_to_fine", table)]
        median = float(np.median(np.concatenate(usual)))
        row: dict[str, Any] = {"method": method, "table": table, "seed": seed}
        for b in BUDGETS:
            regret = 100 * (best - max(study.scores[:b])) / max(best - median, 1e-12)
            row[f"regret_{b}"] = round(min(regret, 200.0), 3)
        rows.append(row)
    return rows


# --- random trials ---


def worth() -> None:
    """Print how many random trials a portfolio of 1, 5 and 8 configs that was chosen on the other tables is worth."""
    names, configs, scores = measured(long=False)
    hand = by_hand(False)
    drawn = np.array([json.loads(config) not in hand for config in configs])
    loss = losses(scores)
    chosen = [together(loss[np.arange(len(names)) != at], BEST) for at in range(len(names))]
    reached = [[loss[at, [i for i, _ in of[:n]]].min() for n in range(1, BEST + 1)] for at, of in enumerate(chosen)]
    print(f"{len(names)} real tables, {drawn.sum()} random draws")
    _print_worth(np.array(reached), loss[:, drawn])
    sampled = SPACE.sample(20_000, seed=54321)
    regrets = np.array([regret_of(i, task.curves(sampled, (EPOCHS,))[:, 0]) for i, task in enumerate(loaded())])
    own = [
        [regret_of(i, task.curves(portfolio(i)[:n], (EPOCHS,))[:, 0]).min() for n in range(1, BEST + 1)]
        for i, task in enumerate(loaded())
    ]
    print(f"{len(own)} tasks of LCBench, {len(sampled):,} random draws")
    _print_worth(np.array(own), regrets)


def _print_worth(reached: Scores, drawn: Scores) -> None:
    """``reached`` (tables, n) is the regret of the portfolio's first n configs, ``drawn`` (tables, m) of draws."""
    m = drawn.shape[1]
    least = np.sort(drawn, axis=1)
    expected = np.array([(least * _chances(m, n)).sum(axis=1).mean() for n in _counts(m)])
    for n in (1, 5, 8):
        mean = reached[:, n - 1].mean()
        better = [count for count, regret in zip(_counts(m), expected, strict=True) if regret <= mean]
        trials = str(better[0]) if better else f"more than {m:,}"
        print(f"  the first {n}: mean regret {mean:.3f}, as the best of {trials} random trials")


def _counts(m: int) -> list[int]:
    return sorted({round(1.05**k) for k in range(250) if 1.05**k <= m})


def _chances(m: int, n: int) -> Scores:
    """The chance (m,) of each of m values, the least first, to be the least of n that are drawn without return."""
    k = np.arange(m)
    with np.errstate(divide="ignore"):
        stays = np.cumsum(np.log(np.maximum(m - n - k, 0)) - np.log(m - k))  # of none of the first k + 1
    above = np.concatenate([[1.0], np.exp(stays)])
    return np.asarray(above[:-1] - above[1:])


# --- the command ---


def lcbench(seeds: int, processes: int) -> None:
    """Play what is missing."""
    done = {(row["method"], row["table"], row["seed"]) for row in machine.read(RESULTS["lcbench"])}
    with Pool(processes) as pool:
        for method in METHODS:
            missing = [
                (method, at, seed)
                for at, task in enumerate(loaded())
                for seed in range(seeds)
                if (method, task.name, str(seed)) not in done
            ]
            if missing:
                rows = pool.map(play, missing, chunksize=8)
                machine.merge(RESULTS["lcbench"], rows, ("method", "table", "seed"))
                print(method, flush=True)


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print the mean regrets, and the mean difference from coarse_to_fine over the tables with its standard error."""
    of_table = {
        (method, table): np.mean([[float(r[f"regret_{b}"]) for b in BUDGETS] for r in found], axis=0)
        for method, table in sorted({(r["method"], r["table"]) for r in rows})
        for found in ([r for r in rows if (r["method"], r["table"]) == (method, table)],)
    }
    names = sorted({table for _, table in of_table})
    print(f"| {len(names)} tables | " + " | ".join(f"after {b}" for b in BUDGETS) + " |")
    print("|---" * (len(BUDGETS) + 1) + "|")
    for method in METHODS:
        own = [of_table[method, table] for table in names if (method, table) in of_table]
        if len(own) < len(names):
            continue
        differences = np.array(own) - np.array([of_table["coarse_to_fine", table] for table in names])
        errors = differences.std(axis=0, ddof=1) / np.sqrt(len(names))
        cells = [
            f"{mean:.1f}" + (f" ({d:+.1f} ± {e:.1f})" if method != "coarse_to_fine" else "")
            for mean, d, e in zip(np.mean(own, axis=0), differences.mean(axis=0), errors, strict=True)
        ]
        print(f"| {method} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("worth", "lcbench", "tables", "show"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--packages", type=Path, default=Path("build/tables"))
    options = parser.parse_args()
    if options.what in ("worth", "lcbench") and not FOLDER.exists():
        raise SystemExit(f"the surrogate is not at {FOLDER}: nothing to do")
    if options.what == "worth":
        worth()
    elif options.what == "lcbench":
        lcbench(options.seeds, options.processes)
    elif options.what == "tables":
        tables(options.seeds, options.packages)
    if options.what != "worth":
        for rows in ([dict(row) for row in machine.read(RESULTS["lcbench"])], regrets_of_tables()):
            if rows:
                show(rows)


if __name__ == "__main__":
    main()
