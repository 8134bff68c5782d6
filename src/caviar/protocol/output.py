"""The scores in the output of one process that does not speak the protocol, an epoch each.

The output is read as a terminal shows it. A carriage return, backspaces, or a step of the cursor upwards begin a line
anew, as progress bars do: what is written over was not final. So a score counts where its line is left, where a bar
begins to show the next epoch, or where the program ends. Colours are no part of a line.
"""

from __future__ import annotations

import math
import re
from collections import deque

from caviar.errors import abridged
from caviar.protocol.decoding import decoded, without_codes
from caviar.protocol.messages import LONGEST
from caviar.protocol.score import ScorePattern

_UP = re.compile(r"\x1b\[(\d*)[AF]")
_EPOCH = re.compile(
    r"(?<![A-Za-z_])(?<!best )(?<!last )(?<!max )(?<!total )(?<!of )epoch(?!s)"
    r"['\"]?\s*[:=#\[(]?\s*(\d+(?:\.\d+)?)(?!\d*\s*%)",
    re.IGNORECASE,
)
_STEP = re.compile(r"(?<![a-z])(?:global.?step|step|iter(?:ation)?|batch)s?['\"]?\s*[:=#\[(]?\s*(\d+)", re.IGNORECASE)

_SHOWN = 3  # last lines that an error shows


class Output:
    """The output of a process so far, and the scores of the epochs that have ended in it."""

    def __init__(self, pattern: ScorePattern, notes: dict[str, str]) -> None:
        """``notes`` gets a sentence for each kind of thing that a person should know, by its kind."""
        self._pattern = pattern
        self._notes = notes
        self._scores: deque[float] = deque()
        self._drawn: tuple[float, int | None, str] | None = None  # score, epoch and line that may be written over yet
        self._epoch: int | None = None  # the last one by its name
        self._line = ""  # in which it stood
        self._ups = 0  # line ends that only go down again
        self._counted: float | None = None  # the score of the last epoch
        self._step: int | None = None  # that the line of the last epoch names
        self._lines = 0
        self._last: deque[str] = deque(maxlen=_SHOWN)
        self.last: float | None = None
        """The last score of all, also one that was no further epoch."""

    def read(self, piece: bytes) -> bool:
        """Take the next piece, up to a line end or a carriage return; True where it has a score. Raises Malformed."""
        text = decoded(piece)
        if len(piece) >= LONGEST:
            self._notes.setdefault("long", f"a line has more than {LONGEST:,} bytes, and only its end is read")
        ended = text.endswith("\n")
        self._ups += sum(int(found[1] or 1) for found in _UP.finditer(text))
        if ended and self._ups:
            self._ups -= 1
            ended = False
        has_score = False
        for line in re.split(r"[\b\r\n]+", without_codes(text)):
            has_score |= self._read_line(line)
        if ended:
            self._settle()
        return has_score

    def close(self) -> float | None:
        """The score that was drawn last, after the end of the process: nothing is written over it any more."""
        self._settle()
        return self.next_score()

    def next_score(self) -> float | None:
        """The score of the next epoch that has ended; None while there is none."""
        return self._scores.popleft() if self._scores else None

    @property
    def is_empty(self) -> bool:
        """True where no score waits to be taken."""
        return not self._scores and self._drawn is None

    @property
    def final(self) -> float | None:
        """The last score of all, where that was no epoch of its own; else None."""
        return None if self.last is None or self.last == self._counted else self.last

    @property
    def missing(self) -> str:
        """The reason why there is no score at all."""
        lines = f"{self._lines:,} line" + ("" if self._lines == 1 else "s")
        if not self._lines:
            return f"it printed nothing, so `score` {self._pattern.text!r:.80} found no number"
        last = ", ".join(self._last)
        return f"`score` {self._pattern.text!r:.80} matches none of the {lines} that it printed, which end so: {last}"

    def _read_line(self, line: str) -> bool:
        if line.strip():
            self._lines += 1
            self._last.append(repr(abridged(line, 100)))
        epoch = _epoch_of(line)
        if self._drawn is not None and None not in (epoch, self._drawn[1]) and epoch != self._drawn[1]:
            self._settle()
        found = self._pattern.find(line)
        if found is None:
            return False
        if found.remark:
            self._notes.setdefault("read", found.remark)
        self._drawn = found.value, epoch, line
        return True

    def _settle(self) -> None:
        """Keep what is drawn: the score of another epoch, unless the line names the one before."""
        if self._drawn is None:
            return
        (score, epoch, line), self._drawn = self._drawn, None
        if epoch is None or epoch != self._epoch:
            self._scores.append(score)
            self._counted = score
            self._note_steps(epoch, line)
            self._note_fall(epoch, line)
        elif score != self.last:
            self._notes.setdefault(
                "twice",
                f"`score` matches more than one line of an epoch, {abridged(self._line, 60)!r} and "
                f"{abridged(line, 60)!r}: trials are compared by the first of an epoch, and the last of all is the "
                "final score",
            )
        self._epoch, self._line, self.last = epoch, line, score

    def _note_steps(self, epoch: int | None, line: str) -> None:
        """Note a line of a mini-batch that counts as an epoch: it has a step that is not the next one."""
        found = None if epoch is not None else _STEP.search(line)
        step, before = None if found is None else int(found[1]), self._step
        self._step = step
        if step is not None and before is not None and step - before not in (0, 1):
            self._notes.setdefault(
                "steps",
                f"each line that `score` matches counts as an epoch, and {abridged(line, 80)!r} names a step: let it "
                "match the line of a whole epoch alone, or give as many `epochs` as there are such lines",
            )

    def _note_fall(self, epoch: int | None, line: str) -> None:
        """Note an epoch below the one before, as where a program trains one fold after another."""
        if epoch is not None and self._epoch is not None and epoch < self._epoch:
            self._notes.setdefault(
                "fall",
                f"the epochs that lines name fall back from {self._epoch} to {epoch}, {abridged(self._line, 60)!r} and "
                f"{abridged(line, 60)!r}: each line counts as a further epoch, and the last score is the final one. "
                "For folds let `score` match a line with the mean of all alone, or train one fold in a trial",
            )


def _epoch_of(line: str) -> int | None:
    """The epoch that a line names, a part of one rounded up: the program is in it."""
    found = _EPOCH.search(line)
    return None if found is None else math.ceil(float(found[1]))
