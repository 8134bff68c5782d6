"""Studies that follow earlier ones: of any kind, in any store; what was taken stays with the new one."""

from __future__ import annotations

import json
import lzma
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import caviar
from caviar.cli.main import run
from caviar.errors import ConfigError, StoreError, UserMistake
from caviar.records import StudySpec, Winners
from caviar.store import Store
from caviar.store.doctor import delete

SPACE = caviar.Space(learning_rate=caviar.Log(1e-4, 1), hidden_units=caviar.Integer(4, 64, log=True))
OTHER = caviar.Space(lr=caviar.Log(1e-2, 1), layers=caviar.Integer(1, 2))
HISTORY = Path(__file__).parents[1] / "store" / "history"
COLUMNS = ["number", "state", "epochs", "score", "origin"]

pytestmark = pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")  # of what does not fit as it is


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    return x, (x.sum(axis=1) > 0).astype(int)


def objective(trial):
    rate = trial.config.get("learning_rate", trial.config.get("lr"))
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(epoch, -abs(np.log10(rate) + 2) - 1 / epoch)


def earlier(store="caviar.db", name="old"):
    """A study whose best trial has a learning rate near 0.01; the names of its best and second best trial."""
    with caviar.open_study(name, SPACE, goal="maximize", stopping="none", store=store) as study:
        for trial in study.ask(12):
            study.tell(trial, -abs(np.log10(trial.config["learning_rate"]) + 2))
        return study.best.number


def rows(study):
    return study.trials()[COLUMNS].values.tolist()


def test_winners_come_first_and_stay_when_the_old_study_is_gone():
    best = earlier()
    given = {"like": ["old"], "processes": 2, "epochs": 3, "progress": False, "goal": "maximize", "seed": 3}
    whole = caviar.tune(objective, OTHER, trials=20, study="whole", **given)
    assert whole.trials().origin[0] == f"like old: trial {best}"
    assert whole.trials().lr[0] == pytest.approx(0.01, rel=1)
    assert "its learning_rate is taken for lr; " in whole.notes[0]
    assert "; not in this space: hidden_units; " in whole.notes[0]
    caviar.tune(objective, OTHER, trials=2, study="parts", **given)
    with Store.open("caviar.db") as store:
        delete(store, "study", "old")
    for trials in (3, 9, 20):
        parts = caviar.resume("parts", data=objective, trials=trials, processes=2, progress=False)
    with Store.open("caviar.db") as store:
        [winners] = store.spec("parts").like
    assert len(winners.configs) == 8
    assert rows(parts) == rows(whole)


def test_a_study_that_was_broken_off_ends_in_the_same_bits():
    earlier()
    given = {"space": SPACE, "trials": 24, "like": ["old"], "seed": 5, "progress": False}
    whole = caviar.tune(data(), study="whole", threads=1, **given)
    alike = caviar.tune(data(), study="alike", threads=3, **given)
    assert rows(whole) == rows(alike)
    assert sum(row[4].startswith("like old") for row in rows(whole)) >= 4

    np.savez("data.npz", x=data()[0], y=data()[1])
    Path("killed.py").write_text(f"""
import caviar, numpy as np, os, signal
x, y = (np.load("data.npz")[name] for name in "xy")
space = caviar.Space.from_toml({SPACE.to_toml()!r})
end = lambda trial: trial.number == 9 and os.kill(os.getpid(), signal.SIGKILL)
caviar.tune((x, y), space=space, trials=24, like=["old"], seed=5, study="broken", after_trial=end, progress=False)
""")
    killed = subprocess.run([sys.executable, "killed.py"], check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with Store.open("caviar.db") as store:
        delete(store, "study", "old")
    assert rows(caviar.resume("broken", data=data(), threads=2, progress=False)) == rows(whole)


def test_a_table_follows_code_of_ones_own_in_another_store_which_is_not_written_to(tmp_path):
    (tmp_path / "far").mkdir()
    best = earlier("far/old.db")
    before = Path("far/old.db").read_bytes()
    found = caviar.tune(data(), trials=10, seed=1, threads=2, progress=False, like="old@far/old.db")
    frame = found.trials()
    assert frame.origin[0] == f"like old@old.db: trial {best}"
    assert frame.origin[2] == "portfolio"
    assert frame.encoding[0] == frame.encoding[2]  # what the old study does not have is the portfolio's
    assert Path("far/old.db").read_bytes() == before


def test_a_store_of_an_older_version_is_left_as_it_is():
    before = lzma.decompress((HISTORY / "version_5.db.xz").read_bytes())
    Path("older.db").write_bytes(before)
    with pytest.raises(StoreError, match="an older caviar wrote"):
        caviar.tune(data(), trials=3, like=["anything@older.db"])
    assert Path("older.db").read_bytes() == before


def test_an_imported_study_of_optuna_counts(capsys):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="minimize", storage="sqlite:///optuna.db", study_name="theirs")
    study.optimize(lambda t: abs(np.log10(t.suggest_float("lr", 1e-5, 1, log=True)) + 1.5), n_trials=6)
    assert run(["import", "optuna.db"]) == 0
    new = caviar.tune(
        objective, SPACE, trials=5, like=["theirs"], epochs=1, processes=1, progress=False, goal="maximize"
    )
    assert new.trials().origin[0] == f"like theirs: trial {study.best_trial.number}"
    assert new.trials().learning_rate[0] == pytest.approx(study.best_params["lr"])


