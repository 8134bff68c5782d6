"""The output for people: stdout, or stderr when stdout carries JSON or data."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caviar.cli.options import DEFAULT_STORE
from caviar.errors import ConfigError
from caviar.files import dumps
from caviar.report.text import visible

if TYPE_CHECKING:
    from rich.console import Console


_UNBROKEN = 10_000  # letters of a line


def console(json: bool = False, quiet: bool = False) -> Console:
    """A console for people; rich follows NO_COLOR and terminals without colour. In a pipe no line is broken."""
    from rich.console import Console

    made = Console(stderr=json, quiet=quiet, highlight=False)
    if not made.is_terminal:
        made.width = _UNBROKEN
    return made


def complain(rule: str, way_out: str) -> None:
    """Print the two lines of a mistake on stderr, as plain text: the words of a user may hold anything."""
    print(visible(rule), visible(way_out), sep="\n", file=sys.stderr)


def to_resume(name: str, store: str) -> str:
    """The command that takes up study or run ``name`` of ``store``."""
    where = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
    return f"caviar resume {shlex.quote(name)}{where}"


def write_page(path: str, page: str) -> None:
    """Write an HTML page. Raises ConfigError where the file cannot be written."""
    try:
        Path(path).write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", "choose another file") from error


def print_json(result: Mapping[str, Any]) -> None:
    """Print the one JSON object on stdout."""
    print(dumps(result), flush=True)
