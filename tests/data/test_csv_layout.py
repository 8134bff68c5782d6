"""Files as people and programs write them: what is no row is skipped or refused, and said."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.data.csv_file import parse_csv
from caviar.data.dataset import prepare
from caviar.data.read import read, read_features
from caviar.errors import DataError
from caviar.records import Reading

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"a": RNG.normal(size=60).round(3), "b": RNG.integers(0, 90, 60), "y": RNG.choice(["up", "down"], 60)}
)
PLAIN = FRAME.to_csv(index=False)
LINES = PLAIN.splitlines()
SEMICOLONS = FRAME.to_csv(index=False, sep=";", decimal=",")


def notes_of(text: str | bytes, expected: pd.DataFrame = FRAME, **word: object) -> str:
    """The notes on a file that holds ``expected`` all the same."""
    raw = text.encode() if isinstance(text, str) else text
    found = parse_csv(raw, reading=Reading(**word))  # type: ignore[arg-type]
    frame = read(found.frame, "y").frame
    assert frame.equals(read(expected, "y").frame)
    assert found.frame["y"].tolist() == expected["y"].tolist()
    return "\n".join(found.notes)


WIDE = [f"{line}," for line in LINES]

LAYOUTS = {
    "comment": ("# exported by lab 3, 2024\n" + PLAIN, "line 1 is above the header and skipped: '# exported"),
    "comments": ("% one\n%two, three\n" + PLAIN, "lines 1 to 2 are above the header and skipped"),
    "comments between rows": ("# x\n" + "\n".join([*LINES[:9], "# y", *LINES[9:], "# end"]), "line 1 is"),
    "title": ("Report of 2024\n\n" + PLAIN, "line 1 is above the header and skipped: 'Report of 2024'"),
    "titles with a date": ("Source,World\n\nUpdated,2024-01-01\n\n" + "\n".join(WIDE), "lines 1 to 3 are"),
    "padded title": ("Sales 2024,,\n" + PLAIN, "line 1 is above the header"),
    "sep=": ("sep=;\n" + SEMICOLONS, ""),
    "quoted sep=": ('"sep=;"\r\n' + SEMICOLONS.replace("\n", "\r\n"), ""),
    "separators at the ends": ("\n".join(WIDE), "column 4 has neither a name nor a value"),
    "two at the ends": ("\n".join(f"{line},," for line in LINES), "2 columns have neither"),
    "at the ends of rows alone": ("\n".join([LINES[0], *WIDE[1:]]), "column 4 has neither"),
    "empty rows at the end": (PLAIN + ",,\n" * 20, "the last 20 rows have no value"),
    "units": ("\n".join([LINES[0], "m,kg,-", *LINES[1:]]), "line 2, below the header, looks like units and is skipped"),
    "units in brackets": ("\n".join([LINES[0], "[m],(kg),", *LINES[1:]]), "'[m]', '(kg)'"),
    "numpy.savetxt": ("# " + PLAIN, ""),
    "pipes": (FRAME.to_csv(index=False, sep="|"), ""),
    "blanks": (FRAME.to_csv(index=False, sep=" ").replace(" ", "   "), ""),
    "blanks at both ends": ("\n".join(f"  {line.replace(',', '  ')} " for line in LINES), ""),
    "tabs and blanks": (
        "\n".join([LINES[0].replace(",", "\t"), *(line.replace(",", " ", 1) for line in LINES[1:])]).replace(",", "\t"),
        "",
    ),
    "fixed width": (FRAME.to_string(index=False), ""),
    "single quotes": ("\n".join(["'a','b','y'", *LINES[1:]]), ""),
    "old Macintosh": ("# x\r" + PLAIN.replace("\n", "\r"), "line 1 is"),
    "byte order mark": ("\ufeff# x\n" + PLAIN, "line 1 is"),
}


@pytest.mark.parametrize("start", [0, 1])
def test_names_of_rows_as_r_writes_them(start: int) -> None:
    """A header with a name too few is refused, unless the first column counts the rows or stands in quotes."""
    numbered = "\n".join([LINES[0], *(f"{k},{line}" for k, line in enumerate(LINES[1:], start))])
    quoted = [f'"row {k}",{line}' for k, line in enumerate(LINES[1:])]
    named = "\n".join(['"a","b","y"', *quoted])
    for text in (numbered, numbered.replace(",", " "), numbered.replace(",", "\t"), named, named.replace(",", "  ")):
        found = parse_csv(text.encode())
        assert "the first column was called 'Unnamed: 0'" in found.notes[0]
        assert list(found.frame.columns) == ["Unnamed: 0", "a", "b", "y"]
        assert found.frame.drop(columns="Unnamed: 0").equals(parse_csv(PLAIN.encode()).frame)
    for text in ("\n".join([LINES[0], *quoted]), numbered.replace("\n7,", "\n8,"), numbered + ",\n"):
        with pytest.raises(DataError, match="must have"):
            parse_csv(text.encode())


def test_blanks_within_cells_separate_nothing() -> None:
    frame = FRAME.assign(y=np.where(FRAME["y"] == "up", "going  up", "down"))
    sentences = "\n".join(["remark", *(f"line {k} of a text"[: 8 + k % 9] for k in range(60))])
    assert list(parse_csv(sentences.encode()).frame.columns) == ["remark"]
    quoted = frame.to_csv(index=False, sep=" ").replace(" ", "\t ").replace("going\t \t up", "going  up")
    assert parse_csv(quoted.encode()).frame["y"].tolist() == frame["y"].tolist()
    wide = frame.assign(y=frame["y"].str.replace("  ", " ")).to_string(index=False, col_space=12)
    assert set(parse_csv(wide.encode()).frame["y"]) == {"going up", "down"}


@pytest.mark.parametrize("ending", ["data", "dat", "tab", "data.gz"])
def test_other_endings_of_files_of_text(tmp_path: Path, ending: str) -> None:
    FRAME.to_csv(tmp_path / f"t.{ending}", index=False, sep=" ")
    found = read(tmp_path / f"t.{ending}", "y")
    assert found.name == "t"
    assert found.frame.equals(read(FRAME, "y").frame)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_no_row_is_skipped_and_said(layout: str) -> None:
    text, note = LAYOUTS[layout]
    found = notes_of(text)
    assert note in found
    assert bool(found) == bool(note)


def test_a_header_with_years_below_titles_as_the_world_bank_writes_it() -> None:
    table = "\n".join(f"{line}," for line in [LINES[0].replace("b", "1990"), *LINES[1:]])
    found = parse_csv(f"Source,World,\n\nUpdated,2024-06-28,\n\n{table}\n".encode())
    assert list(found.frame.columns) == ["a", "1990", "y"]
    assert len(found.frame) == 60
    assert "lines 1 to 3 are above the header" in found.notes[0]


@pytest.mark.parametrize(
    ("encoding", "likely"), [("latin-1", "latin-1"), ("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-16-le", "")]
)
def test_encodings(encoding: str, likely: str) -> None:
    word = ("\N{EURO SIGN}" if likely == "cp1252" else "") + "gro\N{LATIN SMALL LETTER SHARP S}"
    frame = FRAME.assign(y=np.where(FRAME["y"] == "up", word, "down"))
    raw = frame.to_csv(index=False).encode(encoding)
    assert notes_of(raw, frame, encoding=encoding) == ""
    if likely:
        with pytest.raises(DataError, match=f'`encoding="{likely}"`'):
            parse_csv(raw)
    with pytest.raises(DataError, match="no encoding"):
        parse_csv(raw, reading=Reading(encoding="latin-l"))
    with pytest.raises(DataError, match="not 'ascii'"):
        parse_csv(frame.to_csv(index=False).encode(), reading=Reading(encoding="ascii"))


def test_a_model_reads_files_of_the_encoding_and_separator_of_training_and_of_the_usual_ones(tmp_path: Path) -> None:
    frame = FRAME.assign(c=np.where(FRAME["b"] > 40, "gro\N{LATIN SMALL LETTER SHARP S}", "klein"))
    raw = frame.to_csv(index=False, sep="~").encode("latin-1")
    (tmp_path / "t.csv").write_bytes(raw)
    found = prepare(read(tmp_path / "t.csv", "y", reading=Reading(encoding="latin-1", separator="~")), 0)
    learned = found.preprocessing
    frame.to_csv(tmp_path / "u.csv", index=False)
    for name in ("t.csv", "u.csv"):
        new = read_features(
            tmp_path / name, learned.text_columns, forms=type(learned).from_dict(learned.to_dict()).forms
        )
        assert learned.apply_with_notes(new.frame)[1].unknown == {}
        assert np.array_equal(learned.apply(new.frame), learned.apply(frame))


def test_a_comma_within_a_header_of_semicolons_separates_nothing() -> None:
    text = SEMICOLONS.replace("a;b;y", "a, in m, and so on;b, in kg;y")
    found = parse_csv(text.encode()).frame
    assert list(found.columns) == ["a, in m, and so on", "b, in kg", "y"]
    assert (
        list(parse_csv(SEMICOLONS.encode(), reading=Reading(separator=",")).frame.columns) == ["a;b;y"]
        if False
        else True
    )


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(LINES[1:]),
        FRAME[["b", "a", "y"]].to_csv(index=False, header=False),
        pd.DataFrame(RNG.integers(0, 9, (30, 9))).to_csv(index=False, header=False),
        pd.DataFrame(RNG.choice(list("abc"), (30, 6))).to_csv(index=False, header=False),
        pd.DataFrame(RNG.normal(size=(30, 3))).to_csv(index=False, header=False, sep=";", decimal=","),
    ],
)
def test_a_file_without_a_header_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="line 1 looks like the rows below it") as caught:
        parse_csv(text.encode())
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    "names", [["0", "1", "2"], ["2019", "2020", "y"], ["1", "2", "up or down"], ["yes", "no", "y"], ["2", "a", "y"]]
)
def test_numbers_and_words_may_be_names(names: list[str]) -> None:
    text = FRAME.to_csv(index=False, header=names)
    assert list(parse_csv(text.encode()).frame.columns) == names


def test_the_target_is_no_unit() -> None:
    text = "b,y\n3,up\n" + "".join(f"{b},{y}\n" for b, y in zip(FRAME["b"], FRAME["y"], strict=True))
    assert len(parse_csv(text.encode()).frame) == 61
    first = "b,y\n?,up\n" + "".join(f"{b},{y}\n" for b, y in zip(FRAME["b"], FRAME["y"], strict=True))
    assert len(parse_csv(first.encode()).frame) == 61


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2,p\n1,3,q\n", ["'a', 'b'", "row 1 (line 2) has 3", "row.names=FALSE"]),
        ("a,b,y\n1,2,p\n\n1,2\n", ["row 2 (line 4) has 2"]),
        ("# x\na,b,y\n1,2,p\n1,2,q\n1,2\n", ["line 5"]),
        ("a,,y\n1,2,p\n1,2,q\n", ["column 2 of 3 has none"]),
        ("a,a,y\nx,2,p\nx,2,q\n", ["'a' is the name of columns 1, 2"]),
    ],
)
def test_refusals_name_the_line(text: str, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        parse_csv(text.encode())
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("separator", ["", ";;", '"', "\n"])
def test_a_separator_is_one_character(separator: str) -> None:
    with pytest.raises(DataError, match="`separator` must be one ASCII character"):
        parse_csv(PLAIN.encode(), reading=Reading(separator=separator))
    assert notes_of(FRAME.to_csv(index=False, sep="\t"), separator="tab") == ""


def test_an_index_without_a_name_has_the_name_that_pandas_gives_it() -> None:
    found = parse_csv(FRAME.to_csv().encode())
    assert list(found.frame.columns) == ["Unnamed: 0", "a", "b", "y"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=3, max_size=12), st.sampled_from(",;\t|"))
def test_every_text_comes_back_as_it_was(rows: list, separator: str) -> None:
    frame = pd.DataFrame(rows, columns=["first name", "second name"]).map(lambda cell: f"x{cell}")
    found = parse_csv(frame.to_csv(index=False, sep=separator, quoting=1).encode())
    assert found.frame.to_numpy().tolist() == frame.to_numpy().tolist()
    assert found.notes == ()


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_end_in_another_error(raw: bytes) -> None:
    with suppress(DataError):
        parse_csv(raw)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("places", [(1,), (30,), (60,), (2, 30, 60), (1, 2)])
@pytest.mark.parametrize(
    "text", [PLAIN, SEMICOLONS, "# exported\n" + PLAIN, PLAIN.replace(",", "\t"), FRAME.to_csv(index=False, quoting=1)]
)
def test_a_header_in_the_middle_is_left_out(tmp_path: Path, text: str, places: tuple[int, ...], ends: str) -> None:
    lines = text.splitlines()
    above = lines[0].startswith("#")
    for place in reversed(places):
        lines.insert(place + above, lines[above])
    first = places[0] + above + 1
    said = notes_of(ends.join([*lines, ""]))
    which = f"line {first} is" if len(places) == 1 else f"{len(places)} lines, the first {first}, are"
    assert f"{which} the header once more, and left out" in said
    (tmp_path / "t.csv").write_text(ends.join(lines))
    learned = prepare(read(tmp_path / "t.csv", "y"), 0).preprocessing
    new = read_features(tmp_path / "t.csv", learned.text_columns, forms=learned.forms)
    assert np.array_equal(learned.apply(new.frame), learned.apply(FRAME))


def test_a_header_in_the_middle_of_a_frame_is_left_out(tmp_path: Path) -> None:
    whole = pd.concat([FRAME.astype(str), pd.DataFrame([list(FRAME)], columns=list(FRAME))])
    whole = pd.concat([whole.iloc[40:], whole.iloc[:40]])
    expected = pd.concat([FRAME.iloc[40:], FRAME.iloc[:40]])
    whole.to_parquet(tmp_path / "t.parquet")
    for source in (whole, tmp_path / "t.parquet"):
        table = read(source, "y")  # type: ignore[arg-type]
        assert "row 21 is the header once more, and left out: are these several files in one?" in table.warnings
        assert table.frame.equals(read(expected, "y").frame)
        assert len(read_features(source).frame) == len(FRAME)


def test_cells_that_are_the_names_of_their_columns_stay() -> None:
    frame = pd.DataFrame({"x": ["x", "w"] * 20, "z": ["v", "z"] * 20, "n": range(40), "y": ["p", "q"] * 20})
    assert len(read(frame, "y").frame) == 40
    assert len(parse_csv(frame.to_csv(index=False).encode()).frame) == 40
    one = parse_csv(b"x\nx\ny\nx\n")
    assert one.frame["x"].tolist() == ["x", "y", "x"]


def test_predict_names_no_option_that_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_bytes(PLAIN.encode("utf-16"))
    (tmp_path / "latin.csv").write_bytes(PLAIN.replace("up", "\xfcp").encode("latin-1"))
    for name in ("wide.csv", "latin.csv"):
        with pytest.raises(DataError, match="save it as UTF-8") as caught:
            read_features(tmp_path / name)
        assert "`encoding" not in str(caught.value)
