"""A test of an old answer on today's data: the request of a study that has the old finalists among its own.

The study is one like others: a search, finals, an answer. Its first configs are the old finalists, the specification
says what they were in the old answer (records/retest.py), and its result has the verdict (study/retested.py).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caviar.data.columns import listed, shown
from caviar.data.digest import digest
from caviar.data.read import read
from caviar.data.table import Table, clean_name
from caviar.errors import (
    ConfigError,
    DataError,
    ModelError,
    NoTarget,
    NotThere,
    StoreError,
    Unlabelled,
    did_you_mean,
)
from caviar.learners.model import Model, load
from caviar.records import Config, Reading, Study, StudyKind
from caviar.records.config import as_config, as_number
from caviar.records.reading import Target
from caviar.records.retest import RetestSpec
from caviar.scheduling.halving import rungs_to
from caviar.search.given import read_all
from caviar.search.portfolio import PORTFOLIO
from caviar.space import Space, default_space
from caviar.store import Store
from caviar.study.events import Event
from caviar.study.former import places_of
from caviar.study.spec import Request, StorePath, check_budget
from caviar.study.tune import follow

FEWEST_ROWS = 50
"""Rows of today's data, below which nothing can be told."""

SECONDS = 60.0

DECAY = "decay_rate"  # of the learning rate: one over the most epochs of a study


@dataclass(frozen=True)
class Recipe:
    """The configs of an old answer, its own first, with the epochs and the share of each."""

    configs: tuple[Config, ...]
    epochs: tuple[int, ...]
    shares: tuple[float, ...]


def retesting(
    of: str,
    *,
    store: StorePath,
    data: Any = None,
    test: Any = None,
    target: Target = None,
    seconds: float | None = None,
    trials: int | None = None,
    seed: int | None = None,
    study: str | None = None,
    threads: int | None = None,
    out: Any = None,
    started: float | None = None,
    ended: Callable[[], bool] = lambda: False,
) -> Generator[Event, None, None]:
    """Test the answer ``of`` a study, or the model at that path, again; event by event. See ``caviar.retest``."""
    if seconds is None and trials is None:
        seconds = SECONDS
    request = request_of(of, store, data, test, target)
    check_budget(seconds, trials)
    if trials is not None:  # of challengers, beside the old finalists
        trials += len(request.first)
    given: dict[str, Any] = {"seconds": seconds, "trials": trials, "threads": threads, "out": out, "study": study}
    given |= {"started": time.monotonic() if started is None else started}
    request = replace(request, **given, seed=request.seed if seed is None else seed)
    name = request.study or f"{clean_name(request.retest.of)}-retest" if request.retest is not None else None
    yield from follow(replace(request, study=name), fresh_name=study is None, ended=ended)


def is_model(of: str) -> bool:
    """True for what is the path of a model, and not the name of a study."""
    path = Path(of).expanduser()
    return os.sep in of or path.suffix == ".caviar" or path.is_file()


def request_of(of: str, store: StorePath, data: Any, test: Any, target: Target = None) -> Request:
    """The request that tests ``of`` again, without its budget. Raises UserMistake before anything is written."""
    path: Path | None = (given := Path(of).expanduser())
    model: Model | None
    if is_model(of):
        model = load(given)
        record = _study_of(model, store)
        if record is None:
            return _of_model(model, given, store, data, test, target)
    else:
        with Store.open(store, create=False) as opened:
            record = opened.study(of)
            recipe = _recipe(opened, record)
        path = None if record.result is None or record.result.model is None else Path(record.result.model)
        model = _loaded(path)
        return _of_study(record, recipe, model, path, store, data, test)
    with Store.open(store, create=False) as opened:
        recipe = _recipe(opened, record)
    return _of_study(record, recipe, model, path, store, data, test)


def _loaded(path: Path | None) -> Model | None:
    """The model of a study; None where it was not saved, or is gone. Raises ModelError for a damaged one."""
    return load(path) if path is not None and path.is_file() else None


def _study_of(model: Model, store: StorePath) -> Study | None:
    """The study that ``model`` came from, if the store has it and it is the same."""
    name = model.facts.get("study")
    if not isinstance(name, str):
        return None
    try:
        with Store.open(store, create=False) as opened:
            found = opened.study(name)
    except NotThere:
        return None
    best = None if found.result is None else found.result.best
    same = best is not None and best.trial == model.facts.get("trial")
    return found if same and best is not None and dict(best.config) == dict(model.facts.get("config", {})) else None


