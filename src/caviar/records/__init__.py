"""Records: frozen nouns, no behaviour."""

from __future__ import annotations

from caviar.records.config import Config, Value
from caviar.records.lease import Lease, LeaseState
from caviar.records.reading import BY_ITSELF, Reading
from caviar.records.result import StudyResult
from caviar.records.run import (
    Clock,
    DiaryEntry,
    Intervention,
    InterventionState,
    Run,
    RunKind,
    RunMeasurement,
    RunSnapshot,
    RunSpec,
    RunState,
)
from caviar.records.specs import ProgramSpec, StudyKind, StudySpec, TableSpec, Winners
from caviar.records.study import (
    Box,
    Comparison,
    Curve,
    Measurement,
    Standing,
    Study,
    StudyProgress,
    StudyState,
    Trial,
    TrialState,
)
from caviar.records.task import Ended, Task, TaskKey, TaskOutcome, TaskResult, TrialKey

__all__ = [
    "BY_ITSELF",
    "Box",
    "Clock",
    "Comparison",
    "Config",
    "Curve",
    "DiaryEntry",
    "Ended",
    "Intervention",
    "InterventionState",
    "Lease",
    "LeaseState",
    "Measurement",
    "ProgramSpec",
    "Reading",
    "Run",
    "RunKind",
    "RunMeasurement",
    "RunSnapshot",
    "RunSpec",
    "RunState",
    "Standing",
    "Study",
    "StudyKind",
    "StudyProgress",
    "StudyResult",
    "StudySpec",
    "StudyState",
    "TableSpec",
    "Task",
    "TaskKey",
    "TaskOutcome",
    "TaskResult",
    "Trial",
    "TrialKey",
    "TrialState",
    "Value",
    "Winners",
]
