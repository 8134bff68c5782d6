"""Data that would not fit into memory is refused before it is read."""

from __future__ import annotations

from caviar.errors import DataError
from caviar.machine import memory_left

MOST_COLUMNS = 200_000
"""Columns of a file: each is looked at by itself, and more of them take minutes."""


def check_room(size: int, what: str) -> None:
    """Raise DataError where ``size`` bytes are more than the memory that is left; ``what`` has them."""
    left = memory_left()
    if left is not None and size > left:
        raise too_large(f"{what} has {size:,} bytes, and {left:,} bytes of memory are left")


def check_columns(columns: int, where: str) -> None:
    """Raise DataError for more ``columns`` than a table can have; ``where`` names what has them."""
    if columns > MOST_COLUMNS:
        raise DataError(
            f"a table must have at most {MOST_COLUMNS:,} columns, but {where} has {columns:,}",
            "is it a table, with a row in a line each? An array of numbers of one kind, such as pixels, is for NPY",
        )


def too_large(rule: str) -> DataError:
    """The mistake of data that do not fit."""
    return DataError(
        rule, "give fewer rows, or write them as Parquet or NPY: caviar babysit --mapped leaves those on the disk"
    )
