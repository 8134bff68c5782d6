"""The document of a run: JSON that every browser reads, whatever was measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from hypothesis import given, settings

from caviar.records import Clock, DiaryEntry, RunMeasurement, RunSnapshot
from caviar.report.run_document import document_of
from caviar.views.run import Family, Member, run_view_of
from caviar.views.run_page import run_page_of
from tests.views.records import RUNS, run_of


def refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


@given(RUNS)
@settings(deadline=None)
def test_a_document_is_plain_json_with_columns_of_one_length(made):
    run, epochs, diary, facts = made
    found = document_of(run_page_of(run_view_of(run, epochs, diary, facts), (), Family(run.name, ())))
    assert json.loads(json.dumps(found, allow_nan=False), parse_constant=refuse) == found
    columns = [found["epochs"][name] for name in ("epoch", "step", "take", "undone")]
    columns += [*found["epochs"]["values"].values(), found["smoothed"]["train"], found["smoothed"]["validation"]]
    assert {len(column) for column in columns} == {len(epochs)}
    assert [line["text"] for line in found["diary"]] == [entry.text for entry in diary]


def test_the_document_of_a_small_run():
    rows = [RunMeasurement(Clock(3, 3, 1), {"loss": 2.0, "note": "x", "is": True, "rate": math.inf})]
    entry = DiaryEntry(1, "2026-11-21T00:00:00", "snapshot", "caviar", Clock(3, 3, 1), "snapshot 1, epoch", {})
    snapshot = RunSnapshot(1, Clock(3, 3, 1), "epoch", math.nan, "1.npz", "0", 512, "2026-11-21T00:00:00")
    view = run_view_of(run_of(), rows, [entry])
    removed = [replace(snapshot, number=number, state="removed") for number in (2, 3)]
    page = run_page_of(view, [snapshot, *removed], Family("net", (Member(run_of(), rows[0], view.best),)))
    found = document_of(page)
    assert found["epochs"]["values"] == {"loss": [2.0], "rate": [None]}
    assert found["diary"][0]["routine"] is True
    assert found["snapshots"] == [
        {
            "number": 1,
            "epoch": 1,
            "step": 3,
            "take": 0,
            "bytes": 512,
            "loss": None,
            "state": "kept",
            "reason": "epoch",
        }
    ]
    assert found["removed_snapshots"] == 2
    assert found["family"][0]["best"]["value"] == 2.0
    assert found["best"]["epoch"] == 1
