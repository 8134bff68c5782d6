"""Numbers in lines of output, as people write their expressions and as programs print their numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.protocol.messages import Malformed
from caviar.protocol.score import ScorePattern, goal_of_name, name_of_score

README = "val_acc=([0-9.]+)"
FORMS = (
    repr,
    str,
    "{:g}".format,
    "{:.3f}".format,
    "{:.4e}".format,
    "{:+.2E}".format,
    "{:8.4f}".format,
    "{:_.2f}".format,
    lambda x: str(np.float32(x)),
    lambda x: np.format_float_positional(x, trim="-"),
)


def value(pattern: str, line: str) -> float:
    found = ScorePattern(pattern).find(line)
    assert found is not None, line
    return found.value


@given(
    number=st.floats(allow_nan=False, width=32),
    form=st.sampled_from(FORMS),
    pattern=st.sampled_from(["val_acc= *([0-9.]+)", "val_acc=(.+?)(?: |$)", r"val_acc= *(\S+)", "val_acc.*?([0-9]+)"]),
    before=st.sampled_from(["", "epoch 3 ", "loss=1.5e-3 | "]),
    behind=st.sampled_from(["", " ", " lr=1e-3", "\t0.5"]),
)
def test_every_number_that_a_program_prints_is_read_whole(number, form, pattern, before, behind):
    printed = form(number)
    assume("(.+?)" not in pattern or (printed == printed.strip() and "\t" not in behind))
    line = f"{before}val_acc={printed}{behind}"
    assert value(pattern, line) == float(printed)


@pytest.mark.parametrize(
    ("pattern", "line", "expected"),
    [
        (README, "val_acc=0.93.", 0.93),  # a full stop ends the sentence
        (README, "val_acc=93.", 93.0),
        (README, "val_acc=6.05e-06.", 6.05e-06),
        (README, "val_acc=.5", 0.5),
        (README, "val_acc=-1.2E+3", -1200.0),
        (README, "val_acc=\N{MINUS SIGN}0.5", -0.5),
        (README, "val_acc=1_234.5", 1234.5),
        (README, "val_acc=1'234.5", 1234.5),
        (README, "val_acc=93.2%", 93.2),
        ("acc: ([0-9.]+%)", "acc: 93.2%", 93.2),
        (README, "val_acc=0.5,0.7", 0.5),  # a list, not a decimal comma
        (README, "val_acc=0.5, loss=0.7", 0.5),
        (README, "[val_acc=0.5]", 0.5),
        ("acc=([0-9.]+)", "train_acc=0.9 val_acc=0.7", 0.7),  # the last
        ("acc=([0-9.]+)", "train_acc=0.9 val_acc=-0.7", -0.7),
        ("loss.*([0-9.]+)", "loss 0.123", 0.123),  # .* has eaten all but the 3
        (r"loss=(\d+\.\d{2})", "loss=0.9372", 0.9372),
        ("loss=-?([0-9.]+)", "loss=-0.5", -0.5),
        ("loss -([0-9.]+)", "loss -0.5", 0.5),  # its writer takes it for a dash
        (r"time=([0-9.]+)ms", "time=12ms", 12.0),
        (r"(\d+)/\d+ right", "45/50 right", 45.0),
        ("acc=([0-9.,]+)", "acc=0,93", 0.93),
        ("acc=([0-9.,]+)", "acc=0,93, done", 0.93),
        ("acc=([0-9.,]+)", "acc=1,234.5", 1234.5),
        ("acc=([0-9.,]+)", "acc=1.234,5", 1234.5),
        ("acc=([0-9.,]+)", "acc=-0,5", -0.5),
        ("acc=([0-9.,]+)", "acc=1,234,567", 1234567.0),
        ("train.*|acc=([0-9.]+)", "acc=0.5", 0.5),
        ("loss=([0-9.]+)", "train_loss=0.5 val_loss=nan", math.nan),
        ("loss=([0-9.]+)", "loss=NaN", math.nan),
        ("loss.*?([0-9.]+)", "loss=inf lr=1e-3", math.inf),
        (r"([-+]\d+)", "a-6 delta=+5", 5.0),
        ("loss=([0-9.]+)", "loss=-inf", -math.inf),
        (r"loss=(\d+\.\d+)", "loss=inf", math.inf),
        ("loss=([0-9.]+)", "loss=Infinity,", math.inf),
    ],
)
def test_a_number_as_its_writer_meant_it(pattern, line, expected):
    assert value(pattern, line) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (README, "val_acc=0,93"),  # 0, or 0.93
        (README, "val_acc=1,234.5"),
        (README, "val_acc=1.234,5"),
        ("acc=([0-9.,]+)", "acc=1,234"),  # 1234, or 1.234
        ("acc=([0-9.,]+)", "acc=0.5,0.7"),
        (README, "val_acc=1.2.3"),
        (README, "val_acc=1.2k"),
        (r"time=([0-9.]+)", "time=980ms"),  # and 1.2s for the next
        (r"acc=(\d+\.\d)", "acc=1.2.3"),
        ("acc=(.*)", "acc=0.5 (best 0.4)"),
        ("acc=(.*)", "acc=tensor(0.5)"),
        ("acc=(.*)", "acc=unknown"),
        ("acc=(.*)", "acc="),
    ],
)
def test_what_could_be_another_number_is_refused(pattern, line):
    with pytest.raises(Malformed) as refused:
        ScorePattern(pattern).find(line)
    assert line[-3:] in str(refused.value)


@pytest.mark.parametrize("line", ["", "acc=0.5", "val_acc=", "val_acc=None", "information", "val_acc: 0.5"])
def test_a_line_without_a_score(line):
    assert ScorePattern(README).find(line) is None


@pytest.mark.parametrize("line", ["val_acc=6.05e-06", "val_acc=0.93.", "val_acc=-1e3", "val_acc=1 val_acc=2"])
def test_what_is_read_otherwise_than_the_expression_has_it_is_remarked(line):
    assert line in ScorePattern(README).find(line).remark
    assert not ScorePattern(README).find("val_acc=0.5 lr=1e-3").remark


@pytest.mark.parametrize("text", ["val_acc=[0-9.]+", "val_acc=([0-9.]+", "(?:1)"])
def test_an_expression_that_cannot_say_where_the_number_is(text):
    with pytest.raises(ConfigError) as refused:
        ScorePattern(text)
    ScorePattern(refused.value.way_out.partition("'")[2].partition("'")[0])  # the way out works


@pytest.mark.parametrize(
    ("pattern", "goal"),
    [
        ("val_loss=([0-9.]+)", "minimize"),
        ("valLoss: ([0-9.]+)", "minimize"),
        ("Test error rate ([0-9.]+)", "minimize"),
        ("RMSE ([0-9.]+)", "minimize"),
        (r"mean_squared_error\s*=\s*(\S+)", "minimize"),
        ("neg_mean_squared_error=([0-9.]+)", "maximize"),
        ("negative log loss=([0-9.]+)", "maximize"),
        ("val_acc=([0-9.]+)", "maximize"),
        (r"Test set: Average loss: .*, Accuracy: (\d+)", "maximize"),
        (r"accuracy \d+ \(loss ([0-9.]+)\)", "minimize"),
        ("(?P<val_loss>[0-9.]+) after", "minimize"),
        ("([0-9.]+) accuracy", "maximize"),
        ("(?i)LOSS (.*)", "minimize"),
        ("result=([0-9.]+)", None),
        ("([0-9.]+)", None),
        ("images per second ([0-9.]+)", None),
        ("error_free_accuracy ([0-9.]+)", None),
        ("lossless ([0-9.]+)", None),
    ],
)
def test_the_goal_by_the_name_in_the_expression(pattern, goal):
    assert goal_of_name(name_of_score(pattern)) == goal


@pytest.mark.parametrize(
    ("pattern", "line", "expected"),
    [
        (r"train=([0-9.]+) val=([0-9.]+)", "train=0.9 val=0.5", 0.9),
        (r"train=([0-9.]+) val=(?P<score>[0-9.]+)", "train=0.9 val=-0.5", -0.5),
        (r"test=([0-9.]+)|val=([0-9.]+)", "val=6.05e-06", 6.05e-06),
    ],
)
def test_the_group_of_the_score_among_several(pattern, line, expected):
    assert value(pattern, line) == expected
    assert ("the score is the first that matches" in ScorePattern(pattern).remark) is ("(?P<score>" not in pattern)
    assert name_of_score("(train) loss (?P<score>[0-9.]+)") == "loss"
    assert not ScorePattern(README).remark
