"""Searches against each other on simulated training: normalised regret and mean rank on LCBench's tasks.

    python -m benchmarks.search_lcbench [--seeds 20] [--ablation-seeds 5] [--optuna-seeds 3]
    python -m benchmarks.search_lcbench --costs           # what a proposal costs, on a quiet machine: two minutes

A budget of 10 is as many epochs as ten trainings to the end (10 x 52). The incumbent is the network in hand with the
best validation accuracy so far, whatever its epoch: what a person would have if the study ended now, and the same rule
for all. Regret is (best possible - incumbent) / (best possible - worst), in percent: the best and worst of 20,000
random configs after the last epoch, or better where a search of this run found better. Ranks are among the searches of
the first table only, of the mean of a task's seeds, for Optuna has fewer.

The validation accuracies are the surrogate's: see ../shared/data/README.md. `half` tells the tasks that the settings
of coarse_to_fine were chosen on ("tuned") from the others ("held out"). Optuna runs one process, as ours does; the
hyperparameters have the same scales for all. Processor time a trial is the search's own: its proposals
(`microseconds_a_proposal`), and these together with who is stopped and all bookkeeping (`microseconds_a_trial`). Two
processes at once share the caches, so `--costs` measures them once more in one: the rivals by turns on a few tasks,
medians and ranges over the studies, into search_lcbench_costs.csv.

Needs onnxruntime and optuna.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from multiprocessing import Pool
from statistics import mean, median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from benchmarks.lcbench import EPOCHS, FOLDER, LINEAR_SPACE, RUNGS, SPACE, Task, tasks
from benchmarks.machine import write
from caviar.records import Box, Config
from caviar.scheduling.halving import POOL
from caviar.scheduling.strategy import Stopping, Strategy
from caviar.search.coarse_to_fine import CoarseToFine, Zoom
from caviar.search.contract import Evidence, Proposal, Search
from caviar.search.sampling import random, sobol
from caviar.space import Space

BUDGETS = (10, 50, 200)
TUNED = 15  # tasks, drawn at random, that the settings of coarse_to_fine were chosen on


class Ours(NamedTuple):
    """A search of ours and how it stops trials."""

    make: Callable[[Space, int], Search]
    stopping: Stopping = "halving"
    space: Space = SPACE


def zooming(**settings: Any) -> Callable[[Space, int], Search]:
    return lambda space, seed: CoarseToFine(space, seed, Zoom(**settings))


RIVALS: dict[str, Ours | str] = {
    "coarse_to_fine": Ours(CoarseToFine),
    "successive halving": Ours(random),
    "random": Ours(random, "none"),
    "sobol": Ours(sobol, "none"),
    "optuna tpe": "plain",
    "optuna tpe + hyperband": "hyperband",
}
ABLATIONS: dict[str, Ours] = {
    "no zoom": Ours(sobol),
    "no tiers": Ours(zooming(tier_opens=(0, 0, 0, 0))),
    "later tiers": Ours(zooming(tier_opens=(0, 8, 16, 24))),
    "no halving": Ours(CoarseToFine, "none"),
    "hyperband": Ours(CoarseToFine, "hyperband"),
    "median rule": Ours(CoarseToFine, "median"),
    "draws in a box as they come": Ours(zooming(candidates=1)),
    "first box when two have finished": Ours(zooming(early=0)),
    "boxes from the first rung": Ours(zooming(skipped_rungs=3)),
    "no draws from the whole space": Ours(zooming(whole_space=0.0)),
    "linear scales": Ours(CoarseToFine, space=LINEAR_SPACE),
}


class Curves:
    """Hands a search's proposals on and looks up their learning curves by the block."""

    def __init__(self, search: Search, task: Task) -> None:
        self.of: dict[int, list[float]] = {}
        self.looked_up = 0.0  # seconds
        self.proposing = 0.0
        self._search = search
        self._task = task

    def lag(self, number: int) -> int | None:
        """The search's."""
        return self._search.lag(number)

    def recall(self, config: Config) -> None:
        """Nothing is taken up here."""

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """The search's, and their curves are known from here on."""
        begun = time.process_time()
        proposals, boxes = self._search.propose(number, evidence)
        start = time.process_time()
        self.proposing += start - begun
        curves = self._task.curves([proposal.config for proposal in proposals]).tolist()
        self.of.update(zip(range(number, number + len(curves)), curves, strict=True))
        self.looked_up += time.process_time() - start
        return proposals, boxes


