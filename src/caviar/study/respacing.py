"""Changes of the space of a study in the process that runs it.

A change stands among the interventions of the study, with the first trial that is proposed from the new space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from caviar.analysis.space_changes import changes_of
from caviar.analysis.space_checks import check_space
from caviar.errors import UserMistake
from caviar.records import Study
from caviar.scheduling.strategy import Strategy
from caviar.search.contract import Turn
from caviar.search.eras import Era, Make, lies_in, search_of
from caviar.study.enqueued import Enqueued
from caviar.study.ledger import Ledger


def in_words(first_trial: int, changes: Sequence[str]) -> str:
    """The outcome of a change."""
    return f"from trial {first_trial} on: {'; '.join(changes)}"


class Respacing:
    """The changes of the space of one study in the process that runs it."""

    def __init__(
        self,
        study: Study,
        eras: Sequence[Era],
        make: Make,
        begun: Callable[[], int],
        turn: Callable[[Turn], None],
        then: Callable[[Sequence[Era]], None],
    ) -> None:
        """``begun`` counts the trials, ``turn`` gives the search another one, and ``then`` takes all eras of then."""
        self.eras = tuple(eras)
        self.begun = begun
        self._study = study
        self._make = make
        self._turn = turn
        self._then = then

    def planned(self, era: Era) -> str:
        """Check a change, and say it in words. Raises UserMistake for what cannot be."""
        check_space(self._study, self.eras, era.space)
        changes = changes_of(self.eras, era)
        if not changes:
            raise UserMistake("it has this space already", "change a range in it")
        return in_words(era.first_trial, changes)

    def take(self, era: Era) -> None:
        """Go on in another space, which the store has by now."""
        self.eras = (*self.eras, era)
        eras = self.eras
        self._turn(Turn(era.first_trial, lambda boxes: search_of(eras, self._make, boxes)))
        self._then(eras)


def respacing(
    study: Study, eras: Sequence[Era], make: Make, strategy: Strategy, ledger: Ledger, queue: Enqueued
) -> Respacing:
    """The changes of the space of ``study``, whose search ``strategy`` is."""
    known = max((trial.number + 1 for trial in ledger.known_trials()), default=0)

    def then(after: Sequence[Era]) -> None:
        lie_in(ledger, after)
        queue.eras = tuple(after)

    return Respacing(study, eras, make, lambda: max(strategy.begun, known), strategy.turn, then)


def lie_in(ledger: Ledger, eras: Sequence[Era]) -> None:
    """From here on only trials that lie in the last of ``eras`` are among the best, unless no other has a score."""
    ledger.outside.take_anew(lies_in(eras), list(ledger.trials.values()))
    for ranked in (ledger.ranked, ledger.peaks, ledger.peaks.longest):
        ranked.forget()


def better_outside(ledger: Ledger, winner: int) -> tuple[str, ...]:
    """A note where a trial outside of today's space is better than the ``winner``; and where the winner is one."""
    if winner in ledger.outside:
        return ("no trial in today's space has a score yet: the answer is the best of all",)
    best = max(ledger.outside, key=lambda number: (ledger.ranked.of((number, 0)), -number), default=None)
    if best is None or ledger.ranked.of((best, 0)) <= ledger.ranked.of((winner, 0)):
        return ()
    score = ledger.trials[best, 0].score
    return (f"trial {best} is better by its score, {score:.6g}, but lies outside of today's space: it was left out",)
