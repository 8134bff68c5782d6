"""Views of a study's events, for the process that runs it: the same facts that others find in the store."""

from __future__ import annotations

from dataclasses import replace

from caviar.records import StudyProgress, StudyResult
from caviar.study.events import Begun, Event
from caviar.views.study import StudyHead, head


def view_of(event: Event) -> StudyHead | StudyProgress | StudyResult:
    """The facts of ``event``: a head at the beginning, then progress, then the result."""
    if isinstance(event, Begun):
        return replace(head(event.study), rungs=event.rungs)
    return event if isinstance(event, StudyProgress) else event.result
