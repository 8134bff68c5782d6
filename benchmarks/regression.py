"""Regression on a real table, by the command line alone, beside ridge regression on the same split.

    python -m benchmarks.regression [--trials 1000] [--seeds 0 1 2 3 4 5 6 7 8 9]

diabetes (442 rows) is written out as CSV. The rival is scikit-learn's RidgeCV, which chooses alpha among 13 from 0.001
to 1000 by leaving one out, fitted on the same training and validation rows after the same preprocessing, and scored on
the same sealed test rows, 88 of them: the luck of a split is worth a few hundredths. A budget of trials, so that the
figures do not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.machine import write
from benchmarks.main_job import tune
from caviar.data import samples
from caviar.data.dataset import prepare
from caviar.data.read import read


def rival(data: Path, target: str, seed: int) -> float:
    """The sealed test R2 of ridge regression."""
    from sklearn.linear_model import RidgeCV

    dataset = prepare(read(data, target), seed)
    assert dataset.test is not None
    sealed, known = dataset.test.open(), dataset.train_and_validation()
    return float(RidgeCV(alphas=np.logspace(-3, 3, 13)).fit(known.x, known.y).score(sealed.x, sealed.y))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        table = samples.diabetes()
        path = samples.write_csv(table, Path(name) / "diabetes.csv")
        target = str(table.target_name)
        for seed in options.seeds:
            arguments = [str(path), "--target", target, "--trials", str(options.trials), "--seed", str(seed)]
            run = tune([*arguments, "--study", f"diabetes {seed}"], Path(name))
            best = run["result"]["best"]
            rows.append(
                {
                    "data": table.name,
                    "seed": seed,
                    "test_r2": round(best["test"]["r2"], 4),
                    "test_low": round(best["test"]["r2_low"], 4),
                    "test_high": round(best["test"]["r2_high"], 4),
                    "validation_r2": round(best["validation"]["r2"], 4),
                    "ridge_test_r2": round(rival(path, target, seed), 4),
                    "minus_ridge": round(best["test"]["r2"] - rival(path, target, seed), 4),
                    "trials": run["result"]["trials"]["started"],
                    "finished": run["result"]["trials"]["finished"],
                    "wall_seconds": round(run["wall"], 2),
                }
            )
            print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    apart = [float(row["minus_ridge"]) for row in rows]
    missed = sum(difference < -0.03 for difference in apart)
    print(f"on average {np.mean(apart):+.4f} of ridge; {missed} of {len(rows)} splits more than 0.03 below it")
    print(write("regression", rows))


if __name__ == "__main__":
    main()
