"""Tables for files, of stores whose names and texts were not cleaned yet."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from caviar.records import Clock, DiaryEntry, RunMeasurement, Trial, TrialState
from caviar.report.export import write
from caviar.report.table import write_csv
from caviar.views.tables import of_diary, of_measured_run, of_trials
from tests.views.records import run_of, study_of

ODD = {"\ud800": 1.0, "\x1b[2J": 2.0, "\\x1b[2J": 3.0, "\x1b[2J_": 4.0, "\0": 5.0, "Fehler é": 6.0}
NAMES = ["\\ud800", "\\x1b[2J", "\\x1b[2J_", "\\x1b[2J__", "\\x00", "Fehler é"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_names_of_before_are_exported_clean_and_each_is_another(tmp_path: Path, ending: str):
    made = of_measured_run(run_of(), [RunMeasurement(Clock(1, 1), ODD), RunMeasurement(Clock(2, 2), {})])
    write(made, tmp_path / f"a.{ending}")
    read = pd.read_csv(tmp_path / "a.csv") if ending == "csv" else pq.read_table(tmp_path / "a.parquet").to_pandas()
    assert set(read.columns) - {"tick", "step", "epoch", "take"} == set(NAMES)
    assert read.iloc[0][NAMES].tolist() == [1, 2, 3, 4, 5, 6]
    assert all(math.isnan(cell) for cell in read.iloc[1][NAMES])


def test_texts_of_before_are_exported_clean():
    trials = [
        Trial(0, {}, TrialState.FINISHED, score=0.5, attributes={"said\ud800": "x\ud800\0y", "n": 1}),
        Trial(1, {}, TrialState.FAILED, error="line\nanother"),
    ]
    made = of_trials(study_of(), trials)
    written = io.StringIO()
    write_csv(made.frame, written)
    read = pd.read_csv(io.BytesIO(written.getvalue().encode()))
    assert "x\\ud800\\x00y" in read.iloc[0].tolist()
    assert any("said\\ud800" in name for name in read.columns)
    assert read.error[1] == "line\nanother"
    assert set(made.columns) == set(made.frame.columns)


def test_the_diary_of_before_is_exported_clean():
    entry = DiaryEntry(0, "2026-11-21", "begun", "caviar", Clock(1, 1), "a\ud800 \x1b[2J", {"x\ud800": 1})
    written = io.StringIO()
    write_csv(of_diary(run_of(), [entry]).frame, written)
    assert "a\\ud800 \\x1b[2J" in written.getvalue().encode().decode()
