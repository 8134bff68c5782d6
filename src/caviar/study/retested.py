"""The comparison of an old answer with today's: three answers on the same rows, none of which has seen them.

    old        the old weights, on rows that they were not trained on
    retrained  the same recipe, its configs and their shares, trained on today's rows
    new        the best recipe of today: of the old finalists and of challengers from a fresh search

Every row is predicted by one training of each config: in a cross-validation by the one that has not seen it; the sealed
rows, and those of validation where there are no folds, by each in turn. The new recipe is chosen for every fold on the
other folds, and for the sealed rows on all folds; challengers came into the finals by their score on the rows of
validation, so these do not count where the new recipe is compared. Temperatures are learned as the recipe is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from caviar.analysis.drift import drift
from caviar.analysis.retest import (
    Sample,
    Score,
    against_weights,
    difference,
    luck_of,
    margin_of,
    of_trainings,
    rows_needed,
    verdict,
    written,
)
from caviar.data.examples import Examples
from caviar.errors import CaviarError
from caviar.learners.contract import Floats
from caviar.learners.correction import Correction
from caviar.learners.model import Model
from caviar.learners.scoring import Scoring, Targets, of_labels, outputs_for, outputs_of, score_of_numbers
from caviar.randomness import Purpose, stream_key
from caviar.records import Config
from caviar.records.metrics import metric_name, smaller_is_better
from caviar.records.retest import KEEP, RETRAIN, RETUNE, UNCLEAR, Difference, Retest
from caviar.store import Store
from caviar.study.check import fold_rows
from caviar.study.corrections import asked_for, learned
from caviar.study.ensemble import select
from caviar.study.finals import Found, trained_again
from caviar.study.former import Former, former_of, outputs_on, places_of, seen
from caviar.study.job import FEWEST_TRAININGS, TableJob
from caviar.study.ledger import Ledger
from caviar.study.members import Repeat
from caviar.study.then_and_now import environment_of

FEWEST_ROWS = 30
"""Rows that the old weights have not seen, below which they are not compared."""

Shares = Mapping[int, float]
Indices = npt.NDArray[np.intp]


class Answer(NamedTuple):
    """The outputs that the metric looks at: of every row (n, n_out); of each training for sealed rows (K, s, n_out)."""

    every: Floats
    sealed: Floats


@dataclass(frozen=True, eq=False)
class Predicted:
    """The rows of training, validation and test, one part after the other, and what each finalist says of them.

    ``network`` (n,) is the training that predicts a row, -1 where none does; ``sets`` (n,) the rows that are no
    independent ones. ``said`` has the outputs (n, n_out) of a finalist, ``sealed`` those of each training for the
    sealed rows (K, s, n_out).
    """

    y: Targets
    network: Indices
    sets: Indices | None
    begun: tuple[int, int]  # the first row of validation, and of the test
    trainings: int
    folded: bool
    said: dict[int, Floats]
    sealed: dict[int, Floats]

    @property
    def choosing(self) -> npt.NDArray[np.bool_]:
        """True for rows that a recipe may be chosen on."""
        return (self.network >= 0) & (np.arange(len(self.y)) < self.begun[1])

    @property
    def comparing(self) -> npt.NDArray[np.bool_]:
        """True for rows that a chosen recipe may be compared on."""
        place = np.arange(len(self.y))
        return (self.network >= 0) & ((place >= self.begun[1]) | (self.folded & (place < self.begun[0])))


def retested(job: TableJob, ledger: Ledger, found: Found, sealed: Examples, store: Store) -> tuple[Retest, Found]:
    """The verdict on the old answer, and the answer of the study: the old recipe trained today, where that is it."""
    former = former_of(job.tests, store, job.request.data)
    recipe, entrants = job.recipe(ledger), _sound(found.entrants)
    notes, differences = list(former.notes), dict[str, Difference]()
    chosen: Shares = {}
    wanted = sum(share > 0 for share in job.tests.shares)
    trainings = min((len(repeats) for repeats in entrants.values()), default=0)
    is_whole = len(recipe) == wanted and trainings >= FEWEST_TRAININGS
    diverged = [n for n in recipe if n in found.entrants and n not in entrants]
    needed: dict[str, Any] = {}
    if is_whole:
        predicted = predict(job, entrants, sealed)
        chosen, differences, more = compare(job, predicted, {} if diverged else recipe, former)
        notes += more
    name, of = verdict(differences)
    if diverged and not differences:
        name = RETUNE
    if not is_whole:
        needed = {"seconds": math.ceil(job.seconds_of_finals(ledger))}
        why = (
            f"there was no time to train the old answer and its challengers {FEWEST_TRAININGS} times each; about "
            f"`seconds={needed['seconds']}` would do"
        )
    else:
        why, needed = reason(job.metric, name, of, differences)
    if diverged:
        notes.append("a config of the old answer diverges on today's data, so that it could not be trained again")
    same = former.study is not None and former.study.data["sha256"] == job.dataset.sha256
    result = Retest(
        of=job.tests.of,
        model=job.tests.model,
        verdict=name,
        why=why,
        metric=job.metric,
        old={"study": job.tests.of, "model": job.tests.model, "score": _score(differences, "weights", "other")},
        retrained={
            "configs": _configs(ledger, recipe),
            "score": _score(differences, "weights", "score", _score(differences, "configs", "other")),
        },
        new={
            "configs": _configs(ledger, chosen),
            "score": _score(differences, "configs", "score", _score(differences, "both", "score")),
        },
        differences=differences,
        difference=of,
        needed=needed,
        environment=environment_of(former, job, store),
        drift=None if same else _drift(former, job, notes),
        notes=tuple(dict.fromkeys(notes)),
    )
    return result, (trained_again(job, ledger, found) if name == RETRAIN else found)


def _score(found: Mapping[str, Difference], name: str, side: str, otherwise: float | None = None) -> float | None:
    return float(getattr(found[name], side)) if name in found else otherwise


def _configs(ledger: Ledger, shares: Shares) -> list[dict[str, Any]]:
    """The configs of a recipe, that with the largest share first."""

    def of(number: int) -> Config:
        return dict(ledger.trials[number, 0].config)

    ranked = sorted(shares, key=lambda number: -shares[number])
    return [{"trial": number, "share": shares[number], "config": of(number)} for number in ranked]


def _sound(entrants: Mapping[int, list[Repeat]]) -> dict[int, list[Repeat]]:
    """The finalists none of whose repeats diverged."""
    return {n: repeats for n, repeats in entrants.items() if repeats and all(one.sound for one in repeats)}


# --- what each finalist says of every row ---


def predict(job: TableJob, entrants: Mapping[int, list[Repeat]], sealed: Examples) -> Predicted:
    """The outputs of the ``entrants``, each of which has the same repeats."""
    both = job.dataset.train_and_validation()
    n_train, n_both = len(job.dataset.train), len(both)
    numbers = [repeat.result.task.repeat for repeat in next(iter(entrants.values()))]
    network = np.full(n_both + len(sealed), -1, dtype=np.intp)
    network[n_both:] = np.arange(len(sealed)) % len(numbers)
    if job.folded:
        parts = fold_rows(job.dataset, job.request.seed)
        for k, number in enumerate(numbers):
            network[parts[number - 1][1]] = k
    else:
        network[n_train:n_both] = np.arange(n_both - n_train) % len(numbers)
    said, on_sealed, x_sealed = {}, {}, sealed.x
    for trial, repeats in entrants.items():
        networks = [repeat.training.predictor() for repeat in repeats if repeat.training is not None]
        outputs = np.zeros((len(network), job.scoring.n_out))
        each = np.stack([outputs_of(one, x_sealed) for one in networks])
        for k, one in enumerate(networks):
            rows = np.flatnonzero(network[:n_both] == k)
            outputs[rows] = outputs_of(one, both.take(rows).x)
            own = np.flatnonzero(network[n_both:] == k)
            outputs[n_both + own] = each[k, own]
        said[trial], on_sealed[trial] = outputs, each
    y = np.concatenate([both.y, sealed.y])
    return Predicted(y, network, _sets(job, len(sealed)), (n_train, n_both), len(numbers), job.folded, said, on_sealed)


def _sets(job: TableJob, sealed: int) -> Indices | None:
    """The rows that belong together: of a group, copies, or of a stretch of time; None where all are independent."""
    places = job.dataset.places
    if places is None or (places.sets is None and places.times is None):
        return None
    own = np.concatenate([places.parts.train, places.parts.validation, places.parts.test])
    values = places.sets if places.times is None else places.times
    assert values is not None
    found = np.asarray(values[own], dtype=np.intp)
    if places.times is not None:  # neighbours in time are alike: stretches of the cube root of the rows
        rank = np.argsort(np.argsort(found, kind="stable"), kind="stable")
        found = rank // max(round(len(found) ** (1 / 3)), 1)
    beyond = len(job.dataset.train) + len(job.dataset.validation) + sealed - len(found)
    return np.concatenate([found, found.max(initial=0) + 1 + np.arange(beyond)])  # a test file's rows, each alone


# --- answers ---


def mixed(predicted: Predicted, shares: Callable[[int, bool], Shares]) -> tuple[Floats, Floats]:
    """The outputs of a recipe: of every row, and of each training for the sealed ones.

    ``shares`` are those for the rows of a training, and True for sealed ones.
    """
    first = next(iter(predicted.said.values()))
    every = np.zeros_like(first)
    place = np.arange(len(every))
    for k in range(predicted.trainings):
        for is_sealed in (False, True):
            rows = np.flatnonzero((predicted.network == k) & ((place >= predicted.begun[1]) == is_sealed))
            for trial, share in shares(k, is_sealed).items():
                every[rows] += share * predicted.said[trial][rows]
    sealed = sum(share * predicted.sealed[trial] for trial, share in shares(0, True).items())
    return every, np.asarray(sealed)


def choose(job: TableJob, predicted: Predicted, rows: npt.NDArray[np.bool_]) -> dict[int, float]:
    """The best recipe by some rows: of the ensemble's kind where the study asks for one, else a single config."""
    trials = list(predicted.said)
    outputs = np.stack([predicted.said[trial][rows] for trial in trials])
    if job.request.preset == "best":
        shares, _ = select(*job.scoring.as_classes(outputs, predicted.y[rows]), trials)
        return {trial: float(share) for trial, share in zip(trials, shares, strict=True) if share > 0}
    sign = -1.0 if smaller_is_better(job.metric) else 1.0
    found = [sign * job.scoring.score(job.metric, one, predicted.y[rows]) for one in outputs]
    return {trials[int(np.nanargmax(found))]: 1.0}


