"""The cost of going on: bookkeeping must not grow with what lies behind.

    python -m benchmarks.long_run [epochs] [trials] [studies]

An epoch of a nursed run of 10,000, a trial of a study of 100,000, and each study of a database of 200, made and listed.
All are small, so that nearly all of the time is bookkeeping: the diary, snapshots, rules, the search, the store. The
rival is each one's own first part. Processor time of this process, so that other programs do not count.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

import caviar
from benchmarks.machine import write
from caviar.records import RunKind, RunSpec
from caviar.runs import loop
from caviar.runs.events import EpochDone
from caviar.store import Store
from caviar.views.study import study_rows

EPOCHS, TRIALS, STUDIES = 10_000, 100_000, 200
SPACE = caviar.Space(learning_rate=caviar.Log(1e-4, 1, tier=1), hidden_units=caviar.Integer(4, 64, log=True))

Point = tuple[str, int, float]
"""The thing that was measured, where in its course, and the milliseconds of one."""


class Clock:
    """Milliseconds of processor time since it was last asked."""

    def __init__(self) -> None:
        self._before = time.process_time()

    def since(self) -> float:
        """Ask it."""
        now = time.process_time()
        before, self._before = self._before, now
        return 1000 * (now - before)


def epochs(nurse: str) -> Iterator[Point]:
    """An epoch, for every thousand."""
    x = np.random.default_rng(0).standard_normal((300, 4))
    np.savez("small.npz", x=x, y=(x[:, 0] + x[:, 1] > 0).astype(int))
    spec = RunSpec(kind=RunKind.NETWORK, epochs=EPOCHS, data="small.npz", target="y", nurse=nurse)
    clock, every = Clock(), EPOCHS // 10
    for event in loop.begin(spec, {"learning_rate": 1e-6}, name=nurse, store="caviar.db"):  # so that no rule ends it
        if isinstance(event, EpochDone) and event.measurement.clock.epoch % every == 0:
            yield f"epoch, nurse {nurse}", event.measurement.clock.epoch, clock.since() / every


def objective(trial: Any) -> None:
    """Report as if a network got better, sooner with a learning rate near 0.01."""
    rate = abs(math.log10(trial.config["learning_rate"]) + 2)
    for epoch in trial.epochs():
        trial.report(epoch, 1 - 1 / (1 + epoch) - 0.1 * rate)


def trials() -> Iterator[Point]:
    """A trial of a function, for every ten thousand."""
    clock, every, found, numbers = Clock(), TRIALS // 10, list[Point](), count(1)

    def note(trial: Any) -> None:
        if (number := next(numbers)) % every == 0:
            found.append(("trial of a function", number, clock.since() / every))

    options = caviar.ProgramOptions(after_trial=note)
    caviar.tune(objective, SPACE, trials=TRIALS, epochs=3, processes=1, goal="maximize", options=options)
    yield from found


def studies() -> Iterator[Point]:
    """A study of twenty trials, made and listed, for every twenty; by turns with one in an empty store."""
    clock, every = Clock(), STUDIES // 10
    making = alone = 0.0
    for number in range(1, STUDIES + 1):
        clock.since()
        study("caviar.db", number)
        making += clock.since()
        study(f"empty{number}.db", number)
        alone += clock.since()
        if number % every == 0:
            yield "study, made", number, making / every
            yield "study, made in an empty store", number, alone / every
            clock.since()
            with Store.open("caviar.db") as store:
                study_rows(store)
            yield "study, listed", number, clock.since() / number
            making = alone = 0.0


def study(store: str, number: int) -> None:
    """Make a study of twenty trials."""
    with caviar.open_study(f"study{number}", SPACE, goal="maximize", store=store) as opened:
        for trial in opened.ask(20):
            opened.tell(trial, 1 - abs(math.log10(float(str(trial.config["learning_rate"]))) + 2))


MEASURED: dict[str, list[Callable[[], Iterator[Point]]]] = {
    "epochs": [lambda: epochs("watch"), lambda: epochs("no")],
    "trials": [trials],
    "studies": [studies],
}


def main() -> None:
    """Print and write the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="epochs, trials, studies; by default all")
    rows, home = [], Path.cwd()
    for what in parser.parse_args().what or MEASURED:
        for curve in MEASURED[what]:
            first: dict[str, float] = {}
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                try:
                    for of, at, ms in curve():
                        ratio = ms / first.setdefault(of, ms)
                        rows.append({"of": of, "at": at, "ms": round(ms, 3), "ratio": round(ratio, 2)})
                        print(f"{of:<30} {at:>8,}  {ms:8.3f} ms each  {ratio:.2f} of the first", flush=True)
                finally:
                    os.chdir(home)
    print(write("long_run", rows))


if __name__ == "__main__":
    main()
