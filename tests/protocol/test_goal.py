"""The goal of the user's own code, by the names in it and by its scores."""

from __future__ import annotations

import math
from functools import partial, wraps

import pytest

from caviar.errors import ConfigError
from caviar.protocol.goal import LARGER, GoalUnclear, GoalWatch, goal_of_code, goal_of_request
from caviar.protocol.named_scores import reports_nothing, scores_of_function, scores_of_script


@pytest.mark.parametrize(
    ("score", "goal"),
    [
        ("loss", "minimize"),
        ("val_loss", "minimize"),
        ("validLoss.item()", "minimize"),
        ("-loss", "maximize"),
        ("-1 * loss", "maximize"),
        ("1 - accuracy", "minimize"),
        ("1 / (1 + mse)", "maximize"),
        ("total_loss / n", "minimize"),
        ("100 * error", "minimize"),
        ("loss + 0.1 * penalty", "minimize"),
        ("float(np.mean(losses))", "minimize"),
        ("min(best, loss)", "minimize"),
        ("history.history['val_loss'][-1]", "minimize"),
        ("logs.get('val_accuracy')", "maximize"),
        ("{'loss': x, 'status': STATUS_OK}", "minimize"),
        ("log_loss(y, p)", "minimize"),
        ("np.sqrt(mean_squared_error(y, p))", "minimize"),
        ("accuracy_after(network, epoch)", "maximize"),
        ("cross_val_score(model, x, y, scoring='neg_log_loss').mean()", "maximize"),
        ("-cross_val_score(model, x, y).mean()", "minimize"),
        ("loss if ok else math.inf", "minimize"),
        ("model.evaluate(x, y)", None),
        ("evaluate(model, loss_fn)", None),
        ("loss - accuracy", None),
        ("loss + accuracy", None),
        ("{'loss': a, 'accuracy': b}", None),
        ("score", None),
        ("0.5", None),
    ],
)
def test_names_in_an_expression(score, goal):
    found = [named.goal for named in scores_of_script(f"trial.report(epoch, {score})")]
    assert found == ([] if goal is None else [goal])
    assert [named.goal for named in scores_of_script(f"value = {score}\ntrial.done(score=value)")] == found


@pytest.mark.parametrize("source", ["trial.report(", "\0", "trial.report(1)", "x = x + loss; report(1, loss)", ""])
def test_a_script_without_a_name(source):
    assert scores_of_script(source) == []


def in_a_callback(trial):
    class Report:
        def on_epoch_end(self, epoch, logs):
            trial.report(epoch + 1, logs["val_loss"])
            return {"accuracy": 1.0}

    return Report()


def of_both_kinds(trial):
    trial.report(1, trial.loss)
    return trial.accuracy


class Trains:
    def __call__(self, trial):
        error = trial.config["x"]
        return error


def unknown(trial):
    return trial.config["x"]


def error_rate(trial):
    return unknown(trial)


def error_to_accuracy(trial):
    accuracy = unknown(trial)
    return accuracy


def test_functions_are_read_with_what_is_in_them():
    assert [named.goal for named in scores_of_function(in_a_callback)] == ["minimize"]
    assert scores_of_function(len) == scores_of_function(eval("lambda trial: loss")) == []
    assert goal_of_code(Trains(), None, None).goal == "minimize"
    assert goal_of_code(lambda trial: -trial.loss, None, None).goal == "maximize"
    assert goal_of_code(error_rate, None, None).goal == "minimize"
    assert goal_of_code(error_to_accuracy, None, None) == ("maximize", ())
    assert goal_of_code(unknown, None, None) == ("maximize", (LARGER,))
    both = goal_of_code(of_both_kinds, None, None)
    assert both.goal == "maximize"
    assert "'trial.loss'" in both.notes[0]
    assert "'trial.accuracy'" in both.notes[0]


def by_epochs(trial):
    for _ in trial.epochs():
        pass
    return trial.config["x"]


def by_another(trial):
    unknown(trial)
    return trial.config["x"]


