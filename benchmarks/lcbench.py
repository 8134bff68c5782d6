"""Simulated training on the LCBench surrogate: thousands of learning curves a second, for judging searches.

Zimmer, Lindauer and Hutter, Auto-PyTorch Tabular, 2021 (the tables); Pfisterer and others, YAHPO Gym, 2022 (the
surrogate). Says which search is better than which, never how accurate a network is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.records import Value
from caviar.scales import Integer, Linear, Log, OneMinusLog
from caviar.space import Space

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "lcbench"
LEFT_OUT = ("167083", "167181", "167184")  # the surrogate's rank correlation with the real tables is under 0.4
EPOCHS = 52
RUNGS = (2, 6, 17, EPOCHS)  # epoch 1 is the untrained network
_ORDER = ("batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout")
_SAMPLE = 20_000  # configs that a task's best and worst are looked for among

SPACE = Space(
    learning_rate=Log(1e-4, 1e-1, tier=1),
    momentum=OneMinusLog(0.1, 0.99, tier=2),
    batch_size=Integer(16, 512, log=True, tier=2),
    max_units=Integer(64, 1024, log=True, tier=2),
    num_layers=Integer(1, 5, tier=3),
    weight_decay=Log(1e-5, 1e-1),
    max_dropout=Linear(0.0, 1.0),
)
LINEAR_SPACE = Space(
    learning_rate=Linear(1e-4, 1e-1, tier=1),
    momentum=Linear(0.1, 0.99, tier=2),
    batch_size=Integer(16, 512, tier=2),
    max_units=Integer(64, 1024, tier=2),
    num_layers=Integer(1, 5, tier=3),
    weight_decay=Linear(1e-5, 1e-1),
    max_dropout=Linear(0.0, 1.0),
)


@dataclass(frozen=True)
class Task:
    """One data set: learning curves of configs, and what scores lie between."""

    name: str
    code: int
    session: Any = field(repr=False)

    def curves(self, configs: Sequence[Mapping[str, Value]], epochs: Sequence[int] = RUNGS) -> npt.NDArray[np.float64]:
        """Validation accuracies (n, epochs), in percent."""
        one = np.array([[config[name] for name in _ORDER] for config in configs], dtype=np.float32)
        rows = np.repeat(one, len(epochs), axis=0)
        epoch = np.tile(np.asarray(epochs, dtype=np.float32), len(one))
        given = {
            "x_cat": np.full((len(rows), 1), self.code, dtype=np.int32),
            "x_cont": np.column_stack([epoch, rows]).astype(np.float32),
        }
        found = np.asarray(self.session.run(None, given)[0][:, 1], dtype=np.float64)
        return found.reshape(len(one), len(epochs))

    def limits(self) -> tuple[float, float]:
        """The worst and the best accuracy after the last epoch, of many random configs."""
        scores = self.curves(SPACE.sample(_SAMPLE, seed=12345), (EPOCHS,))
        return float(scores.min()), float(scores.max())


def tasks() -> list[Task]:
    """The usable tasks, in the order of their names."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(FOLDER / "lcbench.onnx"), options)
    codes = json.loads((FOLDER / "encoding.json").read_text())["OpenML_task_id"]
    return [
        Task(name, code, session) for name, code in sorted(codes.items()) if name[0] != "#" and name not in LEFT_OUT
    ]
