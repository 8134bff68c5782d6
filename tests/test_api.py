"""The calls from Python, shown while they run: on stderr, where somebody looks, and without any say in the study."""

from __future__ import annotations

import builtins
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import caviar
from caviar import following
from caviar.errors import ConfigError, StoreError
from caviar.records import ProgramSpec, Study, StudyKind, StudySpec, StudyState, TrialState
from caviar.report import answer, showing
from caviar.report import study as study_report
from caviar.store import Store
from caviar.study.events import Begun, Progress
from caviar.views.live import view_of
from tests.study.test_tune import recorded, study_of, wine  # noqa: F401

SPACE = caviar.Space(x=caviar.Linear(0, 1))
QUICK = caviar.Space(learning_rate=caviar.Log(1e-2, 1e-1), layers=1, hidden_units=8)
CHILD = """
    import sys
    import caviar

    def objective(trial):
        import os, time
        if "FAIL" in os.environ:
            raise RuntimeError("it is broken")
        for epoch in range(1, trial.last_epoch + 1):
            time.sleep(0.02)
            trial.report(epoch, trial.config["x"])

    space = caviar.Space(x=caviar.Linear(0, 1))
    study = caviar.tune(objective, space, processes=1, epochs=3, goal="maximize", **{arguments})
    print("found", study.best.number, "rich" in sys.modules)
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def child(**arguments) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(CHILD).replace("{arguments}", repr(arguments))]


def objective(trial):
    trial.report(1, trial.config["x"])


class Terminal:
    """A child with a terminal for its stderr alone, and what a person would see there."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self._before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"} | environment,
        )
        self.written = ""

    def read_until(self, text: str) -> None:
        """Read on until ``text`` is written, or the child is over."""
        while text not in self.written:
            ended = self.process.poll() is not None
            if select.select([self._ours], [], [], 0.1)[0]:
                self.written += os.read(self._ours, 4096).decode(errors="replace")
            elif ended:
                return

    def end(self) -> tuple[int, str]:
        """The exit status of the child and its stdout, and the terminal's settings are what they were."""
        self.read_until("the end, which nobody writes")
        assert self.process.stdout is not None
        printed = self.process.stdout.read().decode()
        self.process.stdout.close()
        status = self.process.wait()
        assert termios.tcgetattr(self._theirs) == self._before
        os.close(self._theirs)
        os.close(self._ours)
        return status, printed

    def screen(self) -> list[str]:
        """The lines that are left on it."""
        lines, row = [""], 0
        for part in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.written):
            if part == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif part.endswith("A") and part[0] == "\x1b":
                row -= int(part[2:-1])
            elif part == "\x1b[2K":
                lines[row] = ""
            elif part[0] not in "\x1b\r":
                lines[row] += part
        return [line for line in lines if line.strip()]

    @property
    def has_cursor(self) -> bool:
        return re.findall(r"\x1b\[\?25([hl])", self.written)[-1] == "h"


def test_in_a_terminal_there_is_a_live_display_which_leaves_heading_and_answer():
    terminal = Terminal(child(trials=20))
    terminal.read_until("━")
    assert not terminal.has_cursor
    status, printed = terminal.end()
    assert (status, printed.split()[0]) == (0, "found")
    assert "reading objective" in terminal.written
    assert terminal.has_cursor
    left = terminal.screen()
    assert left[0].startswith("objective: a function")
    assert left[1].startswith("score")
    assert left[-2].startswith("study")
    assert left[-1] == "next: caviar.resume('objective', data=objective, repeats=3)"
    assert not any("━" in line or "reading" in line for line in left)


def test_in_a_terminal_that_can_only_write_on_there_are_lines():
    terminal = Terminal(child(trials=5), TERM="dumb")
    assert terminal.end()[0] == 0
    assert "\x1b" not in terminal.written
    assert terminal.screen()[0].startswith("objective: a function")


def test_in_a_terminal_false_is_silent():
    terminal = Terminal(child(trials=5, progress=False))
    assert terminal.end()[0] == 0
    assert terminal.written == ""


