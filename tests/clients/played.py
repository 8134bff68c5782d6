"""Caviar's side of the protocol, played by a test: it starts a program, says one message at a time and hears one."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import caviar.clients

CLIENTS = Path(caviar.clients.__file__).parent
LONG = 120.0  # seconds; nothing takes so long unless it hangs


def interpreters() -> list[str]:
    """This Python, and each that pyenv has."""
    root = os.environ.get("PYENV_ROOT", "")
    if not root:
        try:
            root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            root = os.path.expanduser("~/.pyenv")
    return [sys.executable, *sorted(map(str, Path(root).glob("versions/[23].*/bin/python")))]


class Played:
    """A program under way; ``with Played(command, folder) as caviar``. It is killed at the end, if it has not ended."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._unread = b""
        self._errors = folder / "stderr"
        base = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        base["PYTHONDONTWRITEBYTECODE"] = "1"  # Python 2.7 would write its own beside the client
        with open(self._errors, "wb") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env={**base, "CAVIAR_PROTOCOL": "1", "PYTHONPATH": str(CLIENTS), **(environment or {})},
            )

    def __enter__(self) -> Played:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        if error is not None:
            error.add_note(f"the program wrote: {self.written()[-5000:]}")
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def say(self, kind: str, **message: Any) -> None:
        """Send a message."""
        self.say_line(json.dumps({"type": kind, **message}).encode() + b"\n")

    def say_line(self, line: bytes) -> None:
        """Send anything."""
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def trial(self, number: int = 0, epochs: int = 3, start: Any = None, **config: Any) -> None:
        """Give a trial."""
        folder = str(self.folder / "folders" / str(number))
        seed = 4000000000 + number
        self.say(
            "trial", caviar=1, trial=number, config=config, seed=seed, epochs=epochs, folder=folder, start=start, new=1
        )

    def hear(self) -> dict[str, Any]:
        """The next message; fails where a line is none, or there is no more."""
        line = self.hear_line()
        assert line, f"the program ended: {self.written()}"
        message: dict[str, Any] = json.loads(line)
        return message

    def hear_line(self) -> bytes:
        """The next line; empty at the end."""
        assert self.process.stdout is not None
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self.process.stdout], [], [], LONG)
            assert ready, f"the program says nothing: {self.written()}"
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            if not piece:
                return self._unread
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def close(self) -> None:
        """No more is said."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended(self) -> int:
        """The exit status, of a program that had nothing more to say."""
        assert self.hear_line() == b""
        return self.process.wait(LONG)

    def written(self) -> str:
        """The program's standard error, where its prints go too."""
        return self._errors.read_text(errors="replace")
