"""Coarse to fine: boxes shrink onto the good part, reopen elsewhere, and say why."""

from __future__ import annotations

import math
import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.records.ranking import WORST
from caviar.scales import Choice, Integer, Linear, Log, OneMinusLog, PowerOfTwo
from caviar.scheduling.strategy import Strategy
from caviar.search.coarse_to_fine import CoarseToFine, Zoom
from caviar.search.contract import Compared
from caviar.search.region import Region
from caviar.search.searches import SEARCHES, search_named
from caviar.space import Space, default_space

RUNGS = (1, 3, 9, 27)
PLAIN = Space(learning_rate=Log(1e-4, 1, tier=1), dropout=Linear(0, 1), layers=Integer(1, 8))


def study(space: Space, rank_key, trials: int, search=None, seed: int = 0, stopping="halving"):
    """All (number, config, origin) of a study in which a config's rank key is ``rank_key(number, config, epoch)``."""
    strategy = Strategy(search or CoarseToFine(space, seed), RUNGS, pool=9, trials=trials, stopping=stopping)
    begun = []
    while not strategy.over and (step := strategy.next()) is not None:
        if step.from_epoch == 0:
            begun.append((step.trial, step.config, step.origin))
        value = rank_key(step.trial, step.config, step.to_epoch)
        strategy.report(step, (value, 0.0) if math.isfinite(value) else WORST)
    return begun, strategy.boxes


def near(number, config, epoch):
    """Best at a learning rate of 1e-2 and a dropout of 0.2, whatever the layers."""
    return -((math.log10(config["learning_rate"]) + 2) ** 2) - 4 * (config["dropout"] - 0.2) ** 2


def test_boxes_shrink_onto_the_best_part():
    begun, boxes = study(PLAIN, near, 600)
    assert len(boxes) >= 3
    last = boxes[-1].ranges
    assert 1e-3 < last["learning_rate"]["low"] < 1e-2 < last["learning_rate"]["high"] < 1e-1
    assert last["dropout"]["low"] < 0.2 < last["dropout"]["high"] < 0.6
    late = [config for number, config, origin in begun if number > 400 and origin.startswith("box")]
    assert np.mean([near(0, config, 1) for config in late]) > -0.2
    assert [box.first_trial for box in boxes] == sorted({box.first_trial for box in boxes})
    assert [box.number for box in boxes] == list(range(1, len(boxes) + 1))


def test_a_fifth_of_the_draws_comes_from_the_whole_space():
    begun, boxes = study(PLAIN, near, 600)
    since = [origin for number, _, origin in begun if number >= boxes[0].first_trial]
    assert since.count("whole space") / len(since) == pytest.approx(0.2, abs=0.01)
    rates = [c["learning_rate"] for n, c, o in begun if o == "whole space" and n >= boxes[0].first_trial]
    assert min(rates) < 1e-3 < 1e-1 < max(rates)


def test_a_box_is_left_when_the_whole_space_has_better():
    def moving(number, config, epoch):
        """From trial 300 on a second place is better, far away from the first."""
        here = -((math.log10(config["learning_rate"]) + 3.5) ** 2)
        there = 10 - 4 * (math.log10(config["learning_rate"]) + 0.5) ** 2
        return here if number < 300 else max(here, there)

    _, boxes = study(PLAIN, moving, 1500)
    early = [box for box in boxes if box.first_trial < 300]
    assert early[-1].ranges["learning_rate"]["high"] < 1e-2
    assert boxes[-1].ranges["learning_rate"]["low"] > 1e-2


def twice(number, config, epoch):
    """Equally good at two learning rates, three decades apart."""
    decade = math.log10(config["learning_rate"])
    return -min((decade + 3.5) ** 2, (decade + 0.5) ** 2) - 4 * (config["dropout"] - 0.2) ** 2


