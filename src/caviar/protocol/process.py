"""One process that trains for us: started, written to, read from, ended with all of its children.

Nothing here blocks but ``end``. What the process writes is read when there is some, and kept within limits: a line of
a message, and the last lines of everything else, for the day on which it fails.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from caviar.protocol.messages import LONGEST

_CHUNK = 1 << 16  # bytes read at once
_KEPT = 1 << 14  # bytes of what it wrote last
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux's prctl


class Program:
    """A process whose standard input and output are ours."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        pass_fds: Sequence[int] = (),
        one_output: bool = False,
    ) -> None:
        """Start it, in the working folder; with ``one_output`` its standard error is read as its output.

        Raises OSError where it cannot be started.
        """
        self._kills = _kills_for_memory()
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if one_output else subprocess.PIPE,
            env={**os.environ, **environment},
            pass_fds=pass_fds,
            start_new_session=True,  # Ctrl-C is ours to pass on, and its children are ended with it
            bufsize=0,
            preexec_fn=_die_with_parent,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._input = self._process.stdin.fileno()
        self._output = self._process.stdout.fileno()
        self._open = {pipe.fileno() for pipe in (self._process.stdout, self._process.stderr) if pipe is not None}
        for descriptor in (self._input, *self._open):
            os.set_blocking(descriptor, False)
        self._lines: deque[bytes] = deque()
        self._rest = b""  # of the output, after its last newline
        self._unsent = b""
        self._said = b""  # the last of what it wrote that is no message

    @property
    def open(self) -> frozenset[int]:
        """The descriptors from which there may be more."""
        return frozenset(self._open)

    @property
    def has_unsent(self) -> bool:
        """Whether there is more to write than the pipe took."""
        return bool(self._unsent)

    def send(self, line: bytes = b"") -> bool:
        """Write ``line``, as much of it as goes, and what did not go before; False if nobody reads it any more."""
        self._unsent += line
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._input, self._unsent) :]
        except BlockingIOError:
            return True
        except OSError:  # it has ended
            return False
        return True

    def read(self, descriptor: int) -> bool:
        """Take in some of what is there now; False if there is nothing."""
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self._open.discard(descriptor)
            if descriptor == self._output and self._rest:  # a last line without an end
                self._lines.append(self._rest)
                self._rest = b""
        elif descriptor != self._output:
            self.keep(chunk)
        else:
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._lines.extend(lines)
        return bool(chunk)

    def drain(self) -> int:
        """Take in all that is there now, of a process that has ended; how many lines wait.

        Its children may hold the other ends of the pipes open, so that no end of them is ever read.
        """
        for descriptor in list(self._open):
            chunks = 0
            while descriptor in self._open and chunks < _KEPT and self.read(descriptor):
                chunks += 1
        return len(self._lines)

    def next_line(self) -> bytes | None:
        """The next line of its output, without its end; None while there is none."""
        return self._lines.popleft() if self._lines else None

    def hush(self) -> None:
        """Pass over the lines that wait: it has no trial to tell of."""
        self._lines.clear()

    @property
    def waiting_lines(self) -> int:
        """Lines that it wrote and nobody took yet."""
        return len(self._lines)

    @property
    def is_flooding(self) -> bool:
        """Whether it writes a line longer than a message may be."""
        return len(self._rest) > LONGEST

    def keep(self, said: bytes) -> None:
        """Remember the last of what it wrote that is no message."""
        self._said = (self._said + said)[-_KEPT:]

    @property
    def last_words(self) -> str:
        """The last lines that it wrote and that are no messages."""
        return self._said.decode(errors="replace").strip()

    def forget(self) -> None:
        """A new trial: what was written before is another's."""
        self._said = b""

    @property
    def has_ended(self) -> bool:
        """Whether it is gone; its children are ended then."""
        if self._process.returncode is None:
            status = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if status is not None:  # while nobody has waited for it, the number of its group is nobody else's
                self._signal(signal.SIGKILL)
        return self._process.poll() is not None

    @property
    def ended_well(self) -> bool:
        """Whether it has ended with exit status 0."""
        return self._process.returncode == 0

    @property
    def was_killed_for_memory(self) -> bool:
        """Whether a signal that was not ours ended it while the system counted a kill for want of memory."""
        return self._process.returncode == -signal.SIGKILL and _kills_for_memory() > self._kills

    @property
    def ending(self) -> str:
        """How it ended, for people."""
        status = self._process.returncode
        if status is None:
            return "it is running"
        if status >= 0:
            return f"it ended with exit status {status}"
        name = signal.Signals(-status).name if -status in signal.Signals.__members__.values() else f"signal {-status}"
        return f"it was ended by {name}"

    def ask_to_end(self) -> None:
        """Close its input and send it SIGTERM."""
        with suppress(OSError):
            assert self._process.stdin
            self._process.stdin.close()
        if not self.has_ended:
            self._signal(signal.SIGTERM)

    def end(self) -> None:
        """End it, and all of its children."""
        if not self.has_ended:
            self._signal(signal.SIGKILL)
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """Linux: a process does not outlive a caviar that was killed. Elsewhere it finds out at its next message."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _kills_for_memory() -> int:
    """How many processes the system, or our control group, has killed for want of memory so far."""
    count = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with suppress(OSError, ValueError):
            for row in Path(path).read_text().splitlines():
                name, _, value = row.partition(" ")
                if name == "oom_kill":
                    count += int(value)
    return count
