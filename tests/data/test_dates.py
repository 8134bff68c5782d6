"""Dates as people write them, and the numbers that become of them, held to pandas."""

from __future__ import annotations

import datetime
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.data.dataset import prepare
from caviar.data.date_columns import features_of, learn_dates
from caviar.data.dates import CLOCK, ORDERS, Dates, dates_of, hours, moment
from caviar.data.forms import Forms
from caviar.data.preprocessing import Preprocessing
from caviar.data.read import read, read_features
from caviar.data.recognition import recognise
from caviar.data.verdicts import Doubt, Words
from caviar.errors import DataError, ModelError
from caviar.records import Reading


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2020-01-31", "2020-01-31"),
        ("2020/1/3", "2020-01-03"),
        ("20200131", "2020-01-31"),
        ("20141013T000000", "2014-10-13"),
        ("31 Jan 2020", "2020-01-31"),
        ("31-Jan-20", "2020-01-31"),
        ("1. March 2020", "2020-03-01"),
        ("13th March 2020", "2020-03-13"),
        ("Jan 31, 2020", "2020-01-31"),
        ("Mon, 12 Mar 2020", "2020-03-12"),
        ("Sept 2020", "2020-09-01"),
        ("2020-03", "2020-03-01"),
        ("Mar-20", "2020-03-01"),
        ("March 98", "1998-03-01"),
        ("2020Q2", "2020-04-01"),
        ("2020-Q4", "2020-10-01"),
        ("Q1-2020", "2020-01-01"),
        ("Q3 2020", "2020-07-01"),
        ("3Q2020", "2020-07-01"),
        ("2020-W05", "2020-01-27"),
        ("2020W1", "2019-12-30"),
        ("2020-W05-3", "2020-01-29"),
        ("03/2020", "2020-03-01"),
        ("2020-01-31T10:00:00Z", "2020-01-31T10:00"),
        ("2020-01-31 10:00:00.125+01:00", "2020-01-31T10:00:00.125"),
        ("January 5, 2020 6:30 PM", "2020-01-05T18:30"),
        ("Mon Apr 06 22:19:45 PDT 2009", "2009-04-06T22:19:45"),
    ],
)
def test_a_date_that_can_be_read_in_one_way(text: str, date: str) -> None:
    for order in ORDERS:
        assert moment(text, order) == datetime.datetime.fromisoformat(date)


NO_DATES = """
2020-02-30 31/31/2020 1.2.3 2019-20 10-20 555-12-1234 192.168.0.1 12 2020-W60 Q5-2020 Foo-20 2020 45678 x 24:00
1990-91 V1.2 2020-13 99999999
"""


@pytest.mark.parametrize("text", NO_DATES.split())
def test_what_is_no_date(text: str) -> None:
    assert {moment(text, order) for order in ORDERS} == {None}


@given(st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2060, 1, 1)), st.sampled_from(["%Y", "%y"]))
def test_dates_are_read_back_in_the_order_that_they_have(date: datetime.datetime, year: str) -> None:
    date = date.replace(microsecond=0)
    year = "%Y" if date.year >= 2069 else year
    for order, pattern in (
        ("dmy", f"%d/%m/{year}"),
        ("mdy", f"%m/%d/{year}"),
        ("dmy", f"%d.%m.{year}"),
        ("ymd", "%Y-%m-%d"),
    ):
        for clock in ("%H:%M:%S", "%I:%M:%S %p"):
            assert moment(date.strftime(f"{pattern} {clock}"), order) == date
            assert moment(date.strftime(pattern), order) == datetime.datetime.combine(date, datetime.time())


