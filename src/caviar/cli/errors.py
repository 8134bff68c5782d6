"""Show an error in the words of the command line.

Below cli/ an error names an argument as Python writes it, in backquotes: `seconds` must be above 0; `seconds=60`.
Here such a name becomes the option of the command that was run: --seconds, --seconds 60.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Mapping
from typing import Any

from caviar.records.config import as_argument

FIRST_ROW = "row 1 is the first below the header"
_ROW = re.compile(r"\brow [0-9]")
_NAMED = re.compile(r"`(\w+)(?:=([^`\n]*))?`")


def in_options(text: str, parameters: Mapping[str, Any]) -> str:
    """``text`` with each backquoted argument among ``parameters`` written as its option.

    parameters: the parameters of the command by name, as Click has them. Other text in backquotes stays as it is.
    """

    def option(found: re.Match[str]) -> str:
        name, value = found.groups()
        if name not in parameters:
            return found.group()
        return _written(parameters[name], value)

    return _NAMED.sub(option, text)


def with_first_row(text: str, beside: str = "") -> str:
    """``text``, and how rows are counted, where it, or the text ``beside``, names one without its line."""
    said = f"{beside} {text}"
    return f"{text} ({FIRST_ROW})" if _ROW.search(said) and not re.search(r"\bline [0-9]", said) else text


def _written(parameter: Any, value: str | None) -> str:
    """The option of ``parameter`` with its value; an argument without a name of its own is its value."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name).upper() if value is None else _shell(value)
    option: str = max(parameter.opts, key=len)
    if value is None:
        return option
    if parameter.is_flag:
        return str(parameter.secondary_opts[0]) if value == "False" and parameter.secondary_opts else option
    if parameter.multiple:
        return " ".join(f"{option} {shlex.quote(str(one))}" for one in _meant(value))
    return f"{option} {_shell(value)}"


def _meant(value: str) -> list[Any]:
    """The values of an option that may be given several times."""
    try:
        meant = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return [value]
    if isinstance(meant, dict):
        return [f"{name}={as_argument(one)}" for name, one in meant.items()]
    return list(meant) if isinstance(meant, list | tuple) else ["..." if meant is ... else meant]


def _shell(value: str) -> str:
    """``value``, which is Python's, as the command line takes it: ``[0, 1]`` is ``0,1``, ``"a b"`` is ``'a b'``."""
    try:
        meant = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return value  # a name that stands for a value, FILE say, or three dots
    if meant is ...:
        return value
    return shlex.quote(",".join(map(str, meant)) if isinstance(meant, list | tuple) else str(meant))
