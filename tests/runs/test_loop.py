"""Runs of networks from end to end: interventions, rollbacks, branches, replays, to the bit."""

from __future__ import annotations

import math

import pytest

import caviar
from caviar.errors import ConfigError, NoAnswer, SnapshotError, StoreError
from caviar.learners.contract import Keys, Outcome, never
from caviar.learners.dense.config import from_config
from caviar.learners.dense.learner import engine_named
from caviar.records import Clock, InterventionState, Run, RunState
from caviar.records.metrics import TASK_METRICS
from caviar.runs import loop
from caviar.runs.network import NetworkSetup, NetworkTrainee, load
from caviar.runs.replay import Replayed, replay
from caviar.store import Store, states
from caviar.store.runs import Runs
from tests.runs.conftest import CONFIG, Pond


def replayed(name: str, pond: Pond) -> dict:
    *_, end = replay(name, pond.store)
    assert isinstance(end, Replayed)
    return dict(end.summary)


def at(epoch: int, *asked, take: int = 0):
    """Intervenes at the end of ``epoch``."""

    def on_epoch(event: loop.EpochDone, ask) -> None:
        clock = event.measurement.clock
        if clock.epoch == epoch and clock.take == take:
            for kind, arguments in asked:
                ask(kind, arguments, "the test")

    return on_epoch


def test_a_run_is_the_network_that_train_gives_and_its_model_predicts(pond: Pond):
    decaying = {**CONFIG, "decay": "cosine", "decay_rate": 0.1, "decay_by": "step", "warmup_steps": 10}
    end = pond.run_one(out=str(pond.folder / "new" / "models"), config=decaying)
    summary = end.summary
    dataset = load(pond.spec(), 0)
    config = from_config(decaying, dataset.preprocessing.n_in, dataset.preprocessing.n_out)
    plain = engine_named("native").start(*config, dataset.train, dataset.validation, Keys.of(0))
    outcome, epochs = plain.train(6, never())
    assert outcome is Outcome.TRAINED
    measured = pond.runs().measurements("wine")
    assert [m.values["train_loss"] for m in measured] == [e.train_loss for e in epochs]
    assert [m.values["validation_loss"] for m in measured] == [e.validation.loss for e in epochs]
    assert [m.values["learning_rate"] for m in measured] == [e.learning_rate for e in epochs]
    scores = dict(epochs[-1].validation.scores)
    assert {name: summary["validation"][name] for name in scores} == scores
    assert set(summary["validation"]) == set(TASK_METRICS["classification"])
    assert summary["baseline"]["majority"]["rows"] == len(dataset.train)
    assert sum(summary["confusion"]["rows"]) == summary["data"]["test"]
    assert {column["name"] for column in summary["columns"]} == set(dataset.preprocessing.columns)
    model = caviar.load(summary["model"])
    x = dataset.validation.x
    frame = loop_features(pond)
    assert len(model.predict(frame)) == 178
    assert x.shape[1] == 13
    assert replayed("wine", pond)["same_bits"]
    assert pond.runs().run("wine").state is RunState.FINISHED


def loop_features(pond: Pond):
    import pandas as pd

    return pd.read_csv(pond.folder / "wine.csv")


HANDS = {
    "nobody": lambda event, ask: None,
    "a turn": at(2, ("turn", {"learning_rate": 0.05})),
    "the optimiser": at(2, ("turn", {"optimizer": "momentum", "learning_rate": 0.1, "momentum": 0.8})),
    "two contradicting turns": at(2, ("turn", {"l2": 1.0}), ("turn", {"l2": 0.01}), ("pause", {}), ("resume", {})),
    "batch size and dropout": at(1, ("turn", {"batch_size": 40, "dropout": 0.3, "clip_norm": 0.1})),
    "the decay": at(2, ("turn", {"decay_rate": 0.5}), ("turn", {"decay_by": "step"})),
    "a rollback": at(4, ("rollback", {"snapshot": 3})),
    "a turn and a rollback": at(3, ("turn", {"learning_rate": 0.3}), ("snapshot", {}), ("rollback", {"snapshot": 2})),
}


