"""Which snapshots stay."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from caviar.records import Clock, RunSnapshot
from caviar.runs.retention import last_good, to_remove


def snapshot(number: int, loss: float | None = None, size: int = 10, reason: str = "epoch", state: str = "kept"):
    clock = Clock(number, number, number, 0)
    return RunSnapshot(number, clock, reason, loss, f"{number}", "", size, "", state)


LISTS = st.lists(
    st.tuples(
        st.none() | st.floats(0, 10) | st.just(math.nan),
        st.integers(1, 100),
        st.sampled_from(["epoch", "asked for"]),
        st.sampled_from(["kept", "kept", "kept", "removed", "damaged"]),
    ),
    max_size=20,
)


@given(LISTS, st.integers(0, 500), st.sets(st.integers(1, 20), max_size=2))
def test_the_budget_is_kept_and_the_best_and_the_newest_are_too(made, budget: int, needed: set[int]):
    snapshots = [snapshot(i, *each) for i, each in enumerate(made, start=1)]
    gone = {s.number for s in to_remove(snapshots, budget, needed)}
    kept = [s for s in snapshots if s.state == "kept"]
    left = [s for s in kept if s.number not in gone]
    assert not gone & needed
    assert gone <= {s.number for s in kept}
    if kept:
        assert left[-1] == kept[-1]
        losses = [s.loss for s in kept if s.loss is not None and not math.isnan(s.loss)]
        assert not losses or min(losses) in [s.loss for s in left]
        free = [s for s in left[:-1] if s.number not in needed and s.loss != min(losses, default=None)]
        assert sum(s.size for s in left) <= budget or not free


def test_old_and_poor_ones_go_before_those_that_were_asked_for():
    snapshots = [
        snapshot(1),
        snapshot(2, 5.0),
        snapshot(3, 1.0, reason="asked for"),
        snapshot(4, 0.4),
        snapshot(5, 0.5),
        snapshot(6, 0.6),
    ]
    assert [s.number for s in to_remove(snapshots, 40)] == [2, 6] or [s.number for s in to_remove(snapshots, 40)] == [
        2,
        5,
    ]
    assert 3 not in [s.number for s in to_remove(snapshots, 30)]


def test_the_last_good_one_is_the_newest_not_much_worse_than_the_best():
    snapshots = [snapshot(1), snapshot(2, 0.5), snapshot(3, 0.4), snapshot(4, 0.45), snapshot(5, 3.0)]
    assert last_good(snapshots, 2.3).number == 4
    assert last_good(snapshots, 2.3, avoid={4, 5}).number == 3
    assert last_good([snapshot(1), snapshot(2, math.nan)], 2.3).number == 1
    assert last_good([snapshot(1, state="removed")], 2.3) is None
