"""Tables made to be hard in one way each: many texts, a rare class, heavy tails, a straight line.

    python -m benchmarks.made_tables [--tables shops heavy] [--seconds 10] [--commit NAME]

Each is tuned with the defaults, one thread, three seeds of table and study, and the saved model is scored on new rows:
R2, accuracy or, where a class is rare, balanced accuracy. Beside it stands logistic or ridge regression of scikit-learn
on the same rows, one-hot. ``--commit`` names the caviar that is installed where that is another than this tree's.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, balanced_accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import caviar
from benchmarks.machine import merge, read

SEEDS = (0, 1, 2)
Rng = np.random.Generator


def shops(rng: Rng, n: int = 40_000) -> pd.DataFrame:
    """5,000 shops, four rows each for training, whose sales differ."""
    shop, effect = rng.integers(5_000, size=n), rng.normal(size=5_000)
    z = rng.normal(size=n)
    names = np.array([f"s{i:04}" for i in range(5_000)])[shop]
    return pd.DataFrame({"shop": names, "z": z, "y": 2 * effect[shop] + z + 0.5 * rng.normal(size=n)})


def kinds(rng: Rng, n: int = 24_000, classes: int = 11) -> pd.DataFrame:
    """1,500 shops that decide between 11 classes, nine times of ten."""
    shop, own = rng.integers(1_500, size=n), rng.integers(classes, size=1_500)
    y = np.where(rng.random(n) < 0.9, own[shop], rng.integers(classes, size=n))
    names = np.array([f"s{i:04}" for i in range(1_500)])[shop]
    return pd.DataFrame(
        {"shop": names, "z": rng.normal(size=n), "y": np.array([f"k{k:02}" for k in range(classes)])[y]}
    )


def rare(rng: Rng, n: int = 7_000) -> pd.DataFrame:
    """A class of 3 %, by two of five columns."""
    x = rng.normal(size=(n, 5))
    sick = rng.random(n) < 1 / (1 + np.exp(4.8 - 1.4 * x[:, 0] - 1.0 * x[:, 1]))
    return pd.DataFrame(x, columns=list("abcde")).assign(y=np.where(sick, "yes", "no"))


def heavy(rng: Rng, n: int = 4_000) -> pd.DataFrame:
    """The exponential of a straight line with noise: the largest number is thousands of times the median."""
    x = rng.normal(size=(n, 4))
    return pd.DataFrame(x, columns=list("abcd")).assign(
        y=np.exp(6 + x @ [1.5, 1.0, 0.5, 0.0] + 0.3 * rng.normal(size=n))
    )


def line(rng: Rng, n: int = 2_000) -> pd.DataFrame:
    """A straight line of 20 columns below much noise."""
    x = rng.normal(size=(n, 20))
    return pd.DataFrame(x, columns=[f"x{j}" for j in range(20)]).assign(
        y=x @ rng.normal(size=20) * 0.4 + 2 * rng.normal(size=n)
    )


def boundary(rng: Rng, n: int = 2_000) -> pd.DataFrame:
    """Two classes on the sides of a plane, in noise."""
    frame = line(rng, n)
    return frame.assign(y=np.where(frame["y"] > 0, "a", "b"))


TABLES: dict[str, tuple[Callable[[Rng], pd.DataFrame], dict[str, Any]]] = {
    "shops": (shops, {}),
    "kinds": (kinds, {}),
    "rare": (rare, {"balance": True, "metric": "balanced_accuracy"}),
    "heavy": (heavy, {}),
    "line": (line, {}),
    "boundary": (boundary, {}),
}


def measured(name: str, seed: int, seconds: float) -> dict[str, Any]:
    """The scores of caviar and of a linear model on the second half of a table."""
    make, arguments = TABLES[name]
    table = make(np.random.default_rng(seed))
    train, new = table[: len(table) // 2], table[len(table) // 2 :]
    study = caviar.tune(
        train, target="y", seconds=seconds, threads=1, seed=seed, store=None, progress=False, **arguments
    )
    inputs, regression = new.drop(columns="y"), table["y"].dtype.kind == "f"
    score = r2_score if regression else balanced_accuracy_score if name == "rare" else accuracy_score
    texts = [column for column in inputs if column == "shop"]
    linear = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), texts), remainder=StandardScaler()),
        Ridge() if regression else LogisticRegression(class_weight="balanced" if name == "rare" else None),
    ).fit(train.drop(columns="y"), train["y"])
    scores = [float(score(new["y"], model.predict(inputs))) for model in (study.best.model, linear)]
    return {
        "table": name,
        "seed": seed,
        "seconds": seconds,
        "caviar": round(scores[0], 4),
        "linear": round(scores[1], 4),
    }


def summary(rows: Sequence[dict[str, str]]) -> str:
    """The mean over seeds of each table, a line a version of caviar."""
    found: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for row in rows:
        key = row["table"], row["seconds"], row["version"]
        found.setdefault(key, []).append((float(row["caviar"]), float(row["linear"])))
    return "\n".join(
        f"{table} {seconds} s, {version}: caviar {own:.3f}, linear {linear:.3f}"
        for (table, seconds, version), scores in found.items()
        for own, linear in [np.mean(scores, axis=0)]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="*", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--commit", default="", help="of the caviar that is installed")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in given.tables:
        rows = [measured(name, seed, given.seconds) | {"version": given.commit or "this"} for seed in SEEDS]
        merge("made_tables", rows, ("table", "seconds", "version", "seed"))
    print(summary(read("made_tables")))


if __name__ == "__main__":
    main()
