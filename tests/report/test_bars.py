"""A bar is filled by its share, never beyond, and whole only at the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caviar.report.bars import bar


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
