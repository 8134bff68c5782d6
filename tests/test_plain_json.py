"""JSON stays JSON, whatever numbers are in it."""

from __future__ import annotations

import json
import math
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar import files

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    text = files.dumps(value)
    assert repr(files.loads(text)) == repr(value)
    assert text.isascii()


def test_numbers_that_json_has_not_become_words_and_numpy_becomes_python() -> None:
    value = MappingProxyType(
        {
            "odd": [math.nan, math.inf, -math.inf, np.float32("nan")],
            3: (np.int64(1), np.bool_(True), np.float32(0.5), np.arange(2), np.array([np.inf])),
        }
    )
    text = files.dumps(value)
    assert json.loads(text) == {
        "odd": ["NaN", "Infinity", "-Infinity", "NaN"],
        "3": [1, True, 0.5, [0, 1], ["Infinity"]],
    }


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "{", "[" * 200_000, b"\xff"])
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        files.loads(text)
