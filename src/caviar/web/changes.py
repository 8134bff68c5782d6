"""The document of a study or run with the version at which each part of it changed last.

A client has seen the document of some version; what it lacks are the parts that changed later. So nothing is kept for a
client, however far behind it is. A part is a whole value of the document, or a row: of columns, as trials are, or of a
list of objects, as the lines of a diary are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
Key = Hashable


@dataclass(frozen=True)
class Columns:
    """A value that is columns of equal length, some of them in objects of columns.

    by: the columns whose values name a row. beside: columns that alone do not make a row a changed one. texts: an
    object of texts by the first column of ``by``, written as text.
    """

    by: tuple[str, ...]
    beside: frozenset[str] = frozenset()
    texts: str | None = None


@dataclass(frozen=True)
class Items:
    """A value that is a list of objects, each named by its member ``by``; None: by its place."""

    by: str | None


PARTS: Mapping[str, Mapping[str, Columns | Items]] = {
    "studies": {},
    "study": {
        "trials": Columns(("number",), beside=frozenset({"rank"}), texts="errors"),
        "curves.lines": Items("trial"),
        "boxes": Items("number"),
    },
    "run": {
        "epochs": Columns(("take", "epoch", "step")),
        "diary": Items(None),
        "snapshots": Items("number"),
    },
}
"""The parts of the documents that are sent row by row; all else is sent whole. ``a.b`` is the member b of a."""


@dataclass
class _Rows:
    """The rows of one part, by their keys, each with the version at which it changed."""

    kind: Columns | Items
    rows: dict[Key, tuple[int, Any]] = field(default_factory=dict)
    removed: dict[Key, int] = field(default_factory=dict)

    def update(self, value: Any, version: int) -> bool:
        """Take the value of now; True where a row of it is new, changed or gone."""
        found = _items(self.kind, value) if isinstance(self.kind, Items) else _rows(self.kind, value)
        changed = False
        rows: dict[Key, tuple[int, Any]] = {}
        for key, row in found:
            before = self.rows.get(key)
            same = before is not None and before[1] == row
            rows[key] = before if same and before is not None else (version, row)
            changed = changed or not same
            self.removed.pop(key, None)
        gone = self.rows.keys() - rows.keys()
        self.removed.update(dict.fromkeys(gone, version))
        self.rows = rows
        return changed or bool(gone)

    def places(self, after: int) -> list[int]:
        """The places of the rows that changed after a version."""
        return [place for place, (version, _) in enumerate(self.rows.values()) if version > after]

    def gone(self, after: int) -> list[Key]:
        """The keys of the rows that went after a version."""
        return [key for key, version in self.removed.items() if version > after]


class Versions:
    """A document as it changes. ``take`` and ``after`` are not for two threads at once."""

    def __init__(self, kind: str) -> None:
        """``kind`` is one of PARTS."""
        self._parts = {path: _Rows(part) for path, part in PARTS[kind].items()}
        self._whole: dict[str, tuple[int, Any]] = {}
        self.document: Document = {}
        self.version = 0

    def take(self, document: Document) -> bool:
        """Take the document of now; True, and another version, where anything in it has changed."""
        version = self.version + 1
        changed = False
        for path, part in self._parts.items():
            changed = part.update(_at(document, path), version) or changed
        for path, value in _whole(document, self._parts):
            before = self._whole.get(path)
            if before is None or before[1] != value:
                self._whole[path] = (version, value)
                changed = True
        self.document = document
        if changed:
            self.version = version
        return changed

    def after(self, version: int) -> Document:
        """The parts that changed after ``version``: all of them after version 0.

        ``removed`` has the keys of rows that are no longer there, by the part that they were of.
        """
        found: Document = {}
        for path, (changed, value) in self._whole.items():
            if changed > version:
                _put(found, path, value)
        removed: dict[str, list[Key]] = {}
        for path, part in self._parts.items():
            places = part.places(version)
            if places:
                value = _at(self.document, path)
                _put(found, path, _chosen(part.kind, value, places))
            if gone := part.gone(version):
                removed[path] = gone
        return {**found, "removed": removed} if removed else found


def _whole(document: Document, parts: Iterable[str]) -> Iterable[tuple[str, Any]]:
    """The values of ``document`` that are no part of rows, by their paths; those beside a part as ``a.b``."""
    holders = {path.partition(".")[0] for path in parts if "." in path}
    for name, value in document.items():
        if name in holders:
            yield from (
                (f"{name}.{inner}", each) for inner, each in (value or {}).items() if f"{name}.{inner}" not in parts
            )
        elif name not in parts:
            yield name, value


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for name in path.split("."):
        value = (value or {}).get(name)
    return value


def _put(document: Document, path: str, value: Any) -> None:
    *holders, name = path.split(".")
    for holder in holders:
        document = document.setdefault(holder, {})
    document[name] = value


def _items(kind: Items, value: Any) -> Iterable[tuple[Key, Any]]:
    for place, item in enumerate(value or ()):
        yield (place if kind.by is None else item[kind.by]), item


def _rows(kind: Columns, value: Any) -> Iterable[tuple[Key, Any]]:
    """The rows of columns, each with its key, as tuples."""
    if not value:
        return []
    columns = [column for name, column in _columns(value, kind) if name not in kind.beside]
    keys = zip(*(value[name] for name in kind.by), strict=True)
    rows = zip(*columns, strict=True)
    if kind.texts is None:
        return zip(keys, rows, strict=True)
    texts = value.get(kind.texts) or {}
    return [(key, (*row, texts.get(str(key[0])))) for key, row in zip(keys, rows, strict=True)]


def _columns(value: Mapping[str, Any], kind: Columns) -> Iterable[tuple[str, list[Any]]]:
    for name, column in value.items():
        if isinstance(column, list):
            yield name, column
        elif isinstance(column, dict) and name != kind.texts:
            yield from ((f"{name}.{inner}", each) for inner, each in column.items())


def _chosen(kind: Columns | Items, value: Any, places: list[int]) -> Any:
    """The rows of ``value`` at ``places``."""
    if isinstance(kind, Items):
        return [value[place] for place in places]
    if len(places) == len(value[kind.by[0]]):
        return value
    chosen: dict[str, Any] = {}
    for name, column in value.items():
        if isinstance(column, list):
            chosen[name] = [column[place] for place in places]
        elif isinstance(column, dict) and name == kind.texts:
            keys = [str(value[kind.by[0]][place]) for place in places]
            chosen[name] = {key: column[key] for key in keys if key in column}
        elif isinstance(column, dict):
            chosen[name] = {inner: [each[place] for place in places] for inner, each in column.items()}
    return chosen
