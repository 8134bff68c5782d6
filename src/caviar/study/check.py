"""The checks of a request for a table. Nothing is written before it has passed them all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from caviar.analysis.target_scale import Choice
from caviar.data.columns import listed
from caviar.data.dataset import PLAIN_SCALE, Dataset, prepare
from caviar.data.deal import Indices
from caviar.data.examples import Examples
from caviar.data.forward import forward_folds
from caviar.data.labels import check_task
from caviar.data.read import read
from caviar.data.several import strata
from caviar.data.split import folds
from caviar.data.target_scale import check_target_scale
from caviar.errors import ConfigError, SpaceError, StoreError, did_you_mean
from caviar.files import cannot_make
from caviar.learners.contract import Learner, TrainingData
from caviar.learners.names import learner_named
from caviar.learners.network_bytes import network_bytes
from caviar.learners.scoring import Scoring
from caviar.machine import processors
from caviar.ranges import check_range
from caviar.records.metrics import check_metric, metric_for
from caviar.records.names import check_name
from caviar.scheduling.halving import POOL, rungs_for, rungs_to, rungs_within
from caviar.scheduling.strategy import places
from caviar.search.feasible import check_constraints, constrained
from caviar.search.given import read_all
from caviar.search.portfolio import PORTFOLIO
from caviar.search.searches import check_search, search_named
from caviar.space import Space
from caviar.study.balance import balanced, check_balance
from caviar.study.interventions import Interventions
from caviar.study.job import TableJob
from caviar.study.like import start_within, taken
from caviar.study.spec import (
    DEFAULT_SEARCH,
    PREFERENCES,
    PRESETS,
    Request,
    check_budget,
    check_seed,
    check_store_patience,
    stopping_named,
)
from caviar.study.thinning import SHORTEST, Thin

FOLDS = 5
FOLDED_BELOW = 2_000  # rows; with fewer, one validation part says too little to choose by
REPEATS = 3  # with fresh seeds, where there are no folds

_SEARCHED = 0.5  # of a time budget: the rest is for the finals
_ROWS_TO_COUNT = 1_000  # of which inputs are encoded to count the parameters of networks: of all it would take long

_MEMORY = 1 << 30  # bytes that waiting networks of mean size may take; the same everywhere, for it decides who waits


def check_preset(request: Request) -> None:
    """Raise ConfigError where a new study is to save an ensemble, and a small or fast network."""
    if request.preset == "best" and request.prefer in PREFERENCES[1:] and request.retest is None:
        raise ConfigError(
            f"an ensemble is no {request.prefer} network, so `preset` cannot be best where `prefer` is "
            f"{request.prefer}",
            "leave one of them out",
        )


def check_table(request: Request, ended: Callable[[], bool], helps: bool = False) -> TableJob:
    """Check everything that can be checked before anything is written, the cheap mistakes first.

    ``helps``: the process draws no configs, and needs no constraints.
    """
    seconds = check_budget(request.seconds, request.trials)
    check_store_patience(request.store_patience)
    check_seed(request.seed)
    check_range("threads", request.threads)
    if request.prefer not in PREFERENCES:
        raise ConfigError(
            f"there is no preference {request.prefer!r}: it is score, small or fast",
            did_you_mean(request.prefer, PREFERENCES),
        )
    preset = request.preset
    if preset is None:
        preset = "best" if request.prefer == "score" else "single"
    if preset not in PRESETS:
        raise ConfigError(f"there is no preset {preset!r}: it is {listed(PRESETS)}", did_you_mean(preset, PRESETS))
    stopping = stopping_named(request.stopping)
    if request.metric is not None:
        check_metric(request.metric)
    check_task(request.task)
    check_target_scale(request.target_scale)
    search = request.search
    if search is None:
        search = DEFAULT_SEARCH if request.space is not None else PORTFOLIO
    check_search(search)
    request = replace(request, search=search, preset=preset)
    learner = learner_named(request.engine)
    space = _space(request, learner, helps)
    _check_names(space, learner)
    if not helps:
        check_constraints(space)
    search_named(search, space, request.seed)  # not every search can walk through every space
    if not request.eras:  # those of earlier spaces were checked in these
        request = replace(request, first=read_all(space, request.first))
    reading = request.reading
    table = read(request.data, request.target, request.labels, reading)
    test = (
        None if request.test is None else read(request.test, request.target, request.test_labels, reading, like=table)
    )
    choice = Choice(request.target_scale, request.seed, request.metric, seconds)
    thin = Thin(learner, request.started, seconds, request.every)
    dataset = prepare(table, request.seed, test, request.task, reading, choice, thin)
    metric = metric_for(str(dataset.facts["task"]), request.metric)
    _check_corrections(request, str(dataset.facts["task"]), metric)
    # A resume chooses neither anew.
    request = replace(request, target_scale=dataset.preprocessing.target_scale.name, every=thin.every)
    scoring = replace(Scoring.of(dataset), balanced=request.balance)
    _check_defined(metric, scoring, dataset)
    rungs = _rungs(request, learner, dataset, seconds)
    start = start_within(request.trials, rungs, stopping, of_a_table=True)
    request = replace(request, like=taken(request.like, request.store, space, start))
    if request.space is None:
        space = _space(request, learner, helps, rungs[-1])
    size = _network_bytes(space, learner, dataset)
    if request.eras:  # the pool decides who waits: it stays what it was at the beginning
        size = _network_bytes(request.eras[0].space, learner, dataset)
    name = request.study if request.study is not None else table.name
    check_name("study", name)
    return TableJob(
        request=request,
        name=name,
        metric=metric,
        space=space,
        dataset=dataset,
        learner=learner,
        scoring=scoring,
        slots=request.threads or processors(),
        rungs=rungs,
        pool=max(1, min(POOL, _MEMORY // (size * places(len(rungs))))),
        stopping=stopping,
        folds=_folds(dataset, request, scoring, metric),
        seconds=seconds,
        interventions=Interventions(ended),
    )


def _space(request: Request, learner: Learner, helps: bool, epochs: int | None = None) -> Space:
    """The space of ``request``; where none is given the learner's own, for so many ``epochs`` once they are known."""
    if request.space is None:
        space = learner.default_space(epochs)
    else:
        space = request.space if isinstance(request.space, Space) else Space.load(Path(request.space))
    if request.balance:
        space = balanced(space)
    return space if helps else constrained(space, request.constraints)


