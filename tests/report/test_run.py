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
from caviar.report.run import diary_table, ended, entry_line, epoch_line, family_tree
from caviar.report.run_screen import screen
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


@pytest.mark.parametrize("size", [(60, 20), (60, 24), (80, 24), (80, 50), (200, 40)])
def test_the_screen_is_no_taller_than_the_terminal_and_cuts_nothing(size: tuple[int, int]):
    width, height = size
    advice = "overfitting: the validation loss was best 5 epochs ago and rises while training falls: turn l2 up " * 2
    diary = [DiaryEntry(i, "", "advice", "nurse", Clock(i, i, i, 0), f"{advice}({i})", {}) for i in range(1, 9)]
    facts = {"epoch": 8, "epochs": 400, "rows": 10, "rows_per_second": 1.5, "seconds_left": 4000, "snapshots": 3}
    facts |= {"snapshot_bytes": 10**7, "snapshot_folder": "/a/" + "long/" * 20, "knobs": {"learning_rate": 0.1}}
    view = run_view_of(run_of("net"), [epoch(i) for i in range(1, 9)], diary, facts=facts)
    text = drawn(screen(view, width, height, keys=True), width)
    lines = text.splitlines()
    assert len(lines) < height
    assert max(map(cell_len, lines)) <= width
    said = " ".join(text.split())
    assert f"{' '.join(advice.split())} (8)" in said  # the newest advice is whole
    for part in ("epoch 8 of 400", "1 h 06 min left", "? explain", "─"):
        assert part in said
    assert "…" not in text


def test_the_screen_explains_its_keys_and_shows_a_question():
    view = run_view_of(run_of("net"), [epoch(1)], [])
    assert "Ctrl-C" in drawn(screen(view, 60, 40, keys=True, explained=True), 60)
    assert "Go back?" in drawn(screen(view, 60, 40, said="Go back? b: yes", keys=True), 60)


def test_what_a_rollback_undid_is_not_shown_as_the_last_epoch():
    epochs = [epoch(1), epoch(2), epoch(3)]
    view = run_view_of(run_of("net"), epochs, [], facts={"epoch": 2, "step": 2, "take": 1})
    assert view.last is not None
    assert view.last.epoch == 2
    assert run_view_of(run_of("net"), epochs, [], facts={"epoch": 2, "step": 2}).last.epoch == 3  # facts of before


def test_a_loop_of_the_user_s_counts_steps():
    measured = [RunMeasurement(Clock(i, i, 0), {"loss": 1 / i, "logged": 9}) for i in (10, 20, 30)]
    facts = {"step": 33, "snapshots": 1, "snapshot_bytes": 12_300, "snapshot_folder": "/here"}
    view = run_view_of(run_of("mine", kind=RunKind.LOOP), measured, [], facts=facts, is_alive=False)
    text = " ".join(drawn(screen(view, 80, 30), 80).split())
    for part in ("step 33", "step 30 loss 0.03333", "best step 30, the lowest loss, 0.03333", "1, 12 kB in /here"):
        assert part in text
    assert "epoch" not in text
    assert "logged" not in text
    assert epoch_line("mine", measured[0]) == "mine | step 10 | loss 0.1"
    assert len(view.line) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "net.caviar: the network of epoch 3 of 9, the best by its validation loss, 0.25"),
        ({"model_epoch": 9}, "net.caviar: the network of epoch 9, the last"),
        ({"best": {"epoch": 9, "by": "validation_loss", "value": 1}, "model_epoch": 9}, "the last and the best by its"),
        ({"test_scored_before": 2, "test": {"r2": 0.5}}, "the test rows were scored 2 times before in this store"),
        ({"snapshots": 2, "snapshot_bytes": 2_000_000, "snapshot_folder": "/x"}, "snapshots 2, 2.0 MB in /x"),
    ],
)
def test_the_end_says_which_network_the_model_is(given: dict[str, Any], said: str):
    best = {"epoch": 3, "by": "validation_loss", "value": 0.25}
    facts = {"best": best, "model_epoch": 3, "last": {"epoch": 9}, "model": "net.caviar"} | given
    assert said in " ".join(drawn(ended(summary(validation={"r2": 0.5}, **facts)), 140).split())
