"""The panda's way: train one network, watch it, obey, nurse it, save it. ``follow`` is the story, a stream of events.

Nothing here prints. Orders come through the store, a few mini-batches apart, whoever gave them; the live screen, the
other terminals and the nurse all do the same things to a run, and all of it stands in its diary.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caviar.data.dataset import Dataset
from caviar.errors import ConfigError, NoAnswer, StoreError
from caviar.learners.contract import Evaluation, Keys, Outcome, never
from caviar.learners.dense.config import from_config
from caviar.learners.dense.learner import engine_named
from caviar.learners.model import Model
from caviar.machine import environment
from caviar.records import Config, DiaryEntry, Run, RunMeasurement, RunState
from caviar.runs.events import Begun, EpochDone, Event, Noted, Progress, RunEnded
from caviar.runs.knobs import Settings, config_of, from_plain, turned
from caviar.runs.network import NetworkTrainee
from caviar.runs.nurse import THRESHOLDS, Thresholds, advise
from caviar.runs.retention import DEFAULT_BUDGET
from caviar.runs.session import Session

if TYPE_CHECKING:
    from caviar.store import Store
    from caviar.store.runs import Runs

EPOCHS = 50
NURSES = ("watch", "act", "no")
_PIECE = 0.1  # seconds between two looks at the orders, unless one mini-batch takes longer
_TELL = 0.5  # seconds between two looks that others get from the store
_SHARE = 8  # a file above this part of the memory is mapped: as float64 and float32 it takes several times its size
_DOZE = 0.05  # seconds between two looks at the orders while paused


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asks of ``caviar babysit``. ``nurse`` is "watch" (she rolls back and proposes), "act" or "no"."""

    data: str | os.PathLike[str]
    target: str | None = None
    labels: str | os.PathLike[str] | None = None
    test: str | os.PathLike[str] | None = None
    test_labels: str | os.PathLike[str] | None = None
    task: str | None = None
    config: Config = field(default_factory=dict)
    epochs: int = EPOCHS
    seed: int = 0
    name: str | None = None
    store: str = "caviar.db"
    out: str | None = None
    nurse: str = "watch"
    budget: int = DEFAULT_BUDGET
    engine: str = "native"
    mapped: bool | None = None


