"""A run of a network for several targets: trained, turned, replayed and saved as that of one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from caviar.errors import ConfigError
from caviar.learners.model import load
from caviar.runs.knobs import check_turn
from caviar.runs.replay import replay
from tests.data.test_several import TOPICS, articles
from tests.runs.conftest import CONFIG, Pond
from tests.study.test_several import bits_of


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")
def test_a_run_of_several_targets_is_turned_scored_saved_and_replayed(pond: Pond, balance: bool):
    data, test = pond.folder / "articles.csv", pond.folder / "test.csv"
    articles().to_csv(data, index=False)
    articles(150, seed=5).to_csv(test, index=False)
    asked = {"data": str(data), "test": str(test), "target": tuple(TOPICS), "out": str(pond.folder)}
    config = CONFIG | ({"class_weights": "balanced"} if balance else {})

    def turn(epoch, intervene) -> None:
        if epoch.measurement.clock.epoch == 2:
            intervene("turn", {"learning_rate": 0.003}, "the test")

    end = pond.run_one(turn, config=config, balance=balance, **asked)
    run = pond.runs().run("wine")
    assert run.spec.target == tuple(TOPICS)
    rows, scores = articles(150, seed=5), end.summary["test"]
    model = load(pond.folder / "wine.caviar")
    labels, p = model.predict(rows), model.predict_proba(rows)
    said = bits_of(labels.assign(science=labels["science"] == "True"))  # in a CSV file it is text
    assert scores["hamming_accuracy"] == pytest.approx(1 - oracle.hamming_loss(bits_of(rows), said))
    assert scores["exact_match"] == pytest.approx(oracle.accuracy_score(bits_of(rows), said))
    each = [oracle.log_loss(bits_of(rows)[:, k], p[:, k]) for k in range(3)]
    assert scores["log_loss"] == pytest.approx(np.mean(each))
    for name in ("hamming_accuracy", "exact_match", "f1_macro", "log_loss"):
        assert scores[f"{name}_low"] <= scores[name] <= scores[f"{name}_high"], name
    assert [one["column"] for one in end.summary["targets"]] == TOPICS
    *_, again = replay("wine", pond.store)
    assert again.summary["same_bits"]
    with pytest.raises(ConfigError, match="learning_rate must be"):
        check_turn(run, {"learning_rate": -1.0})


def test_rows_in_files_are_refused(pond: Pond):
    articles().to_csv(pond.folder / "articles.csv", index=False)
    with pytest.raises(ConfigError, match="several targets need their rows in memory\nleave `mapped=True` out"):
        list(pond.begin(data=str(pond.folder / "articles.csv"), target=tuple(TOPICS), mapped=True))
