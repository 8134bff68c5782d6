"""Help with a study that another process leads: train the trials that it gives, decide nothing.

The leader, a running ``tune`` or ``resume``, finds a helper in the store and gives it pieces of work there; results go
back the same way. A network stays with the helper that trained it; where it is no longer kept it is trained from its
start again, to the same bits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from caviar.errors import ConfigError, Fenced, StoreError
from caviar.executors.helpers import PATIENCE
from caviar.executors.threads import Done, Failed, ThreadExecutor, Work
from caviar.learners.contract import BYTES_A_PARAMETER, Outcome, Training
from caviar.records import Lease, Piece, Study, StudyState
from caviar.study.check import Job, check
from caviar.study.ledger import after, measurement
from caviar.study.loop import check_same, request_of

if TYPE_CHECKING:
    from caviar.store import Assigned, Result, Store, Watch

__all__ = ["Helping", "work"]

ROOM = 1 << 29  # bytes of networks that wait for their next piece
_BYTES_A_NETWORK = 1 << 14  # what the smallest takes

_ASK_EVERY = 0.1  # seconds: for work
_LOOK_EVERY = 0.5  # for whether there is still somebody to help; a look is also a sign of life


@dataclass(frozen=True, slots=True)
class Helping:
    """How the help goes: pieces trained so far, and once it is over, why."""

    study: Study
    pieces: int
    elapsed: float
    over: str = ""


@dataclass
class _Networks:
    """Networks of trials that may go on, those used last kept longest."""

    room: int
    _kept: dict[int, tuple[Training, int]] = field(default_factory=dict)

    def put(self, number: int, training: Training, n_bytes: int) -> None:
        self._kept[number] = training, n_bytes
        while sum(n for _, n in self._kept.values()) > self.room:
            del self._kept[next(iter(self._kept))]

    def take(self, number: int, epoch: int) -> Training | None:
        """The network of a trial, unless it has done more than ``epoch`` epochs."""
        training, _ = self._kept.pop(number, (None, 0))
        return training if training is not None and training.epoch <= epoch else None


def work(
    study: str,
    *,
    store: str | os.PathLike[str] = "caviar.db",
    threads: int | None = None,
    data: Any = None,
    test: Any = None,
    ended: Callable[[], bool] = lambda: False,
    room: int = ROOM,
) -> Iterator[Helping]:
    """Help with ``study`` until it no longer runs or its leader is gone; where ``ended`` turns true, KeyboardInterrupt.

    threads: networks trained at once, all processors if not given. data, test: where the study's files are here, if
    elsewhere; they are checked by their SHA-256.

    Raises UserMistake where there is nothing to help with, or the data or the machine would give other numbers.
    """
    from caviar.store import Store, Watch

    started = time.monotonic()
    with Store.open(store, create=False) as opened:
        record = opened.study(study)
        watch = Watch(opened.leases, study, PATIENCE)
        _check_kind(record)
        _check_leader(record, watch)
        budget = {"seconds": None, "trials": 1}  # of the leader alone
        request = request_of(record, budget, started, store=store, threads=threads, data=data, test=test)
        job = check(request, ended)
        check_same(record, job)
        _check_machine(record, job)
        helper = opened.join_helper(study, job.threads)
        pieces = 0
        try:
            for taken, over in _train(job, opened, helper, watch, room):
                pieces += taken
                yield Helping(record, pieces, time.monotonic() - started, over)
        except Fenced:
            why = "the leader went on without this helper, which it took for dead"
            yield Helping(record, pieces, time.monotonic() - started, why)
        finally:
            opened.leases.leave(helper)


def _train(job: Job, store: Store, helper: Lease, watch: Watch, room: int) -> Iterator[tuple[int, str]]:
    """Train what the leader assigns; (pieces handed in, why it is over if it is), time and again."""
    networks = _Networks(room)
    held: dict[Piece, Assigned] = {}
    asked = looked = float("-inf")
    with ThreadExecutor(job.threads) as executor:
        while True:
            if job.ended():
                raise KeyboardInterrupt
            now = time.monotonic()
            if now - looked >= _LOOK_EVERY:
                looked = now
                store.leases.beat(helper)
                over = _over(store, helper, watch)
                yield 0, over
                if over:
                    return
            if now - asked >= _ASK_EVERY:
                asked = now
                for assigned in store.assigned(helper):
                    if assigned.piece not in held:
                        held[assigned.piece] = assigned
                        number, repeat, to_epoch = assigned.piece
                        executor.give(Work(number, repeat, _begin(job, assigned, networks), to_epoch))
            done = _all_done(executor)
            if done:
                yield len(_hand_in(job, store, helper, networks, held, done)), ""


def _begin(job: Job, assigned: Assigned, networks: _Networks) -> Callable[[], Training]:
    """What gives the network of a piece: as it waits here, or from its start."""
    number = assigned.piece[0]
    waiting = networks.take(number, assigned.measured)
    return job.network(number, assigned.trial.config) if waiting is None else lambda: waiting


def _all_done(executor: ThreadExecutor) -> list[Done | Failed]:
    """What ended by now; waits a moment for the first."""
    found = []
    done = executor.take(timeout=_ASK_EVERY)
    while done is not None:
        found.append(done)
        done = executor.take(timeout=0.0) if executor.under_way else None
    return found


def _hand_in(
    job: Job, store: Store, helper: Lease, networks: _Networks, held: dict[Piece, Assigned], ended: list[Done | Failed]
) -> list[Piece]:
    """Write what was measured, in one transaction, and keep the networks; the pieces that were taken."""
    from caviar.store import Result

    results: list[Result] = []
    given_back: list[Piece] = []
    trained: dict[Piece, Training] = {}
    for done in ended:
        piece = (done.work.number, done.work.repeat, done.work.to_epoch)
        assigned = held.pop(piece)
        if isinstance(done, Failed):  # the leader may have the memory: whether it has decides what becomes of the trial
            given_back.append(piece)
            continue
        new = [measurement(epoch, job.metric) for epoch in done.epochs if epoch.epoch > assigned.measured]
        results.append(Result(piece, after(assigned.trial, done, job.metric), new))
        if done.outcome is Outcome.TRAINED:
            trained[piece] = done.training
    taken = store.hand_in(helper, results, given_back)
    configs = {result.piece: result.trial.config for result in results}
    for piece in taken:
        if piece in trained:
            size = max(_BYTES_A_NETWORK, BYTES_A_PARAMETER * job.parameters(configs[piece]))
            networks.put(piece[0], trained[piece], size)
    return taken


def _over(store: Store, helper: Lease, watch: Watch) -> str:
    """Why there is nothing more to help with; empty while there is.

    A leader that is frozen is left, not told off: it may wake up and go on.
    """
    lost = {worker.fence for worker in watch.find()}
    if store.study(helper.name).state is not StudyState.RUNNING:
        return "the study has ended"
    leader = helper.helps
    if leader in lost or leader not in {worker.fence for worker in watch.held}:
        return f"the process that led the study is gone; to go on: caviar resume {helper.name}"
    return ""


def _check_kind(study: Study) -> None:
    """StoreError unless it is caviar that trains the study's networks."""
    if "program" in study.budget:
        raise StoreError(
            f"the trials of study {study.name!r} are processes of a program: caviar work helps with tables alone",
            f"have more of them at once: end it with Ctrl-C, then caviar resume {study.name} --processes 8, say",
        )
    if study.budget.get("asked"):
        raise StoreError(
            f"study {study.name!r} is one of ask and tell: its own program trains", "start that program once more"
        )


def _check_leader(study: Study, watch: Watch) -> None:
    """StoreError unless a process leads the study."""
    lost = {worker.fence for worker in watch.find()}
    leaders = [w for w in watch.held if not w.is_helper and w.fence not in lost]
    if study.state is not StudyState.RUNNING or not leaders:
        raise StoreError(
            f"study {study.name!r} is not running: there is nothing to help with",
            "take it up again with caviar resume, and help it then",
        )


def _check_machine(study: Study, job: Job) -> None:
    """ConfigError unless this machine gives the bits that the study began with."""
    was, now = study.environment, (job.learner.name, job.learner.instruction_set)
    if (was["engine"], was["instruction_set"]) != now:
        raise ConfigError(
            f"study {study.name!r} runs on {was['engine']}, {was['instruction_set']}, and this is {now[0]}, {now[1]}: "
            "the numbers would not be the same to the bit",
            "help on a machine of that kind, or set CAVIAR_INSTRUCTION_SET if this one has that too",
        )
