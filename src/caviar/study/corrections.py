"""Parts of a model that are no network: its facts, corrections of its outputs, errors on rows that were not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from caviar.analysis.account import Unseen, unseen_outputs
from caviar.analysis.calibration import calibration
from caviar.data.examples import Examples
from caviar.learners.contract import Floats
from caviar.learners.correction import PLAIN, Correction
from caviar.learners.known_labels import METRIC, POSITIVE
from caviar.learners.residuals import Residuals
from caviar.learners.scoring import Targets
from caviar.records import Trial
from caviar.records.result import Calibration
from caviar.study.job import TableJob


class Learned(NamedTuple):
    """The ``correction`` of a model; the ``residuals`` of regression; the effect of the ``calibration`` of classes.

    ``notes`` are for people.
    """

    correction: Correction = PLAIN
    residuals: Residuals | None = None
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()


def model_facts(
    job: TableJob, study: str, trial: Trial, epochs: int, rows: Examples, validation: Mapping[str, float]
) -> dict[str, Any]:
    """The facts that a model keeps, of the network of ``trial`` that learned from ``rows`` for so many ``epochs``."""
    return {
        "study": study,
        "trial": trial.number,
        "config": dict(trial.config),
        "epochs": epochs,
        "rows": len(rows),
        METRIC: job.metric,
        POSITIVE: job.scoring.positive,
        "validation": validation,
    }


def asked_for(job: TableJob, rows: Examples) -> Correction:
    """The correction that the request asks for, of a network that learned from ``rows``."""
    if job.request.balance:
        return job.scoring.set_back(rows.y)
    if job.request.clip and job.dataset.target_range is not None:
        low, high = job.dataset.target_range
        return Correction(low=low, high=high)
    return PLAIN


def learned_alone(job: TableJob, asked: Correction, unseen: Sequence[Unseen], epochs: int) -> Learned:
    """The parts of a single network that was trained for so many ``epochs``, from other networks of its config.

    Where those were trained for other epochs, they are more or less sure of themselves than it is, so that their
    temperature would do harm: measured on a table, log loss 1.04 became 1.11. There is none then.
    """
    others = sorted({one.epochs for one in unseen if one.epochs is not None} - {epochs})
    if not unseen or (others and job.scoring.n_out > 1):
        return Learned(asked)
    found = learned(job, asked, *unseen_outputs(unseen))
    if not others:
        return found
    note = (
        f"intervals are made of errors of networks of {' and '.join(map(str, others))} epochs, and the model has "
        f"{epochs}, for there was no time to train them alike: their coverage may be another; more `seconds` would help"
    )
    return found._replace(notes=(note,))


def learned(job: TableJob, asked: Correction, outputs: Floats, y: Targets) -> Learned:
    """The parts that are learned from ``outputs`` (k, n, n_out) for n unseen rows with targets ``y`` (n,)."""
    if not len(y):
        return Learned(asked)
    answer = job.scoring.corrected(outputs.reshape(-1, outputs.shape[-1]), asked).reshape(outputs.shape)
    if job.scoring.n_out == 1:
        return Learned(asked, residuals=Residuals.of(answer[..., 0] - y))
    cells, classes = job.scoring.as_classes(answer, y)
    found = calibration(cells, classes.astype(np.int64), len(classes) // len(y))
    return Learned(replace(asked, temperature=found.temperature), calibration=found)
