"""Rows that are the header once more, as files have them that were put one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caviar.data.columns import is_number

if TYPE_CHECKING:
    import pandas as pd


def lines_of_headers(raw: bytes, line: int, separator: str) -> list[int]:
    """The numbers of the lines that are the header of ``line`` once more, which has a ``separator`` at least."""
    start = 0
    for _ in range(line - 1):
        start = raw.find(b"\n", start) + 1
    end = raw.find(b"\n", start)
    header = raw[start:end].rstrip(b"\r")
    if end < 0 or separator.encode() not in header:
        return []
    found: list[int] = []
    counted, number = end, line
    while (place := raw.find(b"\n" + header, counted)) >= 0:
        number += raw.count(b"\n", counted, place) + 1
        counted = place + 1
        behind = counted + len(header)
        if raw[behind : behind + 2].lstrip(b"\r")[:1] in (b"", b"\n"):
            found.append(number)
    return found


def note_on_headers(places: Sequence[int], what: str) -> tuple[str, ...]:
    """A note on the lines, or the rows, that are the header once more."""
    if not places:
        return ()
    which = f"{what} {places[0]:,} is" if len(places) == 1 else f"{len(places):,} {what}s, the first {places[0]:,}, are"
    return (f"{which} the header once more, and left out: are these several files in one?",)


def without_headers(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The frame without rows in which each cell is the name of its column, and a note on them."""
    if frame.shape[1] < 2 or any(map(is_number, set(frame.dtypes))):
        return frame, ()
    hits = frame.iloc[:, 0] == frame.columns[0]
    for place in range(1, frame.shape[1]):
        if not hits.any():
            return frame, ()
        hits &= frame.iloc[:, place] == frame.columns[place]
    hits = hits.fillna(value=False).astype(bool)
    rows = [row + 1 for row, hit in enumerate(hits.tolist()) if hit]
    return (frame[~hits].reset_index(drop=True) if rows else frame), note_on_headers(rows, "row")
