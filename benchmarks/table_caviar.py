"""Caviar as a contender of `python -m benchmarks.tables`: caviar.tune in a process of its own.

    python -m benchmarks.table_caviar FOLDER

All training rows are given to it, as they are to the others. Its own sealed part would be a fifth of them, so it is
given another: the features of the sealed rows, beside targets drawn from the training rows that mean nothing. Its
score there is not looked at. Reading the frame, the finals and the last training are all in its seconds.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import caviar
from benchmarks.rivals.table_job import Predict, TableJob, answer, read
from caviar.machine import VERSION

_TARGET = "the target"


def tuned(job: TableJob) -> tuple[Predict, str]:
    """The model of a study on one thread, and its config."""
    codes = job.y if job.regression else np.array([f"class {code}" for code in job.y], dtype=object)
    frame = plain(job.frame).assign(**{_TARGET: codes})
    sealed = plain(_sealed(job))
    other = sealed.assign(**{_TARGET: np.random.default_rng(job.seed).choice(codes, len(sealed))})
    study = caviar.tune(
        frame,
        target=_TARGET,
        seconds=job.seconds,
        threads=1,
        seed=job.seed,
        store=None,
        progress=False,
        options=caviar.TableOptions(
            task="regression" if job.regression else "classification",
            test=other,
            text=job.texts,  # the others are told as well which numbers are names
        ),
    )
    model = study.best.model
    if job.regression:
        return lambda rows: model.predict(plain(rows)), str(study.best.config)
    places = [int(str(label).removeprefix("class ")) for label in model.classes]

    def predict(rows: Any) -> Any:
        found = model.predict_proba(plain(rows))
        probabilities = np.zeros((len(found), job.classes))
        probabilities[:, places] = found
        return probabilities

    return predict, str(study.best.config)


def plain(frame: Any) -> Any:
    """The frame with texts as they would come from a file, not as categories."""
    return frame.astype({name: object for name in frame.columns if frame[name].dtype.name == "category"})


def _sealed(job: TableJob) -> Any:
    """The sealed rows, with categories that no training row has."""
    return read(job.folder / "sealed.npz", list(job.frame.columns), None)[0]


def main() -> None:
    warnings.simplefilter("ignore")
    job = TableJob.load(Path(sys.argv[1]))
    predict, config = tuned(job)
    answer(job, predict, f"caviar {VERSION}", config)


if __name__ == "__main__":
    main()
