"""The doubt whether others wrote a SQLite database: by its file, by the folder that it is in, by the way there.

In a folder that others may write to, one of them can put a log beside a database that nobody has open, and SQLite takes
from a log whatever it says. A link of somebody else leads wherever that person likes. Root may do all of this anyway.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def doubt(path: Path) -> str | None:
    """The reason why others may have written the database at ``path``, in words behind "a file that"; None for none."""
    found = path.stat()
    if found.st_uid != os.geteuid():
        return f"belongs to another user, number {found.st_uid}"
    if is_open(found):
        return "others may write to"
    for link in _links(path):
        if _is_of_another(link.lstat()):
            return f"is found by the link {str(link)!r} of another user, number {link.lstat().st_uid}"
    folder, *above = Path(os.path.realpath(path)).parents
    if _is_of_another(folder.stat()):
        return f"is in a folder of another user, number {folder.stat().st_uid}"
    if is_open(folder.stat()):
        return "is in a folder that others may write to"
    for place in above:
        with suppress(OSError):
            if is_open(place.stat()) and not place.stat().st_mode & stat.S_ISVTX:
                return f"is below the folder {str(place)!r}, where others may put another in its place"
    return None


def is_open(found: os.stat_result) -> bool:
    """True where others than the user may write; a group of the user's own has nobody else in it."""
    return bool(found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and found.st_gid != os.getegid()))


def _is_of_another(found: os.stat_result) -> bool:
    return found.st_uid not in (0, os.geteuid())


def _links(path: Path) -> list[Path]:
    """The symbolic links on the way to ``path``, that of a link to the next included."""
    links: list[Path] = []
    waiting, seen = [Path(os.path.abspath(path))], set[Path]()
    while waiting:
        whole = waiting.pop()
        for place in (whole, *whole.parents):
            if place not in seen and place.is_symlink():
                links.append(place)
                waiting.append(Path(os.path.abspath(place.parent / place.readlink())))
            seen.add(place)
    return links
