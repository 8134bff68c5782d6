"""The cost of care: a call of run.log in a user's loop, and interventions on their way: benchmarks/results/babysit.csv.

    python -m benchmarks.babysit

log: 200,000 calls, the writing of what they logged included, beside a bare loop that appends to a list; and the same
with 1 ms of work between calls, where the thread beside the loop has time to write. turn: from another process's turn
to the mini-batch at which it is applied, of a run on digits with 3 layers of 256, 40 times.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from pathlib import Path

import caviar
from benchmarks.machine import write
from caviar.data import samples
from caviar.records import RunKind, RunSpec
from caviar.runs import events, loop
from caviar.store import Store
from caviar.store.runs import Runs

CALLS, WORKING = 200_000, 2_000
TURNS = 40


def log_cost(folder: Path) -> list[dict[str, object]]:
    """Microseconds a call, from the with line to its end."""
    rows: list[dict[str, object]] = []
    kept = []
    began = time.perf_counter()
    for i in range(CALLS):
        kept.append({"loss": 1.0 / (i + 1)})
    bare = (time.perf_counter() - began) / CALLS * 1e6
    began = time.perf_counter()
    with caviar.babysit.run("fast", store=folder / "log.db") as run:
        for i in range(CALLS):
            run.log(loss=1.0 / (i + 1))
    rows.append(_row("log, back to back", CALLS, (time.perf_counter() - began) / CALLS * 1e6, bare))
    calls = []
    with caviar.babysit.run("working", store=folder / "log.db") as run:
        for i in range(WORKING):
            until = time.perf_counter() + 0.001
            while time.perf_counter() < until:
                pass
            began = time.perf_counter()
            run.log(loss=1.0 / (i + 1))
            calls.append((time.perf_counter() - began) * 1e6)
    rows.append(_row("log, 1 ms of work between", WORKING, statistics.fmean(calls), bare))
    return rows


def turn_delay(folder: Path) -> dict[str, object]:
    """Milliseconds from the writing of a turn to its outcome, as another terminal sees it."""
    samples.write_csv(samples.digits(), folder / "digits.csv")
    config = {"hidden_units": 256, "layers": 3, "batch_size": 64, "learning_rate": 1e-4}
    store = str(folder / "order.db")
    data = str(folder / "digits.csv")
    spec = RunSpec(kind=RunKind.NETWORK, data=data, target="digit", epochs=10**6, nurse="no")
    delays: list[float] = []

    def talk(runs: Runs) -> None:
        for i in range(TURNS):
            began = time.perf_counter()
            turn = runs.intervene("d", "turn", {"learning_rate": 1e-4 * (1 + i % 2)}, "benchmark", "")
            while runs.interventions("d")[turn.number - 1].tick is None:
                time.sleep(0.002)
            delays.append((time.perf_counter() - began) * 1e3)
            time.sleep(0.05)
        runs.intervene("d", "stop", {}, "benchmark", "")

    talker: threading.Thread | None = None
    with Store.open(store) as other:
        for event in loop.begin(spec, config, name="d", store=store):
            if isinstance(event, events.Begun):
                talker = threading.Thread(target=talk, args=(Runs(other),))
                talker.start()
        assert talker is not None
        talker.join()
    return {
        "what": "turn, ms until applied",
        "n": TURNS,
        "mean": round(statistics.fmean(delays), 1),
        "largest": round(max(delays), 1),
        "bare": "",
    }


def _row(what: str, n: int, mean: float, bare: float) -> dict[str, object]:
    return {"what": f"{what}, microseconds", "n": n, "mean": round(mean, 2), "largest": "", "bare": round(bare, 2)}


def main() -> None:
    """All of it."""
    with tempfile.TemporaryDirectory() as name:
        rows = [*log_cost(Path(name)), turn_delay(Path(name))]
    for row in rows:
        print(row)
    write("babysit", rows)


if __name__ == "__main__":
    main()
