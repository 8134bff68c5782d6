"""A table in a file: CSV, or Parquet that has each column's scale or unit."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caviar import files
from caviar.errors import DataError
from caviar.report.table import write_csv
from caviar.views.tables import Export

if TYPE_CHECKING:
    import pandas as pd

KINDS = (".csv", ".parquet")


def write(export: Export, to: str | os.PathLike[str] | None, *, for_spreadsheet: bool = False) -> None:
    """Write ``export`` to the file ``to``, whose ending decides the format; as CSV to stdout where it is None.

    ``for_spreadsheet``: the CSV has no text that would run as a formula.

    Raises DataError for another ending, or if the file cannot be written.
    """
    if to is None:
        write_csv(export.frame, sys.stdout, for_spreadsheet=for_spreadsheet)
        return
    path = Path(to)
    if path.suffix.lower() == ".csv":
        write_csv(export.frame, path, for_spreadsheet=for_spreadsheet)
    elif path.suffix.lower() == ".parquet":
        _write_parquet(export, path)
    else:
        raise DataError(
            f"{path.name!r} ends in neither {' nor '.join(KINDS)}",
            f"name the file {Path(path.name).stem}.csv or {Path(path.name).stem}.parquet",
        )


def _write_parquet(export: Export, path: Path) -> None:
    """One file whose metadata has the study or run, and for each column its scale or unit."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: _cells(export.frame[name]) for name in export.frame.columns})
    for i, name in enumerate(table.schema.names):
        field = table.schema.field(i).with_metadata(dict(export.columns[name]))
        table = table.cast(table.schema.set(i, field))
    table = table.replace_schema_metadata({f"caviar.{export.kind}": files.dumps(export.about)})
    try:
        written = pa.BufferOutputStream()
        pq.write_table(table, written)
        files.put(path, memoryview(written.getvalue()))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be written: {files.reason(error)}", "choose another file") from error


def _cells(column: pd.Series[Any]) -> Any:
    """Arrow's column; one of mixed types, as a list of choices may have, becomes text."""
    import pyarrow as pa

    values = [None if _is_missing(value) else value for value in column.tolist()] if column.dtype == object else column
    try:
        return pa.array(values, from_pandas=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)
