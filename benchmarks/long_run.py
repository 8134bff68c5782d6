"""The cost of an epoch of a nursed run as it goes on: bookkeeping must not grow with what lies behind.

    python -m benchmarks.long_run [--epochs 10000]

A small network, so that nearly all of the time is bookkeeping: the diary, snapshots, rules, the store. The rival is the
run's own first thousand epochs. Processor time, so that other programs do not count.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import write
from caviar.records import RunKind, RunSpec
from caviar.runs import loop
from caviar.runs.events import EpochDone

EVERY = 1000


def curve(epochs: int, nurse: str) -> list[float]:
    """Milliseconds an epoch, for every thousand."""
    x = np.random.default_rng(0).standard_normal((300, 4))
    np.savez("small.npz", x=x, y=(x[:, 0] + x[:, 1] > 0).astype(int))
    spec = RunSpec(kind=RunKind.NETWORK, epochs=epochs, data="small.npz", target="y", nurse=nurse)
    found, before = [], time.process_time()
    for event in loop.begin(spec, {"learning_rate": 1e-6}, name=nurse, store="caviar.db"):  # so that no rule ends it
        if isinstance(event, EpochDone) and event.measurement.clock.epoch % EVERY == 0:
            found.append(1000 * (time.process_time() - before) / EVERY)
            before = time.process_time()
    assert len(found) == epochs // EVERY, f"it ended after {len(found)},000 epochs"
    return found


def main() -> None:
    """Print and write the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10_000)
    epochs = parser.parse_args().epochs
    rows, home = [], Path.cwd()
    for nurse in ("watch", "no"):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                found = curve(epochs, nurse)
            finally:
                os.chdir(home)
        for i, each in enumerate(found, start=1):
            rows.append({"nurse": nurse, "epoch": i * EVERY, "ms": round(each, 2), "ratio": round(each / found[0], 2)})
            print(
                f"nurse {nurse:<6} epoch {i * EVERY:>6,}  {each:6.2f} ms an epoch  {each / found[0]:.2f} of the first"
            )
    print(write("long_run", rows))


if __name__ == "__main__":
    main()