def _recipe(store: Store, study: Study) -> Recipe:
    """The old finalists of ``study``, those of its answer first. Raises StoreError where it has none."""
    name, result = study.name, study.result
    if study.spec.kind is not StudyKind.TABLE:
        raise StoreError(
            f"study {name!r} is of a program of its own: its scores have no rows on which they could be compared",
            f"caviar tune --command ... --known {name} --repeats 5 searches on from its trials, and repeats the best",
        )
    if result is None:
        raise StoreError(
            f"study {name!r} has no finalists yet: it has not come to an answer", f"caviar resume {name} first"
        )
    finalists = list(result.finalists or ())
    numbers = [result.best.trial] + [one.trial for one in finalists]
    shares = {result.best.trial: 1.0}
    if result.ensemble is not None:
        shares = {int(number): share for number, share in result.ensemble.trials.items()}
        numbers = [*sorted(shares, key=lambda number: -shares[number]), *numbers]
    numbers = list(dict.fromkeys(numbers))
    trials = {trial.number: trial for trial in store.trials(name, numbers) if not trial.repeat}
    lasting = {one.trial: one.epochs for one in finalists}
    if result.best.epochs is not None:
        lasting.setdefault(result.best.trial, result.best.epochs)
    there = [number for number in numbers if number in trials]
    return Recipe(
        tuple(trials[number].config for number in there),
        tuple(max(lasting.get(number, trials[number].epochs), 1) for number in there),
        tuple(shares.get(number, 0.0) for number in there),
    )


def _fitting(recipe: Recipe, space: Space) -> Recipe:
    """The recipe without finalists that lie outside of the space as it is today, and are no part of the answer."""

    def fits(config: Config) -> bool:
        try:
            read_all(space, [config])
        except ConfigError:
            return False
        return True

    whole = zip(recipe.configs, recipe.epochs, recipe.shares, strict=True)
    kept = [(config, epochs, share) for config, epochs, share in whole if share > 0 or fits(config)]
    return Recipe(*(tuple(column) for column in zip(*kept, strict=True)))


def _of_study(
    record: Study, recipe: Recipe, model: Model | None, path: Path | None, store: StorePath, data: Any, test: Any
) -> Request:
    """The request that tests the answer of a study again."""
    table = record.spec.table
    assert table is not None
    source = data if data is not None else table.data
    if source is None:
        raise DataError(
            f"study {record.name!r} began with data that was no file, which the store does not keep",
            "give today's: `data=...`",
        )
    if isinstance(source, str | os.PathLike) and data is None and not os.path.exists(source):
        raise DataError(
            f"the data of study {record.name!r} is not there: looked for at {str(source)!r}",
            "give today's: `data=FILE`",
        )
    same_files, space = data is None, Space.from_dict(record.space)
    recipe = _fitting(recipe, space)
    asked = Request(
        data=source,
        target=table.target,
        labels=table.labels if same_files else None,
        test=test if test is not None else table.test if same_files else None,
        test_labels=table.test_labels if same_files and test is None else None,
        seed=record.seed + 1,
        task=None if record.data.get("task") == "multilabel" else record.data.get("task"),
        reading=table.reading,
        metric=record.metric,
        space=space,
        rungs=record.spec.rungs or None,
        search=record.search,
        stopping=record.spec.stopping,
        preset="single" if table.preset == "fast" else table.preset,
        balance=table.balance,
        clip=table.clip,
        target_scale=table.target_scale if record.data.get("task") == "regression" else None,
        first=recipe.configs,
        store=store,
        engine=table.engine,
        retest=RetestSpec(
            of=record.name,
            model=None if path is None else str(path.absolute()),
            epochs=recipe.epochs,
            shares=recipe.shares,
        ),
    )
    return replace(asked, reading=_read_as(asked, model, record))


