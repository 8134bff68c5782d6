"""The nurse's false alarms on healthy runs, and the recovery of sick ones: benchmarks/results/nurse.csv.

    python -m benchmarks.nurse

50 healthy runs, half on digits (scikit-learn), half on Fashion-MNIST where Debian's dataset-fashion-mnist is installed
(else all on digits), with configs that a careful person would choose: adam or momentum, batch norm or none, dropout or
none. An action is a rollback, a turn of a knob or a stop; a remark is something that she only says.

20 sick runs: in the middle of a run ten get one mini-batch of garbage (noise of a thousand standard deviations with
shuffled labels), ten have their learning rate turned up a hundredfold by a person. Each stands beside the same run
without the accident (same seed, nobody near) and beside the accident with --no-nurse. Recovered is a validation
accuracy within 0.01 of the healthy run's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.machine import write
from caviar.data import samples
from caviar.errors import NoAnswer
from caviar.learners.contract import Outcome
from caviar.learners.dense.contract import Steps
from caviar.records import Config, RunKind, RunSpec
from caviar.runs import events, loop, network
from caviar.runs.network import NetworkTrainee

FASHION = Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
HEALTHY, SICK = 50, 20


def healthy_config(number: int) -> Config:
    """A config that a careful person would begin with; drawn by the number."""
    random = np.random.default_rng(number)
    adam = bool(random.integers(2))
    batch_norm = bool(random.integers(4))
    most = -2.0 if adam else -0.7
    if not batch_norm:
        most -= 0.5
    return {
        "optimizer": "adam" if adam else "momentum",
        "learning_rate": float(10 ** random.uniform(most - 1.3, most)),
        "batch_size": int(2 ** random.integers(5, 8)),
        "hidden_units": int(2 ** random.integers(5, 8)),
        "layers": int(random.integers(1, 4)),
        "dropout": float(random.choice([0.0, 0.0, 0.2])),
        "batch_norm": batch_norm,
        "decay_rate": float(random.choice([0.0, 0.05])),
    }


class Accident(NetworkTrainee):
    """A network that is fed one mini-batch of garbage at the tick ``at``."""

    at = -1

    def train(self, steps: int) -> tuple[Outcome, Steps]:
        """As ever, but for the one mini-batch."""
        tick = self.clock.tick
        if tick < self.at:
            return super().train(min(steps, self.at - tick))
        if tick > self.at:
            return super().train(steps)
        x, y = self._dataset.train.cells, self._dataset.train.y
        kept_x, kept_y = x.copy(), y.copy()
        random = np.random.default_rng(tick)
        x[:] = random.normal(size=x.shape).astype(np.float32) * 1000
        y[:] = random.permutation(y)
        try:
            return super().train(1)
        finally:
            x[:], y[:] = kept_x, kept_y


@contextmanager
def fed_garbage(at: int) -> Iterator[None]:
    """Within this every network is an Accident at that tick."""
    kind = type("AccidentHere", (Accident,), {"at": at})
    with patch.object(network, "NetworkTrainee", kind):
        yield


def one_run(
    data: Path, config: Config, seed: int, epochs: int, nurse: str, turn_at: int = -1
) -> tuple[float, dict[str, int], int]:
    """A run's final validation accuracy, its diary entries by kind, and how many mini-batches it took."""
    kinds: dict[str, int] = {}
    accuracy, steps = float("nan"), 0
    turned = False
    with tempfile.TemporaryDirectory() as folder:
        target = "digit" if data.suffix == ".csv" else None
        spec = RunSpec(kind=RunKind.NETWORK, data=str(data), target=target, epochs=epochs, nurse=nurse)
        ask: Callable[[str, dict[str, Any], str], object] | None = None
        try:
            for event in loop.begin(spec, config, seed, store=f"{folder}/caviar.db"):
                if isinstance(event, events.Begun):
                    ask = event.ask
                elif isinstance(event, events.EpochDone) and event.measurement.clock.epoch == turn_at and not turned:
                    turned = True
                    rate = float(event.measurement.values["learning_rate"]) * 100
                    assert ask is not None
                    ask("turn", {"learning_rate": rate}, "to see what happens")
                elif isinstance(event, events.Noted):
                    who = event.entry.who if event.entry.who == "nurse" else "other"
                    kind = f"{who} {event.entry.kind}"
                    kinds[kind] = kinds.get(kind, 0) + 1
                elif isinstance(event, events.RunEnded):
                    accuracy, steps = float(event.summary["validation"]["accuracy"]), int(event.summary["steps"])
        except NoAnswer:
            accuracy = 0.0  # it ended as NaN
    return accuracy, kinds, steps


def actions(kinds: Mapping[str, int]) -> int:
    """The number of things that the nurse did, and not only said."""
    return sum(n for kind, n in kinds.items() if kind in ("nurse rollback", "nurse turn", "nurse nurse"))


def main() -> None:
    """All runs, and the table."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        digits = Path(folder) / "digits.csv"
        samples.write_csv(samples.digits(), digits)
        sources = [(digits, 30), (FASHION, 8) if FASHION.exists() else (digits, 30)]
        for number in range(HEALTHY):
            data, epochs = sources[number % 2]
            accuracy, kinds, _ = one_run(data, healthy_config(number), number, epochs, "watch")
            rows.append(_row("healthy", number, data, accuracy, accuracy, float("nan"), kinds))
            print(rows[-1], flush=True)
        for number in range(SICK):
            data, epochs = sources[number % 2]
            config, accident = healthy_config(100 + number), "bad batch" if number % 4 < 2 else "rate x 100"
            healthy, _, steps = one_run(data, config, number, epochs, "no")
            at, turn_at = (steps // 2 + 3, -1) if accident == "bad batch" else (-1, epochs // 2)
            with fed_garbage(at):
                alone, _, _ = one_run(data, config, number, epochs, "no", turn_at)
                nursed, kinds, _ = one_run(data, config, number, epochs, "watch", turn_at)
            rows.append(_row(accident, number, data, healthy, nursed, alone, kinds))
            print(rows[-1], flush=True)
    write("nurse", rows)
    healthy_rows = [row for row in rows if row["kind"] == "healthy"]
    sick = [row for row in rows if row["kind"] != "healthy"]
    print(f"actions in {len(healthy_rows)} healthy runs: {sum(row['actions'] for row in healthy_rows)}")
    print(f"remarks in {len(healthy_rows)} healthy runs: {sum(row['remarks'] for row in healthy_rows)}")
    print(f"recovered: {sum(row['recovered'] for row in sick)} of {len(sick)}")
    print(f"without a nurse: {sum(row['alone_within'] for row in sick)} of {len(sick)}")


def _row(
    kind: str, number: int, data: Path, healthy: float, nursed: float, alone: float, kinds: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "kind": kind,
        "number": number,
        "data": "digits" if data.suffix == ".csv" else "fashion-mnist",
        "healthy_accuracy": round(healthy, 4),
        "nursed_accuracy": round(nursed, 4),
        "alone_accuracy": round(alone, 4),
        "actions": actions(kinds),
        "remarks": kinds.get("nurse advice", 0),
        "recovered": int(nursed >= healthy - 0.01),
        "alone_within": int(alone >= healthy - 0.01),
    }


if __name__ == "__main__":
    main()
