"""The rarer arguments of the calls, which may be given by themselves or as one object."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from caviar.constraints import Given
from caviar.records import Config, Reading, Trial
from caviar.store.delivery import STORE_PATIENCE
from caviar.study.spec import DEFAULT_SEARCH

File = str | os.PathLike[str]
AfterTrial = Callable[[Trial], object]


@dataclass(frozen=True, kw_only=True)
class TableOptions(Reading):
    """The rarer arguments of ``tune`` for a table.

    labels: a file of labels, for NPY and IDX.
    test, test_labels: data that is sealed until the end; without it, a fifth of the rows is.
    task: "classification" or "regression"; where it is None, the column of labels decides.
    search: the method that proposes configs, see ``caviar tune --help``. Without one it is "portfolio" in the default
        space, which begins with configs that did well on many tables, and "coarse_to_fine" in a space of yours.
    stopping: "halving", "hyperband", "median" or "none": the rule that stops poor trials early.
    prefer: "score", or "small" or "fast": the smallest network, or the quickest at predicting, that is within a
        hundredth of the best.
    preset: "best", a weighted mean of several finalists (greedy ensemble selection); "single", one of the finalists;
        "fast", the search's best without repeats: all the time is the search's. Without one it is "best", and "single"
        under ``prefer``.
    balance: count every class alike in training (class_weights "balanced"): labels favour rare classes; probabilities
        are set back to how often classes come.
    clip: cut predicted numbers to the range of the target in training.
    target_scale: "plain", "log" or "quantile": the scale on which numbers are learned; scores stay in the target's own
        units. By default a trial on the validation rows decides.
    first: configs to try before the search's own, dicts by name; what one leaves out the search fills in.
    like: names of earlier studies, ``["flowers", "digits@old/caviar.db"]``, whose best configs come first, and then
        draws around them, as long as these are good; a study of another store is STUDY@STORE. See docs/transfer.md.
    constraints: conditions that every config fulfils, as of ``Space.require``: texts, "units2 <= units1", or functions.
    after_trial: a function that gets each trial when it is over, in this process. What it raises ends the study, with
        everything saved.
    out: a folder to save the model in; ``study.best.model.save`` does it too.
    engine: "native", or "reference", the same in NumPy and slower.
    store_patience: seconds for which training goes on while the store cannot be reached: locked, full, restarted. Then
        StoreLost is raised; what was measured is kept, and ``resume`` goes on.

    How the table is read, where it should not decide itself; columns are given by name, one or a list:
    ignore, keep: columns to leave out; and columns to keep that would be left out, such as row numbers.
    number, text, date: columns that hold numbers, text or dates.
    separator, decimal, encoding: of a file of text.
    missing: texts of cells that stand for a missing value.
    group: the column whose rows of one value go to one part, training, validation or test, together.
    time: the column by which the past is to predict the future: the latest rows are the test.
    """

    labels: File | None = None
    test: Any = None
    test_labels: File | None = None
    task: str | None = None
    search: str | None = None
    stopping: str = "halving"
    prefer: str = "score"
    preset: str | None = None
    balance: bool = False
    clip: bool = False
    target_scale: str | None = None
    first: Sequence[Config] = ()
    like: Sequence[str] | str = ()
    constraints: Given | Sequence[Given] = ()
    after_trial: AfterTrial | None = None
    out: File | None = None
    engine: str = "native"
    store_patience: float = STORE_PATIENCE


@dataclass(frozen=True, kw_only=True)
class ProgramOptions:
    """The rarer arguments of ``tune`` for a function.

    search, first, like, constraints, after_trial: as in TableOptions.
    stopping: as in TableOptions. Where it is None, "none" for a function that reports nothing while it trains, as its
        code shows, and "halving" for all others.
    known: the name of a study in the same store, whose trials in this space the search begins with: one that
        was imported, or an earlier one. They are copied, and the best of all is the answer.
    repeats: the number of times that the best five trials are trained again, with fresh seeds, before one is chosen.
    gpus: numbers of GPUs; each process sees one of them, through CUDA_VISIBLE_DEVICES.
    trial_timeout: seconds without a report after which a trial is ended.
    store_patience: as in TableOptions.
    """

    search: str = DEFAULT_SEARCH
    stopping: str | None = None
    repeats: int = 0
    first: Sequence[Config] = ()
    like: Sequence[str] | str = ()
    constraints: Given | Sequence[Given] = ()
    known: str | None = None
    after_trial: AfterTrial | None = None
    gpus: Sequence[int | str] | None = None
    trial_timeout: float | None = None
    store_patience: float = STORE_PATIENCE


@dataclass(frozen=True, kw_only=True)
class ResumeOptions:
    """The rarer arguments of ``resume``.

    repeats: for studies of code of your own: train the best five trials again so many times before one is chosen.
    constraints: those of the study that are functions, in their order; the store keeps texts alone.
    after_trial, store_patience: as in TableOptions.
    labels, test_labels: the same files, where they were moved.
    folder: the folder that the program of the study is started in, where it was moved; it is the working folder in
        which the study began.
    trust: run the command that the store has, although somebody else may have written it.
    """

    repeats: int | None = None
    trust: bool = False
    constraints: Given | Sequence[Given] = ()
    after_trial: AfterTrial | None = None
    labels: File | None = None
    test_labels: File | None = None
    folder: File | None = None
    store_patience: float = STORE_PATIENCE


@dataclass(frozen=True, kw_only=True)
class OpenOptions:
    """The rarer arguments of ``open_study``.

    known: the name of a study in the same store, whose trials in this space the search begins with.
    store_patience: seconds for which ``report`` and ``tell`` go on, and keep what they are told, while the store cannot
        be reached; then StoreLost is raised, and the study can be taken up again.
    """

    known: str | None = None
    store_patience: float = STORE_PATIENCE
