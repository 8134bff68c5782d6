"""A column with one value and blanks is present or absent, in every file and dress, in training and in prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caviar.data.dataset import prepare
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read, read_features
from caviar.records import Reading

RNG = np.random.default_rng(0)
TICKED = RNG.random(200) < 0.4
X = RNG.normal(size=200).round(3)
Y = np.where(TICKED, "in", "out")
BOXES = {
    "1": np.where(TICKED, "1", ""),
    "1.0": np.where(TICKED, "1.0", ""),
    "True": np.where(TICKED, "True", ""),
    "x": np.where(TICKED, "x", ""),
    "yes": np.where(TICKED, "yes", ""),
    "2020": np.where(TICKED, "2020", ""),
    "float": np.where(TICKED, 1.0, np.nan),
    "truth": np.where(TICKED, True, None),
    "whole": pd.array(np.where(TICKED, 1, 0), dtype="Int64").copy(),
}
BOXES["whole"][~TICKED] = pd.NA


def sources(folder: Path, frame: pd.DataFrame) -> dict[str, object]:
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_csv(folder / "s.csv", index=False, sep=";")
    blank = frame.assign(paid=frame["paid"].replace("", None)) if frame["paid"].dtype == object else frame
    blank.to_parquet(folder / "t.parquet")
    return {"csv": folder / "t.csv", "semicolons": folder / "s.csv", "parquet": folder / "t.parquet", "frame": blank}


@pytest.mark.parametrize("box", BOXES)
def test_a_box_is_ticked_or_empty(tmp_path: Path, box: str) -> None:
    frame = pd.DataFrame({"paid": pd.Series(BOXES[box]), "x": X, "y": Y})
    if frame["paid"].dtype != object and isinstance(frame["paid"].iloc[0], str):
        frame["paid"] = frame["paid"].astype(object)
    for name, source in sources(tmp_path, frame).items():
        found = prepare(read(source, "y"), 0)  # type: ignore[arg-type]
        assert found.preprocessing.text_columns == ("paid",), name
        assert not any("constant" in note for note in found.warnings), name
        (note,) = [note for note in found.warnings if "taken as present or absent" in note]
        assert f"in {TICKED.sum()} rows, blank in {(~TICKED).sum()}" in note
        assert '`ignore=["paid"]`' in note
        learned = Preprocessing.from_dict(found.preprocessing.to_dict())
        expected = np.column_stack([TICKED, ~TICKED])
        for again, new in sources(tmp_path / "new", frame.drop(columns="y")).items():
            table = read_features(new, learned.text_columns, forms=learned.forms)
            inputs, notes = learned.apply_with_notes(table.frame)
            assert np.array_equal(inputs[:, 1:], expected), (name, again)
            assert notes.unknown == {}
            assert notes.missing == 0, "an empty box lacks nothing"


DRESSES = [
    np.where(TICKED, 1.0, np.nan),
    np.where(TICKED, 1, 0),
    np.where(TICKED, True, False),
    np.where(TICKED, "True", "False").astype(object),
    np.where(TICKED, "true", None),
    np.where(TICKED, "1", "NA").astype(object),
    np.where(TICKED, "1.0", "0").astype(object),
    np.where(TICKED, "x", None),
    np.where(TICKED, "Yes", "no").astype(object),
    np.where(TICKED, "\N{CHECK MARK}", "").astype(object),
]


@pytest.mark.parametrize("kind", range(len(DRESSES)))
@pytest.mark.parametrize("box", ["1", "True", "float", "truth", "x"])
def test_a_model_finds_the_box_in_another_dress(tmp_path: Path, box: str, kind: int) -> None:
    paid = pd.Series(BOXES[box], dtype=object).replace("", None)
    learned = prepare(read(pd.DataFrame({"paid": paid, "x": X, "y": Y}), "y"), 0)
    new = pd.DataFrame({"paid": DRESSES[kind], "x": X})
    new.to_csv(tmp_path / "n.csv", index=False)
    for source in (new, tmp_path / "n.csv"):
        forms, texts = learned.preprocessing.forms, learned.preprocessing.text_columns
        inputs = learned.preprocessing.apply(read_features(source, texts, forms=forms).frame)
        assert np.array_equal(inputs[:, 1], TICKED)
        test = read(new.assign(y=Y), "y", like=read(pd.DataFrame({"paid": BOXES["float"], "x": X, "y": Y}), "y"))
        assert test.frame["paid"].notna().tolist() == TICKED.tolist()


def test_the_user_has_the_last_word_and_other_columns_are_left_alone() -> None:
    frame = pd.DataFrame(
        {
            "paid": BOXES["float"],
            "two": np.where(TICKED, 1, X),
            "full": 1.0,
            "dark": np.where(TICKED, 0, np.nan),
            "x": X,
            "y": Y,
        }
    )
    frame.loc[5, "two"] = np.nan
    table = read(frame, "y")
    assert table.forms.checkboxes == {"paid": "1"}
    numbers = read(frame, "y", reading=Reading(number=("paid",)))
    assert numbers.frame["paid"].dtype == np.float64
    assert read(frame, "y", reading=Reading(missing=("1",))).forms.checkboxes == {}
    groups = read(frame, "y", reading=Reading(group="paid"))
    assert groups.forms.checkboxes == {}
