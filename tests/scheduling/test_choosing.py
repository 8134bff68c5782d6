"""The winner among the finalists, and the Pareto front."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.records.ranking import WORST
from caviar.scheduling.choosing import NEARLY, Finalist, Weighed, choose, front


def finalist(number, scores, parameters=100, epochs=81, burden=0.0):
    return Finalist(number, [(score, -1.0) for score in scores], parameters, epochs, burden)


def test_the_best_mean_wins_where_it_is_clear():
    clear = finalist(1, [0.97, 0.98, 0.97], parameters=10_000)
    assert choose([finalist(0, [0.90, 0.91, 0.90]), clear, finalist(2, [0.5, 0.6, 0.5])]) is clear


def test_a_tie_within_the_noise_goes_to_the_simpler_network():
    large, small = finalist(0, [0.97, 0.95, 0.96], 10_000), finalist(1, [0.95, 0.97, 0.957], 500)
    assert choose([large, small]) is small


def test_differences_are_paired():
    """Both vary from fold to fold by far more than they differ; but one is better in every fold."""
    folds = np.array([0.5, 0.7, 0.9, 0.6, 0.8])
    better, simpler = finalist(0, folds + 0.02, 10_000), finalist(1, folds, 500)
    assert choose([better, simpler]) is better


def test_of_equally_large_networks_the_one_that_trains_shorter():
    long, short = finalist(0, [0.9, 0.9], epochs=81), finalist(1, [0.9, 0.9], epochs=27)
    assert choose([long, short]) is short


def test_a_repeat_that_diverged_never_wins():
    shaky = Finalist(0, [(0.99, -0.1), WORST], 10, 81)
    assert choose([shaky, finalist(1, [0.5, 0.6], 10_000)]).number == 1


def test_a_preference_pays_a_hundredth_and_no_more():
    best = finalist(0, [0.900], burden=100)
    near = finalist(1, [0.900 * (1 - NEARLY) + 1e-9], burden=50)
    far = finalist(2, [0.900 * (1 - NEARLY) - 1e-3], burden=1)
    assert choose([best, near, far], "small") is near
    assert choose([best, near, far]) is best
    losses = [finalist(0, [-0.100], burden=9), finalist(1, [-0.1005], burden=5), finalist(2, [-0.12], burden=1)]
    assert choose(losses, "fast").number == 1


weighed = st.builds(
    Weighed, st.integers(0, 999), st.tuples(st.integers(0, 20), st.just(0.0)), st.integers(0, 20).map(float)
)


@given(st.lists(weighed, max_size=60))
def test_the_front_is_what_brute_force_finds(trials):
    found = front(trials)
    beaten = [
        any(
            o.rank_key[0] >= t.rank_key[0]
            and o.burden <= t.burden
            and (o.rank_key[0], o.burden) != (t.rank_key[0], t.burden)
            for o in trials
        )
        for t in trials
    ]
    assert {(t.rank_key[0], t.burden) for t in found} == {
        (t.rank_key[0], t.burden) for t, b in zip(trials, beaten, strict=True) if not b
    }
    assert len({t.burden for t in found}) == len(found)
    assert sorted(found, key=lambda t: -t.rank_key[0]) == found


def test_nobody_to_choose_from():
    with pytest.raises(ValueError, match="empty"):
        choose([])
