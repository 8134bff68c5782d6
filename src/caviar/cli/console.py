"""The output for people: stdout, or stderr when stdout carries JSON or data."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from caviar.errors import UserMistake, shortened
from caviar.files import dumps, put, reason
from caviar.report.text import visible

if TYPE_CHECKING:
    from rich.console import Console


_UNBROKEN = 10_000  # letters of a line
_BLANKS = re.compile(r" +(?=\n)")


def console(json: bool = False, quiet: bool = False) -> Console:
    """A console for people; rich follows NO_COLOR and terminals without colour.

    In a pipe no line is broken, and none ends in blanks: a terminal that shows them again would break them.
    """
    from rich.console import Console

    class Safe(Console):
        """A console that writes out what a terminal would act on: the text may have words of a user."""

        def print(self, *objects: Any, **how: Any) -> None:
            """See Console."""
            super().print(*(_lines(one) if isinstance(one, str) else one for one in objects), **how)

    made = Safe(stderr=json, quiet=quiet, highlight=False)
    if not made.is_terminal:
        made.width = _UNBROKEN
        made.file = cast(IO[str], _Trimmed(made.file))
    return made


def _lines(text: str) -> str:
    return text if text.isprintable() else "\n".join(map(visible, text.split("\n")))


class _Trimmed:
    """A stream of text whose lines end with their last letter."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text``; blanks before the end of a line are left out."""
        self._stream.write(_BLANKS.sub("", text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def complain(rule: str, way_out: str) -> None:
    """Print the two lines of a mistake on stderr, as plain text: the words of a user may hold anything."""
    print(*(visible(shortened(line)) for line in (rule, way_out)), sep="\n", file=sys.stderr)


def write_page(path: str, page: str, *inputs: str | None) -> None:
    """Write an HTML page, whole or not at all. Raises UserMistake where that cannot be, or would lose an input."""
    check_apart(path, *inputs)
    try:
        put(Path(path), page.encode())
    except (OSError, ValueError) as error:
        raise UserMistake(f"{path} cannot be written: {reason(error)}", "choose another file") from error


def check_apart(to: str, *inputs: str | None) -> None:
    """Raise UserMistake where the file ``to`` is one of the ``inputs``, which would be lost."""
    for path in inputs:
        with suppress(OSError, ValueError):  # a file that is not there is not lost
            if path is not None and os.path.samefile(to, path):
                raise UserMistake(f"{to} is the input itself, which would be lost", "choose another file to write")


def print_json(result: Mapping[str, Any]) -> None:
    """Print the one JSON object on stdout."""
    print(dumps(result), flush=True)
