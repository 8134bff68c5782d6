"""Loops that are not caviar's: PyTorch, scikit-learn and a bare one, under care."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import SGDClassifier

import caviar
from caviar.cli.main import run as command
from caviar.data import samples
from caviar.errors import ConfigError, StoreError
from caviar.records import InterventionState, RunState
from caviar.store import Store
from caviar.store.runs import Runs
from tests.waiting import until


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "caviar.db")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Torch:
    """A small network on the digits."""

    def __init__(self) -> None:
        table = samples.digits()
        self.x = torch.tensor(table.frame.to_numpy(np.float32) / 16)
        self.y = torch.tensor(np.unique(table.target.to_numpy(str), return_inverse=True)[1])
        self.generator = torch.Generator().manual_seed(0)
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10))
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=0.01)

    def step(self, rate: float) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        rows = torch.randint(len(self.y), (64,), generator=self.generator)
        loss = torch.nn.functional.cross_entropy(self.model(self.x[rows]), self.y[rows])
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def save(self, run) -> None:
        run.snapshot(
            model=self.model.state_dict(), optimiser=self.optimiser.state_dict(), stream=self.generator.get_state()
        )

    def load(self, run) -> None:
        self.model.load_state_dict(run.state["model"])
        self.optimiser.load_state_dict(run.state["optimiser"])
        self.generator.set_state(run.state["stream"])

    def bits(self) -> list[bytes]:
        return [p.detach().numpy().tobytes() for p in self.model.parameters()]


def test_a_pytorch_loop_comes_back_to_the_bit(store: str):
    other = Torch()
    losses = [other.step(0.01) for _ in range(40)]
    mine = Torch()
    seen = []
    with caviar.babysit.run("net", knobs={"learning_rate": 0.01}, store=store, snapshot_seconds=1e9) as run:
        runs = run._runs
        while run.step < 40:
            loss = mine.step(run.knobs.learning_rate)
            run.log(loss=loss)
            seen.append(loss)
            if run.wants_snapshot:
                mine.save(run)  # the first one, after step 1
            if run.step == 20 and len(seen) == 20:
                runs.intervene("net", "rollback", {}, "the test", "to see")
                until(lambda: run._urgent)
                run.log(loss=mine.step(0.01))
            if run.wants_rollback:
                mine.load(run)
    assert mine.bits() == other.bits()
    assert seen[:20] == losses[:20]
    assert seen[20:] == losses[1:]  # from the snapshot after step 1 on, the same again
    with Store.open(store) as opened:
        kinds = [entry.kind for entry in Runs(opened).diary("net")]
    assert kinds == ["begun", "snapshot", "rollback", "end"]


def test_a_scikit_learn_loop_is_turned_and_taken_up_again(store: str):
    table = samples.digits()
    x, y = table.frame.to_numpy(np.float64) / 16, np.unique(table.target.to_numpy(str), return_inverse=True)[1]
    model = SGDClassifier(random_state=0)

    def broken() -> None:
        with caviar.babysit.run("linear", knobs={"alpha": 1e-4, "shuffle": True}, store=store) as run:
            model.partial_fit(x, y, classes=np.arange(10))
            run.log(accuracy=model.score(x, y))
            assert run.wants_snapshot
            run.snapshot(coefficients=model.coef_, intercept=model.intercept_, classes=model.classes_)
            run._runs.intervene("linear", "turn", {"alpha": 1e-3}, "the test", "")
            until(lambda: run._urgent)
            run.log(accuracy=model.score(x, y))
            assert run.knobs.alpha == 1e-3
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    again = SGDClassifier(random_state=0)
    with caviar.babysit.run("linear", knobs={"alpha": 1e-4, "shuffle": True}, store=store) as run:
        assert run.wants_rollback
        assert not run.wants_rollback
        assert run.step == 1
        assert run.knobs.alpha == 1e-3  # turned after the state was saved, and turned again
        again.partial_fit(x[:10], y[:10], classes=np.arange(10))
        again.coef_, again.intercept_ = run.state["coefficients"], run.state["intercept"]
        assert again.score(x, y) == model.score(x, y)
        run.log(accuracy=again.score(x, y))
    with pytest.raises(StoreError, match="is finished already"), caviar.babysit.run("linear", store=store):
        pass


def test_a_nan_leads_back_with_half_of_the_rate(store: str):
    with caviar.babysit.run("sick", knobs={"learning_rate": 0.5}, store=store) as run:
        run.log(loss=1.0)
        run.snapshot(weights=np.arange(3.0))
        run.log(loss=math.nan)
        until(lambda: run._urgent)
        run.log(loss=math.nan)
        assert run.wants_rollback
        assert run.state["weights"].tolist() == [0, 1, 2]
        assert run.knobs.learning_rate == 0.25


def test_any_number_of_interventions_is_taken_while_it_is_paused(store: str):
    """One order after the other, each looked at by itself; they were taken one inside the other, up to 950."""
    deep = sys.getrecursionlimit()
    with caviar.babysit.run("held", {"learning_rate": 0.1}, store=store) as run:
        run._runs.intervene("held", "pause", {}, "the test", "")
        until(lambda: run._urgent)

        def turn() -> None:
            until(lambda: run._session.paused)
            for number in range(60):
                run._runs.intervene("held", "turn", {"learning_rate": 0.1 + number / 100}, "the test", "")
                until(lambda number=number: run.knobs.learning_rate == 0.1 + number / 100)
            run._runs.intervene("held", "resume", {}, "the test", "")

        thread = threading.Thread(target=turn)
        thread.start()
        sys.setrecursionlimit(len(inspect.stack()) + 45)
        try:
            run.log(loss=1.0)
        finally:
            sys.setrecursionlimit(deep)
            thread.join()
        assert run.knobs.learning_rate == 0.1 + 59 / 100


def test_pause_holds_log_and_stop_ends_the_block(store: str):
    passed = []
    with caviar.babysit.run("held", store=store) as run:
        run._runs.intervene("held", "pause", {}, "the test", "")
        until(lambda: run._urgent)

        def let_go() -> None:
            until(lambda: run._session.paused)
            passed.append("paused")
            run._runs.intervene("held", "resume", {}, "the test", "")

        thread = threading.Thread(target=let_go)
        thread.start()
        run.log(loss=1.0)
        thread.join()
        passed.append("went on")
        run._runs.intervene("held", "stop", {}, "the test", "enough")
        until(lambda: run._urgent)
        run.log(loss=1.0)
        passed.append("never")
    assert passed == ["paused", "went on"]
    with Store.open(store) as opened:
        assert Runs(opened).run("held").state is RunState.STOPPED
        assert all(one.state is InterventionState.DONE for one in Runs(opened).interventions("held"))


def test_knobs_are_checked_where_they_are_typed_and_where_they_are_turned(store: str):
    with pytest.raises(ConfigError, match="learning_rate must be"):
        caviar.babysit.run("bad", knobs={"learning_rate": -1}, store=store)
    with pytest.raises(ConfigError, match="a knob is a number"):
        caviar.babysit.run("bad", knobs={"x": [1]}, store=store)  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="`disk_bytes` must be at least 1"):
        caviar.babysit.run("bad", disk_bytes=0, store=store)
    with pytest.raises(ConfigError, match="`snapshot_seconds` must be a finite number"):
        caviar.babysit.run("bad", snapshot_seconds=math.nan, store=store)
    from caviar.runs.client import intervene

    with caviar.babysit.run("good", knobs={"learning_rate": 0.1, "temperature": 2.0}, store=store):
        with pytest.raises(ConfigError, match="no knob 'warmth'"):
            intervene("good", "turn", {"warmth": 1}, store, wait=0)
        with pytest.raises(ConfigError, match="learning_rate must be"):
            intervene("good", "turn", {"learning_rate": -1}, store, wait=0)
        assert intervene("good", "turn", {"temperature": 3.0}, store, wait=0).state is InterventionState.WAITING


NONE_OF_THEM = {
    "none": None,
    "text": "0.5",
    "a list": [0.5],
    "an array of several": np.arange(2.0),
    "an array of none": np.arange(0.0),
    "complex": 1j,
    "a complex scalar": np.complex64(1),
    "an array of text": np.array("0.5"),
    "a time": np.timedelta64(1, "s"),
    "a tensor of several": torch.ones(2),
    "a complex tensor": torch.tensor(1j),
    "a function": float,
}


@pytest.mark.parametrize("value", NONE_OF_THEM.values(), ids=NONE_OF_THEM)
def test_what_is_no_number_is_refused_where_it_is_logged(store: str, value):
    steps = []

    def train() -> None:
        with caviar.babysit.run("odd", store=store) as run:
            for step in range(9):
                steps.append(step)
                run.log(loss=value if step == 5 else 1.0)

    with pytest.raises(TypeError, match="`loss` must be a number, got") as refused:
        train()
    assert isinstance(refused.value, ConfigError)
    assert steps[-1] == 5
    with Store.open(store) as opened:
        runs = Runs(opened)
        assert runs.run("odd").state is RunState.INTERRUPTED
        assert "`loss` must be a number" in runs.diary("odd")[-1].text


def test_a_loss_lets_go_of_what_it_was_computed_from(store: str):
    """PyTorch's would keep all activations of a step."""
    with caviar.babysit.run("graph", store=store) as run:
        loss = torch.ones(1, requires_grad=True) * 2
        run.log(loss=loss)
        assert all(not values["loss"].requires_grad for values in run._trainee.logged)


