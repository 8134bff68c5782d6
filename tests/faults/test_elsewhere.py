"""A process of another machine died and holds a study or a run: nobody can see that it ended, and nothing needs it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

import caviar
from caviar.data import samples
from caviar.errors import StoreError
from caviar.records import Lease, LeaseState
from caviar.records.names import Kind
from caviar.store import Store, doctor
from caviar.store.lease import Leases, lifeless
from caviar.store.runs import Runs
from caviar.store.schema import LEASES
from tests.child import STUDY as MINE
from tests.child import end, start, until
from tests.faults.invariants import check_over
from tests.store.sample import RUN, STUDY
from tests.study.test_tune import recorded

PATIENCE = 0.04


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look a hundred times a second."""
    monkeypatch.setattr("caviar.store.lease._LOOK_EVERY", 0.01)


@pytest.fixture(params=["study", "run"])
def held(request: pytest.FixtureRequest, url: str) -> tuple[Kind, str]:
    """A study, or a run, that a process of another machine holds, and its name."""
    kind: Kind = request.param
    with Store.open(url) as store:
        name = STUDY.name if kind == "study" else Runs(store).create(replace(RUN, name="net")).name
        lease = leases_of(store, kind).join(name)
        identity = lease.identity | {"host": "laptop", "user": "anna"}  # type: ignore[operator]
        with store.transactions.writing() as connection:
            connection.execute(sa.update(LEASES).values(identity=identity))
    return kind, name


def leases_of(store: Store, kind: Kind) -> Leases:
    return store.leases if kind == "study" else Runs(store).leases


def test_the_doctor_names_it_and_when_it_last_wrote_and_frees_it(url: str, held: tuple[Kind, str]) -> None:
    kind, name = held
    with Store.open(url) as store:
        said = [found.what for found in doctor.examine(store, name, patience=PATIENCE) if found.is_damage]
        begun = store.study(name).created if kind == "study" else Runs(store).run(name).created
        gone = f"process {os.getpid()} of anna on laptop holds its lease and gives no sign of life; the last that was "
        assert said == [f"{gone}written is of {begun}"]
        assert len(leases_of(store, kind).living(name)) == 1
        mended = [found.mended for found in doctor.examine(store, name, repair=True, patience=PATIENCE)]
        assert "declared lost, its claims freed" in mended
        assert [lease.state for lease in leases_of(store, kind).of(name)] == [LeaseState.LOST]
        assert not [found for found in doctor.examine(store, name, patience=PATIENCE) if found.is_damage]


def test_it_is_deleted_though_that_machine_says_nothing(url: str, held: tuple[Kind, str]) -> None:
    kind, name = held
    with Store.open(url) as store:
        doctor.delete(store, kind, name, PATIENCE)
        assert name not in leases_of(store, kind).subjects.names()


def test_one_that_gives_signs_of_life_is_left_alone(url: str, held: tuple[Kind, str]) -> None:
    kind, name = held
    with Store.open(url) as store:
        leases = leases_of(store, kind)
        beat: Callable[[float], None] = lambda seconds: leases.beat(leases.of(name)[0])  # noqa: E731
        assert lifeless([(leases, name)], PATIENCE, sleep=beat) == []
        leases.lost(name, lifeless([(leases, name)], PATIENCE, sleep=beat))
        assert [lease.state for lease in leases.of(name)] == [LeaseState.HELD]


def test_a_killed_study_of_a_container_is_gone_on_with_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caviar.study.resume.PATIENCE", 0.4)
    wine = samples.write_csv(samples.wine(), tmp_path / "wine.csv")
    store, whole = tmp_path / "caviar.db", tmp_path / "whole.db"
    lead = start("lead", store, wine, "--trials", 40, "--host", "container")
    until(lead, lambda line: line.startswith("progress"))
    lead.send_signal(signal.SIGKILL)
    end(lead)
    caviar.resume(MINE, store=store, progress=False)
    check_over(store, MINE)
    assert end(start("lead", whole, wine, "--trials", 40))[0] == 0
    assert recorded(store, MINE) == recorded(whole, MINE)


def test_two_owners_are_impossible(url: str) -> None:
    """The old owner wakes up after another has taken its study over: all it does is refused."""
    with Store.open(url) as store, Store.open(url) as other:
        first = store.leases.join(STUDY.name)
        other.leases.lost(STUDY.name, other.leases.of(STUDY.name))
        second = other.leases.join(STUDY.name)
        assert second.fence > first.fence
        refused: list[Callable[[], object]] = [
            lambda: store.write(STUDY.name, lease=first),
            lambda: store.leases.beat(first),
            lambda: store.assign(first, {}),
            lambda: store.take_back(first, []),
            lambda: store.reopen_study(STUDY.name, lease=first),
            lambda: store.finish_study(STUDY.name, STUDY.state, None, "", first),
        ]
        for attempt in refused:
            with pytest.raises(StoreError, match="this process was declared lost"):
                attempt()
        owners: list[Lease] = [lease for lease in other.leases.of(STUDY.name) if lease.state is LeaseState.HELD]
        assert [owner.fence for owner in owners] == [second.fence]
