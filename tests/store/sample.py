"""A study and what belongs to it, for the tests of the store."""

from __future__ import annotations

from caviar.records import Config, Measurement, Run, RunKind, RunSpec, Study, StudyKind, StudySpec, StudyState

STUDY = Study(
    name="flowers",
    seed=2**64 - 1,
    metric="accuracy",
    search="sobol",
    space={"learning_rate": {"scale": "log", "low": 1e-4, "high": 1.0}, "layers": {"value": 3}},
    spec=StudySpec(kind=StudyKind.TABLE, seconds=60.0),
    data={"rows": 150, "sha256": "ab" * 32},
    environment={"python": "3.11", "instruction_set": "x86-64-v3"},
    state=StudyState.RUNNING,
    created="2026-01-31T12:00:00+00:00",
)
SPEC = RunSpec(kind=RunKind.NETWORK, epochs=3)
RUN = Run("net", 2**64 - 1, SPEC, {"learning_rate": 0.1}, {"rows": 9}, {}, "2026-01-01")
CONFIG: Config = {"learning_rate": 0.012, "layers": 3, "batch_norm": True, "optimizer": "adam"}


def measurement(epoch: int, value: float = 0.5) -> Measurement:
    return Measurement(epoch, value, value, value, value, value, value)
