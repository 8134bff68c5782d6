"""The best epoch's network is the model, whatever came after it: turns, kills, full budgets, damage, NaN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caviar
from caviar.data import samples
from caviar.errors import ConfigError
from caviar.records import RunState
from caviar.records.line import best_of, present_line
from caviar.runs import client, loop
from caviar.runs.events import RunEnded
from tests.runs.conftest import CONFIG, Pond

WORSE = {"learning_rate": 30.0}  # turned up so far that every epoch after is poorer
FRAME = samples.wine().frame


@pytest.fixture
def here(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> Pond:
    monkeypatch.chdir(pond.folder)
    return pond


def spoiled(pond: Pond, name: str, after: int = 4, **changes: Any) -> RunEnded:
    """A run whose learning rate is turned far up after an epoch."""

    def hand(event: loop.EpochDone, ask: Any) -> None:
        if event.measurement.clock.epoch == after:
            ask("turn", WORSE, "to spoil it")

    return pond.run_one(hand, name=name, epochs=10, nurse="no", out=".", **changes)


def probabilities(model: str | Path) -> np.ndarray:
    return np.asarray(caviar.load(model).predict_proba(FRAME))


def best_epoch(pond: Pond, name: str) -> int:
    best = best_of(present_line(pond.runs().measurements(name)))
    assert best is not None
    return best.clock.epoch


def test_the_model_is_the_network_of_a_run_that_ends_with_the_best_epoch(here: Pond):
    end = spoiled(here, "long").summary
    best = end["best"]["epoch"]
    assert end["model_epoch"] == best == best_epoch(here, "long") <= 4
    short = here.run_one(name="short", epochs=best, nurse="no", out=".").summary  # the turn is after its end
    assert np.array_equal(probabilities(end["model"]), probabilities(short["model"]))
    assert end["validation"] == short["validation"]
    assert end["test"] == short["test"]
    assert end["last"]["epoch"] == 10
    assert end["last"]["validation"] != end["validation"]
    assert f"the model is the network of epoch {best}" in here.runs().diary("long")[-1].text


def test_the_last_network_is_saved_on_request(here: Pond):
    end = spoiled(here, "long", save="last").summary
    assert (end["model_epoch"], end["validation"]) == (10, end["last"]["validation"])
    assert end["best"]["epoch"] < 10


def test_an_interrupted_run_keeps_its_best_epoch(here: Pond):
    whole = spoiled(here, "whole").summary
    asked = [False]

    def hand(event: loop.EpochDone, ask: Any) -> None:
        if event.measurement.clock.epoch == 4:
            ask("turn", WORSE, "to spoil it")
        asked[0] = event.measurement.clock.epoch == 8

    events = here.begin(name="cut", epochs=10, nurse="no", out=".", ended=lambda: asked[0])
    with pytest.raises(KeyboardInterrupt):
        here.follow(events, hand)
    end = here.follow(loop.resume("cut", here.store)).summary
    assert end["model_epoch"] == whole["model_epoch"]
    assert np.array_equal(probabilities("cut.caviar"), probabilities("whole.caviar"))


def test_the_best_snapshot_stays_within_any_budget(here: Pond):
    whole = spoiled(here, "whole").summary
    tight = spoiled(here, "tight", disk_bytes=1).summary
    assert (tight["model_epoch"], tight["notes"]) == (whole["model_epoch"], whole["notes"])
    assert tight["snapshots"] <= 3  # the best, and the newest two
    assert tight["snapshot_bytes"] == sum(p.stat().st_size for p in Path(tight["snapshot_folder"]).iterdir())


def test_a_damaged_best_snapshot_is_said_and_the_last_network_saved(here: Pond):
    def hand(event: loop.EpochDone, ask: Any) -> None:
        if event.measurement.clock.epoch == 4:
            ask("turn", WORSE, "to spoil it")
        if event.measurement.clock.epoch == 9:
            runs = here.runs()
            number = client.snapshot_of("hurt", "best", None, here.store)
            snapshot = next(s for s in runs.snapshots("hurt") if s.number == number)
            (runs.files("hurt").folder / snapshot.path).write_bytes(b"garbage")

    end = here.run_one(hand, name="hurt", epochs=10, nurse="no", out=".").summary
    assert end["model_epoch"] == 10
    gone = f"the snapshot of the best epoch, {end['best']['epoch']}, is not there"
    assert sum(gone in note for note in end["notes"]) == 1


def test_epochs_that_were_undone_are_not_the_best(here: Pond):
    """After a rollback the epochs behind it are no longer in the network, and no longer count."""

    def hand(event: loop.EpochDone, ask: Any) -> None:
        clock = event.measurement.clock
        if clock.epoch == 5 and clock.take == 0:
            ask("rollback", {"snapshot": client.snapshot_of("back", 1, None, here.store)}, "")
            ask("turn", {"learning_rate": 1e-6}, "")

    end = here.run_one(hand, name="back", epochs=5, nurse="no").summary
    undone = [m for m in here.runs().measurements("back") if m.clock.take == 0]
    taken = next(m for m in here.runs().measurements("back") if m.clock.take == 1)
    assert end["best"]["value"] > min(m.values["validation_loss"] for m in undone)
    assert taken.values["validation_loss"] >= end["best"]["value"]


def test_a_network_that_ends_in_nan_leaves_its_best_epoch(here: Pond):
    def hand(event: loop.EpochDone, ask: Any) -> None:
        if event.measurement.clock.epoch == 3:
            ask("turn", {"learning_rate": 9000.0}, "")

    sgd = {**CONFIG, "batch_norm": False, "optimizer": "sgd"}
    end = here.run_one(hand, name="nan", config=sgd, nurse="no", out=".").summary
    assert here.runs().run("nan").state is RunState.STOPPED
    assert "diverged" in end["stopped"]
    assert 1 <= end["model_epoch"] <= 3
    assert np.isfinite(probabilities("nan.caviar")).all()


def test_patience_ends_a_run_that_gets_no_better(here: Pond):
    end = spoiled(here, "long", patience=2).summary
    best = end["best"]["epoch"]
    assert end["epochs"] == best + 2
    assert end["stopped"].startswith(f"epoch {best} has the best validation loss")
    assert end["model_epoch"] == best
    assert here.runs().run("long").state is RunState.STOPPED
    with pytest.raises(ConfigError, match="`patience` must be at least 1, got 0"):
        here.run_one(name="none", patience=0)


def test_a_rollback_to_the_best_goes_to_its_epoch(here: Pond):
    epochs: list[int] = []

    def hand(event: loop.EpochDone, ask: Any) -> None:
        clock = event.measurement.clock
        epochs.append(clock.epoch)
        if clock.epoch == 4 and clock.take == 0:
            ask("turn", WORSE, "to spoil it")
        if clock.epoch == 8 and clock.take == 0:
            ask("rollback", {"to": "best"}, "")

    here.run_one(hand, name="back", epochs=9, nurse="no")
    best = best_epoch(here, "back")
    assert epochs[8] <= best + 1  # the first epoch after the rollback
    assert client.snapshot_of("back", "best", None, here.store) is not None
    with pytest.raises(ConfigError, match="by name is to the best"):
        client.intervene("back", "rollback", {"to": "worst"}, here.store)


def test_scoring_the_same_test_rows_again_is_counted(here: Pond):
    first = here.run_one(name="a", epochs=1).summary
    assert first["test_scored_before"] == 0
    assert here.run_one(name="b", epochs=2).summary["test_scored_before"] == 1
    assert here.run_one(name="c", epochs=1, seed=1).summary["test_scored_before"] == 0  # another split
    branch = here.follow(loop.branch("a", 2, {}, here.store, epochs=2)).summary
    assert branch["test_scored_before"] == 2
    caviar.tune(here.spec().data, target=here.spec().target, trials=2, seed=1, store=here.store, progress=False)
    assert here.run_one(name="d", epochs=1, seed=1).summary["test_scored_before"] == 2
