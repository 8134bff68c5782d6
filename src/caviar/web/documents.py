"""The documents of the pages, from an open store."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from caviar.analysis.importance import Importance
from caviar.records import Study, StudyState, Trial
from caviar.report.run_document import document_of
from caviar.report.study_document import compare_document, studies_document, study_document, trial_document
from caviar.space import Space
from caviar.store import Store
from caviar.views.run_page import run_page
from caviar.views.study import MeasureImportance, importance_of
from caviar.views.study_page import comparison_of, store_page, study_page, trial_page
from caviar.web.app import Documents
from caviar.web.changes import Document
from caviar.web.hub import MOST_SUBJECTS


class Kept:
    """Importance of studies as it was measured, until a study has a fifth more trials or has ended.

    Forests take most of the time of a look at a study, and a few more trials change little of what they say.
    """

    def __init__(self, measure: MeasureImportance = importance_of) -> None:
        self._measure = measure
        self._found: dict[tuple[str, str, int], tuple[int, Sequence[Importance]]] = {}

    def __call__(self, study: Study, space: Space, trials: Sequence[Trial]) -> Sequence[Importance]:
        """The importance in ``study``; see views/study.py."""
        key = (study.name, study.created, study.seed)
        n, found = self._found.get(key, (0, ()))
        if study.state is not StudyState.RUNNING or not found or not n <= len(trials) < _MORE * n:
            found = self._measure(study, space, trials)
            while len(self._found) >= MOST_SUBJECTS:
                self._found.pop(next(iter(self._found)), None)
            self._found[key] = len(trials), found
        return found


_MORE = 1.2
_IMPORTANCE = Kept()


def documents(words: Callable[[str, str], str]) -> Documents:
    """The documents that the dashboard sends, with the notes of studies in the ``words`` of the command that tunes."""

    def study(store: Store, name: str) -> Document:
        found = study_document(study_page(store, name, _IMPORTANCE))
        return {
            **found,
            "note": words("tune", found["note"]),
            "notes": [words("tune", note) for note in found["notes"]],
        }

    return Documents({"studies": _studies, "study": study, "run": _run}, _trial, _comparison)


def _studies(store: Store, name: str) -> Document:
    return studies_document(store_page(store))


def _run(store: Store, name: str) -> Document:
    return document_of(run_page(store, name))


def _trial(store: Store, name: str, number: int) -> Document:
    return trial_document(trial_page(store, name, number))


def _comparison(store: Store, first: str, second: str) -> Document:
    return compare_document(comparison_of(store, [first, second]))
