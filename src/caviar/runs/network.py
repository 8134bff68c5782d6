"""A network of ours as a trainee: trained by mini-batches, turned, saved and restored to the bit.

All that its next mini-batch depends on is in ``save``: the engine's state, the knobs, and its place. The order of the
rows and the dropout masks follow from the run's seed, the epoch and the step alone, so that they come back with the
place.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from caviar.data.dataset import Dataset, check_arranged, prepare
from caviar.data.examples import Examples
from caviar.data.mapped import prepare_mapped
from caviar.data.read import read
from caviar.errors import ConfigError, StoreError
from caviar.files import cannot_make
from caviar.learners.balance import BALANCED, NOTE, check_classes
from caviar.learners.contract import Evaluation, Keys, Outcome, Predictor, State, explosion, never
from caviar.learners.correction import PLAIN, Correction
from caviar.learners.dense.config import from_config
from caviar.learners.dense.contract import DenseTraining, Steps, fewest_rows, steps_left, steps_per_epoch
from caviar.learners.dense.inputs import encoded, rows_of
from caviar.learners.dense.learner import engine_named
from caviar.learners.model import Model
from caviar.learners.scoring import Scoring
from caviar.machine import environment
from caviar.moved import relocated
from caviar.nn.architecture import statistics_shapes
from caviar.nn.network import forward
from caviar.nn.schedules import rates_from
from caviar.nn.state import State as NetworkState
from caviar.ranges import check_range
from caviar.records import Clock, Config, Run, RunSpec, Value
from caviar.records.result import Scores
from caviar.runs.answer import answer_of, validation_of
from caviar.runs.knobs import Settings, config_of, from_plain, to_plain, turned
from caviar.runs.line import check_line
from caviar.runs.moved import paths_of
from caviar.runs.rules import RULES, Rule, Sight
from caviar.runs.snapshots import check_budget
from caviar.runs.stopwatch import Stopwatch
from caviar.runs.trainee import OVER, Conclusion, Step

LOOKED_AT = 256
"""Rows of the fixed mini-batch on which a network is looked into: enough for every statistic that is shown."""

NURSES = ("watch", "act", "no")

_SECONDS = 0.1  # seconds of training in one step, unless one mini-batch takes longer
_SHARE = 8  # a file above this part of the memory is mapped: as float64 and float32 it takes several times its size
_SATURATED = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}


class NetworkSetup:
    """A run of a network of ours, before its first step: its data are read, its config is complete."""

    begun = ""

    def __init__(self, spec: RunSpec, config: Config, seed: int) -> None:
        """Raises UserMistake for a spec, data or a config that no network can be trained with."""
        _check(spec, seed)
        self.spec = relocated(replace(spec, mapped=_is_mapped(spec)), paths_of(spec))
        self.dataset = load(self.spec, seed)
        if spec.balance:
            check_classes(self.dataset.preprocessing.regression)
        engine = engine_named(spec.engine)
        self.name = self.dataset.name
        self.config = config_of(_settings(config, self.dataset))
        self.data: Mapping[str, Any] = self.dataset.facts
        self.environment: Mapping[str, Any] = environment(engine.name, engine.instruction_set, 1)
        self.warnings = (*self.dataset.warnings, *([NOTE] if spec.balance else ()))

    def check_same(self, run: Run) -> None:
        """Raise StoreError if ``run`` was trained on other data."""
        if self.data["sha256"] != run.data["sha256"]:
            raise StoreError(
                f"the data of run {run.name!r} is no longer what it was trained on, or an earlier version of caviar "
                f"read it otherwise ({run.spec.data})",
                "put the file back, or begin a new run with caviar babysit",
            )
        check_arranged(f"run {run.name!r}", run.data, self.dataset)

    @contextmanager
    def trainee(self, run: Run, number: int, folder: Path) -> Iterator[NetworkTrainee]:
        """The network before its first step."""
        yield NetworkTrainee(run, self.dataset)

    @staticmethod
    def branched(saved: Mapping[str, Any], changes: Config) -> Config:
        """The config of a branch from what was ``saved``. Raises ConfigError for a knob that cannot be turned."""
        settings = from_plain(saved["settings"])
        if changes:
            turned(settings, changes, 0.0, settings.optimisation.learning_rate)  # can it be?
        return {**config_of(settings), **changes}


class NetworkTrainee:
    """A network in training, and its knobs; see the head of this file."""

    rate_knob = "learning_rate"
    rules: Sequence[Rule] = RULES
    survives_nan = False
    is_stopped_when_lost = True
    trains_on_when_saved = False
    can_save = True
    waits = True

    def __init__(self, run: Run, dataset: Dataset) -> None:
        self.settings = _settings(run.config, dataset)
        self.clock = Clock()
        self.last_rate = self.settings.optimisation.learning_rate  # of the last mini-batch
        self._epochs = run.spec.epochs
        self._balance = run.spec.balance
        self._dataset = dataset
        self._engine = engine_named(run.spec.engine)
        self._keys = Keys.of(run.seed)
        self._running: State = {}  # statistics at the last look inside
        self._training = self._start(self.settings)
        self._stopped = False
        self._pace = 0.0  # rows a second while it trains
        self._epoch_seconds = math.nan  # of the last whole epoch: trained, measured, saved
        self._steps_at_once = 1
        self._watch = Stopwatch()
        self._epoch_began = self._epoch_ended = self._watch.now()
        self._measured: tuple[int, float] | None = None  # step and validation loss

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return len(self._dataset.train.y)

    @property
    def row(self) -> int:
        """Rows of the epoch under way that are done."""
        return self._training.row

    @property
    def place(self) -> float:
        """Epochs done, the part of the one under way included."""
        return self.clock.epoch + self._steps_done / self._steps

    @property
    def rate(self) -> float:
        """The learning rate of the next mini-batch."""
        return float(self._rates(1)[0])

    @property
    def explosion(self) -> float:
        """A mean loss above this is a divergence."""
        return explosion(self.settings.architecture.n_out, self.settings.architecture.several)

    @property
    def chance_loss(self) -> float:
        """The loss of guessing blindly."""
        return self.explosion / 1000.0

    def seconds_between_snapshots(self, saving: float) -> float:
        """Every epoch ends with a snapshot."""
        return 0.0

    def advance(self) -> Step:
        """Train for a tenth of a second, but not beyond the end of the epoch, which is measured."""
        if self._stopped or self.clock.epoch >= self._epochs:
            return OVER
        self._watch.go_on()
        began, row = self._watch.now(), self.row
        outcome, done = self.train(self._steps_at_once)
        seconds = max(self._watch.now() - began, 1e-6)
        pace = max((self.row or self.rows) - row, 1) / seconds
        self._pace = 0.9 * self._pace + 0.1 * pace if self._pace else pace
        self._steps_at_once = max(1, int(0.5 * self._steps_at_once + 0.5 * len(done.losses) * _SECONDS / seconds))
        finite, values = outcome is not Outcome.DIVERGED, None
        if done.ended:
            now = self._watch.now()
            self._epoch_seconds, self._epoch_ended = now - self._epoch_ended, now
            values = self._measure(done.train_loss, now - self._epoch_began)
            finite = finite and (math.isfinite(values["validation_loss"]) or not len(self._dataset.validation.y))
            finite = finite and done.train_loss <= self.explosion
            self._epoch_began = self._watch.now()
        return Step(done.losses.tolist(), finite, values)

    def rest(self) -> None:
        """Count no time until it trains again."""
        self._watch.rest()

    def stop(self, why: str) -> None:
        """Train no more."""
        self._stopped = True

    def train(self, steps: int) -> tuple[Outcome, Steps]:
        """Train ``steps`` mini-batches more, but not beyond the end of the epoch."""
        left = steps_left(self.settings.architecture, self.settings.optimisation, self.rows, self.row)
        rates = self._rates(max(min(steps, left), 1))
        outcome, done = self._training.train_steps(rates, never())
        if len(done.losses):
            self.last_rate = float(rates[len(done.losses) - 1])
        self.clock = replace(
            self.clock,
            tick=self.clock.tick + len(done.losses),
            step=self._training.step,
            epoch=self._training.epoch,
        )
        return outcome, done

    def knobs(self) -> dict[str, Value]:
        """Every knob; the learning rate is the one in force."""
        return self.settings.knobs() | {"learning_rate": self.rate}

    def applies(self, kind: str, paused: bool) -> bool:
        """Between two mini-batches everything can be done to a network."""
        return True

    def turn(self, changes: Mapping[str, Value]) -> dict[str, list[Value]]:
        """Turn knobs; what each was and is. Raises ConfigError and changes nothing where one cannot be turned."""
        before = self.knobs()
        settings = turned(self.settings, changes, self.place, self.rate)
        self._training.turn(settings.architecture, settings.optimisation)
        self.settings = settings
        return {name: [before[name], settings.knobs()[name]] for name in changes}

    def save(self) -> dict[str, Any]:
        """All that the next mini-batch depends on."""
        return {"state": self._training.state(), "settings": to_plain(self.settings)}

    def restore(self, saved: Mapping[str, Any], clock: Clock) -> None:
        """Go back to what was ``saved``, at ``clock``."""
        settings = from_plain(saved["settings"])
        self._training = self._start(settings, dict(saved["state"]))
        self.settings = settings
        self._running = {}
        self._measured = None
        self.clock = replace(clock, step=self._training.step, epoch=self._training.epoch)

    def predictor(self) -> Predictor:
        """The network as it stands, for predictions."""
        return self._training.predictor()

    def evaluate(self, examples: Examples | None = None) -> Evaluation:
        """Score ``examples``, by default the validation part."""
        return self._training.evaluate(self._dataset.validation if examples is None else examples)

    def scores(self) -> Scores:
        """The validation scores of the network as it stands, in units of the target."""
        network = self.predictor()
        return validation_of(self._dataset, network, self.evaluate, _is_whole(network), self._correction(self.settings))

    def loss_of(self, values: Mapping[str, Any]) -> float:
        """The validation loss of an epoch."""
        return float(values["validation_loss"])

    def loss(self) -> float:
        """The validation loss; it is not measured again for the step at which it was measured last."""
        if self._measured is None or self._measured[0] != self._training.step:
            self._measured = self._training.step, self.evaluate().loss
        return self._measured[1]

    def sight(self, sight: Sight) -> Sight:
        """The rules are made for networks like this one."""
        return sight

    def progress(self, paused: bool) -> dict[str, Any]:
        """The place within the epoch, and the pace; measurements and snapshots take their time, too."""
        pace = self.rows / self._epoch_seconds if math.isfinite(self._epoch_seconds) else self._pace
        left = (self._epochs - self.clock.epoch) * self.rows - self.row
        seconds_left = left / pace if pace else math.nan
        now = 0.0 if paused else pace
        return {"row": self.row, "rows": self.rows, "rows_per_second": now, "seconds_left": seconds_left}

    def conclude(self, run: Run, best: Any = None) -> Conclusion:
        """Score the network of state ``best``, or the last one; open the sealed part, and save the model if whole."""
        dataset, bits = self._dataset, self.bits()
        settings = self.settings if best is None else from_plain(best["settings"])
        chosen = self._training if best is None else self._start(settings, dict(best["state"]))
        network, epoch = chosen.predictor(), chosen.epoch
        whole = _is_whole(network)
        correction = self._correction(settings)
        answer = answer_of(dataset, network, chosen.evaluate, run.seed, whole, correction)
        validation, test = dict(answer.validation), answer.test
        last = {"epoch": self.clock.epoch, "validation": validation if best is None else dict(self.scores())}
        facts = {"run": run.name, "config": config_of(settings), "epochs": epoch, "rows": len(dataset.train.y)}
        facts |= {"validation": validation, "test": test, "bits": bits}
        learned, kept = dataset.preprocessing, answer.reference
        model = Model(network, learned, facts, correction=correction, reference=kept) if whole else None
        path = None
        if model is not None and run.spec.out is not None:
            with suppress(OSError):  # saving says what is wrong
                Path(run.spec.out).mkdir(parents=True, exist_ok=True)
            path = str(Path(run.spec.out) / f"{run.name}.caviar")
            model.save(path)
        name = Scoring.of(dataset).metrics[0]
        of = "" if epoch == last["epoch"] else f"; the model is the network of epoch {epoch}"
        text = f"ended after epoch {last['epoch']}{of}, validation {name.replace('_', ' ')} {validation[name]:.4f}"
        scores = {"validation": validation, "test": test, "last": last, **answer.worth}
        saved = {"bits": bits, "model": path, "model_epoch": epoch if whole else None}
        summary: dict[str, Any] = {"data": dict(dataset.facts), **scores, **saved}
        replayed = {"bits": bits, "epochs": last["epoch"]}
        return Conclusion(text, replayed, summary, model, whole, notes=answer.doubts)

    def _correction(self, settings: Settings) -> Correction:
        """The correction of a model of the run: that of balanced training, where it was asked for and still is so."""
        if not self._balance or settings.optimisation.class_weights != BALANCED:
            return PLAIN
        return Scoring.of(self._dataset).set_back(self._dataset.train.y)

    def bits(self) -> str:
        """The SHA-256 of all that the next mini-batch depends on."""
        digest = hashlib.sha256(repr(sorted(to_plain(self.settings).items())).encode())
        for name, array in self._training.state().items():
            digest.update(f"{name} {array.dtype} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def look(self) -> list[dict[str, float]]:
        """The activity of every layer on a fixed mini-batch.

        Beside the numbers of nn.inside: "saturated", the share of tanh or sigmoid units at their ends, and "drift", the
        way of batch norm's running means since the last look, in standard deviations.
        """
        training = self._dataset.train
        seen = training.take(np.arange(min(LOOKED_AT, len(training))))
        if len(seen.y) < fewest_rows(self.settings.architecture):
            return []
        layers = [
            {
                "activation_mean": layer.activation_mean,
                "activation_std": layer.activation_std,
                "gradient_norm": layer.gradient_norm,
                "update_to_weight": layer.update_to_weight,
                "dead": layer.dead,
                "saturated": 0.0,
                "drift": 0.0,
            }
            for layer in self._training.inside(seen, self.rate)
        ]
        state, before = self._training.state(), self._running
        self._running = {name: np.array(state[name]) for name in statistics_shapes(self.settings.architecture)}
        for name in self._running:
            layer, _, statistic = name.partition(".")
            if statistic == "mean" and name in before:
                deviation = np.sqrt(np.maximum(state[f"{layer}.variance"].astype(np.float64), 1e-12))
                gone = np.abs(state[name].astype(np.float64) - before[name]) / deviation
                layers[int(layer.removeprefix("layer")) - 1]["drift"] = float(np.median(gone))
        ends = _SATURATED.get(self.settings.architecture.activation)
        if ends is not None:
            for layer_seen, share in zip(layers, self._saturated(state, seen, *ends), strict=False):
                layer_seen["saturated"] = share
        return layers

    def _saturated(self, state: State, seen: Examples, low: float, high: float) -> list[float]:
        architecture = replace(self.settings.architecture, dropout=0.0, input_dropout=0.0)
        arrays = NetworkState({name: a.astype(np.float64) for name, a in state.items() if "layer" in name}).arrays
        with np.errstate(all="ignore"):
            cache = forward(architecture, arrays, encoded(architecture, rows_of(architecture, seen)))
        return [float(np.mean((hidden.a <= low) | (hidden.a >= high))) for hidden in cache.hidden]

    def _start(self, settings: Settings, state: State | None = None) -> DenseTraining:
        parts = self._dataset.train, self._dataset.validation
        return self._engine.start(settings.architecture, settings.optimisation, *parts, self._keys, state)

    def _measure(self, train_loss: float, seconds: float) -> dict[str, Any]:
        """Score an epoch that has ended, and look inside."""
        scores = self.evaluate()
        self._measured = self._training.step, scores.loss
        return {
            "train_loss": train_loss,
            "validation_loss": scores.loss,
            **{name: score for name, score in scores.scores.items() if name != "log_loss"},
            "learning_rate": self.last_rate,
            "seconds": seconds,
            "inside": self.look(),
        }

    @property
    def _steps(self) -> int:
        return steps_per_epoch(self.settings.architecture, self.settings.optimisation, self.rows)

    @property
    def _steps_done(self) -> float:
        return self.row / self.settings.optimisation.batch_size

    def _rates(self, n: int) -> Any:
        settings, clock = self.settings, self.clock
        return rates_from(
            settings.optimisation, settings.since, clock.epoch, self._steps_done, self._steps, clock.step, n
        )


def _is_whole(network: Predictor) -> bool:
    """True if all weights are numbers."""
    return all(bool(math.isfinite(float(abs(w).max(initial=0.0)))) for w in network.record()[1].values())


def load(spec: RunSpec, seed: int) -> Dataset:
    """The data of a run: in memory, or mapped from files."""
    if spec.mapped:
        if isinstance(spec.target, tuple):
            raise ConfigError("several targets need their rows in memory", "leave `mapped=True` out")
        sealed = spec.test, spec.test_labels
        return prepare_mapped(spec.data, spec.target, spec.labels, seed, spec.task, spec.reading, *sealed)
    table = read(spec.data, spec.target, spec.labels, spec.reading)
    test = None if spec.test is None else read(spec.test, spec.target, spec.test_labels, spec.reading, like=table)
    return prepare(table, seed, test, spec.task, spec.reading)


def _is_mapped(spec: RunSpec) -> bool:
    """True if the rows stay in files: as asked, or where a file that can be mapped is too large to be read."""
    if spec.mapped is not None:
        return spec.mapped
    path = Path(spec.data)
    if isinstance(spec.target, tuple):
        return False
    if not {Path(one).suffix.lower() for one in (spec.data, spec.test or spec.data)} <= {".npy", ".parquet", ".pq"}:
        return False
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return path.stat().st_size > memory // _SHARE
    except (OSError, ValueError):
        return False  # reading it will say what is wrong


def _settings(config: Config, dataset: Dataset) -> Settings:
    learned = dataset.preprocessing
    several = bool(learned.targets)
    return Settings(*from_config(config, learned.n_in, learned.n_out, dataset.train, several))


def _check(spec: RunSpec, seed: int) -> None:
    check_range("epochs", spec.epochs)
    check_range("seed", seed)
    if spec.nurse not in NURSES:
        raise ConfigError(f"`nurse` is one of {', '.join(NURSES)}, got {spec.nurse!r}", "leave it out for watch")
    check_budget(spec)
    check_line(spec)
    reason = "" if spec.out is None else cannot_make(Path(spec.out))
    if reason:
        raise ConfigError(f"the folder {spec.out!r} for the model cannot be made: {reason}", "name another: `out='.'`")
