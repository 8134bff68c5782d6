"""What runs in a process that trains by a Python function: it fetches the function, once, and serves trials with it."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Serve trials until there are no more."""
    import cloudpickle

    from caviar.clients import caviar_client  # first: what the function's modules print must not get between messages

    descriptor = int(os.environ.pop("CAVIAR_OBJECTIVE"))
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)  # a place of our own: others read it, too
    os.close(descriptor)
    path, function = cloudpickle.loads(content)
    sys.path[:] = path
    caviar_client.run(function)


if __name__ == "__main__":
    main()
