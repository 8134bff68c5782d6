"""A bar is filled by its share, never beyond, and whole only at the end; it has the width that there is."""

from __future__ import annotations

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from caviar.report.bars import Band, Length, bar


def drawn(bar: RenderableType, width: int) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(bar, end="")
    return console.export_text().strip("\n")


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.integers(1, 60))
def test_a_bar_is_filled_by_its_share(done: float, total: float, width: int) -> None:
    drawn = bar(done, total, width)
    assert drawn.cell_len == width
    filled = drawn.plain.count("━")
    assert drawn.plain == "━" * filled + "─" * (width - filled)
    if total > 0:
        assert filled == int(min(done / total, 1.0) * width)
        assert (filled == width) == (done >= total)


def test_the_empty_part_is_thin_and_dim_on_any_background() -> None:
    (_, style), (_, rest) = [(span.start, str(span.style)) for span in bar(1, 2, 10).spans]
    assert (style, rest) == ("magenta", "dim")


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 100))
def test_a_band_is_the_whole_scale_and_a_letter_at_least(one: float, other: float, width: int) -> None:
    low, high = sorted((one, other))
    text = drawn(Band(low, high, most=40), width)
    assert len(text) == min(width, 40)
    first, end = text.index("━"), text.rindex("━") + 1
    assert text == "·" * first + "━" * (end - first) + "·" * (len(text) - end)
    letter = 1 / len(text) + 1e-9
    assert abs(first / len(text) - low) <= letter
    assert abs(end / len(text) - high) <= letter


@given(st.floats(0, 1), st.integers(1, 100))
def test_a_length_is_its_share_of_the_room(share: float, width: int) -> None:
    text = drawn(Length(share, most=20), width)
    assert text.rstrip() == "█" * len(text.rstrip())
    assert abs(len(text.rstrip()) - share * min(width, 20)) <= 0.5


def test_a_length_below_nothing_is_empty() -> None:
    assert drawn(Length(-0.3), 40).strip() == ""
