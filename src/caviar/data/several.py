"""Several targets: columns with two labels each, which one network learns together.

A row's labels are kept as one whole number, its label set (see label_sets). The second label of a column, the one that
its probability is of, is that of a known pair such as yes and no, else the later in order: 1 of 0 and 1, b of a and b.

Rows are split by strata. A label set of ROWS_A_STRATUM rows or more is one. Rarer sets are put in order, the column
whose labels are most uneven first, and neighbours are joined until they have so many rows: so sets are joined with
those that have the same rare labels. Iterative stratification (Sechidis, Tsoumakas and Vlahavas, On the stratification
of multi-label data, 2011) wants the same, label by label; strata are dealt out by the code that deals out classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import is_number, listed, printable, shown
from caviar.data.deal import Indices
from caviar.data.labels import Label, classes_of, encode_labels
from caviar.data.split import Split
from caviar.data.targets import target_of, unlabelled
from caviar.errors import DataError, NoTarget, did_you_mean
from caviar.label_sets import MOST, packed, unpacked
from caviar.records import Reading

if TYPE_CHECKING:
    import pandas as pd

ROWS_A_STRATUM = 5  # one for validation, one for the test, three to train on
_NO = ("no", "n", "false", "f", "off", "absent", "negative", "neg", "-", "none", "never", "nein", "non", "nee", "nej")


@dataclass(frozen=True)
class TargetColumn:
    """A column of several targets, and its two labels; probabilities are those of the second."""

    name: str
    labels: tuple[Label, Label]

    @property
    def second(self) -> Label:
        """The label that the probability is of."""
        return self.labels[1]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TargetColumn:
        """The column that ``asdict`` made plain. Raises ValueError for what it cannot have written."""
        first, second = data["labels"]
        if {type(first), type(second)} not in ({str}, {int}, {bool}) or first == second:
            raise ValueError("a target has no two labels")
        return cls(str(data["name"]), (first, second))


@dataclass(frozen=True, eq=False)
class SeveralTargets:
    """The label set of every row (m,), as a column, what the bits stand for, and notes on the labels."""

    sets: pd.Series[Any]
    columns: tuple[TargetColumn, ...]
    notes: tuple[str, ...] = ()


def names_of(target: str | Sequence[str] | None) -> list[str]:
    """The columns that ``target`` names."""
    if target is None:
        return []
    return [str(name).strip() for name in ([target] if isinstance(target, str) else target)]


def check_names(names: Sequence[str], columns: Sequence[str]) -> None:
    """Raise DataError unless each of the ``names`` is one of the ``columns``, named once, and they are not too many."""
    for i, name in enumerate(names):
        if name not in columns:
            raise NoTarget(
                f"each target must be a column, got {shown(name)}",
                did_you_mean(printable(name), map(printable, columns)),
                name,
            )
        if name in names[:i]:
            raise DataError(f"each target must be named once, but {shown(name)} is there twice", "leave one out")
    if len(names) > MOST:
        raise DataError(
            f"there can be {MOST} targets at most, got {len(names)}", f"tune them in groups of up to {MOST}"
        )


def several_of(
    frame: pd.DataFrame, reading: Reading, usual: str | None = None, known: Sequence[TargetColumn] = ()
) -> SeveralTargets:
    """The targets in the columns of ``frame``; ``known`` are those of an earlier table.

    Raises DataError for a missing label, and for a column that has not two labels.
    """
    import pandas as pd

    columns, bits, notes = [], [], list[str]()
    for i, name in enumerate(frame.columns):
        found = target_of(frame[name], reading, usual)
        column = known[i] if known else TargetColumn(str(name), _two_labels(found.labels))
        columns.append(column)
        bits.append(encode_labels(found.labels, column.labels))
        notes += found.notes
    sets = pd.Series(packed(np.stack(bits, axis=1)), name=", ".join(map(str, frame.columns)))
    return SeveralTargets(sets, tuple(columns), tuple(notes) if known else (*notes, *_notes(columns)))


def encode_several(labels: Mapping[str, pd.Series[Any]], columns: Sequence[TargetColumn]) -> npt.NDArray[np.int32]:
    """The label sets (m,) of ``labels``, by column. Raises DataError for labels that ``columns`` do not have."""
    return packed(np.stack([encode_labels(labels[c.name], c.labels) for c in columns], axis=1))


def decode_several(second: npt.NDArray[np.bool_], columns: Sequence[TargetColumn]) -> pd.DataFrame:
    """The labels of rows, a column a target, of the type that they had: the second where ``second`` (m, K) is true."""
    import pandas as pd

    made = {}
    for k, column in enumerate(columns):
        labels = np.array(column.labels, dtype=object if isinstance(column.second, str) else None)
        made[column.name] = labels[second[:, k].astype(np.intp)]
    return pd.DataFrame(made)


def unlabelled_rows(frame: pd.DataFrame, reading: Reading, usual: str | None = None) -> npt.NDArray[np.bool_]:
    """The rows (m,) that lack a label of one of the columns of ``frame``."""
    absent = np.zeros(len(frame), dtype=bool)
    for name in frame.columns:
        absent |= unlabelled(frame[name], reading, usual)
    return absent


def strata(y: npt.NDArray[Any], targets: int) -> Indices:
    """The stratum (m,) of every row with label sets ``y`` (m,): see the head of this file."""
    bits = unpacked(y, targets)
    shares = bits.mean(axis=0)
    rarest_first = np.argsort(np.minimum(shares, 1 - shares), kind="stable")
    order = np.lexsort(bits.T[rarest_first[::-1]])  # the last key counts most
    sets, found, counts = np.unique(np.asarray(y), return_inverse=True, return_counts=True)
    rare = order[(counts[found] < ROWS_A_STRATUM)[order]]  # in order, so that neighbours are alike
    last = max(len(rare) // ROWS_A_STRATUM - 1, 0)  # it has what is left over, too
    found[rare] = len(sets) + np.minimum(np.arange(len(rare)) // ROWS_A_STRATUM, last)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def with_every_label(parts: Split, y: npt.NDArray[Any], columns: Sequence[TargetColumn], may_move: bool) -> Split:
    """``parts`` with both labels of every target among the training rows.

    Where a label is not there, a row that has it comes from another part, if rows ``may_move``; there is a warning
    then. Raises DataError where none may.
    """
    bits = unpacked(y, len(columns))
    for k, column in enumerate(columns):
        for bit, label in enumerate(column.labels):
            if (bits[parts.train, k] == bit).any():
                continue
            rows = int((bits[:, k] == bit).sum())
            has = f"{shown(label)} of the target {shown(column.name)} is in {rows:,} {'row' if rows == 1 else 'rows'}"
            if not may_move:
                raise DataError(
                    f"both labels of every target must be among the training rows, but {has}, none of which is",
                    f"add rows, or leave {shown(column.name)} out of `target`",
                )
            moved = next(row for row in (*parts.validation, *parts.test) if bits[row, k] == bit)
            parts = replace(
                parts,
                train=np.sort(np.append(parts.train, moved)),
                validation=parts.validation[parts.validation != moved],
                test=parts.test[parts.test != moved],
                warnings=(*parts.warnings, f"{has}, and one of them was put in training: no score says much of it"),
            )
    return parts


def _two_labels(labels: pd.Series[Any]) -> tuple[Label, Label]:
    """The two labels of a column, the second the one that probabilities are of. Raises DataError."""
    name, found = shown(labels.name), classes_of(labels)
    alone = f"predict it alone: `target={str(labels.name)!r}`; or leave it out of `target`"
    if is_number(labels.dtype) and labels.dtype.kind == "f":
        raise DataError(f"each of several targets must have two labels, but {name} has numbers with fractions", alone)
    if len(found) == 1:
        raise DataError(
            f"each of several targets must have two labels, but every row of {name} is {shown(found[0])}",
            f"leave {name} out of `target`",
        )
    if len(found) > 2:
        usual = labels.value_counts().index[:2].tolist()
        row = int(np.flatnonzero(~labels.isin(usual).to_numpy())[0])
        raise DataError(
            f"each of several targets must have two labels, but {name} has {len(found):,}: {listed(list(found))} "
            f"({shown(labels.tolist()[row])} is first in row {row + 1:,})",
            f"correct the cells; or {alone}",
        )
    first, second = found
    return (second, first) if _says_no(second) and not _says_no(first) else (first, second)


def _notes(columns: Sequence[TargetColumn]) -> tuple[str, ...]:
    """A note on the columns whose labels do not say which of them is the second."""
    unclear = [column for column in columns if not _says_no(column.labels[0])]
    if not unclear:
        return ()
    seconds = ", ".join(f"{shown(c.second)} of {shown(c.name)}" for c in unclear[:5])
    more = f", and so on for {len(unclear) - 5} more columns" if len(unclear) > 5 else ""
    return (
        f"probabilities and F1 of several targets are those of the later label in order, {seconds}{more}; "
        "to have the other, write it as yes and the rest as no",
    )


def _says_no(label: Label) -> bool:
    """True for a label such as no, False, 0 or -1."""
    return str(label).lower() in (*_NO, "0", "-1")
