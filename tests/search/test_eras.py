"""A search over a space that was changed: laws of what earlier trials are in it, of the turn, and of its boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.records import Config, Task
from caviar.records.ranking import WORST
from caviar.scales import Choice, Fixed, Integer, Linear, Log
from caviar.scheduling.strategy import Strategy
from caviar.search.eras import Era, lacking, placed, search_of, turns_of, values_of
from caviar.search.searches import search_named
from caviar.space import Space

RUNGS = (1, 3, 9)
BASE = {
    "x": Log(1e-3, 1),
    "n": Integer(1, 32),
    "kind": Choice(["a", "b"]),
    "y": Linear(0, 1, when={"kind": ["b"]}),
}
SEARCHES = ["random", "sobol", "grid", "coarse_to_fine", "portfolio"]


@st.composite
def spaces(draw: Any) -> Space:
    """A space that may lie anywhere to another one of these: wider, narrower, with more and fewer names."""
    low = draw(st.sampled_from([1e-5, 1e-3, 1e-2]))
    x = draw(st.sampled_from([Log(low, 1), Log(low, 0.1), Fixed(0.05), Linear(0.001, 1)]))
    scales: dict[str, Any] = {"x": x}
    if draw(st.booleans()):
        scales["n"] = draw(st.sampled_from([Integer(1, 32), Integer(4, 8), Choice([4, 8, 16])]))
    choices = draw(st.sampled_from([["a", "b"], ["a"], ["a", "b", "c"], ["b", "c"]]))
    scales["kind"] = Choice(choices)
    if draw(st.booleans()):
        scales["y"] = Linear(0, draw(st.sampled_from([0.5, 1.0])), when={"kind": [choices[0]]})
    if draw(st.booleans()):
        scales["m"] = Linear(0, 1)
    space = Space(**scales)
    return space.require("x * n < 20") if "n" in scales and draw(st.booleans()) else space


def score(config: Config) -> tuple[float, float]:
    """A rank key that depends on the config alone; some diverge."""
    x = float(config["x"])  # type: ignore[arg-type]
    return WORST if x > 0.9 else (-abs(x - 0.02) - 0.01 * float(config.get("n", 4) or 4), 0.0)  # type: ignore[arg-type]


def played(
    search: str, eras: Sequence[Era], trials: int, late: Callable[[int], int] = lambda n: 0
) -> tuple[list[Task], Strategy]:
    """The first tasks of all trials; ``late`` holds so many reports back, as slow workers do."""

    def make(space: Space, boxes: int) -> Any:
        return search_named(search, space, 3, boxes=boxes)

    strategy = Strategy(make(eras[0].space, 0), RUNGS, trials=trials, turns=turns_of(eras, make))
    begun, waiting = [], list[Task]()
    while True:
        task = strategy.next()
        if task is None and not waiting:
            return begun, strategy
        if task is not None:
            waiting.append(task)
            begun += [task] if not task.from_epoch else []
        while waiting and (task is None or len(waiting) > late(len(begun))):
            first = waiting.pop(late(len(begun)) and len(begun) % len(waiting))
            strategy.report(first, score(first.config))
            task = task or first


@settings(max_examples=25, deadline=None)
@given(
    first=spaces(), changes=st.lists(st.tuples(spaces(), st.integers(1, 40)), min_size=1, max_size=3), data=st.data()
)
def test_every_trial_lies_in_its_space_and_those_before_a_change_are_as_without_it(
    first: Space, changes: list[tuple[Space, int]], data: Any
) -> None:
    search = data.draw(st.sampled_from(["random", "sobol", "coarse_to_fine", "portfolio"]))
    values = {"m": 0.5, "n": 4, "y": 0.25}
    eras = [Era(0, first)]
    for space, more in changes:
        eras.append(Era(eras[-1].first_trial + more, space, values))
    trials = eras[-1].first_trial + 30
    begun, strategy = played(search, eras, trials)
    assert [task.trial for task in begun] == list(range(trials))
    for task in begun:
        era = [era for era in eras if era.first_trial <= task.trial][-1]
        assert placed(era.space, {}, task.config) is not None
        assert placed(era.space, {}, task.config).config == task.config  # type: ignore[union-attr]
    # The trials before the last change are those of a study that was never changed after that.
    before, _ = played(search, eras[:-1], trials)
    last = eras[-1].first_trial
    assert begun[:last] == before[:last]
    # On many workers they are the same.
    many, again = played(search, eras, trials, late=lambda n: 3)
    assert [(task.trial, task.config, task.origin) for task in many] == [
        (task.trial, task.config, task.origin) for task in begun
    ]
    assert again.boxes == strategy.boxes
    assert [box.number for box in strategy.boxes] == list(range(1, len(strategy.boxes) + 1))


@pytest.mark.parametrize("search", [*SEARCHES, "optuna:tpe"])
def test_a_turn_while_it_runs_is_the_same_as_one_that_is_known_from_the_start(search: str) -> None:
    if search.startswith("optuna"):
        pytest.importorskip("optuna")
    first, second = Space(**BASE), Space(**{**BASE, "x": Log(1e-5, 1), "m": Linear(0, 1)})
    eras = [Era(0, first), Era(17, second, {"m": 0.5})]

    def make(space: Space, boxes: int) -> Any:
        return search_named(search, space, 3, boxes=boxes)

    replayed, _ = played(search, eras, 60)
    live = Strategy(make(first, 0), RUNGS, trials=60)
    begun: list[Task] = []
    while (task := live.next()) is not None:
        begun += [task] if not task.from_epoch else []
        live.report(task, score(task.config))
        if live.begun == 17 and len(begun) == 17:
            live.turn(turns_of(eras, make)[0])
            begun.append(Task(-1, 0, {}, 0, 0))  # once
    begun = [task for task in begun if task.trial >= 0]
    assert begun == replayed
    assert {"m" in task.config for task in begun[17:]} == {True}


def test_the_first_box_of_the_new_space_says_why_and_a_hyperparameter_that_was_not_varied_is_open_in_it() -> None:
    eras = [Era(0, Space(x=Log(1e-3, 1))), Era(40, Space(x=Log(1e-5, 1), m=Linear(0, 1)), {"m": 0.5})]
    _, strategy = played("coarse_to_fine", eras, 60)
    opened = next(box for box in strategy.boxes if box.first_trial >= 40)
    assert opened.reason.startswith("the space is another from trial 40 on; the best ")
    assert opened.ranges["m"] == {"low": 0.0, "high": 1.0}
    assert opened.ranges["x"]["low"] > 1e-4  # from trials of the old space
    later = [box for box in strategy.boxes if box.first_trial > opened.first_trial]
    assert all("another" not in box.reason for box in later)


def test_a_grid_goes_on_with_the_configs_that_were_not_tried() -> None:
    eras = [
        Era(0, Space(k=Choice(["a", "b"]), x=Log(1e-3, 1))),
        Era(4, Space(k=Choice(["a", "b", "c"]), x=Log(1e-3, 1))),
    ]
    begun, _ = played("grid", eras, 100)
    assert len({(task.config["k"], task.config["x"]) for task in begun}) == len(begun) == 9


WHOLE = {"kind": "b", "x": 0.5, "n": 3, "y": 0.1}


@pytest.mark.parametrize(
    ("space", "values", "config", "found"),
    [
        (Space(**BASE), {}, WHOLE, WHOLE),
        (Space(x=Log(1e-5, 2)), {}, WHOLE, {"x": 0.5}),  # left out: any value counts
        (Space(x=Log(1e-5, 0.4)), {}, WHOLE, None),
        (Space(x=Fixed(0.5)), {}, WHOLE, {"x": 0.5}),
        (Space(x=Fixed(0.25)), {}, WHOLE, None),
        (Space(x=Log(1e-3, 1), m=Linear(0, 1)), {}, WHOLE, None),  # it lacks m
        (Space(x=Log(1e-3, 1), m=Linear(0, 1)), {"m": 0.5}, WHOLE, {"x": 0.5, "m": 0.5}),
        (Space(x=Log(1e-3, 1), m=Linear(0, 1)), {"m": 2.0}, WHOLE, None),  # a value outside of the space
        (Space(kind=Choice(["a", "b"]), y=Linear(0, 1, when={"kind": ["a"]})), {}, WHOLE, {"kind": "b"}),
        (Space(kind=Choice(["a", "c"])), {}, WHOLE, None),
        (Space(x=Log(1e-3, 1), n=Integer(1, 4)).require("x * n < 1"), {}, WHOLE, None),
        (Space(n=Integer(1, 9, step=2)), {}, WHOLE, {"n": 3}),
        (Space(n=Integer(2, 8, step=2)), {}, WHOLE, None),
    ],
)
def test_an_earlier_trial_in_a_later_space(space: Space, values: Config, config: Config, found: Config | None) -> None:
    fit = placed(space, values, config)
    assert (None if fit is None else fit.config) == found
    if fit is not None:
        assert fit.lacks == found.keys() - config.keys()  # type: ignore[union-attr]
        assert space.fulfils(fit.config)
        space.to_unit([fit.config])


@settings(max_examples=60, deadline=None)
@given(first=spaces(), second=spaces(), seed=st.integers(0, 99))
def test_what_fits_is_a_config_of_the_space_and_what_lacks_nothing_and_does_not_fit_is_outside(
    first: Space, second: Space, seed: int
) -> None:
    for config in first.sample(8, seed):
        assert placed(first, {}, config) == (config, frozenset())
        fit = placed(second, {}, config)
        if lacking(second, {}, config):
            assert fit is None
        elif fit is None:  # brute force: some value of it is off its scale, or a constraint is broken
            applies = {name for name in config if name in second and not lacking(second, {}, {**config})}
            off = [name for name in applies if not second[name].contains(config[name])]
            assert off or second.constraints
        else:
            [again] = second.from_unit(second.to_unit([fit.config]))
            assert again.keys() == fit.config.keys()
            assert placed(second, {}, fit.config) == fit


def test_the_last_that_was_said_of_a_value_holds() -> None:
    eras = [Era(0, Space(x=1)), Era(3, Space(x=1, m=2), {"m": 1, "k": 2}), Era(5, Space(x=1), {"m": 3})]
    assert values_of(eras) == {"m": 3, "k": 2}
    plain = search_named("random", eras[0].space, 0)
    assert search_of(eras[:1], lambda space, boxes: plain) is plain
