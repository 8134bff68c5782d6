"""Try before you train: the range test on a file of data, and whether a budget is for caviar or for panda.

The plan trains three typical networks of the default space for a moment each, on the rows themselves, and multiplies.
A study needs a few hundred trials to find its way: below that, one network that is nursed is the better use of the
time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from caviar.analysis.learning_rate_range import Found, find
from caviar.data.dataset import Dataset, prepare
from caviar.data.read import read
from caviar.learners.contract import Keys, TrainingData, never
from caviar.learners.dense.contract import steps_per_epoch
from caviar.learners.dense.learner import DenseLearner, architecture_of
from caviar.machine import processors
from caviar.nn.schedules import step_rates
from caviar.ranges import check_ranges
from caviar.records import BY_ITSELF, Config, Reading
from caviar.records.reading import Target
from caviar.scheduling.halving import rungs_for

ENOUGH = 100
"""Trials from which a study is worth more than one nursed network: 5 rounds of 20 for the coarse-to-fine search."""

_MOMENT = 0.8  # seconds a network
_SHARE = 0.15  # of the last rung's epochs that a trial costs, about: most are stopped early
_TYPICAL: Mapping[str, Config] = {
    "small": {"hidden_units": 32, "layers": 2, "batch_size": 64},
    "middle": {"hidden_units": 64, "layers": 2, "batch_size": 128},
    "large": {"hidden_units": 256, "layers": 3, "batch_size": 128},
}


@dataclass(frozen=True)
class Timed:
    """One typical network: its steps a second on this machine, and the seconds of an epoch on one core."""

    name: str
    parameters: int
    steps_per_second: float
    epoch_seconds: float


@dataclass(frozen=True)
class Plan:
    """Answer of ``plan``: ``way`` is "caviar" or "panda"; ``trials`` is how many the budget affords, about.

    ``notes`` are those on the data.
    """

    seconds: float
    threads: int
    timed: tuple[Timed, ...]
    trials: int
    epochs_of_one: int
    way: str
    reason: str
    facts: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def _load(data: str, target: Target, labels: str | None, task: str | None, seed: int, reading: Reading) -> Dataset:
    return prepare(read(data, target, labels, reading), seed, task=task, reading=reading)


def range_test(
    data: str,
    target: Target,
    labels: str | None,
    config: Config,
    seed: int,
    low: float,
    high: float,
    steps: int,
    reading: Reading = BY_ITSELF,
    task: str | None = None,
) -> tuple[Found, tuple[str, ...]]:
    """The range test of the network of ``config`` on a file of data, and the notes on the data."""
    dataset = _load(data, target, labels, task, seed, reading)
    return find(config, TrainingData.of(dataset), seed, low, high, steps), dataset.warnings


def plan(
    data: str,
    target: Target,
    labels: str | None,
    seconds: float,
    seed: int = 0,
    threads: int | None = None,
    reading: Reading = BY_ITSELF,
    task: str | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Plan:
    """Time typical networks on this machine, and count the trials that ``seconds`` of it afford. Raises UserMistake."""
    check_ranges({"seconds": seconds, "seed": seed, "threads": threads})
    dataset = _load(data, target, labels, task, seed, reading)
    timed = tuple(_time(name, config, dataset, seed, clock) for name, config in _TYPICAL.items())
    cores = threads or processors()
    large = timed[2]  # most of the time of a study goes to the large ones
    trials = _two_digits(seconds * cores / (large.epoch_seconds * _SHARE * rungs_for(len(dataset.train.y))[-1]))
    epochs_of_one = _two_digits(seconds / large.epoch_seconds)
    way = "caviar" if trials >= ENOUGH else "panda"
    if way == "caviar":
        reason = f"there is time for about {trials:,} trials, enough for a search"
    else:
        reason = (
            f"there is time for {_about(trials, 'trial')}, and a search needs {ENOUGH}; "
            f"one large network can be trained for {_about(epochs_of_one, 'epoch')}"
        )
    return Plan(seconds, cores, timed, trials, epochs_of_one, way, reason, dataset.facts, dataset.warnings)


def _about(count: int, noun: str) -> str:
    return f"about {count:,} {noun}{'s' * (count > 1)}" if count else f"less than one {noun}"


def _two_digits(count: float) -> int:
    """``count`` as exactly as it is known: 1234.5 is 1200."""
    return int(float(f"{count:.2g}"))


def _time(name: str, config: Config, dataset: Dataset, seed: int, clock: Callable[[], float]) -> Timed:
    """Train for a moment, a first mini-batch before it not counted: it finds the caches cold."""
    learner, examples = DenseLearner(), TrainingData.of(dataset)
    architecture, optimisation = architecture_of(config, examples)
    training = learner.start(config, examples, Keys.of(seed))
    steps = steps_per_epoch(architecture, optimisation, len(dataset.train.y))
    rate = step_rates(optimisation, 0, steps)[:1]
    training.train_steps(rate, never())
    began, done, at_once = clock(), 0, 1
    while (passed := clock() - began) < _MOMENT:
        _, trained = training.train_steps(np.repeat(rate, at_once), never())
        done += len(trained.losses)
        at_once = max(1, min(int(done / max(passed, 1e-3) * 0.1), 100_000))
    pace = done / (clock() - began)
    return Timed(name, learner.parameters(config, examples), pace, steps / pace)
