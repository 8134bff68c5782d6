"""The program of a process that trains by a Python function: it loads the function once and trains trials with it."""

from __future__ import annotations

import importlib
import json
import os
import sys


def main() -> None:
    """Train trials until there are no more."""
    # First of all: the output of the function's modules must not get between the messages.
    client = importlib.import_module("caviar.clients.caviar_client")
    import cloudpickle

    descriptor = int(os.environ.pop("CAVIAR_OBJECTIVE"))
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)  # pread: other processes read the same descriptor
    os.close(descriptor)
    path, _, function = content.partition(b"\n")
    sys.path[:] = json.loads(path)
    client.run(cloudpickle.loads(function))


if __name__ == "__main__":
    main()
