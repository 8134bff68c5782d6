"""Writes a store of the schema of now to history/version_N.db.xz; run it before the tables change.

    python -m tests.store.keep_history

Version 1 was written by the code of commit 673de13.
"""

from __future__ import annotations

import lzma
import math
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from caviar.records import (
    Box,
    Clock,
    Comparison,
    DiaryEntry,
    InterventionState,
    Measurement,
    RunMeasurement,
    RunSnapshot,
    RunState,
    StudyState,
    Trial,
    TrialState,
)
from caviar.records.result import BestTrial, StudyResult
from caviar.store import Snapshots, Store, states
from caviar.store.runs import Runs
from caviar.store.schema import VERSION
from tests.store.sample import CONFIG, RUN, STUDY, measurement

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
COMPARISONS = [(0, 0, Comparison(3, 0.8, 0.9, 0.1, 0.3)), (1, 0, Comparison(1, math.nan, -0.0, math.inf, 5e-324))]
STATE = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "step": np.array(7), "empty": np.zeros((0, 2))}
RUN_MEASUREMENTS = [RunMeasurement(Clock(i, i, i, 0), {"train_loss": math.inf, "logged": i}) for i in range(3)]
ENTRY = DiaryEntry(1, "2026-01-01", "turn", "🐼", Clock(5, 4, 2, 1), "learning_rate <b>", {"turned": {"l2": [0, 0.5]}})
RUN_SNAPSHOT = RunSnapshot(1, Clock(2, 2, 1, 0), "epoch", 1 / 3, "000001-0badcafe.safetensors", "", 0, "2026-01-01")
RUN_STATE = {"weights": [STATE["weights"], (1, math.inf, "🐼", None)], "step": 7}
SOMEWHERE = {"host": "pond", "boot": "b", "pids": "pid:[1]", "pid": 7, "started": "99", "user": "anna"}


def write_version_1(path: Path) -> None:
    """Write the contents of every stored database."""
    with Store.open(path) as store:
        store.create_study(STUDY)
        store.create_study(replace(STUDY, name="🐟 '; --", seed=0, metric="log_loss"))
        store.write("flowers", [trial._replace(state=TrialState.RUNNING) for trial in TRIALS], MEASUREMENTS)
        store.write("flowers", TRIALS)
        _end(store)
        store.write("🐟 '; --", TRIALS[:1], MEASUREMENTS[:1])


def write_version_2(path: Path) -> None:
    """Write these, and what version 2 has besides."""
    write_version_1(path)
    with Store.open(path) as store:
        store.reopen_study("flowers")
        with patch("caviar.store.process.identity", return_value=SOMEWHERE):
            owner = store.leases.join("flowers")
            helper = store.join_helper("flowers", threads=2)
        failed = Trial(4, CONFIG, TrialState.FAILED, origin="box 1", error="out of luck")
        store.write("flowers", [failed], boxes=BOXES, lease=owner)
        store.assign(owner, {helper.fence: [(3, 0, 1)]})
        _end(store)


def write_version_4(path: Path) -> None:
    """Write these, and what version 4 has besides: comparisons, runs, and a saved state of each kind."""
    write_version_2(path)
    with Store.open(path) as store, patch("caviar.store.process.identity", return_value=SOMEWHERE):
        store.write("flowers", comparisons=COMPARISONS)
        Snapshots(store).save("flowers", 3, 0, 1, STATE)
        runs = Runs(store)
        runs.create(RUN)
        lease = runs.take("net")
        turn = runs.intervene("net", "turn", {"l2": 0.5}, "anna", "why not")
        runs.intervene("net", "pause", {}, "bob", "")
        saved = runs.files("net").write("000001", states.pack(RUN_STATE))
        runs.write(
            lease,
            RUN_MEASUREMENTS,
            [ENTRY],
            [replace(turn, state=InterventionState.DONE, outcome="at step 3", tick=3)],
            [replace(RUN_SNAPSHOT, **saved._asdict())],
            {"epoch": 2},
        )
        runs.close(lease, RunState.INTERRUPTED, None)
        runs.create(replace(RUN, name="branch", parent="net", parent_snapshot=1))
        runs.take("branch")


def _end(store: Store) -> None:
    result = StudyResult(metric="accuracy", best=BestTrial(trial=0, validation={"log_loss": math.nan}))
    store.finish_study("flowers", StudyState.INTERRUPTED, result, "2026-01-31T12:01:00+00:00")


def main() -> None:
    """Write it and its saved states, once."""
    to = HISTORY / f"version_{VERSION}.db.xz"
    if to.exists():
        raise SystemExit(f"{to} is there already, and history is not rewritten")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "caviar.db"
        write_version_4(path)
        to.write_bytes(lzma.compress(path.read_bytes()))
        for kind in ("snapshots", "runs"):
            shutil.copytree(Path(folder) / f"caviar.db.{kind}", HISTORY / f"version_{VERSION}.db.{kind}")


if __name__ == "__main__":
    main()
