"""The screens of a study: nothing is too odd to be drawn, and the words are those of people."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from caviar.records import ProgramSpec, StudyKind, StudyProgress, StudyResult, StudySpec, StudyState, Trial, TrialState
from caviar.records.result import BestTrial, Calibration
from caviar.report import plain
from caviar.report.answer import answer
from caviar.report.explain import as_text
from caviar.report.study import heading, line, picture, studies_table, trials_table
from caviar.report.worth import worth_lines
from caviar.views.study import Running, StudyRow, head, progress_of, ranked, study_view_of
from caviar.views.worth import Worth, worth_of
from tests.records.test_study import PROGRESS
from tests.views.records import STUDIES, study_of


def drawn(renderable: RenderableType, width: int = 140) -> str:
    console = Console(width=width, record=True, file=StringIO(), force_terminal=True)
    console.print(renderable)
    return console.export_text()


@given(STUDIES, PROGRESS, st.sampled_from([40, 60, 80, 100, 200]))
@settings(deadline=None)
def test_no_study_is_too_odd_to_be_drawn(made, progress: StudyProgress, width: int):
    """Odd names and texts, no trial at all, one, none that finished, NaN, studies of every kind."""
    study, trials, boxes = made
    for running in (Running(head(study), progress), Running(head(study), progress_of(study, trials), alive=False)):
        assert "\n" not in line(running)
        pages = [heading(running.head), picture(running)]
        assert max(cell_len(row) for page in pages for row in drawn(page, width).splitlines()) <= width
        plain.running(running)
    view = study_view_of(study, trials, boxes)
    for page in (as_text(view), studies_table([StudyRow(head(study), {})]), trials_table("loss", trials, 3)):
        assert max(map(cell_len, drawn(page, width).splitlines())) <= width
    plain.account(view)


def test_one_is_one():
    study = study_of(
        data={"rows": 1, "features": 1, "classes": 1, "train": 1, "validation": 0, "test": 0},
        environment={"threads": 1, "instruction_set": "avx2"},
    )
    assert "1 row, 1 feature, 1 class; 1 to train" in heading(head(study)).plain
    assert heading(head(study)).plain.endswith("Seed 1, 1 thread, avx2.")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (StudySpec(kind=StudyKind.FUNCTION, program=ProgramSpec()), ": a function; 1 at once"),
        (StudySpec(kind=StudyKind.PROGRAM, program=ProgramSpec(command="./train")), ": ./train; 1 at once"),
        (StudySpec(kind=StudyKind.ASKED, rungs=(1, 9)), ": trained by your own program; 1 at once, up to 9 epochs"),
    ],
)
def test_a_heading_names_the_code_that_trains(spec: StudySpec, said: str):
    assert said in heading(head(study_of(spec=spec, data={}))).plain


def trial(number: int, epochs: int, state: TrialState = TrialState.STOPPED) -> Trial:
    return Trial(number, {"learning_rate": 0.1}, state, epochs, 0.5, 0.5)


@pytest.mark.parametrize(
    ("epochs", "ladder"),
    [
        ([1] * 6, "6 trials trained for 1 epoch; as much work as training 2 networks to the end."),
        ([1, 1, 3], "3 trials trained for 1 epoch, 1 went on to 3; as much work as training 2 networks to the end."),
        ([3], "1 trial trained for 1 epoch, 1 went on to 3; as much work as training one network to the end."),
        ([1], "1 trial trained for 1 epoch; less work than training one network to the end."),
    ],
)
def test_the_ladder_is_counted_in_trials_and_work(epochs: list[int], ladder: str):
    view = study_view_of(study_of(), [trial(number, n) for number, n in enumerate(epochs)], [])
    text = " ".join(drawn(as_text(view)).split())
    assert ladder in text
    assert "Too few networks were trained to the end to narrow the search; more time would help." in text


def summary(**best: object) -> dict:
    return {"study": "net", "store": "c.db", "seconds": 3.0, "trials": {"started": 3}, "best": {"trial": 1, **best}}


def table_summary(how: str, planned: int, scores: list[float], gap: float) -> dict:
    mean = sum(scores) / len(scores)
    repeated = {"metric": "accuracy", "how": how, "planned": planned, "scores": scores, "mean": mean}
    repeated |= {"low": mean - 0.01, "high": mean + 0.01, "when_chosen": mean + gap, "gap": gap}
    return summary(config={"l2": 0.0}, validation={"accuracy": mean, "log_loss": 0.1}, repeated=repeated)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (table_summary("fresh seeds", 3, [0.5, 0.5, 0.5], 0.1), "mean of 3 repeats with fresh seeds"),
        (table_summary("fresh seeds", 3, [0.5], 0.1), "mean of 1 repeat with fresh seeds"),
        (table_summary("5-fold cross-validation", 5, [0.5], 0.1), "one of 5 folds; there was no time for more"),
        (
            table_summary("5-fold cross-validation", 5, [0.5, 0.5], 0.1),
            "mean of 2 of 5 folds; there was no time for more",
        ),
        (table_summary("5-fold cross-validation", 5, [0.5] * 5, 0.1), "mean of a 5-fold cross-validation"),
        (
            table_summary("fresh seeds", 3, [0.5], -0.1),
            "0.4000 in the search, 0.5000 (95 %: 0.490 to 0.510) when trained",
        ),
        (table_summary("fresh seeds", 3, [0.5], 1e-6), "accuracy 0.5000 (95 %: 0.490 to 0.510) in the search and when"),
        (
            summary(config={}, goal="minimize", score=0.806, epochs=9, repeated=None, folder=None),
            "0.806 after 9 epochs is the best of all trials, so probably a little lucky; check it with 3 repeats",
        ),
        (
            summary(config={}, goal="minimize", score=0.25, epochs=0, repeated=None, folder=None),
            "0.25 is the best of all trials, so probably a little lucky",
        ),
        (
            summary(
                config={},
                goal="maximize",
                score=0.8,
                epochs=1,
                repeated={"how": "fresh seeds", "scores": [0.7, 0.8], "mean": 0.75, "when_chosen": 0.8, "gap": 0.05},
            ),
            "0.8 after 1 epoch in the search, 0.75 when trained again (mean of 2 repeats with fresh seeds)",
        ),
        (summary(config={"x": 1}, score=0.7), "trial 1: x 1"),
    ],
)
def test_an_answer_says_what_its_scores_are(found: dict, said: str):
    metric = "accuracy" if "validation" in found["best"] else "score"
    assert said in drawn(answer(StudyResult.from_record(found, metric)), 200)


def test_the_best_trials_come_first_and_hidden_ones_are_counted():
    trials = [trial(0, 1)._replace(score=0.1), trial(1, 1)._replace(score=0.9), trial(2, 1, TrialState.DIVERGED)]
    text = drawn(trials_table("accuracy", ranked("accuracy", trials), 2))
    assert [row.split()[0] for row in text.splitlines()[1:3]] == ["1", "0"]
    assert "1 more: --best N shows N" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200, 10_000])
def test_tables_are_paragraphs_where_they_have_no_room(width: int):
    """No word is cut, no number is broken, and a wide terminal or a pipe has a row for each trial and study."""
    config = {"learning_rate": 0.00123, "optimizer": "adam", "hidden_units": 128}
    other = Trial(1, {**config, "learning_rate": 0.2, "hidden_units": 64}, TrialState.OUT_OF_MEMORY, 3, 0.5, 0.25)
    trials = [trial(0, 1)._replace(config=config, score=0.75), other]
    text = drawn(trials_table("accuracy", trials, 2), width)
    for said in ("0.7500", "0.2500", "out of memory", "learning_rate", "0.00123", "hidden_units"):
        assert said in text
    assert text.startswith("trial  state" if width > 80 else "trial 0: stopped after 1 epoch, ")
    result = summary(config=config, validation={}, test={"accuracy": 0.97, "accuracy_low": 0.9, "accuracy_high": 0.99})
    study = study_of(
        name="a_study_with_a_name", data={"rows": 12345}, result=StudyResult.from_record(result, "accuracy")
    )
    studies = drawn(studies_table([StudyRow(head(study), {"stopped": 4321})] * 2), width)
    for said in (study.name, "12,345", "4,321", "trial 1", "0.9700 (0.900"):
        assert said in studies
    assert len(studies.splitlines()) == (3 if width >= 140 else len(studies.splitlines()))
    assert studies.startswith("study  " if width > 100 else f"{study.name}: ")
    for page in (text, studies):
        assert "…" not in page
        assert max(map(cell_len, page.splitlines())) <= width


@pytest.mark.parametrize(
    ("seconds", "state", "said"),
    [(60.0, StudyState.FINISHED, "30 s"), (60.0, StudyState.RUNNING, "30 s left of 1 min 00 s"), (None, None, "30 s")],
)
def test_time_is_left_to_a_study_that_runs_only(seconds: float | None, state: StudyState | None, said: str):
    spec = replace(study_of().spec, seconds=seconds, trials=None)
    progress = StudyProgress(str(state or "search"), 30.0, {}, (), None)
    text = drawn(picture(Running(head(study_of(spec=spec)), progress)))
    assert text.splitlines()[1].split("  ", 1)[1].strip(" ━─") == said


def test_a_study_whose_process_has_ended_says_so():
    study = study_of(state=StudyState.RUNNING)
    assert "its process has ended" in drawn(picture(Running(head(study), progress_of(study, []), alive=False)))


def test_the_effect_of_a_calibration_is_one_line():
    found = Calibration(
        temperature=1.5,
        rows=300,
        log_loss=0.5,
        log_loss_before=0.6,
        calibration_error=0.02,
        calibration_error_before=0.1,
    )
    (line,) = worth_lines("accuracy", Worth(calibration=found))
    assert line[0] == "calibration"
    assert line[1].plain == (
        "probabilities at temperature 1.5: calibration error 0.1000 before, 0.0200 after; "
        "log loss 0.6000 before, 0.5000 after, on 300 rows not trained on"
    )
    unchanged = StudyResult(metric="accuracy", best=BestTrial(trial=0), calibration=replace(found, temperature=1.0))
    assert worth_of(unchanged).calibration is None
    assert worth_of(replace(unchanged, calibration=found)).calibration == found


def test_a_study_whose_process_has_ended_is_not_said_to_run():
    row = StudyRow(head(study_of()), {}, alive=False)
    for width in (200, 40):
        assert "its process is gone" in " ".join(drawn(studies_table([row]), width).split())
