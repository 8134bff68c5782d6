"""An executor trains tasks. Where, on how many slots and in which order changes no number."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from caviar.records import Task, TaskResult


class Executor(Protocol):
    """Trains tasks; used by one thread. tests/executors/test_executor_contract.py is the contract."""

    parks: bool
    """True where a trial between two tasks needs no slot: a network is a few arrays, a program holds a process."""

    @property
    def slots(self) -> int:
        """Tasks that are trained at once."""
        ...

    @property
    def room(self) -> int:
        """Tasks of new trials that can be submitted now, so that no slot idles."""
        ...

    @property
    def busy(self) -> bool:
        """True while there is something to wait for: a task under way, or a result that was not taken."""
        ...

    @property
    def helpers(self) -> int:
        """Other caviar processes among the slots."""
        ...

    @property
    def note(self) -> str:
        """Trouble in spite of which training goes on; empty without any."""
        ...

    def submit(self, task: Task) -> None:
        """Train ``task``. A trial that is parked or holds a slot goes on from there, another begins.

        Raises UserMistake where nothing can be started at all.
        """
        ...

    def results(self, timeout: float) -> list[TaskResult]:
        """Take the results that are there, waiting up to ``timeout`` seconds for the first.

        An error that is not the trial's own is raised here.
        """
        ...

    def release(self, trial: int, repeat: int = 0) -> None:
        """Free what is kept of a trial that is over: its slot, its network, its snapshots. Nothing kept: no effect."""
        ...

    def cancel(self) -> None:
        """End all tasks under way; they come back INTERRUPTED. Tasks submitted later are trained as ever."""
        ...

    def __enter__(self) -> Self:
        """Use the executor; its threads, processes and files end with the block."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        ...
