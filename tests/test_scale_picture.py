"""Pictures of scales, held against the scales' distributions and against hostile text."""

# mypy: disable-error-code="arg-type,attr-defined,union-attr"

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from caviar.scale_picture import BLOCKS, DRAWS, figure, histogram, text
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo
from caviar.space import Space, default_space

HOSTILE = ["\x1b[31mred", "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "a\nb", "\u202eabc"]


@pytest.mark.parametrize(
    "scale", [Linear(-3, 5), Log(1e-4, 1), OneMinusLog(0.9, 0.999), Integer(1, 240), PowerOfTwo(32, 512), Integer(1, 4)]
)
def test_a_scale_fills_its_own_axis_evenly(scale):
    drawn = histogram(scale)
    assert drawn.own == pytest.approx(1 / len(drawn.own), abs=2 / DRAWS)
    assert drawn.plain.sum() == pytest.approx(1)


def test_plain_uniform_piles_up_at_one_end_as_its_distribution_says():
    for scale, own in [
        (Log(1e-4, 1), lambda t: 10 ** (4 * t - 4)),
        (OneMinusLog(0.9, 0.999), lambda t: 1 - 0.1 ** (1 + 2 * t)),
    ]:
        edges = own(np.arange(25) / 24)
        uniform = stats.uniform(scale.low, scale.high - scale.low)
        assert histogram(scale).plain == pytest.approx(np.diff(uniform.cdf(edges)), abs=2 / DRAWS)


def test_integers_on_a_log_scale_are_counted_in_their_bars():
    drawn = histogram(Integer(16, 256, log=True))
    rounded = stats.loguniform(15.5, 256.5)
    for label, own, plain in zip(drawn.labels, drawn.own, drawn.plain, strict=True):
        start, end = map(int, label.split(" to "))
        assert own == pytest.approx(rounded.cdf(end + 0.5) - rounded.cdf(start - 0.5), abs=2 / DRAWS)
        assert plain == pytest.approx((end - start + 1) / 241, abs=2 / DRAWS)
    assert drawn.labels[0].startswith("16 to ")
    assert drawn.labels[-1].endswith(" to 256")


def test_the_facts_are_those_of_the_distributions():
    for scale, own, plain in [
        (Log(1e-4, 1), "25 % above 0.1, half above 0.01", "90 % above 0.1, half above 0.5"),
        (OneMinusLog(0.9, 0.999), "50 % above 0.99, half above 0.99", "9.1 % above 0.99, half above 0.95"),
        (OneMinusLog(0.9, 0.9999), "33 % above 0.999, half above 0.9968", "0.9 % above 0.999, half above 0.95"),
        (PowerOfTwo(32, 512), "20 % at 512, 20 % at 32", "31 % at 512, 2.8 % at 32"),
        (Integer(1, 4), "25 % at 4, 25 % at 1", "25 % at 4, 25 % at 1"),
        (Linear(0, 0.5), "half above 0.25", "half above 0.25"),
        (Log(0.5, 1), "half above 0.707", "half above 0.75"),
    ]:
        drawn = histogram(scale)
        assert (drawn.own_fact, drawn.plain_fact) == (own, plain)
    assert histogram(Choice(["a", "b", "c"])).own_fact == "33 % each"


def test_exact_zeros_have_a_bar_of_their_own():
    drawn = histogram(Log(1e-6, 1e-2, zero=0.3))
    assert drawn.zero == 0.3
    assert drawn.own == pytest.approx(0.7 / 24, abs=2 / DRAWS)
    panel = figure({"l2": Log(1e-6, 1e-2, zero=0.3)})
    own, plain = panel.data
    assert (own.x[0], own.y[0], own.customdata[0]) == (-1.5, 0.3, "exactly 0")
    assert plain.y[0] == 0
    assert sum(own.y) == pytest.approx(1) == sum(plain.y)


def test_the_text_of_the_default_space_fits_a_terminal():
    shown = default_space().describe()
    assert max(map(len, shown.splitlines())) <= 80
    for line in [
        "learning_rate  Log from 0.0001 to 1, tier 1",
        "  its scale  ████████████████████████  25 % above 0.1, half above 0.01",
        "  uniform    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂▃▄▅█  90 % above 0.1, half above 0.5",
        "             0.0001    0.01         1",
        "beta1  OneMinusLog from 0.9 to 0.999, tier 2, when optimizer is adamw",
        "  its scale  ███ ███ ███ ███ ███       20 % at 512, 20 % at 32",
        "             32  64  128 256 512",
        "weight_decay  Log from 0.001 to 3, or exactly 0 (20 % of the draws), tier 3,",
        "epsilon  always 1e-08, tier 4, when optimizer is adamw",
    ]:
        assert line in shown.splitlines()


@settings(deadline=None)
@given(
    st.sampled_from([Linear, Log, OneMinusLog, Integer, PowerOfTwo]),
    st.lists(st.integers(0, 31), min_size=2, max_size=2, unique=True).map(sorted),
    st.booleans(),
)
def test_any_scale_can_be_drawn(kind, exponents, log):
    low, high = (2**exponent for exponent in exponents)
    scale = {
        Linear: lambda: Linear(-low, high, zero=0.5 * log),
        Log: lambda: Log(low, high, zero=0.5 * log),
        OneMinusLog: lambda: OneMinusLog(1 - 1 / low, 1 - 1 / high),
        Integer: lambda: Integer(low, high, log=log),
        PowerOfTwo: lambda: PowerOfTwo(low, high),
    }[kind]()
    drawn = histogram(scale)
    assert drawn.own.sum() + drawn.zero == pytest.approx(1)
    assert len(drawn.labels) == len(drawn.own) == len(drawn.plain)
    lines = text({"name": scale}).splitlines()
    assert max(map(len, lines)) <= 80
    assert set(lines[-3][13:37]) <= set(BLOCKS)


def test_the_figure_has_a_panel_for_every_searched_hyperparameter():
    space = default_space()
    picture = space.show()
    titles = [annotation.text for annotation in picture.layout.annotations]
    assert [title.split("</b>")[0].removeprefix("<b>") for title in titles] == list(space.searched)
    choices = sum(isinstance(space[name], Choice) for name in space.searched)
    assert len(picture.data) == 2 * len(space.searched) - choices  # a Choice is its own plain uniform
    for trace in picture.data:
        assert sum(trace.y) == pytest.approx(1)
        assert len(trace.x) == len(trace.y) == len(trace.customdata)
    assert [trace.name for trace in picture.data if trace.showlegend] == ["its scale", "plain uniform"]
    choice_first = figure({"a": Choice([1, 2]), "b": Log(1, 10)})
    assert [trace.name for trace in choice_first.data if trace.showlegend] == ["its scale", "plain uniform"]
    assert len(Space(layers=3).show().data) == 0


def test_hostile_choices_are_inert():
    scales = {"a": Choice(HOSTILE), "b": Fixed(HOSTILE[0]), "c": Linear(0, 1, when={"a": HOSTILE})}
    shown = text(scales)
    assert all(character.isprintable() or character == "\n" for character in shown)
    page = figure(scales).to_html(include_plotlyjs=False)
    assert "<img" not in page
    assert "<script>alert" not in page
    assert "\\u003cimg" not in page  # not as a tag for plotly either
