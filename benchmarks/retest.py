"""Re-tests with a known right answer: verdicts beside the truth, and false alarms where nothing has changed.

    python -m benchmarks.retest [--pairs 100] [--power 10] [--only cases|pairs|power]

Each case has one right verdict, by how its rows are made, or real rows are changed: where nothing has changed and there
are enough rows, keep; where the world has turned by a known angle, retrain; where the old config is known to be poor,
retune; where there are too few rows for any of these, unclear. But for retune all configs of the space are about
equally good. A verdict that is neither right nor "cannot tell yet" is surely wrong.

A pair has old and new rows of the same kind, and a space in which all configs are about equally good, so that any
verdict but keep and unclear is a false alarm; at most 5 % are allowed. The same of a world that has turned a little
more each time is the power. Results are written one by one: what is there is
not measured again.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import caviar
from benchmarks.machine import merge, read
from caviar.analysis.intervals import of_share
from caviar.data import samples

COLUMNS = [f"x{i}" for i in range(6)]
WRONG = 0.25  # of the labels
CHALLENGERS = 8
WIDE = caviar.Space(
    learning_rate=caviar.Log(1e-4, 0.1), hidden_units=caviar.Integer(1, 32, log=True), layers=1, batch_size=64
)
NARROW = caviar.Space(learning_rate=caviar.Log(0.01, 0.03), hidden_units=caviar.Integer(8, 16), layers=1, batch_size=32)
POOR = {"learning_rate": 0.01, "hidden_units": 1, "layers": 1, "batch_size": 64}


class Case(NamedTuple):
    """Old and new rows of a ``kind``, the latter ``turned`` by so many radians; the right verdict; a forced config."""

    name: str
    kind: str
    old: int
    new: int
    turned: float
    right: str
    metric: str | None = None
    config: dict[str, Any] | None = None


CASES = [
    Case("line, as it was", "line", 4000, 4000, 0.0, "keep"),
    Case("line, by macro F1", "line", 4000, 4000, 0.0, "keep", "f1_macro"),
    Case("line, by log loss", "line", 4000, 4000, 0.0, "keep", "log_loss"),
    Case("line, by the area under the curve", "line", 4000, 4000, 0.0, "keep", "roc_auc"),
    Case("corners, as they were", "corners", 4000, 4000, 0.0, "keep"),
    Case("number, as it was", "number", 4000, 4000, 0.0, "keep"),
    Case("line, turned by 0.5", "line", 3000, 3000, 0.5, "retrain"),
    Case("line, turned by 2.5, few rows", "line", 400, 400, 2.5, "retrain"),
    Case("line, turned, by log loss", "line", 2000, 2000, 0.8, "retrain", "log_loss"),
    Case("corners, turned", "corners", 3000, 3000, 0.8, "retrain"),
    Case("number, turned by 0.3", "number", 2000, 2000, 0.3, "retrain"),
    Case("number, turned by 1.2, by rmse", "number", 800, 800, 1.2, "retrain", "rmse"),
    Case("corners, one unit", "corners", 3000, 3000, 0.0, "retune", None, POOR),
    Case("corners, one unit, turned", "corners", 3000, 3000, 0.5, "retune", None, POOR),
    Case("product, one unit", "product", 2000, 2000, 0.0, "retune", None, POOR),
    Case("product, one unit, by rmse", "product", 1200, 1200, 0.0, "retune", "rmse", POOR),
    Case("line, 80 rows", "line", 80, 80, 0.0, "unclear"),
    Case("line, 100 rows, turned by 0.1", "line", 400, 100, 0.1, "unclear"),
    Case("corners, 120 rows", "corners", 300, 120, 0.0, "unclear"),
    Case("line, 80 rows, by the area under the curve", "line", 80, 80, 0.0, "unclear", "roc_auc"),
    Case("digits, turned on their side", "digits", 900, 897, np.pi / 2, "retrain"),
    Case("tumours, other units", "tumours", 285, 284, 1.0, "retrain"),
]

PAIRS = [
    ("line", 200, None),
    ("line", 600, None),
    ("line", 600, "log_loss"),
    ("line", 2000, None),
    ("number", 600, None),
]


POWER = [("line", 600), ("line", 2000)]
ANGLES = (0.1, 0.2, 0.4, 0.8)


def table(kind: str, rows: int, rng: np.random.Generator, turned: float = 0.0) -> pd.DataFrame:
    """Rows of a ``kind``: classes on the sides of a line or in opposite corners, numbers on a plane or a product."""
    x = rng.normal(size=(rows, 6))
    a = np.cos(turned) * x[:, 0] + np.sin(turned) * x[:, 1]
    b = np.cos(turned) * x[:, 1] - np.sin(turned) * x[:, 0]
    frame = pd.DataFrame(x, columns=COLUMNS)
    if kind in ("number", "product"):
        number = a + 0.5 * b if kind == "number" else 2 * a * b
        return frame.assign(y=number + 0.3 * rng.normal(size=rows))
    side = (a > 0) if kind == "line" else (a * b > 0)
    return frame.assign(y=np.where(side ^ (rng.random(rows) < WRONG), "yes", "no"))


def real(case: Case, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Old and new rows of a real table that comes with scikit-learn, the new ones changed."""
    whole = samples.digits() if case.kind == "digits" else samples.breast_cancer()
    assert whole.target is not None
    frame = whole.frame.astype(float).assign(y=whole.target.astype(str).to_numpy())
    rows = rng.permutation(len(frame))
    old, new = frame.iloc[rows[: case.old]], frame.iloc[rows[case.old : case.old + case.new]].copy()
    x = new.drop(columns="y")
    if case.kind == "digits":
        turned = x.to_numpy().reshape(-1, 8, 8).transpose(0, 2, 1)[:, :, ::-1].reshape(-1, 64)
        new[x.columns] = turned
    else:
        new[x.columns[::2]] *= 1000
    return old, new


