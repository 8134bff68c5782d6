"""The table that a contender of `python -m benchmarks.tables` gets, and the answer that it gives.

A folder holds job.json (seconds, seed, classes, and which columns are text), train.npz (the columns c0, c1, ... and
the target y: float64, or codes of classes from 0) and sealed.npz (the same columns, without the target). The contender
writes answer.npz, which has its predictions of the sealed rows, and result.json.

The clock of a contender starts when its libraries are imported and its rows are read.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Predict = Callable[[Any], Array]
"""Of a frame the probabilities (m, C), or the numbers (m,)."""
MANY = 100_000
_SLOW = 3.0  # seconds for 10,000 rows


@dataclass(frozen=True)
class TableJob:
    """A table to learn: ``frame`` has numbers, and texts as pandas categories; ``y`` numbers or codes of classes.

    ``began`` is on the clock of time.monotonic.
    """

    folder: Path
    seconds: float
    seed: int
    classes: int
    texts: tuple[str, ...]
    frame: Any
    y: Array
    began: float

    @staticmethod
    def load(folder: Path) -> TableJob:
        """The job in ``folder``."""
        plain = json.loads((folder / "job.json").read_text())
        frame, y = read(folder / "train.npz", plain["names"], None)
        texts = tuple(plain["names"][column] for column in plain["texts"])
        assert y is not None
        return TableJob(folder, plain["seconds"], plain["seed"], plain["classes"], texts, frame, y, time.monotonic())

    @property
    def regression(self) -> bool:
        """True if the target is a number."""
        return self.classes == 0

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.seconds - (time.monotonic() - self.began)

    def sealed(self) -> Any:
        """The sealed rows, with the categories of the training rows; others are missing there."""
        names = json.loads((self.folder / "job.json").read_text())["names"]
        return read(self.folder / "sealed.npz", names, self.frame)[0]

    def held_out(self, share: float = 0.2) -> tuple[Array, Array]:
        """Indices of rows to learn from and of rows to choose by."""
        from sklearn.model_selection import train_test_split

        same = None if self.regression or np.bincount(self.y).min() < 2 else self.y
        inner, outer = train_test_split(np.arange(len(self.y)), test_size=share, random_state=self.seed, stratify=same)
        return inner, outer


def read(path: Path, names: list[str], like: Any) -> tuple[Any, Array | None]:
    """The frame and the target of an NPZ file; texts are categories, those of ``like`` where it is given."""
    import pandas as pd

    with np.load(path) as rows:
        arrays = [rows[f"c{column}"] for column in range(len(names))]
        y = rows["y"] if "y" in rows.files else None
    columns = {}
    for name, array in zip(names, arrays, strict=True):
        if array.dtype.kind == "f":
            columns[name] = pd.Series(array)
        else:
            texts = pd.Series(array.astype(object)).replace("", None)
            columns[name] = texts.astype("category" if like is None else like[name].dtype)
    return pd.DataFrame(columns), y


def peak_megabytes() -> int:
    """The most memory that this process, or one that it started, had, in units of 1,000,000 bytes.

    The process's own is read from /proc: ru_maxrss begins with that of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return round(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024 / 1e6)


def seconds_of_many(predict: Predict, sealed: Any) -> float:
    """Seconds of predicting 100,000 rows, drawn from the sealed ones; ten times those of 10,000 where that is slow."""
    drawn = sealed.iloc[np.random.default_rng(0).integers(0, len(sealed), MANY)].reset_index(drop=True)
    few = drawn[: MANY // 10]
    began = time.monotonic()
    predict(few)
    seconds = time.monotonic() - began
    if seconds > _SLOW:
        return 10 * seconds
    began = time.monotonic()
    predict(drawn)
    return time.monotonic() - began


def answer(job: TableJob, predict: Predict, version: str, detail: str = "") -> None:
    """Write the predictions of the sealed rows, and the cost: the model is finished when this is called."""
    fitted, memory = time.monotonic() - job.began, peak_megabytes()
    sealed = job.sealed()
    predictions = np.asarray(predict(sealed), dtype=np.float64)
    np.savez(job.folder / "answer.npz", predictions=predictions)
    result = {
        "fit_seconds": fitted,
        "predict_seconds": seconds_of_many(predict, sealed),
        "memory_mb": memory,
        "memory_all_mb": peak_megabytes(),
        "version": version,
        "detail": detail,
    }
    (job.folder / "result.json").write_text(json.dumps(result))


def run(contenders: dict[str, Callable[[TableJob], tuple[Predict, str, str]]]) -> None:
    """Run the contender that the command line names, on the folder that it names."""
    warnings.simplefilter("ignore")
    name, folder = sys.argv[1:]
    predict, version, detail = contenders[name](job := TableJob.load(Path(folder)))
    answer(job, predict, version, detail)
