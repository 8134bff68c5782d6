"""Records: frozen nouns, no behaviour."""

from __future__ import annotations

from caviar.records.lease import Lease, LeaseState
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
)
from caviar.records.task import Piece

__all__ = [
    "Box",
    "Clock",
    "Comparison",
    "Config",
    "Curve",
    "DiaryEntry",
    "Intervention",
    "InterventionState",
    "Lease",
    "LeaseState",
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
]
