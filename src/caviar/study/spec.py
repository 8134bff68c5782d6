"""Requests for a study, by the names of the arguments of ``caviar.tune``, and the checks that all kinds share.

A request is what a person asks for; its specification (records/specs.py) is the part of it that the store keeps.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caviar import other_tuners
from caviar.arguments import check_number, check_whole
from caviar.constraints import Given
from caviar.errors import ConfigError, DataError, SpaceError, did_you_mean
from caviar.files import working_folder
from caviar.moved import check_files, check_folder
from caviar.ranges import check_range
from caviar.records import BY_ITSELF, Config, Reading, Study
from caviar.records.ranking import Goal
from caviar.records.reading import Target
from caviar.records.retest import RetestSpec
from caviar.records.specs import ProgramSpec, StudyKind, StudySpec, TableSpec, Winners
from caviar.scheduling.strategy import STOPPINGS, Stopping
from caviar.search import searches
from caviar.search.eras import Era, eras_of
from caviar.space import Space
from caviar.store.delivery import STORE_PATIENCE

DEFAULT_SECONDS = 60.0
DEFAULT_SEARCH = searches.DEFAULT_SEARCH
EPOCHS = 27  # of a trial of the user's own code
IMPORTED = searches.IMPORTED

PRESETS = ("best", "single", "fast")
"""The end of a study: an ensemble of finalists that were repeated; one of them; no repeats at all."""

PREFERENCES = ("score", "small", "fast")
"""The winner is chosen for one of these, among networks that are nearly as good as the best."""

StorePath = str | os.PathLike[str] | None


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request for a network for a table; ``started`` is when the budget began to count.

    ``rungs`` are those of the study that is resumed, and one in ``every`` rows is used as there. Without a ``search``
    it is the portfolio in the space of ours, and coarse to fine in another. Without a ``preset`` it is "best", or
    "single" where small or fast networks are preferred.
    """

    data: Any
    target: Target = None
    labels: str | os.PathLike[str] | None = None
    test: Any = None
    test_labels: str | os.PathLike[str] | None = None
    seconds: float | None = None
    trials: int | None = None
    seed: int = 0
    task: str | None = None
    reading: Reading = BY_ITSELF
    metric: str | None = None
    space: Space | str | os.PathLike[str] | None = None
    search: str | None = None
    stopping: str = "halving"
    prefer: str = "score"
    preset: str | None = None
    balance: bool = False
    clip: bool = False
    target_scale: str | None = None
    first: Sequence[Config | str] = ()
    like: Sequence[str | Winners] | str = ()
    constraints: Sequence[Given] = ()
    study: str | None = None
    store: StorePath = "caviar.db"
    threads: int | None = None
    out: str | os.PathLike[str] | None = None
    engine: str = "native"
    store_patience: float = STORE_PATIENCE
    rungs: tuple[int, ...] | None = None
    every: int | None = None
    retest: RetestSpec | None = None
    eras: tuple[Era, ...] = ()  # of the study that is resumed, where its space was changed
    started: float = field(default_factory=time.monotonic)

    def spec(self, seconds: float | None, rungs: tuple[int, ...], repeats: int) -> StudySpec:
        """The specification of this request, with what was worked out for it."""
        return StudySpec(
            kind=StudyKind.TABLE,
            seconds=seconds,
            trials=self.trials,
            rungs=rungs,
            repeats=repeats,
            stopping=self.stopping,
            first=checked_first(self.first),
            retest=self.retest,
            like=checked_like(self.like),
            table=TableSpec(
                data=_path(self.data),
                target=self.target,
                labels=_path(self.labels),
                test=_path(self.test),
                test_labels=_path(self.test_labels),
                task=self.task,
                reading=self.reading,
                prefer=self.prefer,
                preset=self.preset or PRESETS[0],
                balance=self.balance,
                clip=self.clip,
                target_scale=self.target_scale or "plain",
                engine=self.engine,
                out=None if self.out is None else str(Path(self.out).absolute()),
                every=self.every or 1,
            ),
        )

    @classmethod
    def again(cls, study: Study, budget: StudySpec, started: float, **given: Any) -> Request:
        """The request that ``study`` began with, within ``budget``, and with what is ``given`` anew."""
        assert budget.table is not None
        asked = {name: value for name, value in vars(budget.table).items() if value is not None}
        anew = {name: value for name, value in given.items() if value is not None}
        if "data" not in {**asked, **anew}:
            raise DataError(
                f"study {study.name!r} began with data that was no file, which the store does not keep",
                "give it again: caviar.resume(..., data=...)",
            )
        check_files(f"study {study.name!r}", {name: path for name, path in asked.items() if name not in anew})
        as_it_was = _again(study, budget) | {
            "metric": study.metric,
            "rungs": budget.rungs or None,
            "retest": budget.retest,
        }
        return cls(**{**asked, **anew, **as_it_was, "started": started})


