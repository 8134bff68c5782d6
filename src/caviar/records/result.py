"""The result of a study: its best trial, with its scores, and the trials that it was chosen from.

Its record is the JSON object of ``caviar tune --json``, which the store keeps; PRODUCT.md has the keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np

from caviar.files import numbers
from caviar.records.config import Config, as_config
from caviar.records.metrics import within_range
from caviar.records.retest import Retest
from caviar.records.specs import known

Scores = Mapping[str, float]
"""Scores on one part of the data by metric; ``accuracy_low`` and ``accuracy_high`` are a 95 % interval, as for r2 and
the study's own metric."""

Label = str | int | bool
"""A class as the table has it."""

Always = Label | float | Mapping[str, Label]
"""The one answer of a baseline: a class, a number, or a class for each of several columns."""


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """The best config trained again: ``scores``, their mean with its 95 % interval, and the gap to the search's score.

    ``how`` is "fresh seeds", a cross-validation or "not repeated"; ``gap`` is above 0 where the search's was better.
    ``planned`` and the interval are None where the user's own code was repeated.
    """

    how: str
    planned: int | None = None
    scores: Sequence[float]
    mean: float
    low: float | None = None
    high: float | None = None
    when_chosen: float | None
    gap: float | None

    def within(self, metric: str) -> Self:
        """The same with an interval that does not leave the range of ``metric``, as it did in earlier versions."""
        if self.low is None or self.high is None:
            return self
        low, high = within_range(metric, self.low, self.high)
        return replace(self, low=low, high=high)

    def to_record(self, metric: str) -> dict[str, Any]:
        """Plain data, for the store."""
        record = asdict(self)
        if self.planned is None:
            return {name: record[name] for name in ("how", "scores", "mean", "when_chosen", "gap")}
        return {"metric": metric, **record}


@dataclass(frozen=True, kw_only=True)
class BestTrial:
    """The best trial, with the facts that its kind of study has of it; the others are None.

    A table has ``parameters`` of the network, the mean ``validation`` scores of its repeats, and the ``test`` scores.
    The user's own code has the ``seed`` and the ``goal`` of the trial, its ``score`` in the search, and its ``folder``.
    Ask and tell has the ``score`` and the ``folder``. Both have the ``attributes`` that the code noted. ``epochs``, and
    ``rows`` of a table, are those of the last training; the record of a table has neither.
    """

    trial: int
    config: Config = field(default_factory=dict)
    parameters: int | None = None
    validation: Scores | None = None
    test: Scores | None = None
    seed: int | None = None
    goal: str | None = None
    score: float | None = None
    repeated: Repeated | None = None
    folder: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    rows: int | None = None

    def to_record(self, metric: str) -> dict[str, Any]:
        """Plain data, for the store: the keys of the table, of the user's own code, or of ask and tell."""
        plain = asdict(self) | {metric: self.score}
        plain["repeated"] = None if self.repeated is None else self.repeated.to_record(metric)
        if self.validation is not None:
            names = ["parameters", "validation", "test", "repeated"]
        elif self.goal is not None:
            names = ["seed", "epochs", "goal", "score", "repeated", "test", "folder"]
        else:
            names = [metric, *(["folder"] if self.folder else [])]
        names += ["attributes"] if self.attributes else []
        return {name: plain[name] for name in ["trial", "config", *names]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], metric: str) -> Self:
        """The best trial that ``to_record`` wrote."""
        plain = {name: value if name == "config" else numbers(value) for name, value in record.items()}
        plain["config"] = as_config(plain.get("config", {}))
        plain.setdefault("score", plain.get(metric))
        if plain.get("repeated") is not None:
            plain["repeated"] = Repeated(**known(Repeated, plain["repeated"])).within(metric)
        return cls(**known(cls, plain))


@dataclass(frozen=True)
class Finalist:
    """A trial that was trained again: its score in the search, and the later ``scores``, None where it diverged."""

    trial: int
    epochs: int
    parameters: int | None
    when_chosen: float | None
    scores: Sequence[float | None]

    @property
    def mean(self) -> float | None:
        """The mean of the later scores, None where one of them diverged."""
        scores = [score for score in self.scores if score is not None]
        return float(np.mean(scores)) if scores and len(scores) == len(self.scores) else None


