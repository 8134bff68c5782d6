"""The errors that a user of caviar can meet.

    CaviarError                 every error raised on purpose
    ├── UserMistake             the input broke a rule: exit status 2
    │   ├── SpaceError          a scale, a space or a space file
    │   ├── ConfigError         a config that no network can be built from, or an argument
    │   │   └── NotANumber      a measurement that is no number; a TypeError, too
    │   ├── DataError           a table, an array, a target, a file of data
    │   │   ├── NoTarget        the target is no column of it
    │   │   └── Unlabelled      a row without a label
    │   ├── ModelError          a model file, or data that does not fit a model
    │   └── StoreError          a store or a study in it
    │       ├── Fenced          a worker that was declared lost tried to write
    │       ├── NameTaken       a study or run of that name is there
    │       ├── StoreAway       the store cannot be reached now: locked, full, restarted
    │       └── SnapshotError   a snapshot that cannot be used, because it is damaged or of another kind
    │           └── SnapshotAbsent  a snapshot that is not where it should be, and may come back
    ├── SealBroken              the sealed test part was touched twice
    ├── StoreLost               the store was away for longer than `store_patience`: exit status 1
    └── NoAnswer                the work was done but has no answer: exit status 1

    CaviarWarning               a note on the data, the target or the answer, as a call from Python gives it

Each has two lines: the rule that was broken, with the value received, and the way out. An argument of a call stands in
backquotes, as Python writes it: `seconds` must be above 0, got -1. The command line shows its option.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_ENDLESS = re.compile(r"\S{400,}")  # a word that nobody reads to its end, of a user's


def shortened(line: str) -> str:
    """``line`` of a message with the middle of each endless word left out."""
    return _ENDLESS.sub(lambda word: f"{word[0][:200]}...{word[0][-100:]}", line)


def abridged(text: str, most: int) -> str:
    """``text`` in ``most`` characters and three dots, cut between two words where there are any.

    >>> abridged("epoch 1 of the run", 12)
    'epoch 1 of...'
    """
    text = text.strip()
    if len(text) <= most:
        return text
    whole = re.match(rf"(.{{{most // 2},{most}}})(?=\s)", text, re.DOTALL)
    return f"{(whole[1] if whole else text[:most]).rstrip()}..."


class CaviarWarning(UserWarning):
    """A note of ``caviar.tune``, ``resume`` or ``train``, or of a model's prediction, through Python's ``warnings``."""


class CaviarError(Exception):
    """An error in two lines: ``rule`` is the rule that was broken, ``way_out`` a remedy."""

    def __init__(self, rule: str, way_out: str) -> None:
        self.rule, self.way_out = (shortened(line) for line in (rule, way_out))
        super().__init__(self.rule, self.way_out)

    def __str__(self) -> str:
        return f"{self.rule}\n{self.way_out}"


class UserMistake(CaviarError):
    """The input breaks a rule; nothing was written."""


class SpaceError(UserMistake):
    """A scale, a space or a space file is not valid."""


class ConfigError(UserMistake):
    """An argument, or a config that names an unknown hyperparameter or that no network can be built from."""


class NotANumber(ConfigError, TypeError):
    """A value that was to be a number is none."""


class DataError(UserMistake):
    """A table, an array, a target or a file of data cannot be used."""


class NoTarget(DataError):
    """The target, whose name is ``name``, is no column of the data."""

    def __init__(self, rule: str, way_out: str, name: str = "") -> None:
        super().__init__(rule, way_out)
        self.name = name


class Unlabelled(DataError):
    """A row has no label that can be used."""


class ModelError(UserMistake):
    """A model file is damaged or unsafe, or the data does not fit the model."""


class StoreError(UserMistake):
    """A store cannot be opened, or a study in it does not exist or exists already."""


class Fenced(StoreError):
    """A worker was declared lost, and others have its work: the store refuses its writes."""


class NameTaken(StoreError):
    """The store has a study or run of that name already."""


class NotThere(StoreError):
    """There is no such store, or the store has no study or run of that name."""


class StoreAway(StoreError):
    """A store cannot be reached at the moment: it is locked, its disk is full, its server restarts.

    ``reconnect`` says that an open connection will not find it again.
    """

    def __init__(self, rule: str, way_out: str, reconnect: bool = False) -> None:
        super().__init__(rule, way_out)
        self.reconnect = reconnect


class SnapshotError(StoreError):
    """A snapshot cannot be used: it is damaged, was removed, or is of something else."""


class SnapshotAbsent(SnapshotError):
    """The file of a snapshot is not there, or cannot be read now: its disk is not mounted, say."""


class SealBroken(CaviarError):
    """The sealed test part was opened a second time."""


class StoreLost(CaviarError):
    """The store could not be reached for longer than the patience; what was measured is kept for ``caviar resume``."""


class NoAnswer(CaviarError):
    """The work was done but there is no answer: every trial diverged, for example."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A way out for a misspelt ``name``: the nearest of ``known``, or all of them if they are few.

    >>> did_you_mean("specis", ["sepal", "species"])
    "did you mean 'species'?"
    """
    names = [str(k) for k in known]
    close = get_close_matches(str(name), names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known: {shown}" if names else "there are none"
