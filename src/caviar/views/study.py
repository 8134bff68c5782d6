"""Facts of a study: its head, its progress, and the account of the whole of it.

Functions of records are pure; those that take a ``store`` read the records and call them.

Notation
    u     unit coordinate of a hyperparameter on its scale, 0 to 1
    box   a part of the space that a round of the search drew from (records.Box)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from caviar.analysis.importance import ENOUGH, Importance, importances
from caviar.records import Box, Config, Study, StudyKind, StudyProgress, StudyState, Trial, TrialState
from caviar.records.config import as_number
from caviar.records.ranking import WORST, rank_key, rank_key_of
from caviar.records.result import Finalist
from caviar.scales import Scale
from caviar.search.portfolio import PORTFOLIO
from caviar.search.searches import noted_before
from caviar.search.transfer import LIKE
from caviar.space import Space
from caviar.store import Store
from caviar.views.axes import Ticks, ticks
from caviar.views.followed import Followed, followed
from caviar.views.lengths import seconds_worked, whole_training
from caviar.views.spaces import Proposed, SpaceChange, configs_of_today, proposed_changes, space_history
from caviar.views.worth import Worth, worth_of

Decision = Literal["mean", "noise", "small", "fast"]

_BEST = 20  # trials that the advice on edges looks at


MeasureImportance = Callable[[Study, Space, Sequence[Trial]], Sequence[Importance]]
"""The importance of a study's hyperparameters, from its space and its trials without repeats."""


@dataclass(frozen=True)
class TableFacts:
    """Numbers of rows, features and classes of a study's table; ``classes`` is 0 where a number is predicted.

    Of several ``targets`` there is their number, and no classes.
    """

    rows: int
    features: int
    classes: int
    train: int
    validation: int
    test: int
    targets: int = 0


@dataclass(frozen=True)
class StudyHead:
    """A study before its trials; ``table`` is None where its trials are not of a table."""

    record: Study
    table: TableFacts | None
    rungs: tuple[int, ...]  # epochs

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the data and the search, and on the answer where there is one."""
        result = self.record.result
        return self.record.notes if result is None else result.notes or self.record.notes

    def searched(self, config: Config) -> dict[str, Any]:
        """The hyperparameters of ``config`` that the space does not fix."""
        return {name: value for name, value in config.items() if "value" not in self.record.space.get(name, {})}


@dataclass(frozen=True)
class Running:
    """A study at one moment; ``alive`` is False where its process has ended without a word."""

    head: StudyHead
    progress: StudyProgress
    alive: bool = True

    @property
    def is_running(self) -> bool:
        """True while a process runs it."""
        return self.alive and self.head.record.state is StudyState.RUNNING

    @property
    def is_over(self) -> bool:
        """True for the progress of a study that has ended."""
        return self.progress.phase in (StudyState.FINISHED, StudyState.INTERRUPTED)

    @property
    def started(self) -> int:
        """Trials that have begun, repeats left out."""
        return sum(self.progress.counts.values())

    @property
    def seconds(self) -> float:
        """Seconds that all commands together have worked on it."""
        return self.head.record.spec.spent + self.progress.elapsed

    @property
    def age(self) -> float:
        """Seconds since it began, with the rests between commands."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.head.record.created)).total_seconds()

    @property
    def pace(self) -> float:
        """Trials that begin in a second."""
        return self.started / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the budget is spent; None for a budget of trials."""
        seconds = self.head.record.spec.seconds
        return None if seconds is None else max(seconds - self.progress.elapsed, 0.0)


@dataclass(frozen=True)
class StudyRow:
    """A study in the list of a store; ``alive`` is False where its process has ended without a word."""

    head: StudyHead
    counts: Mapping[TrialState, int]
    alive: bool = True


@dataclass(frozen=True)
class Rung:
    """The numbers of the trials that were trained for ``epochs`` or more."""

    epochs: int
    trials: tuple[int, ...]


@dataclass(frozen=True)
class BoxView:
    """A box; ``bands`` has the two ends, in u, of each hyperparameter that it gives a range."""

    box: Box
    bands: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Finals:
    """The finalists, the best mean first, and the winner with the ground on which it was chosen."""

    finalists: tuple[Finalist, ...]
    winner: Finalist | None
    config: Config
    decision: Decision
    epochs: Mapping[int, int] = field(default_factory=dict)  # of each finalist in the search, by its trial


@dataclass(frozen=True)
class StudyView:
    """Everything that ``caviar explain`` says of a study; ``trials`` leave repeats out."""

    head: StudyHead
    space: Space
    trials: tuple[Trial, ...]
    outcomes: Mapping[TrialState, int]
    epochs: int  # of all trials together
    whole_training: int  # epochs of a training to the end
    early_ends: str  # a sentence where the trials that finished were over before the last rung; else empty
    lowest_diverged: float | None  # the smallest learning rate of a trial that diverged
    rungs: tuple[Rung, ...]
    boxes: tuple[BoxView, ...]
    remarks: tuple[str, ...]  # of the search on itself: the cost of a grid, the worth of what it followed
    followed: tuple[Followed, ...]
    importance: tuple[Importance, ...]
    finals: Finals
    worth: Worth  # of the answer
    advice: tuple[str, ...]
    best: Trial | None = None  # of code of the user's own: the winner, or the best so far
    proposed: tuple[Proposed, ...] = ()  # the advice as changes of the space
    history: tuple[SpaceChange, ...] = ()  # of the space
    today: Mapping[int, Config] = field(default_factory=dict)  # of trials in today's space, as that has them

    @property
    def outside(self) -> tuple[int, ...]:
        """The trials that do not lie in today's space."""
        return tuple(trial.number for trial in self.trials if trial.number not in self.today) if self.history else ()