@dataclass(frozen=True, kw_only=True)
class Lead:
    """By how much a network is better than a baseline on the sealed test part, and its 95 % interval (a paired
    bootstrap over rows); below 0 where it is worse.

    ``metric`` is the study's, but log loss for a study by calibration error: who always says the same is calibrated.
    """

    metric: str
    by: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The scores of a simple prediction on the rows of the answer: ``scores`` on the sealed test part.

    ``method`` is "majority class" or "mean", which ``always`` gives the same answer, or "logistic regression"
    ("balanced logistic regression" after balanced training) or "ridge regression". It learned from ``rows`` rows. Of
    several targets the answer is a label for each, by its column.
    """

    method: str
    always: Always | None = None
    rows: int
    scores: Scores
    validation: Scores
    lead: Lead | None = None

    def to_record(self) -> dict[str, Any]:
        """Plain data: the scores stand beside the rest, as in a part of ``best``."""
        record = {"method": self.method, "always": self.always, "rows": self.rows}
        lead = None if self.lead is None else asdict(self.lead)
        return {**record, **self.scores, "validation": dict(self.validation), "lead": lead}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The baseline that ``to_record`` wrote."""
        own = {"method", "always", "rows", "validation", "lead"}
        plain = {name: value if name == "always" else numbers(value) for name, value in record.items()}
        lead = plain["lead"]
        return cls(
            method=plain["method"],
            always=plain["always"],
            rows=plain["rows"],
            scores={name: value for name, value in plain.items() if name not in own},
            validation=plain["validation"],
            lead=None if lead is None else Lead(**known(Lead, lead)),
        )


@dataclass(frozen=True, kw_only=True)
class TargetScores:
    """The scores of one of several targets on the sealed test part, of which ``rows`` have its second label.

    ``labels`` are both, the second the one that probabilities are of; ``majority`` is the accuracy of always saying the
    label that is more frequent in training. ``f1`` is of the second label, None where no row has it or is given it.
    """

    column: str
    labels: Sequence[Label]
    rows: int
    accuracy: float
    majority: float
    f1: float | None
    log_loss: float


@dataclass(frozen=True)
class Mistaken:
    """A number of ``rows`` of one class that were taken for another."""

    true: Label
    predicted: Label
    rows: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The classes that the sealed test part has, and those that were predicted: ``rows`` of each class, and how many
    of them are ``right``.

    ``pairs`` are the mistakes, the most frequent first; ``matrix`` has a row a true class and a column a predicted one,
    and is None where there are more than a hundred classes.
    """

    classes: Sequence[Label]
    rows: Sequence[int]
    right: Sequence[int]
    pairs: Sequence[Mistaken]
    matrix: Sequence[Sequence[int]] | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The confusion that ``asdict`` made plain."""
        plain = known(cls, record)
        return cls(**plain | {"pairs": [Mistaken(**known(Mistaken, pair)) for pair in plain["pairs"]]})


@dataclass(frozen=True)
class Column:
    """A column that the network sees; ``importance`` is how much worse the study's metric gets on rows that were not
    trained on when the column is shuffled. None where there was no time to shuffle it alone."""

    name: str
    kind: str
    importance: float | None


@dataclass(frozen=True)
class FrontPoint:
    """A network that none beats in score without more parameters; ``score`` is the smoothed one on validation."""

    trial: int
    score: float
    parameters: int


