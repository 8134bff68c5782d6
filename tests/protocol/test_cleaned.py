"""Escape sequences, control characters and half letters of programs: written out where they enter."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

import caviar
from caviar.cli.main import run
from caviar.protocol.decoding import as_lines
from caviar.protocol.messages import Failure, Malformed, Measured, Over, parse
from caviar.records.names import cleaned, cleaned_value
from caviar.store import Store

HOSTILE = "a\x1b]0;OWNED\x07\0\ud800\u202eb\u0085"
SHOWN = r"a\x1b]0;OWNED\x07\x00\ud800\u202eb\x85"


def test_what_is_printable_stays_and_all_else_is_written_out():
    assert cleaned(HOSTILE) == SHOWN
    assert cleaned("Größe 数 ✓\n\tline") == "Größe 数 ✓\n\tline"
    assert cleaned(cleaned(HOSTILE)) == SHOWN
    assert cleaned_value({HOSTILE: [HOSTILE, 1.0, None, True]}) == {SHOWN: [SHOWN, 1.0, None, True]}


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"type": "failed", "why": HOSTILE}, Failure("error", SHOWN)),
        ({"type": "epoch", "epoch": 1, "score": 0.5, "values": {HOSTILE: 1}}, Measured(1, None, 0.5, {SHOWN: 1.0})),
        ({"type": "done", "attributes": {HOSTILE: {HOSTILE: 2}}}, Over(None, False, {SHOWN: {SHOWN: 2}})),
    ],
)
def test_a_message_is_cleaned(message: dict, found: object):
    assert parse(json.dumps(message).encode()) == found
    assert parse(b"\xef\xbb\xbf" + json.dumps(message).encode()) == found


@pytest.mark.parametrize("line", [b'{"type":"\x1b[2J"}', b"{\x1b]0;x\x07", b'{"type":"failed","kind":"\\u202e"}'])
def test_a_message_that_is_none_is_shown_with_its_escapes(line: bytes):
    with pytest.raises(Malformed) as error:
        parse(line)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("number", [10**20, -1, 2**53 + 1, 1e300, 10**400])
def test_a_step_that_no_database_counts_is_refused(number: float):
    with pytest.raises(Malformed):
        parse(json.dumps({"type": "step", "step": number, "values": {"loss": 1}}).encode())
    with pytest.raises(Malformed):
        parse(json.dumps({"type": "epoch", "epoch": number, "score": 1}).encode())


def test_lines_of_a_terminal():
    assert as_lines("\x1b[31mred\x1b[0m\r\n10 %\r20 %\r\n\x1b]0;title\x07end") == "red\n10 %\n20 %\nend"


PROGRAM = """
import json, sys
out = sys.stdout.buffer
for line in sys.stdin:
    if json.loads(line)["type"] != "trial":
        break
    out.write(b"\\xef\\xbb\\xbf")
    for message in MESSAGES:
        out.write(json.dumps(message).encode() + b"\\n")
        out.flush()
        if message["type"] == "epoch":
            sys.stdin.readline()
"""


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([{"type": "epoch", "epoch": 1, "score": 0.5, "values": {HOSTILE: 1.0}}, {"type": "done"}], 0),
        ([{"type": "failed", "why": HOSTILE}], 1),
        ([{"type": "epoch", "epoch": 10**20, "score": 0.5}], 1),
    ],
)
def test_no_screen_and_no_diary_has_a_control_character(messages, status, store_url, tmp_path, capsys):
    (tmp_path / "p.py").write_text(PROGRAM.replace("MESSAGES", repr(messages)))
    (tmp_path / "c.toml").write_text("lr = 0.1\n")
    command = shlex.join([sys.executable, "p.py"])
    at = ["--store", store_url]
    assert run(["babysit", "--command", command, "--config", "c.toml", "--epochs", "1", "--name", "r", *at]) == status
    for line in (["watch", "r", "--once"], ["diary", "r"], ["diary", "r", "--json"], ["export", "r"]):
        assert run([*line, *at]) == 0
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert all(c.isprintable() or c in "\n\r" for c in text)
    assert "Traceback" not in printed.err


def test_reasons_are_cleaned(tmp_path):
    with caviar.open_study("s", caviar.Space(x=caviar.Linear(0, 1)), store=tmp_path / "a.db") as study:
        trial = study.ask()[0]
        study.tell(trial, infeasible=HOSTILE)
    with Store.open(tmp_path / "a.db") as store:
        assert store.trials("s")[0].error == SHOWN
