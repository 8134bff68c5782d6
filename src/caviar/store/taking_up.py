"""Taking up what the last owner of a study or run could not deliver to its store."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from caviar.errors import CaviarWarning, StoreAway, StoreError
from caviar.records import Lease
from caviar.store import waiting
from caviar.store.lease import Leases


def take_up_kept(leases: Leases, lease: Lease, write: Callable[..., None]) -> int:
    """Write, in the name of ``lease``, what its study's or run's last owner could not deliver; the count of results.

    Where another process has owned it since, that one has gone on without, and nothing is written. Where this one is
    broken off, the next owner goes on with it.
    """
    known = leases.of(lease.name)
    owners = [one for one in known if not one.is_helper and one.fence < lease.fence]
    rooms = waiting.places(leases.subjects.transactions.database) if owners else []
    path, owner = None, None
    for owner in reversed(owners):
        path = waiting.kept(rooms, owner.token)
        if path is not None or owner.beats:  # one without a beat has written nothing, and taken nothing up
            break
    if path is None or owner is None:
        return 0
    n = 0
    try:
        head, batches = waiting.read_kept(path)
        if owner.beats < head.get("least", 0):
            raise StoreError("this is an older copy of it", "it goes on from what it has")
        done = 0 if head["beats"] is None else max(0, owner.beats - head["beats"])  # each was a beat
        left = list(batches)[done:]
        mine = {**head, "fence": lease.fence, "beats": next(one.beats for one in known if one.fence == lease.fence)}
        old, path = path, waiting.keep(rooms, lease.token, mine, map(waiting.line_of, left))
        old.unlink()
        for batch in left:
            write(**batch)
            n += waiting.results_in(batch)
    except StoreAway:
        raise
    except (StoreError, ValueError, TypeError, KeyError) as error:  # of another store: it goes on from what it has
        refused = path.replace(path.with_suffix(".refused"))
        warnings.warn(
            f"results that waited for the store do not fit it ({error}) and are left out; they are in {str(refused)!r}",
            CaviarWarning,
            stacklevel=2,
        )
        return n
    path.unlink()
    return n
