"""Data that stays in files: tables of numbers that are larger than the memory, or too large to be held three times.

An NPY file is mapped as it stands; a Parquet file is first written as one, a batch of its rows at a time. The
statistics of the preprocessing are computed in passes over blocks of the training rows, to the same bits as in memory,
and what the network is fed is written once, in float32, a file a part; training maps these files and reads the rows of
each mini-batch from them, so that the system keeps in memory what fits and no more. The labels are held in memory.

The files are kept (see kept_rows.py) by the data's SHA-256 and the seed, for the next run, a resume or a replay; they
can be deleted at any time between runs.

What it cannot do: text columns (they need all rows at once to be learned; a group may be text, and is held in memory),
and the reference engine, which works on copies in float64. Where the rows of an epoch do not fit into memory, their
random order costs a read from the disk each.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data import kept_rows
from caviar.data.arrangement import Arrangement, arrange, notes_on_test
from caviar.data.column_sketches import sketched_later
from caviar.data.columns import check_finite, is_number, plain, row_blocks, shown
from caviar.data.dataset import Dataset, columns_of, rows_for_folds, target_for
from caviar.data.digest import digest
from caviar.data.examples import Examples, Sealed
from caviar.data.forms import Forms
from caviar.data.labels import noted_task
from caviar.data.leaks import leaks
from caviar.data.learning import learned_from, with_tails
from caviar.data.moments import Moments, moments
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read_labels
from caviar.data.split import Split
from caviar.data.table import Table, as_frame, clean_name, in_test_file
from caviar.data.targets import target_of
from caviar.errors import ConfigError, DataError
from caviar.records import BY_ITSELF, Reading

if TYPE_CHECKING:
    import pandas as pd

_PARTS = ("train", "validation", "test")
_ROWS_AT_ONCE = 65_536  # of a Parquet file


class RowsOf:
    """Some rows of a frame, as far as ``moments`` looks at one: a shape, and blocks that are read when asked for."""

    def __init__(self, frame: pd.DataFrame, rows: npt.NDArray[Any]) -> None:
        self.shape = (len(rows), frame.shape[1])
        self._frame, self._rows = frame, rows

    @property
    def iloc(self) -> RowsOf:
        """Itself: it is indexed by row numbers."""
        return self

    def __getitem__(self, rows: slice) -> pd.DataFrame:
        return self._frame.iloc[self._rows[rows]]


def prepare_mapped(
    path: str | os.PathLike[str],
    target: str | None,
    labels: str | os.PathLike[str] | None,
    seed: int,
    task: str | None = None,
    reading: Reading = BY_ITSELF,
    test: str | os.PathLike[str] | None = None,
    test_labels: str | os.PathLike[str] | None = None,
) -> Dataset:
    """As dataset.prepare of dataset.read, with the rows in files. Raises DataError."""
    import pandas as pd

    _check_reading(reading)
    with kept_rows.making() as room:
        table = _open(path, target, labels, room / "rows.npy", reading)
        sealed = None
        if test is not None:
            sealed = _open(test, target, test_labels, room / "test_rows.npy", reading, table)
        assert table.numbers is not None
        task, chosen = noted_task(table.numbers, task)
        wanted = target_for(table, task)
        arranged = arrange(table, wanted, reading)
        parts = arranged.split(wanted, task, seed, sealed is None)
        used = table.frame.columns.get_indexer(pd.Index(arranged.columns))
        found = Moments(*(statistic[used] for statistic in moments(RowsOf(table.frame, parts.train))))
        columns, regression = columns_of(table, reading), task == "regression"
        learned = learned_from(
            columns, arranged.columns, found, wanted.iloc[parts.train], regression, forms=table.forms
        )
        learned = with_tails(learned, lambda name: table.frame[[name]].iloc[parts.train], wanted.iloc[parts.train])
        chosen_rows = dict(zip(_PARTS, (parts.train, parts.validation, parts.test), strict=True))
        rows = {part: RowsOf(table.frame, numbers) for part, numbers in chosen_rows.items()}
        y = {part: learned.encode(wanted.iloc[numbers]) for part, numbers in chosen_rows.items()}
        if sealed is not None:
            rows["test"] = RowsOf(sealed.frame, np.arange(len(sealed.frame)))
            with in_test_file(sealed.name):
                learned.apply(sealed.frame.iloc[:1])  # its columns are there
                y["test"] = learned.encode(target_for(sealed, task))
        name = digest(table, sealed)
        made = kept_rows.folder() / f"{name}-{seed}-{task}{_mark(arranged, learned, parts)}"
        if not kept_rows.is_whole(made, [f"{part}.npy" for part in _PARTS]):
            _write(rows, learned, room / "parts", made)
        both = np.sort(np.concatenate([parts.train, parts.validation]))
        sketched = sketched_later(table.frame, both, learned, seed)
        examples = {part: Examples(np.load(made / f"{part}.npy", mmap_mode="r"), y[part]) for part in y}
        notes = (*table.warnings, *chosen, *arranged.notes, *arranged.notes_of(parts, reading, table.time))
        notes += () if sealed is None else notes_on_test(table, sealed, arranged)
        notes += leaks(
            table.frame, arranged.columns, wanted, parts.train, regression, seed, reading.time, arranged.twins.sets
        )
    return Dataset(
        table.name,
        examples["train"],
        examples["validation"],
        Sealed(examples["test"]),
        learned,
        name,
        (*notes, *parts.warnings, *learned.warnings),
        **rows_for_folds(arranged, parts),
        arranged=arranged.facts,
        target_range=None,
        sketches=sketched,
    )


def _check_kept(frame: pd.DataFrame, beside: pd.DataFrame, reading: Reading) -> None:
    """Raise DataError for a column to keep that is no number."""
    for name in reading.keep:
        if name in beside.columns and name not in frame.columns:
            raise DataError(
                f"rows that stay in files are numbers, so {shown(name)} cannot be kept as a feature",
                "take it out of `keep`, or use `mapped=False`",
            )


def _check_reading(reading: Reading) -> None:
    """Raise ConfigError for what cannot be asked of rows that stay in files."""
    beyond = set(reading.to_record()) - {"ignore", "keep", "group", "time"}
    if beyond:
        raise ConfigError(
            f"rows that stay in files are numbers as they stand, so `{min(beyond)}` has nothing to say about them",
            f"leave out `{min(beyond)}`, or use `mapped=False`",
        )


def _mark(arranged: Arrangement, learned: Preprocessing, parts: Split) -> str:
    """The end of the folder's name where not all columns are used, or cut, or not all rows are on their own."""
    every = len(arranged.columns) == learned.n_features
    if every and arranged.sets is None and arranged.times is None and not learned.tails:
        return ""
    mark = hashlib.sha256(repr((arranged.columns, learned.tails) if learned.tails else arranged.columns).encode())
    for rows in (parts.train, parts.validation):
        mark.update(rows.tobytes())
    return f"-{mark.hexdigest()[:16]}"


