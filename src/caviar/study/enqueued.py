"""Configs that a person wants tried: those given at the start of a study, and those that come while it runs.

The store keeps them with the specification of the study, in the order in which they came. The trials that they became
have the origin "enqueued", so that a study that is resumed gives each the same number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from caviar.errors import ConfigError
from caviar.records import Config, StudyState, Trial, Value
from caviar.records.names import cleaned
from caviar.scheduling.strategy import ENQUEUED
from caviar.search.eras import Era
from caviar.search.given import Wish, parse, read
from caviar.space import Space
from caviar.store import Store
from caviar.store.process import person
from caviar.study.spec import StorePath


class Enqueued:
    """A Queue (scheduling/contract.py) of the wishes of one study."""

    def __init__(
        self,
        eras: Sequence[Era],
        seed: int,
        configs: Sequence[Config],
        trials: Iterable[Trial] = (),
        recalled: bool = False,
    ) -> None:
        """Give out ``configs``, those that became ``trials`` again with the same numbers.

        ``eras`` are the spaces of the study: a config that is not of today's is tried as one of the last that has it.

        ``recalled``: the earlier trials are not asked for again (ask and tell).
        """
        self.eras = tuple(eras)
        self._seed = seed
        self._configs = list(configs)
        own = [trial for trial in trials if not trial.repeat]
        self._numbers = sorted(trial.number for trial in own if trial.origin == ENQUEUED)
        self._begun = max((trial.number + 1 for trial in own), default=0)
        self._at = len(self._numbers) if recalled else 0

    def due(self, number: int) -> Wish | None:
        """See Queue: a wish that was no trial yet is due at once, after all trials that are known."""
        if self._at >= len(self._configs):
            return None
        known = self._at < len(self._numbers)
        if number != self._numbers[self._at] if known else number < self._begun:
            return None
        config = self._configs[self._at]
        return Wish(self._space_of(config, number), config, self._seed)

    def _space_of(self, config: Config, number: int) -> Space:
        """The last space before trial ``number`` that has ``config``."""
        spaces = [era.space for era in reversed(self.eras) if era.first_trial <= number]
        for space in spaces[:-1]:
            with suppress(ConfigError):
                read(space, config)
                return space
        return spaces[-1]

    def taken(self) -> None:
        """See Queue."""
        self._at += 1

    def take(self, configs: Sequence[Config]) -> None:
        """Take in what was enqueued by other processes: ``configs`` are all that the store has."""
        self._configs += configs[len(self._configs) :]


class Wished(NamedTuple):
    """A config that was enqueued, the number of those that wait, and True for a study that runs now."""

    config: dict[str, Value]
    waiting: int
    is_running: bool


def wish(
    study: str, config: Config | Sequence[str], store: StorePath, because: str = "", who: str | None = None
) -> Wished:
    """Have ``config``, or the one in texts such as "layers=2", tried as one of the next trials of ``study``.

    Raises ConfigError for one outside of its space.
    """
    with Store.open(store, create=False) as opened:
        record = opened.study(study)
        space = Space.from_dict(record.space)
        found = read(space, config if isinstance(config, Mapping) else parse(space, config))
        waiting = opened.enqueue(study, found, cleaned(who or person()), cleaned(because))
        runs = record.state is StudyState.RUNNING and bool(opened.leases.living(study))
    return Wished(found, waiting, runs)


def enqueue(study: str, config: Config, *, store: StorePath = "caviar.db") -> dict[str, Value]:
    """Have ``config`` tried as the next trial of a study that runs, or first of all when it goes on.

    config: values by name; the search fills in what it leaves out.

    Returns the config, with its values as the space has them. Raises ConfigError for one outside of the space.
    """
    return wish(study, config, store).config


def enqueued_once(store: Store, study: str, wished: Config) -> Callable[[], None]:
    """A transaction that enqueues ``wished``, and does so once where it is tried again because its end is unknown."""
    before: list[int] = []  # the wishes that were there when it was tried

    def once() -> None:
        there = store.spec(study).first
        if not before or wished not in there[before[0] :]:
            before[:] = [len(there)]
            store.enqueue(study, wished, person())

    return once
