"""A report of many trials leaves some out, and none that anybody would miss."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from caviar.report.fewer import with_fewer_trials

FIELDS = ("number", "rank", "ended", "state")


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(1, 200))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    numbers = sorted(random.choice(500, n, replace=False).tolist())
    ended = [None if random.random() < 0.1 else float(random.integers(50)) for _ in range(n)]
    named = random.choice(numbers, min(n, 4), replace=False).tolist()
    return {
        "trials": {
            "number": numbers,
            "rank": random.integers(0, draw(st.sampled_from([1, 5, 100])), n).tolist(),
            "ended": ended,
            "state": [f"state {number}" for number in numbers],
            "u": {"x": [number / 500 for number in numbers]},
            "errors": {str(number): "no" for number in named[:2]},
        },
        "chosen": named[2:],
    }


def best_so_far(trials: dict[str, Any], order: Any) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    for row in order:
        if not found or trials["rank"][row] > found[-1][1]:
            found.append((trials["number"][row], trials["rank"][row]))
    return found


def by_end(trials: dict[str, Any]) -> list[int]:
    rows = [row for row, end in enumerate(trials["ended"]) if end is not None]
    return sorted(rows, key=lambda row: trials["ended"][row])


@given(documents(), st.integers(0, 60))
def test_what_is_left_is_as_it_was_and_has_all_that_is_looked_for(document, most):
    trials, n = document["trials"], len(document["trials"]["number"])
    fewer = with_fewer_trials(document, most)
    left = fewer["trials"]
    assert fewer == with_fewer_trials(document, most)
    assert fewer["left_out"] == n - len(left["number"])
    if n <= most:
        assert left == trials
        return
    assert left["number"] == sorted(set(left["number"]))
    at = {number: row for row, number in enumerate(trials["number"])}
    for row, number in enumerate(left["number"]):
        assert [left[name][row] for name in FIELDS] == [trials[name][at[number]] for name in FIELDS]
        assert left["u"]["x"][row] == trials["u"]["x"][at[number]]
    needed = {*document["chosen"], *map(int, trials["errors"]), trials["number"][0], trials["number"][-1]}
    assert needed <= set(left["number"])
    assert left["errors"] == trials["errors"]
    assert best_so_far(left, range(len(left["number"]))) == best_so_far(trials, range(n))
    assert best_so_far(left, by_end(left)) == best_so_far(trials, by_end(trials))
    steps = {number for number, _ in best_so_far(trials, range(n)) + best_so_far(trials, by_end(trials))}
    assert len(left["number"]) == max(most, len(needed | steps))