def answer_of(job: TableJob, predicted: Predicted, outputs: tuple[Floats, Floats], asked: Correction) -> Answer:
    """The outputs of a recipe as its model would give them: with a temperature that other rows have taught."""
    every, sealed = outputs
    scoring = job.scoring
    if of_labels(job.metric):
        return Answer(every, sealed)
    corrected = np.zeros_like(every)
    place = np.arange(len(every))

    def taught(k: int | None) -> Correction:
        rows = predicted.choosing & (True if k is None else predicted.network != k)
        if scoring.n_out == 1 or not rows.any():
            return asked
        return learned(job, asked, every[rows][None], predicted.y[rows]).correction

    of_all = taught(None)
    for k in range(predicted.trainings):
        own = (predicted.network == k) & (place < predicted.begun[1])
        corrected[own] = scoring.corrected(every[own], taught(k)) if own.any() else every[own]
    rest = place >= predicted.begun[1]
    corrected[rest] = scoring.corrected(every[rest], of_all)
    each = np.stack([scoring.corrected(one, of_all) for one in sealed])
    if scoring.n_out == 1:
        return Answer(_numbers(scoring, corrected), np.stack([_numbers(scoring, one) for one in each]))
    return Answer(corrected, each)


def _numbers(scoring: Scoring, outputs: Floats) -> Floats:
    return scoring.decoded(outputs[:, 0])[:, None]


