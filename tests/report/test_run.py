"""The screens of a run, on records made by hand and by Hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from caviar.records import Clock, DiaryEntry, Run, RunKind, RunMeasurement, RunState
from caviar.report import plain
from caviar.report.curves import chart
from caviar.report.run import diary_table, ended, entry_line, epoch_line, family_tree, screen
from caviar.views.run import family_of, run_view_of
from tests.views.records import RUNS, run_of

LAYER = {
    "activation_mean": 0.1,
    "activation_std": 0.5,
    "gradient_norm": 0.2,
    "update_to_weight": 1e-3,
    "dead": 0.75,
    "saturated": 0.0,
    "drift": 0.01,
}


def drawn(renderable: RenderableType, width: int) -> str:
    console = Console(width=width, record=True, file=StringIO(), force_terminal=True)
    console.print(renderable)
    return console.export_text()


def epoch(i: int, **values: Any) -> RunMeasurement:
    losses = {"train_loss": 1 / i, "validation_loss": 1.1 / i, "accuracy": 1 - 0.5 / i}
    rest = {"learning_rate": 0.01, "seconds": 0.1, "inside": [LAYER, LAYER]}
    return RunMeasurement(Clock(i, i, i, 0), losses | rest | values)


def test_the_screen_fits_and_shows_what_matters():
    diary = [DiaryEntry(1, "", "turn", "anna", Clock(3, 3, 3, 0), "[red]l2[/] from 0 to 1", {})]
    facts: Mapping[str, Any] = {
        "epoch": 8,
        "epochs": 20,
        "row": 5,
        "rows": 10,
        "rows_per_second": 1234.0,
        "seconds_left": 65.0,
        "knobs": {"learning_rate": 0.01, "optimizer": "adam", "beta1": 0.9, "momentum": 0.9},
    }
    view = run_view_of(run_of("net"), [epoch(i) for i in range(1, 9)], diary, facts=facts)
    text = drawn(screen(view, 100, 40, keys=True), 100)
    for part in ("epoch 8 of 20", "1,234 rows a second", "1 min 05 s left", "75%", "settled 0.01", "[red]l2[/] from 0"):
        assert part in text
    assert "momentum" not in text
    assert max(map(len, text.splitlines())) <= 100
    assert len(text.splitlines()) <= 48
    empty = run_view_of(run_of("net"), [], [])
    assert "the diary is empty" in drawn(screen(empty, 80, 24), 80)


def test_the_knobs_of_a_loop_are_all_shown_and_its_epoch_is_that_of_its_measurements():
    """No optimiser of ours decides which of them have an effect."""
    facts = {"step": 9, "tick": 9, "knobs": {"momentum": 0.9, "epsilon": 1e-8}, "paused": True}
    view = run_view_of(run_of("net", kind=RunKind.LOOP), [epoch(3)], [], facts=facts)
    text = drawn(screen(view), 100)
    assert "momentum 0.9, epsilon 1e-08" in text
    assert "epoch 3" in text
    assert "epoch 3 of" not in text
    assert "paused" in text


def test_a_run_without_a_process_says_so():
    view = run_view_of(run_of("net"), [], [], is_alive=False)
    assert "its process has ended" in drawn(screen(view), 100)
    over = run_view_of(run_of("net", state=RunState.FINISHED), [], [], is_alive=False)
    assert "its process has ended" not in drawn(screen(over), 100)


def test_a_line_of_a_program_has_its_own_numbers():
    line = epoch_line("net", RunMeasurement(Clock(9, 9, 2, 0), {"w": 0.5, "note": "x", "loss": 2}))
    assert line == "net | epoch 2, step 9 | w 0.5, loss 2"
    ours = epoch_line("net", epoch(1), 5)
    assert ours.startswith("net | epoch 1 of 5 | train loss 1 | validation loss 1.1, accuracy")


def summary(**given: Any) -> dict[str, Any]:
    plain = {"run": "net", "store": "c.db", "epochs": 1, "steps": 1, "interventions": 1, "rollbacks": 2}
    return plain | {"stopped": None, "model": None, "test": None} | given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"validation": {"accuracy": 0.5}},
            "validation accuracy 0.5000 trained 1 epoch, 1 mini-batch, 1 turn of knobs",
        ),
        ({"test": {"r2": 0.25}, "model": "net.caviar"}, "sealed test R2 0.2500 trained"),
        ({"score": 0.5, "values": {"w\x1b": 2}, "steps": 0}, r"reported score 0.5, w\x1b 2 trained 1 epoch, 1 turn"),
        ({"score": None, "values": {}, "steps": 7}, "trained 1 epoch, at least 7 mini-batches, 1 turn"),
        ({"stopped": "it diverged"}, "stopped it diverged run net in c.db"),
    ],
)
def test_the_end_of_a_run_is_drawn_from_its_summary(given: dict[str, Any], said: str):
    view = run_view_of(run_of("net", result=summary(**given)), [], [])
    assert view.end is not None
    assert said in " ".join(drawn(ended(view.end), 140).split())


@given(RUNS, st.sampled_from([(60, 20), (200, 60)]))
@settings(deadline=None)
def test_no_run_is_too_odd_to_be_drawn(made, size: tuple[int, int]):
    """Odd names, no epoch at all, numbers that are none, NaN, rollbacks, any facts of the progress."""
    run, epochs, diary, facts = made
    view = run_view_of(run, epochs, diary, facts=facts)
    text = drawn(screen(view, *size), size[0])
    assert max(map(cell_len, text.splitlines())) <= size[0]
    drawn(diary_table(view, everything=True), size[0])
    for measurement in epochs:
        assert epoch_line(run.name, measurement).startswith(f"{run.name} | ")
    for entry in diary:
        assert entry.text in entry_line(entry)
    family = family_of(run.name, [run], {run.name: epochs}.__getitem__)
    drawn(family_tree(family), size[0])
    plain.run(view), plain.diary(view), plain.family(family)


def test_curves_stay_within_their_frame():
    values = [3.0, 1.0, float("nan"), 2.0, 5.0]
    for log in (False, True):
        lines = chart([(values, "blue"), ([1.0], "red")], 40, 5, log).plain.splitlines()
        assert len(lines) == 5
        assert all(len(line) <= 40 for line in lines)
    assert chart([([2.0, 2.0], "")], 40, 3).plain
    assert "no numbers yet" in chart([([float("nan")], "")], 40, 3).plain


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["b", "a", "c"]])
def test_a_family_is_drawn_from_its_root(names: list[str]):
    runs: list[Run] = []
    for name in names:
        runs.append(run_of(name, parent=runs[-1].name if runs else None))
    family = family_of(names[-1], runs, lambda name: [epoch(2)])
    lines = drawn(family_tree(family), 120).splitlines()
    assert [line.strip(" └─│").split(":")[0].split()[0] for line in lines] == names
    assert all("best epoch 2, the lowest validation loss, 0.55 (accuracy 0.7500)" in line for line in lines)
