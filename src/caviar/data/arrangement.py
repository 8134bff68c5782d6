"""The features of a table, and the rows that belong together: what is decided before the table is split.

    columns   left out: those to ignore, the groups' own, and identifiers (identifiers.py), unless they are kept
    rows      together: those of a group, and copies of one another (copies.py)
    order     the times, where the past predicts the future (forward.py)

All of it is said in notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import codes, is_date, is_text, listed, option, printable, set_to, shown, written_alike
from caviar.data.copies import FEW, LARGEST_SHARE, Copies, copies, shared_rows
from caviar.data.deal import Indices
from caviar.data.forward import places_in_time, split_in_time, times_of
from caviar.data.identifiers import NEARLY_ALL, identifiers, is_id, is_somebody
from caviar.data.labels import target_numbers
from caviar.data.several import TargetColumn, strata, with_every_label
from caviar.data.split import Split, split, split_numbers, split_sets
from caviar.data.table import Table, check_columns
from caviar.errors import DataError
from caviar.records import Reading

if TYPE_CHECKING:
    import pandas as pd

FEWEST_GROUPS = 20  # values of an id, or it is a category


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The ``columns`` that are features, and what keeps the rows of a table together.

    ``sets`` (m,): rows of one number go to one part, None where none have to. ``times`` (m,): places in time, None
    where time does not count. ``identifiers`` are the numbers that were left out as such, ``twins`` the copies.
    """

    columns: tuple[str, ...]
    sets: Indices | None
    times: Indices | None
    by_group: bool
    identifiers: tuple[str, ...]
    twins: Copies
    notes: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """Differences from the arrangement of earlier versions, where there are any."""
        facts: dict[str, Any] = {"identifiers": list(self.identifiers)} if self.identifiers else {}
        return facts | ({"copies": self.twins.equal} if self.twins.sets is not None and self.times is None else {})

    def split(
        self, labels: pd.Series[Any], task: str, seed: int, test: bool, several: Sequence[TargetColumn] = ()
    ) -> Split:
        """The rows of every part, for the classes, the numbers, or the label sets of ``several`` in ``labels`` (m,).

        Raises DataError.
        """
        regression = task == "regression"
        if several:
            return self._split_several(labels.to_numpy(np.int32), seed, test, several)
        target = target_numbers(labels) if regression else labels.to_numpy()
        if self.times is not None:
            parts = split_in_time(self.times, test)
            if not regression:
                _check_past(labels, parts)
            return parts
        if self.sets is not None:
            named = "groups" if self.by_group else "different rows"
            return split_sets(target, self.sets, seed, test, regression=regression, named=named)
        return split_numbers(target, seed, test) if regression else split(target, seed, test)

    def _split_several(self, y: npt.NDArray[np.int32], seed: int, test: bool, several: Sequence[TargetColumn]) -> Split:
        """The parts of rows with label sets ``y`` (m,): both labels of each target are in training."""
        if self.times is not None:
            return with_every_label(split_in_time(self.times, test), y, several, may_move=False)
        dealt = strata(y, len(several))
        if self.sets is None:
            found = split(dealt, seed, test)
        else:
            named = "groups" if self.by_group else "different rows"
            found = split_sets(dealt, self.sets, seed, test, regression=False, named=named)
        return with_every_label(replace(found, warnings=()), y, several, may_move=self.sets is None)

    def notes_of(self, parts: Split, reading: Reading, times: pd.Series[Any] | None) -> tuple[str, ...]:
        """A sentence on the parts where the user decided about them."""
        held_out = (parts.validation, parts.test) if len(parts.test) else (parts.validation,)
        total = sum(map(len, (parts.train, *held_out)))
        each = [f"{100 * len(rows) / total:.0f}" for rows in (parts.train, *held_out)]
        shares = f"{', '.join(each[:-1])} and {each[-1]} % of the rows"
        if times is not None:
            starts = [_time(times.iloc[rows].min()) for rows in held_out]
            cut = f"training before {starts[0]}, validation from then on"
            cut += f", test from {starts[1]}" if len(held_out) > 1 else ""
            return (f"split by {shown(reading.time)}: {cut} ({shares})",)
        if self.by_group and self.sets is not None:
            groups = int(self.sets.max()) + 1
            own = ", nearly every row one of its own," if groups > NEARLY_ALL * len(self.sets) else ""
            return (f"split by {shown(reading.group)}: each of {groups:,} groups{own} is in one part ({shares})",)
        return ()


