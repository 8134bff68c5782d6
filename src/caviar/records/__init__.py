"""Records: frozen nouns, no behaviour."""

from __future__ import annotations

from caviar.records.run import (
    Clock,
    DiaryEntry,
    Holding,
    Intervention,
    InterventionState,
    Run,
    RunKind,
    RunMeasurement,
    RunSnapshot,
    RunSpec,
    RunState,
)
from caviar.records.study import (
    Box,
    Comparison,
    Config,
    Curve,
    Measurement,
    Study,
    StudyProgress,
    StudyState,
    Trial,
    TrialState,
    Value,
    Worker,
    WorkerState,
)
from caviar.records.task import Piece

__all__ = [
    "Box",
    "Clock",
    "Comparison",
    "Config",
    "Curve",
    "DiaryEntry",
    "Holding",
    "Intervention",
    "InterventionState",
    "Measurement",
    "Piece",
    "Run",
    "RunKind",
    "RunMeasurement",
    "RunSnapshot",
    "RunSpec",
    "RunState",
    "Study",
    "StudyProgress",
    "StudyState",
    "Trial",
    "TrialState",
    "Value",
    "Worker",
    "WorkerState",
]
