"""Score on labels that a new table has: in files and frames, held to what one counts by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, log_loss, r2_score, roc_auc_score

from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.learners.correction import PLAIN, Correction
from caviar.learners.dense.predictor import DensePredictor, fold
from caviar.learners.known_labels import KnownLabels
from caviar.learners.model import Model
from caviar.nn.architecture import Architecture
from tests.learners.contract import trained

RNG = np.random.default_rng(0)
X = RNG.normal(size=120).round(3)
PRICE = (20 + 3 * X + RNG.normal(size=120)).round(1)
LABELS = {
    "text": np.where(X > 0, "up", "down").astype(object),
    "whole": np.where(X > 0, 1, 2),
    "leading zeros": np.where(X > 0, "01", "02").astype(object),
    "truth": X > 0,
    "number": PRICE,
    "price": np.array([f"{v:.1f} €".replace(".", ",") for v in PRICE], dtype=object),
}


def model(kind: str) -> tuple[Model, pd.DataFrame]:
    frame = pd.DataFrame({"x": X, "z": RNG.normal(size=120), "y": LABELS[kind]})
    learned = prepare(read(frame, "y"), 0).preprocessing
    output = "linear" if learned.regression else "softmax"
    architecture = Architecture(learned.n_in, learned.n_out, (4,), output=output)
    return Model(DensePredictor(architecture, fold(architecture, trained(architecture, 1, 9), 9)), learned), frame


@pytest.mark.parametrize("kind", LABELS)
def test_the_score_is_that_of_the_predictions(tmp_path: Path, kind: str) -> None:
    own, frame = model(kind)
    frame.to_csv(tmp_path / "n.csv", index=False)
    frame.to_parquet(tmp_path / "n.parquet")
    for source in (frame, tmp_path / "n.csv", tmp_path / "n.parquet"):
        found = own.prediction(source)
        assert found.known is not None
        truth = PRICE if own.regression else LABELS[kind]
        if own.regression:
            by_hand = 1 - ((found.labels - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
        else:
            by_hand = (found.labels == truth).mean()
        assert found.known.score == pytest.approx(by_hand, abs=1e-5)
        assert found.known.rows == 120
        assert "on 120 rows that have their label in 'y'" in found.known.note
    assert own.prediction(frame.drop(columns="y")).known is None
    assert own.prediction(frame.drop(columns="y").to_numpy()).known is None


def test_rows_without_a_label_do_not_count_and_strange_labels_are_said() -> None:
    for kind, gap in (("text", None), ("number", np.nan), ("price", "n/a")):
        own, frame = model(kind)
        whole = own.prediction(frame.iloc[40:]).known
        frame["y"] = frame["y"].astype(object).mask(frame.index < 40, gap)
        assert own.prediction(frame).known == whole
        assert own.prediction(frame.iloc[:40]).known is None
    own, frame = model("text")
    found = own.prediction(frame.assign(y="sideways"))
    assert found.known is not None
    assert found.known.score is None
    assert "cannot be compared with the predictions: every label must be one of the 2 classes" in found.known.note
    assert len(found.labels) == 120


def test_a_model_of_an_earlier_version_does_not_know_its_target() -> None:
    own, frame = model("text")
    assert own.preprocessing is not None
    record = own.preprocessing.to_dict()
    assert record.pop("target") == "y"
    old = Model(own.network, type(own.preprocessing).from_dict(record))
    assert old.prediction(frame).known is None
    assert KnownLabels("y", "r2", 0.5, 1).note.startswith("R2 0.5000 on 1 row that has its label in 'y'")


@pytest.mark.parametrize(
    ("kind", "metric", "by_hand"),
    [
        ("text", "roc_auc", lambda truth, p: roc_auc_score(truth == "up", p[:, 1])),
        ("text", "log_loss", lambda truth, p: log_loss(truth == "up", p[:, 1])),
        ("text", "average_precision", lambda truth, p: average_precision_score(truth == "down", p[:, 0])),
        ("number", "mae", lambda truth, z: np.abs(truth - z).mean()),
        ("number", "accuracy", lambda truth, z: r2_score(truth, z)),  # no metric of numbers: the usual one
    ],
)
def test_the_score_is_by_the_metric_of_the_study(kind: str, metric: str, by_hand: Callable[..., float]) -> None:
    own, frame = model(kind)
    correction = PLAIN if own.regression else Correction(temperature=2.0)
    own = replace(own, facts={"metric": metric, "positive": 0}, correction=correction)
    found = own.prediction(frame)
    assert found.known is not None
    said = found.labels if found.probabilities is None else found.probabilities
    assert found.known.score == pytest.approx(by_hand(frame["y"].to_numpy(), said), abs=1e-5)
    assert found.known.metric == ("r2" if metric == "accuracy" else metric)


def test_a_metric_that_has_no_value_on_the_rows_gives_way_to_the_usual_one() -> None:
    own, frame = model("text")
    own = replace(own, facts={"metric": "roc_auc"})
    found = own.prediction(frame[frame["y"] == "up"])
    assert found.known is not None
    assert found.known.metric == "accuracy"
    assert found.known.score == (found.labels == "up").mean()
