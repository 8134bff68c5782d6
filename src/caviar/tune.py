"""Caviar's way: train thousands of networks, stop the poor ones early, train the best again, keep one.

``tune`` is the whole job in one call. ``follow`` is the same job as a stream of events, for those who want to watch:
the terminal's live display is one, and nothing in here prints. The two loops, `_search` and `_finals`, are the story;
the rest prepares and concludes.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.dataset import Dataset, Examples, prepare
from caviar.engine import engine_named
from caviar.engine.contract import Engine, Evaluation, Keys, Outcome, Training
from caviar.errors import ConfigError, NoAnswer, SpaceError, StoreError, did_you_mean
from caviar.model import Model, fold, outputs
from caviar.nn.config import HYPERPARAMETERS, Architecture, Optimisation, from_config, parameter_shapes
from caviar.randomness import Purpose, UInt64, generator, stream_key
from caviar.records import Config, Study, StudyState, Trial, TrialState
from caviar.run.book import Book
from caviar.run.crew import Crew, Done, Work
from caviar.run.environment import environment, processors
from caviar.search.halving import POOL, rungs_for
from caviar.search.ranking import WORST, Merit, check_metric, merit, metric_for
from caviar.search.searches import check_search, search_named
from caviar.search.strategy import Ending, Search, Strategy
from caviar.space import Space, default_space

if TYPE_CHECKING:
    import pandas as pd

# The database and pandas are imported where they are needed: `import caviar` should not wait for them.

DEFAULT_SECONDS = 60.0
FINALISTS = 3
_RESAMPLES, _DRAWN = 1000, 10_000  # of the bootstrap: a tenth of a second at most
_SHOW_EVERY = 0.1  # seconds
_MEMORY = 1 << 30  # bytes that networks waiting at the rungs may take; the same everywhere, for it decides who waits
_BYTES_A_PARAMETER = 16  # float32: the value, two moments, and room for running statistics and padding
_CONCLUDING = 0.5  # seconds that saving and the test part take, with some room


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asks of ``tune``, by the names of its arguments; ``started`` is when the budget began to count."""

    data: Any
    target: str | None = None
    labels: str | os.PathLike[str] | None = None
    test: Any = None
    test_labels: str | os.PathLike[str] | None = None
    seconds: float | None = None
    trials: int | None = None
    seed: int = 0
    task: str | None = None
    metric: str | None = None
    space: Space | str | os.PathLike[str] | None = None
    search: str = "sobol"
    study: str | None = None
    store: str | os.PathLike[str] = "caviar.db"
    threads: int | None = None
    out: str | os.PathLike[str] | None = None
    engine: str = "native"
    started: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Begun:
    """The data is read and split and the study is in the store: training starts."""

    study: Study
    rungs: tuple[int, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a study stands, several times a second; ``reached`` counts the trials that were compared at each rung."""

    phase: str  # "search", then "finals", then "last training"
    elapsed: float
    counts: Mapping[TrialState, int]
    reached: tuple[int, ...]
    best: Trial | None


@dataclass(frozen=True)
class Best:
    """The answer: a config, and the network trained with it on all rows but the sealed test part.

    ``validation`` are the mean scores of the config's repeats with fresh seeds, which did not see the validation rows;
    ``test`` the scores of ``model`` on the sealed test part, with the 95 % interval of the accuracy (Wilson). For
    regression they are r2, rmse and mae, the two errors in the target's own units, with the 95 % interval of r2
    (percentiles of 1,000 bootstrap resamples).
    """

    trial: int
    config: Config
    validation: Mapping[str, float]
    test: Mapping[str, float] | None
    model: Model


@dataclass(frozen=True)
class TunedStudy:
    """What ``tune`` gives back; ``summary`` is the JSON object of ``caviar tune --json``."""

    name: str
    store: str
    best: Best
    summary: Mapping[str, Any]

    def trials(self) -> pd.DataFrame:
        """All trials from the store, a row a trial."""
        from caviar.store import Store

        with Store.open(self.store, create=False) as store:
            return store.trials_frame(self.name)


Event = Begun | Progress | TunedStudy


def tune(
    data: Any,
    target: str | None = None,
    *,
    labels: str | os.PathLike[str] | None = None,
    test: Any = None,
    test_labels: str | os.PathLike[str] | None = None,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int = 0,
    task: str | None = None,
    metric: str | None = None,
    space: Space | str | os.PathLike[str] | None = None,
    search: str = "sobol",
    study: str | None = None,
    store: str | os.PathLike[str] = "caviar.db",
    threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    engine: str = "native",
) -> TunedStudy:
    """Find the best dense network for a table within a budget.

    data: a path (CSV, Parquet, NPZ, NPY, IDX), a DataFrame, or a pair of arrays (x, y).
    target, labels: the column or key of the labels, or a file of them.
    test, test_labels: data kept sealed until the end; without it, a fifth of the rows is.
    seconds, trials: the budget, wall time for everything (60 if neither is given) or a number of trials; trials give
        the same study, to the bit, on any number of ``threads`` (all processors if not given).
    task: "classification" or "regression"; where it is not given, the column of labels decides.
    metric: accuracy (the default), balanced_accuracy or log_loss; for regression r2 (the default), rmse or mae.
        Measured on the validation part.
    space: a Space or the path of a space file; the default space for dense networks if not given.
    study, store: the study's name and the database it goes to; a free name is made from the data's if not given.
    out: a folder to save the model in; ``study.best.model.save`` does it too.

    Raises UserMistake before anything is written; NoAnswer when every trial diverged or the time was too short.
    """
    arguments = dict(locals())
    *_, answer = follow(Request(**arguments), fresh_name=study is None)
    assert isinstance(answer, TunedStudy)  # the last event of `follow`
    return answer


def follow(request: Request, fresh_name: bool = False, ended: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Do what ``request`` asks, event by event, the TunedStudy last.

    ``fresh_name`` numbers the study's name if it is taken. Where ``ended`` turns true, the study is closed and
    KeyboardInterrupt raised.
    """
    from caviar.store import Store

    job = _prepare(request, ended)
    with Store.open(request.store) as store:
        study = job.study_record(store.free_name(job.name) if fresh_name else job.name)
        _model_path(request, study.name)  # before anything is written, not when the work is done
        store.create_study(study)
        book = Book(store, study.name, job.metric, keep=FINALISTS)
        yield Begun(study, job.rungs, job.dataset.warnings)
        try:
            yield from _search(job, book)
            found = yield from _finals(job, book)
            answer = _conclude(job, book, study, found, store.url)
        except BaseException as ending:
            book.close(StudyState.FINISHED if isinstance(ending, NoAnswer) else StudyState.INTERRUPTED, None)
            raise
        book.close(StudyState.FINISHED, answer.summary)
        yield answer


def _search(job: _Job, book: Book) -> Iterator[Progress]:
    """Train what the strategy asks for, step by step, until it is over or the time is."""
    strategy = Strategy(job.search(), job.rungs, job.pool, job.request.trials)
    resting: dict[int, Training] = {}  # networks that wait for a decision or for a thread
    shown, reserve = 0.0, 0.0

    def settle(endings: list[Ending]) -> None:
        for number, stopped in endings:
            book.settle(number, TrialState.STOPPED if stopped else TrialState.FINISHED, resting.pop(number))

    with Crew(job.threads) as crew:
        while not strategy.over:
            while crew.wants_work and job.in_time(reserve) and (step := strategy.next()) is not None:
                if step.from_epoch == 0:
                    book.begin(step.number, step.config)
                    begin = job.network(step.number, step.config)
                else:
                    begin = partial(resting.pop, step.number)
                crew.give(Work(step.number, 0, begin, step.to_epoch))
            settle(strategy.ended())
            if not job.in_time(reserve):
                crew.stop()
            if crew.under_way == 0:
                break
            done = crew.take(timeout=_SHOW_EVERY)
            if done is not None and done.outcome is not Outcome.INTERRUPTED:
                number = done.work.number
                resting[number] = done.training
                merit = book.measure(done)
                if merit == WORST:
                    del resting[number]
                settle(strategy.report(number, done.work.to_epoch, merit))
            if time.monotonic() - shown >= _SHOW_EVERY:
                shown, reserve = time.monotonic(), job.finals_cost(book)
                book.write_now_and_then()
                yield job.progress("search", book, strategy)
    for number, training in resting.items():  # the budget ended while they waited: what they scored still counts
        book.settle(number, TrialState.INTERRUPTED, training)
    book.interrupt()
    yield job.progress("search", book, strategy)


def _finals(job: _Job, book: Book) -> Generator[Progress, None, _Answer]:
    """Train the finalists again with fresh seeds; the winner by what they repeat gets its last training.

    That one has the validation rows too: they have done their work. A finalist that the end of the time budget kept
    from being repeated is out, unless all are: then the search's own network has to do.
    """
    finalists = book.best(FINALISTS)
    repeats: dict[int, list[Done]] = {trial.number: [] for trial in finalists}
    with Crew(job.threads) as crew:
        for repeat in range(1, job.repeats + 1):
            for trial in finalists:
                book.begin(trial.number, trial.config, repeat)
                crew.give(Work(trial.number, repeat, job.network(trial.number, trial.config, repeat), trial.epochs))
        while crew.under_way > 0:
            if not job.in_time():
                crew.stop()
            done = crew.take(timeout=_SHOW_EVERY)
            if done is not None and done.outcome is not Outcome.INTERRUPTED and book.measure(done) > WORST:
                book.settle(done.work.number, TrialState.FINISHED, repeat=done.work.repeat)
                repeats[done.work.number].append(done)
            book.write_now_and_then()
            yield job.progress("finals", book)
    book.interrupt()
    if not any(repeats.values()):
        for trial in finalists:
            training = book.kept(trial.number)
            if training is not None:
                return _Answer(trial, [training.evaluate(job.dataset.validation)], training, job.dataset.train)
        raise _no_answer(job, book)
    winner = max((trial for trial in finalists if repeats[trial.number]), key=lambda t: job.mean(repeats[t.number]))
    best = max(repeats[winner.number], key=lambda done: (job.mean([done]), -done.work.repeat))
    scores = [done.epochs[-1].validation for done in repeats[winner.number]]
    everything = job.dataset.train_and_validation()
    with Crew(1) as crew:
        last = job.network(winner.number, winner.config, job.repeats + 1, everything)
        crew.give(Work(winner.number, job.repeats + 1, last, winner.epochs))
        while crew.under_way > 0:
            if not job.in_time():
                crew.stop()
            done = crew.take(timeout=_SHOW_EVERY)
            if done is not None and done.outcome is Outcome.TRAINED:
                return _Answer(winner, scores, done.training, everything)
            yield job.progress("last training", book)
    return _Answer(winner, scores, best.training, job.dataset.train)  # out of time, or it diverged: its best repeat


@dataclass(frozen=True, eq=False)
class _Answer:
    """The winner, its scores each time that it was repeated, and its network with the rows that this was trained on."""

    winner: Trial
    scores: list[Evaluation]
    training: Training
    rows: Examples


# --- before and after ---


@dataclass(frozen=True, kw_only=True)
class _Job:
    """A request that passed every check, with its data prepared."""

    request: Request
    name: str
    metric: str
    space: Space
    dataset: Dataset
    engine: Engine
    threads: int
    rungs: tuple[int, ...]
    pool: int
    repeats: int
    seconds: float | None
    ended: Callable[[], bool]

    def recipe(self, config: Config) -> tuple[Architecture, Optimisation]:
        """The network that a config describes, for this data."""
        return from_config(config, self.dataset.preprocessing.n_in, self.dataset.preprocessing.n_out)

    def network(
        self, number: int, config: Config, repeat: int = 0, everything: Examples | None = None
    ) -> Callable[[], Training]:
        """What draws a trial's network, once a thread is there for it; on ``everything`` there is no validation."""
        architecture, optimisation = self.recipe(config)
        training, validation = self.dataset.train, self.dataset.validation
        if everything is not None:
            training, validation = everything, Examples(validation.x[:0], validation.y[:0])
        keys = Keys.of(self.request.seed, number, repeat)
        return partial(self.engine.start, architecture, optimisation, training, validation, keys)

    def search(self) -> Search:
        """What proposes the configs."""
        return search_named(self.request.search, self.space, self.request.seed)

    def mean(self, repeats: list[Done]) -> Merit:
        """What a finalist is ranked by: the mean metric of its repeats, and their mean loss where that ties."""
        scores = [done.epochs[-1].validation for done in repeats]
        metric = float(np.mean([score.scores[self.metric] for score in scores]))
        return merit(self.metric, metric, float(np.mean([score.loss for score in scores])))

    def shown(self, evaluations: list[Evaluation]) -> dict[str, float]:
        """The mean scores that an answer tells; those of regression that have a unit in the target's own."""
        unit = self.dataset.preprocessing.target_deviation
        units = {"accuracy": 1.0, "log_loss": 1.0} if unit is None else {"r2": 1.0, "rmse": unit, "mae": unit}
        return {name: u * float(np.mean([e.scores[name] for e in evaluations])) for name, u in units.items()}

    def in_time(self, reserve: float = 0.0) -> bool:
        """Whether time is left, if ``reserve`` seconds of it are needed later. Raises KeyboardInterrupt on an end."""
        if self.ended():
            raise KeyboardInterrupt
        if self.seconds is None:
            return True
        return time.monotonic() - self.request.started + reserve + _CONCLUDING < self.seconds

    def finals_cost(self, book: Book) -> float:
        """Seconds that the finals will take if the best trials of now become the finalists."""
        costs = [book.seconds[trial.number, 0] for trial in book.best(FINALISTS)]
        longest = max(costs, default=0.0)
        spread = max(self.repeats * sum(costs) / self.threads, longest)
        more_rows = 1 + len(self.dataset.validation) / len(self.dataset.train)
        return 1.2 * (spread + more_rows * longest)  # a fifth more: other programs run too

    def study_record(self, name: str) -> Study:
        """What the store keeps of the study from its start."""
        request = self.request
        return Study(
            name=name,
            seed=request.seed,
            metric=self.metric,
            search=request.search,
            space=self.space.to_dict(),
            budget={
                "seconds": self.seconds,
                "trials": request.trials,
                "rungs": list(self.rungs),
                "repeats": self.repeats,
            },
            data=self.dataset.facts,
            environment=environment(self.engine.name, self.engine.instruction_set, self.threads),
            state=StudyState.RUNNING,
            created=datetime.now(UTC).isoformat(),
        )

    def progress(self, phase: str, book: Book, strategy: Strategy | None = None) -> Progress:
        """Where the study stands now."""
        best = next(iter(book.best(1)), None)
        reached = strategy.reached() if strategy is not None else ()
        return Progress(phase, time.monotonic() - self.request.started, book.counts(), reached, best)


def _prepare(request: Request, ended: Callable[[], bool]) -> _Job:
    """Check everything that can be checked before anything is written, the cheap mistakes first."""
    from caviar.data.labels import check_task
    from caviar.data.read import read

    seconds, trials = request.seconds, request.trials
    if seconds is not None and not 0 < seconds < float("inf"):
        raise ConfigError(f"a budget of seconds must be above 0, got {seconds}", "give it some: --seconds 60")
    if trials is not None and trials < 1:
        raise ConfigError(f"a budget of trials must be at least 1, got {trials}", "give it some: --trials 500")
    if seconds is None and trials is None:
        seconds = DEFAULT_SECONDS
    if not 0 <= request.seed < 2**63:
        raise ConfigError(f"a seed must be a whole number from 0 to 2**63 - 1, got {request.seed}", "use --seed 0, say")
    if request.threads is not None and request.threads < 1:
        raise ConfigError(f"threads must be at least 1, got {request.threads}", f"this machine has {processors()}")
    if request.metric is not None:
        check_metric(request.metric)
    check_task(request.task)
    check_search(request.search)
    engine = engine_named(request.engine)
    if request.space is None:
        space = default_space()
    else:
        space = request.space if isinstance(request.space, Space) else Space.load(Path(request.space))
    _check_names(space)
    table = read(request.data, request.target, request.labels)
    test = None if request.test is None else read(request.test, request.target, request.test_labels)
    dataset = prepare(table, request.seed, test, request.task)
    metric = metric_for(str(dataset.facts["task"]), request.metric)
    largest = _check_space(space, dataset.preprocessing.n_in, dataset.preprocessing.n_out)
    name = request.study if request.study is not None else table.name
    if not re.fullmatch(r"\w[\w .-]{0,99}", name):
        raise StoreError(
            f"a study's name is letters, digits, '_', '-', '.' and spaces, at most 100 of them, got {name[:100]!r}",
            "name it with --study",
        )
    rows = len(dataset.train.y)
    return _Job(
        request=request,
        name=name,
        metric=metric,
        space=space,
        dataset=dataset,
        engine=engine,
        threads=request.threads or processors(),
        rungs=rungs_for(rows),
        pool=max(1, min(POOL, _MEMORY // (largest * len(rungs_for(rows))))),
        repeats=2 if rows < 10_000 else 1,  # on few rows one repeat says little, and a second costs little
        seconds=seconds,
        ended=ended,
    )


def _check_names(space: Space) -> None:
    """Every hyperparameter is a dense network's."""
    for name in space.names:
        if name not in HYPERPARAMETERS:
            raise SpaceError(
                f"{name!r} is not a hyperparameter of a dense network", did_you_mean(name, HYPERPARAMETERS)
            )


def _check_space(space: Space, n_in: int, n_out: int) -> int:
    """Networks can be built all over the space, its edges included; the bytes that the largest of them keeps."""
    edges = np.vstack([np.full(len(space.searched), u) for u in (0.0, 1.0)])
    largest = 1
    for config in [*space.from_unit(edges), *space.sample(200)]:
        architecture, _ = from_config(config, n_in, n_out)
        parameters = sum(math.prod(shape) for shape in parameter_shapes(architecture).values())
        largest = max(largest, _BYTES_A_PARAMETER * parameters)
    return largest


def _model_path(request: Request, study: str) -> Path | None:
    """Where the model will be saved; StoreError if that is taken or no folder."""
    if request.out is None:
        return None
    path = Path(request.out) / f"{study}.caviar"
    if path.exists():
        raise StoreError(f"there is a model {path} already", "move it away, or name the study otherwise with --study")
    if not path.parent.is_dir():
        raise StoreError(f"there is no folder {path.parent}", "make it, or name another with --out")
    return path


def _conclude(job: _Job, book: Book, study: Study, found: _Answer, store: str) -> TunedStudy:
    """Open the sealed test part, once; save the model; say it all."""
    winner, training = found.winner, found.training
    validation = job.shown(found.scores)
    architecture, _ = job.recipe(winner.config)
    state = training.inference_state()
    weights = fold(architecture, state, int(state["step"]))
    test = None
    if job.dataset.test is not None:
        examples = job.dataset.test.open()
        test = job.shown([training.evaluate(examples)])
        if architecture.regression:
            key = stream_key(job.request.seed, Purpose.INTERVAL)
            low, high = _bootstrap(examples.y, outputs(architecture, weights, examples.x)[:, 0], key)
            test = {"r2": test["r2"], "r2_low": low, "r2_high": high, "rmse": test["rmse"], "mae": test["mae"]}
        else:
            low, high = _wilson(round(test["accuracy"] * len(examples)), len(examples))
            test = {
                "accuracy": test["accuracy"],
                "accuracy_low": low,
                "accuracy_high": high,
                "log_loss": test["log_loss"],
            }
    facts = {
        "study": study.name,
        "trial": winner.number,
        "config": dict(winner.config),
        "epochs": winner.epochs,
        "rows": len(found.rows),
        "validation": validation,
        "test": test,
    }
    model = Model(architecture, weights, job.dataset.preprocessing, facts)
    path = _model_path(job.request, study.name)
    if path is not None:
        model.save(path)
    counts = book.counts()
    stopped = counts.get(TrialState.STOPPED, 0) + counts.get(TrialState.INTERRUPTED, 0)
    summary = {
        "study": study.name,
        "store": store,
        "seed": study.seed,
        "seconds": round(time.monotonic() - job.request.started, 3),
        "data": dict(study.data),
        "trials": {
            "started": sum(counts.values()),
            "finished": counts.get(TrialState.FINISHED, 0),
            "stopped": stopped,
            "diverged": counts.get(TrialState.DIVERGED, 0),
        },
        "best": {"trial": winner.number, "config": dict(winner.config), "validation": validation, "test": test},
        "model": None if path is None else str(path),
    }
    return TunedStudy(study.name, store, Best(winner.number, winner.config, validation, test, model), summary)


def _wilson(right: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927), by SciPy."""
    from scipy.stats import binomtest

    interval = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def _bootstrap(y: npt.NDArray[Any], predicted: npt.NDArray[np.float64], key: UInt64) -> tuple[float, float]:
    """The 95 % interval of R2: percentiles over _RESAMPLES resamples of the rows (Efron, Bootstrap methods, 1979).

    Of more than _DRAWN rows, groups are drawn instead, as many: their sums are all that R2 needs.
    """
    groups = min(len(y), _DRAWN)
    group = np.arange(len(y)) % groups
    y64 = y.astype(np.float64)
    terms = (np.ones(len(y)), y64, y64 * y64, (y64 - predicted) ** 2)
    sums = np.stack([np.bincount(group, weights=term, minlength=groups) for term in terms], axis=1)  # (groups, 4)
    stream = generator(key)
    found = np.full(_RESAMPLES, np.nan)
    for k in range(_RESAMPLES):
        drawn = np.bincount(stream.integers(groups, size=groups), minlength=groups)
        rows, total, squares, error = drawn @ sums
        variation = squares - total * total / rows
        if variation > 1e-12 * squares:  # a resample of equal values has no R2
            found[k] = 1.0 - error / variation
    if np.isnan(found).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)


def _no_answer(job: _Job, book: Book) -> NoAnswer:
    """Why there is no network to show, and what to change."""
    diverged = [trial for trial in book.trials.values() if trial.state is TrialState.DIVERGED]
    if not diverged:
        return NoAnswer(
            f"no network was trained for a single epoch within {job.seconds:g} seconds",
            "give it more time, with --seconds",
        )
    rates = [float(trial.config["learning_rate"]) for trial in diverged if "learning_rate" in trial.config]
    lowest = f" (the lowest tried was {min(rates):g})" if rates else ""
    return NoAnswer(
        f"all {len(diverged)} trials that got anywhere diverged: their loss became infinite, NaN or absurdly large",
        f"lower the learning_rate in the space{lowest}",
    )
