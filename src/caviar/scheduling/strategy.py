"""A study's decisions as one machine without a clock: which task is next, and which trial is over.

Notation
    task       a piece of training: one trial, on until an epoch at which it is compared
    evidence   the comparisons that a proposal may look at

A `Strategy` joins a search, which proposes configs, with a ladder of rungs, which decides who goes on. Its tasks may be
reported in any order, from any number of threads, processes or machines.

A search that learns from the trials looks at the evidence of a fixed window: the first so many comparisons of each
rung, counted from the trial that is to be proposed. `next` gives None while one of them is still being trained.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import accumulate
from typing import Literal, get_args

from caviar.records import Box, Config, Ended, Task
from caviar.records.ranking import RankKey
from caviar.scheduling.asha import Asha
from caviar.scheduling.contract import Decision, Ladder, Queue
from caviar.scheduling.halving import ETA, Halving
from caviar.search.contract import Compared, Proposal, Search, Turn

Stopping = Literal["halving", "hyperband", "median", "none"]
STOPPINGS: tuple[Stopping, ...] = get_args(Stopping)

ENQUEUED = "enqueued"
"""The origin of a trial that a person wished for."""

_GOLDEN = (5**0.5 - 1) / 2


class Strategy:
    """A Scheduler of the trials of one study."""

    def __init__(
        self,
        search: Search,
        rungs: tuple[int, ...],
        *,
        trials: int | None = None,
        stopping: Stopping = "halving",
        pool: int = 1,
        slots: int | None = None,
        at_once: bool = False,
        known: Sequence[Compared] = (),
        first_number: int = 0,
        queue: Queue | None = None,
        last_look: Callable[[], object] = lambda: None,
        turns: Sequence[Turn] = (),
    ) -> None:
        """Begin no new trial after ``trials`` of them; None goes on until ``close``.

        pool: trials that may wait at one rung of one ladder; ``places`` counts the rungs at which they can.
        slots: trials trained at once where none can wait without its slot (see asha.py); None where they can.
        at_once: decide about a trial in the moment of its report, in the order in which reports come (ask and tell).
        known: comparisons from before the study, which the search looks at.
        first_number: the number of the first trial of the study's own.
        queue: the configs that a person wants tried.
        last_look: called before no new trial is begun any more: it may still ``extend`` the search, or ``turn`` it.
        turns: the turns to other searches, by rising numbers of trials.
        """
        self.rungs = rungs
        self.boxes: list[Box] = []
        self._search = search
        self._stopping = stopping
        self._ladders = [_ladder(rungs[entry:], stopping, pool, slots, at_once) for entry in range(len(rungs))]
        self._entered: list[list[int]] = [[] for _ in rungs]  # the trials of each ladder
        self._ladder_of: dict[int, int] = {}  # by trial
        self._evidence: list[list[Compared]] = [[] for _ in rungs]
        for compared in known:
            self._evidence[compared.rung].append(compared)
        self._seen = [[0] * len(ladder.reached()) for ladder in self._ladders]  # comparisons that are evidence already
        self._closed = False
        self._most = trials
        self._proposed: deque[Proposal] = deque()
        self._known: dict[int, Proposal] = {}
        self._going_on: list[tuple[int, int, int]] = []  # a heap of (trial, from_epoch, to_epoch)
        self._endings: list[Ended] = []
        self._begun = first_number
        self.queue = queue
        self._last_look = last_look
        self._turns = deque(turns)
        self._open = 0  # tasks given and not yet reported

    @property
    def begun(self) -> int:
        """Trials begun so far, those from before the study included."""
        return self._begun

    @property
    def over(self) -> bool:
        """See Scheduler."""
        return self._closed and not self._open and not self._going_on

    def next(self, room: int = 1) -> Task | None:
        """See Scheduler: those that go on before new trials, the oldest first."""
        if not room and not self._going_on:
            return None
        self._take_turn()
        if not self._going_on and not self._closed and not self._grant():
            return None
        if not self._going_on and not self._closed and not self._more():
            if not self._waits():
                self._last_look()
                self._take_turn()
            if not self._more():
                if self._waits():
                    return None
                self.close()
        if self._going_on:
            self._open += 1
            number, from_epoch, to_epoch = heappop(self._going_on)
            proposal = self._known[number]
            return Task(number, 0, proposal.config, from_epoch, to_epoch, None, proposal.origin)
        if self._closed:
            return None
        number, self._begun = self._begun, self._begun + 1
        proposal = self._known[number] = self._proposed.popleft()
        entry = entry_rung(self._stopping, number, proposal, self.rungs)
        self._ladder_of[number] = entry
        self._entered[entry].append(number)
        self._open += 1
        to_epoch = self._ladders[entry].enter(number, proposal.slow)
        return Task(number, 0, proposal.config, 0, to_epoch, None, proposal.origin)

    def adopt(self, config: Config, origin: str) -> Task:
        """Begin the next trial with a config that the search did not propose; its first task."""
        self._search.recall(config)
        self._proposed.appendleft(Proposal(config, origin))
        task = self.next()
        assert task is not None
        return task

    def report(self, task: Task, rank_key: RankKey) -> list[Ended]:
        """See Scheduler."""
        self._open -= 1
        ladder = self._ladder_of[task.trial]
        self._carry_out(ladder, self._ladders[ladder].report(task.trial, task.to_epoch, rank_key))
        return self.take_ended()

    def close(self) -> None:
        """See Scheduler."""
        if not self._closed:
            self._closed = True
            for entry, ladder in enumerate(self._ladders):
                self._carry_out(entry, ladder.close())

    def extend(self, trials: int) -> bool:
        """Begin new trials until there are ``trials`` of them; False where it is closed already."""
        if not self._closed:
            self._most = trials
        return not self._closed

    def turn(self, turn: Turn) -> None:
        """Have another search propose from a trial on that has not begun."""
        self._turns.append(turn)

    def take_ended(self) -> list[Ended]:
        """See Scheduler."""
        endings, self._endings = self._endings, []
        return endings

    def reached(self) -> tuple[int, ...]:
        """See Scheduler."""
        counts = [0] * len(self.rungs)
        for entry, ladder in enumerate(self._ladders):
            for rung, count in enumerate(ladder.reached(), entry):
                counts[rung] += count
        return tuple(counts)

    def _take_turn(self) -> None:
        """Turn to the search of the next trial, where it is another; what the one before has proposed is dropped."""
        due = None
        while self._turns and self._turns[0].first_trial <= self._begun:
            due = self._turns.popleft()
        if due is not None:
            self._search = due.search(len(self.boxes))
            self._proposed.clear()
            for proposal in self._known.values():
                self._search.recall(proposal.config)

    def _grant(self) -> bool:
        """Propose the wish that is due as the next trial, if there is one; False while it waits for the search."""
        wish = None
        if self.queue is not None and (self._most is None or self._begun < self._most):
            wish = self.queue.due(self._begun)
        if self.queue is None or wish is None:
            return True
        proposal = None
        if not wish.whole:
            if not self._more() and self._waits():
                return False
            proposal = self._proposed.popleft().config if self._proposed else None
        config = wish.config(self._begun, proposal)
        self._proposed.appendleft(Proposal(config, ENQUEUED, 0, wish.is_slow(config)))
        self.queue.taken()
        return True

    def _more(self) -> bool:
        """True where there is a new trial to begin now."""
        if self._most is not None and self._begun >= self._most:
            return False
        if not self._proposed and not self._waits():
            self._see()
            proposals, boxes = self._search.propose(self._begun, self._evidence)
            self._proposed.extend(proposals)
            self.boxes += boxes
        return bool(self._proposed)

    def _waits(self) -> bool:
        """True while a comparison is missing that the next proposals may look at."""
        if self._proposed or (self._most is not None and self._begun >= self._most):
            return False
        return any(
            have < need
            for ladder, window in zip(self._ladders, self._windows(), strict=True)
            for have, need in zip(ladder.reached(), window, strict=True)
        )

    def _windows(self) -> list[list[int]]:
        """Count the comparisons that the next proposals look at, for each rung of each ladder."""
        lag = self._search.lag(self._begun)
        if lag is None:
            return [[0] * len(seen) for seen in self._seen]
        until = self._begun - lag
        return [
            ladder.certain(bisect_left(entered, until))
            for ladder, entered in zip(self._ladders, self._entered, strict=True)
        ]

    def _see(self) -> None:
        """Add what the next proposals may look at to the evidence, and look at nothing twice."""
        for entry, (ladder, window) in enumerate(zip(self._ladders, self._windows(), strict=True)):
            for at, until in enumerate(window):
                rung = entry + at
                self._evidence[rung] += [
                    Compared(number, known.config, rung, self.rungs[rung], rank_key, known.origin)
                    for number, rank_key in ladder.compared[at][self._seen[entry][at] : until]
                    for known in (self._known[number],)
                ]
                self._seen[entry][at] = max(until, self._seen[entry][at])

    def _carry_out(self, entry: int, decisions: Sequence[Decision]) -> None:
        for number, at, to_epoch in decisions:
            if to_epoch is not None:
                heappush(self._going_on, (number, self.rungs[entry + at], to_epoch))
            else:
                self._endings.append(Ended(number, stopped=entry + at < len(self.rungs) - 1))


def _ladder(rungs: tuple[int, ...], stopping: Stopping, pool: int, slots: int | None, at_once: bool) -> Ladder:
    """The ladder of a stopping rule: halving with a pool where trials can wait, asynchronous halving elsewhere."""
    if at_once:
        return Asha(rungs, eta=2 if stopping == "median" else ETA, by_arrival=True)
    if slots is None or stopping == "median":  # nobody waits under the median rule either
        return Halving(rungs, pool=pool, median=stopping == "median")
    return Asha(rungs, slots)


def entry_rung(stopping: Stopping, number: int, proposal: Proposal, rungs: tuple[int, ...]) -> int:
    """The rung, counted from 0, at which trial ``number`` is compared first.

    Halving and the median rule leave it to the search. Hyperband's brackets (Li et al., 2017) get the same number of
    epochs each. The trial's number fixes its bracket: the golden ratio's multiples are spread evenly.
    """
    last = len(rungs) - 1
    if stopping == "none":
        return last
    if stopping != "hyperband":
        return min(proposal.entry, last)
    shares = list(accumulate(1.0 / (epoch * (len(rungs) - rung)) for rung, epoch in enumerate(rungs)))
    return min(bisect_right(shares, number * _GOLDEN % 1.0 * shares[-1]), last)


def places(rungs: int) -> int:
    """Count the rungs at which trials can wait, in all ladders together: one ladder begins at each of the ``rungs``."""
    return max(rungs * (rungs - 1) // 2, 1)