def old_answer(job: TableJob, model: Model) -> tuple[npt.NDArray[Any], Floats]:
    """The old model's inputs for all rows, and its answer (n, n_out) with classes in today's order.

    Raises CaviarError where it cannot predict them.
    """
    x, said = outputs_on(model, job.dataset, (job.request.data, job.request.test))
    now, learned_then = job.dataset.preprocessing, model.preprocessing
    assert learned_then is not None  # it reads a table
    if model.regression:
        z = model.correction.cut(said[:, 0], learned_then.standardised)
        return x, model.correction.exactly(learned_then.decode(z))[:, None]
    if model.targets:
        return x, outputs_for(job.metric, model.correction.of_several(said), said)
    answer = outputs_for(job.metric, model.correction.probabilities(said), said)
    return x, answer[:, places_of(model.classes, now.classes)]


def scorer(job: TableJob, answer: Floats, y: Targets) -> Score:
    """The score of an ``answer`` (m, n_out) on some of its rows."""
    if job.scoring.n_out == 1:
        numbers = job.scoring.numbers(y)
        return lambda rows: score_of_numbers(job.metric, answer[rows, 0], numbers[rows])
    return job.scoring.of_rows(job.metric, answer, y)


# --- differences ---


def compare(
    job: TableJob, predicted: Predicted, recipe: Shares, former: Former
) -> tuple[dict[int, float], dict[str, Difference], list[str]]:
    """The new recipe, the differences that can be told, and notes.

    ``recipe`` is the old one, empty where it cannot be trained.
    """
    notes: list[str] = []
    asked = asked_for(job, job.dataset.train_and_validation())
    choosing = predicted.choosing

    def by_fold(k: int, is_sealed: bool) -> dict[int, float]:
        key = None if is_sealed or not predicted.folded else k
        if key not in chosen:
            chosen[key] = choose(job, predicted, choosing if key is None else choosing & (predicted.network != key))
        return chosen[key]

    chosen: dict[int | None, dict[int, float]] = {}
    new = answer_of(job, predicted, mixed(predicted, by_fold), asked)
    again = answer_of(job, predicted, mixed(predicted, lambda k, is_sealed: recipe), asked) if recipe else None
    old, unseen = None, np.zeros(len(predicted.y), dtype=bool)
    if former.model is not None and not former.is_mixed:
        try:
            x, old = old_answer(job, former.model)
            unseen = _unseen(former, x)
        except CaviarError as error:
            notes.append(f"the old weights could not be compared: {error.rule}")
    weighing = unseen & (predicted.network >= 0)
    if old is not None and int(weighing.sum()) < FEWEST_ROWS:
        notes.append(
            f"the old weights were trained on all but {int(weighing.sum()):,} of these rows: they cannot be compared "
            "fairly, and only configs are"
        )
        old = None
    return chosen[None], _differences(job, predicted, again, new, old, weighing), notes