class Ledger:
    """Epochs spent, and the incumbent's accuracy at each budget."""

    def __init__(self, budgets: Sequence[int] = BUDGETS) -> None:
        self.at: list[float] = []
        self._budgets = budgets
        self._spent = 0
        self._best = 0.0

    def train(self, epochs: int, accuracy: float) -> bool:
        """A network trained so many epochs more: whether budget is left."""
        self._spent += epochs
        while len(self.at) < len(self._budgets) and self._spent > self._budgets[len(self.at)] * EPOCHS:
            self.at.append(self._best)
        self._best = max(self._best, accuracy)
        return len(self.at) < len(self._budgets)


class Played(NamedTuple):
    """Accuracies of the incumbent at the budgets, trials begun, and processor seconds: all, those of proposals."""

    accuracies: list[float]
    trials: int
    seconds: float
    proposing: float


def play(rival: Ours | str, task: Task, seed: int) -> Played:
    """One study on one task."""
    return play_optuna(rival, task, seed) if isinstance(rival, str) else play_ours(rival, task, seed)


def play_ours(rival: Ours, task: Task, seed: int, budgets: Sequence[int] = BUDGETS) -> Played:
    start, ledger = time.process_time(), Ledger(budgets)
    curves = Curves(rival.make(rival.space, seed), task)
    strategy = Strategy(curves, RUNGS, pool=POOL, stopping=rival.stopping)
    while True:
        step = strategy.next()
        assert step is not None
        accuracy = curves.of[step.trial][RUNGS.index(step.to_epoch)]
        if not ledger.train(step.to_epoch - step.from_epoch, accuracy):
            seconds = time.process_time() - start - curves.looked_up
            return Played(ledger.at, strategy.begun, seconds, curves.proposing)
        strategy.report(step, (accuracy, 0.0))


def play_optuna(pruning: str, task: Task, seed: int) -> Played:
    import optuna

    from caviar.search.optuna_search import suggest

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    epochs: tuple[int, ...] = (EPOCHS,)
    if pruning == "hyperband":
        pruner = optuna.pruners.HyperbandPruner(min_resource=RUNGS[0], max_resource=EPOCHS, reduction_factor=3)
        epochs = (2, 6, 18, EPOCHS)  # its rungs
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    ledger, trials, proposing, looked_up, start = Ledger(), 0, 0.0, 0.0, time.process_time()
    while True:
        asked = time.process_time()
        trial = study.ask()
        trials += 1
        config = {name: suggest(trial, name, SPACE[name]) for name in SPACE.names}
        before = time.process_time()
        proposing += before - asked
        curve = task.curves([config], epochs)[0].tolist()
        looked_up += time.process_time() - before
        trained, pruned = 0, False
        for epoch, accuracy in zip(epochs, curve, strict=True):
            if not ledger.train(epoch - trained, accuracy):
                return Played(ledger.at, trials, time.process_time() - start - looked_up, proposing)
            trained = epoch
            trial.report(accuracy, epoch)
            if epoch < EPOCHS and trial.should_prune():
                pruned = True
                break
        study.tell(trial, None if pruned else curve[-1], optuna.trial.TrialState.PRUNED if pruned else None)


# --- the whole table ---


@cache
def loaded() -> list[Task]:
    return tasks()


def job(given: tuple[str, int, int]) -> Played:
    name, task, seed = given
    return play((RIVALS | ABLATIONS)[name], loaded()[task], 1000 * task + seed)


def tuned_half(count: int) -> set[int]:
    return set(np.random.default_rng(2026).permutation(count)[:TUNED].tolist())


