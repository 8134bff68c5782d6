"""What is kept of a trained network: preprocessing and network in one file, and its predictions.

Notation
    m, n_in, C     rows, the network's inputs, classes
    w, b           weights (n_in, n_out) and bias (n_out,) of a layer;  z = x @ w + b
    gamma, beta    scale and shift of batch norm;  mean, variance  its running statistics, corrected for their start
    w', b'         weights and bias with batch norm folded in

At test time batch norm is a fixed scale and shift of z = x @ w, and goes into the weights before it:

    gamma (z - mean) / sqrt(variance + epsilon) + beta  =  x @ w' + b'
    w' = w * gamma / sqrt(variance + epsilon)           (every column by its unit's)
    b' = beta - mean * gamma / sqrt(variance + epsilon)

Sources: Course, week 3, "Batch Norm at Test Time";
Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018, 3.2.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from caviar import files
from caviar.errors import ConfigError, DataError, ModelError
from caviar.nn import losses
from caviar.nn.batch_norm import running_statistics
from caviar.nn.config import Architecture, parameter_shapes
from caviar.nn.network import State, scores

if TYPE_CHECKING:
    import pandas as pd

    from caviar.data.preprocessing import Preprocessing

FORMAT = 2
"""Counts up with every change of the file; a newer one is refused. Format 1 has no company, and is still written where
there is none."""

_NETWORK, _PREPROCESSING, _FACTS, _WEIGHTS = "network.json", "preprocessing.json", "facts.json", "weights.safetensors"
_CELLS = 1 << 22  # of the widest layer that are computed at once: 32 MiB of float64, whatever the table's length

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of a table.

    ``labels`` (m,) of the type they had in training, ``probabilities`` (m, C) float64, rows adding up to 1; ``missing``
    cells and ``unknown`` categories that the preprocessing met. For regression ``labels`` are float64 numbers in the
    target's units, and ``probabilities`` is None.
    """

    labels: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float64] | None
    missing: int
    unknown: int