@pytest.mark.parametrize("again", [False, True])
def test_ctrl_c_leaves_the_terminal_as_it_was_and_the_study_saved(again, tmp_path):
    caviar.tune(objective, SPACE, trials=2, processes=1, epochs=1, study="mine")
    command = child(trials=100_000, study="mine-2")
    if again:
        command[-1] = re.sub(
            r"(?m)^study = .*", "study = caviar.resume('mine', data=objective, trials=100000)", command[-1]
        )
    terminal = Terminal(command)
    terminal.read_until("━")
    terminal.process.send_signal(signal.SIGINT)
    status, printed = terminal.end()
    assert status == -signal.SIGINT
    assert printed == ""
    assert terminal.has_cursor
    left = "\n".join(terminal.screen())
    name = "mine" if again else "mine-2"
    assert f"ended early, with everything saved; to go on: caviar.resume('{name}', ...)" in left
    assert "━" not in left
    assert "KeyboardInterrupt" in left
    with Store.open("caviar.db") as store:
        assert store.study(name).state is StudyState.INTERRUPTED


def test_an_error_leaves_the_terminal_as_it_was():
    terminal = Terminal(child(trials=20), FAIL="1")
    assert terminal.end()[0] == 1
    assert terminal.has_cursor
    assert "NoAnswer" in "\n".join(terminal.screen())


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}])
def test_in_a_pipe_it_is_silent_and_rich_is_not_even_loaded(environment):
    ended = subprocess.run(
        child(trials=3),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
    )
    assert ended.stderr == ""
    assert re.fullmatch(r"found \d False\n", ended.stdout)


def test_in_a_pipe_true_writes_lines_and_none_of_them_to_stdout(capfd, monkeypatch):
    monkeypatch.setattr(showing, "_ROUND", 0.0)
    caviar.tune(objective, SPACE, trials=8, processes=1, epochs=1, goal="maximize", progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0].startswith("objective: a function")
    assert any(re.match(r"\d+ s \| search \| \d+ started", line) for line in lines)
    assert lines[-2].startswith("study")
    assert lines[-1] == "next: caviar.resume('objective', data=objective, repeats=3)"
    caviar.resume("objective", data=objective, trials=12, processes=1, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "| search |" in err
    caviar.resume("objective", data=objective, trials=16, processes=1)
    assert capfd.readouterr() == ("", "")


def test_a_table_has_the_same_bits_shown_or_not(wine, tmp_path, capfd, monkeypatch):  # noqa: F811
    monkeypatch.setattr(showing, "_ROUND", 0.0)
    silent = study_of(wine, tmp_path, study="silent", progress=False)
    assert capfd.readouterr() == ("", "")
    shown = study_of(wine, tmp_path, study="shown", progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "sealed test" in err
    assert recorded(tmp_path / "caviar.db", "shown") == recorded(tmp_path / "caviar.db", "silent")
    assert shown.summary["best"] == silent.summary["best"]


@pytest.mark.parametrize(("room", "what"), [(study_report, "heading"), (study_report, "line"), (answer, "answer")])
def test_a_display_that_fails_is_dropped_and_the_study_goes_on(room, what, capfd, monkeypatch):
    def fails(*arguments):
        raise OSError("no terminal any more")

    monkeypatch.setattr(showing, "_ROUND", 0.0)
    monkeypatch.setattr(room, what, fails)
    study = caviar.tune(objective, SPACE, trials=8, processes=1, epochs=1, goal="maximize", progress=True)
    assert study.summary["trials"]["started"] == 8
    assert "study" not in capfd.readouterr().err


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "broken pipe"])
def test_a_stderr_that_cannot_be_written_to(stderr):
    command = child(trials=3, progress=True)
    if stderr == "broken pipe":
        read, write = os.pipe()
        os.close(read)
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=write)
        os.close(write)
    else:
        ended = subprocess.run(["sh", "-c", f'exec "$@" {stderr}', "sh", *command], stdout=subprocess.PIPE)
    assert ended.returncode == 0
    assert ended.stdout.startswith(b"found")


