"""A store with a large study, made in seconds: nothing is trained, and all else is as in a real study.

    python -m tests.many_trials STORE [--trials 10000] [--epochs 1000] [--whole] [--hostile]

The trials are those of the real search and the real scheduler. Their scores come from a formula: a curve that rises to
a height that the config decides, with noise. A few trials fail in each of the ways that there are. With ``whole`` no
trial is stopped, so that every one has all of its epochs: 10,000 x 1,000 are a gigabyte.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

import caviar
from caviar.records import (
    Box,
    Comparison,
    Config,
    Study,
    StudyKind,
    StudySpec,
    StudyState,
    TableSpec,
    Trial,
    TrialState,
)
from caviar.records.ranking import WORST, rank_key
from caviar.records.result import BestTrial, Column, Finalist, Repeated, StudyResult
from caviar.scheduling.strategy import Strategy
from caviar.search.coarse_to_fine import CoarseToFine, Zoom
from caviar.store import Store
from caviar.store.schema import MEASUREMENTS

BEGAN = 1_790_000_000.0
"""Seconds since 1970 at which every study begins."""

SLOTS = 4
"""Trials that are trained at once."""

ENDINGS = {
    97: (TrialState.FAILED, "ValueError: the file has no column 'weight'"),
    211: (TrialState.OUT_OF_MEMORY, "a batch of 4,096 rows needs 3.1 GB, and 2.0 GB were free"),
    307: (TrialState.INFEASIBLE, "depth times width is above the limit"),
}
"""The endings of every so many-th trial; those of high learning rates diverge."""

HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><script>document.title='owned'</script>",
    "\u202egnp.exe\u202c \u200f\u05d0\u05d1\u05d2",
    "a'\"`${7*7}{{7*7}}&amp;&lt;",
)
"""Texts that a careless page would act on."""

LONG = "x" * 1_000_000
"""A text of a megabyte."""

SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-4, 1, tier=1),
    momentum=caviar.OneMinusLog(0.8, 0.999, tier=2),
    batch_size=caviar.PowerOfTwo(32, 512, tier=2),
    hidden_units=caviar.Integer(16, 256, log=True, tier=2),
    optimizer=caviar.Choice(["adam", "momentum"], tier=2),
    layers=caviar.Integer(1, 4, tier=3),
    dropout=caviar.Linear(0.0, 0.5, tier=3),
    l2=caviar.Log(1e-6, 1e-2, zero=0.2, tier=4),
)
HOSTILE_SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-4, 1, tier=1),
    text=caviar.Choice(HOSTILE, tier=2),
    share=caviar.Linear(0.0, 1.0, tier=3),
)

Floats = npt.NDArray[np.float64]


def write_study(
    store: Store,
    name: str = "many",
    trials: int = 10_000,
    epochs: int = 1_000,
    *,
    whole: bool = False,
    hostile: bool = False,
    state: StudyState = StudyState.FINISHED,
) -> Study:
    """Write a study of so many ``trials`` of at most so many ``epochs``, all of the same bits each time; the study.

    A study that is not finished has neither finals nor a result, and a tenth of its trials are still running.
    """
    made = _Made(trials, epochs, whole, hostile)
    texts = [*HOSTILE, LONG] if hostile else ["'id' only numbers the rows and was left out (--keep id uses it)"]
    rungs = made.rungs
    study = Study(
        name,
        seed=0,
        metric="accuracy",
        search="coarse_to_fine",
        space=made.space.to_dict(),
        spec=StudySpec(
            kind=StudyKind.TABLE, trials=trials, rungs=rungs, repeats=3, table=TableSpec(data="/d/table.csv")
        ),
        data={"rows": 1797, "features": 64, "classes": 10, "train": 1077, "validation": 360, "test": 360},
        environment={},
        state=StudyState.RUNNING,
        created="2026-09-21T14:13:20+00:00",
        notes=tuple(texts),
    )
    store.create_study(study)
    if not trials:
        return study
    lease = store.leases.join(name)
    known, finalists = list(made.trials.values()), made.finalists() if state is StudyState.FINISHED else []
    if state is not StudyState.FINISHED:
        known = [t._replace(state=TrialState.RUNNING) if t.number % 10 == 9 else t for t in known]
    boxes = [replace(box, reason=f"{texts[0]} {box.reason}") if hostile else box for box in made.boxes]
    known += [repeat for finalist in finalists for repeat in made.repeats(finalist)]
    store.write(name, known, (), boxes, lease=lease, comparisons=made.comparisons, at=made.times)
    for rows in made.measurements(store.subjects.number(name)):
        with store.subjects.writing(name) as (connection, _):
            store.database.insert_many(connection, MEASUREMENTS, rows)
    if finalists:
        ended = "2026-09-21T14:15:20+00:00"
        store.finish_study(name, state, made.result(study, finalists, store.url, texts), ended, lease)
    store.leases.leave(lease)
    return study


class _Made:
    """The facts of a study that nobody ran."""

    def __init__(self, trials: int, epochs: int, whole: bool, hostile: bool) -> None:
        self.space = HOSTILE_SPACE if hostile else SPACE
        self.rungs = (epochs,) if whole else _rungs(epochs)
        self.trials: dict[int, Trial] = {}
        self.comparisons: list[tuple[int, int, Comparison]] = []
        self.times: dict[tuple[int, int], tuple[float | None, float | None]] = {}
        self.boxes: list[Box] = []
        self._curves: dict[int, Floats] = {}
        self._texts = HOSTILE if hostile else None
        self._stream = np.random.default_rng(0)
        search = CoarseToFine(self.space, 0, Zoom(skipped_rungs=len(self.rungs)))
        strategy = Strategy(search, self.rungs, trials=trials, pool=max(trials // 50, 4))
        free = [BEGAN] * SLOTS
        while trials and (task := strategy.next()) is not None:
            number, to_epoch = task.trial, task.to_epoch
            if number not in self._curves:
                self._curves[number] = self._curve(task.config)
            curve = self._curves[number]
            state, error = self._ending(number, task.config)
            last = to_epoch if state is None else min(to_epoch, 3)
            score = float(curve[last - 1])
            slot = free.index(min(free))
            began = self.times.get((number, 0), (free[slot], None))[0]
            free[slot] += 0.02 + 0.01 * (to_epoch - task.from_epoch)
            self.times[number, 0] = began, free[slot]
            compared = math.nan if state is TrialState.DIVERGED else score
            self.comparisons.append((number, 0, Comparison(last, compared, compared, 1 - compared, 0.01 * last)))
            self.trials[number] = Trial(
                number, task.config, state or TrialState.RUNNING, last, compared, 1 - compared, 0, task.origin, error
            )
            for over, stopped, _ in strategy.report(task, WORST if state else rank_key("accuracy", score, 1 - score)):
                if self.trials[over].state is TrialState.RUNNING:
                    ended = TrialState.STOPPED if stopped else TrialState.FINISHED
                    self.trials[over] = self.trials[over]._replace(state=ended)
        self.boxes = strategy.boxes
        self._ended = max(free)

    def _curve(self, config: Config) -> Floats:
        """The scores of a trial, as if it were trained to the end."""
        unit = self._unit(config)
        best = np.linspace(0.3, 0.7, len(unit))
        height = 0.45 + 0.53 * math.exp(-float(np.mean((unit - best) ** 2)) * 9)
        epochs = np.arange(1, self.rungs[-1] + 1)
        pace = self.rungs[-1] * (0.005 + 0.05 * unit[-1])
        noise = self._stream.normal(0, 0.006, len(epochs))
        return np.clip(height - (height - 0.1) * np.exp(-((epochs / pace) ** 0.6)) + noise, 0.0, 1.0)

    def _unit(self, config: Config) -> Floats:
        """The place of a config on its scales; a hyperparameter that does not apply is in the middle."""
        scales = {name: self.space[name] for name in self.space.searched}
        return np.array(
            [float(scale.to_unit([config[name]])[0]) if name in config else 0.5 for name, scale in scales.items()]
        )

    def _ending(self, number: int, config: Config) -> tuple[TrialState | None, str | None]:
        if self._unit(config)[0] > 0.93:
            return TrialState.DIVERGED, None
        for every, (state, error) in ENDINGS.items():
            if number % every == every // 2:
                return state, " ".join([error, *self._texts]) if self._texts else error
        return None, None

    def measurements(self, study: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the table, of a hundred trials at once."""
        numbers = sorted(self.trials)
        for start in range(0, len(numbers), 100):
            rows: list[tuple[Any, ...]] = []
            for number in numbers[start : start + 100]:
                trial = self.trials[number]
                scores = self._curves[number][: trial.epochs].copy()
                if trial.state is TrialState.DIVERGED:
                    scores[-1] = math.nan
                n = len(scores)
                rate, losses = 0.01, (1.0 - scores)
                columns = (losses * 0.8).tolist(), losses.tolist(), scores.tolist()
                rows += [
                    (study, number, 0, epoch, train, loss, score, score, rate, 0.01)
                    for epoch, train, loss, score in zip(range(1, n + 1), *columns, strict=True)
                ]
            yield rows

    def finalists(self) -> list[int]:
        """The five best of those that were trained to the end, or the best of all where none was."""
        scored = [t for t in self.trials.values() if t.score is not None and math.isfinite(t.score)]
        finished = [t for t in scored if t.state is TrialState.FINISHED] or scored
        return [t.number for t in sorted(finished, key=lambda t: -(t.score or 0.0))[:5]]

    def repeats(self, number: int) -> list[Trial]:
        """The same trial with three fresh seeds: a little worse than when it was chosen."""
        trial = self.trials[number]
        draws = [(trial.score or 0.0) - 0.006 + 0.003 * i for i in range(3)]
        for i in range(3):
            self.times[number, i + 1] = self._ended, self._ended + 2.0
        return [
            trial._replace(repeat=i, score=score, validation_loss=1 - score, state=TrialState.FINISHED)
            for i, score in enumerate(draws, start=1)
        ]

    def result(self, study: Study, finalists: list[int], store: str, texts: list[str]) -> StudyResult:
        """The answer: the first of the finalists."""
        final = [
            Finalist(n, self.trials[n].epochs, 5000 + n, self.trials[n].score, [t.score for t in self.repeats(n)])
            for n in finalists
        ]
        best = self.trials[finalists[0]]
        scores = [score for score in final[0].scores if score is not None]
        mean, score = sum(scores) / 3, best.score or 0.0
        test = {"accuracy": mean - 0.004, "accuracy_low": mean - 0.02, "accuracy_high": mean + 0.012, "log_loss": 0.11}
        counts = {state: sum(t.state is state for t in self.trials.values()) for state in TrialState}
        return StudyResult(
            metric="accuracy",
            study=study.name,
            store=store,
            seconds=self._ended - BEGAN,
            spent={"search": 400.0, "finals": 60.0, "last training": 12.0},
            data=dict(study.data),
            trials={"started": len(self.trials), **{str(s): counts[s] for s in TrialState if counts[s]}},
            best=BestTrial(
                trial=best.number,
                config=best.config,
                parameters=5000,
                validation={"accuracy": mean, "log_loss": 0.1},
                test=test,
                repeated=Repeated(
                    how="fresh seeds", planned=3, scores=scores, mean=mean, low=mean - 0.004, high=mean + 0.004,
                    when_chosen=score, gap=score - mean,
                ),
            ),
            finalists=final,
            columns=[Column(text[:200], "number", 0.1 / i) for i, text in enumerate(texts, start=1)],
            notes=tuple(texts),
        )  # fmt: skip


def _rungs(epochs: int) -> tuple[int, ...]:
    """Rungs a factor of three apart, the last at ``epochs``."""
    rungs = [epochs]
    while rungs[0] >= 3:
        rungs.insert(0, round(rungs[0] / 3))
    return tuple(rungs)


def main() -> None:
    """Write the store that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--name", default="many")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=1_000)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--state", type=StudyState, default=StudyState.FINISHED)
    given = parser.parse_args()
    with Store.open(given.store) as store:
        write_study(
            store, given.name, given.trials, given.epochs, whole=given.whole, hostile=given.hostile, state=given.state
        )


if __name__ == "__main__":
    main()
