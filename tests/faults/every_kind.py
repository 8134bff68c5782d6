"""A study and a run of every kind in one process: ``python -m tests.faults.every_kind begin|resume STORE FOLDER``.

It says "begun" once all of them are under way, and waits for a line. Then they go on, and how each of them ended is a
line: "NAME ended", or "NAME refused: RULE".
"""

from __future__ import annotations

import importlib
import os
import shlex
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import caviar
from caviar.errors import CaviarError
from caviar.records import RunKind, RunSpec
from caviar.runs import loop
from caviar.runs.events import Noted
from caviar.store.runs import Runs
from caviar.study.events import Progress
from caviar.study.resume import take_up
from caviar.study.spec import ProgramRequest, Request
from caviar.study.tune import follow
from tests.runs.kinds import PROGRAM

SPACE = caviar.Space(x=caviar.Linear(0, 1))
TRIALS = 40
ASKED = 20
STUDIES = ("table", "function", "program", "asked")
RUNS = ("network", "its program", "loop")
PATIENCE = 1.0

EPOCHS = """
import sys; sys.path.insert(0, {folder!r})
import caviar_client
for trial in caviar_client.trials():
    for epoch in trial.epochs():
        trial.report(epoch, trial.config["x"] * epoch)
"""


def start(what: str, store: str, folder: Path) -> subprocess.Popen[str]:
    """A process that does all of it: ``begin`` or ``resume``."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults.every_kind", what, store, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=folder, env=environment, **pipes)


def table_request(store: str, folder: Path) -> Request:
    """The study of a table."""
    given: Any = {"target": "label", "trials": TRIALS, "rungs": (1, 3, 9), "threads": 1, "seed": 1}
    return Request(data=str(folder / "data.csv"), study="table", store=store, **given)


def write_files(folder: Path) -> None:
    """Write the table and the programs."""
    rows = "".join(f"{i % 7},{i % 11},{'ab'[i % 7 > 3]}\n" for i in range(300))
    (folder / "data.csv").write_text(f"x,y,label\n{rows}")
    clients = Path(caviar.__file__).parent / "clients"
    (folder / "epochs.py").write_text(EPOCHS.format(folder=str(clients)))
    (folder / "train.py").write_text(PROGRAM)


class Every:
    """All of them, each in a thread."""

    def __init__(self, store: str, folder: Path, again: bool) -> None:
        self.store, self.folder, self.again = store, folder, again
        self.under_way = {name: threading.Event() for name in (*STUDIES, *RUNS)}
        self.goes_on = threading.Event()

    def reached(self, name: str) -> None:
        """Say that it is under way, and wait."""
        self.under_way[name].set()
        self.goes_on.wait()

    def study(self, name: str, events: Iterable[Any]) -> None:
        """Follow a study to its end."""
        for event in events:
            if isinstance(event, Progress) and event.counts:
                self.reached(name)

    def table(self) -> None:
        given = {"store": self.store, "threads": 1}
        self.study("table", take_up("table", **given) if self.again else follow(table_request(self.store, self.folder)))  # type: ignore[arg-type]

    def function(self) -> None:
        def objective(trial: Any) -> float:
            return float(trial.config["x"])

        again = take_up("function", store=self.store, data=objective, processes=1)
        first = ProgramRequest(
            objective=objective, space=SPACE, trials=8, processes=1, study="function", store=self.store
        )
        self.study("function", again if self.again else follow(first))

    def program(self) -> None:
        command = shlex.join([sys.executable, str(self.folder / "epochs.py")])
        given: Any = {"trials": 8, "epochs": 9, "goal": "maximize", "processes": 1, "study": "program"}
        again = take_up("program", store=self.store, processes=1)
        self.study(
            "program",
            again if self.again else follow(ProgramRequest(command=command, space=SPACE, store=self.store, **given)),
        )

    def asked(self) -> None:
        with caviar.open_study("asked", SPACE, stopping="none", store=self.store) as opened:
            while len(opened.trials().query("state == 'finished'")) < ASKED:
                one = opened.ask()[0]
                opened.report(one, 1, 0.5)
                opened.tell(one, one.config["x"])
                self.reached("asked")

    def run(self, name: str, spec: RunSpec, config: dict[str, Any]) -> None:
        again = loop.resume(name, self.store)
        for event in again if self.again else loop.begin(spec, config, name=name, store=self.store):
            if isinstance(event, Noted):
                self.reached(name)

    def network(self) -> None:
        data = str(self.folder / "data.csv")
        spec = RunSpec(kind=RunKind.NETWORK, data=data, target="label", epochs=100, snapshot_seconds=0.1)
        self.run("network", spec, {"layers": 1})

    def its_program(self) -> None:
        command = shlex.join([sys.executable, str(self.folder / "train.py")])
        spec = RunSpec(kind=RunKind.PROGRAM, command=command, epochs=100, snapshot_seconds=0.0)
        self.run("its program", spec, {"learning_rate": 0.01})

    def loop(self) -> None:
        with caviar.babysit.run("loop", {"learning_rate": 0.1}, store=self.store, snapshot_seconds=0.0) as run:
            w = 0
            while w < 50:
                w += 1
                run.log(loss=1 / w)
                if run.wants_rollback:
                    w = run.state["w"]
                if run.wants_snapshot:
                    run.snapshot(w=w)
                time.sleep(0.02)
                if w > 10:
                    self.reached("loop")

    def main(self) -> None:
        works = {name: getattr(self, name.replace(" ", "_")) for name in self.under_way}
        threads = [threading.Thread(target=self.one, args=each) for each in works.items()]
        for thread in threads:
            thread.start()
        for event in self.under_way.values():
            event.wait()
        print("begun", flush=True)
        sys.stdin.readline()
        self.goes_on.set()
        for thread in threads:
            thread.join()

    def one(self, name: str, work: Callable[[], None]) -> None:
        """Do one of them; the line that says how it ended."""
        try:
            work()
        except CaviarError as error:
            sys.stdout.write(f"{name} refused: {error.rule}\n")
        else:
            sys.stdout.write(f"{name} ended\n")
        finally:
            self.under_way[name].set()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for module in ("caviar.study.resume", "caviar.study.ask_tell"):
        importlib.import_module(module).PATIENCE = PATIENCE  # type: ignore[attr-defined]
    Runs.take.__defaults__ = (PATIENCE,)
    Every(sys.argv[2], Path(sys.argv[3]), sys.argv[1] == "resume").main()
