"""The contract of every back end of the store; see conftest.py for how one joins."""

from __future__ import annotations

import math
import multiprocessing
import os
import struct
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from caviar.errors import StoreError
from caviar.records import Comparison, Measurement, StudyProgress, StudyState, Trial, TrialState
from caviar.records.result import BestTrial, StudyResult
from caviar.records.retest import RetestSpec
from caviar.store import Runs, Snapshots, Store
from tests.store.backends import persistent
from tests.store.sample import CONFIG, RUN, STUDY, measurement

on_one_store = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)  # one store for all examples: each writes under names of its own
_fresh = count()


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def test_a_study_comes_back_as_it_was(store: Store) -> None:
    store.create_study(STUDY)
    assert store.study("flowers") == STUDY
    assert store.studies() == [STUDY]


def test_the_tests_of_an_answer_are_found_by_the_study_that_they_test(store: Store) -> None:
    store.create_study(STUDY)
    spec = RetestSpec(of="flowers", model="/m.caviar", epochs=(3, 9), shares=(1.0, 0.0))
    later = replace(STUDY, name="later", spec=replace(STUDY.spec, retest=spec))
    other = replace(STUDY, name="other", spec=replace(STUDY.spec, retest=replace(spec, of="later")))
    for study in (later, other):
        store.create_study(study)
    assert store.retests("flowers") == [later]
    assert store.retests("later") == [other]
    assert store.retests("other") == []


@persistent
def test_a_study_is_there_when_the_store_is_opened_again(store: Store, store_url: str) -> None:
    store.create_study(STUDY)
    with Store.open(store_url, create=False) as later:
        assert later.studies() == [STUDY]


def test_a_free_name_is_the_name_itself_or_the_next_number(store: Store) -> None:
    assert store.free_name("flowers") == "flowers"
    store.create_study(STUDY)
    assert store.free_name("flowers") == "flowers-2"
    store.create_study(replace(STUDY, name="flowers-2"))
    assert store.free_name("flowers") == "flowers-3"


def test_a_second_study_of_the_same_name_is_refused_with_a_free_one(store: Store) -> None:
    store.create_study(STUDY)
    store.create_study(replace(STUDY, name="flowers-2"))
    with pytest.raises(StoreError, match=r"(?s)has a study 'flowers' already.*`study='flowers-3'`.*caviar resume"):
        store.create_study(STUDY)
    assert len(store.studies()) == 2


def test_a_misspelt_study_is_answered_with_the_nearest(store: Store) -> None:
    store.create_study(STUDY)
    for lookup in (store.study, store.trials, store.measurements, store.trials_frame):
        with pytest.raises(StoreError, match="did you mean 'flowers'"):
            lookup("flower")
    with pytest.raises(StoreError, match="did you mean"):
        store.write("flower", [Trial(0, CONFIG, TrialState.RUNNING)])
    with pytest.raises(StoreError, match="did you mean"):
        store.finish_study("flower", StudyState.FINISHED, None, "2026")


def test_trials_change_and_measurements_gather(store: Store) -> None:
    store.create_study(STUDY)
    other = replace(STUDY, name="another")
    store.create_study(other)
    first = [Trial(n, CONFIG, TrialState.RUNNING, 1, 0.5, 0.7) for n in (1, 0)]
    store.write("flowers", first, [(n, 0, measurement(1)) for n in (1, 0)])
    done = Trial(0, CONFIG, TrialState.FINISHED, 2, 0.9, 0.1)
    again = Trial(0, CONFIG, TrialState.FINISHED, 1, 0.8, 0.2, repeat=1)
    store.write("flowers", [done, again], [(0, 1, measurement(1)), (0, 0, measurement(2))])
    assert store.trials("flowers") == [done, again, first[0]]
    keys = [(number, repeat, m.epoch) for number, repeat, m in store.measurements("flowers")]
    assert keys == [(0, 0, 1), (0, 0, 2), (0, 1, 1), (1, 0, 1)]
    assert store.trials("another") == []
    assert store.measurements("another") == []
    assert list(store.trials("flowers")[0].config) == list(CONFIG)
    counts = store.trial_counts()
    assert counts["flowers"][TrialState.FINISHED] == 1  # the repeat is no trial of its own
    assert counts["flowers"][TrialState.RUNNING] == 1
    assert set(counts["another"].values()) == {0}


