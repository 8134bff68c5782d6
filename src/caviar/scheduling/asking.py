"""Ask and tell, for training code that is not ours: every report is answered at once.

Notation
    rung     a number of epochs; the first report at or after it is compared with the others' there
    eta      a trial goes on if it is among the best of eta, of those that were compared at the rung so far

Whoever trains elsewhere cannot wait for others, so a decision here depends on the order in which reports come (ASHA:
Li et al., 2018), unlike a study's of our own (halving.py). The same calls in the same order give the same answers: a
session is taken up again by replaying them. No clock, no files.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

from caviar.errors import ConfigError
from caviar.records import Box, Config
from caviar.records.ranking import WORST, RankKey
from caviar.scheduling.halving import ETA
from caviar.search.contract import Compared, Proposal, Search

RUNGS = (1, 3, 9, 27, 81, 243, 729)
_UNJUDGED = 3  # comparisons of a rung that are let go on whatever they are: nobody is the best third of two

Rule = Literal["halving", "median", "none"]
TellState = Literal["finished", "stopped", "diverged"]


class Asked(NamedTuple):
    """A trial to train: its number, its config, and where that comes from."""

    number: int
    config: Config
    origin: str


class Asking:
    """``ask`` for trials, ``report`` how they go, ``tell`` what came of them."""

    def __init__(
        self, search: Search, larger_is_better: bool = True, rule: Rule = "halving", rungs: tuple[int, ...] = RUNGS
    ) -> None:
        """``rungs`` are epochs, rising; values are what is measured, a loss with ``larger_is_better=False``."""
        self.boxes: list[Box] = []
        self._search = search
        self._sign = 1.0 if larger_is_better else -1.0
        self._share = {"halving": 1.0 - 1.0 / ETA, "median": 0.5, "none": 0.0}[rule]
        self._rungs = rungs
        self._compared: list[list[Compared]] = [[] for _ in range(len(rungs) + 1)]  # the last: told when finished
        self._ordered: list[list[float]] = [[] for _ in rungs]  # of each rung, the worst first
        self._proposed: deque[Proposal] = deque()
        self._next_number = 0
        self._open: dict[int, Config] = {}
        self._next_rung: dict[int, int] = {}
        self._goes_on: dict[int, bool] = {}  # the last answer about each

    def ask(self, n: int = 1) -> list[Asked]:
        """The next ``n`` trials; fewer when the search has no more. ConfigError for a number below 1."""
        if n < 1:
            raise ConfigError(f"the number of trials to ask for must be at least 1, got {n}", "ask(1)")
        asked = []
        for _ in range(n):
            if not self._proposed:
                proposals, boxes = self._search.propose(self._next_number, self._compared)
                self._proposed.extend(proposals)
                self.boxes += boxes
            if not self._proposed:
                break
            proposal = self._proposed.popleft()
            number, self._next_number = self._next_number, self._next_number + 1
            self._open[number], self._next_rung[number], self._goes_on[number] = proposal.config, proposal.entry, True
            asked.append(Asked(number, proposal.config, proposal.origin))
        return asked

    def report(self, number: int, epoch: int, value: float) -> bool:
        """Trial ``number`` measured ``value`` after ``epoch`` (1, 2, ...): whether it should go on.

        NaN or infinity means that it diverged and should stop. ConfigError for a trial that is not open.
        """
        config = self._config(number)
        if epoch < 1:
            raise ConfigError(f"an epoch must be 1 or more, got {epoch}", "count epochs from 1")
        rank_key = self._rank_key(value)
        rung = self._next_rung[number]
        if rung < len(self._rungs) and (epoch >= self._rungs[rung] or rank_key == WORST):
            passed = max(bisect_right(self._rungs, epoch) - 1, rung)  # a report that skips rungs counts at the last
            self._next_rung[number] = passed + 1
            self._goes_on[number] = self._judge(passed, rank_key[0])
            self._compared[passed].append(Compared(number, config, passed, epoch, rank_key))
        if rank_key == WORST:
            self._goes_on[number] = False
        return self._goes_on[number]

    def tell(self, number: int, value: float | None, state: TellState = "finished") -> None:
        """Trial ``number`` is over with ``value``; NaN, infinity or None is a trial that diverged.

        Only those that finished are compared with others that did. ConfigError for a trial that is not open.
        """
        config = self._config(number)
        rank_key = WORST if state == "diverged" or value is None else self._rank_key(value)
        if state != "stopped" or rank_key == WORST:
            last = len(self._rungs)
            epoch = self._rungs[-1] if self._rungs else 1
            self._compared[last].append(Compared(number, config, last, epoch, rank_key))
        del self._open[number], self._next_rung[number], self._goes_on[number]

    def goes_on(self, number: int) -> bool:
        """The last answer about an open trial; True before the first. ConfigError for a trial that is not open."""
        self._config(number)
        return self._goes_on[number]

    def recall(self, number: int, config: Config, reports: Sequence[tuple[int, float]], value: float | None) -> None:
        """Learn from a trial of an earlier session: its (epoch, value) reports, and its last value if it finished.

        Trials are recalled in the order of their numbers, before the first is asked for.
        """
        self._next_number = number + 1
        self._open[number], self._next_rung[number], self._goes_on[number] = config, 0, True
        for epoch, reported in reports:
            self.report(number, epoch, reported)
        if value is None:
            del self._open[number], self._next_rung[number], self._goes_on[number]
        else:
            self.tell(number, value)

    def _judge(self, rung: int, rank_key: float) -> bool:
        """Whether a rank key is among the best of those at its rung, itself included."""
        ordered = self._ordered[rung]
        insort(ordered, rank_key)
        if len(ordered) <= _UNJUDGED:
            return True
        worse = bisect_left(ordered, rank_key)
        return worse >= math.floor(self._share * len(ordered))

    def _rank_key(self, value: float) -> RankKey:
        return (self._sign * value, 0.0) if math.isfinite(value) else WORST

    def _config(self, number: int) -> Config:
        if number in self._open:
            return self._open[number]
        if isinstance(number, int) and 0 <= number < self._next_number:
            raise ConfigError(f"trial {number} was told already", "report before tell, and tell once")
        raise ConfigError(f"there is no trial {number!r}", "report and tell trials that ask() gave")