def _open(
    path: str | os.PathLike[str],
    target: str | None,
    labels: str | os.PathLike[str] | None,
    to: Path,
    reading: Reading,
    like: Table | None = None,
) -> Table:
    """The table, its features mapped, from the file ``to`` where its own cannot be; ``like`` is that of training."""
    import pandas as pd

    source = Path(path).expanduser()
    suffix = source.suffix.lower()
    try:
        if suffix == ".npy":
            if labels is None:
                raise DataError(
                    f"{shown(source.name)} holds features only", "give the file of the labels: `labels=...`"
                )
            rows = np.load(source, mmap_mode="r", allow_pickle=False)
            if not rows.dtype.isnative:
                raise DataError(
                    f"rows that stay in files must be in this machine's byte order, got {rows.dtype.str}",
                    'write them again, as x.astype(x.dtype.newbyteorder("="))',
                )
            frame = as_frame(rows)
            beside = pd.DataFrame()
            column = read_labels(Path(labels).expanduser(), target or "label")
        elif suffix in (".parquet", ".pq"):
            frame, beside, column = _from_parquet(source, target, to, reading)
        else:
            raise DataError(
                f"rows are mapped from NPY and Parquet files, got {shown(source.name)}",
                "convert it, or use `mapped=False`",
            )
    except (OSError, ValueError) as error:
        raise DataError(f"{shown(str(source))} cannot be mapped: {shown(str(error), 120)}", "check the file") from error
    if not all(is_number(dtype) for dtype in frame.dtypes):
        raise DataError("rows that stay in files are numbers, got text", "encode the text, or use `mapped=False`")
    if len(column) != len(frame):
        raise DataError(
            f"there must be one label a row, got {len(frame)} rows and {len(column)} labels", "give those of these rows"
        )
    check_finite(frame)
    _check_kept(frame, beside, reading)

    def named(name: str | None) -> pd.Series[Any] | None:
        return next((f[name] for f in (frame, beside) if name in f.columns), None)

    times = named(reading.time)
    found = target_of(column, reading, known=None if like is None else like.forms.target)
    return Table(
        frame,
        found.labels,
        clean_name(source.stem),
        str(column.name),
        found.notes,
        values=found.values,
        forms=Forms(target=found.notation),
        columns=(*frame.columns, *(name for name in beside.columns if name not in frame.columns)),
        group=named(reading.group),
        time=None if times is None else plain(times),
    )


