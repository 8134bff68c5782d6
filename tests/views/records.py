"""Records made by Hypothesis, as odd as the store would keep them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import caviar
from caviar.records import (
    Box,
    Clock,
    DiaryEntry,
    ProgramSpec,
    Run,
    RunKind,
    RunMeasurement,
    RunSpec,
    RunState,
    Study,
    StudyKind,
    StudySpec,
    StudyState,
    TableSpec,
    Trial,
    TrialState,
)
from caviar.records.metrics import METRICS
from caviar.records.ranking import GOAL_METRICS

SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-4, 1, tier=1),
    optimizer=caviar.Choice(["adam", "mome[ntum]"], tier=2),
    layers=caviar.Integer(1, 4),
    l2=caviar.Log(1e-6, 1e-2, zero=0.5),
)
NAMES = st.text(min_size=1, max_size=20).filter(str.isprintable)
FLOATS = st.floats() | st.sampled_from([0.0, 1.0, 0.5, 1e300, -1e-300])
SCORES = st.none() | FLOATS


def study_of(name: str = "net", **given: Any) -> Study:
    """A study of a table with two rungs."""
    facts: dict[str, Any] = {
        "name": name,
        "seed": 1,
        "metric": "accuracy",
        "search": "coarse_to_fine",
        "space": SPACE.to_dict(),
        "spec": StudySpec(kind=StudyKind.TABLE, trials=600, rungs=(1, 3), repeats=3, table=TableSpec()),
        "data": {"rows": 200, "train": 100, "validation": 50},
        "environment": {},
        "state": StudyState.RUNNING,
        "created": "2026-11-21T00:00:00+00:00",
    }
    return Study(**facts | given)


def run_of(name: str = "net", kind: RunKind = RunKind.NETWORK, **given: Any) -> Run:
    """A run, of a network if nothing else is said."""
    facts: dict[str, Any] = {
        "name": name,
        "seed": 0,
        "spec": RunSpec(kind=kind),
        "config": {},
        "data": {},
        "environment": {},
        "created": "2026-11-21T00:00:00",
    }
    return Run(**facts | given)


@st.composite
def _studies(draw: st.DrawFn) -> tuple[Study, list[Trial], list[Box]]:
    spec = draw(
        st.sampled_from(
            [
                StudySpec(kind=StudyKind.TABLE, seconds=5.0, rungs=(1, 3, 9), repeats=2, table=TableSpec()),
                StudySpec(kind=StudyKind.PROGRAM, trials=7, rungs=(1,), program=ProgramSpec(command="./train [x]")),
                StudySpec(kind=StudyKind.ASKED, rungs=(2, 4), repeats=1),
                StudySpec(kind=StudyKind.TABLE, trials=3),
            ]
        )
    )
    study = study_of(
        draw(NAMES),
        metric=draw(st.sampled_from([*METRICS, *GOAL_METRICS.values()])),
        search=draw(st.sampled_from(["coarse_to_fine", "random", "grid", "sobol"])),
        spec=spec,
        data={} if spec.kind is not StudyKind.TABLE else {"rows": 3, "train": 2, "validation": 1},
        state=draw(st.sampled_from(StudyState)),
        environment=draw(st.sampled_from([{}, {"threads": 1, "instruction_set": "avx2"}])),
    )
    configs = SPACE.sample(draw(st.integers(0, 12)), seed=draw(st.integers(0, 99)))
    trials = [
        Trial(number, config, draw(st.sampled_from(TrialState)), draw(st.integers(0, 9)), draw(SCORES), draw(SCORES))
        for number, config in enumerate(configs)
    ]
    again = [
        trial._replace(repeat=1, score=draw(SCORES), state=draw(st.sampled_from(TrialState)))
        for trial in trials
        if spec.repeats and draw(st.booleans())
    ]
    ends = np.sort(SPACE["learning_rate"].from_unit([draw(st.floats(0, 1)), draw(st.floats(0, 1))]))
    ranges = {
        "learning_rate": {"low": float(ends[0]), "high": float(ends[1])},
        "optimizer": {"weights": {"adam": 0.8, "mome[ntum]": 0.2}},
    }
    boxes = [
        Box(number, draw(st.integers(0, 12)), ranges, draw(st.text(max_size=9)))
        for number in range(draw(st.integers(0, 15)))
    ]
    return study, [*trials, *again], boxes


STUDIES = _studies()
"""(study, trials, boxes)"""

_VALUES = st.dictionaries(
    st.sampled_from(["loss", "train_loss", "validation_loss", "accuracy", "score", "r2", "w", "seconds"]),
    FLOATS | st.integers() | st.text(max_size=5),
)
_CLOCKS = st.builds(Clock, *[st.integers(0, 10**6)] * 2, st.integers(0, 5), st.integers(0, 3))
_FACTS = st.fixed_dictionaries(
    {},
    optional={
        "epoch": st.integers(0, 10),
        "epochs": st.none() | st.integers(0, 10),
        "row": st.integers(0, 10),
        "rows": st.integers(0, 10),
        "rows_per_second": st.floats(0, 1e9),
        "seconds_left": st.floats(0, 1e9) | st.just("NaN"),
        "paused": st.booleans(),
        "curve": st.lists(FLOATS | st.just("NaN"), max_size=9),
        "knobs": st.dictionaries(
            st.sampled_from(["momentum", "l2", "x[y]", "optimizer"]), FLOATS | st.text(max_size=5)
        ),
    },
)
RUNS = st.tuples(
    st.builds(run_of, NAMES, kind=st.sampled_from(["network", "program", "loop"]), state=st.sampled_from(RunState)),
    st.lists(st.builds(RunMeasurement, _CLOCKS, _VALUES), max_size=8),
    st.lists(
        st.builds(
            DiaryEntry,
            st.integers(0, 99),
            st.just("2026-11-21T00:00:00.000+00:00"),
            st.sampled_from(["turn", "rollback", "advice", "snapshot", "note"]),
            NAMES,
            _CLOCKS,
            NAMES,
            st.just({}),
        ),
        max_size=12,
    ),
    _FACTS,
)
"""(run, measurements, diary, facts of the progress)"""
