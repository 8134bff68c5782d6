"""caviar beside other tuners on real data: sealed test scores after so many seconds, and score over time.

    sh benchmarks/rivals.sh                                       # once: the rivals' own environment
    python -m benchmarks.search_real                              # everything, some hours
    python -m benchmarks.search_real --missing --within 570       # what is not measured yet, as far as 570 s reach
    python -m benchmarks.search_real --data digits --tools caviar optuna --seeds 0 --seconds 30
    python -m benchmarks.search_real --summary                    # the tables, and which targets are met

A piece is one tool on one table for so many seconds with one seed. It replaces its own row of results/search_real.csv
and its own points of results/search_real_curves.csv; --fresh forgets all others.

caviar is `caviar tune --json` with two threads: reading the file, the finals with their repeats, the last training and
the sealed test are all in its seconds, the start of Python in its `wall_seconds` alone. The rivals (see
benchmarks/rivals/) are given the rows that caviar's preparation made, the same split, encoded and normalised, and two
processes or threads; their imports before the search and their last training after it are off the clock. Each rival has
two test scores: that of its best config trained again on training and validation rows together (`test`), which is what
caviar does too, and that of the best trial's own weights (`test_own_weights`); the summary takes whichever has the
higher mean.

`validation` is the same for all: the best score that a trial had on the validation rows. It flatters, for it is the
best of many; `validation_repeated` is what caviar says of its winner, the mean over its repeats. caviar's points of
score over time are its runs with different budgets; those of the rivals are their trials as they end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np

from benchmarks.machine import RESULTS, merge, read
from benchmarks.main_job import tune
from benchmarks.table_files import NAMES, PLAIN_SPACE, TableFile, plain_space, table_file
from caviar.scheduling.halving import rungs_for
from caviar.store import Store

RIVALS = {
    "optuna": "optuna_hyperband",
    "sklearn": "sklearn_random",
    "ray": "ray_asha",
    "keras": "keras_hyperband",
}
TOOLS = ("caviar", *RIVALS)
EQUAL = 120
"""Seconds that all tools get on all tables; some have rows of more, and are compared at those too."""
BUDGETS: dict[str, dict[str, tuple[int, ...]]] = {
    "digits": {"caviar": (4, 10, 30, 60, 120)},
    "twelve": {"caviar": (4, 10, 30, 60, 120)},
    "fashion-mnist": {"caviar": (30, 60, 120)},
}
"""Seconds of a tool where they are others than EQUAL."""
TARGETS = (("digits", 4, 120), ("twelve", 10, 120), ("fashion-mnist", 60, 120), ("fashion-mnist", 60, 300))
"""On this table caviar after so many seconds has the test score that Optuna has after so many."""

KEY = ("data", "tool", "seconds", "seed")
_OVERHEAD = {"caviar": 3.0, "optuna": 25.0, "sklearn": 20.0, "ray": 40.0, "keras": 30.0}  # seconds around a piece
_REFIT = {"digits": 0.0, "twelve": 10.0, "fashion-mnist": 150.0}  # seconds, at most, of a rival's last training


@dataclass(frozen=True)
class Piece:
    """One tool on one table for so many seconds with one seed."""

    data: str
    tool: str
    seconds: int
    seed: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Its key in the CSV."""
        return self.data, self.tool, str(self.seconds), str(self.seed)

    @property
    def lasts(self) -> float:
        """Seconds that it takes in all, with room."""
        return self.seconds + _OVERHEAD[self.tool] + (0.0 if self.tool == "caviar" else _REFIT[self.data])


Measured = tuple[dict[str, Any], list[tuple[float, float]]]
"""A row, and (seconds, best validation score so far)."""


def pieces(options: argparse.Namespace) -> Iterator[Piece]:
    """The runs that were asked for, seed by seed, so that a run that is broken off has something of everything."""
    for seed in options.seeds:
        for data in options.data:
            for tool in options.tools:
                for seconds in options.seconds or BUDGETS[data].get(tool, (EQUAL,)):
                    yield Piece(data, tool, seconds, seed)


