"""A study is given another space by a person, while it rests or runs: ``caviar.respace`` and ``caviar respace``."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from caviar.analysis.space_changes import changes_of
from caviar.analysis.space_checks import check_space
from caviar.arguments import checked
from caviar.errors import ConfigError, SpaceError, StoreError
from caviar.executors.helpers import PATIENCE
from caviar.records import Config, InterventionState, Study, Trial, Value
from caviar.records.names import cleaned
from caviar.scale_rules import shown, take_value
from caviar.scales import Fixed
from caviar.search.eras import RESPACE, Era, eras_of, lacking, placed, values_of
from caviar.search.given import value_of
from caviar.space import Space
from caviar.store import Store
from caviar.store.process import person
from caviar.study.balance import balanced
from caviar.study.client import WAIT, intervene
from caviar.study.earlier import is_imported
from caviar.study.respacing import in_words
from caviar.study.spec import StorePath, space_of

_BLIND = ("random", "sobol", "grid")  # searches that look at no trials
_MIDDLE = np.array([0.5])


class Respaced(NamedTuple):
    """A change of a space: its first trial, None while a process has still to take it, and what changes, in words.

    ``fit`` counts the trials so far that lie in the new space, ``outside`` the others.
    """

    first_trial: int | None
    changes: tuple[str, ...]
    fit: int
    outside: int
    notes: tuple[str, ...]
    is_running: bool


@checked
def respace(
    study: str,
    space: Space | StorePath = None,
    values: Mapping[str, Value] | None = None,
    *,
    store: StorePath = "caviar.db",
) -> Respaced:
    """Change the space of a study: the trials from the next one on are proposed from ``space``.

    space: a Space or the path of a space file. Ranges may be wider or narrower, hyperparameters added, fixed or left
        out, choices and conditions others.
    values: by name, the values that the trials so far had of hyperparameters that are new. They need not lie in the
        space. Without a ``space`` it stays as it is, and the values are said, or said anew.

    Trials that lie in the new space still count: for the search, and for the answer. Of a hyperparameter that is left
    out they may have any value. All others are kept and shown. A study that runs takes the change up at its next trial;
    one that rests goes on in the new space, with ``caviar.resume`` or ``caviar.open_study``.

    Returns the first trial of the new space, the changes in words, and the numbers of trials so far that ``fit`` and
    that lie ``outside``. Raises UserMistake, and writes nothing, for a space that is no other or cannot be searched,
    and for a new hyperparameter without a value that the search needs.
    """
    if space is None and not values:
        raise ConfigError("there is no other space", "give `space=caviar.Space(...)`, or the path of a space file")
    return change_space(study, lambda now: now if space is None else space_of(space), values or {}, store)


def change_space(
    study: str,
    changed: Callable[[Space], Space],
    values: Mapping[str, Value] | Sequence[str],
    store: StorePath,
    because: str = "",
    who: str | None = None,
    wait: float = WAIT,
) -> Respaced:
    """Give ``study`` the space that ``changed`` makes of today's; ``values`` by name, or texts such as "layers=2"."""
    who, because = cleaned(who or person()), cleaned(because)
    with Store.open(store, create=False) as opened:
        plan = _plan(opened, study, changed, values)
        if plan.is_running:
            arguments = plan.arguments
        else:
            lease = opened.leases.take(study, PATIENCE)
            try:
                plan = _plan(opened, study, changed, values)  # its process may have ended only now
                asked = opened.intervene(study, RESPACE, plan.arguments, who, because)
                outcome = in_words(plan.begun, plan.changes)
                opened.answer(lease, asked.number, InterventionState.DONE, outcome, plan.begun)
            finally:
                opened.leases.leave(lease)
            return plan.done(plan.begun, False)
    asked = intervene(study, RESPACE, arguments, store, because, who, wait)
    return plan.done(asked.tick if asked.state is InterventionState.DONE else None, True)


@dataclass(frozen=True)
class _Plan:
    """A change that passed every check, before it is written; ``begun`` counts the trials that the store has."""

    arguments: dict[str, Any]
    changes: tuple[str, ...]
    fit: int
    outside: int
    notes: tuple[str, ...]
    begun: int
    is_running: bool

    def done(self, first_trial: int | None, is_running: bool) -> Respaced:
        return Respaced(first_trial, self.changes, self.fit, self.outside, self.notes, is_running)


