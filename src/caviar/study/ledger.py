"""The ledger of a study under way: its trials as they stand, and what the store does not have of them yet."""

from __future__ import annotations

import math
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from caviar.errors import StoreError
from caviar.executors.contract import Executor
from caviar.records import (
    Comparison,
    Curve,
    Ended,
    StudyResult,
    StudyState,
    Task,
    TaskOutcome,
    TaskResult,
    Trial,
    TrialKey,
    TrialState,
)
from caviar.records.ranking import UNRANKED, WORST, RankKey, of_own_code, rank_key, rank_key_of, smoothed
from caviar.scheduling.contract import Scheduler
from caviar.store import Store
from caviar.store.delivery import Delivery
from caviar.study.events import Progress
from caviar.study.known import UNTRAINED, Known
from caviar.study.outbox import Outbox
from caviar.study.ranked import Networks, Outside, Peaks, Ranked

SHOW_EVERY = 0.1  # seconds between two signs of progress

_WITHOUT_END = (TrialState.RUNNING, TrialState.INTERRUPTED)
_NOTHING = Curve((), array("d"), array("d"), 0.0)
_NO_SCORE = "it told no score: it neither reported one, trial.report(epoch, score), nor returned one at its end"
_MAY_FINISH = (TrialState.RUNNING, TrialState.STOPPED)  # a program may have been done when it was stopped
_STATES = {
    TaskOutcome.DIVERGED: TrialState.DIVERGED,
    TaskOutcome.FAILED: TrialState.FAILED,
    TaskOutcome.OUT_OF_MEMORY: TrialState.OUT_OF_MEMORY,
    TaskOutcome.INFEASIBLE: TrialState.INFEASIBLE,
}


