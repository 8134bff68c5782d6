"""The cost of ask, report and tell, for anyone's own training code; each call's share of a session, amortised.

    python -m benchmarks.asking [--trials 20000]

The rival is Optuna's own ask, report + should_prune, and tell, with TPE and ASHA, on fewer trials, for its cost rises
with their number. Processor time, so that other programs do not count.
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Any

from benchmarks.machine import write
from caviar.scheduling.asking import Asking
from caviar.search.searches import search_named
from caviar.space import default_space

EPOCHS = (1, 3, 9, 27)


def ours(search: str, trials: int) -> dict[str, float]:
    Asking(search_named(search, default_space(), 0, slots=1)).ask(10)  # imports are paid once a process
    machine = Asking(search_named(search, default_space(), 0, slots=1))
    stream = random.Random(0)
    spent = {"ask": 0.0, "report": 0.0, "tell": 0.0}
    reports = 0
    for _ in range(trials):
        start = time.process_time()
        (trial,) = machine.ask()
        asked = time.process_time()
        goes_on = True
        for epoch in EPOCHS:
            if goes_on:
                goes_on = machine.report(trial.number, epoch, (stream.random(), 0.0))
                reports += 1
        reported = time.process_time()
        machine.tell(trial.number, (0.5, 0.0), "finished" if goes_on else "stopped")
        spent["ask"] += asked - start
        spent["report"] += reported - asked
        spent["tell"] += time.process_time() - reported
    calls = {"ask": trials, "report": reports, "tell": trials}
    return {name: 1e6 * seconds / calls[name] for name, seconds in spent.items()}


def optunas(trials: int) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    )
    from caviar.search.optuna_search import suggest

    space, stream, reports = default_space(), random.Random(0), 0
    spent = {"ask": 0.0, "report": 0.0, "tell": 0.0}
    for _ in range(trials):
        start = time.process_time()
        trial = study.ask()
        for name in space.searched:
            suggest(trial, name, space[name])
        asked = time.process_time()
        pruned = False
        for epoch in EPOCHS:
            if not pruned:
                trial.report(stream.random(), epoch)
                pruned = trial.should_prune()
                reports += 1
        reported = time.process_time()
        state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
        study.tell(trial, None if pruned else 0.5, state)
        spent["ask"] += asked - start
        spent["report"] += reported - asked
        spent["tell"] += time.process_time() - reported
    calls = {"ask": trials, "report": reports, "tell": trials}
    return {name: 1e6 * seconds / calls[name] for name, seconds in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20_000)
    parser.add_argument("--optuna-trials", type=int, default=300)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for search in ("coarse_to_fine", "random"):
        rows.append({"tool": f"caviar {search}", "trials": options.trials} | ours(search, options.trials))
    rows.append({"tool": "optuna tpe + asha", "trials": options.optuna_trials} | optunas(options.optuna_trials))
    rows = [{key: round(v, 1) if isinstance(v, float) else v for key, v in row.items()} for row in rows]
    rows = [{(f"{k}_microseconds" if k in ("ask", "report", "tell") else k): v for k, v in r.items()} for r in rows]
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    print(write("asking", rows))


if __name__ == "__main__":
    main()
