"""A line of a program is a message, plain output, or the end of its trial, and nothing else."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.protocol import messages as protocol
from caviar.protocol.messages import Did, Failure, Malformed, Measured, Over

plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = st.dictionaries(
    st.sampled_from(["type", "epoch", "step", "score", "values", "saves", "more", "why", "kind", "what"]),
    plain_json | st.sampled_from(["epoch", "step", "done", "failed", "saved", "restored", "cannot", "NaN"]),
)


@given(st.binary(max_size=200) | fields.map(lambda found: json.dumps(found).encode()))
def test_any_line_is_a_message_or_none_or_malformed(line):
    looks_like_one = line.lstrip().startswith(b"{")
    try:
        found = protocol.parse(line)
    except Malformed:
        assert looks_like_one
    else:
        assert (found is not None) == looks_like_one


@pytest.mark.parametrize(
    ("said", "score"),
    [("0.25", 0.25), ("3", 3.0), ("NaN", math.nan), ('"NaN"', math.nan), ("null", math.nan), ("-Infinity", -math.inf)],
)
def test_numbers_that_json_lacks(said, score):
    measured = protocol.parse(
        b'{"type": "epoch", "epoch": 2, "score": ' + said.encode() + b', "values": {"loss": NaN}}'
    )
    assert isinstance(measured, Measured)
    assert (measured.epoch, measured.step) == (2, None)
    assert measured.score == score or (math.isnan(score) and math.isnan(measured.score))
    assert math.isnan(measured.values["loss"])


def test_every_type():
    assert protocol.parse(b'{"type": "epoch", "epoch": 1, "saves": true}') == Measured(1, None, None, {}, True)
    assert protocol.parse(b'{"type": "step", "step": 0, "values": {"loss": 1}}') == Measured(
        None, 0, None, {"loss": 1.0}
    )
    assert protocol.parse(b'{"type": "epoch", "epoch": 3.0}') == Measured(3, None, None)  # a language of floats alone
    assert protocol.parse(b'{"type": "saved", "path": "x"}') == Did("saved")
    assert protocol.parse(b'{"type": "restored"}') == Did("restored")
    assert protocol.parse(b'{"type": "cannot", "why": "disk full"}') == Did("cannot", "disk full")
    assert protocol.parse(b' {"type": "done"}') == Over(None)
    assert protocol.parse(b'{"type": "done", "score": 1, "more": true}') == Over(1.0, True)
    assert protocol.parse(b'{"type": "failed", "kind": "out_of_memory", "why": "x"}') == Failure("out_of_memory", "x")


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"{}",
        b'{"type": "epoch"}',
        b'{"type": "epoch", "epoch": 0}',
        b'{"type": "epoch", "epoch": true}',
        b'{"type": "epoch", "epoch": 1.5}',
        b'{"type": "epoch", "epoch": 1, "score": "good"}',
        b'{"type": "epoch", "epoch": 1, "values": [1]}',
        b'{"type": "lunch"}',
        b'{"type": "failed", "kind": "bored"}',
        b'{"type": "done"} trailing',
        b'{"type": ' + b"[" * 100_000,
    ],
)
def test_malformed(line):
    with pytest.raises(Malformed, match="not a message"):
        protocol.parse(line)


def test_what_caviar_says_is_strict_json_on_one_line():
    message = protocol.trial(3, {"learning_rate": 0.1, "name": "ü\n"}, 7, 27, "/tmp/x", (9, "/tmp/x/9.snapshot"))
    line = protocol.line_of(message)
    assert line.count(b"\n") == 1
    assert json.loads(line)["start"] == {"epoch": 9, "path": "/tmp/x/9.snapshot"}
    with pytest.raises(ValueError, match="JSON"):
        protocol.line_of(protocol.go_on(knobs={"learning_rate": math.nan}))
