"""The spaces of a study: their history, the trials that lie in today's, and the changes that the results propose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from caviar.analysis.edges import wider
from caviar.analysis.space_changes import changes_of, with_changes
from caviar.analysis.space_checks import check_space
from caviar.errors import UserMistake
from caviar.records import Config, Study, Trial
from caviar.search.eras import eras_of, placed, values_of
from caviar.store import Store


@dataclass(frozen=True)
class SpaceChange:
    """A change of a study's space: its first trial, what changed, a line each, and who asked for it, when and why."""

    first_trial: int
    changes: tuple[str, ...]
    who: str
    because: str
    written: str


class Proposed(NamedTuple):
    """A change that the results propose: the reason, and the change as ``caviar respace`` takes it."""

    reason: str
    change: str


def space_history(study: Study) -> tuple[SpaceChange, ...]:
    """The changes of the space of ``study``, the first one first; none where it is what it was."""
    eras = eras_of(study)
    return tuple(
        SpaceChange(era.first_trial, tuple(changes_of(eras[:i], era)), asked.who, asked.because, asked.written)
        for i, (era, asked) in enumerate(zip(eras[1:], study.spec.respaced, strict=True), 1)
    )


def configs_of_today(study: Study, trials: Sequence[Trial]) -> Mapping[int, Config]:
    """The configs of those ``trials`` that lie in today's space, as that has them, by number; repeats are left out."""
    own = [trial for trial in trials if not trial.repeat]
    if not study.spec.respaced:
        return {trial.number: trial.config for trial in own}
    eras = eras_of(study)
    space, values = eras[-1].space, values_of(eras)
    found = ((trial.number, placed(space, values, trial.config)) for trial in own)
    return {number: fit.config for number, fit in found if fit is not None}


def outside_of(store: Store, study: Study) -> frozenset[int]:
    """The numbers of the trials that do not lie in today's space."""
    if not study.spec.respaced:
        return frozenset()
    trials = store.trials(study.name)
    inside = configs_of_today(study, trials)
    return frozenset(trial.number for trial in trials if trial.number not in inside)


def proposed_changes(study: Study, best: Sequence[Config]) -> tuple[Proposed, ...]:
    """The ranges to widen, where the ``best`` configs of today's space, the best first, lie at an end of them.

    Only those that the study can go on with are proposed.
    """
    eras = eras_of(study)
    found = []
    for edge in wider(eras[-1].space, best):
        change = f"{edge.name}.{edge.field}={edge.value}"
        try:
            space = with_changes(eras[-1].space, [change])
            check_space(study, eras, space)
        except UserMistake:
            continue
        found.append(Proposed(edge.text, change))
    return tuple(found)