def test_two_boxes_are_open_where_the_best_lie_in_two_places():
    begun, boxes = study(PLAIN, twice, 900)
    at = {}
    for box in boxes:
        at.setdefault(box.first_trial, []).append(box)
    (first_trial, pair), *_ = [(trial, opened) for trial, opened in at.items() if len(opened) == 2]
    low, high = sorted(pair, key=lambda box: box.ranges["learning_rate"]["low"])
    assert low.ranges["learning_rate"]["high"] < 1e-2 < high.ranges["learning_rate"]["low"]
    held = {box.number: int(box.reason.split()[0]) for box in pair}
    assert sum(held.values()) == 8
    assert all(
        re.match(r"\d of the best 8 of \d+ at the rung of \d+ epochs lie here, and the others elsewhere in ", b.reason)
        for b in pair
    )
    until = min([trial for trial in at if trial > first_trial], default=900)
    drawn = {
        box.number: [c for n, c, o in begun if first_trial <= n < until and o == f"box {box.number}"] for box in pair
    }
    assert all(drawn.values())
    for box in pair:  # each draw is inside the box that it is said to come from
        rates = [config["learning_rate"] for config in drawn[box.number]]
        assert box.ranges["learning_rate"]["low"] <= min(rates) <= max(rates) <= box.ranges["learning_rate"]["high"]


def test_boxes_get_draws_as_they_hold_of_the_best():
    search = CoarseToFine(PLAIN, 0)
    search._open = [Region(np.zeros(3), np.ones(3), held=held) for held in (5, 3)]
    whose = search._box_of(np.arange(1000, 3000))
    assert np.mean(whose == 0) == pytest.approx(5 / 8, abs=0.01)
    assert np.mean(whose[::5] == 0) == pytest.approx(5 / 8, abs=0.01)  # whichever are from the whole space


def test_one_box_where_the_best_lie_together_or_a_single_one_lies_apart():
    def together(number, config, epoch):  # near leaves the layers to chance
        return near(number, config, epoch) - 0.01 * (config["layers"] - 4) ** 2

    _, boxes = study(PLAIN, together, 900)
    assert len({box.first_trial for box in boxes}) == len(boxes)


def test_a_reason_says_how_many_lie_here_and_what_changed():
    _, boxes = study(PLAIN, near, 300)
    assert re.match(r"the best 8 of \d+ at the rung of (9|27) epochs lie here; ", boxes[0].reason)
    assert any("learning_rate narrowed from 0.0001..1 to " in box.reason for box in boxes)


def test_categories_are_narrowed_by_weights_and_none_is_dropped():
    space = Space(activation=Choice(["relu", "tanh", "sigmoid"]), learning_rate=Log(1e-4, 1))

    def rank_key(number, config, epoch):
        return {"relu": 2.0, "tanh": 1.0, "sigmoid": 0.0}[config["activation"]] + random.Random(number).random() / 2

    begun, boxes = study(space, rank_key, 400)
    weights = boxes[-1].ranges["activation"]["weights"]
    assert sum(weights.values()) == pytest.approx(1, abs=0.01)
    assert weights["relu"] > 0.6
    assert min(weights.values()) > 0.05
    late = [c["activation"] for n, c, o in begun if n > 200 and o.startswith("box")]
    assert set(late) == {"relu", "tanh", "sigmoid"}


def test_a_conditional_hyperparameter_is_narrowed_where_it_applies():
    space = Space(
        optimizer=Choice(["adam", "momentum"]),
        beta1=OneMinusLog(0.9, 0.999, when={"optimizer": ["adam"]}),
        momentum=OneMinusLog(0.9, 0.999, when={"optimizer": ["momentum"]}),
    )

    def rank_key(number, config, epoch):
        return -abs(config["beta1"] - 0.95) if "beta1" in config else -1.0

    begun, boxes = study(space, rank_key, 400)
    assert boxes[-1].ranges["beta1"]["low"] < 0.95 < boxes[-1].ranges["beta1"]["high"] < 0.98
    late = [c for n, c, o in begun if n > 300]
    assert any("momentum" in c for c in late)
    assert all(("beta1" in c) != ("momentum" in c) for c in late)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_space_of_one_value_and_conditions_that_never_hold(name):
    contradicting = Space(
        a=Choice([1, 2]),
        b=Choice([1, 2], when={"a": [1]}),
        c=Linear(0, 1, when={"a": [2], "b": [1]}),  # b applies where a is 1
        d=3,
    )
    for space, trials in ((contradicting, 60), (Space(d=3), 60), (Space(d=Choice([7])), 60)):
        begun, _ = study(space, lambda number, config, epoch: 0.5, trials, search_named(name, space, 1))
        assert begun
        assert all("c" not in config for _, config, _ in begun)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_study_in_which_everything_diverges_goes_on_to_its_end(name):
    begun, boxes = study(default_space(), lambda *_: math.nan, 100, search_named(name, default_space(), 0))
    assert len(begun) == 100
    assert not boxes


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_any_space_any_rank_keys_configs_stay_on_their_scales(seed, data):
    kinds = [Log(1e-3, 1, zero=0.2), Linear(-1, 1), Integer(1, 3), Integer(5, 500, log=True), PowerOfTwo(2, 4)]
    kinds += [Choice(["a", "b", "c"]), OneMinusLog(0.0, 0.99)]
    chosen = data.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5))
    space = Space(**{f"h{i}": scale for i, scale in enumerate(chosen)})

    def rank_key(number, config, epoch):
        value = random.Random(seed + number).choice([0.0, 0.5, random.Random(number + epoch).random(), math.nan])
        return value

    begun, boxes = study(space, rank_key, 150, seed=seed)
    assert [number for number, _, _ in begun] == list(range(150))
    for _, config, _ in begun:
        space.to_unit([config])  # raises for a value off its scale
    for box in boxes:
        for name, part in box.ranges.items():
            assert "weights" in part or part["low"] <= part["high"]
            assert "weights" in part or space[name].contains(part["low"])