def test_curves_are_the_measurements_by_trial_and_repeat(store: Store) -> None:
    store.create_study(STUDY)
    assert store.curves("flowers") == {}
    keys = [(3, 0), (0, 0), (0, 1)]
    rows = [
        (n, r, Measurement(e, 0.0, n + e / 16, 0.0, r + e / 32, 0.0, e / 4)) for n, r in keys for e in range(1, 5 - n)
    ]
    trials = [Trial(n, CONFIG, TrialState.RUNNING, repeat=r) for n, r in keys]
    store.write("flowers", trials, rows[::-1])
    curves = store.curves("flowers")
    assert list(curves) == [(0, 0), (0, 1), (3, 0)]
    for n, r in keys:
        mine = [m for number, repeat, m in store.measurements("flowers") if (number, repeat) == (n, r)]
        assert list(curves[n, r].scores) == [m.score for m in mine]
        assert list(curves[n, r].losses) == [m.validation_loss for m in mine]
        assert curves[n, r].seconds == sum(m.seconds for m in mine)
        assert store.curves("flowers", [n]) == {key: curve for key, curve in curves.items() if key[0] == n}
    assert store.curves("flowers", [3, 0]) == curves
    assert store.curves("flowers", []) == {}


def test_a_trial_that_lacks_an_epoch_is_named_and_not_read_as_another(store: Store) -> None:
    store.create_study(STUDY)
    trials = [Trial(n, CONFIG, TrialState.RUNNING) for n in (0, 1)]
    store.write("flowers", trials, [(0, 0, measurement(1)), (1, 0, measurement(1)), (1, 0, measurement(3))])
    with pytest.raises(StoreError, match="trial 1 of study 'flowers' lacks 1 of its 3 epochs"):
        store.curves("flowers")


@pytest.mark.parametrize(
    "bad",
    [
        [(0, 0, measurement(1)), (0, 0, measurement(1))],  # an epoch twice
        [(0, 0, measurement(1)), (7, 0, measurement(1))],  # of a trial that is not there
    ],
)
def test_a_write_is_whole_or_not_at_all(store: Store, bad: list[tuple[int, int, Measurement]]) -> None:
    store.create_study(STUDY)
    with pytest.raises(StoreError, match="has these epochs already"):
        store.write("flowers", [Trial(0, CONFIG, TrialState.RUNNING)], bad)
    assert store.trials("flowers") == []
    assert store.measurements("flowers") == []


def test_the_end_of_a_study_is_the_end_of_its_running_trials(store: Store) -> None:
    for name in ("flowers", "another"):
        store.create_study(replace(STUDY, name=name))
        store.write(name, [Trial(0, CONFIG, TrialState.RUNNING), Trial(1, CONFIG, TrialState.STOPPED)])
    scores: dict[str, Any] = {"log_loss": math.nan, "accuracy": np.float32(0.5)}
    result = StudyResult(metric="accuracy", study="flowers", best=BestTrial(trial=0, validation=scores))
    store.finish_study("flowers", StudyState.INTERRUPTED, result, "2026-01-31T12:01:00+00:00")
    study = store.study("flowers")
    assert (study.state, study.ended) == (StudyState.INTERRUPTED, "2026-01-31T12:01:00+00:00")
    plain = replace(result, best=replace(result.best, validation={"log_loss": math.nan, "accuracy": 0.5}))
    assert repr(study.result) == repr(plain)  # NaN equals itself in texts only
    assert [trial.state for trial in store.trials("flowers")] == [TrialState.INTERRUPTED, TrialState.STOPPED]
    assert store.study("another").state == StudyState.RUNNING
    assert store.trials("another")[0].state == TrialState.RUNNING


hostile = st.sampled_from(
    [
        "",
        " ",
        "🐟" * 40,
        "\u202etxt.exe",
        "\x1b[2J\x1b[31mred",
        "<img src=x onerror=alert(1)>",
        "../../x",
        "'; --",
        "%s?:a",
    ]
) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@on_one_store
@given(name=hostile)
def test_hostile_names_are_kept_and_inert_in_messages(store: Store, name: str) -> None:
    assume(name not in {known.name for known in store.studies()})
    study = replace(STUDY, name=name, metric=name, search=name, data={name: name})
    store.create_study(study)
    store.write(name, [Trial(0, {name: name}, TrialState.RUNNING)])
    assert store.study(name) == study
    assert store.trials(name)[0].config == {name: name}
    for attempt in (lambda: store.create_study(study), lambda: store.study("no name like any other")):
        with pytest.raises(StoreError) as error:
            attempt()
        assert len(str(error.value).splitlines()) == 2
        assert str(error.value).replace("\n", "").isprintable()


