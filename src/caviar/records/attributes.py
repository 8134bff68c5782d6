"""Attributes of a trial: plain data that the user's own code notes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from caviar import files
from caviar.errors import ConfigError
from caviar.ranges import brief
from caviar.records.names import storable

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
            f"got {storable(name)}={brief(value)}",
            "write it to a file, in study.folder(trial)",
        ) from None
    if length > LONGEST:
        raise ConfigError(
            f"an attribute has {LONGEST:,} characters at most, and {storable(name)!r} has {length:,}",
            "write it to a file, in study.folder(trial)",
        )
    return storable(name), storable_value(plain)


def storable_value(value: Any) -> Any:
    """Plain data with a replacement for the characters that databases do not keep."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(name): storable_value(item) for name, item in value.items()}
    return [storable_value(item) for item in value] if isinstance(value, list) else value
