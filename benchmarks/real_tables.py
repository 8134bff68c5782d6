"""Real tables that packages ship, each tuned and predicted by the commands alone; a row says what was seen.

    pip install --no-deps --target FOLDER ISLP lifelines causaldata river statsmodels vega_datasets
    python -m benchmarks.real_tables FOLDER [--only Wage rossi] [--trials 60]

A row: the task and the rows that Caviar found, the score on the sealed part beside always saying the same and beside
logistic or ridge regression, what `caviar predict` made of the same file, and all notes. `as_written`: each predicted
label stands so in the file, character for character. Of a table that is refused the row has the refusal.
docs/real_tables.md says what a person should know of each.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import merge

# fmt: off
COLUMNS = (
    "package", "file", "target", "options", "task", "rows", "features", "classes", "train", "sealed", "metric", "score",
    "low", "high", "always", "linear", "seconds", "predicted", "as_written", "missing", "unknown", "notes",
)
# fmt: on
CAVIAR = [sys.executable, "-c", "from caviar.cli.main import main; main()"]


class RealTable(NamedTuple):
    """A file that a package ships, its target, and what the commands are given beside it."""

    package: str
    path: str
    target: str
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its endings, for --only."""
        return Path(self.path).name.split(".")[0]


TABLES = (
    RealTable("ISLP", "data/Auto.data", "mpg"),
    RealTable("ISLP", "data/Bikeshare.csv", "bikers"),
    RealTable("ISLP", "data/BrainCancer.csv", "status"),
    RealTable("ISLP", "data/College.csv", "Private"),
    RealTable("ISLP", "data/Credit.csv", "Balance"),
    RealTable("ISLP", "data/Hitters.csv", "Salary"),
    RealTable("ISLP", "data/NYSE.csv", "log_volume", ("--time", "date")),
    RealTable("ISLP", "data/OJ.csv", "Purchase"),
    RealTable("ISLP", "data/Publication.csv", "status"),
    RealTable("ISLP", "data/Wage.csv", "wage"),
    RealTable("ISLP", "data/Weekly.csv", "Direction"),
    RealTable("causaldata", "organ_donations/organ_donation.csv", "Rate"),
    RealTable("causaldata", "restaurant_inspections/restaurant_data.csv", "inspection_score"),
    RealTable("causaldata", "social_insure/Cai_2015.csv", "takeup_survey", ("--group", "village")),
    RealTable("lifelines", "datasets/ACTG175.csv", "cens"),
    RealTable("lifelines", "datasets/CuZn-LeftCensoredDataset.csv", "T"),
    RealTable("lifelines", "datasets/canadian_senators.csv", "reason"),
    RealTable("lifelines", "datasets/dd.csv", "regime"),
    RealTable("lifelines", "datasets/divorce.dat", "div"),
    RealTable("lifelines", "datasets/gbsg2.csv", "tgrade"),
    RealTable("lifelines", "datasets/gehan.dat", "1"),
    RealTable("lifelines", "datasets/lung.csv", "status"),
    RealTable("lifelines", "datasets/lymph_node.csv", "censdead"),
    RealTable("lifelines", "datasets/merrell1955.csv", "dead"),
    RealTable("lifelines", "datasets/nh4.csv", "NH4.mg.per.L"),
    RealTable("lifelines", "datasets/rossi.csv", "arrest"),
    RealTable("lifelines", "datasets/stanford_heart.csv", "event", ("--group", "id")),
    RealTable("river", "drift/datasets/brent_crude_oil.csv", "DPB", ("--time", "day")),
    RealTable("river", "drift/datasets/occupancy.csv", "V4"),
    RealTable("river", "drift/datasets/run_log.csv", "Pace"),
    RealTable("river", "datasets/phishing.csv.gz", "is_phishing"),
    RealTable("river", "datasets/trump_approval.csv.gz", "five_thirty_eight", ("--time", "ordinal_date")),
    RealTable("statsmodels", "datasets/anes96/src/anes96.csv", "vote"),
    RealTable("statsmodels", "datasets/fair/fair.csv", "affairs"),
    RealTable("statsmodels", "datasets/scotland/src/scotvote.csv", "Var.42"),
    RealTable("statsmodels", "datasets/star98/star98.csv", "MATHTOT"),
    RealTable("statsmodels", "datasets/statecrime/statecrime.csv", "violent"),
    RealTable("vega_datasets", "_data/airports.csv", "state"),
    RealTable("vega_datasets", "_data/la-riots.csv", "type"),
    RealTable("vega_datasets", "_data/seattle-weather.csv", "weather"),
    RealTable("vega_datasets", "_data/stocks.csv", "price"),
)


def caviar(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, as a person would give it."""
    return subprocess.run([*CAVIAR, *arguments], capture_output=True, text=True, cwd=folder, check=False)


def texts_of(path: Path) -> set[str]:
    """Every cell of a file, as it is written, without the blanks around it and its quotes."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode()
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    return {cell.strip() for row in rows for cell in row} | set(text.split()) | set(text.split("\t"))


def scores(part: dict[str, Any], metric: str) -> dict[str, Any]:
    """The score on the sealed part with its interval."""
    return {
        "score": round(part[metric], 4),
        "low": round(part[f"{metric}_low"], 4),
        "high": round(part[f"{metric}_high"], 4),
    }


def row_of(table: RealTable, packages: Path, trials: int) -> dict[str, Any]:
    """Tune and predict one table; the row of what was seen."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {"package": table.package, "file": Path(table.path).name, "target": table.target}
    row["options"] = " ".join(table.options)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = packages / table.package / table.path
        command = ["tune", str(path), "--target", table.target, *table.options, "--trials", str(trials)]
        tuned = caviar([*command, "--threads", "2", "--store", "s.db", "--json"], folder)
        if tuned.returncode:
            return row | {"task": "refused", "notes": " ".join(tuned.stderr.strip().splitlines()[-2:])}
        found = json.loads(tuned.stdout)
        metric = found["best"]["repeated"]["metric"]
        row |= {key: found["data"][key] for key in ("task", "rows", "features", "train")}
        row |= {"classes": found["data"]["classes"] or "", "sealed": found["data"]["test"], "metric": metric}
        row |= scores(found["best"]["test"], metric)
        row |= {"always": round(found["baseline"]["majority"][metric], 4), "seconds": round(found["seconds"])}
        linear = found["baseline"].get("linear")
        row |= {"linear": round(linear[metric], 4) if linear else ""}
        row |= {"notes": " | ".join(found["notes"])}
        predicted = caviar(["predict", found["model"], str(path), "--out", "o.csv", "--json"], folder)
        if predicted.returncode:
            return row | {"predicted": "refused: " + " ".join(predicted.stderr.strip().splitlines()[-2:])}
        with (folder / "o.csv").open(newline="") as file:
            labels = [one["prediction"] for one in csv.DictReader(file)]
        said = json.loads(predicted.stdout)
        row |= {"predicted": len(labels), "missing": said.get("missing", ""), "unknown": said.get("unknown", "")}
        if row["task"] == "classification":
            row["as_written"] = "yes" if set(labels) <= texts_of(path) else "no"
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, help="the folder that the packages were installed in")
    parser.add_argument("--only", nargs="*", help="names of tables")
    parser.add_argument("--trials", type=int, default=60)
    arguments = parser.parse_args()
    for table in TABLES:
        if not arguments.only or table.name in arguments.only:
            row = row_of(table, arguments.packages, arguments.trials)
            print({key: value for key, value in row.items() if value != ""}, flush=True)
            merge("real_tables", [row], ("package", "file"))


if __name__ == "__main__":
    main()
