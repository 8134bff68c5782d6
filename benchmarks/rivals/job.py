"""The task that a rival gets, and the answer that it gives.

A folder holds job.json (seconds, seed, epochs, classes, and the space), rows.npz (x_train, y_train, x_validation,
y_validation, as caviar's own preparation gives them) and sealed.npz (x_test, y_test). A rival searches until the
deadline, then, off the clock, scores its best on the sealed rows, and writes result.json.

Score over time is that of trials that ended. A trial that the deadline broke off counts with its last epoch, which is
generous: a user would have to keep the weights of every epoch.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Config = dict[str, Any]
Table = Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """The rows to search on, and the limits of the search.

    ``epochs`` is the last rung: no trial trains longer. ``began`` is on the clock of time.monotonic, which all
    processes of a machine share; it is when the job was read, so that a rival's own imports are off the clock.
    """

    folder: Path
    seconds: float
    seed: int
    epochs: int
    classes: int
    space: dict[str, Table]
    x_train: Array
    y_train: Array
    x_validation: Array
    y_validation: Array
    began: float

    @staticmethod
    def load(folder: str) -> Job:
        """The job in ``folder``."""
        path = Path(folder)
        plain = json.loads((path / "job.json").read_text())
        with np.load(path / "rows.npz") as rows:
            arrays = {name: rows[name] for name in rows.files}
        return Job(path, **plain, **arrays, began=time.monotonic())

    @property
    def passed(self) -> float:
        """Seconds since the job was read."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.seconds - self.passed

    def everything(self) -> tuple[Array, Array]:
        """Training and validation rows together, for the last training of the best config."""
        return np.concatenate([self.x_train, self.x_validation]), np.concatenate([self.y_train, self.y_validation])

    def sealed(self) -> tuple[Array, Array]:
        """The test rows, when the search is over."""
        with np.load(self.folder / "sealed.npz") as rows:
            return rows["x_test"], rows["y_test"]


def job_of_command_line() -> Job:
    """The job in the folder that the command line names."""
    return Job.load(sys.argv[1])


def climbs(ended: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of (seconds, score) of trials that ended, those that were the best so far."""
    best, curve = float("-inf"), []
    for seconds, score in sorted(ended):
        if score > best:
            best = score
            curve.append((seconds, score))
    return curve


def write_result(
    job: Job,
    *,
    ended: Sequence[tuple[float, float]],
    trials: int,
    searched: float,
    best: Config,
    validation: float,
    test: float,
    test_own: float | None,
    version: str,
) -> None:
    """Write result.json: ``test`` is that of the best config trained again on all rows but the sealed ones,
    ``test_own`` that of the best trial's own weights, ``searched`` the seconds from the start to the search's end.
    """
    result = {
        "curve": climbs(ended),
        "trials": trials,
        "wall_seconds": searched,
        "config": best,
        "validation": validation,
        "test": test,
        "test_own_weights": test_own,
        "version": version,
    }
    (job.folder / "result.json").write_text(json.dumps(result))


# --- caviar's space in the words of others ---


def config_from(space: Mapping[str, Table], suggest: Callable[[str, Table], Any]) -> Config:
    """A config: ``suggest`` is asked for each hyperparameter that is searched and whose condition holds, in order."""
    config: Config = {}
    for name, table in space.items():
        if applies(table, config):
            config[name] = table["value"] if "value" in table else suggest(name, table)
    return config


def applies(table: Table, config: Config) -> bool:
    """True if a hyperparameter's condition holds, given those before it."""
    return all(config.get(other) in values for other, values in table.get("when", {}).items())


def zeroed(table: Table, u: float) -> float:
    """The value at the unit coordinate ``u`` of a log or linear scale that draws exactly 0 with probability ``zero``.

    None of the others has such a scale. One coordinate, and not a switch beside a number, is the same distribution and
    asks their models for no condition.
    """
    t = (u - table["zero"]) / (1 - table["zero"])
    if t < 0:
        return 0.0
    low, high = table["low"], table["high"]
    return float(low * (high / low) ** t if table["scale"] == "log" else low + t * (high - low))
