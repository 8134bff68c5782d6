"""Texts for people: numbers, configs, and CSV that is safe to open."""

from __future__ import annotations

import csv
import io
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.errors import DataError
from caviar.report.table import write_csv
from caviar.report.text import config_text, duration, number
from tests.test_house import MODULES, imports


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (125, "2 min 05 s"), (3723, "1 h 02 min")])
def test_duration(seconds: float, text: str):
    assert duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(0.0123456, "0.01235"), (1e-8, "1e-08"), (128.0, "128"), (0.0, "0")])
def test_number(value: float, text: str):
    assert number(value) == text


def test_config_text():
    assert config_text({"learning_rate": 0.0123456, "layers": 3, "batch_norm": True, "optimizer": "adam"}) == (
        "learning_rate 0.01235, layers 3, batch_norm true, optimizer adam"
    )


@given(st.lists(st.text(), min_size=1), st.text(min_size=1))
def test_no_cell_of_a_csv_for_a_spreadsheet_is_a_formula(cells: list[str], heading: str):
    out = io.StringIO()
    write_csv(pd.DataFrame({heading: cells}), out, for_spreadsheet=True)
    back = pd.read_csv(io.StringIO(out.getvalue()), dtype=str, keep_default_na=False, skip_blank_lines=False)
    for text in [*back.columns, *back.iloc[:, 0]]:
        assert not str(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.text().filter(lambda text: "\0" not in text), min_size=1), st.text("abc=+-@'", min_size=1))
def test_text_is_written_as_it_is(cells: list[str], heading: str):
    out = io.StringIO()
    write_csv(pd.DataFrame({heading: cells}), out)
    back = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert back == [[heading], *([cell] for cell in cells)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_no_text_that_it_would_act_on(tmp_path):
    label = "p\x1b[2Jos\u202e\x9b1m\r é\n\t,"
    frame = pd.DataFrame({"prediction": pd.Series([label, None, 7], dtype=object), f"p_{label}": [0.5, 0.25, math.nan]})
    shown, piped = Terminal(), io.StringIO()
    write_csv(frame, shown)
    assert not set("\x1b\u202e\x9b\r") & set(shown.getvalue())
    read = pd.read_csv(io.StringIO(shown.getvalue()))
    escaped = "p\\x1b[2Jos\\u202e\\x9b1m\\r é\n\t,"
    assert read.columns.tolist() == ["prediction", f"p_{escaped}"]
    assert read.prediction.tolist()[0] == escaped
    assert read.prediction.tolist()[2] == "7"
    write_csv(frame, piped)
    write_csv(frame, tmp_path / "a.csv")
    assert piped.getvalue().encode() == (tmp_path / "a.csv").read_bytes()
    assert label in piped.getvalue()


def test_numbers_stay_numbers():
    out = io.StringIO()
    write_csv(pd.DataFrame({"a": [-1.5, 2.0], "b": [-3, 4], "c": ["-5", "six"]}), out, for_spreadsheet=True)
    assert out.getvalue() == "a,b,c\n-1.5,-3,'-5\n2.0,4,six\n"


def test_a_file_that_cannot_be_written_gets_two_lines(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        write_csv(pd.DataFrame({"a": [1]}), tmp_path / "file" / "all.csv")


def test_a_report_draws_views_and_reads_nothing_itself():
    """Views may read the store; only the views of events know the rooms that train."""
    for module in MODULES:
        rooms = {other.split(".")[1] for other in imports(module) if "." in other}
        if module.startswith("caviar.report."):
            assert not rooms & {"study", "runs", "store", "learners", "executors", "scheduling"}, module
        if module.startswith("caviar.views.") and module != "caviar.views.live":
            assert not rooms & {"study", "runs", "executors", "scheduling"}, module