@pytest.mark.parametrize("hand", HANDS)
def test_a_nursed_run_is_replayed_to_the_same_bits(pond: Pond, hand: str):
    summary = pond.run_one(HANDS[hand]).summary
    again = replayed("wine", pond)
    assert again["same_bits"]
    assert again["bits"] == summary["bits"]
    for name in ("interventions", "rollbacks", "epochs"):
        assert again[name] == summary[name]
    assert again["epochs"] == 6
    assert again["validation"] == summary["validation"]


def test_a_replay_notices_a_diary_that_lies(pond: Pond):
    pond.run_one(HANDS["a turn"])
    with Store.open(pond.store) as store, store.transactions.writing() as connection:
        row = connection.exec_driver_sql("SELECT number, facts FROM run_diary WHERE kind = 'turn'").one()
        lie = row.facts.replace("0.05", "0.051")
        connection.exec_driver_sql("UPDATE run_diary SET facts = ? WHERE kind = 'turn'", (lie,))
    assert not replayed("wine", pond)["same_bits"]


def test_a_rollback_alone_changes_nothing_of_what_comes_after(pond: Pond):
    untouched = pond.run_one().summary
    back = pond.run_one(at(4, ("rollback", {"snapshot": 3})), name="back").summary
    assert back["rollbacks"] == 1
    assert back["bits"] == untouched["bits"]
    assert back["validation"] == untouched["validation"]


def test_a_branch_without_a_turn_ends_like_its_parent_and_with_one_elsewhere(pond: Pond):
    parent = pond.run_one().summary
    same = pond.follow(loop.branch("wine", 3, {}, pond.store, name="same")).summary
    other = pond.follow(loop.branch("wine", 3, {"learning_rate": 0.1}, pond.store, name="other")).summary
    deeper = pond.follow(loop.branch("other", 2, {"l2": 0.1}, pond.store, epochs=8)).summary
    assert same["bits"] == parent["bits"]
    assert other["bits"] != parent["bits"]
    assert deeper["epochs"] == 8
    for name in ("same", "other", "other-branch"):
        assert replayed(name, pond)["same_bits"], name
    assert [run.parent for run in pond.runs().all()] == [None, "wine", "wine", "other"]


@pytest.mark.parametrize("optimizer", ["adam", "schedule_free"])
def test_a_snapshot_holds_everything_that_the_next_mini_batch_needs(pond: Pond, optimizer: str):
    """Moments, statistics, schedule and random streams: what follows a restore is what followed the save."""
    config = {**CONFIG, "optimizer": optimizer}
    trainee = trainee_of(pond, {**config, "decay": "cosine", "decay_rate": 0.05, "decay_by": "step", "warmup_steps": 9})
    trainee.train(3)
    trainee.turn({"beta1": 0.8, "learning_rate": 0.03, "batch_size": 11})
    trainee.train(2)
    saved, clock = states.unpack(states.pack(trainee.save())), trainee.clock
    after = []
    for _ in range(2):
        for _ in range(5):
            trainee.train(4)
        after.append((trainee.bits(), trainee.rate, trainee.row, trainee.clock))
        trainee.restore(saved, clock)
    assert after[0] == after[1]
    fresh = trainee_of(pond, config)
    fresh.restore(saved, clock)
    for _ in range(5):
        fresh.train(4)
    assert (fresh.bits(), fresh.rate, fresh.row, fresh.clock) == after[0]


def test_how_many_mini_batches_are_trained_at_once_changes_no_bit(pond: Pond):
    ends = set()
    for steps in (1, 3, 1000):
        trainee = trainee_of(pond, {**CONFIG, "decay_by": "step", "decay_rate": 0.3})
        while trainee.clock.epoch < 4:
            trainee.train(steps)
        ends.add((trainee.bits(), trainee.clock))
    assert len(ends) == 1


