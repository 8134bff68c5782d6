"""``report(epoch, score)`` with the two the other way round, as other tuners have them: refused where it is called."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.clients import caviar_client


class Line:
    """A line to nobody, where every report gets an answer."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def say(self, message: dict[str, Any]) -> None:
        self.said.append(message)

    def hear(self) -> dict[str, Any]:
        return {"type": "go_on"}


def a_trial(epochs: int = 27, start: int = 0, **config: Any) -> caviar_client.Trial:
    message = {"trial": 0, "config": config, "seed": 1, "epochs": epochs, "folder": "nowhere"}
    if start:
        message["start"] = {"epoch": start, "path": "nowhere"}
    return caviar_client.Trial(Line(), message, True)


def epochs_of(calls: list[tuple[Any, ...]], **trial: Any) -> list[int]:
    """The epochs that arrive."""
    made = a_trial(**trial)
    for call in calls:
        made.report(*call)
    return [message["epoch"] for message in made._line.said]


@pytest.mark.parametrize(
    ("calls", "rule", "way_out"),
    [
        ([(20.7, 1)], "whole number", "trial.report(epoch=1, score=20.7)"),
        ([(0.93, 1)], "whole number", "trial.report(epoch=1, score=0.93)"),
        ([(float("nan"), 2)], "whole number", "trial.report(epoch=2, score=nan)"),
        ([(float("inf"), 2)], "whole number", "trial.report(epoch=2, score=inf)"),
        ([(np.float32(0.5), 2)], "whole number", "trial.report(epoch=2, score=0.5)"),
        ([("0.5", 2)], "whole number", "trial.report(epoch=2, score=0.5)"),
        ([(None, 2)], "needs an epoch", "trial.report(epoch, score)"),
        ([(0.93, 0)], "whole number", "report(epoch, score)"),
        ([(0, 0.93)], "from 1 on", "report(epoch, score)"),
        ([(-1, 0.93)], "from 1 on", "report(epoch, score)"),
        (
            [(3, 1), (2, 2)],
            "not after epoch 3",
            "trial.report(epoch=2, score=2)",
        ),  # a count of errors
        ([(3, 1), (3, 2)], "not after epoch 3", "trial.report(epoch=2, score=3)"),
        ([(3, 0.1), (2, 0.2)], "not after epoch 3", "report(epoch, score)"),
        (
            [(3, 1), (5, 2)],
            "counts like an epoch",
            "trial.report(epoch=2, score=5)",
        ),  # one that rises
        ([(4, 0), (7, 1)], "counts like an epoch", "trial.report(epoch=1, score=7)"),
        ([(2, 1), (4, 2), (7, 3)], "counts like an epoch", "trial.report(epoch=3, score=7)"),
        ([(2.0, 1)], "counts like an epoch", "trial.report(epoch=1, score=2.0)"),
        ([(90, 1)], "last epoch of the trial", "trial.report(epoch=1, score=90)"),
        ([(28, 0.5)], "last epoch of the trial", "report(epoch, score)"),
    ],
)
def test_a_score_in_the_place_of_the_epoch(calls, rule, way_out):
    with pytest.raises(ValueError, match=r"trial\.report") as refused:
        epochs_of(calls)
    said = str(refused.value)
    assert rule in said
    assert way_out in said
    assert "the order is trial.report(epoch, score)" in said


def test_the_loop_that_trial_epochs_gives_knows_its_epoch():
    trial = a_trial()
    assert next(trial.epochs()) == 1
    with pytest.raises(ValueError, match="counts like an epoch"):
        trial.report(7, 1)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([(1, 20.7), (2, 15.2)], [1, 2]),
        ([(1, 1), (2, 2), (3, 3)], [1, 2, 3]),
        ([(10, 1), (20, 2)], [10, 20]),  # every tenth epoch
        ([(3, 1.0), (5, 2.0)], [3, 5]),
        ([(1.0, 0.5), (np.int64(2), 0.5), (np.float64(3), 0.5)], [1, 2, 3]),  # as transformers' Trainer counts
        ([(27, 0.5), (28, 0.5)], [27, 28]),  # a loop that does not end by itself: caviar does
        ([(5, 40), (9, 41)], [5, 9]),
        ([(2, None), (3, 0.5)], [2, 3]),
    ],
)
def test_what_is_right_arrives(calls, expected):
    assert epochs_of(calls) == expected


def test_a_trial_that_goes_on_from_a_snapshot():
    trial = a_trial(start=9)
    trial.on_restore(lambda path: None)
    trial.on_save(lambda path: None)
    assert next(trial.epochs()) == 10
    trial.report(10, 0.5)
    with pytest.raises(ValueError, match="not after epoch 10"):
        trial.report(10, 0.5)


