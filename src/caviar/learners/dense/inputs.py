"""Examples as the first layer takes them: flat rows, and beside them the numbers of their texts.

An encoding is learned once for the training rows and a kind, and the numbers of texts are looked up once for examples:
they are few. Nothing else of an encoding is kept, for it would be as large as the rows, or larger: the native engine
encodes a mini-batch at a time.
The numbers of training rows are such that none sees its own target, wherever they are scored.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from caviar.data.examples import Examples, OneHot, inputs_of
from caviar.errors import ConfigError, DataError
from caviar.label_sets import unpacked
from caviar.nn.architecture import Architecture
from caviar.nn.encoding import Encoding, encode, learn, texts_of
from caviar.nn.text_statistics import TextTable

Floats = npt.NDArray[np.float32]
_SEEN = 1000  # rows of which the inputs that are not 0 are counted

_learned: WeakKeyDictionary[Examples, dict[tuple[str, int], Encoding]] = WeakKeyDictionary()
_texts: WeakKeyDictionary[Examples, dict[tuple[TextTable, ...], Floats]] = WeakKeyDictionary()
_trained: WeakKeyDictionary[Examples, set[tuple[TextTable, ...]]] = WeakKeyDictionary()  # examples as training rows
_shares: WeakKeyDictionary[Examples, npt.NDArray[np.float64]] = WeakKeyDictionary()
_lock = Lock()  # of all: many threads start networks on the same examples


class Rows(NamedTuple):
    """Rows of ``cells`` (m, c), the numbers of their ``texts`` (m, k), and their targets ``y`` (m,).

    ``one_hot`` are the runs of inputs that one cell stands for (see data/examples.py).
    """

    cells: Floats
    texts: Floats
    y: npt.NDArray[np.int32] | npt.NDArray[np.float32]
    one_hot: OneHot


def encoding_of(training: Examples, kind: str, bins: int) -> Encoding:
    """The encoding of ``kind``, with so many ``bins``, of the ``training`` rows. Raises ConfigError for mapped rows."""
    if isinstance(training.cells, np.memmap):
        raise ConfigError(
            f"encoding must be standard where the rows stay in a file, got {kind!r}",
            "leave encoding out, or read the rows into memory: `mapped=False`",
        )
    with _lock:
        found = _learned.setdefault(training, {})
        if (kind, bins) not in found:
            found[kind, bins] = learn(kind, bins, training.columns, _targets(training), training.codes)
        return found[kind, bins]


def training_rows_of(architecture: Architecture, examples: Examples) -> Rows:
    """``rows_of`` for the rows that a network trains on, from which its encoding was learned."""
    tables = architecture.learned.texts
    if tables:
        with _lock:
            trained = _trained.setdefault(examples, set())
            if tables not in trained:
                trained.add(tables)
                _texts.get(examples, {}).pop(tables, None)
    return rows_of(architecture, examples)


def rows_of(architecture: Architecture, examples: Examples) -> Rows:
    """The ``examples`` as a network takes them: each a row of numbers, whatever its shape was.

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
    cells, learned, kept = examples.flat, architecture.learned, examples.one_hot
    if not learned.texts:
        return Rows(cells, np.empty((len(cells), 0), dtype=np.float32), examples.y, kept)
    with _lock:
        known = _texts.setdefault(examples, {})
        if learned.texts not in known:
            own = learned.texts in _trained.get(examples, ())
            known[learned.texts] = texts_of(learned, examples.columns, _targets(examples) if own else None)
        return Rows(cells, known[learned.texts], examples.y, kept)


def encoded(architecture: Architecture, rows: Rows) -> npt.NDArray[np.float64]:
    """The inputs (m, architecture.inputs) of the first layer."""
    return encode(architecture.learned, inputs_of(rows.cells, rows.one_hot), rows.texts).astype(np.float64)


def shares_of_inputs(examples: Examples) -> npt.NDArray[np.float64]:
    """The share (n_in,) of rows in which each input is not 0, counted on some of them."""
    with _lock:
        if examples not in _shares:
            some = examples.every(max(1, len(examples) // _SEEN))  # evenly: the rows of a part are in no order
            flat = some.x.reshape(len(some), some.n_in)
            _shares[examples] = np.count_nonzero(flat, axis=0) / max(len(some), 1)
        return _shares[examples]


def _targets(examples: Examples) -> npt.NDArray[Any]:
    """The targets that an encoding is learned from: of several (m, K), a bit each."""
    return unpacked(examples.y, examples.targets) if examples.targets else examples.y
