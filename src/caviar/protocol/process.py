"""One process that trains for us: started, written to, read from, ended with all of its children.

Nothing here blocks but ``end``. Output is read when there is some, and kept within limits: the lines of messages, and
the last lines of everything else, to be shown when the process fails.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from caviar.machine import processors
from caviar.protocol.decoding import as_lines, decoded
from caviar.protocol.messages import LONGEST
from caviar.protocol.minder import MINDER
from caviar.records.names import cleaned

_CHUNK = 1 << 16  # bytes read at once
_KEPT = 1 << 14  # bytes of its last output
_END = re.compile(rb"(\r(?!\n)|\r?\n)")
_SIGNALS = {
    signal.SIGKILL: ", by somebody or by the system for want of memory,",
    signal.SIGSEGV: ", a wrong access to memory in compiled code,",
    signal.SIGBUS: ", a wrong access to memory, or no room left for a mapped file,",
    signal.SIGABRT: ", as compiled code ends where it cannot go on,",
    signal.SIGILL: ", compiled code for another processor,",
    signal.SIGFPE: ", a whole number divided by zero in compiled code,",
    signal.SIGXCPU: ", the limit of processor time,",
    signal.SIGXFSZ: ", the limit of a file's size,",
}
"""The usual reasons of signals, for those who do not know their names."""
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux's prctl


class Program:
    """A process whose standard input and output are ours."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        pass_fds: Sequence[int] = (),
        one_output: bool = False,
        cwd: str | None = None,
    ) -> None:
        """Start it, in the folder ``cwd``; None is the working folder.

        With ``one_output`` its standard error is read as its output, and a line ends at a carriage return, too; each
        line keeps its end.

        Raises OSError where it cannot be started.
        """
        self._kills = _kills_for_memory()
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if one_output else subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **({} if cwd is None else {"PWD": cwd}), **environment},
            pass_fds=pass_fds,
            start_new_session=True,  # so Ctrl-C reaches it only through us, and its children end with it
            bufsize=0,
            preexec_fn=_die_with_parent,
        )
        MINDER.mind(self._process.pid)
        assert self._process.stdin
        assert self._process.stdout
        self._input = self._process.stdin.fileno()
        self._output = self._process.stdout.fileno()
        self._open = {pipe.fileno() for pipe in (self._process.stdout, self._process.stderr) if pipe is not None}
        for descriptor in (self._input, *self._open):
            os.set_blocking(descriptor, False)
        self._split = _drawn_lines if one_output else _lines
        self._one_output = one_output
        self._lines: deque[bytes] = deque()
        self._rest = b""  # of the output, after its last newline
        self._unsent = b""
        self._said = b""  # its last output that is no message

    @property
    def open(self) -> frozenset[int]:
        """The descriptors from which there may be more."""
        return frozenset(self._open)

    @property
    def has_unsent(self) -> bool:
        """True while some of the input is not written yet."""
        return bool(self._unsent)

    def send(self, line: bytes = b"") -> None:
        """Write the rest of earlier lines, and ``line``, as far as the pipe takes them."""
        self._unsent += line
        with suppress(OSError):  # it is full, or closed: the process has ended
            while self._unsent:
                self._unsent = self._unsent[os.write(self._input, self._unsent) :]

    def read(self, descriptor: int) -> bool:
        """Read some of the output that is there now; False if there is none."""
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
            *lines, self._rest = self._split(self._rest + chunk)
            self._lines.extend(lines)
            if self._one_output:  # what counts in a long line stands at its end
                self._rest = self._rest[-LONGEST:]
        return bool(chunk)

    def drain(self) -> int:
        """Read all output of a process that has ended; returns the number of lines that wait.

        Its children may hold the pipes open, so that their end is never read.
        """
        for descriptor in list(self._open):
            chunks = 0
            while descriptor in self._open and chunks < _KEPT and self.read(descriptor):
                chunks += 1
        return len(self._lines)

    def next_line(self) -> bytes | None:
        """The next line of its output, None while there is none; without its end, but for one output."""
        return self._lines.popleft() if self._lines else None

    def hush(self) -> None:
        """Drop the lines that wait: the process has no trial."""
        self._lines.clear()

    @property
    def waiting_lines(self) -> int:
        """The number of lines that wait to be taken."""
        return len(self._lines)

    @property
    def is_flooding(self) -> bool:
        """True where a line is longer than a message may be."""
        return len(self._rest) > LONGEST

    def keep(self, said: bytes) -> None:
        """Keep output that is no message, the last of it."""
        self._said = (self._said + said)[-_KEPT:]

    @property
    def last_words(self) -> str:
        """The last lines of its output that are no messages."""
        return cleaned(as_lines(decoded(self._said))).strip("\n").rstrip()

    def forget(self) -> None:
        """Drop the output of the trial before."""
        self._said = b""

    @property
    def has_ended(self) -> bool:
        """True after the end of the process; its children are ended then."""
        if self._process.returncode is None:
            status = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if status is not None:  # not waited for yet, so the number of its group cannot be another's
                self._signal(signal.SIGKILL)
                MINDER.forget(self._process.pid)
        return self._process.poll() is not None

    @property
    def ended_well(self) -> bool:
        """True after an end with exit status 0."""
        return self._process.returncode == 0

    @property
    def was_killed_for_memory(self) -> bool:
        """True where SIGKILL ended it, and the system has counted a kill for want of memory meanwhile."""
        return self._process.returncode == -signal.SIGKILL and _kills_for_memory() > self._kills

    @property
    def ending(self) -> str:
        """Its end in words."""
        status = self._process.returncode
        if status is None:
            return "it is running"
        if status >= 0:
            return f"it ended with exit status {status}"
        if -status not in signal.Signals.__members__.values():
            return f"it was ended by signal {-status}"
        ended_by = signal.Signals(-status)
        return f"it was ended by {ended_by.name}{_SIGNALS.get(ended_by, '')}"

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
            MINDER.forget(self._process.pid)
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def environments(processes: int, gpus: Sequence[str] = ()) -> list[dict[str, str]]:
    """The environment variables of each of so many processes: its share of the processors, and its GPU.

    Without them every framework would start a thread a processor in each process. A share that the user has set stays.
    """
    threads = str(max(processors() // processes, 1))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    shares = {} if any(name in os.environ for name in names) else dict.fromkeys(names, threads)
    common = shares | {"PYTHONUNBUFFERED": "1"}
    return [common | ({"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} if gpus else {}) for place in range(processes)]


def why_not_started(error: OSError) -> str:
    """The reason why a process could not be started, with the program or the working folder that is missing."""
    said = error.strerror or str(error)
    return f"{said}: {error.filename!r}" if error.filename else said


def _lines(text: bytes) -> list[bytes]:
    """The lines of ``text`` without their ends; the last one goes on."""
    return text.split(b"\n")


def _drawn_lines(text: bytes) -> list[bytes]:
    """The lines of ``text`` with their ends, a carriage return or a newline; the last one goes on."""
    *pieces, rest = _END.split(text)
    return [line + end for line, end in zip(pieces[::2], pieces[1::2], strict=True)] + [rest]


_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """On Linux, end the process when caviar is killed. Elsewhere it ends at its next message."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _kills_for_memory() -> int:
    """The number of processes killed for want of memory so far, by the system or in our control group."""
    count = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with suppress(OSError, ValueError):
            for row in Path(path).read_text().splitlines():
                name, _, value = row.partition(" ")
                if name == "oom_kill":
                    count += int(value)
    return count