def trainee_of(pond: Pond, config) -> NetworkTrainee:
    setup = NetworkSetup(pond.spec(), config, 0)
    run = Run("wine", 0, setup.spec, setup.config, setup.data, setup.environment, "")
    return NetworkTrainee(run, setup.dataset)


def test_the_nurse_brings_back_a_run_whose_rate_was_turned_up_a_hundredfold(pond: Pond):
    sick = {**CONFIG, "batch_norm": False}
    summary = pond.run_one(at(4, ("turn", {"learning_rate": 5000.0})), epochs=12, config=sick).summary
    healthy = pond.run_one(epochs=12, name="healthy", config=sick).summary
    diary = pond.runs().diary("wine")
    assert summary["rollbacks"] >= 1
    assert summary["validation"]["accuracy"] >= healthy["validation"]["accuracy"] - 0.06  # 36 rows: two of them
    halved = next(e for e in diary if e.kind == "turn" and e.who == "nurse").facts["turned"]["learning_rate"]
    assert halved[1] == pytest.approx(halved[0] / 2)
    assert replayed("wine", pond)["same_bits"]


def test_without_a_nurse_it_ends_in_nan_and_says_so(pond: Pond):
    sgd = {**CONFIG, "batch_norm": False, "optimizer": "sgd", "learning_rate": 1e9}
    with pytest.raises(NoAnswer, match="ended without a whole network"):
        pond.run_one(nurse="no", config=sgd)
    assert pond.runs().run("wine").state is RunState.STOPPED


def test_a_nurse_who_may_act_turns_the_rate_down_on_a_plateau(pond: Pond):
    flat = {**CONFIG, "learning_rate": 1e-8, "dropout": 0.0, "batch_norm": False}
    pond.run_one(epochs=14, config=flat)
    assert [e.kind for e in pond.runs().diary("wine") if e.who == "nurse"] == ["advice"]
    pond.run_one(epochs=14, config=flat, nurse="act", name="act")
    turns = [e for e in pond.runs().diary("act") if e.who == "nurse"]
    assert [e.kind for e in turns] == ["turn"]
    assert turns[0].facts["turned"]["learning_rate"] == [1e-8, pytest.approx(3e-9)]


def test_contradicting_interventions_and_those_after_a_stop(pond: Pond):
    hand = at(2, ("turn", {"l2": 1.0}), ("turn", {"l2": 0.5}), ("stop", {}), ("turn", {"l2": 0.1}))
    end = pond.run_one(hand).summary
    asked = pond.runs().interventions("wine")
    assert [one.state for one in asked] == [
        InterventionState.OVERTAKEN,
        InterventionState.DONE,
        InterventionState.DONE,
        InterventionState.REFUSED,
    ]
    assert end["epochs"] == 2
    assert end["interventions"] == 1
    assert replayed("wine", pond)["same_bits"]
    with pytest.raises(StoreError, match="is stopped and takes no interventions"):
        pond.runs().intervene("wine", "turn", {"l2": 0.5}, "me", "")


def test_an_interrupted_run_goes_on_within_its_epoch_to_the_same_bits(pond: Pond):
    whole = pond.run_one(epochs=8).summary
    asked = [False]
    events = pond.begin(epochs=8, name="broken", ended=lambda: asked[0])

    def until_interrupted() -> None:
        for event in events:
            if isinstance(event, loop.EpochDone) and event.measurement.clock.epoch == 3:
                asked[0] = True

    with pytest.raises(KeyboardInterrupt):
        until_interrupted()
    assert pond.runs().run("broken").state is RunState.INTERRUPTED
    resumed = pond.follow(loop.resume("broken", pond.store)).summary
    assert resumed["bits"] == whole["bits"]
    assert replayed("broken", pond)["same_bits"]
    with pytest.raises(StoreError, match="is finished"):
        next(iter(loop.resume("broken", pond.store)))