def _from_parquet(
    source: Path, target: str | None, to: Path, reading: Reading
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series[Any]]:
    """The feature columns, written to the NPY file ``to`` a batch of rows at a time; columns beside; the target's.

    Columns beside are those to ignore, and a group or a time that is no number; they are held in memory.
    """
    import pyarrow
    import pyarrow.parquet
    import pyarrow.types

    try:
        file = pyarrow.parquet.ParquetFile(source, memory_map=True)
        names = list(file.schema_arrow.names)
        if target not in names:
            raise DataError(
                f"the target must be one of the columns, got {shown(target)}",
                f"use `target={names[-1]!r}`",
            )

        def is_numeric(name: str) -> bool:
            kind = file.schema_arrow.field(name).type
            checks = (pyarrow.types.is_integer, pyarrow.types.is_floating, pyarrow.types.is_boolean)
            return any(check(kind) for check in checks)

        said = (reading.group, reading.time)
        apart = [name for name in names if name in reading.ignore or (name in said and not is_numeric(name))]
        features = [name for name in names if name != target and name not in apart]
        for name in features:
            kind = file.schema_arrow.field(name).type
            if not is_numeric(name):
                raise DataError(
                    f"rows that stay in files are numbers, but column {shown(name)} is {kind}",
                    "encode it as numbers, or use `mapped=False`",
                )

        def blocks() -> Iterator[npt.NDArray[np.float64]]:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=features):
                yield batch.to_pandas()[features].to_numpy(np.float64, na_value=np.nan)

        kept_rows.write(to, (file.metadata.num_rows, len(features)), np.float64, blocks())
        column = file.read(columns=[target]).to_pandas()[target]
        beside = file.read(columns=[name for name in apart if name in said]).to_pandas()
        beside = beside.reindex(columns=apart)  # those to ignore are names alone
    except pyarrow.ArrowException as error:
        raise DataError(f"{shown(source.name)} cannot be read: {shown(str(error), 120)}", "write it again") from error
    return as_frame(np.load(to, mmap_mode="r"), features), beside, column


def _write(rows: dict[str, RowsOf], learned: Preprocessing, room: Path, to: Path) -> None:
    """The network's input of every part, block by block; the folder has its name when all of it is on the disk."""
    room.mkdir(mode=0o700)
    sums = {}
    for part, chosen in rows.items():
        shape = (chosen.shape[0], learned.n_in)
        blocks = (learned.apply(chosen[block]) for block in row_blocks(*shape))
        sums[f"{part}.npy"] = kept_rows.write(room / f"{part}.npy", shape, np.float32, blocks)
    kept_rows.keep(room, sums, to)
