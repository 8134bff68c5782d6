"""The data of a study: a table becomes examples in three parts, the test part sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import numpy as np

from caviar.data.arrangement import Arrangement, arrange, notes_on_test
from caviar.data.code_columns import note_on_codes
from caviar.data.column_sketches import ColumnSketches, sketched_later
from caviar.data.columns import Floats, listed
from caviar.data.deal import Indices
from caviar.data.digest import digest
from caviar.data.examples import Examples, Sealed
from caviar.data.labels import check_task, noted_task, target_numbers
from caviar.data.leaks import leaks
from caviar.data.learning import learn
from caviar.data.numerals import PLAIN, Notation
from caviar.data.preprocessing import Preprocessing
from caviar.data.several import TargetColumn
from caviar.data.split import Split
from caviar.data.table import Table, in_test_file
from caviar.data.target_scale import PLAIN as PLAIN_TARGET
from caviar.data.thinning import Thinning, thinned
from caviar.errors import ConfigError, DataError
from caviar.label_sets import unpacked
from caviar.records import BY_ITSELF, Reading

if TYPE_CHECKING:
    import pandas as pd

PLAIN_SCALE = PLAIN_TARGET.name


class ChosenScale(NamedTuple):
    """A scale for the target of regression by its name, see target_scale.py, and ``notes`` on the choice."""

    name: str
    notes: tuple[str, ...] = ()


class Places(NamedTuple):
    """The rows of a table that each part has; ``sets`` and ``times`` (m,) of all of its rows, as in Arrangement."""

    parts: Split
    sets: Indices | None
    times: Indices | None


class RowsForFolds(TypedDict):
    """The fields of a Dataset that ``rows_for_folds`` finds."""

    sets: Indices | None
    times: Indices | None


ScaleChoice = Callable[[Preprocessing, Examples, Examples, Floats], ChosenScale]
"""Chooses from the preprocessing, the rows for training and those for validation, and the target of all of these.

The target (m,) is in its own units and float64: beside 1e12 all ordinary numbers are one in the float32 of examples.
"""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three parts of a table, and the preprocessing learned from the first; ``sha256`` is that of the table.

    ``sets`` and ``times`` (m,) are those of the rows for training and validation, one part after the other, as in
    Arrangement; ``arranged`` are the facts of the arrangement. ``target_range`` has the least and the greatest number
    that is the target of these rows; None for classes, and for rows that stay in files. ``spared`` counts the rows that
    are in no part, see thinning.py.
    """

    name: str
    train: Examples
    validation: Examples
    test: Sealed
    preprocessing: Preprocessing
    sha256: str
    warnings: tuple[str, ...] = ()
    sets: Indices | None = None
    times: Indices | None = None
    arranged: Mapping[str, Any] = field(default_factory=dict)
    target_range: tuple[float, float] | None = None
    spared: int = 0
    both: Examples | None = None
    """The rows for training and validation, where these are views of one array."""
    sketches: Callable[[], ColumnSketches] | None = None
    """Makes the sketches of the columns, over the rows for training and validation."""
    places: Places | None = None
    """The rows of the table that the parts have; None for rows that stay in files."""

    @property
    def facts(self) -> dict[str, Any]:
        """The ``data`` object of a result: task, counts of rows, features and classes (None for regression), sha256.

        Where there are any, "identifiers" are columns of numbers that were left out as such, and "copies" counts the
        rows that are equal to an earlier one and stay in its part.
        """
        learned = self.preprocessing
        parts = {"train": len(self.train), "validation": len(self.validation), "test": self.test.rows}
        return {
            "task": "multilabel" if learned.targets else "regression" if learned.regression else "classification",
            "rows": sum(parts.values()) + self.spared,
            "features": len(learned.numbers) + len(learned.texts) + len(learned.dates),
            "classes": len(learned.classes) or None,
            **({"targets": [column.name for column in learned.targets]} if learned.targets else {}),
            **parts,
            "sha256": self.sha256,
            **self.arranged,
        }

    def train_and_validation(self) -> Examples:
        """Both parts together, for a network whose config is chosen: more rows make it better."""
        if self.both is not None:
            return self.both
        parts = (self.train, self.validation)
        cells, y = (np.concatenate([getattr(part, name) for part in parts]) for name in ("cells", "y"))
        return replace(self.train, cells=cells, y=y)