def table(
    played: Mapping[str, Sequence[Sequence[Played]]], limits: npt.NDArray[np.float64], chosen: Sequence[int], half: str
) -> list[dict[str, Any]]:
    """A row a search: mean regret and mean rank at each budget, over the ``chosen`` tasks."""
    accuracies = {  # (tasks, budgets), the mean regret of a task's seeds
        name: np.array([np.mean([p.accuracies for p in seeds], axis=0) for seeds in by_task])[chosen]
        for name, by_task in played.items()
    }
    worst, best = limits[chosen, 0, None], limits[chosen, 1, None]
    regret = {name: 100 * (best - a) / (best - worst) for name, a in accuracies.items()}
    rivals = [name for name in played if name in RIVALS]
    ranks = rankdata([regret[name] for name in rivals], axis=0).mean(axis=1)
    rows = []
    for name, by_task in played.items():
        runs = [p for task in chosen for p in by_task[task]]
        row: dict[str, Any] = {"tasks": half, "search": name, "kind": "rival" if name in RIVALS else "ablation"}
        row |= {f"regret_{b}": round(float(r), 3) for b, r in zip(BUDGETS, regret[name].mean(axis=0), strict=True)}
        rank = ranks[rivals.index(name)] if name in rivals else [float("nan")] * len(BUDGETS)
        row |= {f"rank_{b}": round(float(r), 2) for b, r in zip(BUDGETS, rank, strict=True)}
        row |= {
            "trials": round(float(np.mean([p.trials for p in runs]))),
            "microseconds_a_proposal": round(1e6 * sum(p.proposing for p in runs) / sum(p.trials for p in runs), 1),
            "microseconds_a_trial": round(1e6 * sum(p.seconds for p in runs) / sum(p.trials for p in runs), 1),
            "seeds": len(by_task[0]),
        }
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--ablation-seeds", type=int, default=5)
    parser.add_argument("--optuna-seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="these searches, and no file is written")
    parser.add_argument("--costs", action="store_true", help="only what a proposal costs")
    options = parser.parse_args()
    if not FOLDER.exists():
        raise SystemExit(f"the surrogate is not at {FOLDER}: nothing to do")
    if options.costs:
        return costs()
    count = len(loaded())
    limits = np.array([task.limits() for task in loaded()])  # (tasks, 2)
    played: dict[str, list[list[Played]]] = {}
    with Pool(options.processes) as pool:
        for name, rival in (RIVALS | ABLATIONS).items():
            if options.only and name not in options.only:
                continue
            seeds = options.ablation_seeds if name in ABLATIONS else options.seeds
            seeds = options.optuna_seeds if isinstance(rival, str) else seeds
            start = time.perf_counter()
            done = pool.map(job, [(name, task, seed) for task in range(count) for seed in range(seeds)], chunksize=1)
            played[name] = [done[task * seeds : (task + 1) * seeds] for task in range(count)]
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    for by_task in played.values():
        limits[:, 1] = np.maximum(limits[:, 1], [max(max(p.accuracies) for p in seeds) for seeds in by_task])
    tuned = tuned_half(count)
    rows = []
    for half, chosen in (
        ("all", list(range(count))),
        ("tuned", sorted(tuned)),
        ("held out", sorted(set(range(count)) - tuned)),
    ):
        rows += table(played, limits, chosen, half)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    if not options.only:
        print(write("search_lcbench", rows))
    return None


def costs(studies: int = 15, optuna_studies: int = 3) -> None:
    """The processor time of a proposal and of a trial, the rivals by turns, each study on another task."""
    job(("sobol", 0, 0))  # modules and tables are loaded
    played: dict[str, list[Played]] = {name: [] for name in RIVALS}
    for study in range(studies):
        for name, rival in RIVALS.items():
            if not isinstance(rival, str) or study < optuna_studies:
                played[name].append(job((name, study, study)))
    rows = []
    for name, runs in played.items():
        row: dict[str, Any] = {"search": name, "studies": len(runs), "trials": round(mean(p.trials for p in runs))}
        for what in ("proposing", "seconds"):
            each = [1e6 * getattr(p, what) / p.trials for p in runs]
            of = "proposal" if what == "proposing" else "trial"
            row |= {f"microseconds_a_{of}": round(median(each), 1)}
            row |= {f"lowest_a_{of}": round(min(each), 1), f"highest_a_{of}": round(max(each), 1)}
        rows.append(row)
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    print(write("search_lcbench_costs", rows))


if __name__ == "__main__":
    main()
