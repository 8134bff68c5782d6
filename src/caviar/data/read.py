"""From a file, a DataFrame or arrays to a Table.

    text                   .csv .tsv .tab .txt .data .dat: a header; the target is a column
    Parquet                the target is a column
    NPZ                    features x and labels y, by these or other usual names, or the name given as target;
                           of x_train, y_train, x_test and y_test the latter are the test part
    NPY, IDX               features only; labels in a file of their own

CSV, NPY and IDX files may be compressed with gzip (.gz). Nothing that is read may run code.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from caviar.data.alignment import check_aligned
from caviar.data.array_files import (
    Array,
    keys_of,
    label_key,
    only_features,
    parse_idx,
    parse_npy,
    parse_npz,
    taken,
)
from caviar.data.bare_numbers import check_shares
from caviar.data.columns import is_number, is_text, printable, shown
from caviar.data.csv_file import parse_csv
from caviar.data.forms import PLAIN_FORMS, Forms
from caviar.data.repeated_headers import without_headers
from caviar.data.room import check_columns, check_room, too_large
from caviar.data.several import names_of as targets_of
from caviar.data.table import Table, as_frame, as_labels, as_several, in_test_file, named, part, table
from caviar.data.targets import as_written
from caviar.errors import DataError, did_you_mean
from caviar.files import read_file
from caviar.machine import memory_left
from caviar.ranges import brief
from caviar.records import BY_ITSELF, Reading
from caviar.records.reading import Target

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = "str | os.PathLike[str] | pd.DataFrame | tuple[Any, Any]"

_LONGEST_LINE = 1 << 26  # bytes; a row of a million columns has a tenth of it
_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".data": "csv",
    ".dat": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".npz": "npz",
    ".npy": "npy",
}


def read(
    source: Source,
    target: Target = None,
    labels: str | os.PathLike[str] | None = None,
    reading: Reading = BY_ITSELF,
    like: Table | None = None,
) -> Table:
    """Features and labels for training or testing.

    ``source`` is a path, a DataFrame or a pair of arrays (x, y). ``target`` names the column or the array of labels, or
    several columns;
    ``labels`` is the file that holds them where ``source`` holds features only (for IDX it is found by its name).
    ``reading`` is the user's word on its columns. ``like`` is the table of training, for one of testing: what is text
    there is text here, and numbers are written alike. Raises DataError.
    """
    if like is None:
        return _read(source, target, labels, reading, like)
    name = _stem(Path(source)) if isinstance(source, str | os.PathLike) else "table"
    with in_test_file(name):
        return _like(_read(source, target, labels, reading, like), like)


def _like(found: Table, like: Table) -> Table:
    """The table ``found`` for testing, where its shares are written as in that of training. Raises DataError."""
    for name in found.bare:
        if name in like.frame.columns:
            check_shares(name, found.frame[name], like.forms.numbers[name], float(like.frame[name].mean()))
    wanted = like.forms.target
    if wanted is not None and found.target is not None and is_number(found.target.dtype):
        assert like.numbers is not None
        check_shares(str(found.target.name), found.target, wanted, float(like.numbers.mean()))
    return found


def _read(
    source: Source,
    target: Target,
    labels: str | os.PathLike[str] | None,
    reading: Reading,
    like: Table | None,
) -> Table:
    """As ``read``, before it is compared with the table of training."""
    import pandas as pd

    known, several = (None, ()) if like is None else (like.forms, like.several)
    names = targets_of(target)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise DataError(f"arrays are given as a pair (x, y), got {len(source)}", "give (x, y)")
        aligned = check_aligned(*source)
        y = as_several(source[1], names) if len(names) > 1 else as_labels(source[1], names[0] if names else "label")
        return _noted(table(as_frame(source[0]), y, "arrays", reading, known, several), aligned)
    if isinstance(source, pd.DataFrame):
        whole, repeated = without_headers(named(source))
        found = table(*part(whole, target), "table", reading, known, several)
        return _noted(found, (*repeated, *_index_left_out(source)))
    if not isinstance(source, str | os.PathLike):
        raise DataError(
            f"a table is a path, a DataFrame or a pair of arrays (x, y), got {brief(source)}",
            "give one of these; of a dict or a list of rows: pandas.DataFrame(rows), of another library df.to_pandas()",
        )
    path = Path(source).expanduser()
    content, notes = _load(path, [*names, *(text_columns(like) if like is not None else ())], reading)
    if labels is None and isinstance(content, np.ndarray):
        labels = _sibling(path)
    if len(names) > 1 and not isinstance(content, pd.DataFrame):
        raise DataError(
            f"several targets are columns of one table, and {shown(path.name)} holds arrays",
            "give a CSV or Parquet file; or arrays as a pair: caviar.tune((x, y), target=[...])",
        )
    if labels is not None:
        if len(names) > 1:
            raise DataError("a file of labels has one target, got several", "give one table with all columns")
        column = read_labels(Path(labels).expanduser(), names[0] if names else "label", reading)
        return _noted(table(_features(content), column, _stem(path), reading, known), notes)
    if isinstance(content, dict):
        return _from_arrays(content, names[0] if names else None, _stem(path), reading, known)
    if isinstance(content, np.ndarray):
        raise DataError(f"{shown(path.name)} holds features only", "give the file of the labels: `labels=...`")
    x, y = part(content, target)
    if _is_csv(path):
        y = as_written(y) if isinstance(y, pd.Series) else y.apply(as_written)
    return _noted(table(x, y, _stem(path), reading, known, several), notes)


def _index_left_out(frame: pd.DataFrame) -> tuple[str, ...]:
    """A note on an index that has names: it was made of columns, and is none."""
    names = [shown(name) for name in frame.index.names if name is not None]
    if not names:
        return ()
    return (
        f"the index of the frame ({', '.join(names)}) is no column, and was left out; frame.reset_index() makes it one",
    )


def _noted(found: Table, notes: Sequence[str]) -> Table:
    return replace(found, warnings=(*notes, *found.warnings))


def _from_arrays(
    content: dict[str, Array], target: str | None, name: str, reading: Reading, known: Forms | None
) -> Table:
    """The table of an NPZ file, with the test part that the file may have."""
    keys = keys_of(content, target)

    def made(pair: tuple[str, str], known: Forms | None) -> Table:
        x, y = (taken(content, key) for key in pair)
        return table(as_frame(x), as_labels(y, keys.train[1]), name, reading, known)

    found = made(keys.train, known)
    test = None if keys.test is None else made(keys.test, found.forms)
    return replace(found, warnings=(*keys.notes, *found.warnings), test=test)


def text_columns(like: Table) -> list[str]:
    """The columns that are text in a table, or were written in a notation of their own."""
    words = [str(name) for name, dtype in like.frame.dtypes.items() if is_text(dtype)]
    return [*words, *like.forms.columns]


def read_features(
    source: Any,
    text: Collection[str] = (),
    names: list[str] | None = None,
    forms: Forms = PLAIN_FORMS,
) -> Table:
    """Features for prediction from a path, a DataFrame or an array; labels that may be there stay a column.

    ``text`` names the columns that are text whatever they look like, ``names`` the columns of an array: those of
    training; ``forms`` are its notations. Raises DataError.
    """
    reading = Reading(missing=forms.missing)
    if not isinstance(source, (str, os.PathLike)):
        whole, repeated = without_headers(as_frame(source, names))
        return _noted(table(whole, None, "table", reading, forms), repeated)
    path = Path(source).expanduser()
    try:
        content, notes = _load(path, [*text, *forms.columns], reading, forms.file)
        return _noted(table(_features(content, names), None, _stem(path), reading, forms), notes)
    except DataError as error:  # nothing can be said beside a model: it knows what the file of training was like
        if "`encoding=" in error.way_out:
            way_out = "save it as UTF-8, or in the encoding that the file of training had"
        elif "`decimal=" in error.way_out:
            way_out = "write these numbers as in the file of training"
        else:
            raise
        raise DataError(error.rule, way_out) from error


def _features(content: Any, names: list[str] | None = None) -> pd.DataFrame:
    if isinstance(content, dict):
        content = taken(content, only_features(content))
    return as_frame(content, names)


def _load(
    path: Path, text: Collection[str] | None = (), reading: Reading = BY_ITSELF, earlier: Reading = BY_ITSELF
) -> tuple[Any, tuple[str, ...]]:
    """A DataFrame, named arrays or one array, by the ending of the file's name; and notes on the file."""
    try:
        return _parsed(path, text, reading, earlier)
    except MemoryError as error:
        raise too_large(f"{shown(path.name)} does not fit into memory") from error