class Ledger:
    """Trials by (number, repeat), and the way of their measurements to the store, a batch at a time."""

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        metric: str,
        *,
        keep: int = 0,
        repeats: int = 1_000_000,
        known: Known | None = None,
        started: float | None = None,
    ) -> None:
        """Keep the networks of the ``keep`` best trials that are over.

        Repeats above ``repeats`` are no trials of the study, and are not stored: the last training. ``started`` is
        when the study's budget began to count.
        """
        self.trials: dict[TrialKey, Trial] = {}
        self.seconds: dict[TrialKey, float] = {}  # spent training each
        self.outside = Outside()
        self.peaks = Peaks(keep, self.outside)
        self.results: dict[TrialKey, TaskResult] = {}
        """The last result of each repeat, and of the last training."""
        self.ranked = Ranked(keep, self.outside)
        self.networks = Networks(self.ranked, keep)
        self.failures: list[str] = []
        self.phase = "search"
        self._store = store
        self._metric, self._of_a_table = metric, not of_own_code(metric)
        self._repeats = repeats
        self._known = known or Known()
        self._started = time.monotonic() if started is None else started
        self.delivery = delivery  # the way to the store, also of other transactions in the name of its lease
        self._outbox = Outbox(store, delivery, self._known.trials)
        self._read = dict(self._known.curves)
        self._counts: Counter[TrialState] = Counter()  # repeats left out
        self._curves: dict[TrialKey, array[float]] = {}  # the scores of each trial's epochs
        self._open: set[TrialKey] = set()  # trials with a task that was not compared yet
        self._ended: list[int] = []  # trials since the last sign of progress
        self._boxes_seen, self._shown = 0, float("-inf")

    def adopt(self, trials: Sequence[Trial]) -> None:
        """Count ``trials`` that were measured before the study began; the store has them."""
        for trial in trials:
            self.trials[trial.number, 0] = trial
            self._counts[trial.state] += 1
            self.ranked.put((trial.number, 0), rank_key_of(self._metric, trial))

    # --- what drive needs ---

    def begin(self, task: Task) -> RankKey | None:
        """Open a task; the first one of a trial, or of a repeat, begins it.

        Returns the rank key of a task whose end is known, as if it had just been measured; else None. Raises StoreError
        where the store has this trial with another config: another version's search proposed it.
        """
        key = task.trial, task.repeat
        stored = None if task.repeat else self._known.trials.get(key)
        if stored is not None and stored.config != task.config:
            raise StoreError(
                f"trial {key[0]} of study {self.delivery.lease.name!r} has another config than this version proposes",
                "go on with the version that began it (caviar doctor shows which), or begin a new study",
            )
        if task.from_epoch and not task.repeat and self.trials[key].state is not TrialState.RUNNING:
            return self.rank_key(self.trials[key])  # it ended by itself between two rungs
        found = None if stored is None else self._recall(task, stored)
        if found is None:
            self._open.add(key)
            if not task.from_epoch and task.repeat <= self._repeats:
                self._put(_fresh(task, stored))
        return found

    def record(self, result: TaskResult) -> RankKey | None:
        """Take the result of a task: its rank key, WORST if it diverged or failed; None if there is none to report.

        None is also the answer to a result that comes late, of a task that was compared already.
        """
        task = result.task
        key = task.trial, task.repeat
        if task.repeat:
            self.results[key] = result
        if result.attributes and key in self.trials:
            trial = self.trials[key]
            self._put(trial._replace(attributes={**trial.attributes, **result.attributes}))
        if result.outcome is TaskOutcome.INTERRUPTED:
            return None
        if task.repeat > self._repeats:  # the last training is compared with nothing
            return (0.0, 0.0) if result.outcome is TaskOutcome.TRAINED else WORST
        found = self._record(key, result)
        if result.outcome is TaskOutcome.UNDER_WAY and found > WORST:
            return None
        was_open = key in self._open
        self._open.discard(key)
        return found if was_open else None

    def settle(self, ended: Sequence[Ended]) -> None:
        """Close trials that are over."""
        for number, stopped, repeat in ended:
            trial = self.trials.get((number, repeat))
            if trial is not None and trial.state is TrialState.RUNNING:
                closed = trial._replace(state=TrialState.STOPPED if stopped else TrialState.FINISHED)
                before = None if self._of_a_table else self._known.ended_at(trial)
                self._score(before) if before else self._put(closed)

    def interrupt(self) -> None:
        """Mark whatever still runs as interrupted: by the end of the budget, or by a person."""
        for trial in [trial for trial in self.trials.values() if trial.state is TrialState.RUNNING]:
            self._put(trial._replace(state=TrialState.INTERRUPTED))

    def is_due(self) -> bool:
        """True when it is time to show progress and to write."""
        return time.monotonic() - self._shown >= SHOW_EVERY

    def progress(self, scheduler: Scheduler, executor: Executor) -> Progress:
        """The state of the study now; what is new is written every half a second."""
        self._shown = now = time.monotonic()
        self._outbox.opened(scheduler.boxes[self._boxes_seen :])
        self._boxes_seen = len(scheduler.boxes) if scheduler.boxes else self._boxes_seen
        note = self.delivery.note or executor.note
        if self.failures and not self.delivery.note:
            note = f"{len(self.failures)} failed, the last: {self.failures[-1].splitlines()[0]:.150}"
        best = next(iter(self.best(1)), None)
        ended, self._ended = tuple(self.trials[number, 0] for number in self._ended), []
        helpers, reached = executor.helpers, scheduler.reached()
        spent, counts = now - self._started, self.counts()
        progress = Progress(self.phase, spent, counts, reached, best, note, helpers, ended)
        self._outbox.progress = progress
        self._outbox.write_now_and_then()
        return progress

    # --- questions ---

    def best(self, n: int) -> list[Trial]:
        """The ``n`` best trials that have a score, the best first; the earlier one where two are equal."""
        return [self.trials[number, 0] for number in self.ranked.best(n)]

    def rank_key(self, trial: Trial) -> RankKey:
        """The rank key of a trial as it stands: the score of its last epochs, smoothed, so that luck counts half."""
        return self.ranked.of((trial.number, trial.repeat))

    def counts(self) -> Mapping[TrialState, int]:
        """Count the trials in each state, repeats left out."""
        return Counter(self._counts)

    # --- the store ---

    def write(self) -> None:
        """Write what is new, in one transaction."""
        self._outbox.write()

    def known_trials(self) -> Collection[Trial]:
        """The trials that the store had when this process took the study up."""
        return self._known.trials.values()

    def close(self, state: StudyState, result: StudyResult | None, hurry: Callable[[], bool] = lambda: False) -> None:
        """Write all that is left, and how the study ended; see Delivery.close."""
        self.interrupt()
        self._outbox.close(state, result, hurry)

    def _record(self, key: TrialKey, result: TaskResult) -> RankKey:
        """Bring the trial of a result up to date; its rank key."""
        trial = self.trials[key]
        if result.outcome is TaskOutcome.FINISHED:
            return self._finish(trial, result.score)
        fails_late = trial.state is TrialState.STOPPED and _STATES.get(result.outcome) in UNTRAINED
        if result.outcome is TaskOutcome.STOPPED or not (trial.state is TrialState.RUNNING or fails_late):
            return self.rank_key(trial)
        if result.measurements:
            trial = self._measure(key, trial, result)
        if result.outcome in _STATES:
            trial = trial._replace(state=_STATES[result.outcome])
            if trial.state in UNTRAINED:
                trial = trial._replace(error=result.error or str(trial.state).replace("_", " "))
                counts = not trial.repeat and trial.state is not TrialState.INFEASIBLE
                self.failures += [str(trial.error)] if counts else []
        elif not (trial.score is None or math.isfinite(trial.score) or self._of_a_table):
            trial = trial._replace(state=TrialState.DIVERGED)
        if result.outcome is TaskOutcome.UNDER_WAY or not self._of_a_table or trial.state in UNTRAINED:
            return self._score(trial)
        return self._compare(trial)

    def _measure(self, key: TrialKey, trial: Trial, result: TaskResult) -> Trial:
        """Add measurements to a trial's curve; the trial after them. Those that are known already are not written."""
        measured = result.measurements
        if result.stored:
            self.seconds[key] = sum(m.seconds for m in measured)
            self._curves[key] = array("d", [m.score for m in measured])
        elif self._of_a_table:
            known = self._curve(key)
            before = self._curves.get(key, known.scores)
            written = max(len(known.scores), len(before))
            self._outbox.measured(key, [m for m in measured if m.epoch > written])
            self.seconds[key] = self.seconds.get(key, 0.0) + sum(m.seconds for m in measured)
            first = measured[0].epoch  # 1 again for a network that was gone and was trained from its start
            self._curves[key] = before[: first - 1] + array("d", [m.score for m in measured])
        else:
            measured = [m for m in measured if m.epoch > trial.epochs]  # the others were trained again
            if not measured:
                return trial
            known_epochs = self._known.curves.get(key, _NOTHING).epochs
            self._outbox.measured(key, [m for m in measured if m.epoch not in known_epochs])
            self.seconds[key] = self.seconds.get(key, 0.0) + sum(m.seconds for m in measured)
            self._curves.setdefault(key, array("d")).extend(m.score for m in measured)
        last = measured[-1]
        loss = _or_none(last.validation_loss) if not self._of_a_table else last.validation_loss
        after = trial._replace(epochs=last.epoch, score=last.score, validation_loss=loss)
        if result.stored:
            self._outbox.has(after)
        return after

    def _finish(self, trial: Trial, score: float | None) -> RankKey:
        """A program ended a trial by itself, with its last ``score``; None where that of the last epoch stands."""
        if trial.state is TrialState.RUNNING and score is None and trial.score is None:
            self.failures += [_NO_SCORE] if trial.repeat == 0 else []
            return self._score(trial._replace(state=TrialState.FAILED, error=_NO_SCORE))
        if trial.state in _MAY_FINISH or (trial.state is TrialState.FINISHED and score is not None):
            if score is not None:
                self._curves[trial.number, trial.repeat] = array("d", [score])
                trial = trial._replace(score=score)
            finite = trial.score is not None and math.isfinite(trial.score)
            return self._score(trial._replace(state=TrialState.FINISHED if finite else TrialState.DIVERGED))
        return self.rank_key(trial)

    def _curve(self, key: TrialKey) -> Curve:
        """The stored epochs of a trial from before; they are read where a compared trial goes on."""
        if key in self._known.comparisons and key not in self._read:
            found = self.delivery.need(lambda: self._store.curves(self.delivery.lease.name, [key[0]]))
            self._read[key] = found.get(key, _NOTHING)
        return self._read.get(key, _NOTHING)

    def _compare(self, trial: Trial) -> RankKey:
        """The rank key of a trial that has come to its rung, stored with all that a resume will ask."""
        found = self._score(trial)
        key = (trial.number, trial.repeat)
        known = self._known.comparisons.get(key)
        if trial.epochs and (known is None or known[-1].epoch < trial.epochs):
            score, loss = _or_nan(trial.score), _or_nan(trial.validation_loss)
            comparison = Comparison(trial.epochs, smoothed(self._curves[key]), score, loss, self.seconds[key])
            self._outbox.compared(key, comparison)
        return found

    def _recall(self, task: Task, stored: Trial) -> RankKey | None:
        """Look a task's end up in what the store has of its trial, which runs."""
        key, to_epoch, state = (task.trial, 0), task.to_epoch, TrialState.RUNNING
        if stored.state in UNTRAINED and stored.epochs < to_epoch:
            trial = self.trials.get(key) or _fresh(task, stored)
            return self._score(trial._replace(state=stored.state, error=stored.error))
        if stored.state is TrialState.DIVERGED and stored.epochs <= to_epoch:
            state, to_epoch = stored.state, stored.epochs
        for compared in self._known.comparisons.get(key, ()):
            if compared.epoch == to_epoch:
                self.seconds[key] = compared.seconds
                score, loss = compared.score, _or_none(compared.loss)
                # Written out, because a resume comes here for every task, and _replace takes twice as long.
                there = Trial(task.trial, stored.config, state, to_epoch, score, loss, 0, task.origin)
                return self._score(there, compared.smoothed)
        trial = self.trials.get(key) or _fresh(task, stored)
        curve = self._known.curves.get(key, _NOTHING)
        at = bisect_left(curve.epochs, to_epoch)  # a program is compared at its first report from the rung on
        if at < len(curve.scores):
            self.seconds[key] = curve.seconds  # those of the rungs above too, to which the trial is about to go on
            self._curves[key] = curve.scores[: at + 1]
            epoch, score, loss = curve.epochs[at], curve.scores[at], _or_none(curve.losses[at])
            there = trial._replace(state=state, epochs=epoch, score=score, validation_loss=loss)
            return self._compare(there) if self._of_a_table else self._score(there)
        if stored.state is TrialState.FINISHED and not self._of_a_table:  # it was done before this rung
            there = trial._replace(epochs=max(stored.epochs, trial.epochs))
            self._put(there)
            return self._finish(there, stored.score)
        return None

    def _put(self, trial: Trial) -> None:
        key = (trial.number, trial.repeat)
        before = self.trials.get(key)
        if before is None:
            self.outside.take(trial)
        if trial.repeat == 0 and (before is None or before.state is not trial.state):
            if before is not None:
                self._counts[before.state] -= 1
            self._counts[trial.state] += 1
            if trial.state not in _WITHOUT_END:
                stored = self._known.trials.get(key)
                if stored is None or stored.state is not trial.state:
                    self._ended.append(trial.number)
        self.trials[key] = trial
        self._outbox.put(trial)

    def _score(self, trial: Trial, smooth: float | None = None) -> RankKey:
        """The rank key of a trial with a new score, or without one. ``smooth``: the score it is ranked by, if known."""
        self._put(trial)
        key = (trial.number, trial.repeat)
        failed = trial.state in UNRANKED
        if smooth is None and not failed:
            smooth = smoothed(self._curves[key])
        new = WORST if failed else rank_key(self._metric, smooth, trial.validation_loss)
        self.ranked.put(key, new)
        self.peaks.take(key, new, trial.epochs, trial.validation_loss)
        return new


