"""Examples as the first layer takes them: flat rows, with their numbers encoded.

An encoding is learned once for the training rows and a kind. Networks that use the same encoding share one copy of the
encoded rows. Only the copies that were used last are kept: a search has many encodings, and most of its networks wait,
and the rows of the search are not needed for the last trainings. An engine that spreads numbers over bins itself needs
no copy of these: they are the largest.
The training rows of an encoding are encoded so that none sees its own target, wherever they are scored.
"""

from __future__ import annotations

import math
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
import numpy.typing as npt

from caviar.data.examples import Examples
from caviar.errors import ConfigError, DataError
from caviar.label_sets import unpacked
from caviar.nn.architecture import Architecture
from caviar.nn.encoding import Encoding, encode, encode_training, learn

MOST_KEPT = 256 * 2**20
"""Bytes of encoded copies that are kept; twice the largest copy, where that is more: both parts of a study fit."""

_learned: WeakKeyDictionary[Examples, dict[tuple[str, int], Encoding]] = WeakKeyDictionary()
_copies: WeakKeyDictionary[Examples, dict[Encoding, Examples]] = WeakKeyDictionary()
_used: list[tuple[ref[Examples], Encoding]] = []  # of what and how each copy is, the last used one last
_trained: WeakKeyDictionary[Examples, set[Encoding]] = WeakKeyDictionary()  # the examples as training rows
_lock = Lock()  # of all: many threads start networks on the same examples


def encoding_of(training: Examples, kind: str, bins: int) -> Encoding:
    """The encoding of ``kind``, with so many ``bins``, of the ``training`` rows. Raises ConfigError for mapped rows."""
    if isinstance(training.x, np.memmap):
        raise ConfigError(
            f"encoding must be standard where the rows stay in a file, got {kind!r}",
            "leave encoding out, or read the rows into memory: `mapped=False`",
        )
    with _lock:
        found = _learned.setdefault(training, {})
        if (kind, bins) not in found:
            flat = training.x.reshape(len(training), math.prod(training.x.shape[1:]))
            found[kind, bins] = learn(kind, bins, flat, _targets(training), training.codes)
        return found[kind, bins]


def training_rows_of(architecture: Architecture, examples: Examples, spread: bool = True) -> Examples:
    """``rows_of`` for the rows that a network trains on, from which its encoding was learned."""
    learned = architecture.learned if spread else architecture.learned.before_bins
    if learned.texts:
        with _lock:
            known = _trained.setdefault(examples, set())
            if learned not in known:
                known.add(learned)
                _copies.get(examples, {}).pop(learned, None)
    return rows_of(architecture, examples, spread)


def rows_of(architecture: Architecture, examples: Examples, spread: bool = True) -> Examples:
    """The ``examples`` as a network takes them: each a row of numbers, whatever its shape was; x is (m, inputs).

    Without ``spread`` the numbers that go over bins stay as they are, for an engine that spreads them itself, a
    mini-batch at a time: x is as wide as ``architecture.learned.before_bins`` makes it.
    Raises DataError unless y holds what the network predicts: int32 classes, or float32 numbers. Another width is not
    converted here: a copy a call would cost memory, and 2**32 is no int32.
    """
    wanted = np.dtype(np.float32 if architecture.regression else np.int32)
    if examples.y.dtype != wanted:
        raise DataError(
            f"output {architecture.output} predicts {'numbers' if architecture.regression else 'classes'}, "
            f"got y of {examples.y.dtype}",
            "give y as float32 numbers" if architecture.regression else "give y as int32 classes from 0 on",
        )
    x, learned = examples.x, architecture.learned if spread else architecture.learned.before_bins
    if learned:
        with _lock:
            kept = _copies.setdefault(examples, {})
            found = kept.get(learned)
            if found is None:
                _make_room(len(x) * learned.width(architecture.n_in) * x.itemsize)
                flat = x.reshape(len(x), architecture.n_in)
                own = learned in _trained.get(examples, ())
                made = encode_training(learned, flat, _targets(examples)) if own else encode(learned, flat)
                found = kept[learned] = Examples(made, examples.y, targets=examples.targets)
            this = ref(examples), learned
            _used[:] = [*(used for used in _used if used != this and used[0]() is not None), this]
            return found
    if x.ndim == 2:
        return examples
    return Examples(x.reshape(len(x), math.prod(x.shape[1:])), examples.y, targets=examples.targets)


def forget(examples: Examples) -> None:
    """Drop the copies of ``examples``: they may be needed again, but not soon."""
    with _lock:
        _copies.pop(examples, None)


def _make_room(size: int) -> None:
    """Drop the copies that were used longest ago until there is room for ``size`` bytes more."""
    while _used:
        sizes = [size, *(copy.x.nbytes for of in list(_copies.values()) for copy in of.values())]
        if sum(sizes) <= max(MOST_KEPT, 2 * max(sizes)):
            return
        of, how = _used.pop(0)
        if (examples := of()) is not None:  # or its copies have gone with it
            _copies.get(examples, {}).pop(how, None)


def _targets(examples: Examples) -> npt.NDArray[Any]:
    """The targets that an encoding is learned from: of several (m, K), a bit each."""
    return unpacked(examples.y, examples.targets) if examples.targets else examples.y
