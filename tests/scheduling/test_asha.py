"""Halving for trials that hold a process: fixed by rank_keys, numbers and slots, and nobody waits for ever."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.records.ranking import WORST, RankKey
from caviar.scheduling.asha import Asha

RUNGS = (1, 3, 9, 27)


def play(qualities: list[float], slots: int, order: random.Random, diverge=frozenset(), slow=frozenset()):
    """A study in ``slots`` processes, each held by one trial until it ends; how far each trial came."""
    asha = Asha(RUNGS, slots)
    working: list[tuple[int, int]] = []
    held: set[int] = set()
    ends: dict[int, int] = {}
    entered = 0
    while entered < len(qualities) or held:
        if entered < len(qualities) and len(held) < slots:
            working.append((entered, asha.enter(entered, entered in slow)))
            held.add(entered)
            entered += 1
            continue
        assert working, "every process waits for another"
        number, epoch = working.pop(order.randrange(len(working)))
        rank_key: RankKey = WORST if number in diverge else (qualities[number], 0.0)
        if number in diverge:
            held.remove(number)
            ends[number] = RUNGS.index(epoch)
        for decided, rung, to_epoch in asha.report(number, epoch, rank_key):
            if to_epoch is None:
                held.remove(decided)
                ends[decided] = rung
            else:
                working.append((decided, to_epoch))
    return asha, [ends[number] for number in range(len(qualities))]


def by_brute_force(qualities: list[float], slots: int, diverge=frozenset(), slow=frozenset()) -> list[int]:
    """The rule, read from the docstring, a trial at a time."""
    ends: list[int] = []
    for number, quality in enumerate(qualities):
        end = 0
        while end < len(RUNGS) - 1 and number not in diverge:
            lag = min((slots - 1) * 3**end, number // 2)
            before = [k for k in range(number - lag) if ends[k] >= end]

            def good(before: list[int], quality: float = quality) -> bool:
                others = before[-27:]
                better = sum(k not in diverge and qualities[k] >= quality for k in others)
                return 3 * better < len(others) + 1

            if not (good(before) or (number in slow and good([k for k in before if k in slow]))):
                break
            end += 1
        ends.append(end)
    return ends


studies = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=80)
some = st.frozensets(st.integers(0, 79))


@given(studies, st.integers(1, 9), st.integers(), some, some)
def test_the_rule_in_any_order(qualities, slots, seed, diverge, slow):
    asha, ends = play(qualities, slots, random.Random(seed), diverge, slow)
    assert ends == by_brute_force(qualities, slots, diverge, slow)
    assert asha.reached() == tuple(sum(end >= rung for end in ends) for rung in range(len(RUNGS)))
    assert [[n for n, _ in compared] for compared in asha.compared] == [
        [n for n, end in enumerate(ends) if end >= rung] for rung in range(len(RUNGS))
    ]


@given(studies, st.integers(1, 5), st.integers(0, 79), st.integers())
def test_the_evidence_of_a_proposal_is_fixed(qualities, slots, entered, seed):
    """`certain` asks for what is there in the end, cut at a number that time does not change."""
    entered = min(entered, len(qualities))
    asha, ends = play(qualities, slots, random.Random(seed))
    for rung, count in enumerate(asha.certain(entered)):
        until = entered - min((slots - 1) * 3**rung, entered // 2)
        assert count == sum(end >= rung for end in ends[:until])


def test_evidence_that_is_not_there_yet_is_waited_for():
    asha = Asha((1, 3), slots=2)
    asha.enter(0)
    asha.enter(1)
    assert asha.certain(2)[0] > asha.reached()[0]
    list(asha.report(0, 1, (0.5, 0.0)))
    assert asha.certain(2)[0] == asha.reached()[0] == 1


@pytest.mark.parametrize("slots", [1, 4])
def test_about_one_in_three_goes_on(slots):
    qualities = [random.Random(7).random() for _ in range(1)] + [random.Random(k).random() for k in range(600)]
    asha, _ = play(qualities, slots, random.Random(0))
    first, second, third, _ = asha.reached()
    assert 0.28 < second / first < 0.40
    assert 0.25 < third / second < 0.45
