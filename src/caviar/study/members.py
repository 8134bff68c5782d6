"""The members of a study's ensemble: chosen by what the finalists' repeats say, then trained on all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from caviar.learners.contract import Evaluation, Floats, Training
from caviar.learners.model import Member
from caviar.learners.scoring import Targets
from caviar.records import TaskOutcome, TaskResult
from caviar.study.ensemble import select
from caviar.study.job import TableJob


class Repeat(NamedTuple):
    """A finalist that was trained again, and its network; None where that diverged."""

    result: TaskResult
    training: Training | None

    @property
    def sound(self) -> bool:
        """True where it was trained to the end."""
        return self.result.outcome is TaskOutcome.TRAINED and self.training is not None

    @property
    def evaluation(self) -> Evaluation:
        """Scores after the last epoch."""
        return Evaluation(self.result.measurements[-1].validation_loss, self.result.scores)

    @property
    def epochs(self) -> int:
        """Epochs of the network."""
        return self.result.measurements[-1].epoch


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Members, the share of each finalist, and the scores of all together on rows that none has seen.

    The scores are those of the networks of the repeats. The members are the finalists' last trainings, which have all
    rows, with one seed or more; where there was no time for that, the networks of the repeats. Where none were
    repeated, those of the search stand in for them, member by member.

    ``unseen`` (n, n_out) are the outputs of the repeats' networks for these rows, and ``y`` (n,) the targets. In a
    cross-validation a row's outputs are those of the networks that have not seen it.
    """

    members: list[Member]
    finalists: dict[int, float]  # share by trial
    epochs: dict[int, int]  # of each finalist's network
    validation: dict[str, float]
    unseen: Floats
    y: Targets


def ensemble_of(job: TableJob, entrants: dict[int, list[Repeat]], given: Mapping[int, float] | None = None) -> Ensemble:
    """The ensemble of finalists and their seeds, chosen by rows that no member has seen; it may be of one finalist.

    ``given`` are the shares of the finalists, where they are known.

    In a cross-validation a finalist stands or falls with all of its folds: together they have predicted every row
    unseen. With fresh seeds every network is a member of its own.
    """
    if job.folded:
        units = list(entrants.values())
        y = np.concatenate([job.folds[repeat.result.task.repeat - 1][1].y for repeat in units[0]])
    else:
        units = [[repeat] for found in entrants.values() for repeat in found]
        y = job.dataset.validation.y
    outputs = np.stack([np.concatenate([_outputs(job, repeat) for repeat in unit]) for unit in units])
    owners = [unit[0].result.task.trial for unit in units]
    if given is None:
        shares = shares_of(job, outputs, y, owners)
    else:
        shares = np.array([given[owner] / owners.count(owner) for owner in owners])
    members, finalists = list[Member](), dict[int, float]()
    epochs = {unit[0].result.task.trial: unit[0].epochs for unit in units}
    for unit, share in zip(units, shares.tolist(), strict=True):
        if share > 0:
            number = unit[0].result.task.trial
            finalists[number] = finalists.get(number, 0.0) + share
            members += [Member(share / len(unit), r.training.predictor()) for r in unit if r.training is not None]
    together = np.tensordot(shares, outputs, axes=1)
    return Ensemble(members, finalists, epochs, job.scoring.scores(together, y), together, y)


def shares_of(job: TableJob, outputs: Floats, y: Targets, owners: Sequence[int]) -> Floats:
    """The shares of members with ``outputs`` (k, n, n_out) for n rows that none has seen, and ``y`` (n,) the truth."""
    weights = job.scoring.balancing(y) if job.request.balance else None
    return select(*job.scoring.as_classes(outputs, y), owners, weights=weights)[0]


def refitted(chosen: Ensemble, last: Mapping[int, Sequence[Training]]) -> Ensemble | None:
    """The ensemble of the finalists' ``last`` trainings, as many of each as all of them have.

    As it was where one has none, for that would mix both; None where it would be a single network.
    """
    seeds = min(len(last.get(number, ())) for number in chosen.finalists)
    if len(chosen.finalists) == 1 and seeds < 2:
        return None
    members = [
        Member(share / seeds, training.predictor())
        for number, share in chosen.finalists.items()
        for training in last[number][:seeds]
    ]
    return replace(chosen, members=members) if seeds else chosen


def _outputs(job: TableJob, repeat: Repeat) -> Floats:
    """Predictions for the validation rows of a repeat: probabilities (m, C), or standardised numbers (m, 1)."""
    assert repeat.training is not None
    return repeat.training.predictor().outputs(job.folds[repeat.result.task.repeat - 1][1].x)
