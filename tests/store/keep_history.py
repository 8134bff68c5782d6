"""Writes a store of the schema of now to history/version_N.db.xz; run it before the tables change.

    python -m tests.store.keep_history

Version 1 was written by the code of commit 673de13.
"""

from __future__ import annotations

import lzma
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from caviar.records import Box, Measurement, StudyState, Trial, TrialState
from caviar.store import Store
from caviar.store.schema import VERSION
from tests.store.sample import CONFIG, STUDY, measurement

HISTORY = Path(__file__).parent / "history"

TRIALS = [
    Trial(0, CONFIG, TrialState.FINISHED, 3, 0.9, 0.1),
    Trial(0, CONFIG, TrialState.FINISHED, 2, 0.1 + 0.2, 1 / 3, repeat=1),
    Trial(1, {"learning_rate": 1e30}, TrialState.DIVERGED, 1, math.nan, math.inf),
    Trial(2, CONFIG, TrialState.STOPPED, 1, -0.0, 5e-324),
    Trial(3, CONFIG, TrialState.INTERRUPTED),
]
MEASUREMENTS = [
    *[(0, 0, measurement(epoch, 1 / epoch)) for epoch in (1, 2, 3)],
    (0, 1, measurement(1)),
    (1, 0, Measurement(1, math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1)),
    (2, 0, measurement(1)),
]
BOXES = [Box(0, 0, {"learning_rate": [1e-4, 1.0]}, "the whole space"), Box(1, 3, {}, "🐟")]
SOMEWHERE = {"host": "pond", "boot": "b", "pids": "pid:[1]", "pid": 7, "started": "99", "user": "anna"}


def write_version_1(path: Path) -> None:
    """What is in every stored database."""
    with Store.open(path) as store:
        store.create_study(STUDY)
        store.create_study(replace(STUDY, name="🐟 '; --", seed=0, metric="log_loss"))
        store.write("flowers", [trial._replace(state=TrialState.RUNNING) for trial in TRIALS], MEASUREMENTS)
        store.write("flowers", TRIALS)
        result = {"best": {"trial": 0, "validation": {"log_loss": math.nan}}}
        store.finish_study("flowers", StudyState.INTERRUPTED, result, "2026-01-31T12:01:00+00:00")
        store.write("🐟 '; --", TRIALS[:1], MEASUREMENTS[:1])


def write_version_2(path: Path) -> None:
    """What version 2 has besides."""
    write_version_1(path)
    with Store.open(path) as store:
        with patch("caviar.store.process.identity", return_value=SOMEWHERE):
            worker = store.join("flowers")
        failed = Trial(4, CONFIG, TrialState.FAILED, origin="box 1", error="out of luck")
        store.write("flowers", [failed], boxes=BOXES, worker=worker)
        store.claim(worker, [(3, 0, 1)])


def main() -> None:
    """Write it, once."""
    to = HISTORY / f"version_{VERSION}.db.xz"
    if to.exists():
        raise SystemExit(f"{to} is there already, and history is not rewritten")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "caviar.db"
        write_version_2(path)
        to.write_bytes(lzma.compress(path.read_bytes()))


if __name__ == "__main__":
    main()