def test_a_name_of_a_megabyte_is_kept_and_shown_short(store: Store) -> None:
    name = "🐟" * 250_000
    store.create_study(replace(STUDY, name=name))
    assert store.study(name).name == name
    for attempt in (lambda: store.create_study(replace(STUDY, name=name)), lambda: store.study(name[1:])):
        with pytest.raises(StoreError) as error:
            attempt()
        assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_databases_do_not_keep_is_refused(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="characters that databases do not keep"):
        store.create_study(replace(STUDY, name=name))
    with pytest.raises(StoreError, match="characters that databases do not keep"):
        store.study(name)


@on_one_store
@given(value=st.floats(allow_nan=False))
@example(-0.0)
@example(math.nan)
@example(math.inf)
@example(-math.inf)
@example(5e-324)
@example(1.0)
def test_every_float_comes_back_with_the_same_bits(store: Store, value: float) -> None:
    name = f"floats-{next(_fresh)}"
    store.create_study(replace(STUDY, name=name))
    store.write(name, [Trial(0, CONFIG, TrialState.DIVERGED, 1, value, value)], [(0, 0, measurement(1, value))])
    trial = store.trials(name)[0]
    kept = store.measurements(name)[0][2]
    read = [trial.score, trial.validation_loss, kept.train_loss, kept.validation_loss, kept.validation_accuracy]
    for number in [*read, kept.score, kept.learning_rate, kept.seconds]:
        assert isinstance(number, float)
        assert math.isnan(number) if math.isnan(value) else bits(number) == bits(value)
    store.write(name, comparisons=[(0, 0, Comparison(1, value, value, value, value))])
    [(_, _, compared)] = store.comparisons(name)
    for number in compared[1:]:
        assert math.isnan(number) if math.isnan(value) else bits(number) == bits(value)
    curve = store.curves(name)[0, 0]
    assert [bits(curve.scores[0]), bits(curve.losses[0])] == [bits(kept.score), bits(kept.validation_loss)]


def test_a_nan_among_numbers_keeps_them_and_nothing_is_not_nan(store: Store) -> None:
    store.create_study(STUDY)
    mixed = Measurement(1, 0.1, math.nan, math.inf, -math.inf, 1e-3, 0.0)
    store.write("flowers", [Trial(0, CONFIG, TrialState.RUNNING)], [(0, 0, mixed)])
    [(_, _, kept)] = store.measurements("flowers")
    assert repr(kept) == repr(mixed)
    assert store.trials("flowers")[0].score is None


@on_one_store
@given(
    config=st.dictionaries(
        st.text(),
        st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    ),
    seed=st.integers(0, 2**64 - 1),
    number=st.integers(0, 2**40 - 1),
)
def test_configs_and_seeds_keep_their_values_types_and_order(
    store: Store, config: dict[str, bool | int | float | str], seed: int, number: int
) -> None:
    name = f"configs-{next(_fresh)}"
    store.create_study(replace(STUDY, name=name, seed=seed))
    store.write(name, [Trial(number, config, TrialState.RUNNING)])
    [trial] = store.trials(name)
    assert repr(trial.config) == repr(config)
    assert (store.study(name).seed, trial.number) == (seed, number)


def test_numbers_of_numpy_are_taken(store: Store) -> None:
    store.create_study(STUDY)
    one, three, half = cast(Any, (np.int32(1), np.int64(3), np.float32(0.5)))
    trial = Trial(three, {"layers": three}, TrialState.RUNNING, one, half, half)
    store.write("flowers", [trial], [(three, cast(Any, np.int64(0)), measurement(one, half))])
    assert store.trials("flowers") == [Trial(3, {"layers": 3}, TrialState.RUNNING, 1, 0.5, 0.5)]
    assert store.measurements("flowers") == [(3, 0, measurement(1))]


def test_the_frame_has_a_row_a_trial_and_a_column_a_hyperparameter(store: Store) -> None:
    store.create_study(STUDY)
    store.write(
        "flowers", [Trial(0, CONFIG, TrialState.STOPPED, 3, 0.5, math.inf), Trial(1, {"l2": 0.1}, TrialState.RUNNING)]
    )
    frame = store.trials_frame("flowers")
    facts = ["number", "repeat", "state", "epochs", "score", "validation_loss", "origin"]
    assert list(frame.columns) == [*facts, "began", "ended", "learning_rate", "layers", "batch_norm", "optimizer", "l2"]
    assert frame[facts].iloc[0].to_list() == [0, 0, "stopped", 3, 0.5, math.inf, ""]
    assert frame["score"].dtype == frame["l2"].dtype == np.float64
    assert frame["l2"].isna().tolist() == [True, False]


