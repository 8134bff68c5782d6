"""One law for all tables: in another dress, in another file, with dirt, a table is the same table.

Tables are drawn with columns of numbers, dates and words. Each is written once plainly and once as people write it.
What
is read must be the same, numbers never become categories in silence, and labels come back as they were written.
"""

from __future__ import annotations

import datetime
import io
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caviar.data.dataset import prepare
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read, read_features
from caviar.data.table import Table

ROWS = 40
MARKS = ["?", "NA", "-", "--", "n/a", "none", "unknown", "#DIV/0!", "", "nan", "."]
WORDS = [
    column["cells"]
    for column in tomllib.loads(Path(__file__).with_name("columns.toml").read_text())["column"]
    if column["is"] == "text" and not any(mark in column["cells"] for mark in ("", "nan"))
]
LABELS = [
    ["01", "02", "10"],
    ["None", "Mild", "NA"],
    ["TRUE", "FALSE"],
    ["-10.000)", "=x", "@y"],
    ["1.0", "2.0"],
    ["up", "down", "up "],
    ["+1", "-1"],
    ["1", "2", "3"],
    ["2020-01-01", "2020-01-02"],
    ["10%", "20%"],
]


@st.composite
def numbers(draw: st.DrawFn, decimal: str) -> tuple[list[float], list[str]]:
    """Values, and the cells that they are written in."""
    places = draw(st.integers(0, 2))
    values = draw(st.lists(st.integers(-(10**6), 10**6), min_size=ROWS, max_size=ROWS, unique=True))
    group = draw(st.sampled_from(["", "", "'", "\N{NO-BREAK SPACE}", ",", "."])) if places else ""
    group = "" if group == decimal else group
    dress = draw(st.sampled_from(["{}", "{}", "{} kg", "{} €", "${}", "{}%", "EUR {}", "{} CC"]))
    minus = draw(st.sampled_from(["-", "\N{MINUS SIGN}"]))
    values[0] = 1234567 if places else values[0]  # 12345.67 shows the marks
    cells = []
    for value in values:
        text = f"{abs(value) / 10**places:,.{places}f}".translate({ord(","): group or None, ord("."): decimal})
        cells.append((minus if value < 0 else "") + dress.format(text))
    numbers = [value / 10**places for value in values]
    marks = draw(st.lists(st.tuples(st.integers(1, ROWS - 1), st.sampled_from(MARKS)), max_size=6))
    for row, mark in marks:
        cells[row], numbers[row] = mark, np.nan
    return numbers, cells


DAYS = ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %b %Y", "%Y-%m-%dT%H:%M:%S", "%b %d, %Y"]
DAYS += ["%m/%d/%Y %I:%M %p"]


@st.composite
def dates(draw: st.DrawFn) -> tuple[list[datetime.datetime], list[str]]:
    first, last = datetime.datetime(1980, 1, 1), datetime.datetime(2060, 1, 1)
    days = draw(st.lists(st.datetimes(first, last), min_size=ROWS, max_size=ROWS, unique_by=datetime.datetime.date))
    days[0] = datetime.datetime(2020, 1, 31)  # a day above 12
    form = draw(st.sampled_from(DAYS))
    days = [datetime.datetime.strptime(day.strftime(form), form) for day in days]
    return days, [day.strftime(form) for day in days]


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """A plain table, the same in a dress, and its decimal mark."""
    decimal = draw(st.sampled_from(".,"))
    plain, dressed = {}, {}
    for k in range(draw(st.integers(1, 3))):
        plain[f"n{k}"], dressed[f"n{k}"] = draw(numbers(decimal))
    if draw(st.booleans()):
        plain["when"], dressed["when"] = draw(dates())
    for k in range(draw(st.integers(0, 2))):
        words = draw(st.sampled_from(WORDS))
        plain[f"w{k}"] = dressed[f"w{k}"] = (words * ROWS)[:ROWS]
    labels = draw(st.sampled_from(LABELS))
    plain["y"] = dressed["y"] = (labels * ROWS)[:ROWS]
    frame = pd.DataFrame(plain)
    if "when" in plain:
        frame["when"] = frame["when"].astype("datetime64[us]")
    return frame, pd.DataFrame(dressed), decimal


def written(draw: st.DrawFn, frame: pd.DataFrame, folder: Path) -> object:
    """The source that ``frame`` is read from."""
    kind = draw(st.sampled_from(["csv", "csv", "frame", "parquet"]))
    if kind == "frame":
        return frame.astype(object)
    if kind == "parquet":
        frame.to_parquet(folder / "t.parquet")
        return folder / "t.parquet"
    text = frame.to_csv(
        index=False,
        sep=draw(st.sampled_from(",;\t|")),
        quoting=draw(st.sampled_from([0, 1])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    above = draw(st.sampled_from(["", "# exported\n", "\ufeff", "Title\n\n"]))
    path = folder / "t.csv"
    path.write_bytes((above + text).encode())
    return path


def same(found: Table, expected: Table) -> None:
    assert list(found.frame.columns) == list(expected.frame.columns)
    for name in expected.frame.columns:
        a, b = found.frame[name], expected.frame[name]
        if name.startswith("n"):
            assert getattr(a.dtype, "kind", "O") in "if", name
            assert np.array_equal(a.to_numpy(np.float64), b.to_numpy(np.float64), equal_nan=True), name
        else:
            assert a.tolist() == b.tolist(), name


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables(), st.data())
def test_a_table_in_a_dress_is_the_table(drawn: tuple[pd.DataFrame, pd.DataFrame, str], data: st.DataObject) -> None:
    plain, dressed, _ = drawn
    expected = read(plain, "y")
    with tempfile.TemporaryDirectory() as folder:
        source = written(data.draw, dressed, Path(folder))  # type: ignore[arg-type]
        found = read(source, "y")  # type: ignore[arg-type]
        same(found, expected)
        assert found.target is not None
        labels = [str(label) for label in found.target.tolist()]
        assert labels == dressed["y"].tolist(), "labels as they were written"
        one, two = prepare(found, 0), prepare(expected, 0)
        assert np.array_equal(one.train.x, two.train.x)
        assert np.array_equal(one.validation.x, two.validation.x)
        learned = Preprocessing.from_dict(one.preprocessing.to_dict())
        classes = np.array(learned.classes, dtype=object)
        assert [str(label) for label in classes[learned.encode(dressed["y"])]] == labels
        new = read_features(source, learned.text_columns, forms=learned.forms)
        assert np.array_equal(learned.apply(new.frame), two.preprocessing.apply(expected.frame))
    for name, column in dressed.items():
        silent = not any(f"'{name}'" in note for note in found.warnings)
        numeric = pd.to_numeric(column.replace("", None), errors="coerce").isna().sum() == (column == "").sum()
        assert not silent or numeric or not str(name).startswith(("n", "when")), name


def test_the_words_are_text_in_files_too() -> None:
    for words in WORDS:
        frame = pd.DataFrame({"x": (words * ROWS)[:ROWS], "n": range(ROWS), "y": ["a", "b"] * (ROWS // 2)})
        found = pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str, keep_default_na=False)
        assert found["x"].tolist() == frame["x"].tolist()