@dataclass(frozen=True)
class EnsembleResult:
    """A weighted mean of networks; ``trials`` has the share of each trial that networks come from, by its number."""

    networks: int
    trials: Mapping[str, float]
    validation: Scores
    test: Scores | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The ``temperature`` of the model's probabilities, 1 where they are as its networks say them.

    The scores are on so many ``rows`` that the networks had not seen, those ``before`` without the temperature.
    """

    temperature: float
    rows: int
    log_loss: float
    log_loss_before: float
    calibration_error: float
    calibration_error_before: float


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """The result of a study by its ``metric``.

    ``trials`` counts them by how they ended, ``seconds`` is the time that all commands together worked on the study,
    ``spent`` the seconds of training on all threads together, by what they were for (of tables; None for other
    studies), ``model`` the file of the network, ``test_opened`` the times that the sealed rows were scored; None for
    once.
    ``notes`` are those of the study's beginning, on its data and its search, and those on the answer.
    Ask and tell gives ``best`` alone: ``study`` is None there. Only studies of tables have ``finalists``, the best mean
    first, and the ``front``, the best score first. They have a ``baseline`` by the names "majority" and "linear", the
    ``confusion`` of classes on the sealed test part, the ``columns``, the most important first, and by part of the data
    the metrics that are ``undefined`` there, each with its reason. Of two classes the rarer one is ``positive``, which
    average precision is about, and the ``calibration`` is that of the model. Several ``targets`` have scores of each,
    and no confusion. A study that tests an old answer again has its ``retest``. All of these are None for others.
    """

    metric: str
    study: str | None = None
    store: str = ""
    seed: int = 0
    seconds: float | None = None
    spent: Mapping[str, float] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    trials: Mapping[str, int] = field(default_factory=dict)
    best: BestTrial
    finalists: Sequence[Finalist] | None = None
    front: Sequence[FrontPoint] | None = None
    model: str | None = None
    test_opened: int | None = None
    ensemble: EnsembleResult | None = None
    baseline: Mapping[str, Baseline] | None = None
    confusion: Confusion | None = None
    columns: Sequence[Column] | None = None
    undefined: Mapping[str, Mapping[str, str]] | None = None
    positive: Label | None = None
    calibration: Calibration | None = None
    targets: Sequence[TargetScores] | None = None
    retest: Retest | None = None
    notes: tuple[str, ...] = ()

    @property
    def test(self) -> Scores | None:
        """The scores of the model on the sealed test: of the ensemble, where it is one, else of the best network."""
        return self.best.test if self.ensemble is None or self.ensemble.test is None else self.ensemble.test

    @property
    def validation(self) -> Scores | None:
        """The scores of the model on rows that its networks had not seen; see ``test``."""
        return self.best.validation if self.ensemble is None else self.ensemble.validation

    def to_record(self) -> dict[str, Any]:
        """Plain data: the JSON object of ``caviar tune --json``."""
        record = asdict(self)
        del record["metric"]
        record["best"] = self.best.to_record(self.metric)
        record["notes"] = list(self.notes)
        if self.front is not None:
            record["front"] = [
                {"trial": one.trial, self.metric: one.score, "parameters": one.parameters} for one in self.front
            ]
        if self.baseline is not None:
            record["baseline"] = {name: one.to_record() for name, one in self.baseline.items()}
        for name in (
            "finalists",
            "front",
            "ensemble",
            "baseline",
            "confusion",
            "columns",
            "undefined",
            "positive",
            "calibration",
            "targets",
            "test_opened",
            "spent",
            "retest",
        ):
            if record[name] is None:
                del record[name]
        return record if self.study is not None else {"best": record["best"]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], metric: str) -> Self:
        """The result that ``to_record`` wrote, of a study by ``metric``; older versions left keys out.

        The store keeps NaN as a text, which becomes a number again.
        """
        plain = known(cls, record) | {"metric": metric, "best": BestTrial.from_record(record["best"], metric)}
        plain["notes"] = tuple(plain.get("notes", ()))
        if "finalists" in plain:
            plain["finalists"] = [Finalist(**known(Finalist, numbers(one))) for one in plain["finalists"]]
        if "front" in plain:
            points = numbers(plain["front"])
            plain["front"] = [FrontPoint(point["trial"], point[metric], point["parameters"]) for point in points]
        if "baseline" in plain:
            plain["baseline"] = {name: Baseline.from_record(one) for name, one in plain["baseline"].items()}
        if "confusion" in plain:
            plain["confusion"] = Confusion.from_record(plain["confusion"])
        if "columns" in plain:
            plain["columns"] = [
                Column(str(one["name"]), one["kind"], numbers(one["importance"])) for one in plain["columns"]
            ]
        if "retest" in plain:
            plain["retest"] = Retest.from_record(numbers(plain["retest"]))
        if "ensemble" in plain:
            plain["ensemble"] = EnsembleResult(**known(EnsembleResult, numbers(plain["ensemble"])))
        if "calibration" in plain:
            plain["calibration"] = Calibration(**known(Calibration, numbers(plain["calibration"])))
        if "targets" in plain:
            plain["targets"] = [
                TargetScores(**known(TargetScores, numbers(one) | {"column": one["column"], "labels": one["labels"]}))
                for one in plain["targets"]
            ]
        return cls(**plain)
