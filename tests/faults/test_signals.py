"""Fault 2: Ctrl-C, SIGTERM and a terminal that is closed, once and twice, in slow epochs and while data are read."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from caviar.data import samples
from caviar.records import RunState
from caviar.store import Store
from caviar.store.runs import Runs
from caviar.study.resume import take_up
from tests.faults.invariants import acknowledged, check_over, check_whole
from tests.runs.kinds import PROGRAM

SECONDS = 5.0
SPACE = "[hidden_units]\nvalue = 512\n[layers]\nvalue = 3\n[learning_rate]\nvalue = 0.01\n[batch_size]\nvalue = 32\n"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of which one epoch takes seconds."""
    folder = tmp_path_factory.mktemp("slow")
    random = np.random.default_rng(0)
    x = random.normal(size=(20_000, 64)).astype(np.float32)
    np.savez(folder / "slow.npz", x=x, y=(x[:, 0] > 0).astype(np.int64))
    (folder / "wide.toml").write_text(SPACE)
    return folder


def _cpu_seconds(pid: int) -> float:
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_in_the_middle_of_an_epoch(number, status, twice, slow, tmp_path):
    store = tmp_path / "caviar.db"
    arguments = ["tune", "slow.npz", "--target", "y", "--trials", "50", "--space", "wide.toml", "--study", "mine"]
    command = [
        sys.executable,
        "-c",
        "from caviar.cli.main import main; main()",
        *arguments,
        "--store",
        str(store),
        "--out",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=slow) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "| search |" in line:
                break
        before = acknowledged(store, "mine")
        spent = _cpu_seconds(process.pid)
        process.send_signal(number)
        if twice:
            process.send_signal(number)
        _, waited, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(waited)
        said = process.stdout.read()
    assert process.returncode == status
    # Of the processor's time, not the clock's: two threads that went on would use it up, however busy the machine is.
    assert usage.ru_utime + usage.ru_stime - spent < SECONDS
    check_whole(store, "mine", before)
    if not twice:
        assert "caviar resume mine" in said
        check_over(store, "mine", before)


MAIN = "from caviar.cli.main import main; main()"


def test_a_terminal_that_is_closed_ends_a_study_with_everything_saved(slow, tmp_path):
    store = tmp_path / "caviar.db"
    arguments = ["tune", "slow.npz", "--target", "y", "--trials", "50", "--space", "wide.toml", "--study", "mine"]
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(slow)
        os.execv(
            sys.executable, [sys.executable, "-c", MAIN, *arguments, "--store", str(store), "--out", str(tmp_path)]
        )
    seen = b""
    while b"epochs" not in seen:
        seen += os.read(terminal, 4096)
    os.close(terminal)  # the system sends SIGHUP
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    check_over(store, "mine")


def test_a_terminal_that_is_closed_ends_a_run_as_sigterm_does(slow, tmp_path):
    """The mini-batches since the last epoch are saved."""
    store = tmp_path / "caviar.db"
    (tmp_path / "wide.toml").write_text("hidden_units = 512\nlayers = 3\nbatch_size = 32\n")
    for number, name in ((signal.SIGTERM, "term"), (signal.SIGHUP, "hup")):
        arguments = ["babysit", str(slow / "slow.npz"), "--target", "y", "--config", "wide.toml", "--epochs", "90"]
        command = [sys.executable, "-c", MAIN, *arguments, "--name", name, "--store", str(store)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path) as process:
            while not _has_begun(store, name):
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(number)
            assert process.wait() == 128 + number
        with Store.open(store) as opened:
            (end,) = [entry.text for entry in Runs(opened).diary(name) if entry.kind == "interrupted"]
        assert end == "saved to the mini-batch"


def _has_begun(store: Path, name: str) -> bool:
    """True once the run says that it has trained some mini-batches."""
    if not store.exists():
        return False
    with Store.open(store, read_only=True) as opened:
        runs = Runs(opened)
        return name in runs.subjects.names() and bool((runs.run(name).progress or {}).get("step"))


AT_THE_END = """
import os, signal, sqlite3, sys, threading
from caviar.cli.main import main
from caviar.study import tune
delivered, store, release = tune.delivered, sys.argv[-1], threading.Event()

def lock(is_there):
    with sqlite3.connect(store, timeout=60, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        is_there.set()
        release.wait()

def disturbed(ledger):
    if {is_locked}:
        is_there = threading.Event()
        threading.Thread(target=lock, args=(is_there,), daemon=True).start()
        is_there.wait()
        ledger.interrupt = lambda: ledger._outbox.put(ledger.best(1)[0]._replace(attributes=dict(late=1)))
    os.kill(os.getpid(), signal.SIGINT)
    yield from delivered(ledger)

tune.delivered = disturbed
main()
"""


@pytest.mark.parametrize("is_locked", [False, True])
def test_ctrl_c_once_the_answer_is_there_says_it(is_locked: bool, tmp_path: Path) -> None:
    store = tmp_path / "caviar.db"
    samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    words = ["tune", "wine.csv", "--target", "cultivar", "--trials", "5", "--study", "mine", "--json", "--store", store]
    program = AT_THE_END.format(is_locked=is_locked)
    process = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    said = json.loads(process.stdout.splitlines()[-1])
    assert Path(tmp_path, said["model"]).exists()
    assert any("caviar resume mine takes up what is there" in note for note in said["notes"]) is is_locked
    if is_locked:
        (*_, answer) = take_up("mine", store=str(store))
        assert answer.summary["best"] == said["best"]  # type: ignore[union-attr]
    with Store.open(store) as opened:
        study = opened.study("mine")
        assert (study.state, study.result.to_record()["best"]) == ("finished", said["best"])  # type: ignore[union-attr]


