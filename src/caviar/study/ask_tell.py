"""Ask and tell: caviar proposes, your own code trains, caviar answers who goes on, and everything is stored.

with caviar.open_study("resnets", space, seed=1) as study:
    for trial in study.ask(20):
        for epoch in range(1, 28):
            accuracy = train_one_epoch(trial.config)
            if not study.report(trial, epoch, accuracy):
                break
        study.tell(trial, accuracy)
    study.best.config
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from caviar import other_tuners
from caviar.arguments import as_number, checked
from caviar.constraints import Given
from caviar.errors import CaviarWarning, ConfigError, NameTaken, NoAnswer
from caviar.executors.helpers import PATIENCE
from caviar.machine import environment
from caviar.protocol.goal import LARGER
from caviar.ranges import brief
from caviar.records import Config, Lease, Measurement, Study, StudyState, Trial, TrialState
from caviar.records.attributes import checked_attribute
from caviar.records.names import check_name, cleaned
from caviar.records.ranking import GOAL_METRICS, WORST, Goal, RankKey, rank_key, rank_key_of
from caviar.records.result import BestTrial, StudyResult
from caviar.records.specs import StudyKind, StudySpec
from caviar.scheduling.asking import RUNGS, Asked, AskedTrials, Asking, Rule, TellState, checked_epoch, checked_rungs
from caviar.search.eras import Era, Make, eras_of, in_today, lies_in, search_of
from caviar.search.feasible import check_constraints, constrained
from caviar.search.fitting import note_on
from caviar.search.given import read, read_all
from caviar.search.searches import search_named
from caviar.space import Space
from caviar.store import Store
from caviar.study.earlier import check_same_study, create, evidence, is_imported, number_known
from caviar.study.enqueued import Enqueued, enqueued_once
from caviar.study.interventions import Interventions
from caviar.study.like import begun_like
from caviar.study.options import OpenOptions
from caviar.study.outbox import Outbox
from caviar.study.plot import Shown
from caviar.study.programs import trials_folder
from caviar.study.respacing import Respacing
from caviar.study.spec import DEFAULT_SEARCH, StorePath, check_store_patience, space_of

if TYPE_CHECKING:
    import pandas as pd

_ENDED: dict[TrialState, TellState] = {
    TrialState.FINISHED: "finished",
    TrialState.STOPPED: "stopped",
    TrialState.DIVERGED: "diverged",
}
_RARER = OpenOptions()
_NOT_GIVEN: Any = object()  # None is a value: that of a trial which diverged


def open_study(
    name: str,
    space: Space,
    *,
    seed: int = 0,
    goal: Goal | None = None,
    search: str = DEFAULT_SEARCH,
    stopping: Rule = "halving",
    rungs: tuple[int, ...] = RUNGS,
    first: Sequence[Config] = (),
    like: Sequence[str] | str = (),
    constraints: Given | Sequence[Given] = (),
    store: StorePath = "caviar.db",
    options: OpenOptions = _RARER,
) -> OpenStudy:
    """Begin a study of networks, or of anything else, that your own code trains; or take the one of that name up again.

    goal: "maximize" for accuracies and the like, "minimize" for losses. If not given, that of the study that is taken
        up, or of ``known``; a new one maximizes, with a CaviarWarning.
    search: the search that proposes the configs, see ``caviar tune --help``.
    stopping: "halving", which lets the best third of a rung go on; "median", the better half; "none".
    rungs: epochs, rising, at which trials are compared; what is reported between them is kept, and no more.
    first: configs to try before the search's own, dicts by name; what one leaves out the search fills in. Where the
        study is taken up, those that it has already are not tried again.
    like: names of earlier studies whose best configs come first, and then draws around them, while these are good; one
        of another store is STUDY@STORE. A study that is taken up keeps what it took when it began.
    constraints: conditions that every config fulfils, as of ``Space.require``: texts, "units2 <= units1", or functions.
    options: an OpenOptions, with the rarer arguments ``known`` and ``store_patience``. Each can be given as an argument
        of the call, too.

    A study that is taken up knows all that was reported and told before; trials that were asked for and not told are
    interrupted. Raises ConfigError, SpaceError or StoreError; StoreError if the one of that name is another's.
    """
    space = constrained(space_of(space), constraints)
    check_constraints(space)
    check_store_patience(options.store_patience)
    rungs = checked_rungs(rungs)
    return OpenStudy(name, space, seed, goal, search, stopping, rungs, first, like, store, options)


class OpenStudy(Shown, AbstractContextManager["OpenStudy"]):
    """A study under way; see open_study. One thread at a time may use it."""

    def __init__(
        self,
        name: str,
        space: Space,
        seed: int,
        goal: Goal | None,
        search: str,
        stopping: Rule,
        rungs: tuple[int, ...],
        first: Sequence[Config],
        like: Sequence[str] | str,
        store: StorePath,
        options: OpenOptions,
    ) -> None:
        """Use open_study."""
        if goal is not None and goal not in GOAL_METRICS:
            raise ConfigError(
                f"`goal` is maximize or minimize, got {brief(goal)}", "losses are to be minimized: `goal='minimize'`"
            )
        check_name("study", name)
        self.name = name
        wished = read_all(space, first)
        self._known = known = options.known
        winners = begun_like(name, like, store, space)
        self._make: Make = lambda space, boxes: search_named(search, space, seed, like=winners, boxes=boxes, slots=1)
        self._make(space, 0)  # not every search can walk through every space
        self._eras: tuple[Era, ...] = (Era(0, space),)
        self._trials: dict[int, Trial] = {}
        self._stored: list[Trial] = []  # as the store had them when this process came
        self._first_box = 0  # boxes are counted on where a study is taken up
        self._store, self._url = Store.open(store), store
        self._metric, notes = _metric(self._store, name, known, goal)
        record = Study(
            name=name,
            seed=seed,
            metric=self._metric,
            search=search,
            space=space.to_dict(),
            spec=StudySpec(kind=StudyKind.ASKED, rungs=rungs, stopping=stopping, first=wished, like=winners),
            data={},
            environment=environment("your own", "", 1),
            state=StudyState.RUNNING,
            created=datetime.now(UTC).isoformat(),
            notes=(*notes, *filter(None, (note_on(space, one) for one in winners))),
        )
        try:
            for note in record.notes:  # before anything is written: a filter may make an error of it
                warnings.warn(note, CaviarWarning, stacklevel=6)  # through the door
            self._begin(record, stopping, options.store_patience)
            self._folders = trials_folder(self._store, name).absolute()  # read now: later the store may be away
        except BaseException:
            self._store.close()
            raise
        self._outbox = Outbox(self._store, self._delivery, {(one.number, one.repeat): one for one in self._stored})
        self._delivery.beat()  # from now on, for an epoch of one's own may take hours
        first = self._store.spec(name).first
        self._queue = Enqueued(self._eras, seed, first, self._trials.values(), recalled=True)
        self._interventions = Interventions(queue=self._queue).follow(self._store, self._delivery)
        asking = self._asking
        asking.wishes(self._queue)
        self._interventions.respacing = Respacing(
            record, self._eras, self._make, lambda: asking.begun, asking.turn, self._respaced
        )
        self._is_closed = False

    if not TYPE_CHECKING:  # a type checker knows the attributes

        def __getattr__(self, name: str) -> Any:
            """Raise AttributeError, with our name for one that other tuners have."""
            raise other_tuners.attribute("a study for ask and tell", "study", name)

    @checked
    def ask(self, n: int = 1) -> list[Asked]:
        """The next ``n`` trials to train, each with its ``number`` and a copy of its ``config``.

        There are fewer if the search has no more, and none once somebody has stopped the study (caviar stop).
        """
        before = len(self._asking.boxes)
        self._interventions.look()
        asked = [] if self._interventions.stops else self._asking.ask(n)
        self._outbox.opened([replace(b, number=b.number + self._first_box) for b in self._asking.boxes[before:]])
        for trial in asked:
            self._put(Trial(trial.number, trial.config, TrialState.RUNNING, origin=trial.origin))
        self._outbox.write_now_and_then()
        return AskedTrials(trial._replace(config=deepcopy(trial.config)) for trial in asked)

    def enqueue(self, config: Config) -> None:
        """Have ``config`` asked for next; what it leaves out the search fills in.

        Raises ConfigError for one outside of the space.
        """
        self._interventions.look(at_once=True)  # the space may be another by now
        wished = read(self._eras[-1].space, config)
        self._delivery.need(enqueued_once(self._store, self.name, wished))
        self._interventions.look(at_once=True)

    @checked
    def report(self, trial: Asked | int, epoch: int, value: float) -> bool:
        """Record that ``trial`` measured ``value`` after ``epoch`` (1, 2, ...): whether it is worth going on with.

        A trial is what ``ask`` gave, or its number. NaN or infinity is a trial that diverged: it should stop. Epochs
        must rise. Raises ConfigError, and records nothing, for an epoch that is none, and NotANumber for a value that
        is none.
        """
        number = _number_of(trial)
        measured = as_number("value", value, "study.report(trial, epoch, value), and no call where none was")
        self._asking.goes_on(number)  # for a trial that is not open its ConfigError comes first
        at = checked_epoch(epoch, value, self._trials[number].epochs)
        goes_on = self._asking.report(number, at, self._rank_key(measured))
        self._interventions.look()
        nan = math.nan
        self._outbox.measured((number, 0), [Measurement(at, nan, nan, nan, measured, nan, nan)])
        self._put(self._trials[number]._replace(epochs=at, score=measured))
        self._outbox.write_now_and_then()
        return goes_on and not self._interventions.stops

    @checked
    def tell(
        self,
        trial: Asked | int,
        value: float | None = _NOT_GIVEN,
        stopped: bool | None = None,
        *,
        infeasible: bool | str = False,
    ) -> None:
        """End ``trial`` with ``value``; NaN, infinity or None for one that diverged.

        stopped: whether it ended early; if not given, whether ``report`` has last said that it should.
        infeasible: True, or the reason, for a config that cannot be trained. That is no failure; it is ranked last.
        """
        number = _number_of(trial)
        if isinstance(infeasible, np.bool):
            infeasible = bool(infeasible)
        if not isinstance(infeasible, bool | str):
            raise ConfigError(
                f"`infeasible` is True or the reason, got {brief(infeasible)}", 'write `infeasible="why"`'
            )
        if infeasible:
            self._end_infeasible(number, value, infeasible)
            return
        way_out = "study.tell(trial, None) is for one without a value"
        if value is _NOT_GIVEN:
            raise ConfigError("study.tell(trial, value) needs the value that came of it", way_out)
        score = math.nan if value is None else as_number("value", value, way_out)
        early = not self._asking.goes_on(number) if stopped is None else stopped
        state = TrialState.STOPPED if early else TrialState.FINISHED
        state = state if math.isfinite(score) else TrialState.DIVERGED
        self._asking.tell(number, self._rank_key(score), _ENDED[state])
        self._put(self._trials[number]._replace(state=state, score=score))
        self._outbox.write_now_and_then()

    def set(self, trial: Asked | int, name: str, value: Any) -> None:
        """Note an attribute of ``trial``: a number, text, boolean, None, or lists and dicts of these.

        Raises ConfigError for anything else. Larger things are files in ``folder(trial)``.
        """
        number = _number_of(trial)
        named, plain = checked_attribute(name, value)
        known = self._trials.get(number)
        if known is None:
            raise ConfigError(f"there is no trial {number!r}", "set attributes of trials that ask() gave")
        self._put(known._replace(attributes={**known.attributes, named: plain}))
        self._outbox.write_now_and_then()

    def folder(self, trial: Asked | int) -> Path:
        """The folder of ``trial``, for files of yours, which is made if need be. It is deleted with the study.

        Raises ConfigError for a trial that was not asked for.
        """
        number = _number_of(trial)
        if number not in self._trials:
            raise ConfigError(f"there is no trial {number!r}", "ask for the folders of trials that ask() gave")
        folder = self._folders / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def best_config(self) -> Config:
        """The config of the best trial so far. NoAnswer while there is none."""
        return self.best.config

    @property
    def best_score(self) -> float:
        """The value of the best trial so far. NoAnswer while there is none."""
        score = self.best.score
        assert score is not None  # it is ranked by it
        return score

    @property
    def best(self) -> Trial:
        """The best trial of today's space, those that finished before those that were stopped. NoAnswer without any."""
        scored = [trial for trial in self._trials.values() if rank_key_of(self._metric, trial) > WORST]
        if len(self._eras) > 1:
            inside = lies_in(self._eras)
            scored = [trial for trial in scored if inside(trial.config)] or scored
        if not scored:
            raise NoAnswer("no trial has a finite value yet", "tell what came of one, or lower the learning rates")
        best = max(scored, key=lambda t: (t.state is TrialState.FINISHED, rank_key_of(self._metric, t), -t.number))
        return best._replace(config=deepcopy(best.config))

    def trials(self) -> pd.DataFrame:
        """All trials, a row a trial."""
        self._outbox.write()
        return self._delivery.need(lambda: self._store.trials_frame(self.name))

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """See Shown."""
        if not self._is_closed:
            self._outbox.write()
        with Store.open(self._url, create=False) if self._is_closed else nullcontext(self._store) as store:
            yield store

    def close(self) -> None:
        """Write everything; whatever was asked for and not told is interrupted."""
        if self._is_closed:
            return
        self._is_closed = True
        result = None
        if any(rank_key_of(self._metric, trial) > WORST for trial in self._trials.values()):
            result = _result(self._metric, self.best, self._folders / str(self.best.number))
        with closing(self._store):
            self._outbox.close(StudyState.FINISHED, result)

    def __exit__(self, *_: object) -> None:
        """Close the study, whatever was raised."""
        self.close()

    def _respaced(self, eras: Sequence[Era]) -> None:
        self._eras = self._queue.eras = tuple(eras)

    def _begin(self, record: Study, stopping: Rule, store_patience: float) -> None:
        if record.name not in self._store.subjects.names():
            with suppress(NameTaken):  # another process was quicker
                record = create(self._store, record, self._known, self._eras[-1].space)
                self._delivery = self._store.delivery(self._store.leases.join(record.name), store_patience)
                self._stored = self._store.trials(record.name)
                self._ask_of(record, stopping, self._stored)
                return
        there = self._store.study(record.name)
        check_same_study(there, record, self._store.free_name)
        lease = self._store.leases.take(record.name, PATIENCE)
        try:
            self._take_up(record, there, stopping, lease, store_patience)
        except BaseException:
            self._store.leases.leave(lease)
            raise

    def _take_up(self, record: Study, there: Study, stopping: Rule, lease: Lease, store_patience: float) -> None:
        """Go on with the study that is ``there``."""
        self._eras = in_today(eras_of(there), self._eras[-1].space)
        self._delivery = self._store.delivery(lease, store_patience)
        fresh = [config for config in record.spec.first if config not in there.spec.first]
        trials = self._stored = self._store.trials(record.name)
        spec = replace(record.spec, first=(*there.spec.first, *fresh), known=there.spec.known)
        if is_imported(there) and not there.spec.known:  # by an older version
            spec = replace(spec, known=number_known(there, trials))
        self._store.reopen_study(record.name, spec, lease)
        self._ask_of(replace(record, spec=spec), stopping, trials)
        reports: dict[int, list[tuple[int, float]]] = {}
        for number, _, measurement in self._store.measurements(record.name):
            reports.setdefault(number, []).append((measurement.epoch, measurement.score))
        for trial in trials[len(self._trials) :]:
            running = trial.state is TrialState.RUNNING
            trial = trial._replace(state=TrialState.INTERRUPTED) if running else trial
            self._trials[trial.number] = trial
            known = [(epoch, self._rank_key(value)) for epoch, value in reports.get(trial.number, [])]
            ended_worst = trial.state in (TrialState.DIVERGED, TrialState.INFEASIBLE)
            last = self._rank_key(trial.score) if trial.state is TrialState.FINISHED else WORST if ended_worst else None
            self._asking.recall(trial.config, trial.origin, known, last)
        self._first_box = len(self._store.boxes(record.name))

    def _ask_of(self, study: Study, stopping: Rule, trials: Sequence[Trial]) -> None:
        """Make the asking part, which knows those of ``trials`` that were measured before the study began."""
        earlier = [trial for trial in trials if trial.number < study.spec.known]
        self._trials = {trial.number: trial for trial in earlier}
        known = evidence(study.metric, earlier, study.spec.rungs)
        self._asking = Asking(search_of(self._eras, self._make), stopping, study.spec.rungs, known, study.spec.known)

    def _end_infeasible(self, number: int, value: float | None, why: bool | str) -> None:
        if value is not None and value is not _NOT_GIVEN:
            raise ConfigError(
                f"a trial has a value or is infeasible, got `value={value!r:.40}` and `infeasible={why!r:.40}`",
                "leave one of them out",
            )
        self._asking.tell(number, WORST, "infeasible")
        reason = (cleaned(why).strip() if isinstance(why, str) else "") or "infeasible"
        self._put(self._trials[number]._replace(state=TrialState.INFEASIBLE, error=reason))
        self._outbox.write_now_and_then()

    def _rank_key(self, value: float | None) -> RankKey:
        return WORST if value is None else rank_key(self._metric, value, 0.0)

    def _put(self, trial: Trial) -> None:
        self._trials[trial.number] = trial
        self._outbox.put(trial)


