"""The book of a study under way: its trials as they stand, and what of them is not yet in the store."""

from __future__ import annotations

import math
import time
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from caviar.engine.contract import Epoch, Outcome, Training
from caviar.records import Config, Measurement, StudyState, Trial, TrialState
from caviar.run.crew import Done
from caviar.search.ranking import WORST, Merit, merit

if TYPE_CHECKING:
    from caviar.store import Store

_WRITE_EVERY = 0.5  # seconds: the most that a kill can lose

TrialKey = tuple[int, int]  # number, repeat


@dataclass(frozen=True)
class Known:
    """What the store has of a study that is taken up again."""

    trials: Mapping[TrialKey, Trial] = field(default_factory=dict)
    measurements: Mapping[TrialKey, Mapping[int, Measurement]] = field(default_factory=dict)  # by epoch

    @staticmethod
    def of(store: Store, study: str) -> Known:
        """Everything that ``store`` has of ``study``."""
        measurements: dict[TrialKey, dict[int, Measurement]] = {}
        for number, repeat, measurement in store.measurements(study):
            measurements.setdefault((number, repeat), {})[measurement.epoch] = measurement
        return Known({(trial.number, trial.repeat): trial for trial in store.trials(study)}, measurements)


class Book:
    """Trials by (number, repeat), and the way of their measurements to the store, a batch at a time."""

    def __init__(self, store: Store, study: str, metric: str, keep: int, known: Known | None = None) -> None:
        self.trials: dict[TrialKey, Trial] = {}
        self.seconds: dict[TrialKey, float] = {}  # spent training each
        self._store = store
        self._study = study
        self._metric = metric
        self._keep = keep
        self._known = known or Known()
        self._stored = dict(self._known.trials)
        self._counts: Counter[TrialState] = Counter()  # repeats left out
        self._ranking: list[tuple[Merit, int]] = []  # (merit, -number) of the trials that have a score, the worst first
        self._kept: list[tuple[Merit, int, Training]] = []  # networks of the best that are over
        self._changed: dict[TrialKey, Trial] = {}
        self._measurements: list[tuple[int, int, Measurement]] = []
        self._written = time.monotonic()

    def begin(self, number: int, config: Config, repeat: int = 0) -> None:
        """A trial starts, or a finalist's repeat."""
        self._put(Trial(number, config, TrialState.RUNNING, repeat=repeat))

    def measure(self, done: Done) -> Merit:
        """What a piece of work measured; the trial's merit after it, WORST if it diverged."""
        key = (done.work.number, done.work.repeat)
        known = self._known.measurements.get(key, {})
        self._measurements += [(*key, self._measurement(epoch)) for epoch in done.epochs if epoch.epoch not in known]
        self.seconds[key] = self.seconds.get(key, 0.0) + sum(epoch.seconds for epoch in done.epochs)
        last = done.epochs[-1]
        score = last.validation.scores[self._metric]
        measured = replace(self.trials[key], epochs=last.epoch, score=score, validation_loss=last.validation.loss)
        if done.outcome is Outcome.DIVERGED:
            measured = replace(measured, state=TrialState.DIVERGED)
        self._put(measured)
        return self.merit(measured)

    def recall(self, number: int, to_epoch: int) -> Merit | None:
        """The merit of a trial at ``to_epoch`` where the store knows it, as if it had just been measured; else None."""
        key = (number, 0)
        stored, measurements = self._known.trials.get(key), self._known.measurements.get(key, {})
        if stored is None:
            return None
        diverged = stored.state is TrialState.DIVERGED and stored.epochs <= to_epoch
        epoch = stored.epochs if diverged else to_epoch
        if epoch not in measurements:
            return None
        last = measurements[epoch]
        self.seconds[key] = sum(m.seconds for m in measurements.values() if m.epoch <= epoch)
        measured = replace(self.trials[key], epochs=epoch, score=last.score, validation_loss=last.validation_loss)
        if diverged:
            measured = replace(measured, state=TrialState.DIVERGED)
        self._put(measured)
        return self.merit(measured)

    def settle(self, number: int, state: TrialState, training: Training | None = None, repeat: int = 0) -> None:
        """A trial is over. The ``training`` of a trial, not of a repeat, is kept while it is among the best."""
        trial = replace(self.trials[number, repeat], state=state)
        self._put(trial)
        if training is not None:
            self._kept.append((self.merit(trial), -number, training))
            self._kept.sort(key=lambda kept: kept[:2], reverse=True)
            del self._kept[self._keep :]

    def interrupt(self) -> None:
        """Whatever still runs was interrupted: by the end of the budget, or by a person."""
        for trial in [trial for trial in self.trials.values() if trial.state is TrialState.RUNNING]:
            self._put(replace(trial, state=TrialState.INTERRUPTED))

    def best(self, n: int) -> list[Trial]:
        """The ``n`` best trials that have a score, the best first; the earlier one where two are equal."""
        return [self.trials[-minus, 0] for _, minus in self._ranking[-n:][::-1]]

    def kept(self, number: int) -> Training | None:
        """The network that the search itself trained, if it is still there and whole."""
        return next((training for _, minus, training in self._kept if minus == -number), None)

    def counts(self) -> Mapping[TrialState, int]:
        """Trials in each state, repeats left out."""
        return Counter(self._counts)

    def write(self) -> None:
        """Write what is new, in one transaction."""
        if self._changed or self._measurements:
            self._store.write(self._study, list(self._changed.values()), self._measurements)
            self._stored |= self._changed
            self._changed, self._measurements = {}, []
        self._written = time.monotonic()

    def write_now_and_then(self) -> None:
        """Write when the last time is half a second ago."""
        if time.monotonic() - self._written >= _WRITE_EVERY:
            self.write()

    def close(self, state: StudyState, result: Mapping[str, Any] | None) -> None:
        """Write all that is left, and how the study ended."""
        self.interrupt()
        self.write()
        self._store.finish_study(self._study, state, result, datetime.now(UTC).isoformat())

    def _put(self, trial: Trial) -> None:
        key = (trial.number, trial.repeat)
        if trial.repeat == 0:
            before = self.trials.get(key)
            if before is not None:
                self._counts[before.state] -= 1
                self._rank(before, remove=True)
            self._counts[trial.state] += 1
            self._rank(trial)
        self.trials[key] = self._changed[key] = trial
        if self._stored.get(key) == trial:
            del self._changed[key]  # the store has it like that

    def _rank(self, trial: Trial, remove: bool = False) -> None:
        entry = (self.merit(trial), -trial.number)
        if entry[0] > WORST and remove:
            del self._ranking[bisect_left(self._ranking, entry)]
        elif entry[0] > WORST:
            insort(self._ranking, entry)

    def merit(self, trial: Trial) -> Merit:
        """What a trial is ranked by as it stands."""
        if trial.state is TrialState.DIVERGED:
            return WORST
        return merit(self._metric, trial.score, trial.validation_loss)

    def _measurement(self, epoch: Epoch) -> Measurement:
        return Measurement(
            epoch.epoch,
            epoch.train_loss,
            epoch.validation.loss,
            epoch.validation.scores.get("accuracy", math.nan),  # regression has none
            epoch.validation.scores[self._metric],
            epoch.learning_rate,
            epoch.seconds,
        )