def test_ctrl_c_while_something_is_drawn_closes_the_study_at_once(monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(showing, "_ROUND", 0.0)
    monkeypatch.setattr(study_report, "line", interrupted)
    with pytest.raises(KeyboardInterrupt) as held:  # held as a notebook holds its last one
        caviar.tune(objective, SPACE, seconds=60, processes=1, epochs=1, progress=True)
    with Store.open("caviar.db") as store:
        assert store.study("objective").state is StudyState.INTERRUPTED
    assert held.value is not None


def test_ctrl_c_waits_until_a_picture_is_drawn_and_a_second_one_does_not(monkeypatch):
    drawn = []

    def draw(times: int) -> str:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        drawn.append(times)
        return "drawn"

    monkeypatch.setattr(showing, "_ROUND", 0.0)
    for times in (1, 2):
        monkeypatch.setattr(study_report, "line", lambda *_, times=times: draw(times))
        with showing.showing(Console(stderr=True), "mine") as show:
            show(view_of(BEGUN))
            with pytest.raises(KeyboardInterrupt):
                show(progress(1.0))
    assert drawn == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def progress(elapsed: float) -> Progress:
    return Progress("search", elapsed, {TrialState.RUNNING: 2}, (), None)


BEGUN = Begun(
    Study(
        name="mine",
        seed=0,
        metric="score",
        search="sobol",
        space={},
        spec=StudySpec(kind=StudyKind.PROGRAM, seconds=60.0, program=ProgramSpec(command="./train")),
        data={},
        environment={"threads": 1},
        state=StudyState.RUNNING,
        created="",
        notes=("mind [the] step",),
    ),
    (1, 3),
)


def noted_table() -> pd.DataFrame:
    """A table with one thing to note: a column of names."""
    a, b = np.random.default_rng(0).normal(size=(2, 120))
    names = [f"passenger number {i * 7919 % 120}" for i in range(120)]
    return pd.DataFrame({"a": a, "b": b, "name": names, "y": np.where(a + b > 0, "up", "down")})


def test_a_note_is_a_warning_at_the_line_of_the_call():
    with pytest.warns(caviar.CaviarWarning, match="'name'") as noted:
        study = caviar.tune(noted_table(), "y", trials=3, space=QUICK, store=None, progress=False)
    assert [str(warning.message) for warning in noted] == list(study.notes) == study.summary["notes"]
    assert {warning.filename for warning in noted} == {__file__}


def test_a_shown_study_says_a_note_once_before_and_once_in_its_answer(capsys):
    with pytest.warns(caviar.CaviarWarning):
        study = caviar.tune(noted_table(), "y", trials=3, space=QUICK, store=None, progress=True)
    text = " ".join(capsys.readouterr().err.split())
    assert text.count(" ".join(study.notes[0].split())) == 1  # in the answer; the one before is the warning


def test_where_warnings_are_errors_the_first_note_ends_the_study_before_it_trains(tmp_path):
    store = tmp_path / "caviar.db"
    with pytest.raises(caviar.CaviarWarning):  # pytest makes errors of warnings
        caviar.tune(noted_table(), "y", trials=3, space=QUICK, store=store, study="strict", progress=False)
    with Store.open(store) as opened:
        assert (opened.study("strict").state, opened.trials("strict")) == (StudyState.INTERRUPTED, [])


def test_a_log_gets_a_line_a_round(capsys):
    with showing.showing(Console(stderr=True, width=200), "mine") as show:
        for event in (BEGUN, *(progress(0.5 * i) for i in range(1, 13))):
            show(view_of(event))
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "note: mind [the] step"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["2 s", "4 s", "6 s"]


def test_a_notebook_without_widgets_gets_lines(monkeypatch):
    monkeypatch.setattr(showing, "find_spec", lambda name: None)
    assert not showing._can_draw(Console(force_jupyter=True))
    monkeypatch.setattr(showing, "find_spec", lambda name: object())
    assert showing._can_draw(Console(force_jupyter=True))


def test_a_notebook_is_known(monkeypatch, capsys):
    assert not following._watched()
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert not following._watched()  # any program may import it
    monkeypatch.setattr(builtins, "get_ipython", lambda: None, raising=False)
    assert following._watched()


@pytest.mark.parametrize("data", ["digits.csv", Path("folder/digits.csv")])
def test_a_table_that_is_not_there_is_the_same_mistake_shown_or_not(data, capfd):
    with pytest.raises(caviar.DataError):
        caviar.tune(data, "digit", progress=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("options", [3, {"repeats": 2}])
def test_options_of_another_type_are_refused_in_two_lines(options: object) -> None:
    with pytest.raises(ConfigError, match=r"`options` must be a caviar\.ResumeOptions"):
        caviar.resume("none", options=options)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="there is no"):
        caviar.resume("none", options=None, repeats=3)  # type: ignore[arg-type]
