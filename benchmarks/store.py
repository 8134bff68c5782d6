"""The cost of a store: 20,000 trials of 30 epochs written in batches, and read back in each way that is needed.

    python -m benchmarks.store

Targets: written in 10 s on SQLite; listed, read as a DataFrame and resumed in 2 s each. A resume is measured from the
call until the first new training has been given to a thread, modules being imported already, on two studies with
invented scores: one that trains every trial to its end (27 epochs), and one with halving, as studies are. "Read without
comparisons" is what a resume of a study of an older version has to read before that. PostgreSQL
runs beside it, on a server of its own with its usual settings. The rival is Optuna's own database, SQLite too, with
fewer trials because it writes one value a transaction. What reads is done five times, each resume from where the one
before was broken off: medians, the lowest and the highest.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.machine import write
from caviar.records import Comparison, Config, Measurement, Study, StudyKind, StudySpec, StudyState, Trial, TrialState
from caviar.records.ranking import rank_key, smoothed
from caviar.scheduling.strategy import Strategy
from caviar.store import Store
from caviar.study.check import check_table
from caviar.study.events import Progress
from caviar.study.job import TableJob
from caviar.study.known import Known
from caviar.study.resume import take_up
from caviar.study.spec import Request
from tests.postgresql_server import database, server

TRIALS, EPOCHS, BATCH = 20_000, 30, 500
RIVAL_TRIALS = 60
TIMES = 5

STUDY = Study(
    "big",
    0,
    "accuracy",
    "coarse",
    {},
    StudySpec(kind=StudyKind.TABLE, trials=TRIALS),
    {"rows": 1000},
    {},
    StudyState.RUNNING,
    "2026-01-31T12:00:00",
)


def config(number: int) -> Config:
    """One of eight hyperparameters, as a tuned network has."""
    return {
        "learning_rate": 1e-4 * 1.0003**number,
        "beta1": 0.9,
        "batch_size": 64,
        "hidden_units": 16 + number % 240,
        "layers": 1 + number % 4,
        "dropout": 0.1,
        "l2": 1e-6 * (1 + number),
        "optimizer": "adam",
    }


def batch(start: int) -> tuple[list[Trial], list[tuple[int, int, Measurement]]]:
    """The trials from ``start`` on, and what they measured."""
    numbers = range(start, start + BATCH)
    trials = [Trial(n, config(n), TrialState.FINISHED, EPOCHS, 0.9, 0.3 + n / TRIALS, origin="box 1") for n in numbers]
    measured = [
        (n, 0, Measurement(epoch, 1 / epoch, 1.1 / epoch, 1 - 0.5 / epoch, 1 - 0.5 / epoch, 1e-3 / epoch, 0.01 * n))
        for n in numbers
        for epoch in range(1, EPOCHS + 1)
    ]
    return trials, measured


Measured = tuple[str, int, list[float]]
"""A kind of work, its number of measurements, and the seconds that it took each time."""


def seconds(work: Callable[[], Any], times: int = 1) -> list[float]:
    """The seconds that ``work`` took, each time."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return took


def ours(url: str) -> Iterator[Measured]:
    """Writing to a store at ``url``, and reading from it."""
    n = TRIALS * EPOCHS
    batches = [batch(start) for start in range(0, TRIALS, BATCH)]
    with Store.open(url) as store:
        store.create_study(STUDY)
        worker = store.leases.join("big")

        def put() -> None:
            for trials, measured in batches:
                store.write("big", trials, measured, lease=worker)

        yield "write", n, seconds(put)
    with Store.open(url) as store:
        yield "list", n, seconds(lambda: (store.studies(), store.trial_counts()), TIMES)
        yield "DataFrame", n, seconds(lambda: store.trials_frame("big"), TIMES)
        yield "read without comparisons", n, seconds(lambda: Known.of(store, STUDY), TIMES)


def data(path: Path) -> Path:
    """A table of two classes, large enough for rungs of 1, 3, 9 and 27 epochs."""
    stream = np.random.default_rng(0)
    x = stream.random((17_000, 4)).astype(np.float32)
    np.savez(path, x=x, y=(x.sum(axis=1) > 2).astype(np.int64))
    return path


def resumed(url: str, table: Path, stopping: str) -> Iterator[Measured]:
    """Taking up a study that was interrupted and gets more trials."""
    name = f"resumed {stopping}"
    request = Request(data=table, target="y", trials=TRIALS, stopping=stopping, store=url, study=name, threads=2)
    with Store.open(url) as store:
        n = invent(check_table(request, lambda: False), store)

    took: list[float] = []
    for _ in range(TIMES):
        events = take_up(name, store=url, trials=TRIALS + 400, threads=2)
        took += seconds(lambda: next(event for event in events if isinstance(event, Progress)))  # noqa: B023
        events.close()
    yield f"resume ({'none stopped' if stopping == 'none' else stopping})", n, took


