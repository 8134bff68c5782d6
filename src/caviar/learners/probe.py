"""A probe of a model: its answer to a few made inputs, kept to tell later whether it still predicts the same bits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from caviar.learners.contract import Floats
from caviar.learners.model import Model
from caviar.randomness import Purpose, generator, stream_key

PROBE = "probe"
"""The name of a probe among the facts of a model."""

_ROWS, _KEPT = 4, 64  # made inputs; numbers of the answer that are kept beside its hash


def probe_of(model: Model) -> dict[str, Any]:
    """The hash of the answer to inputs drawn from a normal distribution, none of which is a row of the data."""
    said = _answer(model)
    return {"sha256": _hash(said), "outputs": said.ravel()[:_KEPT].tolist()}


class Probed(NamedTuple):
    """A probe asked again: True for the ``same_bits``, and the ``largest`` difference of the numbers kept."""

    same_bits: bool
    largest: float


def probed(model: Model) -> Probed | None:
    """The answer of ``model`` today beside the probe in its facts; None where earlier versions kept none."""
    kept = model.facts.get(PROBE)
    if not isinstance(kept, Mapping):
        return None
    said = _answer(model)
    before = np.asarray(kept.get("outputs", ()), dtype=np.float64)
    now = said.ravel()[: len(before)]
    largest = float(np.abs(now - before).max(initial=0.0)) if len(now) == len(before) else float("inf")
    return Probed(kept.get("sha256") == _hash(said), largest)


def _answer(model: Model) -> Floats:
    stream = generator(stream_key(0, Purpose.RETEST))
    x = stream.standard_normal((_ROWS, *model.network.shape)).astype(np.float32)
    for column, count in model.preprocessing.codes if model.preprocessing else ():  # whole numbers below the count
        x[:, column] = stream.integers(count, size=_ROWS)
    return model.outputs(x)


def _hash(said: Floats) -> str:
    return hashlib.sha256(np.ascontiguousarray(said, dtype="<f8").tobytes()).hexdigest()
