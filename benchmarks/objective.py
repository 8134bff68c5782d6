"""The cost of a trial of one's own function besides its training, beside Optuna's in the same run.

    python -m benchmarks.objective [--trials 10000] [--optuna-trials 300]

The function does nothing but report three scores of its config. Ours trains it in a process kept warm and writes every
report to SQLite; Optuna, with TPE and successive halving, runs it in its own process, once with its SQLite storage and
once in memory. Wall time a trial, over the whole study and over its last tenth, which shows whether it slows down; the
start of the process is told apart. Runs alternate; the median is told.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import caviar
from benchmarks.machine import write

EPOCHS = (1, 3, 9)
SPACE = caviar.Space(x=caviar.Linear(0, 1, tier=1), y=caviar.Log(1e-4, 1, tier=1))


def objective(trial: Any) -> float:
    x = float(trial.config["x"])
    for epoch in EPOCHS:
        trial.report(epoch, x)
    return x


def ours(trials: int, processes: int) -> dict[str, float]:
    from caviar.study.events import Progress
    from caviar.study.spec import ProgramRequest
    from caviar.study.tune import follow

    with tempfile.TemporaryDirectory() as folder:
        request = ProgramRequest(
            objective=objective,
            space=SPACE,
            trials=trials,
            processes=processes,
            epochs=9,
            store=str(Path(folder, "caviar.db")),
        )
        began, seen = time.monotonic(), [(0.0, 0)]
        for event in follow(request):
            if isinstance(event, Progress):
                seen.append((time.monotonic() - began, sum(event.counts.values())))
        whole = time.monotonic() - began
    first = next(seconds for seconds, count in seen if count > 1)
    until, count = next((s, c) for s, c in seen if c >= 0.9 * trials)
    end = seen[-1][0]
    return {
        "seconds_to_first_trials": first,
        "milliseconds_a_trial": 1e3 * (whole - first) / trials,
        # of a short study there are too few looks at its progress to tell
        "milliseconds_of_the_last_tenth": 1e3 * (end - until) / (trials - count) if trials > count else float("nan"),
    }


def optunas(trials: int, storage: str | None) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        storage=storage,
    )
    times = []

    def function(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.suggest_float("y", 1e-4, 1, log=True)
        for epoch in EPOCHS:
            trial.report(x, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    began = time.monotonic()
    study.optimize(function, n_trials=trials, callbacks=[lambda *_: times.append(time.monotonic() - began)])
    tenth = max(trials // 10, 1)
    return {
        "seconds_to_first_trials": times[0],
        "milliseconds_a_trial": 1e3 * (times[-1] - times[0]) / trials,
        "milliseconds_of_the_last_tenth": 1e3 * (times[-1] - times[-tenth - 1]) / tenth,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--optuna-trials", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for _ in range(options.runs):
        for trials in (options.optuna_trials, options.trials):
            found.setdefault(("caviar, 1 process", trials), []).append(ours(trials, 1))
        found.setdefault(("caviar, 2 processes", options.trials), []).append(ours(options.trials, 2))
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/optuna.db"
            found.setdefault(("optuna, SQLite", options.optuna_trials), []).append(optunas(options.optuna_trials, url))
        found.setdefault(("optuna, in memory", options.optuna_trials), []).append(optunas(options.optuna_trials, None))
    rows = []
    for (tool, trials), runs in found.items():
        row: dict[str, Any] = {"tool": tool, "trials": trials, "runs": len(runs)}
        row |= {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
        every = [run["milliseconds_a_trial"] for run in runs]
        row |= {"least": round(min(every), 3), "most": round(max(every), 3)}
        rows.append(row)
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    print(write("objective", rows))


if __name__ == "__main__":
    main()
