"""Records of a study that is resumed, as far as its decisions need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from caviar.machine import no_collection
from caviar.records import Comparison, Curve, Study, Trial, TrialKey, TrialState
from caviar.store import Store

_UNSETTLED = (TrialState.RUNNING, TrialState.INTERRUPTED)
UNTRAINED = (TrialState.OUT_OF_MEMORY, TrialState.FAILED, TrialState.INFEASIBLE)
_FEW = 500  # trials whose curves are asked for by their numbers; of more it is sooner to read all


@dataclass(frozen=True)
class Known:
    """The records of a study that is resumed: for each trial its comparisons or its whole curve.

    Curves are read where comparisons do not cover the whole trial: where another process or an older version trained
    it, or where a program did, which need not report every epoch.
    """

    trials: Mapping[TrialKey, Trial] = field(default_factory=dict)
    curves: Mapping[TrialKey, Curve] = field(default_factory=dict)
    comparisons: Mapping[TrialKey, Sequence[Comparison]] = field(default_factory=dict)

    def ended_at(self, trial: Trial) -> Trial | None:
        """The stored trial where it failed or finished by itself after as many epochs as ``trial``; else None."""
        stored = self.trials.get((trial.number, trial.repeat))
        by_itself = (*UNTRAINED, TrialState.FINISHED)
        return stored if stored and stored.state in by_itself and stored.epochs == trial.epochs else None

    @staticmethod
    def of(store: Store, study: Study) -> Known:
        """Read what ``store`` has of ``study``."""
        with no_collection():
            trials = {(trial.number, trial.repeat): trial for trial in store.trials(study.name)}
            if not study.spec.every_epoch:
                return Known(trials, store.curves(study.name))
            comparisons: dict[TrialKey, list[Comparison]] = {}
            for number, repeat, comparison in store.comparisons(study.name):
                comparisons.setdefault((number, repeat), []).append(comparison)
            unread = {
                key[0]
                for key, trial in trials.items()
                if trial.state in _UNSETTLED or trial.epochs > (comparisons[key][-1].epoch if key in comparisons else 0)
            }
            few = len(unread) < _FEW
            curves = store.curves(study.name, unread if few else None) if unread else {}
            return Known(trials, curves, comparisons)

    @property
    def begun(self) -> int:
        """Trials begun, repeats left out; an import may have left numbers out, which count."""
        return max((number + 1 for number, _ in self.trials), default=0)

    @property
    def unsettled(self) -> set[int]:
        """The numbers of the trials that were under way, repeats left out."""
        return {number for (number, repeat), trial in self.trials.items() if not repeat and trial.state in _UNSETTLED}

    def seconds(self) -> float:
        """Seconds that the training of all trials took together."""
        compared = sum(of[-1].seconds for key, of in self.comparisons.items() if key not in self.curves)
        return compared + sum(curve.seconds for curve in self.curves.values())
