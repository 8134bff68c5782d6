"""The user's word on how a table is read and split; it stands above what the table itself suggests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from caviar.arguments import check_text
from caviar.errors import ConfigError
from caviar.ranges import brief

Target = str | tuple[str, ...] | None
"""The column of the labels, or the columns of several targets; None for data that have theirs by themselves."""

COLUMNS = ("ignore", "keep", "number", "text", "date")
"""The fields of Reading that list columns by name."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Instructions for reading a table and splitting it. None, and no columns, leave it to the table.

    Of a file of text: ``separator`` between cells, ``decimal`` mark, ``encoding``. ``missing``: texts of cells that
    stand for a missing value. Columns: ``ignore`` leaves them out; ``keep`` keeps some that would be left out, such as
    row numbers; ``number``, ``text`` and ``date`` say what they hold. ``group``: the column whose rows of one value go
    to one part together. ``time``: the column by which the past predicts the future. ``skip_unlabelled``: rows without
    a label are left out; else they are refused.

    A single text may stand for a list of one. Raises ConfigError for what is no text.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    skip_unlabelled: bool = False

    def __post_init__(self) -> None:
        for field in fields(Reading):
            given = getattr(self, field.name)
            if field.default is None:
                if given is not None and not isinstance(given, str):
                    raise ConfigError(f"`{field.name}` must be text, got {brief(given)}", f'write `{field.name}="..."`')
                check_text(field.name, given)
                continue
            if field.default is False:
                if not isinstance(given, bool):
                    raise ConfigError(
                        f"`{field.name}` must be True or False, got {brief(given)}", f"`{field.name}=True`"
                    )
                continue
            listed = (given,) if isinstance(given, str) else given
            if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
                raise ConfigError(
                    f"`{field.name}` must be a list of texts, got {brief(given)}", f'write `{field.name}=["..."]`'
                )
            for one in listed:
                check_text(field.name, one)
            object.__setattr__(self, field.name, tuple(listed))

    def to_record(self) -> dict[str, Any]:
        """Plain data, for the store: the fields that say something."""
        return {name: value for name, value in asdict(self).items() if value not in (None, (), False)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The instructions that ``to_record`` wrote; fields of a newer version are left out."""
        return cls(**{field.name: record[field.name] for field in fields(Reading) if field.name in record})


def as_target(given: Any) -> Target:
    """The target that is ``given``: a name, or a list of names; a list of one is that one. Raises ConfigError."""
    if given is None or isinstance(given, str):
        return given
    if not isinstance(given, list | tuple):
        raise ConfigError(
            f"`target` must be the name of a column, got {type(given).__name__}",
            "give arrays as a pair: `data=(x, y)`",
        )
    names = list(given)
    if not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"`target` must be a name, or a list of names of several columns, got {brief(given)}",
            'write `target=["sport", "science"]`',
        )
    return names[0] if len(names) == 1 else tuple(names)


BY_ITSELF = Reading()
"""No instructions: the table decides."""