def bowl(at) -> float:
    """A bowl of four numbers on a log scale, which differ in importance; its best is 0."""
    return -sum((math.log10(at[f"x{i}"]) + 1 + i) ** 2 / 4**i for i in range(4))


BOWL = Space(**{f"x{i}": Log(1e-5, 1) for i in range(4)})


def one_score(search, trials: int, slots: int, worth=bowl) -> list[float]:
    """The worth of the trials, in their order, of a program that returns one score; ``slots`` are busy at once."""
    strategy = Strategy(search, (1,), trials=trials, stopping="none", slots=slots)
    found, busy = {}, []
    while True:
        while len(busy) < slots and (task := strategy.next()) is not None:
            busy.append(task)
        if not busy:
            break
        task = busy.pop(0)
        value = found[task.trial] = worth(task.config)
        strategy.report(task, (value, 0.0) if math.isfinite(value) else WORST)
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize(("slots", "times"), [(1, 30), (4, 10)])
def test_where_trials_hold_slots_it_is_far_nearer_to_the_best_than_draws_that_do_not_look(slots, times):
    regrets = {
        name: np.median([-max(one_score(search_named(name, BOWL, seed, slots=slots), 60, slots)) for seed in range(5)])
        for name in ("coarse_to_fine", "sobol")
    }
    assert regrets["coarse_to_fine"] * times < regrets["sobol"]


