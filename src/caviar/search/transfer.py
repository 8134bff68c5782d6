"""A search mixed with what earlier studies found: their winners first, then draws from the boxes around them.

Notation
    winners    the best configs of an earlier study, as they fit this space, the best first
    proven     a trial that follows a study, and was better than most others at the highest rung that tells

Another problem may want other configs, so earlier studies spend on credit: of the work on n trials at most a fifth is
for unproven ones of theirs (at the beginning for as many as ``ahead``, a fifth of the budget). A trial that proves good
costs nothing, so the next follows it. The share of the draws of a good study grows to a half of all; where it misleads
it stays a fifth. The search that they are mixed with does not look at unproven trials: a bad winner moves no box. A
trial is charged for the epochs that halving gives to one that is first compared at its rung; see ``charge``.

Source: Mallik and others, PriorBand: practical hyperparameter optimization in the age of deep learning, 2023. It mixes
random draws, a person's prior and the best trials by their worth so far. Ours differs: the prior is a box around past
winners, and its share follows from single trials, each compared with the last others at its rung, so that it is a
function of rank keys and trial numbers.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from caviar.errors import ConfigError
from caviar.randomness import Purpose, generator, stream_key
from caviar.records import Box, Config, Winners
from caviar.records.ranking import WORST, RankKey
from caviar.scales import Choice
from caviar.search.contract import Compared, Evidence, Proposal, Search
from caviar.search.feasible import draw
from caviar.search.fitting import fitted
from caviar.search.given import Wish
from caviar.search.region import Region, half_cell
from caviar.search.slow_starters import slow_starters
from caviar.space import Space

LIKE = "like "
"""The origins of trials that follow an earlier study begin with this."""

_AT_ONCE = 32  # draws from a box that are made together: a draw costs microseconds then
ETA = 3  # one trial in so many goes on from a rung to the next, which has so many times its epochs


@dataclass(frozen=True)
class Mix:
    """Settings of the mixture; the values were measured on LCBench (docs/transfer.md)."""

    tried: int = 3  # winners of a study that are tried as they are, before the draws from its box
    share: float = 0.2  # of the work: at most so much is for unproven trials
    better: float = 0.8  # of the other trials: a trial that beats them has proved good
    fewest: int = 3  # other trials at a rung that say enough
    compared_with: int = 64  # other trials, the last ones at the rung
    looked_at: int = 64  # trials, the last ones, that can still prove good
    margin: float = 1.0  # of the box's width, over the number of winners in it
    skipped_rungs: int = 2  # draws of a study that has proved good are first compared this many rungs before the last
    smallest_round: int = 4
    largest_round: int = 128
    round_share: float = 0.125  # of the trials so far


def origin_of(label: str, trial: int | None = None) -> str:
    """The origin of a draw around the winners of the study with that ``label``, or of the winner that is ``trial``."""
    return f"{LIKE}{label}" if trial is None else f"{LIKE}{label}: trial {trial}"


class Fit(NamedTuple):
    """A winner as it fits this space: the search fills in the rest of the config."""

    trial: int
    config: Config


def fitting(space: Space, winners: Winners) -> list[Fit]:
    """Those of ``winners`` that have something in common with ``space``, once each, and can fulfil its constraints."""
    found: list[Fit] = []
    for trial, config in zip(winners.trials, winners.configs, strict=True):
        fit = fitted(space, config).config
        if not fit or fit in [one.config for one in found]:
            continue
        try:
            if space.constraints:
                Wish(space, fit, 0).config(0, None)
        except ConfigError:
            continue
        found.append(Fit(trial, fit))
    return found


@dataclass(eq=False)
class _Source:
    """An earlier study: its winners that wait, the box around all of them, and how its trials fared."""

    label: str
    waiting: deque[Fit]
    region: Region | None
    draws: deque[tuple[Config, bool]] = field(default_factory=deque)  # from the box; True for slow starters
    proposed: int = 0
    good: set[int] = field(default_factory=set)  # trials that have proved good, by number

    @property
    def worth(self) -> float:
        """The share of its trials that proved good; as if one of five had while there are none."""
        return (len(self.good) + 1) / (self.proposed + 5)


@dataclass(eq=False)
class _Follower:
    """A trial that follows a study, and where it was compared, the highest rung last."""

    number: int
    source: _Source
    charge: float
    compared: list[Compared] = field(default_factory=list)
    shown: bool = False  # to the search


class Transfer:
    """A ``search`` mixed with trials that follow earlier studies; see contract.Search."""

    def __init__(
        self, search: Search, space: Space, seed: int, like: Sequence[Winners], mix: Mix | None = None
    ) -> None:
        self._search = search
        self._space = space
        self._seed = seed
        self._mix = mix or Mix()
        self._sources = [self._source(winners) for winners in like]
        self._by_origin: dict[str, _Source] = {}
        for source, winners in zip(self._sources, like, strict=True):
            self._by_origin |= dict.fromkeys((origin_of(winners.label, n) for n in (None, *winners.trials)), source)
        self._ahead = sum(winners.ahead for winners in like)
        self._is_straight = any(winners.straight for winners in like)
        self._first: int | None = None  # the number of the study's first trial
        self._here = 0  # that of the first trial that is proposed here
        self._recalled = 0
        self._waiting: deque[Proposal] = deque()  # of the search
        self._followers: dict[int, _Follower] = {}
        self._looked_at: deque[_Follower] = deque()
        self._unseen: deque[float] = deque()  # charges of trials that were proposed, and not compared yet
        self._lost = 0.0  # charges of unproven ones that are not looked at any more
        self._unproven = 0.0  # charges of all unproven ones
        self._others: list[_Last] = []  # by rung
        self._taken: list[int] = []  # evidence that was looked at, by rung
        self._shown: list[list[Compared]] = []  # the evidence for the search

    def lag(self, number: int) -> int | None:
        """The search's; a round for one that looks at no trials."""
        lag = self._search.lag(number)
        return self._round(number) if lag is None else lag

    def recall(self, config: Config) -> None:
        """See Search: a winner that was tried is not tried again."""
        self._recalled += 1
        for source in self._sources:
            source.waiting = deque(fit for fit in source.waiting if not fit.config.items() <= config.items())
        self._search.recall(config)

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """A round of the search, and between its proposals those that follow the studies."""
        begins = self._first is None
        if begins:
            self._here = number
        self._take(evidence)
        if begins:  # after a change of the space others have followed before
            self._first = min([number - self._recalled, *self._followers])
        assert self._first is not None
        boxes: list[Box] = []
        if not self._waiting:
            proposals, boxes = self._search.propose(number, self._shown)
            self._waiting.extend(proposals)
        found: list[Proposal] = []
        last = len(evidence) - 1
        for _ in range(min(self._round(number), len(self._waiting))):
            own = self._waiting.popleft()
            while (following := self._follow(number + len(found), own, last)) is not None:
                found.append(following)
                if number + len(found) - self._first >= self._ahead:
                    break  # a half of the trials is the search's own
            found.append(own)
        return found, boxes

    def _follow(self, number: int, own: Proposal, last: int) -> Proposal | None:
        """The trial ``number`` that follows a study, if one may; ``own`` of the search fills in what is not known."""
        assert self._first is not None
        source = self._next_source()
        if source is None:
            return None
        begun = number - self._first + 1
        entry = max(last - self._mix.skipped_rungs, 0) if source.good else 0
        entry = last if self._is_straight and begun == 1 else entry
        work = charge(entry, last)
        if begun > self._ahead and self._unproven + work > begun * self._mix.share:
            return None
        proposal = self._winner(source, number, own) if source.waiting else self._near(source, number)
        if proposal is None:
            return None
        source.proposed += 1
        self._unseen.append(work)
        self._unproven += work
        return proposal._replace(entry=entry)

    def _next_source(self) -> _Source | None:
        """The study that is followed next: each once at first, then the one whose trials proved good most often."""
        able = [source for source in self._sources if source.waiting or source.region is not None]
        return max(able, key=lambda source: (not source.proposed, source.worth), default=None)

    def _winner(self, source: _Source, number: int, own: Proposal) -> Proposal | None:
        fit = source.waiting.popleft()
        wish = Wish(self._space, fit.config, self._seed)
        try:
            config = wish.config(number, own.config)
        except ConfigError:  # with what the search fills in no constraint is fulfilled
            return None
        return Proposal(config, origin_of(source.label, fit.trial), 0, wish.is_slow(config))

    def _near(self, source: _Source, number: int) -> Proposal | None:
        assert source.region is not None
        if not source.draws:
            stream = generator(stream_key(self._seed, Purpose.REDRAWS, number, 1 + self._sources.index(source)))
            points = source.region.place(stream.random((_AT_ONCE, len(self._space.searched))))
            slow = slow_starters(self._space, points).tolist()
            source.draws.extend(zip(self._space.from_unit(points), slow, strict=True))
        config, is_slow = source.draws.popleft()
        if not self._space.fulfils(config):
            found = draw(self._space, self._seed, number, source.region.place)
            if found is None:
                return None
            config, is_slow = found[1], bool(slow_starters(self._space, found[0][None])[0])
        return Proposal(config, origin_of(source.label), 0, is_slow)

    def _take(self, evidence: Evidence) -> None:
        """Look at the new evidence: which followers proved good; these and all others are evidence for the search."""
        if not self._taken:
            self._taken = [0] * len(evidence)
            self._shown = [[] for _ in evidence]
            self._others = [_Last(self._mix.compared_with) for _ in evidence]
        for rung, compared in enumerate(evidence):
            for one in compared[self._taken[rung] :]:
                source = self._by_origin.get(one.origin)
                if source is None:
                    self._others[rung].add(one.rank_key)
                    self._shown[rung].append(one)
                else:
                    self._take_follower(source, one)
            self._taken[rung] = len(compared)
        for follower in self._looked_at:
            if self._is_good(follower):
                follower.source.good.add(follower.number)
                if not follower.shown:
                    follower.shown = True
                    for one in follower.compared:
                        self._shown[one.rung].append(one)
            else:
                follower.source.good.discard(follower.number)
        while len(self._looked_at) > self._mix.looked_at:
            oldest = self._looked_at.popleft()
            self._lost += oldest.charge * (oldest.number not in oldest.source.good)
        looked_at = sum(f.charge for f in self._looked_at if f.number not in f.source.good)
        self._unproven = self._lost + sum(self._unseen) + looked_at

    def _take_follower(self, source: _Source, one: Compared) -> None:
        follower = self._followers.get(one.number)
        if follower is None:
            is_of_before = one.number < self._here or not self._unseen  # of an earlier session
            if is_of_before:
                source.proposed += 1
                untried = (fit for fit in source.waiting if origin_of(source.label, fit.trial) != one.origin)
                source.waiting = deque(untried)
            follower = _Follower(one.number, source, 1.0 if is_of_before else self._unseen.popleft())
            self._followers[one.number] = follower
            self._looked_at.append(follower)
        follower.compared.append(one)
        if follower.shown:
            self._shown[one.rung].append(one)

    def _is_good(self, follower: _Follower) -> bool:
        """True where it beats most others at the highest of its rungs that has enough of them."""
        for one in reversed(follower.compared):
            others = self._others[one.rung]
            if len(others.ranked) >= self._mix.fewest:
                return one.rank_key > WORST and others.beaten_by(one.rank_key) >= self._mix.better
        return False

    def _round(self, number: int) -> int:
        mix = self._mix
        return int(min(max(number * mix.round_share, mix.smallest_round), mix.largest_round))

    def _source(self, winners: Winners) -> _Source:
        fits = fitting(self._space, winners)
        region = None
        if len(fits) > 1:
            scales = [self._space[name] for name in self._space.searched]
            choices = {j: len(scale.choices) for j, scale in enumerate(scales) if isinstance(scale, Choice)}
            half_cells = np.array([half_cell(scale) for scale in scales])
            points = self._space.to_unit([fit.config for fit in fits])
            region = Region.around(points, choices, half_cells, self._mix.margin)
        return _Source(winners.label, deque(fits[: self._mix.tried]), region)


class _Last:
    """The rank keys of the last trials at a rung, at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_turn: deque[RankKey] = deque()
        self.ranked: list[RankKey] = []
        """The worst first."""

    def add(self, key: RankKey) -> None:
        """Add the next one."""
        self._in_turn.append(key)
        insort(self.ranked, key)
        if len(self._in_turn) > self._most:
            del self.ranked[bisect_left(self.ranked, self._in_turn.popleft())]

    def beaten_by(self, key: RankKey) -> float:
        """The share of them that ``key`` is better than."""
        return bisect_left(self.ranked, key) / len(self.ranked)


def charge(entry: int, last: int) -> float:
    """The work on a trial that is first compared at rung ``entry``, in trials that are first compared at the lowest.

    A rung has three times the epochs of the one below it, and a third of its trials go on.
    """
    return float(ETA**entry * (1 + (last - entry) * (ETA - 1) / ETA) / (1 + last * (ETA - 1) / ETA))