def _plan(
    store: Store, name: str, changed: Callable[[Space], Space], values: Mapping[str, Value] | Sequence[str]
) -> _Plan:
    """Check a change of study ``name``. Raises UserMistake."""
    study = store.study(name)
    if is_imported(study):
        raise StoreError(
            f"study {name!r} was imported from Optuna and has not gone on: there is no search in its space",
            f"caviar.open_study(..., space, known={name!r}) begins one in another space with its trials",
        )
    if study.spec.retest is not None:
        raise StoreError(
            f"study {name!r} tests the answer of {study.spec.retest.of!r} again, in its space",
            f"change the space of that one: caviar respace {shlex.quote(study.spec.retest.of)}",
        )
    eras = eras_of(study)
    now = eras[-1].space
    space = changed(now)
    if study.spec.table is not None and study.spec.table.balance:
        space = balanced(space)
    check_space(study, eras, space)
    said = _values(space, values)
    era = Era(0, space, said)
    changes = changes_of(eras, era)
    if not changes:
        raise SpaceError(f"study {name!r} has this space already", "change a range, a choice or a condition in it")
    trials = [trial for trial in store.trials(name) if not trial.repeat]
    known = values_of([*eras, era])
    _check_values(study, now, space, said, known, trials)
    fit = sum(placed(space, known, trial.config) is not None for trial in trials)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in said.items()}
    return _Plan(
        arguments={"space": space.to_dict(), "values": plain},
        changes=tuple(changes),
        fit=fit,
        outside=len(trials) - fit,
        notes=tuple(_notes(name, now, space, known, trials, fit)),
        begun=max(max((trial.number + 1 for trial in trials), default=study.spec.known), eras[-1].first_trial),
        is_running=bool(store.leases.living(name)),
    )


def _values(space: Space, given: Mapping[str, Value] | Sequence[str]) -> dict[str, Value]:
    """The values that are ``given`` for earlier trials, which need not lie in the space."""
    if not isinstance(given, Mapping):
        if isinstance(given, str) or not all(isinstance(pair, str) for pair in given):
            raise ConfigError(f"`values` must be values by name, got {shown(given)}", "write {'momentum': 0.9}")
        return {name: value_of(name, space[name], text) for name, text in (_pair(space, pair) for pair in given)}
    found = {}
    for name, value in given.items():
        scale = space[name] if isinstance(name, str) else None
        if scale is None:
            raise ConfigError(f"`values` must be values by name, got {shown(given)}", "write {'momentum': 0.9}")
        try:
            found[name] = take_value(name, value)
        except SpaceError as mistake:
            raise ConfigError(mistake.rule, mistake.way_out) from None
    return found


def _pair(space: Space, pair: str) -> tuple[str, str]:
    name, equals, text = pair.partition("=")
    if not equals:
        raise ConfigError(f"`values` is written as name=value, got {shown(pair)}", f"such as {space.names[-1]}=...")
    space[name]  # its own error for a name that is not there
    return name, text


def _check_values(study: Study, now: Space, space: Space, said: Config, known: Config, trials: Sequence[Trial]) -> None:
    """Raise ConfigError where a value for earlier trials is missing that the search needs, or is of no use."""
    for name in said:
        if trials and all(name in trial.config for trial in trials):
            raise ConfigError(
                f"`values` is for hyperparameters that earlier trials lack, and all of them have {name}", "leave it out"
            )
    if study.search.partition(":")[0] in _BLIND:
        return
    for trial in trials:
        for name in lacking(space, known, trial.config):
            if name not in now:
                example = space[name].from_unit(_MIDDLE).tolist()[0]
                raise ConfigError(
                    f"{name} is new, and the search needs the value that the {len(trials):,} trials so far had of it",
                    f"give it, `values={{{name!r}: {example!r}}}` say; if none is right, search in a study of its own",
                )


def _notes(study: str, now: Space, space: Space, said: Config, trials: Sequence[Trial], fit: int) -> list[str]:
    """Sentences that a person should read."""
    notes = []
    gone = [name for name in now.names if name not in space and any(name in trial.config for trial in trials)]
    if gone and fit:
        notes.append(
            f"left out: {', '.join(gone)}. Earlier trials count whatever value they had of what is left out; to have "
            "only those of one value count, fix it instead"
        )
    lacks = Counter(name for trial in trials for name in lacking(space, said, trial.config))
    for name, count in lacks.items():
        notes.append(
            f"{count:,} trial{'s lack' if count > 1 else ' lacks'} {name}, and cannot count; to say which value of it "
            f"they had: caviar respace {shlex.quote(study)} --value {name}=..."
        )
    if trials and not fit:
        fixed = [name for name in space.names if isinstance(space[name], Fixed) and name in now.searched]
        why = f": {', '.join(fixed)} is fixed" if fixed else ""
        notes.append(f"no trial so far lies in the new space{why}; the search begins anew, and the trials are kept")
    return notes
