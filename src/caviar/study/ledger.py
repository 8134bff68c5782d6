"""The ledger of a study under way: its trials as they stand, and what of them is not yet in the store."""

from __future__ import annotations

import math
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from caviar.errors import StoreError
from caviar.executors.threads import Done
from caviar.learners.contract import Epoch, Outcome, Training
from caviar.machine import no_collection
from caviar.records import Box, Comparison, Config, Curve, Lease, Measurement, StudyState, Trial, TrialState
from caviar.records.ranking import GOAL_METRICS, UNRANKED, WORST, RankKey, rank_key, smoothed

if TYPE_CHECKING:
    from caviar.store import Store

WRITE_EVERY = 0.5  # seconds: the most that a kill can lose

_UNTRAINED = (TrialState.OUT_OF_MEMORY, TrialState.FAILED)

TrialKey = tuple[int, int]  # number, repeat

_UNSETTLED = (TrialState.RUNNING, TrialState.INTERRUPTED)
_FEW = 500  # trials whose curves are asked for by their numbers; of more it is sooner to read all

_NOTHING = Curve((), array("d"), array("d"), 0.0)


@dataclass(frozen=True)
class Known:
    """What the store has of a study that is taken up again: of each trial, its comparisons or its whole curve.

    The curves are those of trials that comparisons do not tell all of: of another process, of an older version, or of a
    program, which need not tell every epoch.
    """

    trials: Mapping[TrialKey, Trial] = field(default_factory=dict)
    curves: Mapping[TrialKey, Curve] = field(default_factory=dict)
    comparisons: Mapping[TrialKey, Sequence[Comparison]] = field(default_factory=dict)

    @staticmethod
    def of(store: Store, study: str) -> Known:
        """What ``store`` has of ``study``."""
        with no_collection():
            trials = {(trial.number, trial.repeat): trial for trial in store.trials(study)}
            if "program" in store.study(study).budget:
                return Known(trials, store.curves(study))
            comparisons: dict[TrialKey, list[Comparison]] = {}
            for number, repeat, comparison in store.comparisons(study):
                comparisons.setdefault((number, repeat), []).append(comparison)
            untold = {
                key[0]
                for key, trial in trials.items()
                if trial.state in _UNSETTLED or trial.epochs > (comparisons[key][-1].epoch if key in comparisons else 0)
            }
            few = len(untold) < _FEW
            return Known(trials, store.curves(study, untold if few else None) if untold else {}, comparisons)

    def seconds(self) -> float:
        """What the training of all trials took together."""
        told = sum(of[-1].seconds for key, of in self.comparisons.items() if key not in self.curves)
        return told + sum(curve.seconds for curve in self.curves.values())