@dataclass(frozen=True)
class Axis:
    """A hyperparameter's scale with the u of every trial, (n,), NaN where it does not apply, and values at some u."""

    name: str
    u: np.ndarray[Any, np.dtype[np.float64]]
    ticks: Ticks


# --- from the store ---


def study_view(store: Store, name: str) -> StudyView:
    """The whole account of study ``name``. Raises StoreError if there is none."""
    return study_view_of(store.study(name), store.trials(name), store.boxes(name))


def running(store: Store, name: str) -> Running:
    """Study ``name`` as it stands, which another process may be running. Raises StoreError if there is none."""
    study = store.study(name)
    return running_of(study, is_alive(store, study), lambda: store.trials(name))


def is_alive(store: Store, study: Study) -> bool:
    """False where ``study`` is said to run, and no process runs it."""
    return study.state is not StudyState.RUNNING or bool(store.leases.living(study.name))


def study_rows(store: Store) -> list[StudyRow]:
    """The studies of ``store``, oldest first."""
    counts = store.trial_counts()
    return [StudyRow(head(study), counts[study.name], is_alive(store, study)) for study in store.studies()]


# --- from records ---


def head(study: Study) -> StudyHead:
    """The head of ``study``."""
    data, table = study.data, None
    if study.spec.kind is StudyKind.TABLE:
        counts = {**data, "targets": len(data.get("targets") or ())}
        table = TableFacts(*(int(counts.get(field.name) or 0) for field in fields(TableFacts)))
    return StudyHead(study, table, study.spec.rungs)


def ranked(metric: str, trials: Sequence[Trial]) -> list[Trial]:
    """``trials``, the best first."""
    return sorted(trials, key=lambda trial: (rank_key_of(metric, trial), -trial.number), reverse=True)


def progress_of(study: Study, trials: Sequence[Trial]) -> StudyProgress:
    """The progress of ``study``, from its trials alone; it ends where the study has ended."""
    own = [trial for trial in trials if trial.repeat == 0]
    inside = configs_of_today(study, own)
    scored = [trial for trial in ranked(study.metric, own) if rank_key_of(study.metric, trial) > WORST]
    best = next((trial for trial in scored if trial.number in inside), next(iter(scored), None))
    reached = tuple(len(rung.trials) for rung in _rungs(study, own))
    elapsed = seconds_worked(study) - study.spec.spent
    return StudyProgress(str(study.state), elapsed, _counts(own), reached, best)


