"""The database goes away while something trains: locked, full, restarted. Nothing that was measured is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

import caviar
from caviar.errors import CaviarWarning, Fenced, StoreAway, StoreError, StoreLost
from caviar.records import Lease, RunKind, RunSpec, TrialState
from caviar.runs import loop
from caviar.runs.events import Noted, RunEnded
from caviar.store import Snapshots, Store
from caviar.store.delivery import Delivery
from caviar.store.lease import Leases
from caviar.store.lease import beat as beat_in
from caviar.store.runs import Runs
from caviar.store.taking_up import take_up_kept
from caviar.study.events import Progress, TunedStudy
from caviar.study.resume import take_up
from caviar.study.spec import Request
from caviar.study.tune import follow
from tests.faults.test_store_faults import hold, trial
from tests.postgresql_server import Restarting, database, restarting
from tests.store.sample import STUDY, measurement
from tests.waiting import until

AWAY = 2.5  # seconds: more than a transaction waits for a lock
SPACE = caviar.Space(x=caviar.Linear(0, 1))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the files that belong to a store of PostgreSQL."""
    monkeypatch.chdir(tmp_path)


@contextmanager
def locked(url: str) -> Iterator[Callable[[], None]]:
    """The store is locked by another program, until the function is called that this gives."""
    held, release = threading.Event(), threading.Event()
    other = threading.Thread(target=hold, args=(url, held, release))
    other.start()
    assert held.wait(30)
    try:
        yield release.set
    finally:
        release.set()
        other.join()


# --- the way to the store ---


def write_until_lost(delivery: Delivery, written: list[int]) -> None:
    for number in range(len(written), 1000):
        written.append(number)
        delivery.write(trials=[trial(number)], measurements=[(number, 0, measurement(1))])
        time.sleep(0.02)


def test_what_is_written_while_the_store_is_locked_waits_and_comes_in_order(url: str) -> None:
    with Store.open(url) as store:
        delivery = store.delivery(store.leases.join(STUDY.name))
        with locked(url) as release:
            for number in range(3):
                delivery.write(trials=[trial(number)], measurements=[(number, 0, measurement(1))])
            assert delivery.is_behind
            assert delivery.note.startswith("the store cannot be reached since ")
            assert delivery.note.endswith(": trying again, 6 results wait")
            assert delivery.ask(lambda: "there", "away") == "away"
            release()
            until(lambda: not delivery.is_behind)
        assert delivery.note == ""
        assert store.trials(STUDY.name) == [trial(number) for number in range(3)]
        delivery.close(lambda: store.leases.leave(delivery.lease))


def test_an_unknown_end_of_a_transaction_is_looked_up_and_nothing_is_written_twice(url: str) -> None:
    with Store.open(url) as store:
        lease = store.leases.join(STUDY.name)
        calls: list[str] = []

        def write(**batch: object) -> None:
            calls.append("write")
            store.write(STUDY.name, lease=lease, **batch)  # type: ignore[arg-type]
            if len(calls) == 1:
                raise StoreAway("the connection broke", "after COMMIT")

        delivery = Delivery(store.leases, lease, write)
        delivery.write(trials=[trial(0)], measurements=[(0, 0, measurement(1))])
        until(lambda: not delivery.is_behind)
        delivery.write(trials=[trial(1)], measurements=[(1, 0, measurement(1))])
        assert calls == ["write", "write"]
        assert [number for number, _, _ in store.measurements(STUDY.name)] == [0, 1]
        delivery.close(lambda: store.leases.leave(lease))


def test_a_snapshot_in_between_is_not_taken_for_the_transaction_that_broke(url: str) -> None:
    """The states of networks are saved by the threads that train, past the Delivery and its count."""
    with Store.open(url) as store:
        lease = store.leases.join(STUDY.name)
        calls: list[str] = []

        def write(**batch: object) -> None:
            calls.append("write")
            if len(calls) == 2:
                Snapshots(store).save(STUDY.name, 0, 0, 1, {"epoch": 1}, lease)
                raise StoreAway("the connection broke", "before COMMIT")
            store.write(STUDY.name, lease=lease, **batch)  # type: ignore[arg-type]

        delivery = Delivery(store.leases, lease, write)
        for number in range(2):
            delivery.write(trials=[trial(number)], measurements=[(number, 0, measurement(1))])
            until(lambda: not delivery.is_behind)
        assert calls == ["write"] * 3
        assert [number for number, _, _ in store.measurements(STUDY.name)] == [0, 1]
        delivery.close(lambda: store.leases.leave(lease))


