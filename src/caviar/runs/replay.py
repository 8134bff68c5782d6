"""Replay: train a run again from its diary, and see whether it ends with the same bits.

The diary says at which mini-batch (tick) every turn was made, when it was gone back and to which snapshot. Nothing else
that happened touched the network: what the nurse thought, how long it took and who was watching do not enter. What was
undone by going back is trained again only as far as a snapshot needs that is gone back to later.

A branch is replayed from the beginning of its first ancestor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caviar.errors import StoreError
from caviar.learners.contract import Outcome
from caviar.records import Clock, DiaryEntry, Run, RunKind
from caviar.runs.moved import spec_where_it_is
from caviar.runs.network import NetworkSetup, NetworkTrainee
from caviar.store import Store
from caviar.store.runs import Runs

_BACK = ("rollback", "resumed")
_STEPS = 1000  # mini-batches between two signs of life


@dataclass(frozen=True, slots=True)
class Replaying:
    """A sign of life: mini-batches trained so far, and epochs."""

    trained: int
    epoch: int


@dataclass(frozen=True)
class Replayed:
    """The end; ``summary`` is the JSON object of ``caviar replay --json``."""

    summary: Mapping[str, Any]


def replay(name: str, store_url: str, **moved: str) -> Iterator[Replaying | Replayed]:
    """Train run ``name`` again; the Replayed last, whose same_bits says whether the network is the same.

    ``moved`` are new places of its data, test, labels and test_labels, for this once.
    """
    with Store.open(store_url, create=False) as store:
        runs = Runs(store)
        run = runs.run(name)
        if run.kind is RunKind.PROGRAM:
            raise StoreError(
                f"run {name!r} is of a program of its own, and caviar cannot promise the bits of another's program",
                f"caviar diary {name} tells what was done; caviar branch {name} --snapshot 1 trains it from there",
            )
        if run.kind is RunKind.LOOP:
            raise StoreError(f"run {name!r} is a training loop of another program", "only that program can replay it")
        diary = runs.diary(name)
        end = next((entry for entry in reversed(diary) if entry.kind == "end"), None)
        if end is None:
            raise StoreError(f"run {name!r} has not ended", f"go on with it: caviar resume {name}")
        first = _first(runs, run)
        setup = NetworkSetup(replace(spec_where_it_is(first, moved), out=None), first.config, first.seed)
        setup.check_same(first)
        trainee, trained = NetworkTrainee(first, setup.dataset), 0
        for trained in _replay(runs, run, trainee, None):
            yield Replaying(trained, trainee.clock.epoch)
        bits = trainee.bits()
        result = run.result or {}
        same = bits == end.facts["bits"]
        yield Replayed(
            {
                "run": name,
                "epochs": trainee.clock.epoch,
                "steps": trainee.clock.step,
                "trained": trained,
                "last": {"epoch": trainee.clock.epoch, "validation": dict(trainee.scores())},
                "validation": result.get("validation"),
                "test": result.get("test"),
                "interventions": sum(entry.kind == "turn" for entry in diary),
                "rollbacks": sum(entry.kind == "rollback" for entry in diary),
                "model": result.get("model"),
                "bits": bits,
                "same_bits": same,
            }
        )


def _replay(runs: Runs, run: Run, trainee: NetworkTrainee, until_snapshot: int | None) -> Iterator[int]:
    """Bring ``trainee`` to the end of ``run``, or to where its snapshot ``until_snapshot`` was taken."""
    trained = 0
    if run.parent is not None:
        for trained in _replay(runs, runs.run(run.parent), trainee, run.parent_snapshot):
            yield trained
        trainee.restore(trainee.save(), replace(trainee.clock, tick=0))
    diary = runs.diary(run.name)
    wanted = {entry.facts["snapshot"] for entry in diary if entry.kind in _BACK}
    kept: dict[int, tuple[dict[str, Any], Clock]] = {0: (trainee.save(), trainee.clock)}
    for entry in _needed(diary, until_snapshot):
        while trainee.clock.tick < entry.clock.tick and entry.kind not in _BACK:
            outcome, piece = trainee.train(min(_STEPS, entry.clock.tick - trainee.clock.tick))
            trained += len(piece.losses)
            yield trained
            if outcome is Outcome.DIVERGED or not len(piece.losses):
                break  # a network that cannot go on is gone back from, or the bits will say so
        if entry.kind == "turn":
            trainee.turn({name: is_now for name, (_, is_now) in entry.facts["turned"].items()})
        elif entry.kind == "snapshot" and entry.facts["snapshot"] in wanted:
            kept[entry.facts["snapshot"]] = (trainee.save(), trainee.clock)
        elif entry.kind in _BACK:
            saved, clock = kept[entry.facts["snapshot"]]
            trainee.restore(saved, replace(clock, tick=entry.clock.tick))


def _needed(diary: Sequence[DiaryEntry], until_snapshot: int | None) -> Sequence[DiaryEntry]:
    """The entries that change the network, or save a state that is restored later, up to the end."""
    found = [entry for entry in diary if entry.kind in ("turn", "snapshot", "end", *_BACK)]
    if until_snapshot is None:
        return found
    last = next(i for i, e in enumerate(found) if e.kind == "snapshot" and e.facts["snapshot"] == until_snapshot)
    return found[: last + 1]


def _first(runs: Runs, run: Run) -> Run:
    """The run's first ancestor."""
    while run.parent is not None:
        run = runs.run(run.parent)
    return run
