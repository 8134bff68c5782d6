"""Ask and tell from Python: anyone's training code, everything in the store, taken up again."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import caviar
from caviar.errors import CaviarWarning, ConfigError, NoAnswer, NotANumber, StoreError
from caviar.protocol.goal import LARGER
from caviar.records import StudyState, TrialState
from caviar.store import Store

SPACE = caviar.Space(learning_rate=caviar.Log(1e-4, 1, tier=1), dropout=caviar.Linear(0.0, 0.5))


def accuracy(config, epoch: int) -> float:
    """A network that learns best at 0.01, and better the longer it is trained."""
    return 1.0 - 0.1 * abs(math.log10(config["learning_rate"]) + 2) - 0.3 / (epoch + 1)


def train(study, trial) -> bool:
    for epoch in range(1, 28):
        value = accuracy(trial.config, epoch)
        if not study.report(trial, epoch, value):
            break
    study.tell(trial, value)
    return epoch == 27


def test_a_goal_that_nobody_gives_is_that_of_the_study_or_noted(tmp_path):
    store = tmp_path / "c.db"
    with pytest.warns(CaviarWarning, match="a larger score counts as better") as noted:
        study = caviar.open_study("larger", SPACE, store=store)
    study.close()
    assert noted[0].filename == __file__
    with caviar.open_study("smaller", SPACE, goal="minimize", store=store) as study:
        for trial, value in zip(study.ask(2), (0.5, 0.25), strict=True):
            study.tell(trial, value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with caviar.open_study("smaller", SPACE, store=store) as study:
            assert study.best_score == 0.25
        with caviar.open_study("after", SPACE, known="smaller", store=store) as study:
            assert study.best_score == 0.25
        with pytest.raises(CaviarWarning):
            caviar.open_study("another", SPACE, store=store)
    with Store.open(store) as opened:
        assert opened.study("larger").notes == (LARGER,)
        assert opened.study("smaller").notes == ()
        assert "another" not in {study.name for study in opened.studies()}


def test_good_trials_go_on_poor_ones_stop_and_all_is_kept(tmp_path: Path):
    with caviar.open_study("mine", SPACE, seed=3, store=tmp_path / "c.db") as study:
        through = [train(study, trial) for trial in study.ask(60)]
        assert 1 <= sum(through) <= 12  # one in three goes on from each of three rungs
        best = study.best
        assert abs(math.log10(best.config["learning_rate"]) + 2) < 0.5
        frame = study.trials()
        assert len(frame) == 60
    with Store.open(tmp_path / "c.db", create=False) as store:
        assert store.study("mine").state is StudyState.FINISHED
        assert store.study("mine").result.best.trial == best.number
        states = [trial.state for trial in store.trials("mine")]
        assert states.count(TrialState.FINISHED) == sum(through)
        measured = [m for number, _, m in store.measurements("mine") if number == best.number]
        assert [m.score for m in measured] == [accuracy(best.config, m.epoch) for m in measured]


@pytest.mark.parametrize(
    ("epoch", "value", "rule"),
    [
        (20.7, 1, "whole number"),  # (value, step), as Optuna has it
        (0.93, 1, "whole number"),
        (math.nan, 1, "whole number"),
        ("one", 1, "whole number"),
        (4.0, 1, "looks like an epoch"),
        (0, 0.5, "1 or more"),
        (2**31, 0.5, "at most 2,147,483,647, got 2147483648"),
        (2**63, 0.5, "at most 2,147,483,647, got 9223372036854775808"),
        pytest.param(10**5000, 0.5, "at most 2,147,483,647, got a number of many digits", id="many digits"),
        pytest.param(-(10**5000), 0.5, "1 or more, got a number of many digits", id="many digits below 0"),
        (1e300, 0.5, "at most 2,147,483,647"),
        pytest.param(0.5, 10**5000, "whole number", id="a value of many digits"),
        (3, 0.5, "not after epoch 3"),
        (2, 0.5, "not after epoch 3"),
        (4, None, "`value` must be a number, got None"),
        (4, "0.5", "`value` must be a number"),
        (4, [0.5], "`value` must be a number"),
        (4, 0.5j, "`value` must be a number"),
        (4, np.array([1.0, 2.0]), "of shape"),
    ],
)
def test_a_report_in_another_order_loses_nothing(tmp_path: Path, epoch, value, rule):
    store = tmp_path / "c.db"
    with caviar.open_study("mine", SPACE, store=store) as study:
        trials = study.ask(5)
        for trial in trials[:4]:
            study.tell(trial, 0.5)
        study.report(trials[4], 3, 0.25)
        with pytest.raises(ConfigError, match=rule) as refused:
            study.report(trials[4], epoch, value)
        assert "study.report(trial, epoch, value)" in refused.value.way_out
        study.report(trials[4], np.int64(4), np.float32(0.5))
        study.tell(trials[4], np.array([0.75]))
        assert len(study.trials()) == 5
    with caviar.open_study("mine", SPACE, store=store) as study:
        assert study.trials().score.tolist() == [0.5] * 4 + [0.75]


@pytest.mark.parametrize("value", ["0.5", [0.5], (0.5, {}), 1j])
def test_a_value_that_is_none_is_refused_and_the_trial_stays_open(tmp_path: Path, value):
    with caviar.open_study("mine", SPACE, store=tmp_path / "c.db") as study:
        (trial,) = study.ask()
        with pytest.raises(NotANumber, match="`value` must be a number"):
            study.tell(trial, value)
        study.tell(trial, 0.5)
        assert study.best.score == 0.5


def test_a_trial_is_what_ask_gave_or_its_number(tmp_path: Path):
    with caviar.open_study("mine", SPACE, store=tmp_path / "c.db") as study:
        asked = study.ask(2)
        for other in (asked, 0.5, None, "0", True):
            with pytest.raises(ConfigError, match=r"what study\.ask\(\) gave"):
                study.report(other, 1, 0.5)
            with pytest.raises(ConfigError, match=r"what study\.ask\(\) gave"):
                study.tell(other, asked[0])
        study.report(asked[0].number, 1, 0.25)
        study.tell(0, 0.5)
        study.tell(asked[1], 0.75)
        assert study.trials().score.tolist() == [0.5, 0.75]
        with pytest.raises(ConfigError, match="no trial 7"):
            study.tell(7, 0.5)


def test_a_trials_config_is_its_own(tmp_path: Path):
    store = tmp_path / "c.db"
    with caviar.open_study("mine", SPACE, store=store) as study:
        drawn = []
        for trial in study.ask(5):
            drawn.append(dict(trial.config))
            trial.config["device"] = "cuda"
            trial.config.setdefault("dropout", 9)
            study.report(trial, 1, 0.5)
            study.tell(trial, trial.config.pop("dropout"))
        best = study.best
        best.config.clear()
        assert study.best.config == drawn[best.number]
    with caviar.open_study("mine", SPACE, store=store) as study:
        assert study.trials()[["learning_rate", "dropout"]].to_dict("records") == drawn
        assert study.ask(1)


def test_losses_are_minimised(tmp_path: Path):
    with caviar.open_study("mine", SPACE, goal="minimize", store=tmp_path / "c.db") as study:
        for trial in study.ask(30):
            study.tell(trial, 1 - accuracy(trial.config, 27))
        values = [1 - accuracy(t, 27) for t in study.trials()[["learning_rate"]].to_dict("records")]
        assert study.best.score == pytest.approx(min(values))


def test_a_study_is_taken_up_with_all_that_it_knew(tmp_path: Path):
    store = tmp_path / "c.db"
    with caviar.open_study("mine", SPACE, store=store) as study:
        for trial in study.ask(20):
            train(study, trial)
        best = study.best
        left = study.ask()[0]
    with caviar.open_study("mine", SPACE, store=store) as study:
        assert study.best == best
        assert study.ask()[0].number == 21
        assert study.trials().set_index("number").loc[left.number, "state"] == "interrupted"
        with pytest.raises(ConfigError, match="told already"):
            study.tell(left, 0.5)


def test_a_killed_session_loses_half_a_second_at_most(tmp_path: Path):
    code = """
        import sys, time
        import caviar
        from tests.study.test_ask_tell import SPACE, train
        study = caviar.open_study("mine", SPACE, store=sys.argv[1])
        for trial in study.ask(10):
            train(study, trial)
        time.sleep(0.6)
        study.ask()
        print("asked", flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "c.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        os.kill(process.pid, signal.SIGKILL)
    with caviar.open_study("mine", SPACE, store=tmp_path / "c.db") as study:
        assert len(study.trials()) == 11
        assert study.ask()[0].number == 11


def test_nan_is_a_trial_that_diverged_and_never_the_best(tmp_path: Path):
    with caviar.open_study("mine", SPACE, store=tmp_path / "c.db") as study:
        one, other, third = study.ask(3)
        with pytest.raises(NoAnswer):
            _ = study.best
        assert study.report(one, 1, math.nan) is False
        study.tell(one, math.nan)
        study.tell(other, None)
        study.tell(third, 0.1)
        assert study.best.number == third.number
        assert study.trials()["state"].tolist() == ["diverged", "diverged", "finished"]


def test_mistakes(tmp_path: Path):
    store = tmp_path / "c.db"
    with pytest.raises(ConfigError, match="maximize or minimize"):
        caviar.open_study("mine", SPACE, goal="largest", store=store)
    with pytest.raises(StoreError, match="name"):
        caviar.open_study("../mine", SPACE, store=store)
    assert not store.exists()
    with caviar.open_study("mine", SPACE, store=store) as study:
        trial = study.ask()[0]
        study.report(trial, 2, 0.5)
        with pytest.raises(ConfigError, match="is not after epoch 2"):
            study.report(trial, 2, 0.5)
        with pytest.raises(StoreError, match="is running"):
            caviar.open_study("mine", SPACE, store=store)
    with pytest.raises(StoreError, match="another study"):
        caviar.open_study("mine", SPACE, seed=9, store=store)


def test_an_attribute_of_an_old_trial_leaves_its_times(tmp_path: Path):
    store = str(tmp_path / "caviar.db")
    with caviar.open_study("mine", SPACE, store=store) as study:
        (trial,) = study.ask()
        study.tell(trial, 0.5)
        study.set(trial, "seen", 1)
    with Store.open(store) as opened:
        before = opened.trials_frame("mine")[["began", "ended"]]
    time.sleep(0.01)
    with caviar.open_study("mine", SPACE, store=store) as study:
        study.set(0, "seen", 2)
    with Store.open(store) as opened:
        after = opened.trials_frame("mine")
    assert after[["began", "ended"]].equals(before)
    assert after["attributes.seen"].tolist() == [2]
