"""What `caviar doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a study, a run, or where neither is named the store.

    ``mended`` says what was done about it.
    """

    study: str
    what: str
    way_out: str
    is_damage: bool = True  # or else a warning
    mended: str = ""
    run: str = ""
