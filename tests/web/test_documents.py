"""Facts that are kept between two looks at a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import caviar
from caviar.analysis.importance import Importance
from caviar.records import Study, StudyState, Trial, TrialState
from caviar.web.documents import Kept
from caviar.web.hub import MOST_SUBJECTS
from tests.store.sample import STUDY


def test_importance_is_measured_anew_for_a_fifth_more_trials_and_at_the_end():
    measured: list[tuple[str, int]] = []

    def measure(study: Study, space: caviar.Space, trials: Sequence[Trial]) -> Sequence[Importance]:
        measured.append((study.name, len(trials)))
        return [Importance("x", 1, float(len(trials)), 0, 0)] if len(trials) >= 20 else []

    kept, space = Kept(measure), caviar.Space(x=caviar.Linear(0, 1))
    study = replace(STUDY, state=StudyState.RUNNING)
    trials = [Trial(n, {"x": 0.5}, TrialState.FINISHED) for n in range(200)]

    def at(n: int, of: Study = study) -> float:
        return max((row.importance for row in kept(of, space, trials[:n])), default=0.0)

    assert [at(n) for n in (18, 19, 20, 21, 23, 24, 28)] == [0, 0, 20, 20, 20, 24, 24]
    assert at(20) == 20  # trials were deleted: those that were counted are not there
    assert at(21, replace(study, created="2026-01-01T00:00:00+00:00")) == 21  # another one of that name
    ended = replace(study, state=StudyState.FINISHED)
    assert [at(24, ended), at(25, ended)] == [24, 25]
    for n in range(2 * MOST_SUBJECTS):
        at(30, replace(study, name=str(n)))
    assert len(kept._found) == MOST_SUBJECTS
    assert measured[:4] == [(study.name, n) for n in (18, 19, 20, 24)]
