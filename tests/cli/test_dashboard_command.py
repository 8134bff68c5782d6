"""caviar dashboard as a person types it: one line on stdout, 130 after Ctrl-C, two lines for every mistake."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from caviar.cli.main import run
from caviar.store import Store

STORE = "caviar.db"
LOG = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} refused GET /api/studies from 127\.0\.0\.1: "


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store() -> str:
    Store.open(STORE).close()
    return STORE


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_line_and_ends_by_a_signal_with_a_stream_open(store: str, number: signal.Signals) -> None:
    command = [sys.executable, "-c", "from caviar.cli.main import main; main()", "dashboard", "--no-browser"]
    process = subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)\?token=([\w-]{43})\n", line)
    assert found is not None, line
    address, token = found.groups()
    assert httpx.get(f"{address}api/studies").status_code == 403
    headers = {"authorization": f"Bearer {token}"}
    with httpx.stream("GET", f"{address}api/events", headers=headers, timeout=600) as stream:
        next(stream.iter_lines())
        process.send_signal(number)
        out, err = process.communicate(timeout=600)
    assert process.returncode == 128 + number
    assert out == ""
    assert token not in err
    assert re.search(LOG, err)
    assert "Traceback" not in err


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    assert run(["dashboard", "--no-browser", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    rule, way_out = output.err.splitlines()
    return rule, way_out


def test_a_port_that_is_taken(store: str, taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    rule, way_out = refused(capsys, "--port", str(taken))
    assert rule == f"--port {taken} is taken by another program"
    assert way_out == "leave it out for a free one, or give another"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "\N{SNOWMAN}" * 70, "a" * 300])
def test_a_host_that_is_not_ours(store: str, capsys: pytest.CaptureFixture[str], host: str) -> None:
    rule, _ = refused(capsys, "--host", host, "--port", "0")
    assert rule.startswith("--host must be a name or an address of this machine")


def test_a_store_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    rule, _ = refused(capsys)
    assert rule == "there is no store at 'caviar.db'"
    assert not Path(STORE).exists()


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra(store: str, missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from caviar.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "dashboard"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    rule, way_out = done.stderr.splitlines()
    assert f"needs {missing}" in rule
    assert way_out == "pip install 'caviar-tuner[web]'"
