"""A trained dense network for predictions: batch norm is folded into the weights.

Notation
    m, n_in, C     rows, the network's inputs, classes
    w, b           weights (n_in, n_out) and bias (n_out,) of a layer;  z = x @ w + b
    gamma, beta    scale and shift of batch norm;  mean, variance  its running statistics, corrected for their start
    w', b'         weights and bias with batch norm folded in
    s              factors of scaled inputs (n_in,)

At test time batch norm is a fixed scale and shift of z = x @ w, and goes into the weights before it:

    gamma (z - mean) / sqrt(variance + epsilon) + beta  =  x @ w' + b'
    w' = w * gamma / sqrt(variance + epsilon)           (every column by its unit's)
    b' = beta - mean * gamma / sqrt(variance + epsilon)

Factors of the inputs go into the first layer's weights before that: (x * s) @ w  =  x @ (s[:, None] * w).

Sources: Course, week 3, "Batch Norm at Test Time";
Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018, 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import row_blocks
from caviar.errors import ModelError
from caviar.learners.contract import Arrays, Floats, State
from caviar.learners.dense._native import Trial
from caviar.learners.dense.layout import MOST_HIDDEN_LAYERS, predicting_trial
from caviar.nn import losses
from caviar.nn.architecture import INPUT_SCALE, Architecture, parameter_shapes
from caviar.nn.batch_norm import running_statistics
from caviar.nn.encoding import encode, texts_of
from caviar.nn.input_scaling import fold_scale
from caviar.nn.network import each_layer
from caviar.nn.state import State as Network


@dataclass(frozen=True, eq=False)
class DensePredictor:
    """The ``weights`` "layer1.w" (n_in, n_1), "layer1.b" (n_1,), ... as ``fold`` makes them of ``architecture``.

    Raises ModelError for weights that do not fit the architecture.
    """

    architecture: Architecture
    weights: Arrays = field(repr=False)

    kind = "dense"

    def __post_init__(self) -> None:
        if {name: w.shape for name, w in self.weights.items()} != parameter_shapes(self._folded()):
            raise ModelError(
                "the weights do not fit the architecture", "fold them, see caviar.learners.dense.predictor.fold"
            )
        if any(w.dtype != np.float32 for w in self.weights.values()):
            raise ModelError("weights must be float32", "fold them, see caviar.learners.dense.predictor.fold")

    @staticmethod
    def of(architecture: Architecture, state: State) -> DensePredictor:
        """The predictor of a training's ``state``."""
        predicting = replace(architecture, input_scaling=False)
        return DensePredictor(predicting, fold(architecture, state, int(state["step"])))

    @staticmethod
    def from_record(plain: Mapping[str, Any], weights: Arrays) -> DensePredictor:
        """The inverse of ``record``."""
        return DensePredictor(Architecture.from_record(plain), weights)

    def record(self) -> tuple[dict[str, Any], Arrays]:
        """The architecture as plain data, without what the weights have and what earlier versions do not know."""
        plain = self.architecture.to_record()
        del plain["input_scaling"]
        if not self.architecture.parametric_activation:
            del plain["parametric_activation"]
        return plain, self.weights

    @property
    def shape(self) -> tuple[int, ...]:
        """A row of n_in numbers."""
        return (self.architecture.n_in,)

    @property
    def n_out(self) -> int:
        """Classes, or 1 for a number, or the targets where there are ``several``."""
        return self.architecture.n_out

    @property
    def several(self) -> bool:
        """True for several targets of two classes each."""
        return self.architecture.several

    @property
    def width(self) -> int:
        """Units of the widest layer."""
        return max(self.architecture.inputs, *self.architecture.hidden_units, self.architecture.n_out)

    def outputs(self, x: npt.NDArray[Any]) -> Floats:
        """Probabilities (m, n_out) for inputs ``x`` (m, n_in), or numbers (m, 1), in float64."""
        z = self.scores(x)
        return z if self.architecture.regression else losses.probabilities(self.architecture.output, z)

    def scores(self, x: npt.NDArray[Any]) -> Floats:
        """The output layer's scores (m, output_width) for inputs ``x`` (m, n_in): float32 sums, as in training."""
        with np.errstate(over="ignore"):  # too large for float32: infinite, as what a network makes of it would be
            x = np.ascontiguousarray(x.reshape(len(x), self.architecture.n_in), dtype=np.float32)
        if len(self.architecture.hidden_units) > MOST_HIDDEN_LAYERS:  # of the reference engine
            blocks = [self._each_layer(x[rows])[-1] for rows in row_blocks(len(x), self.width)]
            return np.concatenate([np.empty((0, self.architecture.output_width)), *blocks])
        return self._trial.predict(x, texts_of(self.architecture.learned, x)).astype(np.float64)

    def before_activations(self, x: npt.NDArray[Any]) -> list[Floats]:
        """The numbers (m, n) that the activations of each hidden layer get, for some inputs ``x`` (m, n_in)."""
        return self._each_layer(x)[:-1]

    def _each_layer(self, x: npt.NDArray[Any]) -> list[Floats]:
        weights: dict[str, Any] = {**self.weights}  # nn/ is written for float64, and computes in what it is given
        folded = self._folded()
        with np.errstate(over="ignore"):
            inputs = encode(folded.learned, x.reshape(len(x), folded.n_in).astype(np.float32, copy=False))
        return [z.astype(np.float64) for z in each_layer(folded, Network(weights), inputs)]

    def __reduce__(self) -> Any:  # pickled and copied without the engine's own memory
        return DensePredictor, (self.architecture, self.weights)

    @cached_property
    def _trial(self) -> Trial:
        return predicting_trial(self._folded(), self.weights)

    def _folded(self) -> Architecture:
        """The network that predicts: without batch norm, for that is in the weights."""
        return replace(self.architecture, batch_norm=False)


