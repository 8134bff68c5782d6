"""Tuning a function, a program that speaks the protocol, and one that does not, in real processes."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
import warnings
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import caviar
import caviar.clients
from caviar.errors import ConfigError, NoAnswer, SpaceError, StoreError, UserMistake
from caviar.protocol.goal import LARGER
from caviar.protocol.pool import Finished, Pool
from caviar.protocol.process import environments
from caviar.records import StudyState, TrialState
from caviar.report.explain import as_text
from caviar.report.study_document import compare_document, study_document
from caviar.store import Snapshots, Store
from caviar.store.doctor import delete, examine
from caviar.study import programs
from caviar.study.resume import take_up
from caviar.study.spec import ProgramRequest
from caviar.study.tune import follow
from caviar.views.study_page import comparison_of, study_page
from tests.study.counted_clock import CountedClock

CLIENT = Path(caviar.clients.__file__).parent / "caviar_client.py"
SPACE = caviar.Space(x=caviar.Linear(0, 1), y=caviar.Linear(0, 1))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def objective(trial):
    """Best at x = 0.7; what it tells depends on the config alone, and how long it takes on nothing."""
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, 1 - abs(trial.config["x"] - 0.7) - 1 / epoch, train_loss=1 / epoch)


def recorded(study) -> list[tuple]:
    """The outcome of each trial."""
    columns = ["number", "state", "epochs", "score", "x", "y"]
    return [tuple(row) for row in study.trials().query("repeat == 0")[columns].itertuples(index=False)]


def test_the_best_config_is_found_and_the_poor_are_stopped():
    study = caviar.tune(objective, SPACE, trials=40, processes=2, epochs=9)
    assert abs(study.best.config["x"] - 0.7) < 0.1
    assert study.best.epochs == 9
    counts = study.summary["trials"]
    assert counts["started"] == 40
    assert counts["stopped"] > 10
    assert counts["finished"] + counts["stopped"] == 40
    frame = study.trials()
    assert set(frame.query("state == 'stopped'").epochs) <= {1, 3}
    assert set(frame.query("state == 'finished'").epochs) == {9}


def test_the_decisions_do_not_depend_on_who_is_quick():
    def hasty(trial):
        import random
        import time

        for epoch in range(1, trial.last_epoch + 1):
            time.sleep(random.random() / 50)
            trial.report(epoch, 1 - abs(trial.config["x"] - 0.7) - 1 / epoch)

    one, other = (caviar.tune(hasty, SPACE, trials=25, processes=3, epochs=9, seed=4) for _ in range(2))
    assert recorded(one) == recorded(other)
    assert one.name == "hasty"
    assert other.name == "hasty-2"


@pytest.mark.parametrize("stopping", ["halving", "hyperband", "median", "none"])
def test_every_stopping_rule_comes_to_an_end(stopping):
    study = caviar.tune(objective, SPACE, trials=12, processes=3, epochs=9, stopping=stopping)
    assert len(recorded(study)) == 12
    if stopping == "none":
        assert study.summary["trials"]["finished"] == 12


def test_a_function_that_reports_nothing_is_trained_to_its_end_unless_another_rule_is_given():
    def silent(trial):
        return -abs(trial.config["x"] - 0.7)

    given = {"trials": 9, "processes": 2, "epochs": 9, "progress": False}
    by_itself, asked = (caviar.tune(silent, SPACE, **given, **more) for more in ({}, {"stopping": "halving"}))
    reports = caviar.tune(objective, SPACE, **given)
    with Store.open("caviar.db") as store:
        rules = [store.study(study.name).spec.stopping for study in (by_itself, asked, reports)]
        assert rules == ["none", "halving", "halving"]
    assert caviar.resume(by_itself.name, data=silent, trials=12, progress=False).summary["trials"]["finished"] == 12


@pytest.mark.filterwarnings("ignore:the grid has 9 configs:caviar.CaviarWarning")
@pytest.mark.parametrize("search", ["random", "sobol", "grid:3", "optuna:tpe"])
def test_every_search(search):
    study = caviar.tune(objective, SPACE, trials=9, processes=2, epochs=3, search=search)
    assert len(recorded(study)) == 9


def test_losses_are_minimized():
    def loss(trial):
        trial.report(1, abs(trial.config["x"] - 0.7))

    study = caviar.tune(loss, SPACE, trials=20, processes=2, epochs=1, goal="minimize")
    assert abs(study.best.config["x"] - 0.7) < 0.15
    assert study.summary["best"]["score"] == min(score for _, _, _, score, _, _ in recorded(study))


def test_a_function_need_not_report():
    study = caviar.tune(lambda trial: trial.config["x"], SPACE, trials=10, processes=2)
    assert study.summary["trials"] == {"started": 10, "finished": 10, "stopped": 0, "diverged": 0, "failed": 0}
    assert study.best.score == max(score for _, _, _, score, _, _ in recorded(study))


def test_what_a_function_returns_is_its_final_score():
    def returns(trial):
        trial.report(1, 0.0)
        return 100 + trial.config["x"]

    with pytest.warns(caviar.CaviarWarning, match=r"reported 0 at last and ended with 10\d\."):
        study = caviar.tune(returns, SPACE, trials=4, processes=1, epochs=1)
    assert all(score >= 100 for _, _, _, score, _, _ in recorded(study))


@pytest.mark.filterwarnings("ignore:trial . reported 0 at last:caviar.CaviarWarning")
def test_what_a_trial_does_after_its_last_epoch_is_waited_for():
    def finishes_slowly(trial):
        import time

        trial.report(1, 0.0)
        time.sleep(0.5)
        Path(trial.folder, "model.txt").write_text("saved")
        return 100 + trial.config["x"]

    study = caviar.tune(finishes_slowly, SPACE, trials=3, processes=3, epochs=1)
    assert all(score >= 100 for _, _, _, score, _, _ in recorded(study))
    assert len(list(Path("caviar.db.programs").rglob("model.txt"))) == 3


@pytest.mark.filterwarnings("ignore:trial . reported 0 at last:caviar.CaviarWarning")
def test_the_last_words_of_trials_that_end_at_once_are_all_heard(tmp_path, monkeypatch):
    """Each trial ends when all have reported; the pool looks seldom, so that it finds several ends in one look."""
    reported = tmp_path / "reported"
    reported.mkdir()

    def finishes(trial):
        import time

        trial.report(1, 0.0)
        (reported / str(trial.number)).touch()
        while len(list(reported.iterdir())) < 3:
            time.sleep(0.01)
        return 100 + trial.config["x"]

    look = Pool._look
    monkeypatch.setattr(Pool, "_look", lambda self, timeout: (time.sleep(0.5), look(self, timeout))[1])
    study = caviar.tune(finishes, SPACE, trials=3, processes=3, epochs=1)
    assert all(score >= 100 for _, _, _, score, _, _ in recorded(study))


def test_a_budget_of_seconds_leaves_time_for_repeats(monkeypatch):
    CountedClock(monkeypatch, read=0.002, result=0.05)

    def takes_time(trial):
        import time

        time.sleep(0.05)
        return trial.config["x"]

    study = caviar.tune(takes_time, SPACE, seconds=6, processes=2, repeats=1)
    assert len(study.summary["best"]["repeated"]["scores"]) == 1


def test_a_repeat_that_the_time_interrupts_does_not_count(monkeypatch):
    """The first trial of all is as quick as the others; repeats, which come without an early stop, take an hour."""
    CountedClock(monkeypatch, read=0.02, result=0.05)

    def slow_when_repeated(trial):
        import time

        trial.report(1, trial.config["x"])
        if "-" in Path(trial.folder).name:
            time.sleep(3600)

    study = caviar.tune(slow_when_repeated, SPACE, seconds=6, processes=2, epochs=1, repeats=1)
    assert (study.trials().query("repeat > 0").state == "interrupted").all()
    assert study.summary["best"]["repeated"] is None
    assert study.best.score == max(score for _, _, _, score, _, _ in recorded(study))


def test_a_failure_without_a_word_is_one_all_the_same(tmp_path):
    Path("mute.py").write_text(
        "import json, sys\ntrial = json.loads(sys.stdin.readline())\n"
        "print(json.dumps({'type': 'failed'} if trial['trial'] % 2 else {'type': 'done', 'score': 1}), flush=True)\n"
    )
    Path("space.toml").write_text(SPACE_FILE)
    arguments = ["--space", "space.toml", "--trials", "4", "--json"]
    done = caviar_command("tune", "--command", f"{sys.executable} mute.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trials"]["failed"] == 2


def test_failures_are_those_trials_own():
    def moody(trial):
        if trial.number == 1:
            raise ValueError("I do not like this config")
        if trial.number == 2:
            raise MemoryError
        if trial.number == 3:
            os.kill(os.getpid(), signal.SIGSEGV)
        if trial.number == 4:
            return None
        if trial.number == 5:
            return math.nan
        if trial.number == 6:
            trial.report(1, math.inf)
        return trial.config["x"]

    with pytest.warns(caviar.CaviarWarning, match="4 of 10 trials failed, the last"):
        study = caviar.tune(moody, SPACE, trials=10, processes=2, epochs=3)
    frame = study.trials().set_index("number")
    states = ["failed", "out_of_memory", "failed", "failed", "diverged", "diverged"]
    assert frame.state.loc[[1, 2, 3, 4, 5, 6]].tolist() == states
    assert (frame.state.loc[[0, 7, 8, 9]] == "finished").all()
    with Store.open("caviar.db") as store:
        errors = {trial.number: trial.error for trial in store.trials(study.name)}
    assert "I do not like this config" in errors[1]
    assert "SIGSEGV" in errors[3]
    assert "told no score" in errors[4]
    assert math.isfinite(study.best.score)


def test_code_that_never_works_is_an_error_after_a_few_trials():
    def broken(trial):
        raise NameError("name 'tensr' is not defined")

    with pytest.raises(NoAnswer, match="tensr"):
        caviar.tune(broken, SPACE, trials=1000, processes=2)
    with Store.open("caviar.db") as store:
        assert 5 <= len(store.trials("broken")) < 12


def test_a_score_that_is_a_loss_is_not_maximized_in_silence():
    def as_keras(trial):
        value = 0.1234 + abs(trial.config["x"] - 0.7)
        trial.report(1, value, train_loss=value / 2, validation_loss=value)

    with pytest.raises(ConfigError, match="validation_loss") as refused:
        caviar.tune(as_keras, SPACE, trials=9, processes=2, epochs=1, study="mine")
    assert "`goal`" in refused.value.rule
    assert '`goal="minimize"`' in refused.value.way_out
    with Store.open("caviar.db") as store:
        assert store.studies() == []  # so that the name is free
    study = caviar.tune(as_keras, SPACE, trials=9, processes=2, epochs=1, study="mine", goal="minimize")
    assert study.best.score == min(score for _, _, _, score, _, _ in recorded(study))
    caviar.tune(as_keras, SPACE, trials=2, processes=1, epochs=1, goal="maximize")


def gives_a_loss(trial):
    loss = 0.1234 + abs(trial.config["x"] - 0.7)
    trial.report(1, loss)


def of_hyperopt(trial):
    return {"loss": 0.1234 + abs(trial.config["x"] - 0.7), "status": "ok"}


def rmse(trial):
    return 0.1234 + abs(trial.config["x"] - 0.7)


@pytest.mark.parametrize("function", [gives_a_loss, of_hyperopt, rmse, partial(rmse)])
def test_a_loss_by_its_name_is_minimized_with_a_note(function):
    with pytest.warns(caviar.CaviarWarning, match='a loss by its name.*`goal="maximize"`') as noted:
        study = caviar.tune(function, SPACE, trials=9, processes=2, epochs=1)
    assert study.best_score == min(score for _, _, _, score, _, _ in recorded(study))
    assert study.notes == tuple(str(note.message) for note in noted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = caviar.tune(function, SPACE, trials=9, processes=2, epochs=1, goal="maximize")
    assert other.best_score == max(score for _, _, _, score, _, _ in recorded(other))


def test_a_score_without_a_name_is_maximized_and_that_is_said_once_at_the_start():
    with pytest.warns(caviar.CaviarWarning) as noted:
        study = caviar.tune(lambda trial: trial.config["x"], SPACE, trials=3, processes=1)
    assert study.notes == (LARGER,) == tuple(str(note.message) for note in noted)


def test_a_dict_of_a_loss_that_only_its_values_name_is_refused_with_the_way_out():
    made = partial(dict, val_loss=0.25)  # no name in the function
    with pytest.raises(ConfigError, match="val_loss"):
        caviar.tune(lambda trial: made(), SPACE, trials=3, processes=1, study="mine")
    study = caviar.tune(lambda trial: made(), SPACE, trials=3, processes=1, study="mine", goal="minimize")
    assert study.best_score == 0.25
    with pytest.raises(NoAnswer, match=r"2 numbers, acc, loss: give one, result\['acc'\]"):
        caviar.tune(lambda trial: {"loss": 1.0, "acc": 0.5}, SPACE, trials=9, processes=2, goal="minimize")


def test_scores_that_fall_from_epoch_to_epoch_are_noted():
    def falls(trial):
        for epoch in range(1, trial.last_epoch + 1):
            trial.report(epoch, trial.config["x"] + 1 / epoch)

    with pytest.warns(caviar.CaviarWarning, match="fall from epoch to epoch, as those of a loss"):
        caviar.tune(falls, SPACE, trials=12, processes=2, epochs=9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        caviar.tune(falls, SPACE, trials=12, processes=2, epochs=9, goal="maximize")


def test_a_function_with_more_epochs_than_a_trial_gets_a_note():
    def goes_on(trial):
        for epoch in range(1, 100):
            trial.report(epoch, trial.config["x"])

    with pytest.warns(caviar.CaviarWarning, match=r"went on after its 3 epochs .*`epochs=100`"):
        study = caviar.tune(goes_on, SPACE, trials=3, processes=1, epochs=3)
    assert study.best.epochs == 3


def test_a_final_score_that_was_reported_before_is_no_conflict():
    def best_of_all(trial):
        best = 0.0
        for epoch in range(1, trial.last_epoch + 1):
            best = max(best, 1 / epoch)
            trial.report(epoch, 1 / epoch)
        return best

    study = caviar.tune(best_of_all, SPACE, trials=3, processes=1, epochs=3)
    assert study.best_score == 1.0
    assert study.notes == (LARGER,)


def test_one_that_jumps_over_its_last_epoch_has_finished_and_is_trained_once():
    def jumps(trial):
        with Path("calls").open("a") as file:
            file.write("x")
        trial.report(1, 0.5)
        trial.report(30, 0.7)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = caviar.tune(jumps, SPACE, trials=1, processes=1, epochs=27)
    assert study.summary["trials"]["finished"] == 1
    assert Path("calls").read_text() == "x"


def test_a_first_report_beyond_the_last_epoch_fails_with_both():
    program = """
        print(json.dumps({"type": "epoch", "epoch": 90, "score": 1}), flush=True)
        sys.stdin.readline()
        print(json.dumps({"type": "done"}), flush=True)
    """
    Path("train.py").write_text("import json, sys\nsys.stdin.readline()\n" + textwrap.dedent(program))
    request = ProgramRequest(command=f"{sys.executable} train.py", space=SPACE, trials=9, processes=2)
    with pytest.raises(NoAnswer, match="first report is of epoch 90, and a trial has 27 epochs at most"):
        list(follow(request))


def test_an_error_names_the_exception_and_the_line_of_the_users_file(tmp_path: Path):
    def broken(trial):
        return trial.config["lr"] + 1

    def exits(trial):
        sys.exit("data folder not found")

    with pytest.raises(NoAnswer) as failed:
        caviar.tune(broken, SPACE, trials=9, processes=2)
    said = "KeyError: 'lr': trial.config has no such hyperparameter; known: x, y (test_programs.py, line"
    assert said in failed.value.rule
    assert "fix the function; the trial had x=" in failed.value.way_out
    with pytest.raises(NoAnswer, match=r"SystemExit: data folder not found \(test_programs.py, line"):
        caviar.tune(exits, SPACE, trials=9, processes=2)
    with Store.open("caviar.db") as store:
        error = store.trials("broken")[0].error
        assert error.splitlines()[0] in failed.value.rule
        assert "Traceback (most recent call last)" in error


@pytest.mark.parametrize(
    ("program", "score", "rule", "way_out"),
    [
        ("print('acc: 0.5')", "val_acc=([0-9.]+)", "matches none of the 1 line that it printed", "train.py 0."),
        ("pass", "val_acc=([0-9.]+)", "it printed nothing", "train.py 0."),
        ("print('acc=0,5')", "acc=([0-9.]+)", "could be 0 or '0,5'", "train.py 0."),
        ("raise ValueError('no data')", "acc=([0-9.]+)", "ValueError: no data (train.py, line 2)", "train.py 0."),
        ("import caviar_client\nnext(caviar_client.trials())\n1 / 0", None, "ZeroDivisionError", 'CAVIAR_TRY=\'{"x": '),
        ("print('val_acc=0.5')", None, "exit status 0 before the trial was done", "`score='val_acc=([0-9.]+)'`"),
    ],
)
def test_a_program_that_never_works_is_tried_alone_with_the_line_that_is_named(program, score, rule, way_out):
    Path("train.py").write_text(f"import sys\n{program}\n")
    shutil.copy(CLIENT, "caviar_client.py")
    command = f"{sys.executable} train.py" + ("" if score is None else " {x} {y}")
    request = ProgramRequest(command=command, score=score, space=SPACE, trials=9, processes=2)
    with pytest.raises(NoAnswer) as failed:
        list(follow(request))
    assert rule in failed.value.rule
    assert way_out in failed.value.way_out
    line = failed.value.way_out.partition("alone: ")[2] or "true"
    alone = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert "caviar starts this program" not in alone.stderr
    for words in ("acc: 0.5", "acc=0,5", "no data", "ZeroDivisionError"):
        assert words in alone.stdout + alone.stderr or words not in program + rule


def test_a_hang_costs_its_trial_and_no_more(monkeypatch):
    """The pool's clock stands still until the other trials have ended: only the hanging one is silent too long."""
    ended = []

    class Watched(Pool):
        def take(self, timeout=None):
            event = super().take(timeout)
            ended.extend([event] if isinstance(event, Finished) else [])
            return event

    clocked = partial(Watched, clock=lambda: 1000.0 if len(ended) == 4 else 0.0)
    monkeypatch.setattr(programs, "Pool", clocked)

    def hangs(trial):
        import time

        if trial.number == 1:
            time.sleep(1000)
        return trial.config["x"]

    with pytest.warns(caviar.CaviarWarning, match="1 of 5 trials failed, the last, trial 1, so: it was silent"):
        study = caviar.tune(hangs, SPACE, trials=5, processes=2, trial_timeout=60)
    assert [state for _, state, *_ in recorded(study)] == ["finished", "failed", "finished", "finished", "finished"]


