"""A run of each kind, small and endless, which is trained beside the test and watched through its store alone."""

from __future__ import annotations

import math
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import caviar
import caviar.clients
from caviar.data import samples
from caviar.errors import StoreError
from caviar.records import Intervention, InterventionState, RunKind, RunSnapshot, RunSpec
from caviar.runs import client, loop
from caviar.runs.events import Event
from caviar.store import Store
from caviar.store.runs import Runs
from tests.waiting import until

RATE = 0.01
SICK = 9000.0
"""A learning rate at which each of them ends in NaN."""

PROGRAM = f"""
import sys; sys.path.insert(0, {str(Path(caviar.clients.__file__).parent)!r})
import caviar_client, json, time
for trial in caviar_client.trials():
    w = [8.0]
    def save(path):
        with open(path, "w") as file:
            json.dump(w, file); file.write(" " * 5000)
    def load(path):
        with open(path) as file:
            w[:] = json.load(file)
    trial.on_save(save)
    trial.on_restore(load)
    for epoch in trial.epochs():
        w[0] -= 1e-3 * w[0]
        if trial.knobs["learning_rate"] > 1:
            w[0] = float("nan")
        time.sleep(0.005)
        trial.report(epoch, -abs(w[0]), loss=w[0] ** 2)
"""


class Killed(Exception):
    """The end of a user's loop that is no end of its run."""


class OfNetwork:
    """Wine, by a network of caviar's."""

    kind = RunKind.NETWORK

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = str(folder / "caviar.db")
        self.saves = True

    def events(self, name: str, spec: dict[str, Any]) -> Iterator[Event]:
        path = self.folder / "wine.csv"
        if not path.exists():
            samples.write_csv(samples.wine(), path)
        asked = RunSpec(kind=self.kind, data=str(path), target=samples.wine().target_name, epochs=10**6, **spec)
        config = {"hidden_units": 8, "layers": 1, "batch_norm": False, "optimizer": "sgd", "learning_rate": RATE}
        return loop.begin(asked, config, name=name, store=self.store)

    def train(self, name: str, again: bool, ended: Callable[[], bool], **spec: Any) -> None:
        """Train in this thread until ``ended``, as if its process was killed then."""
        events = loop.resume(name, self.store) if again else self.events(name, spec)
        for _ in events:
            if ended():
                events.close()  # type: ignore[attr-defined]  # it is a generator


class OfProgram(OfNetwork):
    """A ball that rolls down a bowl, in a process of its own."""

    kind = RunKind.PROGRAM

    def events(self, name: str, spec: dict[str, Any]) -> Iterator[Event]:
        (self.folder / "train.py").write_text(PROGRAM)
        command = f"{shlex.quote(sys.executable)} {shlex.quote(str(self.folder / 'train.py'))}"
        asked = RunSpec(kind=self.kind, command=command, epochs=10**6, **{"snapshot_seconds": 0.0, **spec})
        return loop.begin(asked, {"learning_rate": RATE}, name=name, store=self.store)


class OfLoop(OfNetwork):
    """A loop of the user's own that counts."""

    kind = RunKind.LOOP

    def train(self, name: str, again: bool, ended: Callable[[], bool], **spec: Any) -> None:
        spec = {"nurse": spec.pop("nurse", "watch") != "no", "snapshot_seconds": 0.2, **spec}
        try:
            with caviar.babysit.run(name, {"learning_rate": RATE}, store=self.store, **spec) as run:
                w = 0
                while not ended():
                    w += 1
                    time.sleep(0.005)
                    run.log(loss=math.nan if run.knobs.learning_rate > 1 else 1.0, w=float(w))
                    if run.wants_rollback:
                        w = run.state["w"]
                    if self.saves and run.wants_snapshot:
                        run.snapshot(w=w, filling=" " * 5000)
                raise Killed
        except Killed:
            pass


KINDS = {kind.kind.value: kind for kind in (OfNetwork, OfProgram, OfLoop)}