def tested(case: Case, seed: int, space: caviar.Space) -> caviar.TunedStudy:
    """The re-test of an answer on old rows, on new ones."""
    rng = np.random.default_rng([seed, case.old, case.new])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place, store = Path(folder), Path(folder) / "store.db"
        if case.kind in ("digits", "tumours"):
            pair = real(case, rng)
        else:
            pair = table(case.kind, case.old, rng), table(case.kind, case.new, rng, case.turned)
        for name, frame in zip(("old", "new"), pair, strict=True):
            frame.to_csv(place / f"{name}.csv", index=False)
        forced: dict[str, Any] = {"trials": CHALLENGERS}
        if case.config is not None:
            forced = {"trials": 1, "first": [case.config]}
        more: dict[str, Any] = {"threads": 1, "progress": False, "out": place, "store": store}
        caviar.tune(place / "old.csv", "y", seed=seed, metric=case.metric, space=space, study="old", **forced, **more)
        return caviar.retest("old", data=place / "new.csv", trials=CHALLENGERS, seed=seed + 1, **more)


def measured(part: str, case: Case, seed: int, space: caviar.Space) -> dict[str, Any]:
    """A row of the results."""
    found = tested(case, seed, space).retest
    assert found is not None
    one = found.differences.get(found.difference or "")
    is_wrong = found.verdict not in (case.right, "unclear") and (part == "case" or found.verdict != "keep")
    numbers = ("", "", "") if one is None else (f"{one.mean:.4g}", f"{one.low:.4g}", f"{one.high:.4g}")
    print(f"{part:5} {case.name:45} {seed:4} {case.right:8} {found.verdict:8} {' '.join(numbers)}", flush=True)
    return {
        "part": part,
        "case": case.name,
        "seed": seed,
        "old_rows": case.old,
        "new_rows": case.new,
        "right": case.right,
        "verdict": found.verdict,
        "is_right": int(found.verdict == case.right),
        "surely_wrong": int(is_wrong),
        **dict(zip(("difference", "low", "high"), numbers, strict=True)),
        "rests_on": found.difference or "",
        "needed_rows": found.needed.get("rows") or "",
    }


def wanted(pairs: int, power: int, only: str | None) -> Iterator[tuple[str, Case, int, caviar.Space]]:
    """All that is to be measured."""
    if only in (None, "cases"):
        for seed, case in enumerate(CASES, start=1):
            yield "case", case, seed, NARROW if case.config is None else WIDE
    if only in (None, "pairs"):
        for seed in range(1, pairs + 1):
            for kind, rows, metric in PAIRS:
                name = f"{kind}, {rows} rows" + (f", {metric}" if metric else "")
                yield "pair", Case(name, kind, rows, rows, 0.0, "keep", metric), seed, NARROW

    if only in (None, "power"):
        for seed in range(1, power + 1):
            for kind, rows in POWER:
                for turned in ANGLES:
                    name = f"{kind}, {rows} rows, turned by {turned:g}"
                    yield "power", Case(name, kind, rows, rows, turned, "retrain"), seed, NARROW


def summary() -> None:
    """Print what the results say."""
    rows = read("retest")
    cases = [row for row in rows if row["part"] == "case"]
    if cases:
        right, wrong = (sum(int(row[name]) for row in cases) for name in ("is_right", "surely_wrong"))
        print(f"\n{right} of {len(cases)} cases right, {wrong} surely wrong")
        for row in cases:
            if row["is_right"] == "0":
                print(f"  {row['case']}: {row['verdict']}, and {row['right']} is right")
    for name in dict.fromkeys(row["case"] for row in rows if row["part"] == "pair"):
        of = [row for row in rows if row["part"] == "pair" and row["case"] == name]
        said = {verdict: sum(row["verdict"] == verdict for row in of) for verdict in ("keep", "unclear")}
        alarms = sum(int(row["surely_wrong"]) for row in of)
        low, high = of_share(alarms, len(of))
        print(f"{name:25} {alarms}/{len(of)} false alarms ({low:.1%} to {high:.1%}), {said}")
    pairs = [row for row in rows if row["part"] == "pair"]
    if pairs:
        alarms = sum(int(row["surely_wrong"]) for row in pairs)
        low, high = of_share(alarms, len(pairs))
        print(f"{'all pairs':25} {alarms}/{len(pairs)} false alarms ({low:.1%} to {high:.1%})")
    for name in dict.fromkeys(row["case"] for row in rows if row["part"] == "power"):
        of = [row for row in rows if row["part"] == "power" and row["case"] == name]
        verdicts = ", ".join(f"{sum(row['verdict'] == v for row in of)} {v}" for v in ("retrain", "retune", "keep"))
        print(f"{name:35} of {len(of)}: {verdicts}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--only", choices=("cases", "pairs", "power"))
    parser.add_argument("--power", type=int, default=10)
    asked = parser.parse_args()
    known = {(row["part"], row["case"], int(row["seed"])) for row in read("retest")}
    for part, case, seed, space in wanted(asked.pairs, asked.power, asked.only):
        if (part, case.name, seed) not in known:
            merge("retest", [measured(part, case, seed, space)], ["part", "case", "seed"])
    summary()


if __name__ == "__main__":
    main()