@pytest.mark.parametrize("score", [True, False, np.bool_(True), np.array(False)])
def test_true_and_false_are_no_scores(score):
    with pytest.raises(TypeError, match="must be one number, not '"):
        a_trial().report(1, score)
    with pytest.raises(TypeError, match="must be one number, not '"):
        a_trial().done(score)


@pytest.mark.parametrize(("reports", "went_on"), [(1, None), (2, None), (4, 3)])
def test_a_trial_that_goes_on_after_its_stop_says_so(monkeypatch, reports, went_on):
    monkeypatch.setattr(Line, "hear", lambda self: {"type": "stop"})
    trial = a_trial()
    for epoch in range(1, reports + 1):
        with pytest.raises(caviar_client.TrialStopped):
            trial.report(epoch, 0.5)
    trial.done()
    assert trial._line.said[-1].get("went_on") == went_on


def by_brackets(trial):
    return trial.config["learning_rat"]


def by_another_name(trial):
    parameters = dict(trial.config)
    return parameters["learning_rat"]


def by_attribute(trial):
    return trial.learning_rat


def by_attribute_of_the_config(trial):
    return trial.config.learning_rat


READS = [by_brackets, by_another_name, by_attribute, by_attribute_of_the_config]


@pytest.mark.parametrize("function", READS)
@pytest.mark.parametrize(
    ("names", "known"),
    [(["learning_rate", "b"], "did you mean 'learning_rate'?"), (["lr", "units"], "lr")],
)
def test_a_name_that_is_not_in_the_space_gets_those_that_are(function, names, known):
    trial = a_trial(**dict.fromkeys(names, 0.1))
    try:
        function(trial)
    except (KeyError, AttributeError):
        said = caviar_client._why(trial, *sys.exc_info()).splitlines()[-1]
    assert "learning_rat'" in said or "learning_rat:" in said
    assert known in said
    assert "known: " in said or "learning_rate'?" in said


def test_a_key_of_another_dict_is_not_taken_for_a_hyperparameter():
    def of_another(trial):
        history = {"loss": trial.config["lr"]}
        return history["accuracy"]

    trial = a_trial(lr=0.1)
    try:
        of_another(trial)
    except KeyError:
        said = caviar_client._why(trial, *sys.exc_info()).splitlines()[-1]
    assert said == "KeyError: 'accuracy'"


def test_after_the_end_nothing_is_checked():
    trial = a_trial()
    trial.done()
    with pytest.raises(caviar_client.TrialStopped):
        trial.report(0.5, 1)


@given(st.lists(st.floats(0.0001, 1000).filter(lambda x: not x.is_integer()), min_size=1))
def test_no_fractional_score_is_ever_an_epoch(scores):
    with pytest.raises(ValueError, match="whole number"):
        epochs_of([(score, epoch) for epoch, score in enumerate(scores, 1)])


@given(st.lists(st.floats(), max_size=27))
def test_no_right_call_is_refused(scores):
    assert epochs_of(list(enumerate(scores, 1))) == list(range(1, len(scores) + 1))


def test_the_config_is_the_programs_own():
    trial = a_trial(lr=0.1, sizes=[1, 2])
    trial.config.pop("lr")
    trial.config.setdefault("device", "cuda")
    assert trial.knobs == {"lr": 0.1, "sizes": (1, 2)}


@pytest.mark.parametrize("score", [(0.5, {}), "good", 1j, [0.5, 0.6]])
def test_a_score_that_is_no_number(score):
    with pytest.raises(TypeError, match="a score must be one number, not '" + type(score).__name__):
        a_trial().report(1, score)
    with pytest.raises(TypeError, match="a score must be one number"):
        a_trial().done(score)


@pytest.mark.parametrize("score", [{"loss": 0.5, "accuracy": 1}, {}, {"loss": "low"}, {"ok": True}])
def test_a_dict_that_is_no_score(score):
    with pytest.raises(TypeError, match=r"a score must be one number, and this dict has .*: give one, result"):
        a_trial().report(1, score)
    with pytest.raises(TypeError, match=r"a score must be one number, and this dict has .*: give one, result"):
        a_trial().done(score)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("suggest_float", "trial.config"),
        ("should_prune", "trial.report"),
        ("set_user_attr", "trial.set(name, value)"),
        ("params", "trial.config"),
        ("log", "trial.report"),
        ("lr", "trial.config['lr']"),
    ],
)
def test_a_name_of_another_tuner_is_answered_with_ours(name, ours):
    with pytest.raises(AttributeError) as refused:
        getattr(a_trial(lr=0.1), name)
    assert ours in str(refused.value)
