"""Evidently's default on pairs of the benchmark of drift: run by retest_drift.py in an environment that has evidently.

    python evidently_drift.py OLD NEW CHANGE SIZE PAIRS

It prints one JSON object: the pairs in which it says that the dataset has drifted, and those with any drifted column.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
warnings.simplefilter("ignore")

from evidently import Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402

from benchmarks.drift_tables import TARGET, pair  # noqa: E402


def main() -> None:
    old, new, change, size, pairs = (
        int(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3],
        float(sys.argv[4]),
        int(sys.argv[5]),
    )
    dataset, column = 0, 0
    for seed in range(pairs):
        then, now = (frame.drop(columns=TARGET) for frame in pair(seed, old, new, change, size))
        found = Report([DataDriftPreset()]).run(now, then).dict()["metrics"][0]["value"]
        dataset += found["share"] >= 0.5
        column += found["count"] > 0
    print(json.dumps({"dataset": int(dataset), "column": int(column)}))


main()