@dataclass(frozen=True, eq=False)
class Member:
    """Another network of an ensemble; ``share`` is its part in the average of their predictions."""

    share: float
    architecture: Architecture
    weights: Weights = field(repr=False)


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with all that it needs to predict; with ``company`` it is one of an ensemble.

    ``weights`` are "layer1.w", "layer1.b", ... as ``fold`` makes them, for the ``architecture`` that was trained.
    Without ``preprocessing`` the network takes numbers as they are, and its classes are 0, 1, ... ``facts`` is what is
    to be remembered with it: study, trial, config, scores.

    The prediction of an ensemble is the weighted mean of its networks' probabilities, or of their numbers; what the
    shares of ``company`` leave of 1 is the share of the network itself.
    """

    architecture: Architecture
    weights: Weights = field(repr=False)
    preprocessing: Preprocessing | None = field(default=None, repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict)
    company: tuple[Member, ...] = ()

    def __post_init__(self) -> None:
        for architecture, weights in self._networks():
            if {name: w.shape for name, w in weights.items()} != parameter_shapes(_folded(architecture)):
                raise ModelError(
                    "the weights do not fit the architecture", "fold them, see caviar.learners.dense.model.fold"
                )
            if any(w.dtype != np.float32 for w in weights.values()):
                raise ModelError("weights must be float32", "fold them, see dense.model.fold")
        self._check_company()
        learned = self.preprocessing
        if learned and (learned.n_in, learned.n_out) != (self.architecture.n_in, self.architecture.n_out):
            wanted = "a number to predict" if learned.regression else f"{learned.n_out} classes"
            raise ModelError(
                f"the preprocessing gives {learned.n_in} inputs and {wanted}, "
                f"the network has {self.architecture.n_in} and {self.architecture.n_out}",
                "keep the preprocessing and the network of one training together",
            )

    def _networks(self) -> list[tuple[Architecture, Weights]]:
        return [(self.architecture, self.weights), *((member.architecture, member.weights) for member in self.company)]

    def _check_company(self) -> None:
        own = self.architecture
        for member in self.company:
            other = member.architecture
            if (other.n_in, other.n_out, other.regression) != (own.n_in, own.n_out, own.regression):
                raise ModelError("the networks of an ensemble must predict the same", "train them on the same data")
        shares = [member.share for member in self.company]
        if not all(0 < share < 1 for share in shares) or sum(shares) >= 1:
            raise ModelError("the shares of an ensemble must be above 0 and add up to 1", "divide them by their sum")

    @property
    def regression(self) -> bool:
        """Whether it predicts numbers and not classes."""
        return self.architecture.regression

    @property
    def classes(self) -> tuple[str | int | bool, ...]:
        """The labels in the order of the columns of ``predict_proba``; none for regression."""
        if self.regression:
            return ()
        return self.preprocessing.classes if self.preprocessing else tuple(range(self.architecture.n_out))

    def predict(self, data: Any) -> npt.NDArray[Any]:
        """The label (m,) of every row of ``data``: a DataFrame, an array (m, n_features) or the path of a file.

        For regression the number, float64, in the units of the training target.

        Raises DataError, naming row and column, for what cannot be read.
        """
        return self.prediction(data).labels

    def predict_proba(self, data: Any) -> npt.NDArray[np.float64]:
        """The probability (m, C) of every class, in the order of ``classes``, for every row of ``data``.

        Raises ModelError for a model of regression, which has no classes.
        """
        self.check_classes()
        found = self.prediction(data).probabilities
        assert found is not None  # there are classes
        return found

    def check_classes(self) -> None:
        """Raise ModelError for a model of regression: it has no probabilities to give."""
        if self.regression:
            raise ModelError(
                "probabilities are for classes, and this model predicts a number", "predict without them (no --proba)"
            )

    def prediction(self, data: Any) -> Prediction:
        """Labels, probabilities, and what the preprocessing met."""
        frame = self._frame(data)
        said = np.empty((len(frame), 1 if self.regression else self.architecture.n_out))
        missing = unknown = 0
        widest = max(max(a.n_in, *a.hidden_units, a.n_out) for a, _ in self._networks())
        step = max(1, _CELLS // widest)
        for start in range(0, len(frame), step):
            rows = slice(start, start + step)
            x, absent, strange = self._inputs(frame, rows)
            said[rows] = self._says(x)
            wrong = np.flatnonzero(~np.isfinite(said[rows]).all(axis=1))
            if len(wrong):
                raise DataError(
                    f"row {start + wrong[0] + 1} has no finite answer: a number in it is missing or much too large, "
                    "or the network diverged",
                    "look at the row, and at how the network was trained",
                )
            missing, unknown = missing + absent, unknown + strange
        if self.regression:
            numbers = self.preprocessing.decode(said[:, 0]) if self.preprocessing else said[:, 0]
            return Prediction(numbers, None, missing, unknown)
        probabilities = said
        # Text stays Python's: an array of NumPy's own text would lose zero characters at the end.
        labels = np.array(self.classes, dtype=object if isinstance(self.classes[0], str) else None)
        return Prediction(labels[probabilities.argmax(axis=1)], probabilities, missing, unknown)

    def _says(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The weighted mean of what the networks say of inputs x (m, n_in)."""
        said = says(self.architecture, self.weights, x)
        if not self.company:
            return said
        said *= 1 - sum(member.share for member in self.company)
        for member in self.company:
            said += member.share * says(member.architecture, member.weights, x)
        return said

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one file; where that fails, what was at ``path`` is untouched. Raises ModelError."""
        from importlib.metadata import version

        from safetensors.numpy import save

        network, tensors = asdict(self.architecture), dict(self.weights)
        for number, member in enumerate(self.company, start=1):
            tensors |= {f"member{number}.{name}": w for name, w in member.weights.items()}
        if self.company:
            network["company"] = [{"share": m.share, "network": asdict(m.architecture)} for m in self.company]
        _check_finite(tensors)
        entries = {
            _NETWORK: files.dumps(network).encode(),
            _PREPROCESSING: files.dumps(self.preprocessing.to_dict() if self.preprocessing else None).encode(),
            _FACTS: files.dumps(self.facts).encode(),
            _WEIGHTS: save({name: np.ascontiguousarray(w) for name, w in tensors.items()}),
        }
        written = FORMAT if self.company else 1
        files.write_whole(Path(path), files.pack(entries, {"format": written, "caviar": version("caviar")}))

    def _frame(self, data: Any) -> pd.DataFrame:
        """The features; where there is no preprocessing, the network's inputs."""
        from caviar.data.columns import numbers
        from caviar.data.read import read_features

        learned = self.preprocessing
        if learned:
            return read_features(data, text=learned.text_columns, names=list(learned.columns)).frame
        frame = read_features(data).frame
        if frame.shape[1] != self.architecture.n_in:
            raise DataError(
                f"the network takes {self.architecture.n_in} columns, got {frame.shape[1]}", "give it the columns of x"
            )
        return numbers(frame, list(frame.columns))

    def _inputs(self, frame: pd.DataFrame, rows: slice) -> tuple[npt.NDArray[np.float64], int, int]:
        """The network's inputs (m, n_in) for some rows, and how many cells were missing and unknown."""
        from caviar.data.columns import numbers

        if not self.preprocessing:
            return frame.iloc[rows].to_numpy(np.float64), 0, 0
        try:
            x, notes = self.preprocessing.apply_with_notes(frame.iloc[rows])
        except DataError:
            if rows.start:  # say the same with the row counted from the table's start
                numbers(frame, self.preprocessing.numbers)
            raise
        return x.astype(np.float64), notes.missing, notes.unknown


