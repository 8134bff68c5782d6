"""A executor of threads that train trials; what they finish is taken off one queue."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType

from caviar.learners.contract import Epoch, Outcome, StopFlag, Training, never


@dataclass(frozen=True, slots=True)
class Work:
    """Train one trial on until ``to_epoch``; ``begin`` gives the network (drawing its weights, if it is new)."""

    number: int
    repeat: int
    begin: Callable[[], Training]
    to_epoch: int


@dataclass(frozen=True, slots=True)
class Done:
    """A piece of work that ended, with the epochs it added."""

    work: Work
    training: Training
    outcome: Outcome
    epochs: list[Epoch]


@dataclass(frozen=True, slots=True)
class Failed:
    """A piece of work that took more memory than there was."""

    work: Work
    error: MemoryError


class ThreadExecutor:
    """``threads`` threads that train independent trials; which thread trains a trial, and when, changes no number."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="caviar")
        self._done: SimpleQueue[Done | Failed | BaseException] = SimpleQueue()
        self._stop: StopFlag = never()
        self._under_way = 0

    def __enter__(self) -> ThreadExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def under_way(self) -> int:
        """Pieces of work given and not yet taken back."""
        return self._under_way

    @property
    def wants_work(self) -> bool:
        """Whether a thread is idle or soon will be: one piece for each thread waits, so that none has to."""
        return self._under_way < 2 * self.threads

    def give(self, work: Work) -> None:
        """Have a thread do ``work``."""
        self._under_way += 1
        self._pool.submit(self._do, work)

    def take(self, timeout: float | None = None) -> Done | Failed | None:
        """The next piece of work that ended, or None when none does within ``timeout`` seconds."""
        try:
            done = self._done.get(timeout=timeout)
        except Empty:
            return None
        self._under_way -= 1
        if isinstance(done, BaseException):
            raise done
        return done

    def stop(self) -> None:
        """End all work at its next mini-batch."""
        self._stop[0] = 1

    def _do(self, work: Work) -> None:
        try:
            training = work.begin()
            outcome, epochs = training.train(work.to_epoch, self._stop)
            self._done.put(Done(work, training, outcome, epochs))
        except MemoryError as error:  # it is over for this network, not for the others
            self._done.put(Failed(work, error.with_traceback(None)))
        except BaseException as error:  # the thread that takes it raises it again
            self._done.put(error)
