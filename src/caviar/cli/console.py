"""Where people's output goes: stdout, or stderr when stdout carries JSON or data."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from caviar.files import dumps
from caviar.report.text import visible

if TYPE_CHECKING:
    from rich.console import Console


def console(json: bool = False, quiet: bool = False) -> Console:
    """A console for people; NO_COLOR and terminals without colour are obeyed by rich."""
    from rich.console import Console

    return Console(stderr=json, quiet=quiet, highlight=False)


def complain(rule: str, way_out: str) -> None:
    """The two lines of a mistake, on stderr. Plain text: what a user typed may hold anything."""
    print(visible(rule), visible(way_out), sep="\n", file=sys.stderr)


def print_json(result: Mapping[str, Any]) -> None:
    """The one JSON object on stdout."""
    print(dumps(result), flush=True)