class Life:
    """A run that is trained by a thread of this process; everything else goes through the store."""

    def __init__(self, trained: OfNetwork) -> None:
        self.trained = trained
        self.name = "net"
        self.error: BaseException | None = None
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, name: str = "net", again: bool = False, **spec: Any) -> Life:
        """Begin the run, or take it up again."""
        self.name = name
        self._end.clear()

        def train() -> None:
            try:
                self.trained.train(name, again, self._end.is_set, **spec)
            except BaseException as error:
                self.error = error

        self._thread = threading.Thread(target=train)
        self._thread.start()
        return self

    def take_up(self, **spec: Any) -> Life:
        return self.begin(self.name, again=True, **spec)

    def kill(self) -> None:
        """End the training and nothing else; the run can be taken up again."""
        self._end.set()
        if self._thread is None:
            return
        self._thread.join(2)
        while self._thread.is_alive():  # a loop that is paused looks at nothing else
            with suppress(StoreError):
                self.ask("resume")
            self._thread.join(2)

    def join(self) -> None:
        """Wait until the run has ended by itself."""
        assert self._thread is not None
        thread = self._thread
        self.until(lambda: not thread.is_alive())
        assert self.error is None, self.error

    def until(self, true: Callable[[], Any]) -> None:
        """Wait for something to come true while the run is trained."""
        until(true, lambda: self.error)

    def in_runs(self, call: Callable[[Runs], Any]) -> Any:
        with Store.open(self.trained.store) as store:
            return call(Runs(store))

    @property
    def run(self) -> Any:
        return self.in_runs(lambda runs: runs.run(self.name))

    def rate(self) -> float:
        """The learning rate, as its process wrote it down last; NaN before."""
        return float((self.run.progress or {"knobs": {"learning_rate": math.nan}})["knobs"]["learning_rate"])

    def is_paused(self) -> bool:
        """True if its process says that it is paused."""
        return bool((self.run.progress or {}).get("paused"))

    def exists(self) -> bool:
        return Path(self.trained.store).exists() and self.in_runs(lambda runs: self.name in runs.subjects.names())

    def diary(self, *kinds: str) -> list[Any]:
        return [e for e in self.in_runs(lambda runs: runs.diary(self.name)) if not kinds or e.kind in kinds]

    def snapshots(self, *states: str) -> list[RunSnapshot]:
        every = self.in_runs(lambda runs: runs.snapshots(self.name))
        return [s for s in every if not states or s.state in states]

    def measured(self) -> int:
        return len(self.in_runs(lambda runs: runs.measurements(self.name)))

    def until_snapshots(self, count: int) -> None:
        self.until(lambda: self.exists() and len(self.snapshots("kept")) >= count)

    def until_beats(self, count: int) -> None:
        """Wait until its process has given ``count`` more signs of life."""
        before = self.run.owner.beats
        self.until(lambda: self.run.owner.beats > before + count)

    def until_trained(self) -> None:
        """Wait until it has trained on."""
        before = self.measured()
        self.until(lambda: self.measured() > before)

    def ask(self, kind: str, because: str = "", who: str = "anna", **arguments: Any) -> int:
        return self.in_runs(lambda runs: client.ask(runs, self.name, kind, arguments, because, who).number)

    def outcome(self, number: int) -> Intervention:
        return self.in_runs(lambda runs: runs.interventions(self.name))[number - 1]

    def do(self, kind: str, because: str = "", who: str = "anna", **arguments: Any) -> Intervention:
        """Intervene and wait for the outcome."""
        number = self.ask(kind, because, who, **arguments)
        self.until(lambda: self.outcome(number).state is not InterventionState.WAITING)
        return self.outcome(number)

    def path(self, snapshot: RunSnapshot) -> Path:
        return self.in_runs(lambda runs: runs.files(self.name).folder) / snapshot.path

    def is_whole(self, snapshot: RunSnapshot) -> bool:
        return bool(self.in_runs(lambda runs: runs.load(self.name, snapshot)))

    def damage(self, snapshot: RunSnapshot) -> None:
        content = bytearray(self.path(snapshot).read_bytes())
        content[len(content) // 2] ^= 4
        self.path(snapshot).write_bytes(content)


if __name__ == "__main__":  # a process of its own, to be killed: KIND FOLDER again?
    KINDS[sys.argv[1]](Path(sys.argv[2])).train("net", sys.argv[3] == "again", lambda: False)
