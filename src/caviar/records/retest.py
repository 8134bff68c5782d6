"""The nouns of a test of an old answer on today's data: the recipe of the answer, differences, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

KEEP, RETRAIN, RETUNE, UNCLEAR = "keep", "retrain", "retune", "unclear"
"""The verdicts."""


@dataclass(frozen=True, kw_only=True)
class RetestSpec:
    """The answer that is tested again: that of the study ``of``, whose ``model`` is a path.

    The configs are the first ones of the specification: of each the ``epochs`` that it trains, and the share that it
    has in the answer, 0 for a finalist that is no part of it.
    """

    of: str
    model: str | None = None
    epochs: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The specification that ``asdict`` made plain."""
        plain = _known(cls, record)
        return cls(**plain | {name: tuple(plain.get(name) or ()) for name in ("epochs", "shares")})


@dataclass(frozen=True, kw_only=True)
class Difference:
    """By how much one is better than another on so many ``rows``, with its 95 % interval; below 0 where it is worse.

    ``score`` and ``other`` are the scores of both in the study's metric. ``by_rows`` and ``by_luck`` are halves of the
    interval: that of a paired bootstrap over rows, and that of the luck of the trainings of today. ``by_old`` is the
    latter with the luck of the old weights, which are one training too. Below the ``margin`` a difference is not worth
    acting upon.
    """

    mean: float
    low: float
    high: float
    margin: float
    rows: int
    by_rows: float
    by_luck: float
    by_old: float
    score: float
    other: float

    @property
    def acts(self) -> bool:
        """True where it is surely better, by enough, and by more than old weights without luck would explain."""
        return self.low > 0 and self.mean >= self.margin and self.mean > self.by_chance

    @property
    def by_chance(self) -> float:
        """The largest difference to be expected where nothing has changed."""
        return math.hypot(self.by_rows, self.by_old)

    @property
    def keeps(self) -> bool:
        """True where it is surely not better by enough."""
        return self.high < self.margin


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and the software then and now: sentences on what has ``changed``, what is the ``same``, what is
    ``unknown``; and the ``facts`` that they are made from."""

    changed: Sequence[str] = ()
    same: Sequence[str] = ()
    unknown: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Retest:
    """The ``verdict`` on the answer of the study ``of``, and ``why``.

    ``old``, ``retrained`` and ``new`` are three answers: as it was, the same recipe trained today, and the best recipe
    of today; each with its configs, their shares, and its ``score``. ``differences`` are by the names "weights",
    retrained beside old; "configs", new beside retrained; "both", new beside old; ``difference`` names the one that the
    verdict rests on. ``needed`` has the "rows" or the "seconds" that would tell. ``drift`` is the object of
    ``caviar drift``, where the data is new.
    """

    of: str
    model: str | None
    verdict: str
    why: str
    metric: str
    old: Mapping[str, Any]
    retrained: Mapping[str, Any]
    new: Mapping[str, Any]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    difference: str | None = None
    needed: Mapping[str, Any] = field(default_factory=dict)
    environment: Environment = field(default_factory=Environment)
    drift: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The verdict that ``asdict`` made plain."""
        plain = _known(cls, record)
        named = {name: Difference(**_known(Difference, one)) for name, one in plain["differences"].items()}
        environment = Environment(**_known(Environment, plain["environment"]))
        return cls(**plain | {"differences": named, "environment": environment, "notes": tuple(plain["notes"])})

    def to_record(self) -> dict[str, Any]:
        """Plain data: the JSON object of ``caviar retest``, with what the store needs besides."""
        return asdict(self)


def _known(noun: type, record: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(noun)}
    return {name: value for name, value in record.items() if name in names}
