"""Caviar as a contender of `python -m benchmarks.tables`: caviar.tune in a process of its own.

    python -m benchmarks.table_caviar FOLDER [PART]

With a PART it is caviar without that part: what the answer loses is the part's worth.

All training rows are given to it, as they are to the others. Its own sealed part would be a fifth of them, so it is
given another: the features of the sealed rows, beside targets drawn from the training rows that mean nothing. Its
score there is not looked at. Reading the frame, the finals and the last training are all in its seconds.
"""

from __future__ import annotations

import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import caviar
from benchmarks.rivals.table_job import Predict, TableJob, answer, read
from caviar.learners.dense.learner import DenseLearner
from caviar.machine import VERSION
from caviar.search import coarse_to_fine, portfolio
from caviar.search.coarse_to_fine import Zoom
from caviar.space import Space

_TARGET = "the target"
FIXED: dict[str, tuple[str, Any]] = {
    "encodings": ("encoding", "standard"),
    "annealing": ("decay", "constant"),
    "input_scaling": ("input_scaling", False),
    "averaging": ("averaging", 0.0),
    "silu": ("activation", "relu"),
    "weight_decay": ("weight_decay", 0.0),
    "dropout": ("dropout", 0.0),
}
"""Parts that are taken out by a fixed value in the default space and in the portfolio."""
PARTS = ("ensemble", "portfolio", "finals", "zoom", *FIXED)


def take_out(part: str) -> dict[str, Any]:
    """Take a part out of caviar in this process; the arguments of caviar.tune that the rest of it needs."""
    if part == "portfolio":
        return {"search": "coarse_to_fine"}
    if part == "ensemble":
        return {"preset": "single"}
    if part == "finals":
        return {"preset": "fast"}
    if part == "zoom":  # all draws come from the whole space
        coarse_to_fine.Zoom = partial(Zoom, whole_space=1.0)  # type: ignore[assignment, misc]
        return {}
    name, value = FIXED[part]
    space, entries = DenseLearner.default_space, portfolio._entries
    without = "bins" if part == "encodings" else ""

    def replaced(long: bool) -> list[dict[str, Any]]:
        of = entries(long)
        return [{key: value if key == name else old for key, old in one.items() if key != without} for one in of]

    def smaller(self: DenseLearner, epochs: int | None = None) -> Space:
        whole = space(self, epochs)
        kept = {key: whole[key] for key in whole.names if key != without}
        return Space(**{**kept, name: value})

    DenseLearner.default_space = smaller  # type: ignore[method-assign]
    portfolio._entries = replaced  # type: ignore[assignment]
    return {}


def tuned(job: TableJob, **arguments: Any) -> tuple[Predict, str]:
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
        **arguments,
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
    arguments = take_out(sys.argv[2]) if len(sys.argv) > 2 else {}
    predict, config = tuned(job, **arguments)
    answer(job, predict, f"caviar {VERSION}", config)


if __name__ == "__main__":
    main()
