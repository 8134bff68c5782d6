"""Attributes of a trial: plain data that the user's own code notes of it."""

from __future__ import annotations

import json
from typing import Any

from caviar import files
from caviar.errors import ConfigError
from caviar.ranges import brief
from caviar.records.names import cleaned, cleaned_value

LONGEST_NAME = 100  # characters, as in the protocol
LONGEST = 1 << 16  # characters of one attribute as JSON; a larger thing is a file


def checked_attribute(name: object, value: object) -> tuple[str, Any]:
    """The name and the plain value of an attribute. Raises ConfigError for what the store does not keep."""
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"the name of an attribute is a text of 1 to {LONGEST_NAME} characters, got {name!r:.60}",
            'write study.set(trial, "parameters", 12000)',
        )
    try:
        plain = files.plain(value)
        length = len(json.dumps(plain, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        raise ConfigError(
            f"an attribute is a number, text, boolean, None, or lists and dicts of these, "
            f"got {cleaned(name)}={brief(value)}",
            "write it to a file, in study.folder(trial)",
        ) from None
    if length > LONGEST:
        raise ConfigError(
            f"an attribute has {LONGEST:,} characters at most, and {cleaned(name)!r} has {length:,}",
            "write it to a file, in study.folder(trial)",
        )
    return cleaned(name), cleaned_value(plain)