def test_the_disk_budget_removes_snapshots_and_a_rollback_to_one_is_refused(pond: Pond):
    whole = pond.run_one().summary
    size = pond.runs().snapshots("wine")[0].size

    def hand(event: loop.EpochDone, ask) -> None:
        if event.measurement.clock.epoch == 5:
            with pytest.raises(SnapshotError, match="snapshot 3 was removed"):
                ask("rollback", {"snapshot": 3}, "refused where it is asked for")
            pond.runs().intervene("small", "rollback", {"snapshot": 3}, "anna", "as if it was removed meanwhile")

    small = pond.run_one(hand, name="small", disk_bytes=int(size * 2.5)).summary
    snapshots = pond.runs().snapshots("small")
    kept = [s for s in snapshots if s.state == "kept"]
    assert sum(s.size for s in kept) <= 2.5 * size
    folder = pond.runs().files("small").folder
    assert sorted(p.name for p in folder.iterdir()) == sorted(s.path for s in kept)
    (one,) = pond.runs().interventions("small")
    assert one.state is InterventionState.REFUSED
    assert "snapshot 3 was removed, to stay within the disk budget" in one.outcome
    assert small["bits"] == whole["bits"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"nurse": "sleepy"}, "`nurse` is one of"),
        ({"seed": -1}, "`seed` must be"),
        ({"disk_bytes": 0}, "`disk_bytes` must be at least 1"),
        ({"name": "../x"}, "a run's name is letters"),
        ({"config": {"lerning_rate": 1}}, "did you mean"),
        ({"out": "/dev/null/models"}, "/dev/null is no folder"),
    ],
)
def test_mistakes_are_refused_before_anything_is_written(pond: Pond, change, said: str):
    with pytest.raises((ConfigError, StoreError), match=said):
        pond.run_one(**change)
    if (pond.folder / "caviar.db").exists():
        assert pond.runs().all() == []


def test_regression_is_nursed_and_replayed_too(pond: Pond):
    from caviar.data import samples

    samples.write_csv(samples.diabetes(), pond.folder / "d.csv")
    data = {"data": pond.folder / "d.csv", "target": samples.diabetes().target_name, "epochs": 5}
    summary = pond.run_one(**data).summary
    assert set(summary["validation"]) == set(TASK_METRICS["regression"])
    assert 20 < summary["validation"]["mae"] < summary["validation"]["rmse"] < 120  # in the target's own units
    assert replayed("wine", pond)["same_bits"]


def test_what_is_measured_of_layers_is_finite_and_drift_settles(pond: Pond):
    pond.run_one(epochs=10)
    looks = [m.values["inside"] for m in pond.runs().measurements("wine")]
    assert all(len(look) == 2 for look in looks)
    assert all(math.isfinite(v) for look in looks for layer in look for v in layer.values())
    assert looks[0][0]["drift"] == 0.0  # nothing to compare with
    assert 0 < looks[-1][0]["drift"] < 1
    trainee = trainee_of(pond, {**CONFIG, "activation": "tanh", "batch_norm": False})
    saved = trainee.save()
    trainee.restore(
        {**saved, "state": {n: a * 1e3 if n == "layer1.w" else a for n, a in saved["state"].items()}},
        Clock(),
    )
    assert trainee.look()[0]["saturated"] > 0.9


def test_another_process_may_not_keep_a_run_meanwhile(pond: Pond):
    said = []

    def on_epoch(event, ask):
        with pytest.raises(StoreError, match="is running: process"):
            Runs(Store.open(pond.store, create=False)).take("wine")
        said.append(True)

    pond.run_one(on_epoch, epochs=1)
    assert said


def test_data_that_changed_is_not_trained_on(pond: Pond):
    pond.run_one(epochs=2)
    table = (pond.folder / "wine.csv").read_text()
    (pond.folder / "wine.csv").write_text(table.replace("13.2", "13.3", 1))
    with pytest.raises(StoreError, match="no longer what it was trained on"):
        replayed("wine", pond)


def test_a_second_run_of_the_same_name_is_refused(pond: Pond):
    pond.run_one(epochs=1)
    with pytest.raises(StoreError, match="a run 'wine' already") as refusal:
        pond.run_one(epochs=1)
    assert "wine-2" in refusal.value.way_out
    pond.run_one(epochs=1, name="wine-2")