def test_a_sign_of_life_that_arrives_late_is_not_taken_for_the_transaction_that_broke(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was under way on the server yet when its connection was given up."""
    beat, calls = Leases.beat, []
    late: list[threading.Thread] = []

    def broken(leases: Leases, lease: Lease) -> None:
        if late:
            beat(leases, lease)
            return
        began = threading.Event()

        def finish() -> None:
            with leases.subjects.writing(lease.name) as (connection, number):
                began.set()
                time.sleep(0.7)
                beat_in(connection, "study", number, lease)

        late.append(threading.Thread(target=finish))
        late[0].start()
        began.wait()
        raise StoreAway("the connection broke", "in its COMMIT")

    with Store.open(url) as store:
        lease = store.leases.join(STUDY.name)

        def write(**batch: object) -> None:
            late[0].join()
            store.write(STUDY.name, lease=lease, **batch)  # type: ignore[arg-type]
            calls.append(batch)
            if len(calls) == 1:
                raise StoreAway("the connection broke", "after COMMIT")

        monkeypatch.setattr(Leases, "beat", broken)
        delivery = Delivery(store.leases, lease, write)
        delivery.beat()
        until(lambda: late)
        delivery.write(trials=[trial(0)], measurements=[(0, 0, measurement(1))])
        until(lambda: not delivery.is_behind, lambda: delivery._error)
        assert len(calls) == 1
        assert [number for number, _, _ in store.measurements(STUDY.name)] == [0]
        delivery.close(lambda: store.leases.leave(lease))


def test_after_the_patience_what_waits_is_kept_and_the_next_owner_takes_it_up(url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        delivery = store.delivery(store.leases.join(STUDY.name), patience=0.3)

        with locked(url):
            with pytest.raises(StoreLost, match="cannot be reached since"):
                write_until_lost(delivery, written := [])
            with pytest.raises(StoreLost, match=rf"results are kept in '{tmp_path}(?s:.*)takes up what is there"):
                delivery.close(lambda: store.leases.leave(delivery.lease))
        assert store.trials(STUDY.name) == []
        next_owner = store.delivery(store.leases.take(STUDY.name))  # of the same process, which has given it up
        assert store.trials(STUDY.name) == [trial(number) for number in written]
        assert len(store.measurements(STUDY.name)) == len(written)
        assert list(tmp_path.rglob("*.jsonl")) == []
        next_owner.close(lambda: store.leases.leave(next_owner.lease))


def test_more_than_memory_should_hold_waits_on_disk(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caviar.store.waiting.MOST_IN_MEMORY", 10)
    with Store.open(url) as store:
        delivery = store.delivery(store.leases.join(STUDY.name))
        with locked(url):
            for number in range(60):
                delivery.write(trials=[trial(number)], measurements=[(number, 0, measurement(1))])
            assert delivery._waiting._lines > 0  # batches that wait in the file
        until(lambda: not delivery.is_behind)
        assert store.trials(STUDY.name) == [trial(number) for number in range(60)]
        assert len(store.measurements(STUDY.name)) == 60
        delivery.close(lambda: store.leases.leave(delivery.lease))


def test_a_lease_that_was_lost_meanwhile_is_given_up_and_nothing_is_written(url: str) -> None:
    with Store.open(url) as store:
        delivery = store.delivery(store.leases.join(STUDY.name))
        store.leases.lost(STUDY.name, store.leases.of(STUDY.name))
        with pytest.raises(Fenced):
            delivery.write(trials=[trial(0)])
        with pytest.raises(Fenced):
            delivery.beat()
        with pytest.raises(Fenced):
            delivery.close(lambda: None)
        assert store.trials(STUDY.name) == []


def test_a_store_that_is_back_after_the_patience_gets_all_once_and_no_file_stays(url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        delivery = store.delivery(store.leases.join(STUDY.name), patience=0.3)
        with locked(url):
            with pytest.raises(StoreLost, match="are kept in"):
                write_until_lost(delivery, written := [])
            assert len(list(tmp_path.rglob("*.jsonl"))) == 1
        until(lambda: not delivery.is_behind)
        assert list(tmp_path.rglob("*.jsonl")) == []
        delivery.close(lambda: store.leases.leave(delivery.lease))
        next_owner = store.delivery(store.leases.join(STUDY.name))
        assert [number for number, _, _ in store.measurements(STUDY.name)] == written
        next_owner.close(lambda: store.leases.leave(next_owner.lease))


def test_taking_up_that_is_broken_off_is_gone_on_with_by_the_next_owner(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caviar.store.waiting.MOST_IN_MEMORY", 1)  # a batch a write
    with Store.open(url) as store:
        delivery = store.delivery(store.leases.join(STUDY.name))
        with locked(url):
            written = list(range(4))
            for number in written:  # as many on a slow machine
                delivery.write(trials=[trial(number)], measurements=[(number, 0, measurement(1))])
            delivery.patience = 0.0
            with pytest.raises(StoreLost):
                write_until_lost(delivery, written)
            with pytest.raises(StoreLost, match="are kept in"):
                delivery.close(lambda: None)
        store.leases.lost(STUDY.name, store.leases.of(STUDY.name))
        lease, calls = store.leases.join(STUDY.name), [0]

        def write(**batch: object) -> None:
            calls[0] += 1
            if calls[0] == 3:
                raise StoreAway("its cable was cut", "wait")
            store.write(STUDY.name, lease=lease, **batch)  # type: ignore[arg-type]

        with pytest.raises(StoreAway):
            take_up_kept(store.leases, lease, write)
        assert len(store.trials(STUDY.name)) == 2
        store.leases.leave(lease)
        next_owner = store.delivery(store.leases.join(STUDY.name))
        assert [number for number, _, _ in store.measurements(STUDY.name)] == written
        next_owner.close(lambda: store.leases.leave(next_owner.lease))


def test_an_end_that_was_tried_and_is_refused_is_not_taken_for_done(url: str) -> None:
    """The store goes away at the end; when it is back another process has the study."""
    with Store.open(url) as store:
        delivery = store.delivery(store.leases.join(STUDY.name))
        calls: list[str] = []

        def last() -> None:
            calls.append("last")
            if len(calls) == 1:
                raise StoreAway("its cable was cut", "wait")
            if len(calls) == 2:
                store.leases.lost(STUDY.name, store.leases.of(STUDY.name))
            store.leases.beat(delivery.lease)

        with pytest.raises(Fenced):
            delivery.close(last)
        assert len(calls) == 2


def test_what_no_waiting_mends_is_an_error_at_once(url: str) -> None:
    with Store.open(url) as store:

        def write(**batch: object) -> None:
            with store.transactions.writing() as connection:
                connection.execute(sa.text("SELECT :value"), {"value": object()})

        delivery = Delivery(store.leases, store.leases.join(STUDY.name), write)
        with pytest.raises(StoreError) as refused:
            delivery.write(trials=[trial(0)])
        assert not isinstance(refused.value, StoreAway)
        assert not delivery.is_away


def test_a_fork_is_refused_at_once(url: str) -> None:
    with Store.open(url) as store:
        delivery = store.delivery(store.leases.join(STUDY.name))
        delivery.beat()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that a process of many threads forks
            child = os.fork()
        if child == 0:
            try:
                delivery.write(trials=[trial(0)])
            except StoreError as error:
                os._exit(3 if "another process" in error.rule else 4)
            finally:
                os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        delivery.write(trials=[trial(1)])
        delivery.close(lambda: store.leases.leave(delivery.lease))
        assert store.trials(STUDY.name) == [trial(1)]


# --- all that trains ---


def test_an_own_loop_goes_on_and_loses_nothing(url: str) -> None:
    with caviar.babysit.run("net", knobs={"learning_rate": 0.1}, store=url) as run, locked_for(url, "run"):
        logged, delivery, was_away = 0, run._session.delivery, False
        while not was_away or delivery.is_away or delivery.is_behind:  # until it was away and is back
            was_away = was_away or delivery.is_away
            logged += 1
            run.log(loss=1 / logged)
            if run.wants_snapshot:
                run.snapshot(i=logged)
            time.sleep(0.05)
    with Store.open(url) as store:
        runs = Runs(store)
        assert sum(m.values["logged"] for m in runs.measurements("net")) == logged
        assert runs.run("net").state == "finished"
        said = [entry.text for entry in runs.diary("net") if entry.kind == "warning"]
        assert "training goes on" in said[0]
        assert said[-1] == "the store can be reached again"


def test_an_own_loop_whose_store_stays_away_ends_with_a_note_and_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caviar.store.delivery._LEAST", 0.2)
    url = f"{tmp_path}/caviar.db"
    with Store.open(url):
        pass

    def train() -> None:
        with caviar.babysit.run("net", knobs={}, store=url, store_patience=0.1) as run:
            run.log(loss=1.0)
            taken.append(taken_lock(url))
            for _ in range(30):
                run.log(loss=0.5)
                time.sleep(0.05)

    taken: list[sqlite3.Connection] = []
    with pytest.warns(CaviarWarning, match=r"cannot be reached since .* kept in"):
        train()
    taken[0].close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with caviar.babysit.run("net", knobs={}, store=url) as run:
            run.log(loss=0.1)
    with Store.open(url) as store:
        assert sum(m.values["logged"] for m in Runs(store).measurements("net")) == 32


def taken_lock(url: str) -> sqlite3.Connection:
    """Another program's connection to a SQLite store, which it locks until it is closed."""
    other = sqlite3.connect(url, isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    return other


@contextmanager
def locked_for(url: str, _what: str) -> Iterator[None]:
    """The store is locked for AWAY seconds."""
    if url.startswith("postgresql"):
        import psycopg

        from tests.postgresql_server import plain

        other = psycopg.connect(plain(url))
        other.execute("LOCK TABLE caviar.runs, caviar.studies IN ACCESS EXCLUSIVE MODE")
        threading.Timer(AWAY, other.close).start()
        yield
        return
    with locked(url) as release:
        threading.Timer(AWAY, release).start()
        yield


def test_a_study_of_code_of_ones_own_goes_on_while_the_store_is_locked(url: str) -> None:
    with caviar.open_study("own", SPACE, stopping="none", store=url) as study:
        with locked_for(url, "study"):
            for asked in study.ask(5):
                for epoch in range(1, 4):
                    time.sleep(0.2)
                    study.report(asked, epoch, asked.config["x"])
                study.tell(asked, asked.config["x"])
        best = study.best
    with Store.open(url) as store:
        assert [t.state for t in store.trials("own")] == [TrialState.FINISHED] * 5
        assert store.study("own").result.best.trial == best.number
        assert len(store.measurements("own")) == 15


def test_a_study_of_code_of_ones_own_gives_up_after_its_patience_and_goes_on_later(tmp_path: Path) -> None:
    url = f"{tmp_path}/caviar.db"
    with Store.open(url):
        pass

    def train() -> None:
        with caviar.open_study("own", SPACE, store=url, store_patience=0.2) as study:
            asked = study.ask(50)
            taken.append(taken_lock(url))
            for one in asked:
                ended_ones.append(one.number)
                study.report(one, 1, 0.5)
                study.tell(one, one.config["x"])
                time.sleep(0.1)

    taken: list[sqlite3.Connection] = []
    ended_ones: list[int] = []
    with pytest.raises(StoreLost, match="are kept in"):
        train()
    taken[0].close()
    with caviar.open_study("own", SPACE, store=url) as study:
        frame = study.trials()
        assert len(ended_ones) - 1 <= frame["state"].isin(["finished", "stopped"]).sum() <= len(ended_ones)
        study.tell(study.ask()[0], 0.5)


@pytest.fixture(scope="module")
def postgresql_that_restarts() -> Iterator[Restarting]:
    with restarting() as running:
        yield running


@pytest.fixture(params=["restarted", "crashed", "failed over"])
def trouble(request: pytest.FixtureRequest) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """The address of a database of PostgreSQL; what takes it away, and what brings it back."""
    if request.param == "failed over":
        with restarting() as first, first.standby() as other:
            database(first.url, "both")
            yield other.either.replace("DATABASE", "both"), partial(first.stop, signal.SIGQUIT), other.promote
    else:
        server: Restarting = request.getfixturevalue("postgresql_that_restarts")
        how = signal.SIGINT if request.param == "restarted" else signal.SIGQUIT
        yield database(server.url, request.param), partial(server.stop, how), server.start


def test_postgresql_goes_away_in_the_middle_of_all_that_trains(
    trouble: tuple[str, Callable[[], None], Callable[[], None]], tmp_path: Path
) -> None:
    """A study of a table, a run of a network, an own loop, and ask and tell, all at once."""
    url, take_away, bring_back = trouble
    data = tmp_path / "data.csv"
    data.write_text("x,y,label\n" + "".join(f"{i % 7},{i % 11},{'ab'[i % 7 > 3]}\n" for i in range(300)))
    with Store.open(url):
        pass
    ended: dict[str, object] = {}
    goes_on = threading.Event()
    reached = {name: threading.Event() for name in ("study", "run", "loop", "asked")}

    def study() -> None:
        request = Request(
            data=str(data), target="label", trials=60, preset="fast", threads=1, study="study", store=url, seed=1
        )
        for event in follow(request):
            if isinstance(event, Progress) and event.counts:
                reached["study"].set()
                goes_on.wait(60)
            ended["study"] = event

    def run() -> None:
        spec = RunSpec(kind=RunKind.NETWORK, data=str(data), target="label", epochs=300, snapshot_seconds=0.5)
        for event in loop.begin(spec, {"layers": 1}, name="run", store=url):
            if isinstance(event, Noted):
                reached["run"].set()
                goes_on.wait(60)
            ended["run"] = event

    def own() -> None:
        with caviar.babysit.run("loop", knobs={"learning_rate": 0.1}, store=url) as care:
            for i in range(100):
                care.log(loss=1 / (i + 1))
                if i == 20:
                    reached["loop"].set()
                time.sleep(0.03)
        ended["loop"] = True

    def asking() -> None:
        with caviar.open_study("asked", SPACE, stopping="none", store=url) as opened:
            for one in opened.ask(20):
                opened.report(one, 1, 0.5)
                reached["asked"].set()
                time.sleep(0.2)
                opened.tell(one, one.config["x"])
        ended["asked"] = True

    failed: list[BaseException] = []

    def noting(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=noting, args=(work,)) for work in (study, run, own, asking)]
    for thread in threads:
        thread.start()
    until(lambda: bool(failed) or all(event.is_set() for event in reached.values()))
    assert failed == []
    take_away()
    goes_on.set()
    time.sleep(1.5)
    bring_back()
    for thread in threads:
        thread.join(180)
    assert failed == []
    assert isinstance(ended["study"], TunedStudy)
    assert isinstance(ended["run"], RunEnded)
    with Store.open(url) as store:
        runs = Runs(store)
        assert [m.clock.epoch for m in runs.measurements("run")] == list(range(1, 301))
        assert sum(m.values["logged"] for m in runs.measurements("loop")) == 100
        assert [t.state for t in store.trials("asked")] == [TrialState.FINISHED] * 20
        assert sorted(t.number for t in store.trials("study") if not t.repeat) == list(range(60))
        keys = [(number, repeat, m.epoch) for number, repeat, m in store.measurements("study")]
        assert len(keys) == len(set(keys))
        for whole in (store.study("study"), runs.run("run"), runs.run("loop"), store.study("asked")):
            assert whole.state == "finished"


def test_a_study_whose_store_stays_away_ends_resumable_in_the_same_bits(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("x,y,label\n" + "".join(f"{i % 7},{i % 11},{'ab'[i % 7 > 3]}\n" for i in range(300)))
    budget = {"trials": 40, "rungs": (1, 3, 9), "threads": 1}
    given = {"data": str(data), "target": "label", "study": "study", "seed": 1, **budget}
    (*_, undisturbed) = follow(Request(store=f"{tmp_path}/other.db", **given))
    url = f"{tmp_path}/caviar.db"

    def search() -> None:
        for event in follow(Request(store=url, store_patience=0.2, **given)):
            if isinstance(event, Progress) and event.counts and not taken:
                taken.append(taken_lock(url))
            if taken:
                time.sleep(0.3)

    taken: list[sqlite3.Connection] = []
    with pytest.raises(StoreLost, match="caviar resume study"):
        search()
    taken[0].close()
    with Store.open(url) as store:
        store.leases.lost("study", store.leases.of("study"))
    (*_, answer) = take_up("study", store=url)
    assert answer.best_config == undisturbed.best_config  # type: ignore[attr-defined]
    assert answer.best_score == undisturbed.best_score  # type: ignore[attr-defined]
    with Store.open(url) as store, Store.open(f"{tmp_path}/other.db") as whole:
        assert [t._replace(attributes={}) for t in store.trials("study")] == whole.trials("study")


def test_what_is_kept_outlives_an_owner_that_could_not_take_it_up(tmp_path: Path) -> None:
    url = f"{tmp_path}/caviar.db"
    with Store.open(url) as store:
        store.create_study(STUDY)
        delivery = store.delivery(store.leases.join(STUDY.name), 0.2)
        written: list[int] = []
        with locked(url):
            with pytest.raises(StoreLost):
                write_until_lost(delivery, written)
            with pytest.raises(StoreLost, match="are kept in"):
                delivery.close(lambda: None)
        store.leases.lost(STUDY.name, store.leases.of(STUDY.name))
        store.leases.lost(STUDY.name, [store.leases.take(STUDY.name)])  # killed before it did anything
        next_owner = store.delivery(store.leases.join(STUDY.name))
        assert store.trials(STUDY.name) == [trial(number) for number in written]
        next_owner.close(lambda: store.leases.leave(next_owner.lease))