def _metric(store: Store, name: str, known: str | None, goal: Goal | None) -> tuple[str, tuple[str, ...]]:
    """The metric by the ``goal``, or of the study that is taken up or known; a note where nothing tells it."""
    if goal is not None:
        return GOAL_METRICS[goal], ()
    metrics = {study.name: study.metric for study in store.studies()}
    before = metrics.get(name, metrics.get(known or ""))
    if before is not None and before in GOAL_METRICS.values():
        return before, ()
    return GOAL_METRICS["maximize"], (LARGER,)


def _result(metric: str, winner: Trial, folder: Path) -> StudyResult:
    """The answer of a study whose best trial is the ``winner``, with its ``folder`` where that is there."""
    best = BestTrial(
        trial=winner.number,
        config=winner.config,
        score=winner.score,
        folder=str(folder) if folder.is_dir() else None,
        attributes=winner.attributes,
    )
    return StudyResult(metric=metric, best=best)


def _number_of(trial: Any) -> int:
    """The number of a trial that was asked for. Raises ConfigError for what is none."""
    number = trial.number if isinstance(trial, Asked) else trial
    if isinstance(number, bool) or not isinstance(number, int):
        raise ConfigError(
            f"a trial is what study.ask() gave, got {brief(trial)}",
            "write study.report(trial, epoch, value) and study.tell(trial, value), for trial in study.ask(10)",
        )
    return number
