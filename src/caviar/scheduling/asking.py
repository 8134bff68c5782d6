"""Ask and tell over a Strategy: the user's own code trains, and every report gets its answer at once.

The same calls in the same order give the same answers, so a session is resumed by replaying them. No clock, no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from caviar import other_tuners
from caviar.arguments import check_whole
from caviar.errors import ConfigError
from caviar.ranges import RANGES, brief, check_range
from caviar.records import Box, Config, Task
from caviar.records.ranking import WORST, RankKey
from caviar.scheduling.contract import Queue
from caviar.scheduling.strategy import Strategy
from caviar.search.contract import Compared, Search, Turn

RUNGS = (1, 3, 9, 27, 81, 243, 729)
MOST_RUNGS = 64
Rule = Literal["halving", "median", "none"]
TellState = Literal["finished", "stopped", "diverged", "infeasible"]


class Asked(NamedTuple):
    """A trial to train: its number, its config, and the source of that."""

    number: int
    config: Config
    origin: str

    def __getattr__(self, name: str) -> Any:
        """Raise AttributeError, with our name for one that other tuners have."""
        raise other_tuners.attribute("a trial that was asked for", "asked trial", name)


class AskedTrials(list[Asked]):
    """The trials that were asked for, a list."""

    if not TYPE_CHECKING:  # a type checker knows the attributes

        def __getattr__(self, name: str) -> Any:
            """Raise AttributeError, with a word for those who expect a single trial."""
            raise other_tuners.attribute("a list of trials", "asked trials", name)


def checked_rungs(rungs: Sequence[int]) -> tuple[int, ...]:
    """The ``rungs`` of a study that is asked. Raises ConfigError unless they are whole numbers that rise from 1 on."""
    found = tuple(rungs)
    for rung in found:
        check_whole("rungs", rung, "write `rungs=(1, 3, 9, 27)`")
    if not found or len(found) > MOST_RUNGS or found[0] < 1 or any(b <= a for a, b in pairwise(found)):
        raise ConfigError(
            f"`rungs` are 1 to {MOST_RUNGS} numbers of epochs that rise, got {brief(rungs)}",
            "write `rungs=(1, 3, 9, 27)`",
        )
    return tuple(map(int, found))


class Asking:
    """``ask`` for trials, ``report`` their measurements, ``tell`` their end."""

    def __init__(
        self,
        search: Search,
        rule: Rule = "halving",
        rungs: tuple[int, ...] = RUNGS,
        known: Sequence[Compared] = (),
        first_number: int = 0,
    ) -> None:
        """``rungs`` are epochs, rising; ``known`` and ``first_number`` as in Strategy."""
        self._strategy = Strategy(search, rungs, stopping=rule, at_once=True, known=known, first_number=first_number)
        self._tasks: dict[int, Task | None] = {}  # of each open trial; None where it has nothing more to be compared at
        self._goes_on: dict[int, bool] = {}  # the last answer about each

    @property
    def boxes(self) -> list[Box]:
        """The boxes that the search has opened so far."""
        return self._strategy.boxes

    @property
    def begun(self) -> int:
        """Trials asked for so far, those from before the study included."""
        return self._strategy.begun

    def turn(self, turn: Turn) -> None:
        """Have another search propose from a trial on that was not asked for."""
        self._strategy.turn(turn)

    def wishes(self, queue: Queue) -> None:
        """Ask for the configs of ``queue``, too; the trials of an earlier session are recalled before."""
        self._strategy.queue = queue

    def ask(self, n: int = 1) -> list[Asked]:
        """The next ``n`` trials; fewer when the search has no more. ConfigError for a number below 1."""
        check_whole("n", n, "write `n=1`, the number of trials to ask for")
        check_range("n", n)
        asked: list[Asked] = []
        while len(asked) < n and (task := self._strategy.next()) is not None:
            self._open(task)
            asked.append(Asked(task.trial, task.config, task.origin))
        return asked

    def report(self, number: int, epoch: int, rank_key: RankKey) -> bool:
        """Compare trial ``number`` after ``epoch`` epochs (1, 2, ...): whether it should go on.

        It is compared at every rung that it has come to since its last report. WORST: it diverged and should stop.
        ConfigError for a trial that is not open.
        """
        task = self._task(number)
        check_range("epoch", epoch)
        while task is not None and (epoch >= task.to_epoch or rank_key == WORST):
            task = self._compare(task, rank_key)
        if rank_key == WORST:
            self._goes_on[number] = False
        return self._goes_on[number]

    def tell(self, number: int, rank_key: RankKey, state: TellState = "finished") -> None:
        """End trial ``number``; one that finished is compared at every rung that is left to it.

        ConfigError for a trial that is not open.
        """
        task = self._task(number)
        while task is not None and (state != "stopped" or rank_key == WORST):
            task = self._compare(task, rank_key)
        self._close(number)

    def goes_on(self, number: int) -> bool:
        """The last answer about an open trial; True before the first. ConfigError for a trial that is not open."""
        self._task(number)
        return self._goes_on[number]

    def recall(self, config: Config, origin: str, reports: Sequence[tuple[int, RankKey]], last: RankKey | None) -> None:
        """Learn from the next trial of an earlier session: its (epoch, rank key) reports, and its last if it finished.

        Trials are recalled in the order of their numbers, before the first is asked for.
        """
        task = self._strategy.adopt(config, origin)
        self._open(task)
        for epoch, rank_key in reports:
            self.report(task.trial, epoch, rank_key)
        if last is None:
            self._close(task.trial)
        else:
            self.tell(task.trial, last)

    def _open(self, task: Task) -> None:
        self._tasks[task.trial], self._goes_on[task.trial] = task, True

    def _close(self, number: int) -> None:
        del self._tasks[number], self._goes_on[number]

    def _compare(self, task: Task, rank_key: RankKey) -> Task | None:
        """Report a task; the next one of its trial, None where it is over."""
        ended = self._strategy.report(task, rank_key)
        after = None if ended or rank_key == WORST else self._strategy.next(0)
        if any(trial.stopped for trial in ended):
            self._goes_on[task.trial] = False
        self._tasks[task.trial] = after
        return after

    def _task(self, number: int) -> Task | None:
        if number in self._tasks:
            return self._tasks[number]
        if isinstance(number, int) and 0 <= number < self._strategy.begun:
            raise ConfigError(f"trial {number} was told already", "report before tell, and tell once")
        raise ConfigError(f"there is no trial {number!r}", "report and tell trials that ask() gave")


def checked_epoch(epoch: Any, value: Any, last: int) -> int:
    """``epoch`` of a report of ``value`` as a whole number, above the ``last`` one of its trial.

    Raises ConfigError, with the right order of the two: other tuners have it the other way round.
    """
    try:
        whole = int(epoch)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != epoch:
        rule = f"`epoch` must be a whole number, got {brief(epoch)}"
    elif whole < RANGES["epoch"].least:
        rule = f"`epoch` must be 1 or more, got {brief(epoch)}: epochs count from 1"
    elif whole > RANGES["epoch"].most:
        rule = f"`epoch` must be at most {RANGES['epoch'].most:,}, got {brief(epoch)}"
    elif whole <= last:
        rule = f"epoch {whole} is not after epoch {last}, which this trial has reported: epochs rise"
    elif isinstance(epoch, float) and isinstance(value, int) and not isinstance(value, bool):
        rule = f"the value {brief(value)} looks like an epoch, and the epoch {epoch!r} like a value"
    else:
        return whole
    swapped = f": study.report(trial, epoch={value}, value={brief(epoch)})" if _is_epoch(value) else ""
    raise ConfigError(
        rule, f"the order is study.report(trial, epoch, value), not Optuna's report(value, step){swapped}"
    )


def _is_epoch(value: Any) -> bool:
    known = RANGES["epoch"]
    return isinstance(value, int) and not isinstance(value, bool) and known.least <= value <= known.most
