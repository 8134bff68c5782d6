"""The main job on real tables, by the command line alone, as a new user would: accuracy, trials, time kept, memory.

    python -m benchmarks.main_job [--only digits] [--seeds 0 1 2]

digits, wine and breast_cancer are written out as CSV (text labels; once more with 5 % of the cells blanked),
Fashion-MNIST is Debian's package dataset-fashion-mnist (left out where it is not installed). Beside each stands the
rival that asks nothing either: scikit-learn's MLPClassifier with its defaults on the same training and validation rows,
scored on the same sealed test rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import write
from caviar.data import samples
from caviar.data.dataset import prepare
from caviar.data.read import read

FASHION = Path("/usr/share/datasets/fashion-mnist")


CAVIAR = "from caviar.cli.main import main; main()"


def tune(arguments: list[str], folder: Path) -> dict[str, Any]:
    """One `caviar tune --json` in a process of its own: its result, wall seconds and peak memory."""
    start = time.monotonic()
    command = [sys.executable, "-c", CAVIAR, "tune", *arguments, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.stdout.close()
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return {"result": json.loads(out), "wall": time.monotonic() - start, "mib": usage.ru_maxrss / 1024}


def rival(data: Path, target: str | None, seed: int, test: Path | None = None) -> float:
    """The sealed test accuracy of scikit-learn's MLPClassifier with its defaults, on the same split."""
    from sklearn.neural_network import MLPClassifier

    table = read(data, target)
    dataset = prepare(table, seed, None if test is None else read(test, target))
    assert dataset.test is not None
    sealed = dataset.test.open()
    x = np.vstack([dataset.train.x, dataset.validation.x])
    y = np.concatenate([dataset.train.y, dataset.validation.y])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(MLPClassifier(random_state=seed).fit(x, y).score(sealed.x, sealed.y))


def row(name: str, seconds: float, seed: int, run: dict[str, Any], other: float | None) -> dict[str, Any]:
    result = run["result"]
    test = result["best"]["test"]
    return {
        "data": name,
        "seconds": seconds,
        "seed": seed,
        "test_accuracy": round(test["accuracy"], 4),
        "test_low": round(test["accuracy_low"], 4),
        "test_high": round(test["accuracy_high"], 4),
        "validation_accuracy": round(result["best"]["validation"]["accuracy"], 4),
        "mlpclassifier_test_accuracy": "" if other is None else round(other, 4),
        "trials": result["trials"]["started"],
        "finished": result["trials"]["finished"],
        "wall_seconds": round(run["wall"], 2),
        "peak_mib": round(run["mib"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="one of the tables")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs: list[tuple[str, Path, str | None, float, list[int], list[str], Path | None]] = []
        for sample in (samples.digits, samples.wine, samples.breast_cancer):
            table = sample()
            for blanks in (0.0, 0.05):
                title = table.name + (" blanked" if blanks else "")
                path = samples.write_csv(table, folder / f"{title.replace(' ', '_')}.csv", blanks=blanks)
                jobs.append((title, path, table.target_name, 30.0, options.seeds, [], None))
        if FASHION.exists():
            images, test = (next(FASHION.glob(f"{part}-images-idx3-ubyte*")) for part in ("train", "t10k"))
            jobs.append(("fashion-mnist", images, None, 180.0, options.seeds[:1], ["--test", str(test)], test))
        for title, path, target, seconds, seeds, more, sealed in jobs:
            if options.only not in (None, title):
                continue
            for seed in seeds:
                arguments = [
                    str(path),
                    "--seconds",
                    str(seconds),
                    "--seed",
                    str(seed),
                    "--study",
                    f"{title} {seed}",
                    *more,
                ]
                run = tune(arguments + (["--target", target] if target else []), folder)
                rows.append(row(title, seconds, seed, run, rival(path, target, seed, sealed)))
                print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    if options.only is None:
        print(write("main_job", rows))


if __name__ == "__main__":
    main()