def _of_model(model: Model, path: Path, store: StorePath, data: Any, test: Any, target: Target) -> Request:
    """The request that tests a model again whose study is not there: from the facts that it keeps."""
    learned, facts = model.preprocessing, model.facts
    if "run" in facts:
        raise ModelError(
            f"{path.name} is the model of a run of caviar babysit: no study of caviar tune chose it",
            "tune a network for today's data: caviar tune",
        )
    if learned is None or "config" not in facts or "epochs" not in facts:
        raise ModelError(
            f"{path.name} does not say how it was trained: it is no model of caviar tune",
            "tune a network for today's data: caviar tune",
        )
    if data is None:
        raise DataError(
            f"the store has no study of {path.name}, so that its data is not known", "give today's: `data=FILE`"
        )
    kept = facts.get("recipe") or [{"config": facts["config"], "epochs": facts["epochs"], "share": 1.0}]
    names = learned.target_columns if target is None else target
    target = names if isinstance(names, str) or names is None else names[0] if len(names) == 1 else tuple(names)
    configs = [as_config(one["config"]) for one in kept]
    space = _space_of(configs, path)
    asked = Request(
        data=data,
        target=target or None,
        test=test,
        task=None if learned.targets else "regression" if learned.regression else "classification",
        space=space,
        rungs=_rungs_of(configs),
        search=PORTFOLIO,
        preset="best" if len(kept) > 1 else "single",
        target_scale=learned.target_scale.name if learned.regression else None,
        first=configs,
        store=store,
        seed=1,
        retest=RetestSpec(
            of=str(facts.get("study", path.stem)),
            model=str(path.absolute()),
            epochs=tuple(int(one["epochs"]) for one in kept),
            shares=tuple(float(one["share"]) for one in kept),
        ),
    )
    return replace(asked, reading=_read_as(asked, model, None))


def _space_of(configs: Sequence[Config], path: Path) -> Space:
    """The default space as the study of ``configs`` had it. Raises ModelError where it was another."""
    space = default_space()
    if DECAY in configs[0]:
        space = space.fixing(DECAY, configs[0][DECAY])
    try:
        read_all(space, configs)
    except ConfigError as error:
        raise ModelError(
            f"{path.name} was tuned in a space of its own, which the model does not keep ({error.rule})",
            "name the store of its study: `store=...`",
        ) from error
    return space


def _rungs_of(configs: Sequence[Config]) -> tuple[int, ...] | None:
    """The rungs up to the epoch in which the learning rate comes down to 0."""
    decay = as_number(configs[0].get(DECAY, 0.0))
    return rungs_to(max(round(1 / decay), 1)) if decay > 0 else None


# --- today's data beside the old answer's ---


def _read_as(asked: Request, model: Model | None, record: Study | None) -> Reading:
    """The reading of today's data with the columns of the old answer alone.

    Raises DataError for too few rows, for columns that are missing, and for other classes.
    """
    reading = asked.reading
    try:
        table = read(asked.data, asked.target, asked.labels, reading)
        test = None if asked.test is None else read(asked.test, asked.target, asked.test_labels, reading, like=table)
    except NoTarget as error:
        raise DataError(
            f"the data has no column {shown(error.name)}, which the old answer predicts",
            "name the column of the labels so; or begin a new study of another target by caviar tune",
        ) from error
    except Unlabelled as error:
        raise DataError(error.rule, "fill the labels in, or leave these rows out of the file") from error
    if len(table.frame) < FEWEST_ROWS:
        raise DataError(
            f"a test needs at least {FEWEST_ROWS} labelled rows, and the data has {len(table.frame)}: chance alone "
            "explains nearly any difference of so few",
            "gather more of them",
        )
    if record is not None and record.data["sha256"] == digest(table, test):
        return reading
    used = _features(model, record)
    missing = [name for name in used if name not in table.columns]
    if missing:
        raise DataError(
            f"the data lacks {'a column' if len(missing) == 1 else f'{len(missing)} columns'} that the old networks "
            f"were trained on: {listed(missing)}",
            did_you_mean(missing[0], table.columns),
        )
    if model is not None:
        _check_target(model, table)
    others = [name for name in table.frame.columns if used and name not in used]
    others = [name for name in others if name not in (reading.group, reading.time)]
    return replace(reading, ignore=(*reading.ignore, *others))


def _features(model: Model | None, record: Study | None) -> list[str]:
    """The columns that the old networks were trained on, as far as they are known."""
    learned = None if model is None else model.preprocessing
    if learned is not None:
        return [*learned.numbers, *learned.text_columns, *(one.name for one in learned.dates)]
    result = None if record is None else record.result
    return [] if result is None else [one.name for one in result.columns or ()]


def _check_target(model: Model, table: Table) -> None:
    """Raise DataError where the target has other classes than the old model."""
    assert table.target is not None
    if model.targets:
        old, new = (
            [(one.name, tuple(map(str, one.labels))) for one in side] for side in (model.targets, table.several)
        )
        if old != new:
            changed = next((a for a, b in zip(old, new, strict=False) if a != b), old[-1])
            raise DataError(
                f"the target {shown(changed[0])} has other labels than {listed(list(changed[1]))}, which the old "
                "model knows",
                "test again on rows of the same labels; or begin a new study by caviar tune",
            )
    elif not model.regression:
        places_of(model.classes, sorted(table.target.unique().tolist(), key=str))
