"""The spaces of a study whose space was changed, and its earlier trials as they are in a later space.

Notation
    era     a space, and the first trial that is proposed from it
    lacks   of a trial: a hyperparameter that applies to it in today's space, and that it was trained without

Trials before a change were proposed from the space of then, and later ones from the new one. So a study is replayed by
the numbers of its trials. The search of an era begins anew, with what was measured of earlier trials as evidence, as
far as these lie in its space. A trial's value of a hyperparameter that is no longer there is left out; for one that it
lacks a person says which value it had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from caviar.records import Box, Config, Study
from caviar.records.config import as_config
from caviar.scale_rules import Value, value_key
from caviar.search.contract import Compared, Evidence, Proposal, Search, Turn
from caviar.space import Space

RESPACE = "respace"
"""The kind of an intervention that changes the space."""

Make = Callable[[Space, int], Search]
"""Makes the search over a space, whose first box has the number after the given one."""


class Era(NamedTuple):
    """A space from trial ``first_trial`` on; ``values`` are those of hyperparameters that earlier trials lack."""

    first_trial: int
    space: Space
    values: Mapping[str, Value] = {}


class Placed(NamedTuple):
    """A trial's config as a later space has it, and the hyperparameters that the trial lacks."""

    config: Config
    lacks: frozenset[str] = frozenset()


def eras_of(study: Study) -> tuple[Era, ...]:
    """The eras of ``study``, the first one first."""
    changes = study.spec.respaced
    if not changes:
        return (Era(0, Space.from_dict(study.space)),)
    first = Era(0, Space.from_dict(changes[0].arguments["before"]))
    return (first, *(era_of(one.arguments, one.tick or 0) for one in changes))


def in_today(eras: Sequence[Era], space: Space) -> tuple[Era, ...]:
    """``eras`` with ``space`` as that of today; that space alone where there are none."""
    return (*eras[:-1], eras[-1]._replace(space=space)) if eras else (Era(0, space),)


def era_of(arguments: Mapping[str, Any], first_trial: int) -> Era:
    """The era that an intervention with these ``arguments`` asks for."""
    return Era(first_trial, Space.from_dict(arguments["space"]), as_config(dict(arguments.get("values") or {})))


def values_of(eras: Sequence[Era]) -> Config:
    """The values of all hyperparameters that some earlier trials lack; the last that was said of each."""
    found: dict[str, Value] = {}
    for era in eras:
        found |= era.values
    return found


def placed(space: Space, values: Config, config: Config) -> Placed | None:
    """``config`` as ``space`` has it, with ``values`` for what it lacks; None where it does not lie in the space."""
    whole = {**values, **config}
    found = {}
    for name, scale in space.scales.items():
        if not _applies(space, name, whole):
            continue
        if name not in whole or not scale.contains(whole[name]):
            return None
        found[name] = whole[name]
    if not space.fulfils(found):
        return None
    return Placed(found, frozenset(found.keys() - config.keys()))


def lacking(space: Space, values: Config, config: Config) -> list[str]:
    """The hyperparameters of ``space`` that apply to ``config``, which has no value of them, nor ``values``."""
    whole = {**values, **config}
    return [name for name in space.names if name not in whole and _applies(space, name, whole)]


def lies_in(eras: Sequence[Era]) -> Callable[[Config], bool]:
    """A function of a trial's config: True where it lies in the last of ``eras``."""
    space, values = eras[-1].space, values_of(eras)
    return lambda config: placed(space, values, config) is not None


def _applies(space: Space, name: str, config: Config) -> bool:
    """True where ``name`` applies to a ``config`` that may have hyperparameters which do not apply to it."""
    return all(
        other in config and value_key(config[other]) in map(value_key, values) and _applies(space, other, config)
        for other, values in (space[name].when or {}).items()
    )


def search_of(eras: Sequence[Era], make: Make, boxes: int = 0) -> Search:
    """The search of the last of ``eras``, after so many ``boxes``; it looks at the trials of all of them."""
    search = make(eras[-1].space, boxes)
    return InEra(search, eras) if len(eras) > 1 else search


def turns_of(eras: Sequence[Era], make: Make) -> list[Turn]:
    """The turns to the searches of all ``eras`` but the first."""
    return [Turn(eras[i].first_trial, partial(search_of, eras[: i + 1], make)) for i in range(1, len(eras))]


class InEra:
    """A search over the last of several spaces; see contract.Search. It gets earlier trials as its space has them."""

    def __init__(self, search: Search, eras: Sequence[Era]) -> None:
        self._search = search
        self._first_trial, self._space, _ = eras[-1]
        self._values = values_of(eras)
        self._taken: list[int] = []  # evidence that was looked at, by rung
        self._evidence: list[list[Compared]] = []
        self._has_opened = False

    def lag(self, number: int) -> int | None:
        """See Search."""
        return self._search.lag(number)

    def recall(self, config: Config) -> None:
        """See Search."""
        found = placed(self._space, self._values, config)
        self._search.recall(config if found is None else found.config)

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """See Search; the first boxes say that the space has changed."""
        self._taken = self._taken or [0] * len(evidence)
        self._evidence = self._evidence or [[] for _ in evidence]
        for rung, compared in enumerate(evidence):
            self._evidence[rung] += filter(None, map(self._as_here, compared[self._taken[rung] :]))
            self._taken[rung] = len(compared)
        proposals, boxes = self._search.propose(number, self._evidence)
        if boxes and not self._has_opened:
            self._has_opened = True
            why = f"the space is another from trial {self._first_trial} on"
            boxes = [replace(box, reason=f"{why}; {box.reason}") for box in boxes]
        return proposals, boxes

    def _as_here(self, one: Compared) -> Compared | None:
        """A comparison with the config as this space has it; the very same where that is equal."""
        found = placed(self._space, self._values, one.config)
        if found is None or (found.config == one.config and not found.lacks):
            return None if found is None else one
        return one._replace(config=found.config, lacks=found.lacks)