class Ledger:
    """Trials by (number, repeat), and the way of their measurements to the store, a batch at a time."""

    def __init__(self, store: Store, lease: Lease, metric: str, keep: int, known: Known | None = None) -> None:
        self.trials: dict[TrialKey, Trial] = {}
        self.seconds: dict[TrialKey, float] = {}  # spent training each
        self._store = store
        self._lease = lease
        self._study = lease.name
        self._boxes: list[Box] = []
        self._metric = metric
        self._of_a_table = metric not in GOAL_METRICS.values()  # a program need not tell a loss, nor every epoch
        self._keep = keep
        self._known = known or Known()
        self._stored = dict(self._known.trials)
        self._read = dict(self._known.curves)
        self._counts: Counter[TrialState] = Counter()  # repeats left out
        self._curves: dict[TrialKey, array[float]] = {}  # the scores of each trial's epochs
        self._rank_keys: dict[TrialKey, RankKey] = {}
        self._best: list[tuple[RankKey, int]] = []  # (rank_key, -number), the best first; none while they are not known
        self._kept: list[tuple[RankKey, int, Training]] = []  # networks of the best that are over
        self._changed: dict[TrialKey, Trial] = {}
        self._measurements: list[tuple[int, int, Measurement]] = []
        self._comparisons: list[tuple[int, int, Comparison]] = []
        self._elsewhere: dict[TrialKey, int] = {}  # the last epoch that another process measured and wrote
        self._written = time.monotonic()

    def begin(self, number: int, config: Config, repeat: int = 0, origin: str = "") -> None:
        """A trial starts, or a finalist's repeat.

        Raises StoreError where the store has this trial with another config: another version's search proposed it.
        """
        known = self._known.trials.get((number, repeat))
        if known is not None and repeat == 0:
            if known.config != config:
                raise StoreError(
                    f"trial {number} of study {self._study!r} has another config than this version of caviar proposes",
                    "go on with the version that began it (caviar doctor tells which), or begin a new study",
                )
            config = known.config  # the same object: to compare the trial with what is stored costs nothing then
        self._put(Trial(number, config, TrialState.RUNNING, 0, None, None, repeat, origin))

    def open(self, boxes: Sequence[Box]) -> None:
        """The search has opened ``boxes``."""
        self._boxes += boxes

    def measure(self, done: Done) -> RankKey:
        """What a piece of work measured; the trial's rank key after it, WORST if it diverged."""
        key = (done.work.number, done.work.repeat)
        known = self._curve(key)
        written = max(len(known.scores), self._elsewhere.get(key, 0))
        new = [epoch for epoch in done.epochs if epoch.epoch > written]
        self._measurements += [(*key, measurement(epoch, self._metric)) for epoch in new]
        self.seconds[key] = self.seconds.get(key, 0.0) + sum(epoch.seconds for epoch in done.epochs)
        first = done.epochs[0].epoch  # 1 again for a network that was no longer there and was trained from its start
        before = self._curves.get(key, known.scores)[: first - 1]
        self._curves[key] = before + array("d", [epoch.validation.scores[self._metric] for epoch in done.epochs])
        return self._compare(after(self.trials[key], done, self._metric))

    def _curve(self, key: TrialKey) -> Curve:
        """What the store knows of a trial's epochs from before; it is asked where a compared trial goes on."""
        if key in self._known.comparisons and key not in self._read:
            self._read[key] = self._store.curves(self._study, [key[0]]).get(key, _NOTHING)
        return self._read.get(key, _NOTHING)

    def _compare(self, trial: Trial) -> RankKey:
        """The trial has come to its rung: its rank key, which the store is told with all that a resume will ask."""
        rank_key = self._score(trial)
        key = (trial.number, trial.repeat)
        known = self._known.comparisons.get(key)
        if known is None or known[-1].epoch < trial.epochs:
            smooth = smoothed(self._curves[key])
            score, loss = _or_nan(trial.score), _or_nan(trial.validation_loss)
            comparison = Comparison(trial.epochs, smooth, score, loss, self.seconds[key])
            self._comparisons.append((*key, comparison))
        return rank_key

    def take_in(self, trial: Trial, measurements: Sequence[Measurement]) -> RankKey:
        """What another process measured of a trial, and wrote; the trial's rank key after it, WORST if it diverged."""
        key = (trial.number, trial.repeat)
        self._elsewhere[key] = measurements[-1].epoch
        self.seconds[key] = sum(m.seconds for m in measurements if m.epoch <= trial.epochs)
        self._curves[key] = array("d", [m.score for m in measurements if m.epoch <= trial.epochs])
        self._stored[key] = trial
        return self._compare(trial)

    def recall(self, number: int, to_epoch: int) -> RankKey | None:
        """The rank key of a trial at ``to_epoch`` where the store knows it, as if just measured; else None."""
        key = (number, 0)
        stored = self._known.trials.get(key)
        if stored is None:
            return None
        if stored.state in _UNTRAINED and stored.epochs < to_epoch:
            return self._score(self.trials[key]._replace(state=stored.state, error=stored.error))
        trial = self.trials[key]
        state = trial.state
        if stored.state is TrialState.DIVERGED and stored.epochs <= to_epoch:
            state, to_epoch = stored.state, stored.epochs
        for compared in self._known.comparisons.get(key, ()):
            if compared.epoch == to_epoch:
                self.seconds[key] = compared.seconds
                score, loss = compared.score, _or_none(compared.loss)
                return self._score(
                    Trial(number, trial.config, state, to_epoch, score, loss, 0, trial.origin), compared.smoothed
                )
        curve = self._known.curves.get(key, _NOTHING)
        at = bisect_left(curve.epochs, to_epoch)  # a program is compared at the first that it tells, from the rung on
        if at == len(curve.scores):
            return None
        self.seconds[key] = curve.seconds  # those of the rungs above too, to which the trial is about to go on
        self._curves[key] = curve.scores[: at + 1]
        epoch, score, loss = curve.epochs[at], curve.scores[at], _or_none(curve.losses[at])
        trial = Trial(number, trial.config, state, epoch, score, loss, 0, trial.origin)
        return self._compare(trial) if self._of_a_table else self._score(trial)

    def told(self, number: int, measured: Measurement, repeat: int = 0) -> RankKey:
        """What a program measured of a trial; the trial's rank key after it, WORST if it diverged."""
        key = (number, repeat)
        if measured.epoch not in self._known.curves.get(key, _NOTHING).epochs:
            self._measurements.append((*key, measured))
        self.seconds[key] = self.seconds.get(key, 0.0) + measured.seconds
        self._curves.setdefault(key, array("d")).append(measured.score)
        loss = _or_none(measured.validation_loss)
        trial = self.trials[key]._replace(epochs=measured.epoch, score=measured.score, validation_loss=loss)
        if not math.isfinite(measured.score):
            trial = trial._replace(state=TrialState.DIVERGED)
        return self._score(trial)

    def finish(self, number: int, score: float | None, repeat: int = 0, epochs: int = 0) -> RankKey:
        """A program is done with a trial, after ``epochs`` or those that it told, and says its ``score``.

        None is the score of its last epoch.
        """
        key = (number, repeat)
        trial = self.trials[key]._replace(epochs=max(epochs, self.trials[key].epochs))
        if score is not None:
            self._curves[key] = array("d", [score])
            trial = trial._replace(score=score)
        finite = trial.score is not None and math.isfinite(trial.score)
        return self._score(trial._replace(state=TrialState.FINISHED if finite else TrialState.DIVERGED))

    def known(self, number: int) -> Trial | None:
        """A trial as the store has it from before, where the study was taken up again."""
        return self._known.trials.get((number, 0))

    def fail(self, number: int, error: str, repeat: int = 0, state: TrialState = TrialState.OUT_OF_MEMORY) -> RankKey:
        """A trial cannot be trained on, by default for want of memory: it is over, and ranked last."""
        trial = self.trials[number, repeat]._replace(state=state, error=error or str(state).replace("_", " "))
        return self._score(trial)

    def settle(self, number: int, state: TrialState, training: Training | None = None, repeat: int = 0) -> None:
        """A trial is over. The ``training`` of a trial, not of a repeat, is kept while it is among the best."""
        trial = self.trials[number, repeat]._replace(state=state)
        self._put(trial)
        if training is not None:
            self._kept.append((self.rank_key(trial), -number, training))
            self._kept.sort(key=lambda kept: kept[:2], reverse=True)
            del self._kept[self._keep :]

    def interrupt(self) -> None:
        """Whatever still runs was interrupted: by the end of the budget, or by a person."""
        for trial in [trial for trial in self.trials.values() if trial.state is TrialState.RUNNING]:
            self._put(trial._replace(state=TrialState.INTERRUPTED))

    def best(self, n: int) -> list[Trial]:
        """The ``n`` best trials that have a score, the best first; the earlier one where two are equal."""
        if len(self._best) < n:
            rank_keys = self._rank_keys.items()
            with no_collection():
                found = (
                    (rank_key, -number) for (number, repeat), rank_key in rank_keys if not repeat and rank_key > WORST
                )
                self._best = nlargest(max(n, self._keep), found)
        return [self.trials[-minus, 0] for _, minus in self._best[:n]]

    def worst_first(self, numbers: Sequence[int]) -> list[int]:
        """Trials by rank key, the worst first."""
        return sorted(numbers, key=lambda number: (self.rank_key(self.trials[number, 0]), -number))

    def kept(self, number: int) -> Training | None:
        """The network that the search itself trained, if it is still there and whole."""
        return next((training for _, minus, training in self._kept if minus == -number), None)

    def counts(self) -> Mapping[TrialState, int]:
        """Trials in each state, repeats left out."""
        return Counter(self._counts)

    def write(self) -> None:
        """Write what is new, in one transaction."""
        if self._changed or self._measurements or self._comparisons or self._boxes:
            self._store.write(
                self._study,
                list(self._changed.values()),
                self._measurements,
                self._boxes,
                lease=self._lease,
                comparisons=self._comparisons,
            )
            self._stored |= self._changed
            self._changed, self._measurements, self._comparisons, self._boxes = {}, [], [], []
        else:
            self._store.leases.beat(self._lease)
        self._written = time.monotonic()

    def write_now_and_then(self) -> None:
        """Write when the last time is half a second ago."""
        if time.monotonic() - self._written >= WRITE_EVERY:
            self.write()

    def close(self, state: StudyState, result: Mapping[str, Any] | None) -> None:
        """Write all that is left, and how the study ended."""
        self.interrupt()
        self.write()
        self._store.finish_study(self._study, state, result, datetime.now(UTC).isoformat(), self._lease)
        self._store.leases.leave(self._lease)

    def _put(self, trial: Trial) -> None:
        key = (trial.number, trial.repeat)
        before, stored = self.trials.get(key), self._stored.get(key)
        if trial.repeat == 0 and (before is None or before.state is not trial.state):
            if before is not None:
                self._counts[before.state] -= 1
            self._counts[trial.state] += 1
        self.trials[key] = trial
        if stored is not None and stored.state is trial.state and stored == trial:
            self._changed.pop(key, None)  # the store has it like that
        else:
            self._changed[key] = trial

    def _score(self, trial: Trial, smooth: float | None = None) -> RankKey:
        """The trial has a new score, or has failed: its rank key. ``smooth``: the score it is ranked by, if known."""
        self._put(trial)
        key = (trial.number, trial.repeat)
        failed = trial.state in UNRANKED
        if smooth is None and not failed:
            smooth = smoothed(self._curves[key])
        new = WORST if failed else rank_key(self._metric, smooth, trial.validation_loss)
        self._rank_keys[key] = new
        if self._best and (new >= self._best[-1][0] or any(-minus == trial.number for _, minus in self._best)):
            self._best = []
        return new

    def rank_key(self, trial: Trial) -> RankKey:
        """What a trial is ranked by as it stands: the score of its last epochs, smoothed, so that luck counts half."""
        return self._rank_keys.get((trial.number, trial.repeat), WORST)


def _or_nan(number: float | None) -> float:
    """A number, or NaN where there is none."""
    return math.nan if number is None else number


def _or_none(loss: float) -> float | None:
    """A loss, or None where nobody told one."""
    return None if math.isnan(loss) else loss


def measurement(epoch: Epoch, metric: str) -> Measurement:
    """What the store keeps of an epoch."""
    return Measurement(
        epoch.epoch,
        epoch.train_loss,
        epoch.validation.loss,
        epoch.validation.scores.get("accuracy", math.nan),  # regression has none
        epoch.validation.scores[metric],
        epoch.learning_rate,
        epoch.seconds,
    )


def after(trial: Trial, done: Done, metric: str) -> Trial:
    """``trial`` as it stands after a piece of work."""
    last = done.epochs[-1]
    state = TrialState.DIVERGED if done.outcome is Outcome.DIVERGED else trial.state
    score, loss = last.validation.scores[metric], last.validation.loss
    return trial._replace(state=state, epochs=last.epoch, score=score, validation_loss=loss)
