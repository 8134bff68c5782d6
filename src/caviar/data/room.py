"""Data that would not fit into memory is refused before it is read."""

from __future__ import annotations

from caviar.errors import DataError
from caviar.machine import memory_left


def check_room(size: int, what: str) -> None:
    """Raise DataError where ``size`` bytes are more than the memory that is left; ``what`` has them."""
    left = memory_left()
    if left is not None and size > left:
        raise too_large(f"{what} has {size:,} bytes, and {left:,} bytes of memory are left")


def too_large(rule: str) -> DataError:
    """The mistake of data that do not fit."""
    return DataError(
        rule, "give fewer rows, or write them as Parquet or NPY: caviar babysit --mapped leaves those on the disk"
    )
