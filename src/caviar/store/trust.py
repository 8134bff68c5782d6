"""Commands and folders in a store: used without a question only where nobody else can have written them.

A store in a file is this user's where the file is, and where others may write neither to it nor to its folder. A server
keeps no owner of a row: there the user's name counts that began the study or the run.
"""

from __future__ import annotations

from pathlib import Path

from caviar.errors import StoreError
from caviar.records.names import visible
from caviar.store import process
from caviar.store.lease import Leases


def check_trusted(leases: Leases, name: str, trust: bool, command: str | None, out: str | None) -> None:
    """Raise StoreError, which shows it, for what a store would have done that others may have written.

    That is to run ``command``, or to write a model to ``out``, a folder outside of that of the store. ``leases`` are
    those of the study or the run ``name``. Nothing is asked with ``trust``.
    """
    database = leases.subjects.transactions.database
    home = database.home
    outside = out is not None and (home is None or not Path(out).resolve().is_relative_to(home.resolve()))
    if trust or not (command or outside):
        return
    doubt = database.doubt()
    if doubt is not None:
        doubt = f"the store is a file that {doubt}"
    elif home is None and (known := leases.of(name)):
        began = str(known[0].identity.get("user", ""))
        doubt = None if began == process.user() else f"user {visible(began)!r} began it"
    if doubt is None:
        return
    what, way_out = "run a command that somebody else may have written", "look at it; to run it: `trust=True`"
    if not command:
        what = "write its model to a folder that somebody else may have chosen"
        way_out = "look at it; to write there: `trust=True`"
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in command or out or "")
    raise StoreError(f"{leases.subjects.kind} {visible(name)!r} would {what} ({doubt}): {shown}", way_out)
