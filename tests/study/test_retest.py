"""An old answer tested again on small made tables: the verdicts, what they rest on, the environment, and bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import caviar
from caviar import files
from caviar.analysis import intervals
from caviar.errors import CaviarError, ConfigError, DataError, ModelError, StoreAway, StoreError
from caviar.learners.model import Model, load
from caviar.learners.probe import PROBE, probe_of
from caviar.store import Store
from caviar.store.doctor import delete
from caviar.study import former, retest, retested
from caviar.study.job import SEEDS
from caviar.study.retest import request_of

pytestmark = pytest.mark.filterwarnings("ignore::caviar.CaviarWarning")
COLUMNS = list("abcd")
SPACE = caviar.Space(learning_rate=caviar.Log(3e-3, 0.1), hidden_units=8, layers=1, batch_size=32)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intervals, "_RESAMPLES", 200)


def table(rows: int, seed: int, turned: float = 0.0) -> pd.DataFrame:
    """Two classes by a line through the origin, which is ``turned`` by so many radians; a twentieth of labels wrong."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    side = np.cos(turned) * x[:, 0] + np.sin(turned) * x[:, 1] > 0
    wrong = rng.random(rows) < 0.05
    return pd.DataFrame(x, columns=COLUMNS).assign(y=np.where(side ^ wrong, "yes", "no"))


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study, its model, and tables that came later."""
    folder = tmp_path_factory.mktemp("retest")
    for name, frame in {"old": table(300, 1), "same": table(300, 2), "turned": table(300, 3, 1.2)}.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    tune(folder, "old.csv", "old")
    return folder


def tune(folder: Path, data: object, study: str, target: object = "y", **more: object) -> caviar.TunedStudy:
    given = {
        "trials": 3,
        "space": SPACE,
        "threads": 1,
        "store": folder / "s.db",
        "out": folder,
        "progress": False,
        "study": study,
    }
    source = folder / data if isinstance(data, str) else data
    return caviar.tune(source, target, **given | more)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def place(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it."""
    shutil.copytree(furnished, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


def again(study: str = "old", data: object = None, **more: object) -> caviar.TunedStudy:
    given = {"trials": 2, "threads": 1, "store": "s.db", "progress": False}
    return caviar.retest(study, data=data, **given | more)  # type: ignore[arg-type]


def test_where_the_world_has_turned_it_is_trained_or_tuned_again(place: Path):
    study = again(data="turned.csv", out=".")
    found = study.retest
    assert found is not None
    assert found.verdict in ("retrain", "retune")
    one = found.differences[found.difference]
    assert one.low > 0.1
    assert one.rows >= 240
    assert found.drift is not None
    assert found.environment.facts["data"]["same"] is False
    if found.verdict == "retrain":  # the model that is saved is the one that the verdict is about
        assert [one["config"] for one in study.best.model.facts["recipe"]] == [
            one["config"] for one in found.retrained["configs"]
        ]
    right = study.best.model.predict(pd.read_csv("turned.csv")[COLUMNS]) == pd.read_csv("turned.csv")["y"]
    assert right.mean() > 0.85


def test_the_model_after_retrain_is_the_old_recipe_whatever_the_study_itself_would_choose(
    place: Path, monkeypatch: pytest.MonkeyPatch
):
    def the_last_two(p: object, y: object, owners: list[int], **_: object) -> tuple[object, float]:
        return np.eye(len(owners))[-1] / 2 + np.eye(len(owners))[-2] / 2, 0.0

    monkeypatch.setattr("caviar.study.members.select", the_last_two)
    monkeypatch.setattr(retested, "verdict", lambda found: ("retrain", "weights"))
    old = tune(place, "old.csv", "two")
    assert old.result.ensemble is not None
    study = again("two", data="turned.csv", trials=4)
    recipe = study.best.model.facts["recipe"]
    configs = study.retest.retrained["configs"]
    assert [(one["config"], one["share"]) for one in recipe] == [(one["config"], one["share"]) for one in configs]
    assert study.best.config in [one["config"] for one in configs]
    assert [one["share"] for one in recipe] == [0.5, 0.5]
    assert study.result.ensemble.networks == 2


@pytest.mark.parametrize("saved", [True, False])
def test_old_configs_that_diverge_today_are_tuned_again(place: Path, monkeypatch: pytest.MonkeyPatch, saved: bool):
    real = retested._sound
    monkeypatch.setattr(retested, "_sound", lambda entrants: {n: one for n, one in real(entrants).items() if n > 0})
    if not saved:
        Path("old.caviar").unlink()
        monkeypatch.setattr(former, "trained_as_then", lambda *_: None)
    found = again(data="turned.csv").retest
    assert found.verdict == "retune"
    assert set(found.differences) == ({"both"} if saved else set())
    assert any("diverges on today's data" in note for note in found.notes)


def test_where_nothing_has_changed_nothing_is_done(place: Path):
    found = again(data="same.csv").retest
    assert found is not None
    assert found.verdict in ("keep", "unclear")
    assert found.why
    assert found.differences["weights"].rows == 300  # every row is new to the old weights


def test_on_its_own_data_old_weights_are_compared_on_rows_that_they_have_not_seen(place: Path):
    study = again()
    found = study.retest
    assert found is not None
    assert found.environment.facts["data"]["same"] is True
    assert found.drift is None
    sealed = json.loads(files.dumps(study.result.to_record()))["data"]["test"]
    assert found.differences["weights"].rows == sealed == 60
    assert found.differences["both"].rows < 60  # those of validation are left out


def test_rows_of_training_in_a_table_that_has_grown_do_not_count(place: Path):
    pd.concat([pd.read_csv("old.csv"), pd.read_csv("same.csv")]).to_csv("grown.csv", index=False)
    found = again(data="grown.csv").retest
    assert found is not None
    assert found.differences["weights"].rows == 360


def test_old_weights_are_not_compared_where_the_file_of_their_rows_has_changed(place: Path):
    """Their score on rows that they have learned is no score: it said "keep it"."""
    pd.concat([pd.read_csv("old.csv"), table(100, 7)]).to_csv("old.csv", index=False)
    for found in (again().retest, again(data="old.csv").retest):
        assert set(found.differences) == {"configs"}
        assert any("nobody knows which of its rows the old weights have seen" in note for note in found.notes)


def test_old_weights_all_of_whose_rows_are_known_are_not_compared(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retested, "FEWEST_ROWS", 61)
    found = again().retest
    assert found is not None
    assert set(found.differences) == {"configs"}
    assert any("cannot be compared fairly" in note for note in found.notes)


def test_the_environment_is_kept_apart_from_the_data(place: Path):
    same = again(data="same.csv").retest.environment
    assert same.facts["model"]["same_bits"]
    assert same.facts["training"]["same_bits"]
    assert same.facts["speed"]["then"] > 0
    assert same.facts["speed"]["now"] > 0
    assert not same.unknown


def test_a_model_that_predicts_other_bits_is_found_out(place: Path):
    model = load("old.caviar")
    assert probe_of(model) == dict(model.facts[PROBE])
    bent = {**model.facts, PROBE: {**model.facts[PROBE], "sha256": "0" * 64}}
    Model(
        model.network, model.preprocessing, bent, model.members, model.residuals, model.correction, model.reference
    ).save("old.caviar")
    changed = again(data="same.csv").retest.environment.changed
    assert any("predicts other bits" in one for one in changed)


@pytest.mark.parametrize("more", [{"preset": "best"}, {"preset": "single"}, {"seconds": 600}])
def test_a_model_that_was_not_saved_is_trained_again_to_the_same_bits(place: Path, more: dict[str, Any]):
    study = tune(place, "old.csv", "unsaved", out=None, **more)
    if "seconds" in more:  # each member with several seeds
        assert study.result.ensemble.networks == SEEDS * len(study.result.ensemble.trials)
    with Store.open("s.db", create=False) as store:
        record = store.study("unsaved")
        again_then = former.trained_as_then(record, former.same_job(record), store)
    rows = table(50, 9)[COLUMNS]
    x = study.best.model.inputs(study.best.model.frame(rows)[0], slice(0, 50))[0]
    np.testing.assert_array_equal(again_then.outputs(x), study.best.model.outputs(x))
    found = again("unsaved", data="turned.csv").retest
    assert "weights" in found.differences
    assert any("trained again from their seeds" in note for note in found.notes)


def test_a_model_without_a_probe_says_that_it_cannot_be_known(place: Path):
    model = load("old.caviar")
    facts = {name: value for name, value in model.facts.items() if name not in (PROBE, "recipe")}
    Model(model.network, model.preprocessing, facts, model.members, model.residuals, model.correction).save(
        "old.caviar"
    )
    found = again(data="same.csv").retest
    assert any("without a probe" in one for one in found.environment.unknown)
    assert any("drift is not known" in note for note in found.notes)


def test_the_same_bits_on_two_threads_and_taken_up_again(place: Path):
    one_study = again(data="turned.csv", name="one")
    one = one_study.retest
    two = again(data="turned.csv", name="two", threads=2).retest
    assert (one.verdict, one.differences) == (two.verdict, two.differences)
    begun = again(data="turned.csv", name="three", trials=1)
    assert begun.retest is not None
    most = one_study.result.trials["started"]
    three = caviar.resume("three", store="s.db", trials=most, threads=1, progress=False)
    assert three.retest.differences == one.differences


def test_a_retest_is_a_study_that_is_linked_to_the_old_one(place: Path):
    study = again(data="same.csv", name="later")
    with Store.open("s.db", create=False) as store:
        [found] = store.retests("old")
        assert found.name == study.name == "later"
        assert found.spec.retest.of == "old"
        assert files.dumps(found.result.retest.to_record()) == files.dumps(study.retest.to_record())
        assert store.retests("later") == []
        delete(store, "study", "old")
        assert [one.name for one in store.retests("old")] == ["later"]
    alone = again("later", data="turned.csv").retest
    assert alone.of == "later"


def test_finalists_outside_of_a_space_that_has_changed_are_left_out(place: Path):
    with Store.open("s.db", create=False) as store:
        best = store.study("old").result.best.config["learning_rate"]
    whole = request_of("old", "s.db", "same.csv", None)
    narrow = caviar.Space(learning_rate=caviar.Choice([best]), hidden_units=8, layers=1, batch_size=32)
    shares = whole.retest.shares
    kept = retest._fitting(retest.Recipe(tuple(whole.first), whole.retest.epochs, shares), narrow)
    assert len(whole.first) > len(kept.configs) >= 1
    assert kept.shares[0] == shares[0] == 1.0


def test_a_model_alone_is_tested_again_from_its_facts(place: Path):
    Path("s.db").unlink()
    with pytest.raises(ModelError, match="tuned in a space of its own"):
        again("old.caviar", data="turned.csv")
    Path("old.caviar").unlink()
    tune(place, "old.csv", "old", space=None, trials=1, preset="single")
    Path("s.db").unlink()
    with pytest.raises(DataError, match="its data is not known"):
        again("old.caviar")
    found = again("old.caviar", data="turned.csv", trials=1).retest
    assert found.verdict in ("retrain", "retune")
    assert any("the store has no study 'old'" in note for note in found.notes)
    assert found.differences["weights"].low > 0.1


def test_a_model_whose_study_is_there_is_that_study(place: Path):
    request = request_of("old.caviar", "s.db", "same.csv", None)
    assert request.retest == request_of("old", "s.db", "same.csv", None).retest
    assert request.retest.of == "old"


def test_a_model_whose_store_cannot_be_read_is_not_one_without_its_study(place: Path):
    Path("s.db").write_text("no database")
    with pytest.raises(StoreError, match="damaged, or not a database"):
        request_of("old.caviar", "s.db", "same.csv", None)
    with pytest.raises(StoreAway, match="cannot be reached"):
        request_of("old.caviar", "postgresql://nobody@127.0.0.1:1/nothing", "same.csv", None)


@pytest.mark.parametrize("kind", ["regression", "several", "single", "group", "time", "log_loss"])
def test_other_kinds_of_studies(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    old, new = table(300, 1), table(300, 3, 2.5)
    target: object = "y"
    more: dict[str, object] = {}
    for frame, turned in ((old, 0.0), (new, 2.5)):
        number = np.cos(turned) * frame["a"] + np.sin(turned) * frame["b"]
        if kind == "regression":
            frame["y"] = number + 0.1 * np.random.default_rng(5).normal(size=len(frame))
        elif kind == "several":
            frame["z"] = np.where(frame["c"] > 0, "up", "down")
        elif kind == "group":
            frame["g"] = [f"g{i // 3}" for i in range(len(frame))]
        elif kind == "time":
            frame["when"] = pd.date_range("2024-01-01", periods=len(frame), freq="D").astype(str)
    if kind == "several":
        target = ["y", "z"]
    elif kind in ("group", "time"):
        more = {kind: "g" if kind == "group" else "when"}
    elif kind == "single":
        more = {"preset": "single"}
    elif kind == "log_loss":
        more = {"metric": "log_loss"}
    old.to_csv("old.csv", index=False)
    new.to_csv("new.csv", index=False)
    tune(tmp_path, "old.csv", "old", target, **more)
    found = again(data="new.csv").retest
    assert found.verdict in ("retrain", "retune"), found.why
    assert found.differences["weights"].low > 0
    assert (found.drift is None) == (kind == "several")


# --- bad input: two lines each ---


def refusal(error: type[CaviarError], says: str, study: str = "old", data: object = None, **more: object) -> str:
    with pytest.raises(error, match=says) as caught:
        again(study, data, **more)
    assert caught.value.way_out
    with Store.open("s.db", create=False) as store:  # nothing is written
        assert [one.name for one in store.studies()] == ["old"]
    return str(caught.value)


def changed(place: Path, name: str, **columns: object) -> str:
    frame = pd.read_csv("same.csv").assign(**columns)
    frame.to_csv(name, index=False)
    return name


def test_ten_rows(place: Path):
    pd.read_csv("same.csv").head(10).to_csv("ten.csv", index=False)
    refusal(DataError, "at least 50 labelled rows, and the data has 10", data="ten.csv")


def test_no_labels(place: Path):
    pd.read_csv("same.csv").drop(columns="y").to_csv("bare.csv", index=False)
    refusal(DataError, "'y'", data="bare.csv")


def test_other_classes_and_another_target(place: Path):
    rows = pd.read_csv("same.csv")
    rows["y"].where(rows.index > 60, "maybe")
    changed(place, "more.csv", y=rows["y"].where(rows.index > 60, "maybe"))
    refusal(DataError, "the class 'maybe', which the old model does not know", data="more.csv")
    changed(place, "numbers.csv", y=rows["a"])
    refusal(DataError, "does not know", data="numbers.csv")


def test_missing_columns(place: Path):
    pd.read_csv("same.csv").rename(columns={"c": "cc"}).to_csv("lacking.csv", index=False)
    assert "cc" in refusal(DataError, "lacks a column that the old networks were trained on: 'c'", data="lacking.csv")


def test_a_column_that_is_new_is_left_out(place: Path):
    changed(place, "wider.csv", extra=np.arange(300) % 7)
    found = again(data="wider.csv")
    assert found.retest is not None
    assert found.result.data["features"] == 4


def test_a_study_without_finalists(place: Path):
    with Store.open("s.db", create=False) as store:
        delete(store, "study", "old")
    with caviar.open_study("asked", caviar.Space(x=caviar.Linear(0, 1)), store="s.db") as asked:
        asked.ask(1)
    with pytest.raises(StoreError, match="program of its own") as caught:
        again("asked")
    assert "--known asked" in caught.value.way_out
    with pytest.raises(StoreError, match="the store has no study 'nobody'"):
        again("nobody")


def test_a_study_that_has_not_come_to_an_answer(place: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("caviar.study.tune.finals", broken)
    with pytest.raises(KeyboardInterrupt):
        tune(place, "old.csv", "half")
    with pytest.raises(StoreError, match="no finalists yet") as caught:
        again("half")
    assert caught.value.way_out == "caviar resume half first"


def test_a_model_that_does_not_say_how_it_was_trained(place: Path):
    x = table(60, 1)
    fit = caviar.train(x[COLUMNS].to_numpy(), (x["y"] == "yes").to_numpy().astype(int), {"layers": 1}, epochs=1)
    fit.model.save("other.caviar")
    refusal(ModelError, "does not say how it was trained", "other.caviar")
    Path("bad.caviar").write_bytes(b"nothing")
    refusal(ModelError, "bad.caviar", "bad.caviar")


def test_data_that_was_no_file_or_is_gone(place: Path):
    Path("old.csv").unlink()
    refusal(DataError, "is not there")
    found = again(data="same.csv").retest
    assert any("the old rows are not there" in note for note in found.notes)
    tune(place, table(300, 1), "frame")
    with pytest.raises(DataError, match="data that was no file"):
        again("frame")
    assert again("frame", data=table(300, 1)).retest.environment.facts["data"]["same"]


def test_the_name_of_a_retest_must_be_free(place: Path):
    refusal(StoreError, "old", data="same.csv", name="old")
    refusal(ConfigError, "trials", data="same.csv", trials=0)


def test_labels_in_another_order_are_matched():
    assert former.places_of(("no", "yes"), ["yes", "no"]) == [1, 0]
    with pytest.raises(DataError, match="no row is of the class 'no'"):
        former.places_of(("no", "yes"), ["yes"])
