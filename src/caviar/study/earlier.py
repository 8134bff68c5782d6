"""Trials that were measured before their study began: imported ones, or those of an earlier study.

The search looks at them as at its own. They are not compared at the rungs of the study, and nothing trains them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from caviar.machine import processors
from caviar.records import ProgramSpec, Study, StudyKind, Trial, TrialState
from caviar.records.metrics import smaller_is_better
from caviar.records.ranking import WORST, rank_key_of
from caviar.scheduling.halving import rungs_to
from caviar.search.contract import Compared
from caviar.study.spec import EPOCHS, IMPORTED


def is_imported(study: Study) -> bool:
    """True for a study that was imported and not gone on with."""
    return study.search == IMPORTED and study.spec.program is None


def number_known(study: Study, trials: Sequence[Trial]) -> int:
    """The first number of the study's own trials; an import of an older version does not say it."""
    return max((trial.number + 1 for trial in trials), default=0) if is_imported(study) else study.spec.known


def gone_on_with(study: Study, trials: Sequence[Trial], command: str | None, score: str | None, slots: int) -> Study:
    """An imported ``study`` as one of a function, or of a ``command``: its trials have as many epochs as before."""
    program = ProgramSpec(
        command=command,
        score=score,
        goal="minimize" if smaller_is_better(study.metric) else "maximize",
        epochs=max((trial.epochs for trial in trials), default=0) or EPOCHS,
        slots=slots or processors(),
    )
    spec = replace(
        study.spec,
        kind=StudyKind.FUNCTION if command is None else StudyKind.PROGRAM,
        known=number_known(study, trials),
        rungs=rungs_to(program.epochs),
        program=program,
    )
    return replace(study, spec=spec)


def evidence(metric: str, trials: Sequence[Trial], rungs: Sequence[int]) -> list[Compared]:
    """The comparison of each trial that has a score: at the last rung if it finished, else at the one that it reached.

    One that diverged is compared at the first rung, as WORST.
    """
    found = []
    for trial in trials:
        key = rank_key_of(metric, trial)
        if trial.state is TrialState.DIVERGED:
            rung = 0
        elif key == WORST:
            continue
        elif trial.state is TrialState.FINISHED:
            rung = len(rungs) - 1
        else:
            rung = max(bisect_right(rungs, trial.epochs) - 1, 0)
        found.append(Compared(trial.number, trial.config, rung, rungs[rung], key))
    return found
