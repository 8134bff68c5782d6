"""RunSpec: its record, and the records of every version before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.records import RunKind, RunSpec

TEXTS = st.none() | st.text(max_size=20)


@given(st.sampled_from(RunKind), st.integers(1, 10**6), st.sampled_from(["watch", "act", "no"]), TEXTS, st.booleans())
def test_a_spec_comes_back_from_its_record(kind: RunKind, epochs: int, nurse: str, text: str | None, mapped: bool):
    fields: dict[str, Any] = {"nurse": nurse, "disk_bytes": epochs, "snapshot_seconds": epochs / 7}
    if kind is not RunKind.LOOP:
        fields["epochs"] = epochs
    if kind is RunKind.NETWORK:
        fields |= {"data": text or "", "target": text, "labels": text, "test": text, "mapped": mapped, "out": text}
    if kind is RunKind.PROGRAM:
        fields |= {"command": text or "", "goal": "minimize", "trial_timeout": 3.5}
    spec = RunSpec(kind=kind, **fields)
    assert RunSpec.from_record(str(kind), json.loads(json.dumps(spec.to_record()))) == spec


OLD = {
    "network": (
        {
            **{"data": "/a/wine.csv", "target": "class", "labels": None, "test": None, "test_labels": None},
            **{"task": None, "epochs": 40, "out": ".", "nurse": "act", "budget": 1000, "engine": "native"},
            "mapped": False,
        },
        {"data": "/a/wine.csv", "target": "class", "epochs": 40, "out": ".", "nurse": "act", "disk_bytes": 1000},
    ),
    "program": (
        {
            **{"command": "python train.py", "epochs": 7, "goal": "minimize", "nurse": False, "budget": 1000},
            **{"trial_timeout": 5.0, "snapshot_seconds": None},
        },
        {"command": "python train.py", "epochs": 7, "goal": "minimize", "nurse": "no", "trial_timeout": 5.0},
    ),
    "loop": ({"program": "its own", "nurse": True, "budget": 1000}, {"nurse": "watch", "disk_bytes": 1000}),
}
"""The records until schema 4, and fields that are read from them."""


@pytest.mark.parametrize("kind", OLD)
def test_records_of_earlier_versions_are_read(kind: str):
    record, fields = OLD[kind]
    spec = RunSpec.from_record(kind, record)
    assert (spec.kind, spec.disk_bytes) == (kind, 1000)
    assert {name: getattr(spec, name) for name in fields} == fields
    assert RunSpec.from_record(kind, spec.to_record()) == spec
