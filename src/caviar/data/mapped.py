"""Data that stays in files: tables of numbers that are larger than the memory, or too large to be held three times.

An NPY file is mapped as it stands; a Parquet file is first written as one, a batch of its rows at a time. The
statistics of the preprocessing are computed in passes over blocks of the training rows, to the same bits as in memory,
and what the network is fed is written once, in float32, a file a part; training maps these files and reads the rows of
each mini-batch from them, so that the system keeps in memory what fits and no more. The labels are held in memory.

The files are kept under ~/.cache/caviar/rows (XDG_CACHE_HOME, or CAVIAR_ROWS names another place), by the data's
SHA-256 and the seed, for the next run, a resume or a replay; they can be deleted at any time between runs.

What it cannot do: text columns (they need all rows at once to be learned), and the reference engine, which works on
copies in float64. Where the rows of an epoch do not fit into memory, their random order costs a read from the disk
each.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import check_finite, is_number, row_blocks, shown
from caviar.data.dataset import Dataset, parts_of
from caviar.data.digest import digest
from caviar.data.examples import Examples, Sealed
from caviar.data.labels import noted_task, tidy_labels
from caviar.data.moments import moments
from caviar.data.preprocessing import Preprocessing, learned_from
from caviar.data.read import read_labels
from caviar.data.table import Table, as_frame, clean_name
from caviar.errors import DataError
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
) -> Dataset:
    """As dataset.prepare of dataset.read, with the rows in files. Raises DataError."""
    source = Path(path).expanduser()
    folder = _folder()
    with tempfile.TemporaryDirectory(prefix="parquet-", dir=folder) as room:
        table = _open(source, target, labels, Path(room))
        assert table.target is not None
        task, notes = noted_task(table.target, task)
        parts = parts_of(table.target, task, seed, test=True)
        rows = dict(zip(_PARTS, (parts.train, parts.validation, parts.test), strict=True))
        names, train = tuple(table.frame.columns), parts.train
        found = moments(RowsOf(table.frame, train))
        learned = learned_from(names, names, found, table.target.iloc[train], task == "regression")
        name = digest(table)
        made = folder / f"{name}-{seed}-{task}"
        if not made.is_dir():
            _write(table.frame, rows, learned, made)
        examples = {
            part: Examples(np.load(made / f"{part}.npy", mmap_mode="r"), learned.encode(table.target.iloc[rows[part]]))
            for part in _PARTS
        }
    warnings = (*table.warnings, *notes, *parts.warnings, *learned.warnings)
    sealed = Sealed(examples["test"])
    return Dataset(table.name, examples["train"], examples["validation"], sealed, learned, name, warnings)


def _open(source: Path, target: str | None, labels: str | os.PathLike[str] | None, room: Path) -> Table:
    """The table, its features mapped."""
    suffix = source.suffix.lower()
    try:
        if suffix == ".npy":
            if labels is None:
                raise DataError(
                    f"{shown(source.name)} holds features only", "give the file of the labels: `labels=...`"
                )
            frame = as_frame(np.load(source, mmap_mode="r", allow_pickle=False))
            column = read_labels(Path(labels).expanduser(), target or "label")
        elif suffix in (".parquet", ".pq"):
            frame, column = _from_parquet(source, target, room / "rows.npy")
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
    return Table(frame, tidy_labels(column), clean_name(source.stem), str(column.name))


def _from_parquet(source: Path, target: str | None, to: Path) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """The feature columns, written to the NPY file ``to`` a batch of rows at a time, and the target's column."""
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
        features = [name for name in names if name != target]
        for name in features:
            kind = file.schema_arrow.field(name).type
            if not (
                pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_boolean(kind)
            ):
                raise DataError(
                    f"rows that stay in files are numbers, but column {shown(name)} is {kind}",
                    "encode it as numbers, or use `mapped=False`",
                )
        m = file.metadata.num_rows
        mapped = np.lib.format.open_memmap(to, mode="w+", dtype=np.float64, shape=(m, len(features)))
        start = 0
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=features):
            block = batch.to_pandas()[features].to_numpy(np.float64, na_value=np.nan)
            mapped[start : start + len(block)] = block
            start += len(block)
        column = file.read(columns=[target]).to_pandas()[target]
    except pyarrow.ArrowException as error:
        raise DataError(f"{shown(source.name)} cannot be read: {shown(str(error), 120)}", "write it again") from error
    mapped.flush()
    return as_frame(np.load(to, mmap_mode="r"), features), column


def _write(frame: pd.DataFrame, rows: dict[str, npt.NDArray[Any]], learned: Preprocessing, to: Path) -> None:
    """The network's input of every part, block by block; the folder has its name when all of it is on the disk."""
    with tempfile.TemporaryDirectory(prefix="writing-", dir=to.parent) as room:
        for part, chosen in rows.items():
            shape = (len(chosen), learned.n_in)
            out = np.lib.format.open_memmap(Path(room) / f"{part}.npy", mode="w+", dtype=np.float32, shape=shape)
            for block in row_blocks(*shape):
                out[block] = learned.apply(frame.iloc[chosen[block]])
            out.flush()
        finished = Path(tempfile.mkdtemp(prefix="finished-", dir=to.parent))
        for part in rows:
            os.replace(Path(room) / f"{part}.npy", finished / f"{part}.npy")
        with suppress(OSError):  # another process was quicker, and its files are as good
            os.rename(finished, to)
        shutil.rmtree(finished, ignore_errors=True)


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(os.environ.get("CAVIAR_ROWS") or Path(cache) / "caviar" / "rows")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"the folder {str(folder)!r} for mapped rows cannot be made: {error.strerror}",
            "name another with CAVIAR_ROWS",
        ) from error
    return folder