def test_a_hyperparameter_takes_no_other_column_of_the_frame(store: Store) -> None:
    store.create_study(STUDY)
    store.write("flowers", [Trial(0, {"score": 7.0, "depth": 2}, TrialState.STOPPED, 3, 0.5, 1.0)])
    frame = store.trials_frame("flowers")
    assert frame.loc[0, ["score", "config.score", "depth"]].to_list() == [0.5, 7.0, 2]


@persistent
def test_a_reader_is_not_held_up_and_sees_only_what_is_whole(store: Store, store_url: str) -> None:
    store.create_study(STUDY)
    with Store.open(store_url, create=False) as reader, store.transactions.writing() as connection:
        connection.exec_driver_sql("UPDATE studies SET metric = 'changed'")
        assert reader.study("flowers").metric == "accuracy"
    assert store.study("flowers").metric == "changed"


@persistent
def test_a_writer_waits_for_another_and_goes_on(store: Store, store_url: str) -> None:
    store.create_study(STUDY)
    writer = threading.Thread(target=store.write, args=("flowers", [Trial(0, CONFIG, TrialState.RUNNING)]))
    with Store.open(store_url) as other, other.subjects.writing("flowers"):
        writer.start()
        writer.join(0.5)
        assert writer.is_alive()
    writer.join()
    assert len(store.trials("flowers")) == 1


def test_the_progress_of_a_study_is_the_one_that_was_written_last(store: Store) -> None:
    store.create_study(STUDY)
    best = Trial(3, CONFIG, TrialState.STOPPED, 3, math.nan, 0.5)
    for phase in ("search", "finals"):
        counts = {state: n for n, state in enumerate(TrialState)}
        moment = StudyProgress(phase, 1 / 3, counts, (9, 3, 1), best, "disk full", helpers=2)
        store.write("flowers", progress=moment.to_record())
        store.write("flowers")
        kept = store.study("flowers").progress
        assert kept is not None
        assert repr(StudyProgress.from_record(kept)) == repr(moment)


def test_a_store_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Store.open(None) as store, Store.open("memory://") as other:
        store.create_study(STUDY)
        assert other.studies() == []
        Snapshots(store).save("flowers", 0, 0, 1, {"weights": np.zeros(3)})
        runs = Runs(store)
        runs.create(RUN)
        runs.files("net").write("1", b"state")
        assert list(tmp_path.rglob("*.safetensors"))
    assert list(tmp_path.iterdir()) == []


def _create(url: str, go: object, answers: object) -> None:
    go.wait()  # type: ignore[attr-defined]
    try:
        with Store.open(url) as store:
            store.create_study(STUDY)
        answers.put("won")  # type: ignore[attr-defined]
    except StoreError as error:
        answers.put(error.rule)  # type: ignore[attr-defined]


