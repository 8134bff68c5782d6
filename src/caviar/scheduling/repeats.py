"""A scheduler of a fixed list of tasks: repeats of finalists, the last training of a winner."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from caviar.records import Box, Ended, Task
from caviar.records.ranking import WORST, RankKey


class Repeats:
    """A Scheduler that gives ``tasks`` in their order; each is over with its report."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.boxes: list[Box] = []
        self._left = deque(tasks)
        self._open: set[tuple[int, int]] = set()

    @property
    def over(self) -> bool:
        """See Scheduler."""
        return not self._left and not self._open

    def next(self, room: int = 1) -> Task | None:
        """See Scheduler."""
        if not room or not self._left:
            return None
        task = self._left.popleft()
        self._open.add((task.trial, task.repeat))
        return task

    def report(self, task: Task, rank_key: RankKey) -> list[Ended]:
        """See Scheduler; one that diverged or failed is over by itself."""
        self._open.discard((task.trial, task.repeat))
        return [Ended(task.trial, False, task.repeat)] if rank_key > WORST else []

    def close(self) -> None:
        """See Scheduler."""
        self._left.clear()

    def take_ended(self) -> list[Ended]:
        """See Scheduler: none ends without a report."""
        return []

    def reached(self) -> tuple[int, ...]:
        """See Scheduler: there are no rungs."""
        return ()
