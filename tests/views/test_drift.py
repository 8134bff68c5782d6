"""The view of a report on drift: its verdict, its reasons, and the tests that say so."""

from __future__ import annotations

import pandas as pd

from caviar.analysis.drift import drift
from caviar.views.drift import SIGNS, drift_view
from tests.analysis.drifting import model, rows


def test_rows_that_have_not_changed() -> None:
    report = drift(model(), rows(400, 1))
    view = drift_view(report)
    assert view.headline == "no change was found"
    assert view.tests == ()
    assert view.unchanged == len(report.tests)
    assert any("5%" in reason for reason in view.reasons)


def test_rows_that_have_changed_and_their_labels() -> None:
    frame = rows(2_000, 2)
    new: pd.DataFrame = frame.assign(b=frame["b"] + 2, y="yes")
    view = drift_view(drift(model(), new, old=rows(2_000, 3)))
    assert view.headline == "something has changed"
    assert {test.sign for test in view.tests} >= {SIGNS[name] for name in ("values", "outputs", "labels", "rows")}
    said = "\n".join(view.reasons)
    for part in (
        "outputs are distributed otherwise",
        "of 5 columns differ",
        "mix of labels",
        "tells old rows from new",
    ):
        assert part in said
    assert next(test for test in view.tests if test.sign == SIGNS["outputs"]).subject.startswith("class ")


def test_a_change_that_the_outputs_do_not_show() -> None:
    frame = rows(600, 4)
    view = drift_view(drift(model(), frame.assign(income=frame["income"].fillna(0)), labels=False))
    assert [test.subject for test in view.tests][:1] == ["income"]
    assert any("the change may not matter" in reason for reason in view.reasons)
