"""The format of saved states: every tree of arrays, numbers and text comes back, and nothing else is taken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from caviar.errors import SnapshotError, StoreError
from caviar.store import states

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
NUMBERS = st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_, np.complex64])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | TEXT
    | arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    | arrays.arrays("<U3", arrays.array_shapes(max_dims=2, max_side=2), elements=st.text("aä🐟", max_size=3))
)
KEYS = TEXT | st.integers() | st.booleans() | st.none()
TREES = st.recursive(
    LEAVES,
    lambda of: st.lists(of, max_size=3) | st.lists(of, max_size=3).map(tuple) | st.dictionaries(KEYS, of, max_size=3),
    max_leaves=8,
)


def described(tree: Any) -> Any:
    """A tree in which equality is that of types and bits."""
    if isinstance(tree, dict):
        return [(type(key), key, described(value)) for key, value in tree.items()]
    if isinstance(tree, list | tuple):
        return type(tree), [described(each) for each in tree]
    if isinstance(tree, np.ndarray):
        content = tree.tolist() if tree.dtype.kind == "U" else tree.tobytes()
        return tree.dtype.kind, tree.shape, content
    return type(tree), repr(tree)


@given(TREES)
def test_every_tree_comes_back_with_its_types_and_bits(tree: Any) -> None:
    assert described(states.unpack(states.pack(tree))) == described(tree)


def test_numbers_of_numpy_and_tensors_come_back_as_such() -> None:
    import torch

    tree = {"one": np.float32(0.1), "t": torch.tensor([1.0, math.nan]), "b": torch.ones(2, dtype=torch.bfloat16)}
    back = states.unpack(states.pack(tree))
    assert (type(back["one"]), back["one"]) == (np.float32, np.float32(0.1))
    assert back["t"].dtype == torch.float32
    assert torch.equal(back["b"], tree["b"])


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"f": len}, "got builtin_function_or_method at state"),
        ({(1, 2): 0}, "keys of a state are text or whole numbers"),
        (np.array([object()]), "arrays of a state hold numbers or text"),
        ({1: {2, 3}}, "got set"),
    ],
)
def test_nothing_else_is_taken(tree: Any, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        states.pack(tree)


def test_a_tree_that_goes_round_in_a_circle_is_refused() -> None:
    tree: list[Any] = []
    tree.append(tree)
    with pytest.raises(StoreError, match="at most 200"):
        states.pack(tree)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"PK\3\4" + tail))
def test_other_bytes_are_refused_in_one_way(content: bytes) -> None:
    with pytest.raises(SnapshotError, match="not a state that caviar saved"):
        states.unpack(content)