def invent(job: TableJob, store: Store) -> int:
    """A study in ``store`` whose trials were never trained; how many measurements it has."""
    strategy = Strategy(job.search(job.space), job.rungs, pool=job.pool, trials=TRIALS, stopping=job.stopping)
    store.create_study(job.study_record(job.name))
    worker = store.leases.join(job.name)
    trials: dict[int, Trial] = {}
    scores: dict[int, list[float]] = {}
    measured: list[tuple[int, int, Measurement]] = []
    compared: list[tuple[int, int, Comparison]] = []
    while (task := strategy.next()) is not None:
        number, config = task.trial, task.config
        curve = scores.setdefault(number, [])
        for epoch in range(len(curve) + 1, task.to_epoch + 1):
            curve.append(0.5 + 0.4 * (number * 0.618 % 1.0) * (1 - 1 / (epoch + 1)))
            m = Measurement(epoch, 1 - curve[-1], 1 - curve[-1], curve[-1], curve[-1], 1e-3, 0.01)
            measured.append((number, 0, m))
        facts = task.to_epoch, curve[-1], 1 - curve[-1]
        comparison = Comparison(task.to_epoch, smoothed(curve), curve[-1], 1 - curve[-1], 0.01 * task.to_epoch)
        compared.append((number, 0, comparison))
        trials[number] = Trial(number, config, TrialState.RUNNING, *facts, origin=task.origin)
        endings = strategy.report(task, rank_key(job.metric, comparison.smoothed, comparison.loss))
        for over, stopped, _ in endings:
            trials[over] = trials[over]._replace(state=TrialState.STOPPED if stopped else TrialState.FINISHED)
    store.write(job.name, list(trials.values()), measured, strategy.boxes, lease=worker, comparisons=compared)
    store.finish_study(job.name, StudyState.INTERRUPTED, None, "2026-01-31T12:00:00", worker)
    store.leases.leave(worker)
    return len(measured)


def all_ours(url: str, table: Path) -> list[Iterator[Measured]]:
    """All that is measured of a store at ``url``."""
    return [ours(url), resumed(url, table, "none"), resumed(url, table, "halving")]


def optuna(path: Path) -> Iterator[Measured]:
    """The same of Optuna's storage."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="big")

    def put() -> None:
        for number in range(RIVAL_TRIALS):
            trial = study.ask()
            for name, value in config(number).items():
                if isinstance(value, float):
                    trial.suggest_float(name, value, 2 * value + 1)
            for epoch in range(1, EPOCHS + 1):
                trial.report(1 / epoch, epoch)
            study.tell(trial, 0.3)

    yield "write", RIVAL_TRIALS * EPOCHS, seconds(put)
    fresh = optuna.load_study(storage=f"sqlite:///{path}", study_name="big")
    yield "DataFrame", RIVAL_TRIALS * EPOCHS, seconds(fresh.trials_dataframe)


@contextmanager
def postgresql() -> Iterator[str]:
    """A fresh database on a server that keeps its promises to the disk."""
    with server(fsync="on", autovacuum="on") as url:
        yield database(url, "big")


def main() -> None:
    """Run all three and write benchmarks/results/store.csv."""
    with tempfile.TemporaryDirectory() as folder, postgresql() as url:
        table = data(Path(folder) / "table.npz")
        runs = itertools.chain(
            *((("caviar on SQLite", *row) for row in work) for work in all_ours(f"{folder}/caviar.db", table)),
            *((("caviar on PostgreSQL", *row) for row in work) for work in all_ours(url, table)),
            (("Optuna on SQLite", *row) for row in optuna(Path(folder) / "optuna.db")),
        )
        rows = []
        for who, what, n, took in runs:
            middle, low, high = median(took), min(took), max(took)
            row = {"store": who, "work": what, "measurements": n, "seconds": f"{middle:.3f}"}
            rows.append({**row, "lowest": f"{low:.3f}", "highest": f"{high:.3f}", "a_second": f"{n / middle:.0f}"})
            print(f"{who:22} {what:25} {n:8,} measurements {middle:8.3f} s ({low:.3f} to {high:.3f})", flush=True)
    print(write("store", rows))


if __name__ == "__main__":
    main()