@dataclass(frozen=True, kw_only=True)
class ProgramRequest:
    """A request to tune the user's own training code: a function or a command line.

    Where ``goal`` is None, the name of the score in ``score`` decides, and without one larger is better.
    """

    objective: Callable[..., Any] | None = None
    command: str | None = None
    folder: str | None = field(default_factory=working_folder)  # of the command
    score: str | None = None
    space: Space | str | os.PathLike[str] | None = None
    goal: str | None = None
    epochs: int = EPOCHS
    seconds: float | None = None
    trials: int | None = None
    seed: int = 0
    search: str = DEFAULT_SEARCH
    stopping: str | None = None  # check_program decides
    repeats: int = 0
    first: Sequence[Config | str] = ()
    like: Sequence[str | Winners] | str = ()
    constraints: Sequence[Given] = ()
    known: str | None = None
    study: str | None = None
    store: StorePath = "caviar.db"
    processes: int | None = None
    gpus: Sequence[int | str] | None = None
    trial_timeout: float | None = None
    slots: int | None = None  # of the study that is resumed
    eras: tuple[Era, ...] = ()  # as of Request
    store_patience: float = STORE_PATIENCE
    started: float = field(default_factory=time.monotonic)

    def spec(self, seconds: float | None, rungs: tuple[int, ...], slots: int, goal: Goal) -> StudySpec:
        """The specification of this request, with what was worked out for it."""
        return StudySpec(
            kind=StudyKind.FUNCTION if self.command is None else StudyKind.PROGRAM,
            seconds=seconds,
            trials=self.trials,
            rungs=rungs,
            repeats=self.repeats,
            stopping=self.stopping or StudySpec.stopping,
            first=checked_first(self.first),
            like=checked_like(self.like),
            program=ProgramSpec(
                command=self.command,
                folder=None if self.command is None else self.folder,
                score=self.score,
                goal=goal,
                epochs=self.epochs,
                slots=slots,
                processes=self.processes,
                gpus=None if self.gpus is None else tuple(str(gpu) for gpu in self.gpus),
                trial_timeout=self.trial_timeout,
            ),
        )

    @classmethod
    def again(
        cls,
        study: Study,
        budget: StudySpec,
        started: float,
        store: StorePath,
        objective: Callable[..., Any] | None,
        processes: int | None,
        constraints: Sequence[Given] = (),
        store_patience: float = STORE_PATIENCE,
    ) -> ProgramRequest:
        """The request that ``study`` began with, within ``budget``; a function is given again."""
        program = budget.program
        assert program is not None
        if program.command is None and not callable(objective):
            raise ConfigError(
                f"study {study.name!r} began with a function, which the store does not keep",
                f"give it again: caviar.resume({study.name!r}, data=objective)",
            )
        check_folder(f"study {study.name!r}", program.folder)
        asked = vars(program) | {"processes": processes or program.processes, "repeats": budget.repeats}
        objective = objective if program.command is None else None
        again = _again(study, budget) | {"constraints": constraints, "store_patience": store_patience}
        return cls(**asked, **again, objective=objective, store=store, started=started)


def _again(study: Study, budget: StudySpec) -> dict[str, Any]:
    """The arguments of the request of ``study`` that every kind has."""
    return {
        "seed": study.seed,
        "space": Space.from_dict(study.space),
        "eras": eras_of(study) if study.spec.respaced else (),
        "search": DEFAULT_SEARCH if study.search == IMPORTED else study.search,
        "study": study.name,
        "stopping": budget.stopping,
        "first": budget.first,
        "like": budget.like,
        "seconds": budget.seconds,
        "trials": budget.trials,
    }


def checked_first(first: Sequence[Config | str]) -> tuple[Config, ...]:
    """The configs of a request whose ``first`` was read: no texts any more."""
    return tuple(config for config in first if not isinstance(config, str))


def checked_like(like: Sequence[str | Winners] | str) -> tuple[Winners, ...]:
    """The winners of a request whose ``like`` was looked up: no names any more."""
    return tuple(winners for winners in like if isinstance(winners, Winners))


def space_of(given: Any) -> Space:
    """The space that is ``given``, or that is in the file of that path. Raises SpaceError."""
    if isinstance(given, Space):
        return given
    if isinstance(given, str | os.PathLike):
        return Space.load(Path(given))
    raise SpaceError(
        f"`space` must be a caviar.Space or the path of a space file, got {type(given).__name__}",
        other_tuners.space(given),
    )


def check_budget(seconds: float | None, trials: int | None) -> float | None:
    """The seconds of a budget, DEFAULT_SECONDS where neither is given. Raises ConfigError."""
    if seconds is not None:
        check_number("seconds", seconds, "give it some: `seconds=60`")
    if trials is not None:
        check_whole("trials", trials, "give it some: `trials=500`")
    check_range("seconds", seconds)
    check_range("trials", trials)
    return DEFAULT_SECONDS if seconds is None and trials is None else seconds


def check_store_patience(seconds: float) -> None:
    """ConfigError unless ``seconds`` is a time for which a study or run can go on without its store."""
    check_number("store_patience", seconds, "give it some: `store_patience=600`")
    check_range("store_patience", seconds)


def check_seed(seed: int) -> None:
    """ConfigError unless ``seed`` is a study's."""
    check_whole("seed", seed, "give it one: `seed=0`")
    check_range("seed", seed)


def stopping_named(name: str) -> Stopping:
    """The stopping rule ``name``. Raises ConfigError."""
    rule = next((rule for rule in STOPPINGS if rule == name), None)
    if rule is None:
        raise ConfigError(f"there is no stopping rule {name!r}", did_you_mean(name, STOPPINGS))
    return rule


def _path(given: Any) -> str | None:
    """The absolute path of a file; None for what is none."""
    return str(Path(given).expanduser().absolute()) if isinstance(given, str | os.PathLike) else None