def by_another_name(trial):
    report = trial.report
    report(1, 0.5)


def inside(trial):
    def callback():
        trial.report(1, 0.5)

    return callback


def of_items(trial, more=1):
    trial.set("seen", trial.number)
    return trial["x"] + trial.config["y"] + more


def wrapped(function):
    @wraps(function)
    def reporting(trial):
        trial.report(1, 0.5)
        return function(trial)

    return reporting


class Held:
    def train(self, trial):
        return trial.config["x"]

    def says(this, trial):
        trial.report(1, this.best)
        return this.best

    @classmethod
    def made(cls, trial):
        trial.report(1, cls.best)
        return cls.best

    def __call__(me, trial):
        trial.report(1, me.best)
        return me.best


@pytest.mark.parametrize(
    ("function", "silent"),
    [
        (unknown, True),
        (of_items, True),
        (Trains(), True),
        (Held().train, True),
        (Held().says, False),
        (Held.made, False),
        (Held(), False),
        (lambda trial: -trial.loss, True),
        (of_both_kinds, False),
        (in_a_callback, False),
        (by_epochs, False),
        (by_another, False),
        (by_another_name, False),
        (inside, False),
        (error_rate, False),
        (wrapped(unknown), False),
        (partial(of_items, more=2), False),
        (len, False),
        (lambda: 1, False),
    ],
)
def test_a_function_that_reports_nothing_is_known_by_its_code(function, silent):
    assert reports_nothing(function) is silent


def test_a_script_of_a_command_is_read(tmp_path):
    (tmp_path / "train.py").write_text("for t in trials():\n    t.report(1, val_loss)\n")
    found = goal_of_request(None, None, None, "python3 train.py --fast", str(tmp_path))
    assert found.goal == "minimize"
    assert "'val_loss'" in found.notes[0]
    assert goal_of_request("maximize", None, None, "python3 train.py", str(tmp_path)) == ("maximize", ())
    for command in ("python3 elsewhere.py", "./train", "python3 'train.py"):
        assert goal_of_request(None, None, None, command, str(tmp_path)).notes == (LARGER,)


@pytest.mark.parametrize("goal", ["best", "", 1])
def test_a_goal_is_one_of_two(goal):
    with pytest.raises(ConfigError, match="maximize or minimize"):
        goal_of_request(goal, None, None, None, None)


def watched(goal, ways, epochs=3):
    notes: dict[str, str] = {}
    watch = GoalWatch(goal, notes, refuses=False)
    for trial, way in enumerate(ways):
        for epoch in range(epochs):
            watch.see((trial, 0), 1.0 + way * epoch, {})
    return notes.get("goal", "")


@pytest.mark.parametrize(
    ("goal", "ways", "word"),
    [
        ("maximize", [-0.1] * 5, "fall"),
        ("maximize", [-0.1] * 4 + [0.1], "fall"),
        ("minimize", [0.1] * 5, "rise"),
        ("maximize", [-0.1] * 4, ""),
        ("maximize", [-0.1, 0.1] * 6, ""),
        ("maximize", [0.0] * 9, ""),
        ("maximize", [math.nan] * 9, ""),
    ],
)
def test_scores_that_go_the_wrong_way(goal, ways, word):
    note = watched(goal, ways)
    assert bool(note) == bool(word)
    assert word in note
    assert watched(goal, ways, epochs=2) == ""


def test_the_first_score_alone_is_compared_with_the_losses_beside_it():
    watch = GoalWatch("maximize", {}, refuses=True)
    with pytest.raises(GoalUnclear, match="val_loss"):
        watch.see((0, 0), 0.25, {"val_loss": 0.25, "lr": 0.1})
    watch.see((1, 0), 0.25, {"val_loss": 0.25})
    round_numbers = GoalWatch("maximize", {}, refuses=True)
    round_numbers.see((0, 0), 1.0, {"loss": 1.0})
    with pytest.raises(GoalUnclear):
        GoalWatch("maximize", {}, refuses=True).see((0, 0), 1.0, {"loss": 1.0}, reported=False)
