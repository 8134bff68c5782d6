"""The first hyperparameters of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from caviar.errors import NoAnswer
from caviar.records import Trial, TrialState
from caviar.runs.configs import read_config
from caviar.store import Store
from tests.store.sample import STUDY


def test_the_best_of_a_study_without_a_result_is_the_best_by_its_metric(tmp_path: Path):
    store = str(tmp_path / "caviar.db")
    trials = [
        Trial(0, {"layers": 1}, TrialState.STOPPED, 3, 0.8, 0.1),
        Trial(1, {"layers": 2}, TrialState.STOPPED, 3, 0.9, 0.5),  # the largest accuracy, not the smallest loss
        Trial(2, {"layers": 3}, TrialState.DIVERGED, 3, 0.95, 0.05),
    ]
    with Store.open(store) as opened:
        opened.create_study(STUDY)
        with pytest.raises(NoAnswer, match="no trial that was measured"):
            read_config(None, STUDY.name, store)
        opened.write(STUDY.name, trials)
    assert read_config(None, STUDY.name, store) == {"layers": 2}