AT_THE_END_OF_A_RUN = """
import os, signal, sqlite3, sys, threading
from caviar.cli.main import main
from caviar.runs import loop
delivered, store, release = loop._delivered, sys.argv[-1], threading.Event()

def lock(is_there):
    with sqlite3.connect(store, timeout=60, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        is_there.set()
        release.wait()

def disturbed(session, trainee, ended):
    if {is_locked}:
        is_there = threading.Event()
        threading.Thread(target=lock, args=(is_there,), daemon=True).start()
        is_there.wait()
        session.write({{"phase": "late"}})
    os.kill(os.getpid(), signal.SIGINT)
    yield from delivered(session, trainee, ended)

loop._delivered = disturbed
main()
"""


@pytest.mark.parametrize("kind", ["network", "program"])
@pytest.mark.parametrize("is_locked", [False, True])
def test_ctrl_c_after_the_last_epoch_of_a_run_says_its_answer(is_locked: bool, kind: str, tmp_path: Path) -> None:
    """As with a study that has its answer: exit status 0, and what waits is named."""
    store = tmp_path / "caviar.db"
    samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    (tmp_path / "p.py").write_text(PROGRAM)
    (tmp_path / "c.toml").write_text("learning_rate = 0.1\n" if kind == "program" else "layers = 1\n")
    of = ["wine.csv", "--target", "cultivar"]
    if kind == "program":
        of = ["--command", shlex.join([sys.executable, "p.py"])]
    words = ["babysit", *of, "--config", "c.toml", "--epochs", "3", "--name", "mine", "--json", "--store", store]
    program = AT_THE_END_OF_A_RUN.format(is_locked=is_locked)
    process = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    said = json.loads(process.stdout.splitlines()[-1])
    assert said["epochs"] == 3
    assert any("caviar resume mine takes up what is there" in note for note in said["notes"]) is is_locked
    if is_locked:
        again = [sys.executable, "-c", MAIN, "resume", "mine", "--json", "--store", str(store)]
        process = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        resumed = json.loads(process.stdout.splitlines()[-1])
        assert [resumed.get(key) for key in ("epochs", "best", "bits", "validation")] == [
            said.get(key) for key in ("epochs", "best", "bits", "validation")
        ]
    with Store.open(store) as opened:
        assert Runs(opened).run("mine").state is RunState.FINISHED


WHILE_IMPORTING = """
import os, signal, sys
from importlib import import_module

wanted = sys.argv.pop(1)

class Looking:
    def find_spec(self, name, *_):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Looking())
module, function = {entry!r}.split(":")
getattr(import_module(module), function)()
"""


@pytest.mark.parametrize("imported", ["typer", "rich", "numpy", "caviar.cli.studies", "sqlalchemy"])
def test_ctrl_c_while_a_command_is_loaded_ends_it_without_a_word(imported: str, tmp_path: Path):
    entry = tomllib.loads(Path("pyproject.toml").read_text())["project"]["scripts"]["caviar"]
    command = [sys.executable, "-c", WHILE_IMPORTING.format(entry=entry), imported, "studies", "--store", "a.db"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "")


def test_ctrl_c_in_a_command_that_has_begun_is_said_by_its_status():
    program = "import os, signal\nfrom caviar.cli import entry, studies\n"
    program += "studies.Store.open = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)\nentry.main()"
    process = subprocess.run([sys.executable, "-c", program, "studies"], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (130, "")


IN_COMPILED_CODE = """
import ctypes, signal, sys
from caviar.cli import signals
signals._PATIENCE = 0.2
with signals.ending() as ended:
    ended.saves = sys.argv[1] == "saves"
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # in this thread alone: nothing wakes it
    ctypes.CDLL(None).system(b"echo ready; read line")  # so that it is in compiled code once "ready" is read
    print("saved" if ended.asked.is_set() else "nothing was asked", flush=True)
"""

IN_PYTHON = """
import sys
from caviar.cli import signals
signals._PATIENCE = 600.0
try:
    with signals.ending() as ended:
        print("ready", flush=True)
        while True:
            pass
except signals.Ended as ended:
    sys.exit(7 if ended.status == 143 else 1)
"""


@pytest.mark.parametrize(
    ("program", "what", "status"),
    [(IN_COMPILED_CODE, "reads", 143), (IN_PYTHON, "reads", 7)],
)
def test_a_signal_while_data_are_read_ends_the_command(program: str, what: str, status: int):
    command = [sys.executable, "-c", program, what]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == status


@pytest.mark.parametrize("signals", [1, 2])
def test_where_there_is_something_to_save_compiled_code_is_waited_for(signals: int):
    command = [sys.executable, "-c", IN_COMPILED_CODE, "saves"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for _ in range(signals):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)  # more than the patience of that process
        said, _ = process.communicate(b"\n")
    assert said == b"saved\n"
    assert process.returncode == 0


def test_a_command_that_outlives_its_terminal_does_so_still():
    """As nohup has it."""
    program = "import os, signal\nfrom caviar.cli.signals import ending\n"
    program += "with ending(): os.kill(os.getpid(), signal.SIGHUP)"
    quiet = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    assert subprocess.run([sys.executable, "-c", quiet + program], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", program], check=False, stderr=subprocess.DEVNULL).returncode == 1