def _parsed(
    path: Path, text: Collection[str] | None, reading: Reading, earlier: Reading
) -> tuple[Any, tuple[str, ...]]:
    """The content and the notes of a file that fits into memory."""
    raw = _bytes(path)
    name = path.name.lower().removesuffix(".gz")
    if re.search(r"[-.]idx\d*([-.]\w+)?$", name):
        return parse_idx(raw), ()
    match _FORMATS.get(Path(name).suffix):
        case "csv":
            found = parse_csv(raw, text, reading, earlier)
            return found.frame, found.notes
        case "parquet":
            return without_headers(_parse_parquet(raw))
        case "npz":
            return parse_npz(raw), ()
        case "npy":
            return parse_npy(raw), ()
    raise DataError(
        f"a file of data must be one of {', '.join(_FORMATS)} or IDX, got {shown(path.name)}",
        "save the table as CSV; or rename the file if only its name is wrong",
    )


def _is_csv(path: Path) -> bool:
    return _FORMATS.get(Path(path.name.lower().removesuffix(".gz")).suffix) == "csv"


def _bytes(path: Path) -> bytes:
    """The file's bytes, without gzip's compression."""
    try:
        if path.is_dir():
            raise DataError(f"a file of data is needed, got the folder {shown(str(path))}", "name a file in it")
        if path.is_file():
            check_room(path.stat().st_size, shown(path.name))
        raw = read_file(path, memory_left())
    except FileNotFoundError as error:
        raise DataError(f"there is no file {shown(str(path))}", _nearby(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise DataError(f"{shown(str(path))} cannot be read: {shown(str(error), 120)}", "check the file") from error
    if not raw:
        raise DataError(f"a file of data must hold a table, but {shown(path.name)} is empty", "write it again")
    if path.suffix.lower() != ".gz":
        if _is_csv(path):
            _check_lines(raw, path.name)
        return raw
    try:
        return _unpacked(raw, path.name, of_lines=_is_csv(path))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{shown(path.name)} is not a whole gzip file: {error}", "download it again") from error


def _check_lines(raw: bytes, name: str) -> None:
    """Raise DataError where a line of ``raw`` is longer than any row of a table."""
    begun = 0
    while len(raw) - begun > _LONGEST_LINE:
        end = _line_end(raw, begun, begun + _LONGEST_LINE + 1)
        if end < 0:
            rule = f"{shown(name)} has a line of more than {_LONGEST_LINE >> 20} MiB"
            raise DataError(rule, "write a row in a line each")
        begun = end + 1


def _line_end(raw: bytes, start: int, stop: int) -> int:
    """The last byte that ends a line in ``raw[start:stop]``; -1 where there is none."""
    return max(raw.rfind(b"\n", start, stop), raw.rfind(b"\r", start, stop))


def _unpacked(raw: bytes, name: str, of_lines: bool) -> bytes:
    """The bytes that ``raw`` unpacks to with gzip; a few may stand for more than fits into memory."""
    parts, size, line = [], 0, b""
    with gzip.open(io.BytesIO(raw)) as file:
        while part := file.read(1 << 24):
            if of_lines:
                line += part
                line = line[_line_end(line, 0, len(line)) + 1 :]
                _check_lines(line, name)
            parts.append(part)
            size += len(part)
            check_room(size, f"{shown(name)}, unpacked,")  # once more, to be one text
    return b"".join(parts)


def _nearby(path: Path) -> str:
    try:
        return did_you_mean(printable(path.name), sorted(printable(p.name) for p in path.parent.iterdir()))
    except OSError:
        return f"there is no folder {shown(str(path.parent))} either"


def _parse_parquet(raw: bytes) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    try:
        facts = pyarrow.parquet.read_metadata(io.BytesIO(raw))
        check_columns(facts.num_columns, "the Parquet file")
        check_room(facts.num_rows * facts.num_columns, "the Parquet file, unpacked,")  # a byte a cell at the least
        frame = pyarrow.parquet.read_table(io.BytesIO(raw)).to_pandas()
        indexed = [name for name in frame.index.names if name is not None]  # columns of the file, index to pandas alone
        return named(frame.reset_index(level=indexed) if indexed else frame)
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(
            f"this is not a Parquet file that can be read: {shown(str(error), 120)}", "write it again"
        ) from error


def _sibling(path: Path) -> Path | None:
    """The labels beside an IDX file of images: train-images-idx3-ubyte has train-labels-idx1-ubyte."""
    name = re.sub(r"idx\d", "idx1", path.name.replace("images", "labels")).removesuffix(".gz")
    candidates = [path.with_name(name + end) for end in ("", ".gz")]
    return next((c for c in candidates if c.name != path.name and c.is_file()), None)


def read_labels(path: Path, name: str, reading: Reading = BY_ITSELF) -> pd.Series[Any]:
    """The labels in a file of their own."""
    import pandas as pd

    content, _ = _load(path, None, reading)
    if isinstance(content, dict):
        content = taken(content, label_key(content, next(iter(content)) if len(content) == 1 else None))
    if isinstance(content, pd.DataFrame):
        if content.shape[1] != 1:
            raise DataError(
                f"a file of labels must have one column, but {shown(path.name)} has {content.shape[1]}",
                "keep the column of the labels only",
            )
        column = content.iloc[:, 0].rename(str(content.columns[0]))
        return as_written(column) if _is_csv(path) else column
    return as_labels(content, name)


def _stem(path: Path) -> str:
    name = re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE)
    return Path(name).stem if Path(name).suffix.lower() in _FORMATS else name