def arrange(table: Table, labels: pd.Series[Any], reading: Reading) -> Arrangement:
    """The arrangement of a table with these ``labels``. Raises DataError for columns that it does not have."""
    _check_names(table, reading)
    present = [name for name in table.frame.columns if name not in reading.ignore]
    notes: list[str] = []
    if reading.group is not None and reading.group not in (*reading.keep, *reading.ignore):
        present = [name for name in present if name != reading.group]
        notes.append(
            f"{shown(reading.group)} says which rows belong together and is no feature "
            f"({option('keep', [reading.group])} uses it)"
        )
    found = identifiers(table.frame, present, reading.keep)
    columns = tuple(name for name in present if name not in found.columns)
    notes += found.notes
    if reading.group is None and reading.time is None:
        notes += _possible_groups(table.frame, [name for name in columns if name not in reading.keep])
    if not columns:
        raise DataError(
            f"at least one feature must differ between rows, but all {len(table.frame.columns)} are constant, empty or "
            "different in every row",
            "check that these are the right columns; a column that was left out is used by `keep=...`",
        )
    twins = copies(table.frame, columns, labels)
    times = None if table.time is None else times_of(table.time)
    groups = None if table.group is None else _groups(table.group)
    notes += [] if table.group is None else _alike_groups(table.group)
    sets = None if times is not None else _together(groups, twins.sets)
    if sets is groups and twins.sets is not None:
        twins = twins._replace(sets=None, apart="they tie nearly all groups together")
    return Arrangement(
        columns=columns,
        sets=sets,
        times=None if times is None else places_in_time(times),
        by_group=groups is not None,
        identifiers=found.numbers,
        twins=twins,
        notes=(*notes, *twins.notes(in_time=times is not None)),
    )