@persistent
def test_of_processes_that_create_one_study_at_once_one_wins(store_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    go, answers = context.Event(), context.Queue()
    processes = [context.Process(target=_create, args=(store_url, go, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    go.set()
    said = sorted(answers.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert said[-1] == "won"
    assert all("already" in answer for answer in said[:-1])
    with Store.open(store_url, create=False) as store:
        assert store.studies() == [STUDY]


_WRITE_UNTIL_KILLED = """
import sys
from itertools import count
from pathlib import Path
from tests.store.backends import persistent
from tests.store.sample import CONFIG, RUN, STUDY, measurement
from caviar.records import Trial, TrialState
from caviar.records.result import BestTrial, StudyResult
from caviar.store import Runs, Snapshots, Store
store = Store.open(sys.argv[1])
store.create_study(STUDY)
for number in count():
    store.write("flowers", [Trial(number, CONFIG, TrialState.FINISHED, 50)],
                [(number, 0, measurement(epoch)) for epoch in range(50)])
    print(number, flush=True)
"""


@persistent
def test_what_was_acknowledged_outlives_a_killed_writer(store_url: str) -> None:
    arguments = [sys.executable, "-c", _WRITE_UNTIL_KILLED, store_url]
    path = [str(Path(__file__).parents[2]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": ":".join(path)}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        acknowledged = -1
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged == 20:
                process.kill()
    with Store.open(store_url, create=False) as store:
        trials, kept = store.trials("flowers"), store.measurements("flowers")
        assert acknowledged < len(trials)
        assert [trial.number for trial in trials] == list(range(len(trials)))
        assert len(kept) == 50 * len(trials)
        store.write("flowers", [Trial(len(trials), CONFIG, TrialState.RUNNING)])


def test_points_are_the_measurements_of_trials_without_their_repeats(store: Store) -> None:
    store.create_study(STUDY)
    assert store.points("flowers").shape == (0, 5)
    trials = [Trial(n, CONFIG, TrialState.FINISHED, 3, 0.5, 0.5, repeat) for n in (0, 2, 5) for repeat in (0, 1)]
    random = np.random.default_rng(1)
    made = {
        (trial.number, trial.repeat, epoch): Measurement(epoch, *random.normal(size=6))
        for trial in trials
        for epoch in (1, 2, 3)
    }
    made[2, 0, 3] = Measurement(3, math.nan, math.inf, 0.0, math.nan, 0.1, 0.1)
    store.write("flowers", trials, [(n, repeat, m) for (n, repeat, _), m in made.items()])

    def expected(numbers: tuple[int, ...], epochs: tuple[int, ...]) -> list[list[float]]:
        found = [(n, epoch, made[n, 0, epoch]) for n in numbers for epoch in epochs]
        return [[n, epoch, m.score, m.validation_loss, m.train_loss] for n, epoch, m in found]

    for numbers in (None, (0, 5), (2,), ()):
        for epochs in (None, (1, 3), (2,)):
            wanted = np.array(expected(numbers if numbers is not None else (0, 2, 5), epochs or (1, 2, 3)))
            np.testing.assert_array_equal(store.points("flowers", numbers, epochs), wanted.reshape(-1, 5))


def test_standings_are_the_trials_with_their_times_and_without_configs(store: Store) -> None:
    store.create_study(STUDY)
    trials = [
        Trial(0, CONFIG, TrialState.DIVERGED, 1, math.nan, math.inf, 0),
        Trial(1, CONFIG, TrialState.RUNNING, 0, None, None, 0),
        Trial(1, CONFIG, TrialState.FINISHED, 2, -0.0, 1.5, 1),
    ]
    store.write("flowers", trials, at={(0, 0): (1.5, 2.5), (1, 0): (2.0, None)})
    found = store.standings("flowers")
    assert [one[:4] for one in found] == [(t.number, t.repeat, t.state, t.epochs) for t in trials]
    assert repr([one[4:6] for one in found]) == repr([(t.score, t.validation_loss) for t in trials])
    assert [one[6:] for one in found] == [(1.5, 2.5), (2.0, None), (None, None)]
    assert all(type(one.state) is TrialState for one in found)
    assert store.trials("flowers", [1]) == trials[1:]
    assert store.trials("flowers", []) == []


def test_times_and_attributes_of_trials_come_back_and_are_not_lost(store: Store) -> None:
    store.create_study(STUDY)
    noted = {"size": 3, "text": "é", "deep": {"list": [1, None, True, 0.5]}, "never": math.nan}
    one, two = (Trial(n, CONFIG, TrialState.RUNNING) for n in (0, 1))
    store.write("flowers", [one, two], at={(0, 0): (1.5, None)})
    store.write("flowers", [one._replace(state=TrialState.STOPPED, attributes=noted)], at={(0, 0): (None, 1e9 + 0.25)})
    store.write("flowers", [one._replace(state=TrialState.FINISHED, attributes=noted)])
    assert store.times("flowers") == {(0, 0): (1.5, 1e9 + 0.25), (1, 0): (None, None)}
    found = dict(store.trials("flowers")[0].attributes)
    assert math.isnan(found.pop("never"))  # JSON has no word for it
    assert found == {name: value for name, value in noted.items() if name != "never"}
    assert store.trials("flowers")[1].attributes == {}
    frame = store.trials_frame("flowers")
    assert str(frame["began"].dt.tz) == "UTC"
    assert frame["ended"].dt.strftime("%Y-%m-%d %H:%M:%S.%f").tolist()[0] == "2001-09-09 01:46:40.250000"
    assert frame["ended"].isna().tolist() == [False, True]
    assert frame["attributes.size"].tolist()[0] == 3