def prepare(
    table: Table,
    seed: int,
    test: Table | None = None,
    task: str | None = None,
    reading: Reading = BY_ITSELF,
    choose: ScaleChoice | None = None,
    thin: Thinning | None = None,
) -> Dataset:
    """Split, learn on the training rows, and apply.

    ``task`` is "classification" or "regression"; None decides from the column (see labels.task_of). ``choose`` chooses
    the scale of a target of regression, which is plain without it. ``thin`` says how many of the rows are used, which
    are all without it; the preprocessing is learned on all training rows.

    ``seed`` decides the split: 60 % training, 20 % validation, 20 % test; or, where ``test`` is given or came with the
    table, 80 % and 20 %, and the whole of ``test`` is the test part. Classes are in every part in proportion, and so
    are the tenths of a numeric target (see split.py) and the label sets of several (see several.py), unless ``reading``
    has a group or a time to split by. Raises DataError, and ConfigError for an unknown task.
    """
    task, chosen = _task_of_several(task) if table.several else noted_task(_numbers(table), task)
    notes = (*table.warnings, *chosen)
    if table.test is not None and test is not None:
        notes = (*notes, f"the test part in {table.name} is not used, for there is another: {test.name}")
    test = test if test is not None else table.test
    labels, regression, forms = target_for(table, task), task == "regression", table.forms
    arranged = arrange(table, labels, reading)
    whole = arranged.split(labels, task, seed, test is None, table.several)
    training = table.frame.iloc[whole.train]
    if len(arranged.columns) < training.shape[1]:
        training = training[list(arranged.columns)]
    learned = learn(training, labels.iloc[whole.train], regression, forms, table.several)
    preprocessing = replace(learned, columns=columns_of(table, reading))
    every = 1 if thin is None else thin(len(whole.train), preprocessing.n_in)
    parts = whole if every == 1 else thinned(whole, every, preprocessing.encode(labels), seed)

    def examples(frame: pd.DataFrame, target: pd.Series[Any]) -> Examples:
        cells, y = preprocessing.cells(frame)[0], preprocessing.encode(target)
        return Examples(cells, y, preprocessing.codes, len(preprocessing.targets), preprocessing.one_hot)

    rows = _both(parts)
    both = examples(table.frame.iloc[rows], labels.iloc[rows])
    train, validation = both.split(len(parts.train))
    scale = ChosenScale(PLAIN_SCALE)
    if choose is not None and regression:
        scale = choose(preprocessing, train, validation, target_numbers(labels.iloc[rows], forms.target or PLAIN))
    if scale.name != PLAIN_SCALE:
        preprocessing = preprocessing.on_scale(scale.name, labels.iloc[whole.train])
        both = replace(both, y=preprocessing.encode(labels.iloc[rows]))
        train, validation = both.split(len(parts.train))
    if test is None:
        sealed = Sealed(examples(table.frame.iloc[parts.test], labels.iloc[parts.test]))
    else:
        with in_test_file(test.name):
            _numbers(test)
            sealed = Sealed(examples(test.frame, target_for(test, task)))
    notes += arranged.notes + arranged.notes_of(whole, reading, table.time)
    if test is not None:
        notes += notes_on_test(table, test, arranged)
    for column in _each(labels, table.several):
        notes += leaks(
            table.frame, arranged.columns, column, whole.train, regression, seed, reading.time, arranged.twins.sets
        )
        number = [name for name in arranged.columns if name not in reading.number]
        notes += note_on_codes(table.frame, number, column, whole.train, regression, arranged.twins.sets)
    return Dataset(
        table.name,
        train,
        validation,
        sealed,
        preprocessing,
        digest(table, test),
        (*notes, *parts.warnings, *preprocessing.warnings, *scale.notes),
        **rows_for_folds(arranged, parts),
        arranged=arranged.facts,
        target_range=_range(labels.iloc[_both(whole)], table.forms.target) if regression else None,
        spared=len(_both(whole)) - len(rows),
        both=both,
        sketches=sketched_later(table.frame, _both(whole), preprocessing, seed),
        places=Places(parts, arranged.sets, arranged.times),
    )


def check_arranged(what: str, before: Mapping[str, Any], dataset: Dataset) -> None:
    """Raise DataError if ``what``, a study or a run with these facts ``before``, has other rows or columns today.

    Versions before this one used identifiers, and let copies of a row go to different parts.
    """
    for fact, was in (("identifiers", "used as features"), ("copies", "dealt out to different parts")):
        now = dataset.arranged.get(fact)
        if before.get(fact) != now and now is not None:
            which = listed(now) if isinstance(now, list) else f"{now:,} copies of rows"
            raise DataError(
                f"{what} was begun by an earlier version of caviar, in which {which} were {was}: it cannot go on as it "
                "began",
                "begin a new one with caviar tune or caviar babysit",
            )


def columns_of(table: Table, reading: Reading) -> tuple[str, ...]:
    """The columns of an array of new rows: the features, and those to ignore, in the table's order."""
    return tuple(name for name in table.columns if name in table.frame.columns or name in reading.ignore)


def rows_for_folds(arranged: Arrangement, parts: Split) -> RowsForFolds:
    """The sets and times of the rows for training and validation, one part after the other."""
    rows, sets, times = _both(parts), arranged.sets, arranged.times
    return {"sets": None if sets is None else sets[rows], "times": None if times is None else times[rows]}


def _both(parts: Split) -> Indices:
    """The rows for training and validation, one part after the other."""
    return np.concatenate([parts.train, parts.validation])


def target_for(table: Table, task: str) -> pd.Series[Any]:
    """The target of a table for a ``task``: its labels as they came, or the numbers that they stand for."""
    found = _numbers(table) if task == "regression" else table.target
    assert found is not None
    return found


def _task_of_several(task: str | None) -> tuple[str, tuple[str, ...]]:
    """The task of several targets, and no note. Raises ConfigError where another was asked for."""
    check_task(task)
    if task == "regression":
        raise ConfigError("several targets have two labels each, and no numbers to estimate", "name one target")
    return "multilabel", ()


def _each(labels: pd.Series[Any], several: Sequence[TargetColumn]) -> Iterator[pd.Series[Any]]:
    """The target, or each of ``several`` as a column of 0 and 1, by its name."""
    if not several:
        yield labels
        return
    import pandas as pd

    for column, bits in zip(several, unpacked(labels.to_numpy(), len(several)).T, strict=True):
        yield pd.Series(bits, name=column.name)


def _range(target: pd.Series[Any], notation: Notation | None) -> tuple[float, float]:
    """The least and the greatest number of a target of regression."""
    found = target_numbers(target, notation or PLAIN)
    return float(found.min()), float(found.max())


def _numbers(table: Table) -> pd.Series[Any]:
    """The target as numbers where it stands for such. Raises DataError for a table without one."""
    if table.numbers is None:
        raise DataError("the table must have labels, got features only", "name the column of the labels: `target=...`")
    return table.numbers
