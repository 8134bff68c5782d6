"""The winners of earlier studies that a new one begins with: looked up once, and kept with it from then on.

An earlier study is named as ``STUDY`` in the same store, or as ``STUDY@STORE`` in another, as in an address of mail: no
name of ours has an @, and a store may be a path or a URL. What is taken are configs. So the other study may be of
another table, program, framework or metric, or imported from Optuna; and nothing changes when it goes on or is deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from caviar.errors import ConfigError, StoreError
from caviar.ranges import brief
from caviar.records import Study, Trial, Winners
from caviar.records.ranking import WORST, rank_key_of
from caviar.records.study import TrialState
from caviar.search.transfer import charge, fitting
from caviar.space import Space
from caviar.store import Store
from caviar.study.spec import StorePath

MOST = 8  # configs that are taken from a study
_SHARE = 5  # of the budget: the work of one trial in so many is for the winners at the beginning
_OF_A_TABLE = 4  # winners at the beginning of a study of a table by time, which has hundreds of trials
_MORE = 3  # trials that are left to winners beside one that is trained to the end at once: else it is compared early
_RANKED = (TrialState.FINISHED, TrialState.STOPPED)


class Start(NamedTuple):
    """The winners that a study begins with: how many, and whether the first is trained to the end at once."""

    ahead: int = 1
    straight: bool = False


def start_within(trials: int | None, rungs: Sequence[int], stopping: str, of_a_table: bool) -> Start:
    """The start of a study with a budget of ``trials``, or of time: a fifth of the work, but at least one trial.

    A third as many where trials hold their slots: with none to compare them with, the first ones go far in any case.
    """
    if trials is None:
        return Start(_OF_A_TABLE, stopping != "none") if of_a_table else Start()
    if stopping == "none":
        return Start(max(trials // _SHARE, 1))
    if not of_a_table:
        return Start(max(trials // (3 * _SHARE), 1))
    left = trials / _SHARE - charge(len(rungs) - 1, len(rungs) - 1)
    return Start(1 + int(left)) if left >= _MORE else Start(max(trials // _SHARE, 1))


def taken(like: Sequence[str | Winners] | str, store: StorePath, space: Space, start: Start) -> tuple[Winners, ...]:
    """The winners of the studies that are named in ``like``, some of which are tried before anything else.

    What was taken before stays as it is. Raises StoreError where there is no such study, and ConfigError where it has
    nothing for this ``space``.
    """
    if isinstance(like, str):
        like = [like]
    if not isinstance(like, Iterable) or not all(isinstance(one, str | Winners) for one in like):
        raise ConfigError(
            f"`like` must be a list of the names of studies, got {brief(like)}", 'write `like=["flowers"]`'
        )
    if all(isinstance(one, Winners) for one in like):
        return tuple(one for one in like if isinstance(one, Winners))
    names = list(dict.fromkeys(one for one in like if isinstance(one, str)))
    found = [_winners(name, store) for name in names]
    for winners in found:
        if not fitting(space, winners):
            raise ConfigError(
                f"the best configs of study {winners.label!r} have nothing in common with this space",
                f"name another study, or give a space with {' or '.join(list(winners.configs[0])[:3])}",
            )
    labels = [winners.label for winners in found]
    return tuple(
        replace(
            winners,
            label=winners.label + f" ({labels[:i].count(winners.label) + 1})" * (winners.label in labels[:i]),
            ahead=len(range(i, min(start.ahead, MOST), len(found))),
            straight=start.straight and i == 0,
        )
        for i, winners in enumerate(found)
    )


def begun_like(name: str, like: Sequence[str] | str, store: StorePath, space: Space) -> tuple[Winners, ...]:
    """The same for study ``name`` of ask and tell, which keeps what it began with where it is taken up again."""
    with suppress(StoreError), Store.open(store, create=False) as opened:
        if name in opened.subjects.names():
            return opened.spec(name).like
    return taken(like, store, space, Start())


def _winners(name: str, store: StorePath) -> Winners:
    study, at, elsewhere = name.partition("@")
    if at and store is not None:
        with suppress(StoreError), Store.open(store, create=False) as opened:
            if name in opened.subjects.names():  # an imported one may be called so
                at, study = "", name
    return _of(elsewhere if at else store, study, bool(at))


def _of(store: StorePath, study: str, elsewhere: bool) -> Winners:
    """The best trials of a study: its answer, the other finalists, and then those that came farthest, by their rank."""
    if store is None:
        raise ConfigError(
            f"a store in memory is new, and has no study {study!r:.80}",
            f"name the store that has it: `like=[{study + '@caviar.db'!r:.80}]`",
        )
    with Store.open(store, create=False, read_only=elsewhere) as opened:
        label = f"{study}@{os.path.basename(opened.url)}" if elsewhere else study  # no password is in it
        record = opened.study(study)
        trials = [trial for trial in opened.trials(study) if not trial.repeat and trial.state in _RANKED]
    best = _best(record, [trial for trial in trials if rank_key_of(record.metric, trial) > WORST])
    if not best:
        raise ConfigError(
            f"no trial of study {label!r} has a result", "name one that was trained: caviar studies lists them"
        )
    return Winners(
        label=label, trials=tuple(trial.number for trial in best), configs=tuple(trial.config for trial in best)
    )


def _best(study: Study, trials: Sequence[Trial]) -> list[Trial]:
    result = study.result
    chosen = [] if result is None else [result.best.trial, *(one.trial for one in result.finalists or ())]

    def rank(trial: Trial) -> tuple[int, bool, int, tuple[float, ...], int]:
        place = -chosen.index(trial.number) if trial.number in chosen else -len(chosen) - 1
        finished = trial.state is TrialState.FINISHED
        return place, finished, trial.epochs, rank_key_of(study.metric, trial), -trial.number

    return sorted(trials, key=rank, reverse=True)[:MOST]