@given(st.text(max_size=50))
def test_no_text_breaks_it(text: str) -> None:
    for order in ORDERS:
        moment(text, order)
    assert hours(text) is None or math.isfinite(hours(text) or 0)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("18:30", 18.5),
        ("18.30.00", 18.5),
        ("6:30 PM", 18.5),
        ("12:15 am", 0.25),
        ("125:30", 125.5),
        ("0:00:36", 0.01),
        ("2h 30m", 2.5),
        ("1 day, 6 hours", 30),
        ("90 min", 1.5),
        ("36s", 0.01),
    ],
)
def test_times_alone_are_hours(text: str, hour: float) -> None:
    assert hours(text) == pytest.approx(hour)
    for other in ("18.30", "1:2", "13:00 PM", "18:60", "a"):
        assert hours(other) is None


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["13/01/2020", "02/03/2020"], "dmy"),
        (["01/13/2020", "02/03/2020"], "mdy"),
        (["10.03.2004", "11.03.2004"], "dmy"),
        (["2020-01-02", "2020-03-04"], "ymd"),
        (["18:30", "7:15"], CLOCK),
        (["18.00.00", "19.00.00"], CLOCK),
        (["2h 50m", "19h", "45m"], CLOCK),
        (["99-12-31", "99-12-30"], "ymd"),
        (["05/05/2020", "06/06/2020"], "dmy"),
    ],
)
def test_a_day_above_12_shows_the_order(cells: list[str], order: str) -> None:
    found = dates_of(Counter(cells))
    assert isinstance(found, Dates)
    assert found.notation.order == order
    again = dates_of(Counter([*cells, "?"]))
    assert isinstance(again, Dates)
    assert again.marks == ("?",)


def test_an_order_that_nothing_shows_is_refused_with_both() -> None:
    doubtful = Counter(["01/02/2020", "03/04/2020"])
    found = dates_of(doubtful)
    assert isinstance(found, Doubt)
    for words in ("01 February 2020", "02 January 2020", "%d/%m/%Y", "%m/%d/%Y"):
        assert words in found.rule + found.way_out
    for usual in ("dmy", "mdy"):
        for settled in (dates_of(doubtful, usual=usual), dates_of(doubtful, order=usual)):
            assert isinstance(settled, Dates)
            assert settled.notation.order == usual
    mixed = dates_of(Counter(["13/01/2020", "01/13/2020"]))
    assert isinstance(mixed, Doubt)
    assert "both" in mixed.rule


@pytest.mark.parametrize(
    "cells",
    [
        ["1.2.3", "1.2.4"],
        ["2009-10", "2010-11", "2013-14", "2014-15"],
        ["10-20", "20-30"],
        ["a", "b", "2020-01-01"],
        ["2020-01-01"],
        ["may", "june"],
        ["5 m", "10 m"],
    ],
)
def test_text_is_no_date(cells: list[str]) -> None:
    assert isinstance(dates_of(Counter(cells)), Words)