def _possible_groups(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """A sentence on each of ``columns`` that is somebody's by its name, and has two rows a value or more on average."""
    notes = []
    for name in (name for name in columns if (is_id(name) or is_somebody(name)) and not is_date(frame[name].dtype)):
        different, present = frame[name].nunique(), int(frame[name].notna().sum())
        if FEWEST_GROUPS <= different <= present / 2:
            notes.append(
                f"{shown(name)} has {different:,} different values in {present:,} rows; if rows of one value belong "
                f"together, as those of a person do, {set_to('group', name)} keeps them in one part"
            )
    return notes


def notes_on_test(table: Table, test: Table, arranged: Arrangement) -> tuple[str, ...]:
    """Sentences on rows of the ``test`` table that training knows already, by themselves, their group or their time."""
    notes = []
    if set(arranged.columns) <= set(test.frame.columns):
        shared = shared_rows(test.frame, table.frame, arranged.columns)
        if shared and not arranged.twins.apart:
            rows = f"{shared:,} of {len(test.frame):,} rows"
            notes.append(f"{rows} of the test data {test.name} are in {table.name}, too: their score says little")
    if table.group is not None:
        if test.group is None:
            notes.append(f"the test data {test.name} have no column {shown(table.group.name)} to look groups up in")
        else:
            both = sorted({*test.group.dropna().tolist()} & {*table.group.tolist()}, key=str)
            if both:
                notes.append(
                    f"{len(both):,} groups of {shown(table.group.name)} are in the test data {test.name} and in "
                    f"{table.name}: {listed(both)}"
                )
    if table.time is not None and test.time is not None:
        last = times_of(table.time).max()
        early = int((times_of(test.time) <= last).sum())
        if early:
            than = f"no later than the last row of {table.name}, {_time(last)}"
            notes.append(f"{early:,} rows of the test data {test.name} are {than}")
    return tuple(notes)


def _check_names(table: Table, reading: Reading) -> None:
    """Raise DataError for a column that the table does not have, and for instructions that contradict one another."""
    single = {name: [value] for name, value in (("group", reading.group), ("time", reading.time)) if value is not None}
    for argument, columns in {"ignore": reading.ignore, "keep": reading.keep, **single}.items():
        check_columns(argument, columns, table.columns, table.target_name)
    both = [column for column in reading.keep if column in reading.ignore]
    if both:
        raise DataError(f"{shown(both[0])} is in `ignore` and in `keep`", "take it out of one of them")
    if reading.group is not None and reading.time is not None:
        raise DataError(
            "`group` and `time` cannot both decide on the parts: rows of one group would be past and future",
            "give one of them; or give the later rows as `test=FILE`, and `group`",
        )


def _groups(column: pd.Series[Any]) -> Indices:
    """The number (m,) of every row's group. Raises DataError for a row without one."""
    absent = np.flatnonzero(column.isna())
    if len(absent):
        raise DataError(
            f"every row must have a group, but {len(absent):,} of {len(column):,} rows have none in "
            f"{shown(column.name)}, the first is row {int(absent[0]) + 1}",
            "fill the groups in, or remove these rows",
        )
    try:
        return codes(column.to_numpy())
    except TypeError as error:  # lists, say
        raise DataError(
            f"`group` must name a column of text or numbers, but row 1 of {shown(column.name)} is "
            f"{shown(column.tolist()[0])}",
            "choose another column",
        ) from error


def _alike_groups(column: pd.Series[Any]) -> list[str]:
    """A note on groups that are written alike, and may be the same: P1 and p1, 001 and 1."""
    different = map(str, column.unique().tolist()) if is_text(column.dtype) else ()
    several = written_alike(different, lambda text: text.lstrip("0"))
    if not several:
        return []
    more = f", and {len(several) - 1:,} more such" if len(several) > 1 else ""
    return [
        f"groups of {shown(column.name)} that differ only in blanks, upper case or leading zeros may be in two parts: "
        f"{' and '.join(map(shown, several[0][:3]))}{more}; write them alike in the file if they mean the same"
    ]


def _together(groups: Indices | None, twins: Indices | None) -> Indices | None:
    """Sets of rows that keep both groups and copies together."""
    if groups is None or twins is None:
        return groups if twins is None else twins
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_groups, n_twins = int(groups.max()) + 1, int(twins.max()) + 1
    ones, size = np.ones(len(groups), dtype=np.int8), n_groups + n_twins
    graph = coo_array((ones, (groups, n_groups + twins)), shape=(size, size))
    joined = codes(connected_components(graph, directed=False)[1][groups])
    sizes = np.bincount(joined)
    tied = len(sizes) < FEW or sizes.max() > max(LARGEST_SHARE * len(joined), 2 * np.bincount(groups).max())
    return groups if tied else joined


def _check_past(labels: pd.Series[Any], parts: Split) -> None:
    """Raise DataError for a class that only the future has."""
    known = set(labels.iloc[parts.train].tolist())
    for rows in (parts.validation, parts.test):
        later = labels.iloc[rows]
        strange = np.flatnonzero(~later.isin(known))
        if len(strange):
            raise DataError(
                f"the past must have every class, but {shown(later.tolist()[int(strange[0])])} is first seen in later "
                f"rows (row {int(rows[strange[0]]) + 1}), on which nothing is trained",
                "remove the rows of such classes, give more of the past, or leave out `time`",
            )


def _time(time: object) -> str:
    """A time as text; a day without its midnight."""
    return printable(str(time).removesuffix(" 00:00:00"))
