"""Fault 12: a trial, or every trial, takes more memory than the process may have (RLIMIT_AS)."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from caviar.data import samples
from caviar.records import TrialState
from caviar.store import Store
from tests.faults.invariants import check_over

CHILD = """
    import re, resource, sys
    from pathlib import Path
    import pandas, scipy.stats, sklearn.model_selection, caviar.learners.dense.native, caviar.study.tune, caviar.store
    from caviar.cli.main import run
    now = int(re.search(r"VmSize:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10
    resource.setrlimit(resource.RLIMIT_AS, (now + (1 << 30), -1))
    sys.exit(run(sys.argv[1:]))
"""
LARGE = 12_000  # units: the weights between two such layers are drawn in 1.1 GB


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.write_csv(samples.wine(), tmp_path_factory.mktemp("data") / "wine.csv")


def tune(wine: Path, folder: Path, hidden_units: str) -> subprocess.CompletedProcess[str]:
    (folder / "large.toml").write_text(f"[layers]\nvalue = 2\n[hidden_units]\n{hidden_units}\n")
    arguments = ["tune", str(wine), "--target", "cultivar", "--trials", "12", "--space", "large.toml"]
    arguments += ["--study", "mine", "--threads", "2"]
    command = [sys.executable, "-c", textwrap.dedent(CHILD), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_trials_that_are_too_large_are_out_of_memory_and_the_others_go_on(wine, tmp_path):
    ended = tune(wine, tmp_path, f"choices = [8, {LARGE}]")
    assert ended.returncode == 0, ended.stderr
    with Store.open(tmp_path / "caviar.db") as store:
        trials = [trial for trial in store.trials("mine") if trial.repeat == 0]
        for trial in trials:
            too_large = trial.config["hidden_units"] == LARGE
            assert (trial.state is TrialState.OUT_OF_MEMORY) == too_large
            assert (trial.error is not None) == too_large
        assert {trial.config["hidden_units"] for trial in trials} == {8, LARGE}
    check_over(tmp_path / "caviar.db", "mine")


def test_where_all_are_too_large_the_advice_says_what_would_fit(wine, tmp_path):
    ended = tune(wine, tmp_path, f"value = {LARGE}")
    assert ended.returncode == 1, ended.stderr
    complained = ended.stderr.splitlines()
    assert len(complained) == 2
    assert "the 12 trials" in complained[0]
    assert "hidden_units" in complained[1]
    assert "parameters would fit" in complained[1]
    check_over(tmp_path / "caviar.db", "mine")
