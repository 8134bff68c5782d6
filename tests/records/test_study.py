"""Records of a study as plain data, and back."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from caviar import files
from caviar.records import StudyProgress, Trial, TrialState

NUMBERS = st.none() | st.floats()
TRIALS = st.builds(
    Trial,
    number=st.integers(0),
    config=st.dictionaries(
        st.text(), st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    ),
    state=st.sampled_from(TrialState),
    epochs=st.integers(0),
    score=NUMBERS,
    validation_loss=NUMBERS,
)
PROGRESS = st.builds(
    StudyProgress,
    phase=st.sampled_from(["search", "finals", "last training"]),
    elapsed=st.floats(0, 1e9),
    counts=st.dictionaries(st.sampled_from(TrialState), st.integers(0)),
    reached=st.lists(st.integers(0)).map(tuple),
    best=st.none() | TRIALS,
    note=st.text(),
    helpers=st.integers(0, 100),
)


@given(PROGRESS)
def test_progress_comes_back_from_the_json_that_the_store_keeps(progress: StudyProgress):
    """Also where a score is NaN or infinite, which JSON has no numbers for; NaN equals itself in texts only."""
    back = StudyProgress.from_record(json.loads(files.dumps(progress.to_record())))
    assert repr(back) == repr(progress)
