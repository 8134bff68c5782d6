"""Codes of many values get a note; amounts, pixels and copies get none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from caviar.data import samples
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.records import Reading

RNG = np.random.default_rng(0)
M = 4000
SHOP = RNG.integers(10_000, 11_000, M)
WORTH = RNG.normal(size=1000)[SHOP - 10_000]


def notes(frame: pd.DataFrame, reading: Reading | None = None) -> list[str]:
    found = prepare(read(frame, "y", reading=reading or Reading()), 0, reading=reading or Reading()).warnings
    return [note for note in found if "codes" in note]


@pytest.mark.parametrize("classes", [False, True])
def test_codes_get_a_note(classes: bool) -> None:
    y = WORTH + 0.1 * RNG.normal(size=M)
    frame = pd.DataFrame({"shop": SHOP, "x": RNG.normal(size=M), "y": np.where(y > 0, "p", "q") if classes else y})
    [note] = notes(frame)
    assert "'shop'" in note
    assert 'text=["shop"]' in note
    assert notes(frame, Reading(text=("shop",))) == notes(frame, Reading(number=("shop",))) == []


def test_amounts_and_copies_get_none() -> None:
    y = (SHOP - 10_000) / 1000 + 0.1 * RNG.normal(size=M)
    assert notes(pd.DataFrame({"price": SHOP, "y": y})) == []
    once = pd.DataFrame({"a": RNG.integers(0, 10**6, 500), "b": RNG.normal(size=500), "y": RNG.normal(size=500)})
    assert notes(pd.concat([once] * 6, ignore_index=True)) == []


@pytest.mark.parametrize("table", [samples.diabetes, samples.wine, samples.digits])
def test_real_tables_get_none(table) -> None:
    assert not [note for note in prepare(table(), 0).warnings if "codes" in note]