def _unseen(former: Former, x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """True (n,) for inputs ``x`` (n, n_in) that are none of the rows that the old networks were trained on."""
    if former.job is None:
        return np.ones(len(x), dtype=bool)
    return ~seen(former.job.dataset.train_and_validation().x, x)


def _differences(
    job: TableJob,
    predicted: Predicted,
    again: Answer | None,
    new: Answer,
    old: Floats | None,
    weighing: npt.NDArray[np.bool_],
) -> dict[str, Difference]:
    """The differences by the names of Retest."""
    found: dict[str, Difference] = {}
    y, comparing, k = predicted.y, predicted.comparing, predicted.trainings
    sealed = np.arange(len(y)) >= predicted.begun[1]

    def sample(rows: npt.NDArray[np.bool_]) -> Sample:
        sets = None if predicted.sets is None else predicted.sets[rows]
        return Sample(int(rows.sum()), job.scoring.n_out, stream_key(job.request.seed, Purpose.RETEST), sets)

    def on(answer: Floats, rows: npt.NDArray[np.bool_]) -> Score:
        return scorer(job, answer[rows], y[rows])

    each_new = [scorer(job, one, y[sealed]) for one in new.sealed]
    each_again = [] if again is None else [scorer(job, one, y[sealed]) for one in again.sealed]

    def luck(scores: Callable[[Indices], list[float]], old: bool) -> tuple[float, float]:
        """The half-widths by luck: of today's trainings, and of these beside old weights or another recipe."""
        s, with_rows = luck_of(lambda rows: np.array(scores(rows)), sample(sealed))
        return of_trainings(s, k), (against_weights if old else of_trainings)(with_rows, k)

    if again is not None:
        halves = luck(lambda rows: [a(rows) - b(rows) for a, b in zip(each_new, each_again, strict=True)], old=False)
        other = on(again.every, comparing)
        margin = margin_of(job.metric, other(np.arange(int(comparing.sum()))))
        found["configs"] = difference(job.metric, on(new.every, comparing), other, halves, margin, sample(comparing))
    if old is None:
        return found
    margin = margin_of(job.metric, on(old, weighing)(np.arange(int(weighing.sum()))))
    if again is not None:
        halves = luck(lambda rows: [one(rows) for one in each_again], old=True)
        pair = on(again.every, weighing), on(old, weighing)
        found["weights"] = difference(job.metric, *pair, halves, margin, sample(weighing))
    both = weighing & comparing
    if int(both.sum()) >= FEWEST_ROWS:
        halves = luck(lambda rows: [one(rows) for one in each_new], old=True)
        found["both"] = difference(job.metric, on(new.every, both), on(old, both), halves, margin, sample(both))
    return found


# --- words ---


def reason(metric: str, name: str, of: str | None, found: Mapping[str, Difference]) -> tuple[str, dict[str, Any]]:
    """The reason for the verdict ``name``, which rests on the difference ``of``, and what would tell more."""
    if of is None:
        what = "the old configs diverge on today's data" if name == RETUNE else "there are no rows to compare on"
        return what, {}
    one = found[of]
    said = written(one, metric)
    enough = f"{one.margin:.3g} {metric_name(metric)}"
    if name == RETUNE:
        beside = "the old model" if of == "both" else "the old one, both trained today"
        return f"another config is {said}, beside {beside}", {}
    if name == RETRAIN:
        return f"the same configs with new weights are {said}", {}
    if name == KEEP:
        which = "another config" if of != "weights" else "new weights"
        return f"nothing is better by {enough}, which would be worth it: the nearest, {which}, is {said}", {}
    assert name == UNCLEAR
    which = "the best recipe of today" if of != "weights" else "the old recipe with new weights"
    rows = rows_needed(one)
    if rows is None:
        more = "no number of rows would tell, for the luck of a training is as large"
        return f"{which} is {said}; worth it from {enough} on; {more}", {"rows": None}
    more = f"about {rows:,} rows would tell if it stays so, for the interval shrinks with the root of the rows"
    return f"{which} is {said}; worth it from {enough} on; {more}", {"rows": rows}


def _drift(former: Former, job: TableJob, notes: list[str]) -> dict[str, Any] | None:
    """The report on drift between the old rows and today's, as plain data."""
    if former.model is None:
        return None
    data = job.request.data
    try:
        return drift(former.model, data[0] if isinstance(data, tuple) else data, seed=job.request.seed).to_record()
    except CaviarError as error:
        notes.append(f"drift is not known: {error.rule}")
        return None