def _rungs(request: Request, learner: Learner, dataset: Dataset, seconds: float | None) -> tuple[int, ...]:
    """The rungs of a study: by its rows, and where it has a time budget by what that can pay for."""
    if request.rungs is not None:
        return request.rungs
    if seconds is None:
        return rungs_for(len(dataset.train))
    if request.every != 1:
        return rungs_to(SHORTEST)
    at_once = request.threads or processors()
    epoch_seconds = learner.epoch_seconds(len(dataset.train), dataset.train.shape)
    return rungs_within(_SEARCHED * seconds * at_once, epoch_seconds)


def _folds(dataset: Dataset, request: Request, scoring: Scoring, metric: str) -> tuple[tuple[Examples, Examples], ...]:
    """The rows that each repeat of a finalist trains on and is scored on.

    Where an old answer is tested again every row has to be predicted unseen, however many there are; but for rows in
    time, whose first folds would have much less to train on.
    """
    again = request.retest is not None
    fresh_seeds = ((dataset.train, dataset.validation),) * (FOLDS if again else REPEATS)
    if again and dataset.times is not None:
        return fresh_seeds
    if len(dataset.train) + len(dataset.validation) >= FOLDED_BELOW and not again:
        return fresh_seeds
    everything = dataset.train_and_validation()
    pairs = fold_rows(dataset, request.seed)
    if any(scoring.undefined(metric, everything.y[held_out]) for _, held_out in pairs):  # a class of too few rows
        return fresh_seeds
    return tuple((everything.take(training), everything.take(held_out)) for training, held_out in pairs)


def fold_rows(dataset: Dataset, seed: int) -> list[tuple[Indices, Indices]]:
    """The rows to train on and those held out, of each fold, among those for training and validation.

    Rows that belong together are in one fold; where time counts, a fold is predicted from all rows before it.
    """
    if dataset.times is not None:
        return forward_folds(dataset.times, FOLDS)
    y = np.concatenate([dataset.train.y, dataset.validation.y])
    if dataset.train.targets:
        y = strata(y, dataset.train.targets).astype(np.int32)
    parts = folds(y, FOLDS, seed, dataset.sets)
    return [(np.concatenate([*parts[:k], *parts[k + 1 :]]), parts[k]) for k in range(len(parts))]


def _check_defined(metric: str, scoring: Scoring, dataset: Dataset) -> None:
    """Raise ConfigError where the rows that decide have no value of ``metric``."""
    why = scoring.undefined(metric, dataset.validation.y)
    if why is not None:
        other = "mae" if scoring.n_out == 1 else "log_loss"
        raise ConfigError(
            f"{metric} is not defined on the validation rows: {why}", f'choose another: `metric="{other}"`'
        )


def _check_corrections(request: Request, task: str, metric: str) -> None:
    """Raise ConfigError for a correction that the ``task`` or the ``metric`` of a study has no use for."""
    if request.balance:
        check_balance(task, metric)
    if request.clip and task != "regression":
        raise ConfigError("`clip` is for numbers, and the target is a class", "leave out `clip=True`")
    if request.target_scale not in (None, PLAIN_SCALE) and task != "regression":
        raise ConfigError("`target_scale` is for numbers, and the target is a class", "leave out `target_scale`")


def _check_names(space: Space, learner: Learner) -> None:
    """Raise SpaceError for a hyperparameter that the learner does not have."""
    for name in space.names:
        if name not in learner.hyperparameters:
            raise SpaceError(f"{name!r} is not a hyperparameter", did_you_mean(name, learner.hyperparameters))


def _network_bytes(space: Space, learner: Learner, dataset: Dataset) -> int:
    """See learners.network_bytes."""
    some = dataset.train.take(np.arange(min(len(dataset.train), _ROWS_TO_COUNT)))
    return network_bytes(space, learner, TrainingData(some, some, dataset.preprocessing.n_out))


def model_path(request: Request, study: str, again: bool = False) -> Path | None:
    """Where the model will be saved; StoreError if there can be no folder, or is a model already, unless ``again``."""
    if request.out is None:
        return None
    path = Path(request.out) / f"{study}.caviar"
    there = False
    with suppress(OSError):  # what keeps it from being made is said below
        there = path.exists()
    if there and not again:
        raise StoreError(f"there is a model {path} already", "move it away, or name the study otherwise: `study=...`")
    reason = cannot_make(path.parent)
    if reason:
        raise StoreError(f"the folder {path.parent} cannot be made: {reason}", "name another: `out=...`")
    return path
