"""Numbers as people write them: each cell that can be read in one way is, and a doubt is refused."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.data.number_cells import cell_of, digits
from caviar.data.numerals import Notation, Numbers, notation_of
from caviar.data.verdicts import Doubt, Words

NB, THIN, MINUS = "\N{NO-BREAK SPACE}", "\N{THIN SPACE}", "\N{MINUS SIGN}"
QUOTE = "\N{RIGHT SINGLE QUOTATION MARK}"


def read(*cells: str, **word: object) -> list[float | None]:
    found = notation_of(Counter(cells), **word)  # type: ignore[arg-type]
    assert isinstance(found, Numbers), found
    return [found.notation.value(cell) for cell in cells]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,5", "2,25", "-3"], [1.5, 2.25, -3]),
        (["1.234,50 €", "2,00 €", "999,9 €"], [1234.5, 2, 999.9]),
        (["1,234.50", "12"], [1234.5, 12]),
        (["1'234.50", "12.1", f"1{QUOTE}000"], [1234.5, 12.1, 1000]),
        ([f"1{NB}234,5", f"1{THIN}000", "7"], [1234.5, 1000, 7]),
        (["1,00,000", "12,34,567.5"], [100000, 1234567.5]),
        (["45%", "0", "12.5 %"], [45, 0, 12.5]),
        (["$40.00", "-$3.50", "$-2", "($1,200)"], [40, -3.5, -2, -1200]),
        (["998 CC", "1248 cc", "1197cc"], [998, 1248, 1197]),
        (["1 year", "2 years", "0"], [1, 2, 0]),
        ([f"{MINUS}5", f"{MINUS}0.5", "3"], [-5, -0.5, 3]),
        (["€110.5M", "€565K", "€0"], [110.5e6, 565e3, 0]),
        (["1.2k", "900", "3k"], [1200, 900, 3000]),
        (["<0.1", "0.3", "0.5", ">90"], [0.1, 0.3, 0.5, 90]),
        (["12-", "7", "3"], [-12, 7, 3]),
        (["1e3", "2.5E-2", "4"], [1000, 0.025, 4]),
        (["5 °C", "-3 °C"], [5, -3]),
        (["12 m2", "30 m²", "7 m2"][::2], [12, 7]),
        (["CHF 1'200", "CHF 900.50"], [1200, 900.5]),
        (["US$ 5", "US$ 7.5"], [5, 7.5]),
        (["10+ years", "< 1 year", "3 years", "4 years"], [10, 1, 3, 4]),
        (["1,000+", "5,000+", "1,000,000+"], [1000, 5000, 1000000]),
        (["€366K", "€12K"], [366000, 12000]),
        (["19M", "8.7M"], [19, 8.7]),
        (["$ -", "$ 5", "$", "$7"], [math.nan, 5, math.nan, 7]),
    ],
)
def test_in_every_dress(cells: list[str], values: list[float]) -> None:
    assert read(*cells) == pytest.approx(values, rel=1e-15, nan_ok=True)


MARKS_OF_MISSING = """
? - -- . na NA n.a. none None null unknown missing NaN #DIV/0! #N/A #VALUE! #REF! #NAME? #WERT! *
"""


@pytest.mark.parametrize("mark", [*MARKS_OF_MISSING.split(), "\N{EN DASH}", "\N{EM DASH}", "not available", " ? "])
def test_marks_of_a_missing_value(mark: str) -> None:
    values = read(mark, "1", "2.5", "30")
    assert math.isnan(values[0] or 0)
    assert values[1:] == [1, 2.5, 30]


@pytest.mark.parametrize(
    "cells",
    [
        ["S", "M", "L", "10"],
        ["1.2.3", "1.2.4", "2.0.0"],
        ["10-20", "20-30", "30-40"],
        ["A12", "A13", "B7"],
        ["3.5 V6", "2.0 I4", "5.0 V8"],
        ["192.168.0.1", "10.0.0.7", "192.168.10.20"],
        ["192.168.100.101", "192.168.100.102"],
        ["612 345 678", "634 111 222", "655 987 321"],
        ["+49 30 123456", "030 123456", "040 654321"],
        ["978-3-16-148410-0", "978-0-306-40615-7"],
        ["007", "12", "101"],
        ["02134", "10001", "94105"],
        ["12A", "12B", "7C"],
        ["12", "12A", "13", "14"],
        ["10 kg", "500 g", "2 kg"],
        ["$10", "€12"],
        ["1st", "2nd", "3rd", "4th"],
        ["860xx", "309xx", "117xx"],
        ["4x4", "2x4"],
        ["12 Main St", "7 High St", "9 Elm Rd"],
        ["V45", "250", "E885", "401"] * 3,
        ["10:30", "11:45"],
        ["5'7", "6'1"],
        ["yes", "no", "1"],
        ["-", "?", "none"],
        ["7", "?", "7"],
        ["<20", "20-30", ">30"],
        ["Q1", "Q2"],
        ["1/2", "3/4"],
        ["0x1F", "0x2A"],
        ["(1, 2]", "(2, 3]"],
        ["-10.000)", "10.000)"],
    ],
)
def test_text_stays_text(cells: list[str]) -> None:
    assert isinstance(notation_of(Counter(cells)), Words)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1,234", "5,678"], ["1234", "1.234", 'decimal="."', 'decimal=","']),
        (["1,234", "12,345"], ["1234", "1.234"]),
        (["1.5", "2,5", "3.5", "4,5"], ["'1.5'", "'2,5'"]),
        (["45%", "0.3", "12%"], ["'0.3'", "'45%'", "as 0.3 % or as 30 %"]),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(cells: list[str], words: list[str]) -> None:
    found = notation_of(Counter(cells))
    assert isinstance(found, Doubt)
    for word in words:
        assert word in found.rule + found.way_out


def test_the_users_word_and_the_other_columns_end_a_doubt() -> None:
    cells = ("1,234", "5,678")
    assert read(*cells, decimal=".") == [1234, 5678]
    assert read(*cells, decimal=",") == [1.234, 5.678]
    assert read(*cells, usual=",") == [1.234, 5.678]
    assert read("1.234", "5.678") == [1.234, 5.678], "as Python writes it"
    assert read("1.234", "5.678", usual=",") == [1234, 5678]
    assert isinstance(notation_of(Counter(["1.234", "5.678"]), wary=True), Doubt)
    assert read("1.5", "2.25", usual=",") == [1.5, 2.25], "its own proof weighs more"
    assert read("12", "x", "13", "y", "z", forced=True)[0] == 12


def test_many_cells_with_three_digits_behind_the_mark_are_thousands() -> None:
    assert read(*(f"{n:,}" for n in range(100, 4_000, 37)))[-1] == 3985


GERMAN = [f"{n:,}".replace(",", ".") for n in range(100, 4_000, 37)]


@pytest.mark.parametrize("cells", [GERMAN, ["950", "1.250", "12.400"], ["1.251", "720", "12.437", "801"]])
def test_whole_numbers_with_points_for_thousands_are_no_fractions(cells: list[str]) -> None:
    for word in ({}, {"usual": "."}):
        found = notation_of(Counter(cells), **word)  # type: ignore[arg-type]
        assert isinstance(found, Doubt)
        assert 'decimal="."' in found.way_out
        assert 'decimal=","' in found.way_out
    whole = [float(cell.replace(".", "")) for cell in cells]
    assert read(*cells, usual=",") == read(*cells, decimal=",") == whole
    assert read(*cells, decimal=".") == [float(cell) for cell in cells]


@given(st.lists(st.floats(0.001, 999, allow_nan=False), min_size=2, max_size=40))
def test_fractions_as_python_writes_them_are_never_thousands(values: list[float]) -> None:
    """Python writes no 0 at the end, so a few whole numbers among fractions of three digits mislead nobody."""
    written = [f"{round(v, 3):.15g}" for v in values]
    found = notation_of(Counter(written))
    below = [int(t) for t in written if "." not in t]
    if below and min(below) >= 100 and "0." not in {t[:2] for t in written}:
        return  # 950 and 1.251
    assert isinstance(found, Words) or [found.notation.value(t) for t in written] == [float(t) for t in written]


def test_a_grade_is_no_negative_number() -> None:
    assert isinstance(notation_of(Counter(["1+", "1", "1-"])), Words)
    assert isinstance(notation_of(Counter(["1", "1-", "2-"])), Words)
    assert read("12-", "5.50-", "3") == [-12, -5.5, 3]
    assert read("1-", "1", "2", forced=True) == [-1, 1, 2]


def test_a_note_shows_a_number_and_never_nan() -> None:
    found = notation_of(Counter({"5 kg": 30, "<3 lb": 4, "7 lb": 5, "9 kg": 2}), forced=True)
    assert isinstance(found, Numbers)
    assert found.bounds == ()
    assert found.notation.value(found.notation.example) in (5, 9)


def test_few_odd_words_are_missing_values_and_many_are_text() -> None:
    numbers = [str(n) for n in range(100)]
    assert math.isnan(read(*numbers, "closed")[-1] or 0)
    assert math.isnan(read(*numbers, "12O")[-1] or 0)
    assert isinstance(notation_of(Counter([*numbers, *(f"V{n}" for n in range(6))])), Words)
    assert isinstance(notation_of(Counter([*numbers, *["closed"] * 20])), Words)
    assert isinstance(notation_of(Counter(["1", "2", "3"] * 30 + ["ground"])), Words), "each may be a category"


def test_a_new_cell_must_fit() -> None:
    percent = Notation(unit="%", bare=False, example="45%")
    assert percent.value("12 %") == 12
    assert [percent.value(cell) for cell in ("12", "12 kg", "x", "1,234%", "<5%")] == [None] * 5
    assert math.isnan(percent.value("NA") or 0)
    assert Notation().value("1,234") is None
    assert Notation(thousands=",").value("1,234") == 1234
    assert Notation(thousands=",").value("12,34") is None
    assert Notation(decimal=",").value("1.5") is None


@given(st.text(max_size=80))
def test_no_text_is_read_as_two_numbers_or_breaks_anything(text: str) -> None:
    cell = cell_of(text)
    found = notation_of(Counter({text: 1, "1": 1, "2": 1}))
    if cell is None:
        assert not isinstance(found, Numbers) or text in found.marks or not text.strip()
    else:
        for mark in ".,":
            read = digits(cell.body, mark)
            assert read is None or math.isfinite(float(read[0]))


GROUPS = ["", ",", ".", " ", "'", NB, THIN]


@given(
    values=st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=3, max_size=30, unique=True),
    decimal=st.sampled_from(".,"),
    group=st.sampled_from(GROUPS),
    dress=st.sampled_from(["{}", "{} €", "${}", "{}%", "{} kg", "EUR {}", "{}\N{NO-BREAK SPACE}mm"]),
    minus=st.sampled_from(["-", MINUS]),
    dirt=st.lists(st.sampled_from(["?", "NA", "-", "n/a", "#DIV/0!", "unknown"]), max_size=5),
)
def test_numbers_in_a_dress_are_read_back(
    values: list, decimal: str, group: str, dress: str, minus: str, dirt: list[str]
) -> None:
    group = "" if group == decimal else group
    written = [
        ("-" if v < 0 else "") + dress.format(f"{abs(v):,.2f}".translate({ord(","): group or None, ord("."): decimal}))
        for v in values
    ]
    written = [cell.replace("-", minus) for cell in written]
    found = notation_of(Counter([*written, *dirt]))
    if isinstance(found, Words):  # digits in groups, equally many in all: a code
        assert group
        assert "code" in found.why
        return
    assert isinstance(found, Numbers)
    assert [found.notation.value(cell) for cell in written] == [float(v) for v in values]
    assert set(found.marks) == set(dirt)
