"""The worth of each part of the search: caviar with one part taken out, at equal time, seed by seed.

    python -m benchmarks.ablation [--data digits] [--variations ...] [--seeds 0 1 2 3 4] [--seconds 10]
    python -m benchmarks.ablation --missing --within 570      # what is not measured yet, as far as 570 s reach
    python -m benchmarks.ablation --summary                   # the table: what is lost with each part

Each run is `caviar tune --json` in the space of plain networks (plain_space.toml), its answer a single network. Scales
are made linear and tiers taken off by a space file, the zoom by --search, early stopping by --stopping none (all trials
train to the last rung), the finals by --preset fast (the best score is believed without repeats). A variation that is
the same as caviar's own way at present (a search that is the default) is left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

from benchmarks.machine import RESULTS, merge, read
from benchmarks.main_job import tune
from benchmarks.search_real import best_seen, chosen
from benchmarks.table_files import NAMES, plain_space, table_file
from caviar.scales import Integer, Linear, Log, OneMinusLog, PowerOfTwo, Scale
from caviar.search.searches import SEARCHES
from caviar.space import Space
from caviar.study.spec import DEFAULT_SEARCH

KEY = ("data", "tool", "seconds", "seed")  # "tool" is the variation: the summary of search_real reads these rows too
_OVERHEAD = 3.0  # seconds around a run


def linear(scale: Scale) -> Scale:
    """The same range, all values equally likely: what one writes who does not think of scales."""
    match scale:
        case Log():
            changed: Scale = Linear(0.0 if scale.zero else scale.low, scale.high)
        case OneMinusLog() | Linear():
            changed = Linear(scale.low, scale.high)
        case Integer() | PowerOfTwo():
            changed = Integer(scale.low, scale.high)
        case _:
            return scale
    return replace(changed, tier=scale.tier, when=scale.when)


def without_tiers(scale: Scale) -> Scale:
    """The same scale, as important as any other."""
    return replace(scale, tier=1)


@dataclass(frozen=True)
class Variation:
    """caviar without a part: other scales, another search, no early stopping, no finals."""

    scales: Callable[[Scale], Scale] = lambda scale: scale
    search: str | None = None
    stopping: str = "halving"
    preset: str = "single"

    def arguments(self, folder: Path) -> list[str]:
        """The options that make caviar this variation."""
        given = [] if self.search is None else ["--search", self.search]
        path = folder / "space.toml"
        space = plain_space()
        path.write_text(Space(**{name: self.scales(space[name]) for name in space}).to_toml(), encoding="utf-8")
        return [*given, "--space", str(path), "--stopping", self.stopping, "--preset", self.preset]


VARIATIONS = {
    "full": Variation(),
    "linear scales": Variation(scales=linear),
    "no zoom, sobol": Variation(search="sobol"),
    "no zoom, random": Variation(search="random"),
    "no tiers": Variation(scales=without_tiers),
    "no stopping": Variation(stopping="none"),
    "no finalists": Variation(preset="fast"),
}


def usual(name: str) -> bool:
    """True where caviar does it in this way anyhow."""
    variation = VARIATIONS[name]
    return variation.search == DEFAULT_SEARCH or (name == "no tiers" and DEFAULT_SEARCH in ("sobol", "random"))


def runs(options: argparse.Namespace) -> Iterator[tuple[str, str, int, int]]:
    """(data, variation, seconds, seed) that were asked for, the variations side by side."""
    for seed in options.seeds:
        for data in options.data:
            for name in options.variations:
                if not usual(name) and VARIATIONS[name].search in (None, *SEARCHES):
                    yield data, name, options.seconds, seed


def measure(data: str, name: str, seconds: int, seed: int, tables: Path) -> None:
    """One run, into the results."""
    table = table_file(data, tables)
    if table is None:
        print(f"{data} is not installed on this machine: left out", flush=True)
        return
    variation = VARIATIONS[name]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        budget = ["--seconds", str(seconds), "--seed", str(seed), "--threads", "2", "--study", "ablation"]
        run = tune([*table.arguments, *budget, *variation.arguments(folder)], folder)
        best = run["result"]["best"]
        row = {
            "data": data,
            "tool": name,
            "seconds": seconds,
            "seed": seed,
            "wall_seconds": round(run["wall"], 2),
            "validation": round(best_seen(folder, "ablation"), 4),
            "validation_repeated": round(best["validation"]["accuracy"], 4),
            "validation_log_loss": round(best["validation"]["log_loss"], 4),
            "test": round(best["test"]["accuracy"], 4),
            "test_log_loss": round(best["test"]["log_loss"], 4),
            "trials": run["result"]["trials"]["started"],
            "search": variation.search or DEFAULT_SEARCH,
        }
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    merge("ablation", [row], KEY)


def summary() -> None:
    """Print Markdown: the full way, and how much is lost with each part, by seeds that both have."""
    rows = read("ablation")
    print("Means over seeds; of the variations the difference from the full way, ± its standard error.\n")
    print("| data | s | variation | seeds | trials | validation, repeated | test | test log loss |")
    print("|---|---|---|---|---|---|---|---|")
    for data, seconds in dict.fromkeys((row["data"], int(row["seconds"])) for row in rows):
        for name in VARIATIONS:
            trials = chosen(rows, data, name, seconds, "trials")
            if not trials:
                continue
            cells = []
            for column in ("validation_repeated", "test", "test_log_loss"):
                scores = chosen(rows, data, name, seconds, column)
                full = chosen(rows, data, "full", seconds, column)
                differences = [scores[seed] - full[seed] for seed in sorted(scores.keys() & full.keys())]
                if name == "full" or not differences:
                    cells.append(f"{mean(scores.values()):.4f}")
                else:
                    error = f" ± {stdev(differences) / len(differences) ** 0.5:.4f}" if len(differences) > 1 else ""
                    cells.append(f"{mean(differences):+.4f}{error}")
            print(
                f"| {data} | {seconds} | {name} | {len(trials)} | {mean(trials.values()):.0f} | {' | '.join(cells)} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=NAMES, default=["digits", "twelve"])
    parser.add_argument("--variations", nargs="+", choices=list(VARIATIONS), default=list(VARIATIONS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--missing", action="store_true", help="only runs that are not in the results yet")
    parser.add_argument("--within", type=float, help="begin no run that would not be done within so many seconds")
    parser.add_argument("--fresh", action="store_true", help="forget all results first")
    parser.add_argument("--summary", action="store_true", help="measure nothing, print the table")
    options = parser.parse_args()
    began = time.monotonic()
    if options.summary:
        return summary()
    if options.fresh:
        (RESULTS / "ablation.csv").unlink(missing_ok=True)
    done = {tuple(row[column] for column in KEY) for row in read("ablation")} if options.missing else set()
    left = 0
    with tempfile.TemporaryDirectory() as name:
        for run in runs(options):
            if tuple(map(str, run)) in done:
                continue
            if options.within is not None and time.monotonic() - began + run[2] + _OVERHEAD > options.within:
                left += 1
            else:
                measure(*run, Path(name))
    if left:
        print(f"{left} runs are left: run the same again with --missing")
    return None


if __name__ == "__main__":
    main()