def _fresh(task: Task, stored: Trial | None) -> Trial:
    """The trial of ``task`` before any epoch."""
    # The config of ``stored`` is equal, and the same object is compared with what is stored in no time.
    config = task.config if stored is None else stored.config
    attributes = {} if stored is None else stored.attributes
    return Trial(task.trial, config, TrialState.RUNNING, 0, None, None, task.repeat, task.origin, None, attributes)


def _or_nan(number: float | None) -> float:
    """A number, or NaN where there is none."""
    return math.nan if number is None else number


def _or_none(loss: float) -> float | None:
    """A loss, or None where it was not reported."""
    return None if math.isnan(loss) else loss


def delivered(ledger: Ledger) -> Iterator[Progress]:
    """Signs of progress until the store has everything, at the end of a study whose store is away."""
    ledger.interrupt()
    ledger.write()
    last = ledger._outbox.progress
    while ledger.delivery.is_behind:
        time.sleep(SHOW_EVERY)
        ledger.delivery.beat()
        if last is not None:
            yield replace(last, note=ledger.delivery.note, ended=())


def outcomes(ledger: Ledger, *failures: TrialState) -> dict[str, int]:
    """Count the trials by how they ended, as the result of a study says it, "failed" with ``failures`` alone."""
    counts = Counter(ledger.counts())
    found = {
        "started": counts.total(),
        "finished": counts[TrialState.FINISHED],
        "stopped": counts[TrialState.STOPPED] + counts[TrialState.INTERRUPTED],
        "diverged": counts[TrialState.DIVERGED],
    }
    if counts[TrialState.INFEASIBLE]:
        found["infeasible"] = counts[TrialState.INFEASIBLE]
    if counts[TrialState.INTERRUPTED]:  # among those stopped, so that the others add up to those started
        found["interrupted"] = counts[TrialState.INTERRUPTED]
    return found | {"failed": sum(counts[state] for state in failures)} if failures else found
