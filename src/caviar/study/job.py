"""The job of a study of a table: a request that passed every check, with its data prepared.

It starts the network of a task, and works out what the finals will cost.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nlargest
from itertools import takewhile, zip_longest

import numpy as np

from caviar.analysis.doubts import imbalance, off_centre
from caviar.data.dataset import Dataset
from caviar.data.examples import Examples
from caviar.executors.parked import StateStore
from caviar.executors.threads import Threads
from caviar.learners.balance import NOTE as BALANCE_NOTE
from caviar.learners.contract import (
    BYTES_A_PARAMETER,
    Evaluation,
    Keys,
    Learner,
    State,
    Training,
    TrainingData,
    score_names,
)
from caviar.learners.scoring import ScoredTraining, Scoring
from caviar.machine import environment
from caviar.records import Config, Study, StudyState, Task, Trial
from caviar.records.ranking import WORST
from caviar.records.retest import RetestSpec
from caviar.scheduling.strategy import ENQUEUED, Stopping
from caviar.search.contract import Search
from caviar.search.eras import Era, in_today
from caviar.search.fitting import note_on
from caviar.search.portfolio import PORTFOLIO
from caviar.search.searches import search_named
from caviar.search.transfer import LIKE
from caviar.space import Space
from caviar.study.ensemble import MOST
from caviar.study.interventions import Interventions
from caviar.study.ledger import Ledger
from caviar.study.spec import Request, checked_like

FINALISTS = 5
_WITH_PORTFOLIO = 8  # finalists of a search that begins with a portfolio
_IF_CHEAP = 20  # as many where all of their repeats take less than _CHEAP of a time budget
_CHEAP = 1 / 3
_CHEAP_BYTES = 1 << 27  # and where all of their networks, which are kept, take less than this
SEEDS = 4
"""Last trainings of each member of an ensemble, with a seed each, at most."""
_PARAMETERS = 1 << 18  # of all members together, at most, if there is more than one seed: predictions take longer
_CHALLENGERS = 3  # of an old answer that is tested again
_FIRST = (PORTFOLIO, ENQUEUED, LIKE)  # origins of the trials that such a search begins with

FEWEST_TRAININGS = 3
"""Repeats of each finalist of a retest, below which nothing is said of the luck of trainings."""

_ROOM = 1.2  # a fifth more than estimated: other programs run too
_CONCLUDING, _CONCLUDING_ROW = 0.1, 2e-5  # seconds that saving and a row of the test part take, with some room
_ACCOUNT = 0.15  # seconds of the intervals by resampled rows, and of the fewest steps of a linear model
_ACCOUNT_CELL, _MOST_ACCOUNT = 3e-7, 1.4  # and of baselines and columns: by n_in n_out cells
_FULL_ACCOUNT = 30.0  # seconds of budget from which on nothing is spared on them
_TRAINED_AGAIN = 2  # members of an ensemble that has no time for finals: the others may stay as the search left them
_FINALS_SHARE = 0.5  # of a time budget, at most: fewer finalists, repeats or epochs if they take longer


@dataclass(frozen=True, kw_only=True)
class TableJob:
    """A request that passed every check, with its data prepared."""

    request: Request
    name: str
    metric: str
    space: Space
    dataset: Dataset
    learner: Learner
    scoring: Scoring
    slots: int  # networks trained at once
    rungs: tuple[int, ...]
    pool: int
    stopping: Stopping
    folds: tuple[tuple[Examples, Examples], ...]  # (training, validation) of each repeat of a finalist
    seconds: float | None
    interventions: Interventions
    noted: tuple[str, ...] = ()
    """Notes on what was met where the study is taken up again."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the data, and on what the metric says of it."""
        uneven = (BALANCE_NOTE,) if self.request.balance else imbalance(self.metric, self.dataset)
        like = filter(None, (note_on(self.space, winners) for winners in checked_like(self.request.like)))
        return (*self.dataset.warnings, *uneven, *off_centre(self.metric, self.space), *like, *self.noted)

    def ended(self) -> bool:
        """True where a person wants the end at once."""
        return self.interventions.ended()

    @property
    def budget(self) -> float | None:
        """Seconds of the budget, with what it was extended by; None where trials are the budget."""
        return None if self.seconds is None else self.seconds + self.interventions.seconds

    @property
    def repeats(self) -> int:
        """The number of times that each finalist is trained again."""
        return len(self.folds)

    @property
    def folded(self) -> bool:
        """True where the repeats are folds of a cross-validation, and not fresh seeds on the same validation part."""
        return self.folds[0][1] is not self.dataset.validation

    def parameters(self, config: Config) -> int:
        """Count of the numbers that the network of ``config`` learns."""
        return self.learner.parameters(config, TrainingData.of(self.dataset))

    def start(self, task: Task, state: State | None) -> Training:
        """Draw the network of a task, or take up its ``state``. A task's repeat fixes its rows and its seed.

        Repeats 1, 2, ... are the folds of the finals, those after them are last trainings.
        """
        if task.repeat == 0:
            training, validation = self.dataset.train, self.dataset.validation
        elif task.repeat <= self.repeats:
            training, validation = self.folds[task.repeat - 1]
        else:
            nothing = self.dataset.validation.split(0)[0]
            training, validation = self.dataset.train_and_validation(), nothing
        data = TrainingData(training, validation, self.dataset.preprocessing.n_out)
        begun = self.learner.start(task.config, data, Keys.of(self.request.seed, task.trial, task.repeat), state)
        measured = {*score_names(data.n_out, data.several)} - {*self.scoring.beside}
        others = [name for name in dict.fromkeys((*self.scoring.beside, self.metric)) if name not in measured]
        return ScoredTraining(begun, validation, self.scoring, others) if others else begun

    def threads(self, ledger: Ledger, states: StateStore | None = None) -> Threads:
        """The threads that train tasks of this study."""
        return Threads(self.slots, self.start, self.metric, states, keep=ledger.networks.keep)

    @property
    def search_name(self) -> str:
        """The search; the checks have chosen it where the request names none."""
        assert self.request.search is not None
        return self.request.search

    @property
    def eras(self) -> tuple[Era, ...]:
        """The spaces of the study, today's last."""
        return in_today(self.request.eras, self.space)

    def search(self, space: Space, boxes: int = 0) -> Search:
        """The search that proposes configs of ``space``, after so many ``boxes``."""
        request, rows = self.request, len(self.dataset.train)
        return search_named(self.search_name, space, request.seed, rows, checked_like(request.like), boxes)

    def shown(self, evaluations: list[Evaluation]) -> dict[str, float]:
        """The mean scores of ``evaluations``; those of regression that have a unit in the target's own."""
        names = evaluations[0].scores
        return {
            name: self.scoring.units.get(name, 1.0) * float(np.mean([e.scores[name] for e in evaluations]))
            for name in names
        }

    @property
    def share(self) -> float:
        """The part of the usual work on baselines and columns that there is time for: a small budget has less."""
        return 1.0 if self.seconds is None else min(self.seconds / _FULL_ACCOUNT, 1.0)

    @property
    def account_seconds(self) -> float:
        """Seconds that the baselines and the importance of columns take, with some room."""
        learned = self.dataset.preprocessing
        cells = len(self.dataset.train) * learned.n_in * learned.n_out
        return _ACCOUNT + self.share * min(_ACCOUNT_CELL * cells, _MOST_ACCOUNT)

    def seconds_left(self, concluding: bool = True) -> float:
        """Seconds of the budget that are left for training; infinity where trials are the budget.

        Those of the conclusion are kept, unless it is said that they need not be.
        """
        if self.budget is None:
            return math.inf
        kept = _CONCLUDING + self.account_seconds + _CONCLUDING_ROW * self.dataset.test.rows if concluding else 0.0
        return self.budget - kept - (time.monotonic() - self.request.started)

    def epochs_wanted(self, ledger: Ledger, trial: Trial) -> int:
        """Epochs of a finalist's repeats: those at which it was best. More, that it never had, may spoil it.

        A config of the portfolio that was stopped on its way has all epochs: its first ones said little. One of an
        old answer has those of then.
        """
        for old, epochs in zip(self.old(ledger), self.tests.epochs, strict=False):
            if old.number == trial.number:
                return epochs
        if trial.origin == PORTFOLIO and trial.epochs < self.rungs[-1]:
            return self.rungs[-1]
        return ledger.peaks.epochs((trial.number, 0)) or max(trial.epochs, 1)

    def cost(self, ledger: Ledger, trial: Trial, epochs: int | None = None) -> float:
        """Seconds of one repeat of a finalist, for ``epochs`` or else for ``epochs_wanted``."""
        spent = ledger.seconds.get((trial.number, 0), 0.0) / max(trial.epochs, 1)
        return spent * (epochs or self.epochs_wanted(ledger, trial))

    def last_cost(self, cost: float) -> float:
        """Seconds of the last training, on more rows, of a finalist whose repeats take ``cost``."""
        return _ROOM * (1 + len(self.dataset.validation) / len(self.dataset.train)) * cost

    def last_seconds(self, costs: list[float]) -> float:
        """Seconds of the last trainings of finalists whose repeats take ``costs``: of one, or of an ensemble."""
        return self.last_round(nlargest(MOST if self.request.preset == "best" else 1, costs))

    def last_round(self, costs: list[float]) -> float:
        """Seconds of last trainings side by side, of finalists whose repeats take ``costs``."""
        return self.last_cost(max(sum(costs) / self.slots, max(costs, default=0.0)))

    def finalists(self, ledger: Ledger) -> list[Trial]:
        """The best trials, or as many of them as there is time to repeat once before the last training."""
        if self.request.retest is not None:
            return self._old_and_new(ledger)
        best = self._candidates(ledger)
        while len(best) > _WITH_PORTFOLIO and not self._cheap(ledger, best):
            best.pop()
        while len(best) > 1 and self._round_cost(ledger, best) > _FINALS_SHARE * (self.budget or math.inf):
            best.pop()
        return best

    def _cheap(self, ledger: Ledger, finalists: list[Trial]) -> bool:
        """True where all repeats of so many finalists take a small part of a time budget, and nobody is waiting."""
        if self.budget is None or self.interventions.stops:
            return False
        if self._round_cost(ledger, finalists, self.repeats) > _CHEAP * self.budget:
            return False
        parameters = sum(self.parameters(trial.config) for trial in finalists)
        return BYTES_A_PARAMETER * parameters * self.repeats <= _CHEAP_BYTES

    def seeds(self, members: list[Trial]) -> int:
        """Last trainings of each of the ``members`` of an ensemble, if there is time for them."""
        if not members or self.interventions.stops:
            return 1
        return max(1, min(SEEDS, _PARAMETERS // sum(self.parameters(trial.config) for trial in members)))

    def _candidates(self, ledger: Ledger) -> list[Trial]:
        """The best trials, however long it takes to repeat them."""
        if self.request.preset == "fast":
            return [ledger.trials[number, 0] for number in ledger.peaks.best(1)]
        if self.search_name == PORTFOLIO:
            return self._beside_portfolio(ledger)
        return [ledger.trials[number, 0] for number in ledger.peaks.best(FINALISTS)]

    def hurried(self, ledger: Ledger, within: float) -> bool:
        """True where fewer finalists can be repeated ``within`` so many seconds than an ensemble may have.

        Then the search's own networks are chosen from. Long tables have many validation rows, and where trainings take
        that long, there were few to be lucky. In a cross-validation the networks of the search are none of the folds'.
        """
        request = self.request
        usual = request.preset == "best" and request.prefer == "score" and request.retest is None
        if self.budget is None or self.folded or not usual:
            return False
        few = self._candidates(ledger)[:MOST]
        return len(few) > 1 and self._round_cost(ledger, few) > min(within, _FINALS_SHARE * self.budget)

    @property
    def tests(self) -> RetestSpec:
        """The old answer that is tested again; an empty one where none is."""
        return self.request.retest or RetestSpec(of="")

    def old(self, ledger: Ledger) -> list[Trial]:
        """The trials of the old finalists, in the order of the specification; the last may not have begun."""
        if not self.tests.epochs:
            return []
        first = takewhile(lambda trial: trial.origin in _FIRST, ledger.trials.values())
        return [trial for trial in first if trial.origin == ENQUEUED][: len(self.tests.epochs)]

    def recipe(self, ledger: Ledger) -> dict[int, float]:
        """The shares of the old answer by the numbers that its configs have here; those that have not begun lack."""
        shares = zip(self.old(ledger), self.tests.shares, strict=False)
        return {trial.number: share for trial, share in shares if share > 0}

    def _old_and_new(self, ledger: Ledger) -> list[Trial]:
        """The configs of the old answer, then challengers and other old finalists by turns, as far as time allows."""
        old, recipe = self.old(ledger), self.recipe(ledger)
        known = [trial.config for trial in old]
        candidates = self._beside_portfolio(ledger) if self.search_name == PORTFOLIO else []
        candidates += [ledger.trials[number, 0] for number in ledger.peaks.best(FINALISTS + len(old))]
        new = {trial.number: trial for trial in candidates if trial.config not in known}
        others = [trial for trial in old if trial.number not in recipe]
        turns = zip_longest(list(new.values())[:_CHALLENGERS], others)
        best = [trial for trial in old if trial.number in recipe]
        best += [trial for pair in turns for trial in pair if trial is not None]
        most = _FINALS_SHARE * (self.budget or math.inf)
        enough = max(len(recipe), 1)
        while len(best) > enough:
            repeats = self.repeats if len(best) > enough + 1 else FEWEST_TRAININGS
            if self._round_cost(ledger, best, repeats) <= most:
                break
            best.pop()
        return best

    def _beside_portfolio(self, ledger: Ledger) -> list[Trial]:
        """The trials of the least loss after all epochs, and between them the configs of the portfolio, in its order.

        The best of many scores on few rows is often best by luck. The portfolio was chosen on other tables, and the
        loss says more than a metric that counts rows.
        """
        longest = (ledger.trials[number, 0] for number in ledger.peaks.longest.best(_IF_CHEAP))
        found = [trial for trial in longest if trial.epochs == self.rungs[-1]]
        # Not all: this is asked often.
        first = takewhile(lambda trial: trial.origin.startswith(_FIRST), ledger.trials.values())
        inside = (trial for trial in first if trial.number not in ledger.outside)
        sound = (trial for trial in inside if ledger.peaks.of((trial.number, 0)) > WORST)
        portfolio = [trial for trial in sound if trial.origin == PORTFOLIO]
        best = [ledger.trials[number, 0] for number in ledger.peaks.best(FINALISTS)]
        later = [*[None] * (_WITH_PORTFOLIO // 2), *best]
        in_turn = [trial for each in zip_longest(found, portfolio, later) for trial in each if trial is not None]
        return list({trial.number: trial for trial in in_turn}.values())[:_IF_CHEAP]

    def finals_cost(self, ledger: Ledger) -> float:
        """Seconds to keep for the finals if the best trials of now become the finalists.

        Nothing where not even one last training would fit: the search's own network is the answer then.
        """
        best = self.finalists(ledger)
        if self.budget is None or not best:
            return 0.0
        most = _FINALS_SHARE * self.budget
        if self.last_cost(self.cost(ledger, best[0])) > most:
            return 0.0
        if self.hurried(ledger, most):
            return min(
                self.last_seconds([self.cost(ledger, one, one.epochs) for one in ledger.best(_TRAINED_AGAIN)]), most
            )
        return min(self._round_cost(ledger, best, self.repeats), most)

    def _round_cost(self, ledger: Ledger, finalists: list[Trial], repeats: int = 1) -> float:
        """Seconds of so many repeats of the finalists and the last training of the costliest.

        A single finalist trains its last time in parallel with its repeats.
        """
        costs = [self.cost(ledger, trial) for trial in finalists]
        one_round = 0.0 if self.request.preset == "fast" else max(sum(costs) / self.slots, max(costs))
        beside = len(costs) == 1 and self.slots > 1
        return (0.0 if beside else _ROOM * repeats * one_round) + self.last_seconds(costs)

    def seconds_of_finals(self, ledger: Ledger) -> float:
        """Seconds of a budget in which all repeats of the finalists of a retest would fit."""
        best = self._old_and_new(ledger)
        return max(
            self._round_cost(ledger, best, self.repeats) / _FINALS_SHARE if best else 0.0, 2 * (self.budget or 0.0)
        )

    def study_record(self, name: str) -> Study:
        """The record of the study at its start."""
        request = self.request
        return Study(
            name=name,
            seed=request.seed,
            metric=self.metric,
            search=self.search_name,
            space=self.space.to_dict(),
            spec=request.spec(self.seconds, self.rungs, self.repeats),
            data=self.dataset.facts,
            environment=environment(self.learner.name, self.learner.instruction_set, self.slots),
            state=StudyState.RUNNING,
            created=datetime.now(UTC).isoformat(),
        )