def fold(
    architecture: Architecture, arrays: Mapping[str, npt.NDArray[Any]], step: int
) -> dict[str, npt.NDArray[np.float32]]:
    """The weights for prediction, float32: "layer1.w" (n_in, n_1), "layer1.b" (n_1,), ...

    Batch norm and the factors of scaled inputs are folded into them.
    ``arrays`` holds parameters and running statistics as nn/ and the engines name them, and may hold more; ``step`` is
    how many training steps they have seen.
    """
    folded: dict[str, npt.NDArray[np.float32]] = {}
    with np.errstate(all="ignore"):  # a diverged network stays one
        for layer in range(1, len(architecture.hidden_units) + 2):
            name = f"layer{layer}"
            w = np.asarray(arrays[f"{name}.w"], dtype=np.float64)  # (n_in, n_out)
            if architecture.input_scaling and layer == 1:
                w = fold_scale(w, np.asarray(arrays[INPUT_SCALE], dtype=np.float64))
            if architecture.batch_norm and layer <= len(architecture.hidden_units):
                gamma, beta, mean, variance = (
                    np.asarray(arrays[f"{name}.{part}"], dtype=np.float64)
                    for part in ("gamma", "beta", "mean", "variance")
                )
                mean, variance = running_statistics(mean, variance, architecture.batch_norm_momentum, step)
                scale = gamma / np.sqrt(variance + architecture.batch_norm_epsilon)  # (n_out,)
                w, b = w * scale, beta - mean * scale
            else:
                b = np.asarray(arrays[f"{name}.b"], dtype=np.float64)
            folded |= {f"{name}.w": w.astype(np.float32), f"{name}.b": b.astype(np.float32)}
            if architecture.parametric_activation and layer <= len(architecture.hidden_units):
                folded[f"{name}.alpha"] = np.asarray(arrays[f"{name}.alpha"], dtype=np.float32)
    return folded