def measure_caviar(piece: Piece, table: TableFile, folder: Path) -> Measured:
    """`caviar tune` as a new user runs it."""
    study = f"{piece.data} {piece.seconds} {piece.seed}"
    budget = ["--seconds", str(piece.seconds), "--seed", str(piece.seed), "--threads", "2", "--study", study]
    run = tune([*table.arguments, *budget, "--space", str(PLAIN_SPACE), "--preset", "single"], folder)
    result, wall = run["result"], run["wall"]
    best = best_seen(folder, study)
    row = {
        "wall_seconds": round(wall, 2),
        "validation": round(best, 4),
        "validation_repeated": round(result["best"]["validation"]["accuracy"], 4),
        "test": round(result["best"]["test"]["accuracy"], 4),
        "test_own_weights": "",
        "trials": result["trials"]["started"],
        "version": "caviar",
        "config": json.dumps(result["best"]["config"]),
    }
    return row, [(wall, best)]


def best_seen(folder: Path, study: str) -> float:
    """The best validation score that a trial of ``study`` had when it was last compared."""
    with Store.open(folder / "caviar.db", create=False) as store:
        return max(trial.score for trial in store.trials(study) if trial.repeat == 0 and trial.score is not None)


def measure_rival(piece: Piece, table: TableFile, folder: Path) -> Measured:
    """A rival's script, in its own environment."""
    dataset = table.dataset(piece.seed)
    assert dataset.test is not None
    sealed = dataset.test.open()
    train, validation = dataset.train, dataset.validation
    np.savez(
        folder / "rows.npz", x_train=train.x, y_train=train.y, x_validation=validation.x, y_validation=validation.y
    )
    np.savez(folder / "sealed.npz", x_test=sealed.x, y_test=sealed.y)
    job = {
        "seconds": piece.seconds,
        "seed": piece.seed,
        "epochs": rungs_for(len(train))[-1],
        "classes": dataset.preprocessing.n_out,
        "space": plain_space().to_dict(),
    }
    (folder / "job.json").write_text(json.dumps(job))
    command = [str(rivals_python()), "-m", f"benchmarks.rivals.{RIVALS[piece.tool]}", str(folder)]
    process = subprocess.run(command, cwd=RESULTS.parent.parent, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{process.stderr[-2000:]}")
    result = json.loads((folder / "result.json").read_text())
    own = result["test_own_weights"]
    row = {
        "wall_seconds": round(result["wall_seconds"], 2),
        "validation": round(result["validation"], 4),
        "validation_repeated": "",
        "test": round(result["test"], 4),
        "test_own_weights": "" if own is None else round(own, 4),
        "trials": result["trials"],
        "version": result["version"],
        "config": json.dumps(result["config"]),
    }
    return row, result["curve"]


def rivals_python() -> Path:
    """The rivals' Python."""
    return Path(os.environ.get("CAVIAR_RIVALS", "build/rivals")) / "bin" / "python"


def measure(piece: Piece, tables: Path) -> None:
    """Measure a piece and put it into the results."""
    table = table_file(piece.data, tables)
    if table is None:
        print(f"{piece.data} is not installed on this machine: left out", flush=True)
        return
    with tempfile.TemporaryDirectory() as name:
        run = measure_caviar if piece.tool == "caviar" else measure_rival
        row, curve = run(piece, table, Path(name))
    named = dict(zip(KEY, (piece.data, piece.tool, piece.seconds, piece.seed), strict=True))
    print("  ".join(f"{key} {value}" for key, value in {**named, **row}.items() if key != "config"), flush=True)
    merge("search_real", [{**named, **row}], KEY)
    points = [{**named, "after": round(after, 2), "best_validation": round(best, 4)} for after, best in curve]
    if points:
        merge("search_real_curves", points, KEY, sort_by=("after",))


# --- the summary ---

Row = dict[str, str]


def chosen(rows: Sequence[Row], data: str, tool: str, seconds: int, column: str = "test") -> dict[int, float]:
    """A column of a tool's rows by seed; `best test` is whichever of the two test scores has the higher mean."""
    if column == "best test":
        both = [chosen(rows, data, tool, seconds, one) for one in ("test", "test_own_weights")]
        return max(both, key=lambda scores: mean(scores.values()) if scores else float("-inf"))
    wanted = (data, tool, str(seconds))
    found = [row for row in rows if (row["data"], row["tool"], row["seconds"]) == wanted and row[column]]
    return {int(row["seed"]): float(row[column]) for row in found}


def said(scores: dict[int, float]) -> str:
    """Mean, standard deviation, median and range in a table's cell."""
    values = list(scores.values())
    if not values:
        return ""
    spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{spread} ({median(values):.4f}; {min(values):.4f} to {max(values):.4f})"


def compared(ours: dict[int, float], theirs: dict[int, float]) -> str:
    """Our mean against theirs, on the seeds that both have, with the standard error of the difference by seeds."""
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        return "not measured"
    differences = [ours[seed] - theirs[seed] for seed in both]
    gap = mean(differences)
    error = f" ± {stdev(differences) / len(both) ** 0.5:.4f}" if len(both) > 1 else ""
    verdict = "met" if gap >= 0 else "missed"
    here, there = mean(ours[s] for s in both), mean(theirs[s] for s in both)
    return f"{verdict}: {here:.4f} against {there:.4f}, {gap:+.4f}{error}, {len(both)} seeds"


def summary() -> None:
    """Print Markdown: what was measured, and which targets are met."""
    rows = read("search_real")
    print("Mean ± standard deviation over seeds (median; range).\n")
    print("| data | tool | s | seeds | trials | validation | test | test, own weights |")
    print("|---|---|---|---|---|---|---|---|")
    groups = dict.fromkeys((row["data"], row["tool"], int(row["seconds"])) for row in rows)
    order = {name: place for place, name in enumerate((*NAMES, *TOOLS))}
    for data, tool, seconds in sorted(groups, key=lambda g: (order[g[0]], order[g[1]], g[2])):
        cells = [chosen(rows, data, tool, seconds, c) for c in ("validation", "test", "test_own_weights")]
        trials = median(chosen(rows, data, tool, seconds, "trials").values())
        print(f"| {data} | {tool} | {seconds} | {len(cells[1])} | {trials:g} | {' | '.join(map(said, cells))} |")
    print("\nTargets:\n")
    for data, soon, late in TARGETS:
        ours, theirs = chosen(rows, data, "caviar", soon), chosen(rows, data, "optuna", late, "best test")
        print(f"- {data}: caviar's test after {soon} s against Optuna's after {late} s: {compared(ours, theirs)}")
    for data in NAMES:
        for tool in RIVALS:
            for seconds in sorted({int(r["seconds"]) for r in rows if (r["data"], r["tool"]) == (data, tool)}):
                for column, theirs_column in (("validation", "validation"), ("test", "best test")):
                    ours = chosen(rows, data, "caviar", seconds, column)
                    theirs = chosen(rows, data, tool, seconds, theirs_column)
                    if ours and theirs:
                        print(f"- {data}: {column} after {seconds} s against {tool}: {compared(ours, theirs)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--seconds", type=int, nargs="+", help="of each tool on each table; see BUDGETS")
    parser.add_argument("--missing", action="store_true", help="only pieces that are not in the results yet")
    parser.add_argument("--within", type=float, help="begin no piece that would not be done within so many seconds")
    parser.add_argument("--fresh", action="store_true", help="forget all results first")
    parser.add_argument("--summary", action="store_true", help="measure nothing, print the tables")
    options = parser.parse_args()
    began = time.monotonic()
    if options.summary:
        return summary()
    if options.fresh:
        for name in ("search_real", "search_real_curves"):
            (RESULTS / f"{name}.csv").unlink(missing_ok=True)
    done = {tuple(row[column] for column in KEY) for row in read("search_real")} if options.missing else set()
    asked = [piece for piece in pieces(options) if piece.key not in done]
    if any(piece.tool != "caviar" for piece in asked) and not rivals_python().exists():
        sys.exit(
            f"there is no {rivals_python()}: sh benchmarks/rivals.sh makes it, or --tools caviar leaves rivals out"
        )
    left = 0
    with tempfile.TemporaryDirectory() as name:
        for piece in asked:
            if options.within is not None and time.monotonic() - began + piece.lasts > options.within:
                left += 1
            else:
                measure(piece, Path(name))
    if left:
        print(f"{left} pieces are left: run the same again with --missing")
    return None


if __name__ == "__main__":
    main()
