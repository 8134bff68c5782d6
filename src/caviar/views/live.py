"""Views of a study's events, for the process that runs it: the same facts that others find in the store."""

from __future__ import annotations

from dataclasses import replace

from caviar.records import StudyProgress
from caviar.study.events import Begun, Event, TunedStudy
from caviar.views.answer import Answer, answer_of
from caviar.views.study import StudyHead, head


def view_of(event: Event) -> StudyHead | StudyProgress | Answer:
    """The facts of ``event``: a head at the beginning, then progress, then the answer."""
    if isinstance(event, Begun):
        return replace(head(event.study), rungs=event.rungs, warnings=event.warnings)
    if isinstance(event, StudyProgress):
        return event
    if isinstance(event, TunedStudy):
        facts = event.best.model.facts
        return answer_of(event.summary, "", facts["rows"], facts["epochs"])
    return answer_of(event.summary, "")
