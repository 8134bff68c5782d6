"""The worth of what a study began with: the portfolio, and the winners of earlier studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caviar.records import Study, Trial, TrialState
from caviar.records.ranking import WORST, rank_key_of
from caviar.search.portfolio import PORTFOLIO
from caviar.search.transfer import origin_of


@dataclass(frozen=True)
class Followed:
    """The trials that follow an earlier study, or the portfolio where ``study`` is empty.

    ``tried`` configs were its own, ``drawn`` ones from the box around them. ``better_than`` counts those of the
    ``others`` that the ``best`` of both is ranked before.
    """

    study: str
    tried: int
    drawn: int
    best: int | None
    better_than: int
    others: int

    @property
    def sentence(self) -> str:
        """The facts as a sentence without its full stop."""
        of = f"study {self.study}" if self.study else "the portfolio"
        found = f"{_configs(self.tried)} of {of} {'was' if self.tried == 1 else 'were'} tried"
        if self.drawn:
            found += f", and {self.drawn:,} drawn around its best ones"
        if self.best is None:
            return f"{found}: none of them has a result"
        which = f"trial {self.best}" if self.tried + self.drawn == 1 else f"the best of them, trial {self.best},"
        others = f"the {self.others:,} other trials" if self.others != 1 else "one other trial"
        return f"{found}; {which} is better than {self.better_than:,} of {others}"


def followed(study: Study, trials: Sequence[Trial]) -> tuple[Followed, ...]:
    """The worth of each earlier study that ``study`` follows, and of the portfolio; ``trials`` leave repeats out."""
    origins = [("", {PORTFOLIO}, "")]
    for one in study.spec.like:
        origins.append((one.label, {origin_of(one.label, number) for number in one.trials}, origin_of(one.label)))
    begun = {trial.origin for trial in trials}
    present = [one for one in origins if begun & {*one[1], one[2]} - {""}]
    if not present:
        return ()
    scored = [trial for trial in trials if rank_key_of(study.metric, trial) > WORST]
    scored.sort(key=lambda t: (t.state is TrialState.FINISHED, rank_key_of(study.metric, t), -t.number), reverse=True)
    return tuple(_followed(name, own, around, trials, scored) for name, own, around in present)


def _followed(name: str, own: set[str], around: str, trials: Sequence[Trial], ranked: Sequence[Trial]) -> Followed:
    """``ranked`` are the trials that have a result, the best first."""
    tried = sum(trial.origin in own for trial in trials)
    drawn = sum(trial.origin == around for trial in trials) if around else 0
    best = next(
        (i for i, trial in enumerate(ranked) if trial.origin in own or (around and trial.origin == around)), None
    )
    others = len(trials) - tried - drawn
    return Followed(
        study=name,
        tried=tried,
        drawn=drawn,
        best=None if best is None else ranked[best].number,
        better_than=0 if best is None else others - best,  # those before it are others
        others=others,
    )


def _configs(count: int) -> str:
    return f"{count:,} config{'s' * (count != 1)}"
