"""Failures that are not counted yet, since it may be the program that fails and not a config.

Where trials of a study worked, and then some fail one after the other before their first report, the program may be
gone: its environment is not active, say, or its data are not there. Such failures are held back until a trial is heard
of again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from caviar.records import TaskResult, TrialKey

_ENOUGH, _NEVER = 5, 1e-6  # trials held back, and the chance of that, from which on it is the program
_SELDOM = 1e-3  # the chance where nothing more comes to be sure by, and of each that was measured before


@dataclass
class HeldBack:
    """The failures at once since a trial was last heard of, and how often trials of this study fail so."""

    failure_rate: float | None = None
    """The share of the trials of earlier sessions that failed; None where there were none.

    Then nothing is held back until a trial of this session has worked.
    """
    measured_before: frozenset[TrialKey] = frozenset()
    """Trials that this study has measured: it is hardly their configs that make them fail now."""
    results: list[TaskResult] = field(default_factory=list)
    heard: bool = False  # of any trial, in this session
    over: int = 0  # trials that ended in this session, without those held back
    _failed: int = 0  # of these, failed at once

    @property
    def rate(self) -> float | None:
        """The share of the trials that fail at once, never 0; None where none is known to have worked."""
        return (self._failed + 1) / (self.over + 2) if self.heard else self.failure_rate

    def is_program(self, last: bool = False) -> bool:
        """True where so much is held back that it must be the program; ``last``: nothing more comes to be sure by."""
        again = sum((one.task.trial, one.task.repeat) in self.measured_before for one in self.results)
        by_chance = float(self.rate or 1.0) ** (len(self.results) - again) * _SELDOM**again
        if last and not self.heard:
            return by_chance <= _SELDOM
        return len(self.results) >= _ENOUGH and by_chance < (_SELDOM if last else _NEVER)

    def let_go(self) -> list[TaskResult]:
        """The failures that were held back: they count from now on."""
        found, self.results = self.results, []
        self.over += len(found)
        self._failed += len(found)
        return found
