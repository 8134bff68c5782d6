"""Trials that were measured before their study began: imported ones, or those of an earlier study.

The search looks at them as at its own. They are not compared at the rungs of the study, and nothing trains them.
"""

from __future__ import annotations

import shlex
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from caviar.errors import ConfigError, StoreError
from caviar.files import working_folder
from caviar.machine import processors
from caviar.records import Config, Measurement, ProgramSpec, Study, StudyKind, Trial, TrialState
from caviar.records.metrics import smaller_is_better
from caviar.records.ranking import WORST, of_own_code, rank_key_of
from caviar.scheduling.halving import rungs_to
from caviar.search.contract import Compared
from caviar.search.given import Wish, read
from caviar.space import Space
from caviar.store import Store
from caviar.study.spec import EPOCHS, IMPORTED

_WITH_RESULT = (TrialState.FINISHED, TrialState.STOPPED)


def is_imported(study: Study) -> bool:
    """True for a study that was imported and not gone on with."""
    return study.search == IMPORTED and study.spec.program is None


def number_known(study: Study, trials: Sequence[Trial]) -> int:
    """The first number of the study's own trials; an import of an older version does not say it."""
    return max((trial.number + 1 for trial in trials), default=0) if is_imported(study) else study.spec.known


def check_same_study(there: Study, study: Study, free_name: Callable[[str], str]) -> None:
    """StoreError unless the store has ``study`` of ask and tell ``there``, in the same space."""
    search = study.search if there.search == IMPORTED else there.search
    same = there.spec.kind is StudyKind.ASKED
    same &= (there.seed, there.metric, search) == (study.seed, study.metric, study.search)
    if same and there.space == study.space:
        return
    if same and not is_imported(there):
        raise StoreError(
            f"study {study.name!r} has another space",
            f"change it, and go on with its trials: caviar.respace({study.name!r}, space), or in a terminal "
            f"caviar respace {shlex.quote(study.name)} --space FILE",
        )
    raise StoreError(
        f"the store has another study {study.name!r}, with another space, seed, goal or search",
        f"name this one otherwise: {free_name(study.name)!r}, say",
    )


@dataclass(frozen=True)
class Earlier:
    """Trials of an earlier study, numbered from 0, with what was measured of them, and a note that says so."""

    trials: tuple[Trial, ...]
    measured: tuple[tuple[int, int, Measurement], ...]
    note: str


def earlier_trials(store: Store, name: str, space: Space, metric: str) -> Earlier:
    """Those trials of study ``name`` that have a result and lie in ``space``, for a study by ``metric``.

    Raises StoreError where there is no such study, and ConfigError where its trials say nothing about this one.
    """
    record, found = store.study(name), store.trials(name)
    if not of_own_code(record.metric) or smaller_is_better(record.metric) != smaller_is_better(metric):
        raise ConfigError(
            f"study {name!r} is ranked by {record.metric}, and this one by {metric}",
            "trials that are known from the start have the same goal: `goal=minimize` for losses",
        )
    ended = [t for t in found if not t.repeat and t.state in (*_WITH_RESULT, TrialState.DIVERGED)]
    configs = [(trial, config) for trial in ended if (config := _in_space(space, trial.config)) is not None]
    if not configs:
        raise ConfigError(
            f"none of the {len(ended)} trials of study {name!r} that have a result lies in this space",
            "give a space that has its hyperparameters, with ranges that hold their values",
        )
    numbers = {trial.number: i for i, (trial, _) in enumerate(configs)}
    trials = tuple(
        trial._replace(number=i, config=config, origin=f"{name} {trial.number}")
        for i, (trial, config) in enumerate(configs)
    )
    measured = tuple((numbers[n], 0, m) for n, r, m in store.measurements(name) if not r and n in numbers)
    left = len(ended) - len(trials)
    others = f"; {left:,} others lie outside of this space" if left else ""
    return Earlier(trials, measured, f"{len(trials):,} trials of study {name!r} are known from the start{others}")


def create(store: Store, study: Study, known: str | None, space: Space, numbered: bool = False) -> Study:
    """Write the new ``study``, with the trials of the study ``known``, if there is one; the study as it is then.

    Its name is ``numbered`` where it may be and is taken.
    """
    if known is None:
        return store.create_study(study, numbered=numbered)
    earlier = earlier_trials(store, known, space, study.metric)
    count = len(earlier.trials)
    budget = study.spec.trials  # of trials that are to come, and from here on of all of them
    spec = replace(study.spec, known=count, trials=None if budget is None else budget + count)
    study = replace(study, spec=spec, notes=(*study.notes, earlier.note))
    return store.create_study(study, earlier.trials, earlier.measured, numbered)


def _in_space(space: Space, config: Config) -> Config | None:
    """``config`` as the space has it; None where it is not a whole one of the space."""
    try:
        wish = Wish(space, read(space, config), 0)
        return wish.config(0, None) if wish.whole else None
    except ConfigError:
        return None


def gone_on_with(study: Study, trials: Sequence[Trial], command: str | None, score: str | None, slots: int) -> Study:
    """An imported ``study`` as one of a function, or of a ``command`` in the working folder.

    Its trials have as many epochs as before.
    """
    program = ProgramSpec(
        command=command,
        folder=None if command is None else working_folder(),
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
        found.append(Compared(trial.number, trial.config, rung, rungs[rung], key, trial.origin))
    return found
