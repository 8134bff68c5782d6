"""Numbers that had a unit in training and have none in a new frame or file: said, and shares for per cent refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caviar.data.bare_numbers import note_on_scale
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.errors import CaviarWarning, DataError
from caviar.learners.dense.predictor import DensePredictor, fold
from caviar.learners.model import Model
from caviar.nn.architecture import Architecture
from caviar.records import Reading
from tests.learners.contract import trained

RNG = np.random.default_rng(0)
SHARE = RNG.random(200).round(3)
Y = np.where(SHARE > 0.5, "hi", "lo")
Z = RNG.normal(size=200).round(2)


def table(dress: str, scale: float = 100.0) -> pd.DataFrame:
    return pd.DataFrame({"rate": [dress.format(round(v * scale, 1)) for v in SHARE], "z": Z, "y": Y})


def model(frame: pd.DataFrame) -> Model:
    learned = prepare(read(frame, "y"), 0).preprocessing
    architecture = Architecture(learned.n_in, learned.n_out, (3,))
    return Model(DensePredictor(architecture, fold(architecture, trained(architecture, seed=1, steps=2), 2)), learned)


@pytest.mark.parametrize("dress", ["{}%", "{} %", "{} km", "${}"])
def test_bare_numbers_in_the_range_of_training_are_read_with_a_note(tmp_path: Path, dress: str) -> None:
    own = model(table(dress))
    new = pd.DataFrame({"rate": (SHARE * 100).round(1), "z": Z})
    new.to_parquet(tmp_path / "n.parquet")
    for source in (new, tmp_path / "n.parquet", new.to_numpy()):
        found = own.prediction(source)
        (note,) = found.notes
        assert "'rate' had the unit" in note
        assert "has none here" in note
        with pytest.warns(CaviarWarning, match="has none here"):
            own.predict(source)
    assert own.prediction(table(dress).drop(columns="y")).notes == ()


@pytest.mark.parametrize("rows", [slice(0, 200), slice(3, 4)])
def test_shares_where_training_had_per_cent_are_refused(tmp_path: Path, rows: slice) -> None:
    own = model(table("{}%"))
    new = pd.DataFrame({"rate": SHARE, "z": Z})[rows]
    new.to_parquet(tmp_path / "n.parquet")
    new.to_csv(tmp_path / "n.csv", index=False)
    for source in (new, tmp_path / "n.parquet", new.to_numpy()):
        with pytest.raises(DataError) as caught:
            own.prediction(source)
        value = new["rate"].iloc[0]
        assert f"{value:g} can be {value:g} % or {value * 100:g} %" in str(caught.value)
        assert "multiply the column by 100" in str(caught.value)
    with pytest.raises(DataError, match="such as"):
        own.prediction(tmp_path / "n.csv")


def test_small_per_cents_are_read_as_they_stand() -> None:
    own = model(table("{}%", 3.0))
    assert len(own.prediction(pd.DataFrame({"rate": SHARE, "z": Z})).notes) == 1
    assert own.prediction(pd.DataFrame({"rate": [0, 1, 0], "z": 0.0})).notes


def test_a_test_table_without_the_unit_of_training() -> None:
    like = read(table("{}%"), "y")
    bare = table("{}%").assign(rate=SHARE * 100)
    assert any("has none here" in note for note in read(bare, "y", like=like).warnings)
    with pytest.raises(DataError, match="multiply the column by 100"):
        read(bare.assign(rate=SHARE), "y", like=like)
    like = read(table("{}%"), "rate")
    assert any("has none here" in note for note in read(bare, "rate", like=like).warnings)
    with pytest.raises(DataError, match="multiply the column by 100"):
        read(bare.assign(rate=SHARE), "rate", like=like)


def test_bare_cells_beside_a_unit_are_shown() -> None:
    cells = [f"{k} km" if k % 2 else f"{k * 1000}" for k in range(1, 101)]
    (note,) = read(pd.DataFrame({"d": cells, "z": Z[:100], "y": Y[:100]}), "y", reading=Reading()).warnings
    assert "km' is" in note
    assert "'2000' is 2000, too" in note


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (0.001, "times 1,000"),
        (0.01, "times 100"),
        (1000, "divided by 1,000"),
        (100, "divided by 100"),
        (1, ""),
        (2, ""),
    ],
)
def test_numbers_in_another_unit_are_noted(factor: float, words: str) -> None:
    values = pd.Series(np.random.default_rng(1).uniform(1000, 9000, 200))
    note = note_on_scale("income", values[:50] * factor, 1000, 9000)
    assert (f"{words} it would be alike" in note) if words else not note
    assert not note_on_scale("income", values[:3] * factor, 1000, 9000)
    assert not note_on_scale("centred", (values - 5000) * min(factor, 1), -4000, 4000), "about zero nothing is known"