@pytest.mark.parametrize(("slots", "lag"), [(1, 5), (2, 6), (12, 22)])
def test_where_trials_hold_slots_each_draw_looks_at_all_but_the_last_few(slots, lag):
    """A slow trial does not keep the others waiting, nor does one of which it is not known why it failed."""
    search = CoarseToFine(BOWL, 0, slots=slots)
    looked = []
    propose = search.propose

    def spy(number, evidence):
        looked.append((number, len(evidence[0])))
        return propose(number, evidence)

    search.propose = spy
    one_score(search, 60, slots)
    assert [number for number, _ in looked] == list(range(60))
    assert all(seen == number - lag for number, seen in looked if number >= 2 * lag)
    if slots == 1:  # at first it looks at the earlier half
        assert all(seen == number - min(lag, number // 2) for number, seen in looked)


def test_what_is_asked_and_has_no_result_yet_is_pending():
    search = CoarseToFine(BOWL, 0, Zoom(whole_space=0.0), slots=1)
    strategy = Strategy(search, (1,), trials=200, stopping="none", at_once=True)
    best_of, pending = search._model.best_of, []

    def spy(candidates, allowed, points):
        pending.append(points)
        return best_of(candidates, allowed, points)

    search._model.best_of = spy
    for _ in range(20):
        task = strategy.next()
        strategy.report(task, (bowl(task.config), 0.0))
    assert {len(points) for points in pending} == {0}
    asked = [strategy.next() for _ in range(5)]
    assert [len(points) for points in pending[-5:]] == [0, 1, 2, 3, 4]
    known = np.sort(BOWL.to_unit([task.config for task in asked[:4]]), axis=0)
    assert np.allclose(np.sort(pending[-1], axis=0), known)


def test_what_does_not_apply_has_no_place():
    """A draw between 0 and 1 stands there for a hyperparameter that does not apply; the Gaussian process sees none."""
    space = Space(
        optimizer=Choice(["adam", "momentum"]),
        beta1=OneMinusLog(0.9, 0.999, when={"optimizer": ["adam"]}),
        momentum=OneMinusLog(0.9, 0.999, when={"optimizer": ["momentum"]}),
    )
    search = CoarseToFine(space, 0, slots=4)
    best_of, seen = search._model.best_of, []

    def spy(candidates, allowed, pending):
        seen.extend([candidates.reshape(-1, 3), pending])
        return best_of(candidates, allowed, pending)

    search._model.best_of = spy
    one_score(search, 60, 4, lambda config: config.get("beta1", config.get("momentum")))
    points = np.vstack(seen)
    adam = points[:, space.searched.index("optimizer")] < 0.5
    assert 0 < adam.sum() < len(adam)
    assert np.array_equal(np.isnan(points[:, space.searched.index("momentum")]), adam)
    assert np.array_equal(np.isnan(points[:, space.searched.index("beta1")]), ~adam)


def test_where_trials_fail_it_draws_less():
    def fails(at) -> float:
        return math.nan if abs(math.log10(at["x1"]) + 2) < 0.4 else bowl(at)  # the best would be in the middle of it

    failed = {}
    for learns in (0, 16):
        search = CoarseToFine(BOWL, 0, Zoom(failed=learns, whole_space=0.0), slots=1)
        failed[learns] = sum(not math.isfinite(value) for value in one_score(search, 100, 1, fails))
    assert failed[16] * 3 < failed[0]


def test_the_first_box_opens_with_eight_trials_at_the_last_rung_but_one():
    """Two that finished open it as well; see above for a study in which these are first."""
    for at, opens in ((2, True), (1, False)):
        search = CoarseToFine(PLAIN, 0)
        configs = PLAIN.sample(8, seed=0)
        evidence = [
            [Compared(i, config, rung, 3**rung, (near(i, config, 1), 0.0)) for i, config in enumerate(configs)]
            if rung <= at
            else []
            for rung in range(4)
        ]
        assert bool(search.propose(8, evidence)[1]) is opens


def test_tiers_open_one_after_the_other():
    space = Space(
        learning_rate=Log(1e-4, 1, tier=1),
        momentum=OneMinusLog(0.9, 0.999, tier=2),
        layers=Integer(1, 5, tier=3),
        l2=Log(1e-6, 1e-2),
    )
    search = CoarseToFine(space, 0, Zoom(tier_opens=(0, 10, 20, 30)))
    begun, _ = study(space, lambda *_: 0.0, 60, search)
    middle = begun[0][1]
    for name, opens in (("learning_rate", 1), ("momentum", 10), ("layers", 20), ("l2", 30)):
        before = {config[name] for number, config, _ in begun if number < opens}
        after = {config[name] for number, config, _ in begun if number >= opens}
        assert before <= {middle[name]}
        assert len(after) > 3


@pytest.mark.parametrize("seed", range(4))
def test_what_was_never_varied_stays_whole(seed: int):
    """While its tier is closed a hyperparameter stands in the middle of its scale, which says nothing of the rest."""
    space = Space(
        learning_rate=Log(1e-4, 1, tier=1),
        batch_size=PowerOfTwo(32, 512, tier=2),
        layers=Integer(1, 4, tier=3),
        beta2=OneMinusLog(0.9, 0.999, tier=4),
        dropout=Linear(0, 0.5),
        l2=Log(1e-6, 1e-2),
    )
    late = [name for name in space.searched if space[name].tier is None]  # open from trial 6 on
    assert "dropout" in late
    search = CoarseToFine(space, seed)
    evidence: list[list[Compared]] = [[], []]
    number, boxes, begun = 0, [], []
    while number < 7:
        proposals, opened = search.propose(number, evidence)
        boxes += opened
        for proposal in proposals:
            begun.append(proposal)
            compared = [Compared(number, proposal.config, rung, 3**rung, (-number, 0.0)) for rung in (0, 1)]
            for rung in (0, 1):  # the earliest trials stay the best
                evidence[rung].append(compared[rung])
            number += 1
    assert boxes
    for box in boxes:
        for name in late:
            scale = space[name]
            assert box.ranges[name] == {"low": scale.from_unit(0.0), "high": scale.from_unit(1.0)}
        assert not any(name in box.reason for name in late)
    after, _ = search.propose(number, evidence)
    values = [p.config["dropout"] for p in after if p.origin.startswith("box")]
    assert len(set(values)) == len(values)  # and it is varied from now on
