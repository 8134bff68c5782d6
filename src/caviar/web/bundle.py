"""The files of the pages, as they are in the package."""

from __future__ import annotations

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".map": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
_OTHER = "text/plain; charset=utf-8"
INDEX = "index.html"


class Bundle:
    """The files below a folder by their paths; no other path leads to anything."""

    def __init__(self, folder: Traversable | None = None) -> None:
        self._folder = folder or resources.files("caviar.report").joinpath("bundle")

    def file(self, path: str) -> tuple[bytes, str, str] | None:
        """The bytes of a file, its media type, and a tag that changes with it; None where there is none.

        The parts of ``path`` are looked for among the names that are there: ".." is no name.
        """
        found = self._folder
        for part in path.split("/"):
            if not found.is_dir():
                return None
            named = {each.name: each for each in found.iterdir()}
            if part not in named:
                return None
            found = named[part]
        if not found.is_file():
            return None
        data = found.read_bytes()
        kind = _KINDS.get(f".{found.name.rpartition('.')[2].lower()}", _OTHER)
        return data, kind, tag_of(data)


def tag_of(data: bytes) -> str:
    """An ETag, which changes with ``data``."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'
