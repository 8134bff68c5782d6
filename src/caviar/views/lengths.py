"""Lengths: the epochs of a whole training of a study, and the seconds that commands have worked on it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from caviar.records import Standing, Study, Trial, TrialState


def whole_training(study: Study, trials: Iterable[Standing | Trial]) -> int:
    """The epochs of a training to the end: those of the last rung, or fewer where the user's code ends by itself.

    The longest of the ``trials`` that finished decides; repeats are left out. 0 for a study without rungs.
    """
    last = study.spec.rungs[-1] if study.spec.rungs else 0
    return min(last, max((trial.epochs for trial in trials if trial.state is TrialState.FINISHED), default=last))


def seconds_worked(study: Study) -> float:
    """Seconds that all commands together have worked on ``study``: a rest between two of them is left out.

    Where no command has said so, as for ask and tell, they are those since it began, until it ended.
    """
    if study.worked is not None:
        return study.worked
    ended = datetime.now(UTC) if study.ended is None else datetime.fromisoformat(study.ended)
    return (ended - datetime.fromisoformat(study.created)).total_seconds()