def running_of(study: Study, alive: bool, trials: Callable[[], Sequence[Trial]]) -> Running:
    """``study`` as it stands; its ``trials`` are asked for where its process has not said enough."""
    if study.state is StudyState.RUNNING and study.progress is not None:
        return Running(head(study), StudyProgress.from_record(study.progress), alive)
    return Running(head(study), progress_of(study, trials()), alive)


def study_view_of(
    study: Study, trials: Sequence[Trial], boxes: Sequence[Box], measured: MeasureImportance | None = None
) -> StudyView:
    """The account of ``study``, from all that the store has of it; ``measured`` in the place of importance_of."""
    space = Space.from_dict(study.space)
    own = tuple(trial for trial in trials if trial.repeat == 0)
    today = configs_of_today(study, own)
    scored = [trial for trial in ranked(study.metric, own) if rank_key_of(study.metric, trial) > WORST]
    inside = [trial for trial in scored if trial.number in today]
    drawn = [trial for trial in inside if trial.origin != PORTFOLIO]  # others chose those configs, on other tables
    proposed = proposed_changes(study, [today[trial.number] for trial in drawn[:_BEST]])
    diverged = [trial.config for trial in own if trial.state is TrialState.DIVERGED]
    follows = followed(study, own)
    rates = [as_number(config["learning_rate"]) for config in diverged if "learning_rate" in config]
    return StudyView(
        head=head(study),
        space=space,
        trials=own,
        outcomes=_counts(own),
        epochs=sum(trial.epochs for trial in own),
        whole_training=whole_training(study, own),
        early_ends=_early_ends(study, own),
        lowest_diverged=min(rates, default=None),
        rungs=_rungs(study, own),
        boxes=tuple(BoxView(box, _bands(space, box)) for box in boxes),
        remarks=(*noted_before(study.search, space, len(own)), *(each.sentence for each in follows)),
        followed=follows,
        importance=tuple((measured or importance_of)(study, space, own)),
        finals=_finals(study, trials),
        best=None if study.spec.kind is StudyKind.TABLE else _best(study, inside or scored),
        worth=Worth() if study.result is None else worth_of(study.result),
        advice=tuple(one.reason for one in proposed),
        proposed=proposed,
        history=space_history(study),
        today=today,
    )


def _best(study: Study, scored: Sequence[Trial]) -> Trial | None:
    """The winner that the result names; without a result the best, those that finished first."""
    if study.result is not None:
        return next((trial for trial in scored if trial.number == study.result.best.trial), None)
    return next(iter(sorted(scored, key=lambda trial: trial.state is not TrialState.FINISHED)), None)


def axes_of(space: Space, configs: Sequence[Config]) -> tuple[Axis, ...]:
    """The axes of the searched hyperparameters, with the places of ``configs`` on them; an empty one has none."""
    names = list(space.searched)
    u = space.to_unit(configs) if configs else np.empty((0, len(names)))
    return tuple(Axis(name, u[:, i], ticks(space[name])) for i, name in enumerate(names))


def _counts(trials: Sequence[Trial]) -> dict[TrialState, int]:
    return {state: sum(trial.state is state for trial in trials) for state in TrialState}


def _early_ends(study: Study, trials: Sequence[Trial]) -> str:
    whole = whole_training(study, trials)
    if not study.spec.rungs or whole == study.spec.rungs[-1]:
        return ""
    if whole > 1:
        return f"Trials ended by themselves after {whole} epochs at most: their last scores count at all later rungs."
    why = "ended by themselves after their first score" if whole else "reported no epochs"
    advice = "" if study.spec.stopping == "none" else ": with the stopping rule none, all of them guide the search"
    return f"Trials {why}, so that stopping can save nothing{advice}."