@pytest.mark.parametrize(
    ("years", "first", "last"),
    [
        (range(1935, 2004), 1935, 2003),
        (range(1928, 2004), 1928, 2003),
        (range(1935, 1969), 1935, 1968),
        (range(1969, 1999), 1969, 1998),
        (range(1995, 2026), 1995, 2025),
        (range(2000, 2026), 2000, 2025),
        (range(2020, 2046), 2020, 2045),
        (range(2026, 2028), 2026, 2027),
        (range(1945, 1947), 1945, 1946),
    ],
)
@pytest.mark.parametrize("form", ["%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%y", "%b-%y"])
def test_years_of_two_digits_have_one_century(tmp_path: Path, years: range, first: int, last: int, form: str) -> None:
    """Births are never in the future, and the note says the years; a model keeps them for new rows."""
    days = [datetime.datetime(year, month, 13) for year in years for month in (2, 11)]
    days = [day.replace(day=1) for day in days] if form == "%b-%y" else days
    frame = pd.DataFrame({"when": [day.strftime(form) for day in days], "y": ["p", "q"] * len(years)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for source in (frame, tmp_path / "t.csv", tmp_path / "t.parquet"):
        table = read(source, "y")  # type: ignore[arg-type]
        assert table.frame["when"].tolist() == days
        assert any(f"years of two digits are {first} to {last}" in note for note in table.warnings)
        again = Forms.from_dict(json.loads(json.dumps(table.forms.to_dict())))
        one = read_features(frame.iloc[:1], forms=again).frame["when"]
        assert one.tolist() == days[:1]


def test_models_of_earlier_versions_count_years_of_two_digits_as_posix_does() -> None:
    old = {"dates": {"when": {"order": "dmy", "missing": [], "example": "01.02.20"}}}
    assert Forms.from_dict(old).dates["when"].value("01.02.68") == datetime.datetime(2068, 2, 1)


@pytest.mark.parametrize("form", ["%b-%y", "%B %Y", "%m/%Y", "%Y-%m", "%d.%m.%Y %H:%M", "%Y-%m-%d"])
def test_the_form_that_the_user_names_is_taken(form: str) -> None:
    frame = pd.DataFrame({"when": DAYS.dt.strftime(form), "a": NOISE, "y": LABEL})
    table = read(frame, "y", reading=Reading(date=(f"when={form}",)))
    expected = [datetime.datetime.strptime(day, form) for day in frame["when"]]
    assert table.frame["when"].tolist() == expected


def test_a_form_without_a_year_is_refused() -> None:
    frame = pd.DataFrame({"when": DAYS.dt.strftime("%d-%b"), "a": NOISE, "y": LABEL})
    with pytest.raises(DataError, match="a year and a month, got '%d-%b'"):
        read(frame, "y", reading=Reading(date=("when=%d-%b",)))
    with pytest.raises(DataError, match="none that can be read: the first cell is '01-Jan'"):
        read(frame, "y", reading=Reading(date=("when",)))


@given(
    st.lists(
        st.datetimes(datetime.datetime(1600, 1, 1), datetime.datetime(2250, 1, 1)) | st.none(), min_size=1, max_size=20
    )
)
def test_features_as_pandas(dates: list) -> None:
    column = pd.Series(np.array(dates, dtype="datetime64[us]"))
    start = np.datetime64("2000-01-01")
    found = features_of(column.to_numpy(), start)
    oracle = {
        "year": column.dt.year,
        "month": column.dt.month,
        "day": column.dt.day,
        "weekday": column.dt.day_of_week,
        "hour": (column - column.dt.normalize()) / pd.Timedelta(1, "h"),
        "days": (column - pd.Timestamp(start)) / pd.Timedelta(1, "D"),
    }
    for name, values in oracle.items():
        np.testing.assert_allclose(found[name], values.to_numpy(np.float64), rtol=1e-12, err_msg=name)


DAYS = pd.Series(pd.date_range("2020-01-01 06:30", periods=300, freq="31h"))
LABEL = np.where(DAYS.dt.day_of_week < 4, "p", "q")
NOISE = np.random.default_rng(0).normal(size=300).round(3)
EXPECTED = prepare(read(pd.DataFrame({"a": NOISE, "when": DAYS, "y": LABEL}), "y"), 0)

WRITTEN = {
    "iso": DAYS.dt.strftime("%Y-%m-%d %H:%M"),
    "t and zone": DAYS.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "dmy": DAYS.dt.strftime("%d/%m/%Y %H:%M"),
    "mdy": DAYS.dt.strftime("%m/%d/%y %I:%M %p"),
    "points": DAYS.dt.strftime("%d.%m.%Y %H:%M"),
    "names": DAYS.dt.strftime("%d %b %Y %H:%M"),
    "pandas": DAYS,
    "zone": DAYS.dt.tz_localize("Asia/Tokyo"),
    "nanoseconds": DAYS.astype("datetime64[ns]"),
    "python": pd.Series(DAYS.dt.to_pydatetime(), dtype=object),
}


@pytest.mark.parametrize("dress", WRITTEN)
def test_the_same_dates_in_another_dress_are_the_same_table(tmp_path: Path, dress: str) -> None:
    frame = pd.DataFrame({"a": NOISE, "when": WRITTEN[dress], "y": LABEL})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for source in (frame, tmp_path / "t.csv", tmp_path / "t.parquet"):
        found = prepare(read(source, "y"), 0)  # type: ignore[arg-type]
        assert found.sha256 == EXPECTED.sha256
        assert np.array_equal(found.train.x, EXPECTED.train.x)
        (note,) = [w for w in found.warnings if w.startswith("dates become numbers: 'when'")]
        for word in ("year, month, day, weekday, hour, days since the first", '`text=["when"]`', '`ignore=["when"]`'):
            assert word in note
        again = Preprocessing.from_dict(json.loads(json.dumps(found.preprocessing.to_dict())))
        assert again == found.preprocessing
        new = read_features(source, again.text_columns, forms=again.forms)
        assert np.array_equal(again.apply(new.frame), EXPECTED.preprocessing.apply(new.frame))


def test_they_are_learned_on_the_training_rows_alone() -> None:
    whole = EXPECTED.preprocessing.dates[0]
    assert whole.features == ("year", "month", "day", "weekday", "hour", "days")
    few = learn_dates("when", DAYS.iloc[:5])
    assert few is not None
    assert few.features == ("day", "weekday", "hour", "days")
    assert few.start == "2020-01-01"
    out = np.zeros((300, few.width), dtype=np.float32)
    assert few.apply(DAYS.mask(DAYS.index < 3), out) == 3
    assert not out[:3].any()
    assert learn_dates("when", DAYS.iloc[:1]) is None
    assert learn_dates("when", DAYS.mask(DAYS.index >= 0)) is None


def test_a_new_cell_must_fit(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": NOISE, "when": WRITTEN["dmy"], "y": LABEL})
    learned = prepare(read(frame, "y"), 0).preprocessing
    new = frame.drop(columns="y")
    new.loc[6, "when"] = "2020-13-01"
    new.to_csv(tmp_path / "n.csv", index=False)
    for source in (new, tmp_path / "n.csv"):
        with pytest.raises(DataError, match="row 7, column 'when': it holds dates in training, got '2020-13-01'"):
            read_features(source, learned.text_columns, forms=learned.forms)
    new.loc[6, "when"] = "NA"
    table = read_features(new, learned.text_columns, forms=learned.forms)
    assert learned.apply_with_notes(table.frame)[1].missing == 1
    with pytest.raises(DataError, match="must hold dates"):
        learned.apply(frame.assign(when=[[1]] * 300))


def test_whole_numbers_that_are_all_days_are_dates(tmp_path: Path) -> None:
    compact = pd.DataFrame({"a": NOISE, "when": DAYS.dt.strftime("%Y%m%d").astype(int), "y": LABEL})
    compact.to_csv(tmp_path / "t.csv", index=False)
    for source in (compact, tmp_path / "t.csv"):
        table = read(source, "y")  # type: ignore[arg-type]
        assert table.frame["when"].dt.strftime("%Y%m%d").astype(int).tolist() == compact["when"].tolist()
    compact.loc[5, "when"] = 20201301
    assert read(compact, "y").frame["when"].dtype.kind == "i"


def test_the_user_has_the_last_word(tmp_path: Path) -> None:
    doubtful = DAYS.dt.day.map(lambda day: f"{day % 12 + 1:02}") + "/0" + (DAYS.dt.month % 9 + 1).astype(str) + "/2020"
    frame = pd.DataFrame({"a": NOISE, "when": doubtful, "y": LABEL})
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError) as caught:
        read(tmp_path / "t.csv", "y")
    assert '`date=["when=%d/%m/%Y"]`' in str(caught.value)
    first = read(tmp_path / "t.csv", "y", reading=Reading(date=("when=%d/%m/%Y",))).frame["when"]
    second = read(tmp_path / "t.csv", "y", reading=Reading(date=("when=%m/%d/%Y",))).frame["when"]
    assert (first.dt.day == second.dt.month).all()
    assert read(tmp_path / "t.csv", "y", reading=Reading(text=("when",))).frame["when"].tolist() == doubtful.tolist()
    with pytest.raises(DataError, match="must hold dates"):
        read(frame, "y", reading=Reading(date=("a",), text=("when",)))
    with pytest.raises(DataError, match="`date` must name columns"):
        read(frame, "y", reading=Reading(date=("wen",)))
    other = frame.assign(other=WRITTEN["mdy"])
    assert read(other, "y").frame["when"].equals(second), "another column shows the order"


def test_times_alone_are_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"time": DAYS.dt.strftime("%H.%M.%S"), "y": LABEL})
    table = read(frame, "y")
    assert table.frame["time"].tolist() == (DAYS.dt.hour + DAYS.dt.minute / 60).tolist()
    assert "times become hours: 'time'" in table.warnings[0]
    objects = read(frame.assign(time=DAYS.dt.time, span=DAYS - DAYS[0]), "y").frame
    assert objects["time"].tolist() == table.frame["time"].tolist()
    assert objects["span"].tolist() == ((DAYS - DAYS[0]) / pd.Timedelta(1, "D")).tolist()


