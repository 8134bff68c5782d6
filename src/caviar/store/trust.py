"""Commands in a store: run without a question only where nobody else can have written them.

A store in a file is this user's where the file is, and where others may write neither to it nor to its folder. A server
keeps no owner of a row: there the user's name counts that began the study or the run.
"""

from __future__ import annotations

from caviar.errors import StoreError
from caviar.records.names import visible
from caviar.store import process
from caviar.store.lease import Leases


def check_trusted(leases: Leases, name: str, command: str, trust: bool) -> None:
    """Raise StoreError, which shows it, for a ``command`` in a store that others may have written; not with ``trust``.

    ``leases`` are those of the study or the run ``name``.
    """
    database = leases.subjects.transactions.database
    doubt = database.doubt()
    if doubt is not None:
        doubt = f"the store is a file that {doubt}"
    elif database.home is None and (known := leases.of(name)):
        began = str(known[0].identity.get("user", ""))
        doubt = None if began == process.user() else f"user {visible(began)!r} began it"
    if doubt is None or trust:
        return
    kind = leases.subjects.kind
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in command)
    raise StoreError(
        f"{kind} {visible(name)!r} would run a command that somebody else may have written ({doubt}): {shown}",
        "look at it; to run it: `trust=True`",
    )