def test_numbers_of_every_kind_are_logged(store: str):
    arrays = [np.float16(1), np.int8(1), np.array(1.0), np.array([[1.0]])]
    tensors = [torch.tensor(1.0), torch.ones(1, 1, requires_grad=True), torch.tensor(1, dtype=torch.bfloat16)]
    values = [1, True, Fraction(1), *arrays, *tensors]
    with caviar.babysit.run("numbers", store=store) as run:
        for value in values:
            run.log(loss=value)
    with Store.open(store) as opened:
        logged = Runs(opened).measurements("numbers")
        assert sum(m.values["logged"] for m in logged) == len(values)
        assert {m.values["loss"] for m in logged} == {1.0}


def test_names_of_numbers_are_cleaned(store: str, capsys: pytest.CaptureFixture[str]):
    with caviar.babysit.run("names", store=store) as run:
        run.log(**{"\ud800": 1.0, "\x1b[2J": 2.0, "a\0b": 3.0, "Fehler é": 4.0})
    assert command(["export", "names", "--store", store]) == 0
    header, row = capsys.readouterr().out.splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert {"\\ud800": "1.0", "\\x1b[2J": "2.0", "a\\x00b": "3.0", "Fehler é": "4.0"}.items() <= cells.items()


@pytest.mark.parametrize(
    ("given", "way_out"), [({"loss": 0.5, "acc": 1}, "run.log(loss=..., acc=...)"), (0.5, "loss=")]
)
def test_a_number_without_a_name_is_refused(store: str, given, way_out):
    with caviar.babysit.run("odd", store=store) as run, pytest.raises(ConfigError, match="by name") as refused:
        run.log(given)
    assert way_out in refused.value.way_out