def load(path: str | os.PathLike[str]) -> Model:
    """The model at ``path``. Raises ModelError for a file that is damaged, unsafe, or of a newer format."""
    content = files.read_whole(Path(path))
    try:
        return _unpack(content)
    except ModelError as error:
        raise ModelError(f"{os.fspath(path)}: {error.rule}", error.way_out) from error


def _unpack(content: bytes) -> Model:
    from safetensors import SafetensorError
    from safetensors.numpy import load as tensors

    from caviar.data.preprocessing import Preprocessing

    entries = files.unpack(content, FORMAT, names=(_NETWORK, _PREPROCESSING, _FACTS, _WEIGHTS))
    try:
        network, learned, facts = (files.loads(entries[name]) for name in (_NETWORK, _PREPROCESSING, _FACTS))
        weights = tensors(entries[_WEIGHTS])
        company = [
            Member(float(entry["share"]), _architecture(entry["network"]), _with_prefix(weights, f"member{number}."))
            for number, entry in enumerate(network.pop("company", []), start=1)
        ]
        model = Model(
            _architecture(network),
            {name: w for name, w in weights.items() if not name.startswith("member")},
            None if learned is None else Preprocessing.from_dict(learned),
            dict(facts),
            tuple(company),
        )
    except (ConfigError, SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"this model holds what caviar never saves ({files.reason(error)})", "train the network again"
        ) from error
    _check_finite(weights)
    return model


def _architecture(fields: dict[str, Any]) -> Architecture:
    return Architecture(**{**fields, "hidden_units": tuple(fields["hidden_units"])})


def _with_prefix(weights: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}


def fold(
    architecture: Architecture, arrays: Mapping[str, npt.NDArray[Any]], step: int
) -> dict[str, npt.NDArray[np.float32]]:
    """The weights for prediction, float32: "layer1.w" (n_in, n_1), "layer1.b" (n_1,), ... with batch norm folded in.

    ``arrays`` holds parameters and running statistics as nn/ and the engines name them, and may hold more; ``step`` is
    how many training steps they have seen.
    """
    folded: dict[str, npt.NDArray[np.float32]] = {}
    with np.errstate(all="ignore"):  # a diverged network stays one
        for layer in range(1, len(architecture.hidden_units) + 2):
            name = f"layer{layer}"
            w = np.asarray(arrays[f"{name}.w"], dtype=np.float64)  # (n_in, n_out)
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
    return folded


def outputs(architecture: Architecture, weights: Weights, x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The output layer's scores (m, output_width) of folded ``weights`` for inputs ``x`` (m, n_in), in float64."""
    network = State({name: w.astype(np.float64) for name, w in weights.items()})
    return scores(_folded(architecture), network, x.astype(np.float64))


def says(architecture: Architecture, weights: Weights, x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """What a network predicts of inputs ``x`` (m, n_in): probabilities (m, C), or numbers (m, 1)."""
    z = outputs(architecture, weights, x)
    return z if architecture.regression else losses.probabilities(architecture.output, z)


def _folded(architecture: Architecture) -> Architecture:
    """The network that predicts: without batch norm, for that is in the weights."""
    return replace(architecture, batch_norm=False)


def _check_finite(weights: Weights) -> None:
    for name, w in weights.items():
        if not np.isfinite(w).all():
            raise ModelError(f"the weights {name} are not finite: the network diverged", "train it again, more slowly")