def follow(request: Request, ended: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Begin a run and raise it, event by event, the RunEnded last. KeyboardInterrupt when ``ended`` turns true."""
    from caviar.store import Store
    from caviar.store.runs import Runs, check_name, now

    _check(request)
    dataset = load(request)
    engine = engine_named(request.engine)
    architecture, optimisation = from_config(request.config, dataset.preprocessing.n_in, dataset.preprocessing.n_out)
    with Store.open(request.store) as store:
        runs = Runs(store)
        name = request.name or runs.free_name(dataset.name)
        check_name(name)
        asked = {key: value for key, value in asdict(request).items() if key not in ("config", "store", "name", "seed")}
        asked["mapped"] = _mapped(request)
        for key in ("data", "labels", "test", "test_labels"):
            if asked[key] is not None:
                asked[key] = str(Path(asked[key]).absolute())
        settings = Settings(architecture, optimisation)
        run = Run(
            name=name,
            kind="network",
            seed=request.seed,
            request=asked,
            config=config_of(settings),
            data=dataset.facts,
            environment=environment(engine.name, engine.instruction_set, 1),
            created=now(),
        )
        runs.create(run)
        trainee = NetworkTrainee(engine, dataset.train, dataset.validation, Keys.of(request.seed), settings)
        yield from _raise(store, run, dataset, trainee, _first_snapshot, ended)


def resume(name: str, store_url: str, ended: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Take up a run whose process was killed or interrupted, from its newest whole snapshot.

    Raises StoreError for a run that is over, or that another process keeps.
    """
    from caviar.store import Store
    from caviar.store.runs import Runs

    with Store.open(store_url, create=False) as store:
        run = Runs(store).run(name)
        if run.kind == "loop":
            raise StoreError(
                f"run {name!r} is a training loop of another program", "start that program again: it takes the run up"
            )
        if run.state in (RunState.FINISHED, RunState.STOPPED):
            raise StoreError(f"run {name!r} is {run.state}", f"begin from one of its snapshots: caviar branch {name}")
        if run.kind == "program":
            from caviar.runs import program_loop

            yield from program_loop.resume(store, run, ended)
            return
        dataset, trainee = ready(run)

        def back(session: Session) -> None:
            if not session.snapshots:
                _first_snapshot(session)
                return
            for entry in session.go_back_to_the_end(session.runs.diary(run.name)):  # turns that are wanted still
                session.turn({k: v[1] for k, v in entry.facts["turned"].items()}, entry.who, "as before the end")

        yield from _raise(store, run, dataset, trainee, back, ended)


def branch(
    parent: str,
    at: int,
    changes: Config,
    store_url: str,
    name: str | None = None,
    epochs: int | None = None,
    who: str = "",
    because: str = "",
    ended: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Begin a second run from snapshot ``at`` of run ``parent`` with other knobs, and raise it."""
    from caviar.runs import knobs
    from caviar.store import Store, state_files
    from caviar.store.runs import Runs, now

    with Store.open(store_url, create=False) as store:
        runs = Runs(store)
        old = runs.run(parent)
        if old.kind == "loop":
            raise StoreError(f"run {parent!r} is a training loop of another program", "branch it there")
        if old.kind == "network":
            knobs.check(changes)
        snapshot = next((s for s in runs.snapshots(parent) if s.number == at), None)
        if snapshot is None or snapshot.state != "kept":
            kept = ", ".join(str(s.number) for s in runs.snapshots(parent) if s.state == "kept")
            raise StoreError(f"run {parent!r} has no snapshot {at} any more", f"these are there: {kept}")
        saved = state_files.read(runs.folder / str(runs.number(parent)) / snapshot.path, snapshot.sha256)
        asked = dict(old.request) | ({} if epochs is None else {"epochs": epochs})
        if asked["epochs"] <= snapshot.clock.epoch:
            raise ConfigError(
                f"the branch begins after epoch {snapshot.clock.epoch} and is to have {asked['epochs']} in all",
                f"give it more: --epochs {snapshot.clock.epoch + EPOCHS}",
            )
        run = replace(
            old,
            name=name or runs.free_name(f"{parent}-branch"),
            request=asked,
            created=now(),
            parent=parent,
            parent_snapshot=at,
            state=RunState.RUNNING,
            ended=None,
            result=None,
            keeper=None,
            beats=0,
            progress=None,
        )
        if run.kind == "program":
            from caviar.runs import program_loop

            yield from program_loop.branch(store, run, snapshot, saved, changes, who, because, ended)
            return
        run = replace(run, config={**config_of(from_plain(saved["settings"])), **changes})
        dataset, trainee = ready(run)
        trainee.restore(saved, replace(snapshot.clock, tick=0, take=0))
        if changes:  # refused before anything is written
            trainee.turn(changes)
            trainee.restore(saved, replace(snapshot.clock, tick=0, take=0))
        runs.create(run)
        text = f"branch {run.name} from snapshot {at} at epoch {snapshot.clock.epoch}"
        runs.enter(parent, DiaryEntry(0, now(), "branch", who, snapshot.clock, text, {"run": run.name, "snapshot": at}))

        def begin(session: Session) -> None:
            text = f"begun from snapshot {at} of {parent}, at epoch {snapshot.clock.epoch}"
            session.enter("branched", who, text, {"parent": parent, "snapshot": at})
            _first_snapshot(session)
            if changes:
                session.turn(changes, who, because)

        yield from _raise(store, run, dataset, trainee, begin, ended)


def _raise(
    store: Store,
    run: Run,
    dataset: Dataset,
    trainee: NetworkTrainee,
    begin: Callable[[Session], None],
    ended: Callable[[], bool],
) -> Iterator[Event]:
    """Hold the run, and let go of it in good order whatever happens."""
    from caviar.store.runs import Runs

    runs = Runs(store)
    holding = runs.take(run.name)
    session = Session(runs, holding, trainee, runs.number(run.name), int(run.request["budget"]))
    session.snapshots = runs.snapshots(run.name)
    trainee.clock = replace(trainee.clock, tick=runs.last_tick(run.name))
    session.remember(run)
    state, result = RunState.INTERRUPTED, None
    try:
        begin(session)
        session.epochs = [e for e in session.epochs if e["epoch"] <= session.clock.epoch]
        seen = tuple(runs.measurements(run.name)), tuple(runs.diary(run.name))
        session.entries.clear()  # they are in `seen`
        yield Begun(run, int(run.request["epochs"]), dataset.warnings, *seen, _orders_of(runs, run.name, trainee))
        yield from _nurse(session, trainee, int(run.request["epochs"]), str(run.request["nurse"]), ended)
        raised = _conclude(session, trainee, run, dataset, store.url)
        state = RunState.STOPPED if session.stopped else RunState.FINISHED
        result = raised.summary
        if raised.model is None:
            raise NoAnswer(
                f"run {run.name!r} ended without a whole network: {session.stopped}", "caviar diary says how"
            )
        yield raised
    except KeyboardInterrupt:
        session.snapshot("interrupted", merit=trainee.merit())
        raise
    finally:
        runs.close(holding, state, result)


def _nurse(
    session: Session, trainee: NetworkTrainee, epochs: int, nurse: str, ended: Callable[[], bool]
) -> Iterator[Event]:
    """The loop: obey, train a tenth of a second, measure at an epoch's end, let the nurse look."""
    told, shown = 0.0, 0
    steps, pace, epoch_began = 1, 0.0, time.perf_counter()
    thresholds: Thresholds = THRESHOLDS
    while trainee.clock.epoch < epochs and not session.stopped:
        session.obey()
        if ended():
            raise KeyboardInterrupt
        session.epoch_ended = False
        if session.stopped:
            break
        if session.paused:
            time.sleep(_DOZE)
        else:
            began, row = time.perf_counter(), trainee.row
            outcome, piece = trainee.train(steps, never())
            session.saw(piece.losses.tolist(), outcome is not Outcome.DIVERGED)
            seconds = max(time.perf_counter() - began, 1e-6)
            done = max((trainee.row or trainee.rows) - row, 1)
            pace = done / seconds if not pace else 0.9 * pace + 0.1 * done / seconds
            steps = max(1, int(0.5 * steps + 0.5 * len(piece.losses) * _PIECE / seconds))
            if piece.ended:
                yield EpochDone(_measure(session, trainee, piece.train_loss, time.perf_counter() - epoch_began), epochs)
                epoch_began = time.perf_counter()
                if session.finite:
                    session.snapshot("epoch", merit=float(session.epochs[-1]["validation_loss"]))
            if nurse != "no":
                advices = advise(session.sight(), thresholds)
                if session.epoch_ended:
                    session.said &= {advice.rule for advice in advices}
                for advice in advices:
                    session.heed(advice, act=nurse == "act")
            elif not session.finite:
                session.enter("warning", "caviar", "the loss is no longer a finite number", {})
                session.stopped = "it diverged, and no nurse was there"
        yield from (Noted(entry) for entry in session.entries[shown:])
        shown = len(session.entries)
        if time.perf_counter() - told >= _TELL or session.epoch_ended:
            told = time.perf_counter()
            facts = _progress(session, trainee, epochs, pace)
            session.runs.write(session.holding, progress=facts)
            yield Progress(facts)
    session.obey()
    yield from (Noted(entry) for entry in session.entries[shown:])


def _orders_of(runs: Runs, name: str, trainee: NetworkTrainee) -> Callable[[str, dict[str, Any], str], object]:
    from caviar.runs import interventions as orders
    from caviar.runs.client import me

    def order(kind: str, arguments: dict[str, Any], because: str) -> object:
        orders.check(kind, arguments)
        if kind == "turn":
            turned(trainee.settings, arguments, 0.0, trainee.settings.optimisation.learning_rate)  # can it be?
        return runs.order(name, kind, arguments, me(), because)

    return order


def load(request: Request | Mapping[str, Any]) -> Dataset:
    """The data of a request: in memory, or mapped from files where it is larger or the request says so."""
    from caviar.data.dataset import prepare
    from caviar.data.read import read

    asked = asdict(request) if isinstance(request, Request) else dict(request)
    seed = int(asked["seed"])
    if _mapped(request) if isinstance(request, Request) else asked["mapped"]:
        from caviar.data.mapped import prepare_mapped

        return prepare_mapped(asked["data"], asked["target"], asked["labels"], seed, asked["task"])
    table = read(asked["data"], asked["target"], asked["labels"])
    test = None if asked["test"] is None else read(asked["test"], asked["target"], asked["test_labels"])
    return prepare(table, seed, test, asked["task"])


def _mapped(request: Request) -> bool:
    """Whether the rows stay in files: as asked, or where a file that can be mapped is too large to be read."""
    if request.mapped is not None:
        return request.mapped
    path = Path(request.data)
    if path.suffix.lower() not in (".npy", ".parquet", ".pq") or request.test is not None:
        return False
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return path.stat().st_size > memory // _SHARE
    except (OSError, ValueError):
        return False  # reading it will say what is wrong


def ready(run: Run) -> tuple[Dataset, NetworkTrainee]:
    """The data of a run, which must be what it was, and its network before its first step."""
    dataset = load(dict(run.request) | {"seed": run.seed})
    if dataset.facts["sha256"] != run.data["sha256"]:
        raise StoreError(
            f"the data of run {run.name!r} is no longer what it was trained on ({run.request['data']})",
            "put the file back, or begin a new run with caviar babysit",
        )
    settings = _settings(run, dataset)
    engine = engine_named(str(run.request["engine"]))
    return dataset, NetworkTrainee(engine, dataset.train, dataset.validation, Keys.of(run.seed), settings)


def _settings(run: Run, dataset: Dataset) -> Settings:
    config = {name: value for name, value in run.config.items() if value != "none" or name != "hidden_units"}
    if "hidden_units" not in config:
        config["layers"] = 0
    return Settings(*from_config(config, dataset.preprocessing.n_in, dataset.preprocessing.n_out))


def _first_snapshot(session: Session) -> None:
    session.snapshot("beginning" if session.clock.step == 0 else "branch")


def _measure(session: Session, trainee: NetworkTrainee, train_loss: float, seconds: float) -> RunMeasurement:
    """An epoch is done: score it, look inside, write it down."""
    scores = trainee.evaluate()
    values: dict[str, Any] = {
        "train_loss": train_loss,
        "validation_loss": scores.loss,
        **{name: score for name, score in scores.scores.items() if name != "log_loss"},
        "learning_rate": trainee.last_rate,
        "seconds": seconds,
        "inside": trainee.look(),
    }
    finite = math.isfinite(scores.loss) or not trainee.validated
    return session.measured(values, finite and train_loss <= trainee.explosion)


def _progress(session: Session, trainee: NetworkTrainee, epochs: int, pace: float) -> dict[str, Any]:
    clock = session.clock
    left = (epochs - trainee.clock.epoch) * trainee.rows - trainee.row
    return {
        "epoch": clock.epoch,
        "epochs": epochs,
        "step": clock.step,
        "tick": clock.tick,
        "take": clock.take,
        "row": trainee.row,
        "rows": trainee.rows,
        "learning_rate": trainee.rate,
        "loss": session.curve[-1] if session.curve else math.nan,
        "curve": [round(value, 6) if math.isfinite(value) else value for value in session.curve],
        "rows_per_second": pace,
        "seconds_left": left / pace if pace else math.nan,
        "paused": session.paused,
        "knobs": trainee.knobs(),
    }


def _conclude(session: Session, trainee: NetworkTrainee, run: Run, dataset: Dataset, store: str) -> RunEnded:
    """Score the end, open the sealed part once, save the model."""
    epochs = trainee.clock.epoch
    network = trainee.predictor()
    whole = all(bool(math.isfinite(float(abs(w).max(initial=0.0)))) for w in network.record()[1].values())
    deviation = dataset.preprocessing.target_deviation
    validation = _in_units(trainee.evaluate(), deviation)
    test = _in_units(trainee.evaluate(dataset.test.open()), deviation) if whole and dataset.test is not None else None
    facts = {"run": run.name, "config": config_of(trainee.settings), "epochs": epochs, "rows": len(dataset.train.y)}
    facts |= {"validation": validation, "test": test, "bits": trainee.bits()}
    model = Model(network, dataset.preprocessing, facts) if whole else None
    path = None
    if model is not None and run.request["out"] is not None:
        path = str(Path(run.request["out"]) / f"{run.name}.caviar")
        model.save(path)
    text = f"ended after epoch {epochs}, validation {_main(validation)}"
    session.enter("end", "caviar", text, {"bits": trainee.bits(), "epochs": epochs})
    summary = {
        "run": run.name,
        "store": store,
        "seed": run.seed,
        "epochs": epochs,
        "steps": trainee.clock.step,
        "data": dict(dataset.facts),
        "validation": validation,
        "test": test,
        "interventions": session.interventions,
        "rollbacks": session.rollbacks,
        "snapshots": sum(s.state == "kept" for s in session.snapshots),
        "stopped": session.stopped or None,
        "bits": trainee.bits(),
        "model": path,
    }
    return RunEnded(summary, model)


def _in_units(evaluation: Evaluation, deviation: float | None) -> dict[str, float]:
    scores = dict(evaluation.scores)
    if deviation is not None:
        scores = {name: s * deviation if name in ("rmse", "mae") else s for name, s in scores.items()}
    return scores


def _main(scores: Mapping[str, float]) -> str:
    name = "r2" if "r2" in scores else "accuracy"
    return f"{name} {scores[name]:.4f}"


def _check(request: Request) -> None:
    if request.epochs < 1:
        raise ConfigError(f"epochs must be at least 1, got {request.epochs}", f"leave it out for {EPOCHS}")
    if not 0 <= request.seed < 2**63:
        raise ConfigError(f"a seed must be a whole number from 0 to 2**63 - 1, got {request.seed}", "use --seed 0, say")
    if request.nurse not in NURSES:
        raise ConfigError(f"the nurse is one of {', '.join(NURSES)}, got {request.nurse!r}", "leave it out for watch")
    if request.budget < 1:
        raise ConfigError(f"a disk budget must be at least 1 byte, got {request.budget}", "leave it out for 2 GiB")
    if request.out is not None and not Path(request.out).is_dir():
        raise ConfigError(f"there is no folder {request.out!r} for the model", "make it, or name another with --out")
