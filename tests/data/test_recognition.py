"""Columns of text that hold numbers, in files, frames and arrays, in training and in prediction; and what is said."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caviar.data.dataset import prepare
from caviar.data.forms import Forms
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read, read_features
from caviar.data.recognition import recognise
from caviar.data.table import Table
from caviar.errors import DataError
from caviar.records import Reading

RNG = np.random.default_rng(0)
A, B = RNG.normal(20, 5, 300).round(1), RNG.integers(100, 900, 300)
LABEL = np.where(A + B / 50 > 30, "up", "down")


def plain() -> pd.DataFrame:
    return pd.DataFrame({"a": A, "b": B, "y": LABEL})


def dressed() -> pd.DataFrame:
    """The same table as text: decimal commas, a currency, and gaps by several marks."""
    a = [f"{v:.1f}".replace(".", ",") for v in A]
    return pd.DataFrame({"a": a, "b": [f"{v} kg" for v in B], "y": LABEL})


def sources(folder: Path, frame: pd.DataFrame) -> dict[str, object]:
    frame.to_csv(folder / "semicolon.csv", index=False, sep=";")
    frame.to_csv(folder / "comma.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    objects = frame.astype(object)
    return {
        "semicolon": folder / "semicolon.csv",
        "comma": folder / "comma.csv",
        "parquet": folder / "t.parquet",
        "frame": objects,
        "categories no": frame.astype("string"),
    }


COLUMNS = tomllib.loads(Path(__file__).with_name("columns.toml").read_text())["column"]


@pytest.mark.parametrize("column", COLUMNS, ids=[column["name"] for column in COLUMNS])
@pytest.mark.parametrize("dtype", ["object", "str"])
def test_columns_as_they_stand_in_real_tables(column: dict, dtype: str) -> None:
    cells = (column["cells"] * 40)[: max(40, len(column["cells"]))]
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=dtype), "other": np.arange(len(cells)) % 7})
    if column["is"] == "doubt":
        with pytest.raises(DataError) as caught:
            recognise(frame, Reading())
        assert '`text=["x"]`' in str(caught.value) or "`decimal=" in str(caught.value)
        assert recognise(frame, Reading(text=("x",))).frame["x"].tolist() == cells
        return
    found = recognise(frame, Reading())
    kind = {"f": "numbers", "i": "numbers", "M": "dates"}.get(getattr(found.frame["x"].dtype, "kind", "O"), "text")
    assert ("times" if "x" in found.forms.dates and kind == "numbers" else kind) == column["is"]
    if "values" in column:
        assert np.array_equal(found.frame["x"][: len(column["values"])], column["values"], equal_nan=True)
    if kind == "text":
        assert found.frame["x"].tolist() == cells
    else:
        assert any("'x'" in note for note in found.notes), "never in silence"
    again = recognise(frame, Reading(), known=found.forms)
    assert again.frame.equals(found.frame), "and a model reads the same"


def numeric(table: Table) -> list[str]:
    return [name for name, dtype in table.frame.dtypes.items() if getattr(dtype, "kind", "O") in "if"]


def test_the_same_table_in_another_dress_is_the_same_table(tmp_path: Path) -> None:
    whole = read(plain(), "y")
    expected = prepare(whole, 0)
    for name, source in sources(tmp_path, dressed()).items():
        table = read(source, "y")  # type: ignore[arg-type]
        assert table.frame.equals(whole.frame), name
        assert [d.kind for d in table.frame.dtypes] == ["f", "i"], name
        found = prepare(table, 0)
        assert np.array_equal(found.train.x, expected.train.x), name
        assert found.sha256 == expected.sha256, name
        (note,) = [w for w in found.warnings if w.startswith("read as numbers")]
        for word in ("'a' (", "'b' (", "kg' is ", '`text=["a", "b"]`'):
            assert word in note


@pytest.mark.parametrize("mark", ["?", "-", "none", "n.a.", "#DIV/0!", "unknown"])
def test_one_mark_makes_no_categories(tmp_path: Path, mark: str) -> None:
    cells = [str(v) for v in B]
    cells[32] = cells[60] = mark
    frame = plain().assign(b=cells)
    for name, source in sources(tmp_path, frame).items():
        table = read(source, "y")  # type: ignore[arg-type]
        assert numeric(table) == ["a", "b"], name
        assert np.flatnonzero(table.frame["b"].isna()).tolist() == [32, 60]
        (note,) = table.warnings
        assert f"2 cells {mark!r} are taken as missing, the first in row 33" in note


def test_one_mark_in_many_columns_is_said_once() -> None:
    cells = pd.Series([str(v) for v in B])
    marked = {f"c{k}": cells.mask(cells.index == 5 + k, "NA") for k in range(7)}
    frame = plain().assign(
        **marked, d=cells.mask(cells.index == 2, "?"), e=(cells + " kg").mask(cells.index == 9, "NA")
    )
    (note,) = read(frame, "y").warnings
    assert "'c0', 'c1', 'c2', 'c3', 'c4' and 2 more (7 cells 'NA' are taken as missing, the first in row 6)" in note
    assert "'d'" not in note.split(";")[0]
    (note,) = read(frame.drop(columns=["c2", "c3", "c4", "c5", "c6"]), "y").warnings
    assert "'c0', 'c1' (2 cells 'NA' are taken as missing, the first in row 6), 'd' (1 cell '?'" in note
    assert note.count("'NA'") == 2, "a column with a unit has words of its own"


@pytest.mark.parametrize("words", [("1. Yes", "2. No"), ("1. < HS Grad", "2. Some College", "10. Other")])
def test_words_with_numbers_before_them_are_text_without_a_word(words: tuple[str, ...]) -> None:
    found = read(plain().assign(x=[words[k % len(words)] for k in B]), "y")
    assert found.warnings == ()
    assert set(found.frame["x"]) == set(words)


def test_north_dakota_is_a_label() -> None:
    states = ["AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "ND", "NA"]
    label = [states[k % 14] for k in range(300)]
    assert [w for w in read(plain().assign(y=label), "y").warnings if "'NA' (21 rows)" in w and "'ND'" not in w]
    label = ["ND" if one == "ND" else "P" for one in label]
    assert any("'ND'" in w for w in read(plain().assign(y=label), "y").warnings)


def test_a_model_reads_new_files_in_the_dress_of_training_and_refuses_others(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(dressed().to_csv(index=False, sep=";"))
    learned = prepare(read(tmp_path / "train.csv", "y"), 0).preprocessing
    again = Preprocessing.from_dict(learned.to_dict())
    assert again == learned
    expected = learned.apply(plain())
    new = dressed().drop(columns="y")
    new.to_csv(tmp_path / "new.csv", index=False, sep="\t")
    for source in (new, tmp_path / "new.csv"):
        table = read_features(source, learned.text_columns, forms=again.forms)
        assert np.array_equal(again.apply(table.frame), expected)
    for column, cell, words in (
        ("a", "1.5", "row 7, column 'a': it holds numbers in training, got '1.5'"),
        ("b", "12 lb", "row 7, column 'b'"),
        ("b", "12", "such as"),
    ):
        wrong = new.copy()
        wrong.loc[6, column] = cell
        wrong.to_csv(tmp_path / "wrong.csv", index=False, sep=";")
        with pytest.raises(DataError) as caught:
            read_features(tmp_path / "wrong.csv", learned.text_columns, forms=again.forms)
        assert words in str(caught.value)
    gaps = new.assign(b="NA")
    table = read_features(gaps, learned.text_columns, forms=again.forms)
    assert again.apply_with_notes(table.frame)[1].missing == len(gaps)


def test_models_of_earlier_versions_have_no_forms() -> None:
    learned = prepare(read(plain(), "y"), 0).preprocessing
    old = {name: value for name, value in learned.to_dict().items() if name != "forms"}
    assert Preprocessing.from_dict(old).forms == Forms()


def test_a_point_is_a_thousand_in_a_file_with_decimal_commas(tmp_path: Path) -> None:
    rows = "".join(f"{v:.1f};{n}.{n}\n".replace(".", ",", 1) + "" for v, n in zip(A, B, strict=True))
    (tmp_path / "t.csv").write_text("a;b;y\n" + "".join(f"{r};{y}\n" for r, y in zip(rows.split(), LABEL, strict=True)))
    table = read(tmp_path / "t.csv", "y")
    assert table.frame["b"].tolist() == [n * 1000 + n for n in B.tolist()]
    assert table.frame["a"].tolist() == A.tolist()


def test_a_semicolon_file_of_points_alone_is_in_doubt(tmp_path: Path) -> None:
    rows = "".join(f"{n}.{n};{y}\n" for n, y in zip(B, LABEL, strict=True))
    (tmp_path / "t.csv").write_text("b;y\n" + rows)
    with pytest.raises(DataError, match="can be read in two ways") as caught:
        read(tmp_path / "t.csv", "y")
    assert '`decimal=","`' in str(caught.value)
    first = int(B[0])
    for decimal, value in ((".", first * 1.001), (",", first * 1001)):
        table = read(tmp_path / "t.csv", "y", reading=Reading(decimal=decimal))
        assert table.frame["b"].iloc[0] == pytest.approx(value)


def test_another_column_of_text_shows_the_decimal_mark() -> None:
    for cells, value in ((["0.5", "1.5", "?", "?"], 1234), (["0,5", "1,5", "?", "?"], 1.234)):
        frame = pd.DataFrame({"a": ["1,234", "2,345"] * 20, "b": cells * 10, "c": ["7.5", "8.25"] * 20})
        if value == 1.234:
            frame = frame.drop(columns="c")
        assert recognise(frame, Reading()).frame["a"].iloc[0] == value
    mixed = pd.DataFrame({"a": ["1,234", "2,345"], "b": ["0.5", "1.5"], "c": ["0,5", "1,5"]})
    with pytest.raises(DataError, match="two ways"):
        recognise(mixed, Reading())


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("target", [False, True])
def test_german_whole_numbers_are_refused_with_both_readings(tmp_path: Path, separator: str, target: bool) -> None:
    """In files, Parquet and frames, as a feature and as the target; a decimal comma elsewhere settles it."""
    price = RNG.integers(250, 4000, 300)
    cells = [f"{v:,}".replace(",", ".") for v in price]
    frame = plain().assign(c=cells)
    column = "c" if target else "y"
    frame.to_csv(tmp_path / "t.csv", index=False, sep=separator)
    frame.to_parquet(tmp_path / "t.parquet")
    for source in (tmp_path / "t.csv", tmp_path / "t.parquet", frame):
        with pytest.raises(DataError) as caught:
            read(source, column)
        assert "can be read in two ways" in str(caught.value)
        for decimal, scale in ((".", 0.001), (",", 1)):
            table = read(source, column, reading=Reading(decimal=decimal))
            values = table.numbers if target else table.frame["c"]
            assert values is not None
            expected = np.where(price < 1000, price, price * scale)
            assert np.allclose(values.to_numpy(np.float64), expected)
            assert table.frame["a"].tolist() == A.tolist(), "0.5 has a point only"
    for source in (frame, tmp_path / "t.csv"):
        commas = frame.assign(a=[f"{v:.1f}".replace(".", ",") for v in A])
        commas.to_csv(tmp_path / "t.csv", index=False, sep=separator)
        table = read(commas if source is frame else source, column)
        found = table.numbers if target else table.frame["c"]
        assert found is not None
        assert found.tolist() == price.tolist()
        assert any("is " in note and "'c'" in note for note in table.warnings), "never in silence"


def test_thousands_alone_are_whole_in_a_file_of_commas(tmp_path: Path) -> None:
    cells = [f"{v}.000" if v % 3 else "500" for v in range(1, 301)]
    frame = plain().assign(c=cells, a=[f"{v:.1f}".replace(".", ",") for v in A])
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";")
    found = read(tmp_path / "t.csv", "y").frame["c"]
    assert found.tolist() == [v * 1000 if v % 3 else 500 for v in range(1, 301)]


def test_leading_zeros_are_text_and_the_user_has_the_last_word(tmp_path: Path) -> None:
    frame = plain().assign(zip=[f"{n % 9:05}" for n in B])
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = read(tmp_path / "t.csv", "y")
    assert table.frame["zip"].tolist() == frame["zip"].tolist()
    assert "kept as text" in table.warnings[0]
    assert "leading zero" in table.warnings[0]
    table = read(tmp_path / "t.csv", "y", reading=Reading(number=("zip",), text=("b",)))
    assert table.frame["zip"].tolist() == [int(text) for text in frame["zip"]]
    assert table.frame["b"].tolist() == [str(n) for n in B]
    with pytest.raises(DataError, match="did you mean 'zip'"):
        read(tmp_path / "t.csv", "y", reading=Reading(number=("zipp",)))
    with pytest.raises(DataError, match="must hold numbers"):
        read(plain().assign(c="x"), "y", reading=Reading(number=("c",)))


def test_marks_of_the_users_own(tmp_path: Path) -> None:
    frame = plain().assign(c=np.where(B > 500, "x", "none of these"))
    frame.loc[4, "b"] = -200
    frame.to_csv(tmp_path / "t.csv", index=False)
    reading = Reading(missing=("-200", "none of these"))
    table = read(tmp_path / "t.csv", "y", reading=reading)
    assert table.frame["b"].isna().tolist() == [row == 4 for row in range(300)]
    assert table.frame["c"].isna().sum() == (B <= 500).sum()
    learned = prepare(table, 0).preprocessing
    new = read_features(tmp_path / "t.csv", learned.text_columns, forms=learned.forms)
    assert np.array_equal(learned.apply(new.frame), learned.apply(table.frame))


@pytest.mark.parametrize("cells", [B, B.astype(float), [str(v) for v in B], [f"{v}.0" for v in B]])
def test_a_mark_is_a_number_however_it_is_written(tmp_path: Path, cells: object) -> None:
    frame = plain().assign(b=cells)
    hit = frame["b"] == frame["b"].iloc[4]
    reading = Reading(missing=(str(B[4]),))
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";", decimal=",")
    for source in (frame, tmp_path / "t.csv"):
        table = read(source, "y", reading=reading)  # type: ignore[arg-type]
        assert table.frame["b"].isna().tolist() == hit.tolist()
        with pytest.raises(DataError, match="every row must have a label"):
            read(source, "b", reading=reading)  # type: ignore[arg-type]


def test_words_of_missing_values_are_labels_and_categories_like_others(tmp_path: Path) -> None:
    frame = plain().assign(grade=RNG.choice(["NA", "None", "b"], 300), y=RNG.choice(["None", "Mild", "NA"], 300))
    frame.to_csv(tmp_path / "t.csv", index=False)
    for source in (frame, tmp_path / "t.csv"):
        found = prepare(read(source, "y"), 0)  # type: ignore[arg-type]
        assert found.preprocessing.classes == ("Mild", "NA", "None")
        assert found.preprocessing.texts[0].categories == ("NA", "None", "b")
        assert any("a class like any other: " in w and "'None'" in w for w in found.warnings)


TARGETS = {
    "decimal commas": [f"{v:.1f}".replace(".", ",") for v in A],
    "currency": [f"${v * 100:,.2f}" for v in A],
    "unit": [f"{v:.1f} kg" for v in A],
    "percent": [f"{v:.1f}%" for v in A],
}


@pytest.mark.parametrize("dress", TARGETS)
def test_a_target_in_a_dress_is_a_number(tmp_path: Path, dress: str) -> None:
    frame = plain().drop(columns="y").assign(price=TARGETS[dress])
    numbers = A * 100 if dress == "currency" else A
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for source in (frame, tmp_path / "t.csv", tmp_path / "t.parquet"):
        found = prepare(read(source, "price"), 0)  # type: ignore[arg-type]
        assert found.preprocessing.regression
        decoded = found.preprocessing.decode(found.train.y)
        assert set(decoded.round(3)) <= set(numbers.round(3))
        assert any("the target 'price' is read as numbers" in w for w in found.warnings)


@pytest.mark.parametrize("cell", ["?", "n.a.", "<0.1", "#DIV/0!", "closed"])
def test_a_cell_that_is_no_number_makes_no_classes_of_a_target(tmp_path: Path, cell: str) -> None:
    price = [f"{v:.1f}" for v in A]
    price[32] = cell
    frame = plain().drop(columns="y").assign(price=price)
    frame.to_csv(tmp_path / "t.csv", index=False)
    for source in (frame, tmp_path / "t.csv"):
        for task in (None, "regression"):
            with pytest.raises(DataError) as caught:
                prepare(read(source, "price"), 0, task=task)  # type: ignore[arg-type]
            assert "row 33" in str(caught.value)
            assert repr(cell) in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["01", "02", "10"], ("01", "02", "10")),
        (["1.0", "2.0", "3.0"], ("1.0", "2.0", "3.0")),
        (["+1", "-1", "+1"], ("+1", "-1")),
        (["1", "2", "3"], (1, 2, 3)),
        (["TRUE", "FALSE", "TRUE"], ("FALSE", "TRUE")),
        (["10%", "20%", "30%"], ("10%", "20%", "30%")),
        (["-10.000)", "=x", "@y"], ("-10.000)", "=x", "@y")),
        (["up", "up ", "Up"], ("Up", "up", "up ")),
        (["1", "1 ", "2"], ("1", "1 ", "2")),
    ],
)
def test_labels_of_a_file_are_as_they_came(tmp_path: Path, labels: list[str], classes: tuple) -> None:
    frame = plain().assign(y=np.array(labels, dtype=object)[np.arange(300) % 3])
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = prepare(read(tmp_path / "t.csv", "y"), 0)
    assert found.preprocessing.classes == classes
    assert found.preprocessing.encode(frame["y"]).tolist() == [
        found.preprocessing.classes.index(type(classes[0])(label)) for label in frame["y"]
    ]
    if "1 " in labels:
        assert any("are the same number" in w for w in found.warnings)
    if "up " in labels:
        assert any("only in blanks or upper case" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (RNG.poisson(80, 6000), "regression"),
        (RNG.integers(17, 90, 3000), "regression"),
        (RNG.integers(0, 26, 3000), "classification"),
        (RNG.integers(1, 6, 300), "classification"),
        (RNG.permutation(np.arange(18).repeat(2)), "regression"),
        (RNG.integers(20, 400, 300) * 1000, "regression"),
        (np.clip(RNG.poisson(9, 4000), 1, 29), "regression"),
    ],
)
def test_the_task_is_always_said(values: np.ndarray, task: str) -> None:
    found = prepare(read((RNG.normal(size=(len(values), 2)), values)), 0)
    assert found.facts["task"] == task
    (note,) = [w for w in found.warnings if "different whole numbers" in w]
    other = "regression" if task == "classification" else "classification"
    assert f'`task="{other}"`' in note


def test_postal_codes_are_no_numbers(tmp_path: Path) -> None:
    frame = plain().assign(zipcode=98000 + B % 7)
    frame.to_csv(tmp_path / "t.csv", index=False)
    gaps = frame.assign(zipcode=frame["zipcode"].astype(float).where(B > 120))
    gaps.to_csv(tmp_path / "g.csv", index=False)
    learned = prepare(read(tmp_path / "t.csv", "y"), 0).preprocessing
    assert learned.text_columns == ("zipcode",)
    for source in (frame, tmp_path / "t.csv", gaps, tmp_path / "g.csv"):
        new = read_features(source, learned.text_columns, forms=learned.forms)
        assert learned.apply_with_notes(new.frame)[1].unknown == {}
    assert any("postal codes" in note for note in read(frame, "y").warnings)
    assert "zipcode" in numeric(read(frame, "y", reading=Reading(number=("zipcode",))))
    assert "zipcode" in numeric(read(frame.assign(zipcode=np.arange(300) + 10000), "y"))


@pytest.mark.parametrize("decimal", ["", "x", "., "])
def test_a_decimal_mark_is_a_point_or_a_comma(decimal: str) -> None:
    with pytest.raises(DataError, match="`decimal` must be a point or a comma"):
        read(plain(), "y", reading=Reading(decimal=decimal))


def test_truth_values_go_on_as_numbers(tmp_path: Path) -> None:
    frame = plain().assign(flag=B % 2)
    learned = prepare(read(frame, "y"), 0).preprocessing
    expected = learned.apply(frame)
    for cells in (B % 2 == 1, np.where(B % 2, "True", "False"), np.where(B % 2, "TRUE", "false")):
        new = plain().assign(flag=cells)
        new.to_csv(tmp_path / "n.csv", index=False)
        for source in (new, tmp_path / "n.csv"):
            table = read_features(source, learned.text_columns, forms=learned.forms)
            assert np.array_equal(learned.apply(table.frame), expected)
    with pytest.raises(DataError, match="got 'yes'"):
        learned.apply(plain().assign(flag=np.where(B % 2, "True", "yes")))


def test_units_that_differ_are_not_dropped_without_a_word() -> None:
    cells = [f"{v / 10} kg" if v % 3 else f"{v * 100} g" for v in B]
    (note,) = read(plain().assign(weight=cells), "y").warnings
    assert "units differ, 'kg' in most cells, and 'g'" in note
    assert "what is none is missing, and so are cells in another unit than most" in note
    forced = read(plain().assign(weight=cells), "y", reading=Reading(number=("weight",)))
    assert forced.frame["weight"].isna().tolist() == [v % 3 == 0 for v in B]
    assert any("cells" in note and "are taken as missing" in note for note in forced.warnings)