@pytest.mark.parametrize(
    "change",
    [{"features": ["year"]}, {"features": ["century"] * 6}, {"deviation": [0.0] * 6}, {"start": "x"}, {"start": "NaT"}],
)
def test_damaged_dates_are_refused(change: dict) -> None:
    data = EXPECTED.preprocessing.to_dict()
    data["dates"] = [data["dates"][0] | change]
    with pytest.raises(ModelError):
        Preprocessing.from_dict(data)
    with pytest.raises(ModelError):
        Preprocessing.from_dict(data | {"dates": [], "forms": {"dates": {"when": {"order": "x"}}}})


@pytest.mark.parametrize(
    ("cells", "noted"),
    [
        (["03/04/2020"] * 9, True),
        (["03/04/2020"] * 8 + ["13/04/2020"], False),
        (["03.04.2020"] * 9, False),
        (["2020-04-03"] * 9, False),
    ],
)
def test_a_model_says_in_which_order_it_reads_dates_with_another_mark(cells: list[str], noted: bool) -> None:
    days = pd.date_range("2020-01-01", periods=60, freq="3D").strftime("%d.%m.%Y").astype(object)
    learned = recognise(pd.DataFrame({"day": days}), Reading()).forms
    found = recognise(pd.DataFrame({"day": cells}), Reading(), known=learned)
    assert found.frame["day"].dt.month.eq(4).all()
    assert bool(found.notes) == noted
    assert not noted or "with the day before the month" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("31. Januar 2020", (2020, 1, 31)),
        ("Di, 03. M\xe4rz 2020", (2020, 3, 3)),
        ("Mrz-17", (2017, 3, 1)),
        ("Mar-17", (2017, 3, 1)),
        ("lundi 3 f\xe9vrier 2020", (2020, 2, 3)),
        ("1 ao\xfbt 2020", (2020, 8, 1)),
        ("31 de enero de 2020", (2020, 1, 31)),
        ("7 de outubro de 2020", (2020, 10, 7)),
        ("1 settembre 2019", (2019, 9, 1)),
        ("3 mei 2020", (2020, 5, 3)),
    ],
)
def test_months_in_other_languages(text: str, date: tuple[int, int, int]) -> None:
    found = moment(text, "dmy")
    assert found is not None
    assert (found.year, found.month, found.day) == date


@pytest.mark.parametrize("text", ["SET-10", "Out 45", "gen-12", "Main 2020", "de 12 2020"])
def test_other_words_with_numbers_are_no_months(text: str) -> None:
    assert moment(text, "dmy") is None
