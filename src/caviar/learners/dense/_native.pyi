"""The compiled module; see native/binding.cpp."""

from typing import Any

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float32]
_Targets = npt.NDArray[Any]  # int32 classes, or float32 numbers
_Row = tuple[float, float, float, float, float]

def levels() -> list[str]: ...
def epoch_order(k0: int, k1: int, epoch: int, m: int) -> list[int]: ...

class Trial:
    def __init__(self, settings: dict[str, Any], level: str) -> None: ...
    def start(self, parameters: list[_Floats]) -> None: ...
    def load(
        self,
        arrays: list[_Floats],
        step: int,
        epoch: int,
        row: int,
        loss: float,
        first_steps: float,
        second_steps: float,
        average_steps: float = ...,
        squared_rates: float = ...,
    ) -> None: ...
    def export(self) -> list[_Floats]: ...
    def averaged(self) -> list[_Floats]: ...
    def statistics_of(self, x: _Floats, y: _Targets, texts: _Floats | None = ...) -> list[_Floats]: ...
    def train(
        self,
        x: _Floats,
        y: _Targets,
        xv: _Floats,
        yv: _Targets,
        learning_rates: npt.NDArray[np.float64],
        explosion: float,
        stop: npt.NDArray[np.uint8],
        texts: _Floats | None = ...,
        texts_v: _Floats | None = ...,
    ) -> tuple[int, list[_Row]]: ...
    def train_steps(
        self,
        x: _Floats,
        y: _Targets,
        learning_rates: npt.NDArray[np.float64],
        stop: npt.NDArray[np.uint8],
        texts: _Floats | None = ...,
    ) -> tuple[int, list[float], bool, float]: ...
    def evaluate(
        self,
        x: _Floats,
        y: _Targets,
        xt: _Floats,
        yt: _Targets,
        texts: _Floats | None = ...,
        texts_t: _Floats | None = ...,
    ) -> tuple[float, float, float]: ...
    def predict(self, x: _Floats, texts: _Floats | None = ...) -> _Floats: ...
    def inside(self, x: _Floats, y: _Targets, learning_rate: float, texts: _Floats | None = ...) -> list[_Row]: ...
    def steps_per_epoch(self, rows: int) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def row(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def first_steps(self) -> float: ...
    @property
    def second_steps(self) -> float: ...
    @property
    def average_steps(self) -> float: ...
    @property
    def squared_rates(self) -> float: ...
    @property
    def bytes(self) -> int: ...
    @property
    def workspace_bytes(self) -> int: ...
