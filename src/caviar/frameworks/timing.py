"""Time the shortest program of each framework beside our own engine, in the same run.

Both are processes (stopwatch.py), each in its own interpreter and both on the same core. They take turns, so that
other work of the machine falls on both, and the figures are medians over the turns. Imports and first steps are
measured in the second of two processes: the first one has brought the files into memory and filled compilers' caches.
A turn is one call of the program's ``train``, over as many epochs as fill it; what a call costs by itself is in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from threading import Timer
from types import TracebackType
from typing import Any

from caviar.files import loads
from caviar.frameworks.facts import HERE, Facts
from caviar.machine import VERSION

PATIENCE = 300.0  # seconds for one answer: Theano's first compile takes 90
LEARN_EPOCHS = 10
_MODULES = {"pytorch": "torch", "paddle": "paddle"}  # where a framework's module has another name
_PACKAGES = {"pytorch": "torch", "paddle": "paddlepaddle", "tensorflow": "tensorflow-cpu", "theano": "Theano"}


@dataclass(frozen=True)
class Network:
    """A network to train: its widths from input to output, its mini-batch, and the mini-batches of one epoch."""

    name: str
    widths: tuple[int, ...]
    batch: int
    steps: int


NETWORKS = (Network("small", (64, 128, 10), 32, 200), Network("wide", (784, 512, 512, 10), 256, 20))


@dataclass(frozen=True)
class Found:
    """A framework that an interpreter of this machine has; ``name`` is that of its facts."""

    row: str
    name: str
    title: str
    version: str
    python: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Speed:
    """Steps a second on one network, of a framework and of our engine, medians; and of the ratios ours to theirs."""

    network: str
    theirs: float
    ours: float
    ratio: float
    ratio_low: float
    ratio_high: float


@dataclass(frozen=True)
class Timing:
    """The measurements of one framework; ``failure`` is the reason where they failed, or broke off."""

    found: Found
    import_seconds: float | None = None
    first_step_seconds: float | None = None  # from the network's definition to the end of its first step
    accuracy: float | None = None
    speeds: tuple[Speed, ...] = ()
    failure: str = ""


class Stopped(Exception):
    """A stopwatch ended or hung; says why."""


def environments(folder: Path) -> list[Found]:
    """The frameworks in the environments that ``make frameworks`` has made under ``folder``."""
    found = []
    for path in sorted(folder.glob("*/ready.json")):
        made = json.loads(path.read_text(encoding="utf-8"))
        if made["python"]:
            python = str(Path(made["folder"]) / "bin" / "python")
            name = made["row"].partition("-")[0]
            found.append(Found(made["row"], name, made["title"], made["framework"], python, made["variables"]))
    return found


def here(facts: Mapping[str, Facts], others: Sequence[Found]) -> list[Found]:
    """The frameworks that this interpreter has, but for those that ``others`` have too; ourselves not counted."""
    there = {found.name for found in others} | {"caviar"}
    own = []
    for name, known in facts.items():
        if name not in there and known.program is not None and find_spec(_MODULES.get(name, name)) is not None:
            torch = name == "keras" and find_spec("tensorflow") is None and find_spec("torch") is not None
            variables = {"KERAS_BACKEND": "torch"} if torch else {}  # Keras itself looks for TensorFlow only
            own.append(Found(name, name, known.title, _version(name), sys.executable, variables))
    return own


def _version(name: str) -> str:
    package = _PACKAGES.get(name, name)
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def measure(
    found: Sequence[Found], facts: Mapping[str, Facts], turns: int = 5, seconds: float = 0.5
) -> Iterator[Timing]:
    """Ourselves first, then each of ``found`` beside us, as it is done. A turn takes about ``seconds``."""
    own = Found("caviar", "caviar", facts["caviar"].title, f"caviar {VERSION}", sys.executable)
    with ExitStack() as running:
        digits = running.enter_context(tempfile.TemporaryDirectory())
        _write_digits(Path(digits))
        try:
            ours, timing = _ready(running, own, facts, digits)
        except Stopped as stopped:
            yield Timing(own, failure=str(stopped))
            return
        for network in NETWORKS:
            ours.start(network)
            ours.rate(seconds)
            rate = median(ours.rate(seconds) for _ in range(turns))
            timing = replace(timing, speeds=(*timing.speeds, Speed(network.name, rate, rate, 1.0, 1.0, 1.0)))
        yield timing
        for other in found:
            yield _beside(other, facts, digits, ours, turns, seconds)


def _beside(
    other: Found, facts: Mapping[str, Facts], digits: str, ours: Stopwatch, turns: int, seconds: float
) -> Timing:
    """One framework, by turns with our own stopwatch."""
    timing = Timing(other)
    try:
        with ExitStack() as running:
            theirs, timing = _ready(running, other, facts, digits)
            for network in NETWORKS:
                ours.start(network)
                theirs.start(network)
                ours.rate(seconds), theirs.rate(seconds)  # finds out how many epochs a turn has
                rates = [(ours.rate(seconds), theirs.rate(seconds)) for _ in range(turns)]
                ratios = sorted(mine / yours for mine, yours in rates)
                mine, yours = median(rate for rate, _ in rates), median(rate for _, rate in rates)
                speed = Speed(network.name, yours, mine, median(ratios), ratios[0], ratios[-1])
                timing = replace(timing, speeds=(*timing.speeds, speed))
    except Stopped as stopped:
        return replace(timing, failure=str(stopped))
    return timing


def _ready(running: ExitStack, found: Found, facts: Mapping[str, Facts], digits: str) -> tuple[Stopwatch, Timing]:
    """A stopwatch that has shown that its program learns, and what its start took."""
    program = facts[found.name].program
    assert program is not None
    with Stopwatch(found, program) as first:
        first.start(NETWORKS[0])
    stopwatch = running.enter_context(Stopwatch(found, program))
    first_step = stopwatch.start(NETWORKS[0])
    accuracy = stopwatch.ask(do="learn", digits=digits, epochs=LEARN_EPOCHS)["accuracy"]
    return stopwatch, Timing(found, stopwatch.import_seconds, first_step, accuracy)


class Stopwatch:
    """A process of stopwatch.py. Every question may raise Stopped."""

    def __init__(self, found: Found, program: Path) -> None:
        """Starts it, and waits until it has imported the framework."""
        core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [found.python, str(HERE / "stopwatch.py"), str(program), str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**_inherited(found.python), **found.variables},
        )
        try:
            self.import_seconds = float(self._answer()["import_seconds"])
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Stopwatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def start(self, network: Network) -> float:
        """A new network; the seconds to the end of its first step."""
        asked = self.ask(do="start", widths=network.widths, batch=network.batch, steps=network.steps)
        return float(asked["first_step_seconds"])

    def rate(self, seconds: float) -> float:
        """Steps a second over about ``seconds``."""
        return float(self.ask(do="train", seconds=seconds)["steps_per_second"])

    def ask(self, **order: Any) -> dict[str, Any]:
        """Say one line, and hear its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, which the answer tells better
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        patience = Timer(PATIENCE, self._process.kill)
        patience.start()
        try:
            line = self._process.stdout.readline()
        finally:
            patience.cancel()
        if not line:
            raise Stopped(self._why())
        answer: dict[str, Any] = loads(line)
        return answer

    def _why(self) -> str:
        status = self._process.wait()
        self._said.seek(0)
        said = [line for line in self._said.read().decode(errors="replace").splitlines() if line.strip()]
        if status < 0 and not said:
            return f"ended by signal {-status}, or said nothing for {PATIENCE:.0f} s"
        return said[-1].strip()[:300] if said else f"ended with exit status {status}"


def _inherited(python: str) -> dict[str, str]:
    """This process's environment; PYTHONPATH is for this interpreter, and another one could not read what is there."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH" or python == sys.executable}


def _write_digits(folder: Path) -> None:
    """scikit-learn's digits, four fifths to train and one to validate, as arrays that any NumPy reads."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    parts = train_test_split((x / 16).astype(np.float32), y.astype(np.int64), test_size=0.2, random_state=0, stratify=y)
    for name, part in zip(("x", "x_validation", "y", "y_validation"), parts, strict=True):
        np.save(folder / f"{name}.npy", part)