def _rungs(study: Study, trials: Sequence[Trial]) -> tuple[Rung, ...]:
    return tuple(
        Rung(epochs, tuple(trial.number for trial in trials if trial.epochs >= epochs)) for epochs in study.spec.rungs
    )


def _bands(space: Space, box: Box) -> dict[str, tuple[float, float]]:
    """The box in u, for hyperparameters that it gives a range."""
    bands = {}
    for name, given in box.ranges.items():
        if name in space and "low" in given:
            low, high = (_place(space[name], given[end]) for end in ("low", "high"))
            if low is not None and high is not None and (low != high or given["low"] == given["high"]):
                bands[name] = (min(low, high), max(low, high))
    return bands


def _place(scale: Scale, value: Any) -> float | None:
    """The u of an end of a box, 0 or 1 where it lies beyond the scale; None where the scale is another."""
    if scale.contains(value):
        return float(scale.to_unit([value])[0])
    low, high = getattr(scale, "low", None), getattr(scale, "high", None)
    if low is None or high is None or isinstance(value, str | bool) or low <= value <= high:
        return None
    return 0.0 if value < low else 1.0


def importance_of(study: Study, space: Space, trials: Sequence[Trial]) -> list[Importance]:
    """Importance of each hyperparameter for the last rung of a trial, and for its score there.

    Only trials of today's space count, and of them only draws from the whole space, where there are enough of them. A
    box lies where the search expects good values, so that draws from it would show the search's own opinion; so would
    the configs of a portfolio and those that follow another study.
    """
    today = configs_of_today(study, trials)
    trials = [trial._replace(config=today[trial.number]) for trial in trials if trial.number in today]
    begun = [trial for trial in trials if trial.epochs or trial.state is TrialState.DIVERGED]
    begun = [trial for trial in begun if trial.state is not TrialState.INFEASIBLE]
    everywhere = [trial for trial in begun if not trial.origin.startswith(("box", PORTFOLIO, LIKE))]
    counted = everywhere if len(everywhere) >= ENOUGH else begun
    ranks = []
    for trial in counted:
        key = rank_key_of(study.metric, trial)
        rungs = sum(trial.epochs >= epochs for epochs in study.spec.rungs)
        ranks.append((float(rungs), *key) if key > WORST else (-1.0, 0.0, 0.0))
    is_running = study.state is StudyState.RUNNING
    return importances(space, [trial.config for trial in counted], ranks, study.seed % 2**32, provisional=is_running)


def _finals(study: Study, trials: Sequence[Trial]) -> Finals:
    """The finals as the result has them, or as the store does while there is no result."""
    result = study.result
    own = {trial.number: trial for trial in trials if trial.repeat == 0}
    if result is not None and result.finalists is not None:
        finalists = list(result.finalists)
    else:
        repeats: dict[int, list[float | None]] = {}
        for trial in trials:
            if trial.repeat and trial.state is TrialState.FINISHED and trial.score is not None:
                repeats.setdefault(trial.number, []).append(trial.score)
        finalists = [
            Finalist(n, own[n].epochs, None, own[n].score, scores[: study.spec.repeats])
            for n, scores in repeats.items()
        ]
        finalists.sort(key=lambda finalist: rank_key(study.metric, finalist.mean, 0.0), reverse=True)
    number = None if result is None else result.best.trial
    winner = next((finalist for finalist in finalists if finalist.trial == number), None)
    prefer: Mapping[str, Decision] = {"score": "noise", "small": "small", "fast": "fast"}
    asked = study.spec.table.prefer if study.spec.table else "score"
    decision = prefer[asked] if winner is not None and winner is not finalists[0] else "mean"
    config = own[winner.trial].config if winner is not None and winner.trial in own else {}
    epochs = {one.trial: own[one.trial].epochs for one in finalists if one.trial in own}
    return Finals(tuple(finalists), winner, config, decision, epochs)