def test_a_study_that_is_asked_keeps_what_it_took_when_it_is_taken_up_again():
    best = earlier()

    def ask(n):
        with caviar.open_study("new", OTHER, goal="maximize", like=["old"], stopping="none") as study:
            for trial in study.ask(n):
                study.tell(trial, -abs(np.log10(trial.config["lr"]) + 2))
            return study.trials().origin.tolist()

    assert ask(2) == [f"like old: trial {best}", "middle"]
    with Store.open("caviar.db") as store:
        delete(store, "study", "old")
    origins = ask(20)
    assert origins.count(f"like old: trial {best}") == 1
    assert sum(origin.startswith("like old") for origin in origins) >= 4


def test_the_command_line_and_what_explain_says(capsys):
    best = earlier()
    Path("p.py").write_text("import sys; print('score', -abs(float(sys.argv[1]) - 0.01))")
    Path("space.toml").write_text(OTHER.to_toml())
    command = f"{sys.executable} p.py {{lr}} {{layers}}"
    given = ["--command", command, "--score", r"score (\S+)", "--space", "space.toml", "--trials", "6", "--quiet"]
    assert run(["tune", *given, "--study", "new", "--like", "old", "--processes", "1"]) == 0
    capsys.readouterr()
    assert run(["explain", "new", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["followed"]
    assert [(one["study"], one["best"]) for one in said] == [("old", 0)]
    assert run(["explain", "new"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "of study old w" in shown
    assert "trial 0" in shown
    assert run(["trials", "new", "--json"]) == 0
    assert f"like old: trial {best}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("like", "error", "said"),
    [
        (["odl"], StoreError, "no study 'odl'"),
        (["old@none.db"], StoreError, "none.db"),
        (["empty"], ConfigError, "no trial of study 'empty' has a result"),
        (["strange"], ConfigError, "nothing in common with this space"),
        (7, ConfigError, "`like` must be a"),
        ([7], ConfigError, "`like` must be a list of the names of studies"),
    ],
)
def test_refusals_leave_nothing_behind(like, error, said):
    earlier()
    with caviar.open_study("empty", SPACE, goal="maximize"):
        pass
    with caviar.open_study("strange", caviar.Space(x=caviar.Log(1, 2)), goal="maximize") as study:
        study.tell(study.ask()[0], 1.0)
    for call in (
        lambda: caviar.tune(objective, SPACE, trials=3, like=like, study="new"),
        lambda: caviar.tune(data(), space=SPACE, trials=3, like=like, study="new"),
        lambda: caviar.open_study("new", SPACE, like=like),
    ):
        with pytest.raises(error) as refused:
            call()
        assert said in refused.value.rule
        assert refused.value.way_out
    with Store.open("caviar.db") as store:
        assert list(store.subjects.names()) == ["old", "empty", "strange"]


def test_a_store_in_memory_has_no_earlier_study_and_no_password_is_shown(tmp_path):
    with pytest.raises(ConfigError, match="a store in memory is new"):
        caviar.tune(data(), trials=3, like=["old"], store=None)
    with pytest.raises(UserMistake) as refused:
        caviar.tune(data(), trials=3, like=["old@postgresql+psycopg://me:secret@127.0.0.1:1/none"], store=None)
    assert "secret" not in f"{refused.value.rule} {refused.value.way_out}"
    assert list(tmp_path.iterdir()) == []


def test_a_specification_comes_back_and_one_of_an_older_version_has_none():
    like = (Winners(label="a", trials=(3, 1), configs=({"x": 1.5}, {"x": (1, 2)}), ahead=1, straight=True),)
    record = json.loads(json.dumps(StudySpec(kind="table", like=like).to_record()))
    assert StudySpec.from_record(record).like == like
    del record["like"]
    assert StudySpec.from_record(record).like == ()
