"""Facts of a study's answer: the winner, its scores, the networks beside it, and where the model is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caviar.records import Config
from caviar.records.ranking import GOAL_METRICS

_BESIDE = ("log_loss", "rmse", "mae")


@dataclass(frozen=True)
class Score:
    """The main score on one part of the data, its 95 % interval where there is one, and the scores ``beside`` it."""

    metric: str
    value: float
    low: float | None
    high: float | None
    beside: Mapping[str, float]


@dataclass(frozen=True)
class Repeated:
    """The winner trained again: ``scores``, their mean with its 95 % interval, and the gap to the search's score.

    ``how`` is "fresh seeds", a cross-validation or "not repeated"; ``gap`` is above 0 where the search's was better.
    """

    how: str
    planned: int
    scores: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    when_chosen: float | None
    gap: float | None


@dataclass(frozen=True)
class Ensemble:
    """A weighted mean of networks; ``shares`` are by the number of the trial that a network comes from."""

    networks: int
    shares: Mapping[str, float]
    validation: Score
    test: Score | None


@dataclass(frozen=True)
class FrontPoint:
    """A network that none beats in score without more parameters; ``score`` is the smoothed one on validation."""

    trial: int
    score: float
    parameters: int


@dataclass(frozen=True)
class Answer:
    """A study's answer. ``score`` is the winner's own in the search, for other people's code; ``rows`` and ``epochs``
    are those of its last training, None where they are not known."""

    study: str
    store: str
    metric: str
    trial: int
    config: Config
    seconds: float | None
    counts: Mapping[str, int]
    score: float | None = None
    epochs: int | None = None
    rows: int | None = None
    parameters: int | None = None
    validation: Score | None = None
    test: Score | None = None
    test_rows: int = 0
    repeated: Repeated | None = None
    ensemble: Ensemble | None = None
    front: tuple[FrontPoint, ...] = ()
    folder: str | None = None
    model: str | None = None


def answer_of(summary: Mapping[str, Any], metric: str, rows: int | None = None, epochs: int | None = None) -> Answer:
    """The answer that ``summary`` is, the JSON object of ``caviar tune --json``, which the store keeps."""
    best = summary["best"]
    if "goal" in best:
        metric = GOAL_METRICS[best["goal"]]
    elif best.get("repeated"):
        metric = best["repeated"].get("metric", metric)
    together = summary.get("ensemble")
    return Answer(
        study=summary.get("study", ""),
        store=summary.get("store", ""),
        metric=metric,
        trial=int(best["trial"]),
        config=best.get("config", {}),
        seconds=summary.get("seconds"),
        counts=summary.get("trials", {}),
        score=best.get("score", best.get(metric)),
        epochs=best.get("epochs", epochs),
        rows=rows,
        parameters=best.get("parameters"),
        validation=score_of(best.get("validation")),
        test=score_of(best.get("test")),
        test_rows=int(summary.get("data", {}).get("test") or 0),
        repeated=_repeated(best.get("repeated")),
        ensemble=None if together is None else _ensemble(together),
        front=tuple(_front(summary.get("front", ()), metric)),
        folder=best.get("folder"),
        model=summary.get("model"),
    )


def score_of(scores: Mapping[str, float] | None) -> Score | None:
    """The accuracy, or the R2, of a part's ``scores``; None where there are none."""
    if not scores:
        return None
    metric = "r2" if "r2" in scores else "accuracy"
    beside = {name: float(scores[name]) for name in _BESIDE if name in scores}
    low, high = (None if end not in scores else float(scores[end]) for end in (f"{metric}_low", f"{metric}_high"))
    return Score(metric, float(scores.get(metric, math.nan)), low, high, beside)


def _repeated(given: Mapping[str, Any] | None) -> Repeated | None:
    if given is None:
        return None
    scores = tuple(float(score) for score in given["scores"])
    return Repeated(
        given["how"],
        int(given.get("planned", len(scores))),
        scores,
        float(given["mean"]),
        given.get("low"),
        given.get("high"),
        given["when_chosen"],
        None if given["gap"] is None else float(given["gap"]),
    )


def _ensemble(given: Mapping[str, Any]) -> Ensemble:
    validation = score_of(given["validation"])
    assert validation is not None  # an ensemble is chosen by it
    return Ensemble(int(given["networks"]), given["trials"], validation, score_of(given["test"]))


def _front(given: Sequence[Mapping[str, Any]], metric: str) -> list[FrontPoint]:
    return [FrontPoint(int(one["trial"]), float(one[metric]), int(one["parameters"])) for one in given]