@pytest.mark.parametrize("error", [ValueError("the data is\nnot there"), KeyboardInterrupt(), SystemExit("no GPU")])
def test_a_block_that_failed_leaves_its_words_in_the_diary(store: str, error: BaseException):
    def train() -> None:
        with caviar.babysit.run("failed", store=store) as run:
            run.log(loss=1.0)
            raise error

    with pytest.raises(type(error)):
        train()
    with Store.open(store) as opened:
        runs = Runs(opened)
        assert runs.run("failed").state is RunState.INTERRUPTED
        last = runs.diary("failed")[-1]
        assert last.text.startswith("interrupted after 1 step: ")
        assert type(error).__name__ in last.text
        assert " ".join(str(error).split()) in last.text
        assert "Traceback" in last.facts["why"]


@pytest.mark.parametrize("logs_on", [True, False])
def test_a_failure_beside_the_loop_reaches_it_and_the_run_is_given_back(
    store: str, logs_on: bool, monkeypatch: pytest.MonkeyPatch
):
    def train() -> None:
        with caviar.babysit.run("odd", store=store) as run:
            monkeypatch.setattr(run._session, "saw", lambda step: 1 / 0)
            run.log(loss=1.0)
            until(lambda: run._urgent)
            if logs_on:
                run.log(loss=1.0)

    with pytest.raises(ZeroDivisionError):
        train()
    with Store.open(store) as opened:
        assert Runs(opened).run("odd").state is RunState.INTERRUPTED


def test_a_run_whose_last_words_cannot_be_written_is_given_back(store: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("caviar.runs.own_loop._LOOK", 1e6)  # only the end of the block looks at what was logged

    def train() -> None:
        with caviar.babysit.run("odd", store=store) as run:
            run.log(loss=np.arange(2.0))  # type: ignore[arg-type]

    with pytest.raises(TypeError):
        train()
    with Store.open(store) as opened:
        assert Runs(opened).run("odd").state is RunState.INTERRUPTED


def test_what_is_no_state_is_refused_without_pickle(store: str):
    with caviar.babysit.run("odd", store=store) as run, pytest.raises(StoreError, match="got function at state"):
        run.snapshot(model=lambda: 1)


LOOP = """
import os, sys, caviar
with caviar.babysit.run("mortal", knobs={"learning_rate": 0.1}, store=sys.argv[1]) as run:
    total = 0
    while run.step < 50:
        total += run.step
        run.log(loss=1.0 / (1 + run.step))
        if run.wants_rollback:
            total = run.state["total"]
            print("taken up at", run.step, flush=True)
        if run.wants_snapshot or run.step % 10 == 0:
            run.snapshot(total=total)
        if run.step == 25 and len(sys.argv) > 2:
            os.kill(os.getpid(), 9)
    print("total", total)
"""


def test_a_killed_loop_is_taken_up_by_the_same_with_line(store: str):
    first = subprocess.run([sys.executable, "-c", LOOP, store, "die"], capture_output=True, text=True, check=False)
    assert first.returncode == -9
    second = subprocess.run([sys.executable, "-c", LOOP, store], capture_output=True, text=True, check=False)
    assert second.stdout == f"taken up at 20\ntotal {sum(range(50))}\n", second.stderr


def test_log_is_a_list_s_append(store: str):
    """Not a time but a fact: nothing is written by the loop's own thread."""
    with caviar.babysit.run("quick", store=store) as run:
        with run._lock:  # whoever wanted the store now would wait for ever
            for _ in range(10_000):
                run.log(loss=1.0)
        assert run.step == 10_000
