"""The documents of the pages, from an open store."""

from __future__ import annotations

from caviar.report.run_document import document_of
from caviar.report.study_document import compare_document, studies_document, study_document, trial_document
from caviar.store import Store
from caviar.views.run_page import run_page
from caviar.views.study_page import comparison_of, store_page, study_page, trial_page
from caviar.web.app import Documents
from caviar.web.changes import Document


def _studies(store: Store, name: str) -> Document:
    return studies_document(store_page(store))


def _study(store: Store, name: str) -> Document:
    return study_document(study_page(store, name))


def _run(store: Store, name: str) -> Document:
    return document_of(run_page(store, name))


def _trial(store: Store, name: str, number: int) -> Document:
    return trial_document(trial_page(store, name, number))


def _comparison(store: Store, first: str, second: str) -> Document:
    return compare_document(comparison_of(store, [first, second]))


DOCUMENTS = Documents({"studies": _studies, "study": _study, "run": _run}, _trial, _comparison)
"""The documents that the dashboard sends."""
