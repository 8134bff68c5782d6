"""Ticks of hyperparameters' axes: values of the scale at their places, few, apart, and round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.errors import SpaceError
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo
from caviar.views.axes import kind_of, ticks


@st.composite
def _scales(draw: st.DrawFn):
    kind = draw(st.sampled_from([Linear, Log, OneMinusLog, Integer, PowerOfTwo]))
    number = st.integers(1, 10**6) if kind in (Integer, PowerOfTwo) else st.floats(1e-12, 1e12)
    number = st.floats(0, 0.999999) if kind is OneMinusLog else number
    number = st.sampled_from([2**k for k in range(20)]) if kind is PowerOfTwo else number
    more = {}
    if kind in (Linear, Log):
        more = {"zero": draw(st.sampled_from([0.0, 0.3]))}
    if kind is Integer:
        more = {"log": draw(st.booleans()), "step": draw(st.sampled_from([1, 1, 7]))}
    low, high = sorted([draw(number), draw(number)])
    try:
        return kind(low, high, **more)
    except SpaceError:
        return Choice(draw(st.lists(st.integers(0, 99), min_size=1, max_size=30, unique=True)))


@given(_scales())
def test_ticks_are_values_of_the_scale_at_their_places(scale):
    found = ticks(scale)
    assert 1 <= len(found) <= 9
    places = [place for place, _ in found]
    assert places == sorted(places)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    assert all(scale.contains(value) for _, value in found)
    assert places == pytest.approx(scale.to_unit([value for _, value in found]).tolist(), abs=1e-9)


@pytest.mark.parametrize(
    ("scale", "kind", "values"),
    [
        (Log(1e-4, 1), "log", [1e-4, 1e-3, 1e-2, 1e-1, 1.0]),
        (Log(1e-4, 1e-2, zero=0.2), "log", [0.0, 1e-4, 1e-3, 1e-2]),
        (Log(1, 30), "log", [1.0, 2.0, 5.0, 10.0, 20.0, 30.0]),
        (Linear(0, 0.5), "linear", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (Linear(1.1, 1.5), "linear", [1.1, 1.2, 1.3, 1.4, 1.5]),
        (Integer(1, 4), "integer", [1, 2, 3, 4]),
        (Integer(16, 256, log=True), "integer", [16, 50, 100, 256]),
        (PowerOfTwo(32, 512), "power_of_two", [32, 64, 128, 256, 512]),
        (Choice(["adam", "sgd"]), "choices", ["adam", "sgd"]),
        (Fixed(3), "fixed", [3]),
    ],
)
def test_ticks_are_what_a_person_would_write(scale, kind, values):
    assert kind_of(scale) == kind
    assert [value for _, value in ticks(scale)] == values


def test_averages_have_their_decades():
    assert [value for _, value in ticks(OneMinusLog(0.9, 0.9999))] == pytest.approx([0.9, 0.99, 0.999, 0.9999])