def test_the_seed_the_folder_and_the_number_of_epochs_are_the_trials_own():
    def writes(trial):
        Path(trial.folder, "note.txt").write_text(f"{trial.seed} {trial.last_epoch}")
        return trial.config["x"]

    study = caviar.tune(writes, SPACE, trials=4, processes=2, epochs=5)
    notes = [Path(folder, "note.txt").read_text() for folder in sorted(Path("caviar.db.programs").glob("*/*"))]
    seeds = {note.split()[0] for note in notes}
    assert len(seeds) == 4
    assert all(note.endswith(" 5") for note in notes)
    best = study.summary["best"]
    assert Path(best["folder"], "note.txt").read_text() == f"{best['seed']} 5"


def test_processors_are_shared_unless_somebody_has_said_how(monkeypatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("caviar.protocol.process.processors", lambda: 8)
    assert [found["OMP_NUM_THREADS"] for found in environments(3)] == ["2", "2", "2"]
    assert [found["CUDA_VISIBLE_DEVICES"] for found in environments(3, ["0", "5"])] == ["0", "5", "0"]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert not any("THREADS" in name for name in environments(3)[0])


def test_what_trials_keep_goes_with_their_study():
    def writes(trial):
        Path(trial.folder, "note.txt").write_text("x")
        return 1.0

    study = caviar.tune(writes, SPACE, trials=2, processes=1)
    assert len(list(Path("caviar.db.programs").glob("*/*"))) == 2
    with Store.open("caviar.db") as store:
        delete(store, "study", study.name)
    assert not Path("caviar.db.programs").exists()


@pytest.mark.parametrize("how", ["deleted", "removed with its database", "of a store that was moved away"])
def test_a_trial_finds_nothing_of_an_earlier_one_of_its_number(how):
    def looks(trial):
        found = len(list(Path(trial.folder).iterdir()))
        Path(trial.folder, "checkpoint.pt").write_text("x")
        return float(found)

    first = caviar.tune(looks, SPACE, trials=2, processes=1, study="ponds")
    if how == "deleted":
        with Store.open("caviar.db") as store:
            delete(store, "study", first.name)
    else:
        for file in Path().glob("caviar.db*"):
            if file.is_file():
                file.rename(f"other-{file.name}")
    second = caviar.tune(looks, SPACE, trials=2, processes=1, study="ponds")
    assert (first.best_score, second.best_score) == (0.0, 0.0)
    if how.startswith("of"):
        with Store.open("caviar.db") as store:
            assert [found for found in examine(store, repair=True) if found.is_damage] == []
        assert len(list(Path("caviar.db.programs").glob("*/*/checkpoint.pt"))) == 4


def test_the_best_are_repeated_with_fresh_seeds_where_that_is_asked_for():
    def noisy(trial):
        import random

        luck = random.Random(trial.seed).gauss(0, 0.3)
        trial.report(1, trial.config["x"] / 10 + luck)

    study = caviar.tune(noisy, SPACE, trials=30, processes=2, epochs=1, repeats=4)
    repeated = study.summary["best"]["repeated"]
    assert len(repeated["scores"]) == 4
    assert repeated["mean"] == pytest.approx(sum(repeated["scores"]) / 4)
    assert repeated["gap"] == pytest.approx(repeated["when_chosen"] - repeated["mean"])
    repeats = study.trials().query("repeat > 0")
    assert len(repeats) == 20
    assert repeats.number.nunique() == 5


def test_more_trials_for_a_finished_study():
    first = caviar.tune(objective, SPACE, trials=10, processes=2, epochs=3)
    more = caviar.resume(first.name, trials=20, data=objective)
    whole = caviar.tune(objective, SPACE, trials=20, processes=2, epochs=3)
    assert recorded(more) == recorded(whole)


def test_a_function_is_to_be_given_again():
    caviar.tune(objective, SPACE, trials=3, processes=1, epochs=3)
    with pytest.raises(ConfigError, match="store does not keep"):
        caviar.resume("objective", trials=10)


@pytest.mark.parametrize("given", [{"threads": 2}, {"test": "test.csv"}, {"out": "models"}])
def test_what_only_a_table_can_use_is_refused(given):
    caviar.tune(objective, SPACE, trials=3, processes=1, epochs=3)
    with pytest.raises(ConfigError, match=f"`{next(iter(given))}` is for tables"):
        caviar.resume("objective", trials=10, data=objective, **given)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"space": None}, "needs `space`"),
        ({"goal": "best"}, "maximize or minimize"),
        ({"epochs": 0}, "`epochs` must be"),
        ({"processes": 0}, "`processes` must be"),
        ({"repeats": -1}, "`repeats` must be"),
        ({"trial_timeout": 0}, "timeout` must be"),
        ({"trials": 0}, "at least 1"),
        ({"seconds": -1}, "above 0"),
        ({"stopping": "halvin"}, "no stopping rule"),
        ({"seed": -1}, "`seed` must be"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_written(arguments, rule):
    with pytest.raises(ConfigError, match=rule):
        caviar.tune(objective, **{"space": SPACE} | arguments)
    assert not os.path.exists("caviar.db")


def test_other_mistakes():
    with pytest.raises(StoreError, match="name"):
        caviar.tune(objective, SPACE, study="../x")
    with pytest.raises(SpaceError, match="no search"):
        caviar.tune(objective, SPACE, search="oracle")


# --- killed, and taken up again ---

SLOW = """
import caviar, os, sys, time

def slow(trial):
    network = {"epoch": 0}
    def save(path):
        open(path, "w").write(str(network["epoch"]))
    def restore(path):
        network["epoch"] = int(open(path).read())
        open("restored.txt", "a").write(f"{trial.number} {network['epoch']}\\n")
    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        time.sleep(PAUSE)
        network["epoch"] += 1
        assert network["epoch"] == epoch
        open("trained.txt", "a").write(f"{trial.number} {epoch}\\n")
        trial.report(epoch, 1 - abs(trial.config["x"] - 0.7) - 1 / epoch)

space = caviar.Space(x=caviar.Linear(0, 1), y=caviar.Linear(0, 1))
if __name__ == "__main__":
    if sys.argv[1] == "resume":
        caviar.resume("slow", store=sys.argv[2], data=slow)
    else:
        caviar.tune(slow, space, study="slow", store=sys.argv[2], trials=30, epochs=9, processes=2)
"""


def frame(url: str) -> list[tuple]:
    with Store.open(url) as store:
        table = store.trials_frame("slow")
    return [tuple(row) for row in table[["number", "repeat", "state", "epochs", "score", "x"]].itertuples(index=False)]


@pytest.mark.parametrize("delay", [0.5, 1.5, 3.0])
def test_killed_and_resumed_is_as_never_broken(delay):
    Path("slow.py").write_text(SLOW.replace("PAUSE", "0.02"))
    subprocess.run([sys.executable, "slow.py", "tune", "whole.db"], check=True)
    broken = subprocess.Popen([sys.executable, "slow.py", "tune", "broken.db"])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not Path("broken.db-wal").exists():
        time.sleep(0.05)
    time.sleep(delay)
    broken.send_signal(signal.SIGKILL)
    broken.wait()
    with Store.open("broken.db") as store:
        finished = store.study("slow").state == "finished"  # in time, before it was killed
    if not finished:
        subprocess.run([sys.executable, "slow.py", "resume", "broken.db"], check=True)
    assert frame("broken.db") == frame("whole.db")


def test_a_trial_under_way_goes_on_from_its_snapshot():
    """Epochs of 0.8 s: at the rung of 3 it has taken 2.4 s, and is saved."""
    Path("slow.py").write_text(SLOW.replace("PAUSE", "0.8").replace("trials=30", "trials=1").replace("=2)", "=1)"))
    broken = subprocess.Popen([sys.executable, "slow.py", "tune", "broken.db"])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if Path("trained.txt").exists() and "0 5" in Path("trained.txt").read_text():
            break
    broken.send_signal(signal.SIGKILL)
    broken.wait()
    with Store.open("broken.db") as store:
        assert [(saved.number, saved.epoch) for saved in Snapshots(store).of_study("slow")] == [(0, 3)]
    before = frame("broken.db")
    Path("broken.db.snapshots").rename("away")  # it would begin again, and need not come to the same scores
    refused = subprocess.run([sys.executable, "slow.py", "resume", "broken.db"], capture_output=True, text=True)
    assert "trial 0 after epoch 3 of study 'slow' is not there; looked for in" in refused.stderr
    assert frame("broken.db") == before
    Path("away").rename("broken.db.snapshots")
    Path("trained.txt").unlink()
    subprocess.run([sys.executable, "slow.py", "resume", "broken.db"], check=True)
    assert Path("restored.txt").read_text() == "0 3\n"
    assert Path("trained.txt").read_text().splitlines()[0] == "0 4"
    assert [(number, state, epochs) for number, _, state, epochs, _, _ in frame("broken.db")] == [(0, "finished", 9)]
    with Store.open("broken.db") as store:
        assert Snapshots(store).of_study("slow") == []
    assert not list(Path("broken.db.programs").rglob("*.snapshot"))


# --- the command line ---

CAVIAR = [sys.executable, "-c", "import sys; from caviar.cli.main import main; sys.exit(main())"]
SPACE_FILE = '[x]\nscale = "linear"\nlow = 0.0\nhigh = 1.0\n'
RAW = """
import json, sys
trial = json.loads(sys.stdin.readline())
for epoch in range(1, trial["epochs"] + 1):
    score = 1 - abs(trial["config"]["x"] - 0.7) - 1 / epoch
    print(json.dumps({"type": "epoch", "epoch": epoch, "score": score}), flush=True)
    if json.loads(sys.stdin.readline())["type"] == "stop":
        break
print(json.dumps({"type": "done"}), flush=True)
"""


def caviar_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CAVIAR, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def files() -> None:
    Path("space.toml").write_text(SPACE_FILE)
    Path("raw.py").write_text(textwrap.dedent(RAW))
    Path("plain.py").write_text(
        "import sys\nfor e in range(1, 10): print(f'epoch {e} acc={1 - abs(float(sys.argv[1]) - 0.7) - 1 / e:.6f}')\n"
    )


def test_the_shortest_program_of_the_page(files):
    done = caviar_command(
        "tune",
        "--command",
        f"{sys.executable} raw.py",
        "--space",
        "space.toml",
        "--trials",
        "12",
        "--epochs",
        "9",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert list(summary) == ["study", "store", "seed", "seconds", "data", "trials", "best", "model", "notes"]
    assert summary["study"] == "raw"
    assert abs(summary["best"]["config"]["x"] - 0.7) < 0.2
    more = caviar_command("resume", "raw", "--trials", "15", "--json")
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["trials"]["started"] == 15


def test_a_program_that_knows_nothing_gets_the_same_answer(files):
    arguments = ["--space", "space.toml", "--trials", "12", "--epochs", "9", "--json"]
    knows = caviar_command("tune", "--command", f"{sys.executable} raw.py", *arguments)
    plain = caviar_command(
        "tune", "--command", f"{sys.executable} plain.py {{x}}", "--score", "acc=([-0-9.]+)", *arguments
    )
    assert plain.returncode == 0, plain.stderr
    assert json.loads(plain.stdout)["best"]["config"] == json.loads(knows.stdout)["best"]["config"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--command", "sh raw.py"], "needs --space"),
        (["--command", "no-such-thing", "--space", "space.toml"], "there is no program"),
        (["--command", "sh x", "--space", "space.toml", "--target", "y"], "--target is for tables"),
        (["flowers.csv", "--epochs", "3"], "--epochs is for code of your own"),
        ([], "neither a table nor a program"),
        (["--command", "sh {z}", "--score", "(1)", "--space", "space.toml"], "no hyperparameter"),
    ],
)
def test_mistakes_on_the_command_line(files, arguments, words):
    done = caviar_command("tune", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
    assert not Path("caviar.db").exists()


def test_a_program_that_is_broken_is_an_error_with_its_words(files):
    done = caviar_command("tune", "--command", f"{sys.executable} nothere.py", "--space", "space.toml")
    assert done.returncode == 1
    assert "nothere.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_the_programs_and_keeps_their_reports(files):
    Path("slow.py").write_text(
        RAW.replace("import json, sys", "import json, sys, time").replace("    score", "    time.sleep(0.2)\n    score")
    )
    arguments = ["tune", "--command", f"{sys.executable} slow.py", "--space", "space.toml", "--seconds", "600"]
    running = subprocess.Popen([*CAVIAR, *arguments], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.2)
        if Path("caviar.db").exists():
            with Store.open("caviar.db") as store:
                if store.studies() and any(trial.epochs for trial in store.trials("slow")):
                    break
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "caviar resume slow" in said
    with Store.open("caviar.db") as store:
        assert store.study("slow").state == "interrupted"
        assert {trial.state for trial in store.trials("slow")} <= {*TrialState} - {TrialState.RUNNING}
    assert "slow.py" not in subprocess.run(["ps", "-ef"], capture_output=True, text=True, check=True).stdout


def test_epochs_that_were_left_out_are_no_hole_for_a_resume():
    def every_second(trial):
        for epoch in range(2, trial.last_epoch + 1, 2):
            trial.report(epoch, trial.config["x"])

    first = caviar.tune(every_second, SPACE, trials=6, processes=1, epochs=9)
    more = caviar.resume(first.name, trials=12, data=every_second)
    assert recorded(more) == recorded(caviar.tune(every_second, SPACE, trials=12, processes=1, epochs=9))


NEEDS_DATA = """
import pathlib, caviar_client
pathlib.Path("data").read_text()
for trial in caviar_client.trials():
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, trial.config["x"])
"""


@pytest.mark.parametrize("gone", ["train.py", "data", "caviar_client.py"])
def test_what_was_there_when_a_study_began_may_be_away_and_come_back(gone: str):
    Path("train.py").write_text(NEEDS_DATA)
    Path("data").write_text("rows")
    shutil.copy(CLIENT, "caviar_client.py")
    command = f"{sys.executable} train.py"
    request = ProgramRequest(command=command, space=SPACE, trials=12, processes=1, epochs=3, store="caviar.db")
    list(follow(replace(request, study="whole", trials=40)))
    list(follow(replace(request, study="mine")))
    with Store.open("caviar.db") as store:
        before = store.trials("mine")
    Path(gone).rename("away")
    for _ in range(2):
        with pytest.raises(UserMistake, match="none is counted") as refused:
            list(take_up("mine", store="caviar.db", trials=40))
        assert "caviar resume mine" in refused.value.way_out
        with Store.open("caviar.db") as store:
            assert store.trials("mine")[:12] == before
            assert {trial.state for trial in store.trials("mine")[12:]} == {TrialState.INTERRUPTED}
            assert store.study("mine").state is StudyState.INTERRUPTED
    Path("away").rename(gone)
    list(take_up("mine", store="caviar.db", trials=40))
    with Store.open("caviar.db") as store:
        same = [(trial.config, trial.state, trial.score) for trial in store.trials("whole")]
        assert [(trial.config, trial.state, trial.score) for trial in store.trials("mine")] == same


def test_a_program_that_goes_away_in_the_middle_burns_no_budget():
    """It moves its own data away in trial 6: what fails at once from then on is not counted, and comes after."""
    leaves = """
import pathlib, caviar_client
for trial in caviar_client.trials():
    if trial.number == 6 and pathlib.Path("leave").exists():
        pathlib.Path("data").rename("away")
    pathlib.Path("data").read_text()
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, trial.config["x"])
"""
    Path("train.py").write_text(leaves)
    Path("data").write_text("rows")
    shutil.copy(CLIENT, "caviar_client.py")
    command = f"{sys.executable} train.py"
    request = ProgramRequest(command=command, space=SPACE, trials=40, processes=1, epochs=3, store="caviar.db")
    list(follow(replace(request, study="whole")))
    Path("leave").touch()
    with pytest.raises(UserMistake, match="none is counted") as refused:
        list(follow(replace(request, study="mine")))
    assert "caviar resume mine" in refused.value.way_out
    with Store.open("caviar.db") as store:
        states = [trial.state for trial in store.trials("mine")]
        assert states.count(TrialState.FAILED) == 0 < states.count(TrialState.INTERRUPTED) < 20
        assert store.study("mine").state is StudyState.INTERRUPTED
    Path("leave").unlink()
    Path("away").rename("data")
    list(take_up("mine", store="caviar.db"))
    with Store.open("caviar.db") as store:
        same = [(trial.config, trial.state, trial.score) for trial in store.trials("whole")]
        assert [(trial.config, trial.state, trial.score) for trial in store.trials("mine")] == same


def test_trials_that_fail_before_one_is_heard_of_are_failures_once_it_is():
    def some(trial):
        if trial.number in (12, 13, 14):
            raise ValueError("such a config cannot be")
        trial.report(1, trial.config["x"])

    caviar.tune(some, SPACE, trials=12, processes=1, epochs=1, study="mine")
    with pytest.warns(caviar.CaviarWarning, match="3 of 20 trials failed"):
        caviar.resume("mine", data=some, trials=20, processes=1)
    with Store.open("caviar.db") as store:
        failed = [trial.number for trial in store.trials("mine") if trial.state is TrialState.FAILED]
    assert failed == [12, 13, 14]


def test_the_last_trials_of_a_study_may_fail():
    def some(trial):
        if trial.number >= 12:
            raise ValueError("such a config cannot be")
        trial.report(1, trial.config["x"])

    caviar.tune(some, SPACE, trials=12, processes=2, epochs=1, study="mine")
    with pytest.warns(caviar.CaviarWarning, match="2 of 14 trials failed"):
        caviar.resume("mine", data=some, trials=14)


def test_two_trials_that_fail_one_after_the_other_are_no_program_that_is_away():
    """Also where no trial comes after them, and none before them failed."""

    def some(trial):
        if trial.number in (48, 49):
            raise ValueError("such a config cannot be")
        trial.report(1, trial.config["x"])

    with pytest.warns(caviar.CaviarWarning, match="2 of 50 trials failed"):
        caviar.tune(some, SPACE, trials=50, processes=1, epochs=1, study="mine")


def test_where_many_configs_fail_more_have_to_fail_before_it_is_the_program():
    def most(trial):
        if trial.number % 8 or trial.number == 16:
            raise ValueError("such a config cannot be")
        trial.report(1, trial.config["x"])

    with pytest.warns(caviar.CaviarWarning, match="10 of 12 trials failed"):
        caviar.tune(most, SPACE, trials=12, processes=1, epochs=1, study="mine")
    with pytest.warns(caviar.CaviarWarning, match="trials failed"):
        caviar.resume("mine", data=most, trials=30, processes=1)
    with Store.open("caviar.db") as store:
        assert sum(trial.state is TrialState.FAILED for trial in store.trials("mine")) == 27


def test_a_trial_that_was_measured_is_never_failed_by_a_program_that_is_away():
    Path("train.py").write_text(NEEDS_DATA)
    Path("data").write_text("rows")
    shutil.copy(CLIENT, "caviar_client.py")
    request = ProgramRequest(command=f"{sys.executable} train.py", space=SPACE, trials=1, processes=1, epochs=3)
    list(follow(replace(request, study="mine", store="caviar.db")))
    with sqlite3.connect("caviar.db") as database:  # as if it had been killed in the middle
        database.execute("UPDATE studies SET state = 'interrupted'")
        database.execute("UPDATE trials SET state = 'interrupted', epochs = 2")
        database.execute("DELETE FROM measurements WHERE epoch = 3")
    with Store.open("caviar.db") as store:
        before = store.trials("mine")
    Path("data").rename("away")
    with pytest.raises(UserMistake, match="none is counted"):
        list(take_up("mine", store="caviar.db", trials=1))
    with Store.open("caviar.db") as store:
        (now,) = store.trials("mine")
    assert (now.state, now.score) == (before[0].state, before[0].score)


def test_a_score_that_equals_a_loss_by_chance_later_on_ends_no_study():
    def objective(trial):
        trial.report(1, 0.37, loss=0.37 if trial.number == 6 else 0.9)

    study = caviar.tune(objective, SPACE, trials=10, processes=1, epochs=1, study="mine")
    assert len(study.trials()) == 10


def test_a_program_that_crashes_after_its_first_epoch_has_no_score(monkeypatch):
    monkeypatch.setattr(programs, "_MOMENT", 60.0)  # a loaded machine may need long for a traceback
    Path("train.py").write_text("import sys\nprint('acc=' + sys.argv[1], flush=True)\nraise RuntimeError('no disk')\n")
    command = f"{sys.executable} train.py {{x}} {{y}}"
    request = ProgramRequest(command=command, score="acc=([0-9.]+)", space=SPACE, trials=8, processes=1)
    with pytest.raises(NoAnswer, match=r"no trial has a score; [5-8] failed, the last so: RuntimeError: no disk"):
        list(follow(request))


def test_programs_that_print_one_score_have_finished_and_no_stop_saved_anything(monkeypatch):
    monkeypatch.setattr(programs, "_MOMENT", 60.0)  # a loaded machine may need long for the end of a process
    request = ProgramRequest(command="echo acc={x} {y}", score="acc=([0-9.e-]+)", space=SPACE, trials=12, processes=1)
    *_, study = follow(request)
    assert study.summary["trials"] == {"started": 12, "finished": 12, "stopped": 0, "diverged": 0, "failed": 0}
    with Store.open("caviar.db") as store:
        page = study_page(store, study.name)
        early = "Trials ended by themselves after their first score, so that stopping can save nothing"
        assert page.view.early_ends.startswith(early)
        console = Console(record=True, width=200, file=StringIO())
        console.print(as_text(page.view))
        assert "as much work as training 12 networks to the end" in console.export_text()
        first = page.rungs[0]
        assert (first.reached, len(first.stopped), first.ended, first.went_on) == (12, 0, 12, 0)
        assert sum(rung.saved_epochs for rung in page.rungs) == 0


def test_the_time_of_a_study_is_that_of_all_its_commands_without_the_rest_between_them():
    first = caviar.tune(objective, SPACE, trials=3, processes=1)
    with sqlite3.connect("caviar.db") as database:
        database.execute("UPDATE studies SET created = '2026-01-01T00:00:00+00:00'")  # a rest of months
    second = caviar.resume(first.name, data=objective, trials=4)
    with Store.open("caviar.db") as store:
        study = store.study(first.name)
        assert study.spec.spent == first.summary["seconds"]
        page = study_document(study_page(store, first.name))
        compared = compare_document(comparison_of(store, [first.name, first.name]))
        assert {page["worked"], *(side["worked"] for side in compared["studies"])} == {second.summary["seconds"]}


def test_a_study_without_a_trial_beyond_its_first_epoch_says_so():
    def crashes(trial):
        trial.report(1, trial.config["x"])
        raise RuntimeError("no disk")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = caviar.tune(crashes, SPACE, trials=12, processes=1, epochs=9)
    assert study.summary["trials"]["failed"]
    assert any("no trial went beyond its first epoch without failing" in note for note in study.summary["notes"])


def test_a_function_that_catches_its_stop_is_noted():
    def deaf(trial):
        for epoch in range(1, 10):
            try:
                trial.report(epoch, trial.config["x"])
            except BaseException:  # that is the mistake
                continue

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = caviar.tune(deaf, SPACE, trials=6, processes=1, epochs=9)
    assert any("catches TrialStopped" in note for note in study.summary["notes"])
    assert not any("beyond its first epoch" in note for note in study.summary["notes"])
