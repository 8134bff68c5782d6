"""Every command as a person types it: what it prints where, and its exit status."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import caviar
from caviar.cli.main import COMMANDS, run
from caviar.data import samples
from caviar.store import Store
from tests.study.counted_clock import CountedClock

SPACE = """
[learning_rate]
scale = "log"
low = 1e-3
high = 1.0
tier = 1
[hidden_units]
scale = "integer"
low = 4
high = 16
log = true
[layers]
value = 1
[batch_size]
value = 16
"""


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which wine has been tuned."""
    folder = tmp_path_factory.mktemp("tuned")
    samples.write_csv(samples.wine(), folder / "wine.csv")
    (folder / "small.toml").write_text(SPACE)
    before = Path.cwd()
    os.chdir(folder)
    try:
        command = ["tune", "wine.csv", "--target", target(), "--trials", "20", "--space", "small.toml", "--quiet"]
        assert run(command) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(tuned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tuned)
    return tuned


@pytest.fixture
def fresh(tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder but for the table and the space."""
    for name in ("wine.csv", "small.toml"):
        (tmp_path / name).write_bytes((tuned / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def target() -> str:
    name = samples.wine().target_name
    assert name is not None
    return name


def test_tune_prints_one_json_object_and_nothing_else_on_stdout(fresh: Path, capsys: pytest.CaptureFixture[str]):
    command = [
        "tune",
        "wine.csv",
        "--target",
        target(),
        "--trials",
        "9",
        "--space",
        "small.toml",
        "--json",
        "--seed",
        "5",
    ]
    assert run(command) == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert out.count("\n") == 1
    assert summary["study"] == "wine"
    assert summary["store"] == "sqlite:///caviar.db"
    assert summary["seed"] == 5
    assert summary["trials"]["started"] == 9
    assert summary["model"] == "wine.caviar"
    assert (fresh / "wine.caviar").exists()
    assert "wine" in err


def test_tune_in_a_pipe_says_what_it_found(fresh: Path, capsys: pytest.CaptureFixture[str]):
    single = ["--trials", "5", "--space", "small.toml", "--preset", "single"]
    assert run(["tune", "wine.csv", "--target", target(), *single]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("wine: 178 rows, 13 features, 3 classes")
    assert "sealed test  accuracy" in out
    assert "mean of a 5-fold cross-validation" in " ".join(out.split())
    assert "when trained again" in " ".join(out.split())
    assert "parameters, trained on" in out
    assert "ensemble" not in out
    assert "\x1b" not in out
    assert not any(line.endswith(" ") for line in out.splitlines())
    assert run(["explain", "wine"]) == 0
    assert not any(line.endswith(" ") for line in capsys.readouterr().out.splitlines())


def test_a_grid_shows_its_cost_and_an_ensemble_stands_beside_the_single_network(
    fresh: Path, capsys: pytest.CaptureFixture[str]
):
    command = ["tune", "wine.csv", "--target", target(), "--trials", "5", "--seed", "2", "--space", "small.toml"]
    assert run([*command, "--search", "grid", "--preset", "best"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "note: the grid has 9 configs, 3 values of each scale; 5 trials are 56 % of it" in out
    ensemble = r"ensemble the model is the mean of \d+ networks from trials \d+ .*; the best network alone, trial \d+: "
    assert re.search(rf"{ensemble}accuracy 0\.\d+ .*on the sealed test, accuracy 0\.\d+ on validation", out)
    assert re.search(r"sealed test accuracy (0\.\d+|1\.0000) \(95 %: ", out)
    assert "model wine.caviar, the ensemble" in out
    assert run(["explain", "wine"]) == 0
    assert "The grid has 9 configs" in " ".join(capsys.readouterr().out.split())


def test_quiet_says_nothing(fresh: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["tune", "wine.csv", "--target", target(), "--trials", "5", "--space", "small.toml", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_predict_writes_a_row_a_row(here: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["predict", "wine.caviar", "wine.csv", "--proba"]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 178
    assert set(rows[0]) == {"prediction", *(f"p_{name}" for name in {row["prediction"] for row in rows})}
    truth = samples.wine().target
    assert truth is not None
    assert sum(row["prediction"] == own for row, own in zip(rows, truth.astype(str), strict=True)) > 160
    assert sum(float(v) for k, v in rows[0].items() if k.startswith("p_")) == pytest.approx(1)
    assert err.startswith("178 predictions\naccuracy 0.9")
    assert (
        "on 178 rows that have their label in 'cultivar'; rows that were trained on make it too good\nnext: caviar"
        in err
    )


def test_predict_counts_what_it_met(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    blanked = samples.write_csv(samples.wine(), tmp_path / "blanked.csv", blanks=0.05, seed=2)
    assert run(["predict", "wine.caviar", str(blanked), "--out", str(tmp_path / "out.csv"), "--json"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert said["rows"] == 178
    assert said["missing"] > 50
    assert said["outside"] == {}
    assert said["known"] == {"accuracy": pytest.approx(0.95, abs=0.05), "rows": 178}
    assert f"{said['missing']:,} missing values" in err
    assert (tmp_path / "out.csv").read_text().count("\n") == 179
    wine = samples.wine().frame
    wine.assign(alcohol=wine["alcohol"] * 10).to_csv(tmp_path / "permille.csv", index=False)
    assert run(["predict", "wine.caviar", str(tmp_path / "permille.csv"), "--out", str(tmp_path / "out.csv")]) == 0
    assert "178 numbers are far outside those of training, so look at their units: 'alcohol' (178)" in (
        capsys.readouterr().err
    )


def test_predict_says_what_is_empty_and_writes_nothing_but_csv(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    wine = samples.wine().frame
    wine.assign(alcohol="").to_csv(tmp_path / "empty.csv", index=False)
    assert run(["predict", "wine.caviar", str(tmp_path / "empty.csv"), "--out", str(tmp_path / "out.csv")]) == 0
    assert "no row has a value in 'alcohol'" in capsys.readouterr().err
    for name in ("out.parquet", "out.xlsx"):
        assert run(["predict", "wine.caviar", str(tmp_path / "empty.csv"), "--out", str(tmp_path / name)]) == 2
        assert "name the file out.csv" in capsys.readouterr().err
        assert not (tmp_path / name).exists()


def test_predict_names_row_and_column_of_what_it_cannot_read(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    lines = (here / "wine.csv").read_text().splitlines()
    cells = lines[17].split(",")
    column = lines[0].split(",")[0]
    lines[17] = ",".join(["much", *cells[1:]])
    (tmp_path / "bad.csv").write_text("\n".join(lines))
    assert run(["predict", "wine.caviar", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "out.csv")]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 2
    assert column in err
    assert "17" in err
    assert not (tmp_path / "out.csv").exists()


def test_studies_and_trials(here: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["studies"]) == 0
    assert re.search(r"wine +finished", capsys.readouterr().out)
    assert run(["studies", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [study["study"] for study in listed["studies"]] == ["wine"]
    assert run(["trials", "wine", "--best", "3"]) == 0
    table = capsys.readouterr().out
    assert "learning_rate" in table
    assert "42 more" in table
    assert run(["trials", "wine", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["trials"]) == 45
    assert run(["trials", "wine", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 45
    assert float(rows[0]["learning_rate"]) > 0


def test_space_shows_draws_and_writes(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["space", "small.toml", "--html", str(tmp_path / "out.html")]) == 0
    assert "learning_rate" in capsys.readouterr().out
    page = (tmp_path / "out.html").read_text()
    assert "plotly" in page
    assert "<script src=" not in page  # nothing is fetched from elsewhere
    assert run(["space", "--toml"]) == 0
    text = capsys.readouterr().out
    (tmp_path / "own.toml").write_text(text)
    assert run(["space", str(tmp_path / "own.toml"), "--json"]) == 0
    assert "batch_size" in json.loads(capsys.readouterr().out)["space"]


def test_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    CountedClock(monkeypatch, read=0.002, result=0.02)
    for expected in ("iris", "iris-2"):
        assert run(["demo", "--data", "iris", "--seconds", "4", "--json"]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert summary["study"] == expected
        assert 0 <= summary["best"]["test"]["accuracy"] <= 1  # how good depends on what else the machine does
        assert Path(summary["model"]).exists()


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_opens_with_one_example(command: list[str], capsys: pytest.CaptureFixture[str]):
    assert run([*command, "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0].startswith("Usage: caviar")
    assert lines[1].startswith(" ".join(["caviar", *command]))


MISTAKES = {
    "no such file": (["tune", "flowrs.csv", "--target", "x"], "flowrs.csv"),
    "no target": (["tune", "wine.csv"], "--target"),
    "wrong target": (["tune", "wine.csv", "--target", "clas"], "clas"),
    "unknown option": (["tune", "wine.csv", "--sedonds", "3"], "--seconds"),
    "not a number": (["tune", "wine.csv", "--seconds", "soon"], "--seconds"),
    "missing argument": (["predict"], "model"),
    "unknown command": (["tun"], "tune"),
    "learning rates below 0": (["tune", "wine.csv", "--target", target(), "--space", "below.toml"], "learning_rate"),
    "a log scale from 0": (["tune", "wine.csv", "--target", target(), "--space", "zero.toml"], "learning_rate"),
    "an unknown option of a space": (["tune", "wine.csv", "--target", target(), "--space", "odd.toml"], "lo"),
    "no such space file": (["tune", "wine.csv", "--target", target(), "--space", "nowhere.toml"], "nowhere.toml"),
    "not a model": (["predict", "wine.csv", "wine.csv"], "wine.csv"),
    "no store": (["studies"], "caviar.db"),
    "a store that is none": (["studies", "--store", "wine.csv"], "wine.csv"),
    "json on top of predictions": (["predict", "wine.caviar", "wine.csv", "--json"], "--out"),
    "seconds below 0": (["tune", "wine.csv", "--target", target(), "--seconds", "-3"], "-3"),
    "an empty table": (["tune", "empty.csv", "--target", "y"], "empty.csv"),
    "a header alone": (["tune", "header.csv", "--target", "y"], "only a header"),
    "a compressed file named as a table": (["tune", "packed.csv", "--target", "y"], "another format"),
    "an export to nowhere": (["export", "wine", "--store", "tuned.db", "--out", "nowhere/w.csv"], "nowhere"),
    "a picture to nowhere": (["space", "small.toml", "--html", "nowhere/s.html"], "nowhere"),
    "a demo where a file is": (["demo", "--out", "wine.csv"], "--out"),
    "processes for a table": (
        ["resume", "wine", "--store", "tuned.db", "--trials", "99", "--processes", "2"],
        "threads",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_two_lines_exit_2_and_nothing_is_written(
    mistake: str, fresh: Path, tuned: Path, capsys: pytest.CaptureFixture[str]
):
    (fresh / "below.toml").write_text('[learning_rate]\nscale = "linear"\nlow = -1.0\nhigh = 1.0\n')
    (fresh / "zero.toml").write_text('[learning_rate]\nscale = "log"\nlow = 0.0\nhigh = 1.0\n')
    (fresh / "odd.toml").write_text('[learning_rate]\nscale = "log"\nlo = 0.1\nhigh = 1.0\n')
    (fresh / "empty.csv").touch()
    (fresh / "header.csv").write_text("x,y\n")
    (fresh / "packed.csv").write_bytes(gzip.compress(b"x,y\n1,a\n"))
    shutil.copy(tuned / "caviar.db", fresh / "tuned.db")
    before = {path.name: path.read_bytes() for path in fresh.iterdir()}
    command, named = MISTAKES[mistake]
    assert run(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 2
    assert named in err
    assert "Traceback" not in err
    assert {path.name: path.read_bytes() for path in fresh.iterdir()} == before


def test_a_second_run_of_the_same_name_is_refused_with_the_way_out(here: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["tune", "wine.csv", "--target", target(), "--trials", "3"]) == 2
    err = capsys.readouterr().err
    assert "--study" in err or "--out" in err
    assert run(["trials", "win"]) == 2
    assert "wine" in capsys.readouterr().err


def test_a_second_study_of_a_program_is_refused_too(fresh: Path, capsys: pytest.CaptureFixture[str]):
    (fresh / "x.toml").write_text('[x]\nscale = "linear"\nlow = 0.0\nhigh = 1.0\n')
    command = ["tune", "--command", "echo acc={x}", "--score", "acc=(.*)", "--space", "x.toml", "--trials", "2", "-q"]
    assert run([*command, "--epochs", "1"]) == 0
    assert run([*command, "--epochs", "1"]) == 2
    err = capsys.readouterr().err
    assert "a study 'echo' already" in err
    assert "--study echo-2" in err
    assert run([*command, "--study", "echo-2", "--epochs", "1"]) == 0


def test_when_every_trial_diverges_the_exit_status_is_1(fresh: Path, capsys: pytest.CaptureFixture[str]):
    absurd = '[learning_rate]\nscale = "log"\nlow = 1e25\nhigh = 1e30\n[optimizer]\nvalue = "sgd"\n'
    (fresh / "absurd.toml").write_text(absurd)
    assert run(["tune", "wine.csv", "--target", target(), "--trials", "5", "--space", "absurd.toml", "-q"]) == 1
    err = capsys.readouterr().err
    assert "learning_rate" in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_everything_saved(number: signal.Signals, status: int, fresh: Path):
    command = [sys.executable, "-c", "from caviar.cli.main import main; main()"]
    command += ["tune", "wine.csv", "--target", target(), "--seconds", "600"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "search" not in process.stdout.readline():
        pass
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in err
    assert "caviar.db" in out
    with Store.open("caviar.db", create=False) as store:
        assert str(store.study("wine").state) == "interrupted"
        assert {str(trial.state) for trial in store.trials("wine")} <= {
            "stopped",
            "finished",
            "diverged",
            "interrupted",
        }
        assert store.trials("wine")


def test_a_reader_that_has_seen_enough_is_no_error(here: Path):
    command = f"{sys.executable} -c 'from caviar.cli.main import main; main()' trials wine --csv | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("number,")
    assert done.stderr == ""


def test_a_hostile_name_is_inert_in_the_terminal(fresh: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["tune", "\x1b[31mred\u202e.csv", "--target", "[bold]x"]) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\u202e" not in err


def test_the_list_of_commands_loads_no_library_and_no_command():
    program = """
        import sys
        from caviar.cli.main import COMMANDS, run
        run(["--help"])
        heavy = {"pandas", "sqlalchemy", "scipy", "plotly", "sklearn"}
        commands = {f"caviar.cli.{place.split(':')[0]}" for place in COMMANDS.values()}
        print("loaded:", *(heavy | commands) & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=True)
    assert "Usage: caviar" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_a_command_is_loaded_alone():
    program = """
        import sys
        from caviar.cli.main import COMMANDS, run
        run(["client", "--help"])
        print(*[name for name, place in COMMANDS.items() if f"caviar.cli.{place.split(':')[0]}" in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "client"


def test_sqlite_does_not_wait_for_postgresql(tmp_path: Path):
    program = """
        import sys
        from caviar.store import Store
        Store.open("caviar.db").close()
        print(*[name for name in sys.modules if name.startswith("sqlalchemy.dialects.postgresql")])
    """
    done = subprocess.run([sys.executable, "-c", dedent(program)], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_regression_end_to_end(fresh: Path, capsys: pytest.CaptureFixture[str]):
    samples.write_csv(samples.diabetes(), fresh / "diabetes.csv")
    command = ["tune", "diabetes.csv", "--target", "progression", "--space", "small.toml"]
    assert run([*command, "--metric", "accuracy"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert run([*command, "--trials", "5"]) == 0
    out = capsys.readouterr().out
    assert "a number to predict" in out
    assert "sealed test  R2" in out
    assert "RMSE" in out
    assert run(["trials", "diabetes"]) == 0
    assert "R2" in capsys.readouterr().out
    assert run(["studies"]) == 0
    assert "R2 0." in capsys.readouterr().out
    assert run(["predict", "diabetes.caviar", "diabetes.csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 442
    assert 100 < sum(float(row["prediction"]) for row in rows) / 442 < 200
    assert run(["predict", "diabetes.caviar", "diabetes.csv", "--proba"]) == 2
    err = capsys.readouterr().err
    assert "--proba" in err
    assert len(err.splitlines()) == 2
    assert run(["predict", "diabetes.caviar", "diabetes.csv", "--interval", "0.9"]) == 0
    said = capsys.readouterr()
    assert "--interval 0.9 --out predictions.csv" in said.err
    ends = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(said.out))]
    assert [row["prediction"] for row in ends] == [float(row["prediction"]) for row in rows]
    assert all(row["low"] < row["prediction"] < row["high"] for row in ends)
    for coverage, way_out in (("90", "--interval 0.9"), ("0.9999", "--interval 0.99")):
        assert run(["predict", "diabetes.caviar", "diabetes.csv", "--interval", coverage, "--out", "none.csv"]) == 2
        refused = capsys.readouterr().err.splitlines()
        assert len(refused) == 2
        assert way_out in refused[1]
    assert not (fresh / "none.csv").exists()


def test_the_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"caviar {caviar.__version__}\n"


def test_help_says_of_every_command_what_it_does_and_in_which_group(capsys):
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    for group in ("Tune many networks", "Look at studies", "Before you begin", "Nurse one network"):
        assert group in said
    for name in COMMANDS:
        assert re.search(rf"^\W*{name} +[A-Z]", said, re.MULTILINE), name


@pytest.mark.parametrize("linked", [False, True])
def test_what_is_written_never_takes_the_place_of_the_input(
    here: Path, capsys: pytest.CaptureFixture[str], linked: bool
):
    if linked:
        Path("other").symlink_to("wine.csv")
    other = "other" if linked else "./wine.csv"
    before = {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()}
    for command in (
        ["predict", "wine.caviar", "wine.csv", "--out", other],
        ["predict", "wine.caviar", "wine.csv", "--out", "wine.caviar"],
        ["lr-find", "wine.csv", "--target", target(), "--out", other],
        ["space", "small.toml", "--html", "small.toml"],
    ):
        assert run(command) == 2
        rule, way_out = capsys.readouterr().err.splitlines()
        assert "is the input itself" in rule
        assert "another file" in way_out
    assert {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("command", ["explain wine --html", "predict wine.caviar wine.csv --out"])
def test_what_is_written_never_takes_the_place_of_a_store(here: Path, capsys: pytest.CaptureFixture[str], command: str):
    before = Path("caviar.db").read_bytes()
    assert run([*command.split(), "caviar.db"]) == 2
    assert "it is a database, which would be lost" in capsys.readouterr().err
    assert Path("caviar.db").read_bytes() == before


def test_a_link_stays_a_link_and_a_device_takes_what_is_written(here: Path, capsys: pytest.CaptureFixture[str]):
    Path("real.csv").write_text("old")
    Path("link.csv").symlink_to("real.csv")
    assert run(["predict", "wine.caviar", "wine.csv", "--out", "link.csv"]) == 0
    assert Path("link.csv").is_symlink()
    assert Path("real.csv").read_text().startswith("prediction\n")
    assert run(["predict", "wine.caviar", "wine.csv", "--out", "/dev/null"]) == 0
    assert run(["predict", "wine.caviar", "wine.csv", "--out", "/dev/full"]) == 2
    assert "/dev/full cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["tune", "--trials", "2", "--study", "s"], ["babysit", "--epochs", "2", "--name", "r"]],
    ids=["a study", "a run"],
)
def test_folders_with_marks_of_direction_are_shown_as_escapes(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    os.mkdir("in\u202e")
    command, *options = words
    where = ["--out", "out\u202e", "--store", "in\u202e/a.db"]
    assert run([command, "wine.csv", "--target", "cultivar", *options, *where]) == 0
    said = "".join(capsys.readouterr())
    assert "\u202e" not in said
    assert "out\\u202e" in said
