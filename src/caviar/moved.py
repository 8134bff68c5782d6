"""The files and the folder that a study or run began with: said where they are missing, found where they are now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from caviar.errors import ConfigError, DataError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")
FILES = {
    "data": "data",
    "labels": "file of labels",
    "test": "test data",
    "test_labels": "file of labels of the test data",
}
"""The arguments that name a file of data, in words."""


def new_places(given: Mapping[str, Any]) -> dict[str, str]:
    """The absolute paths among what is ``given``, by their names."""
    paths = {name: value for name, value in given.items() if isinstance(value, str | os.PathLike)}
    return {name: str(Path(path).expanduser().absolute()) for name, path in paths.items()}


def relocated(spec: S, given: Mapping[str, Any], names: Iterable[str] = FILES) -> S:
    """The ``spec`` with those of its paths ``names`` that are ``given``, absolute."""
    return replace(spec, **new_places({name: given.get(name) for name in names}))


def check_files(whose: str, paths: Mapping[str, Any]) -> None:
    """Raise DataError for the first file of data that is not there, of the study or run ``whose``."""
    for name, what in FILES.items():
        path = paths.get(name)
        if path and not os.path.exists(path):  # and False where nobody may look
            raise DataError(
                f"the {what} of {whose} is not there: looked for at {path!r}",
                f"put it back, or give `{name}=FILE` if it was moved",
            )


def check_folder(whose: str, path: str | None) -> None:
    """Raise ConfigError where the working folder of a program, of the study or run ``whose``, is not there."""
    if path is not None and not os.path.isdir(path):
        raise ConfigError(
            f"the working folder of {whose} is not there: looked for at {path!r}",
            "put it back, or give `folder=DIR` if it was moved",
        )
