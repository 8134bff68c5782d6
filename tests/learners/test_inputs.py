"""Texts of a table as networks are fed them: nothing of a row's own target, and nothing of rows that are held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from caviar.data.dataset import Dataset, prepare
from caviar.data.examples import Examples
from caviar.data.read import read
from caviar.learners.contract import Keys, TrainingData, never
from caviar.learners.dense import inputs, native, reference
from caviar.learners.dense.inputs import encoding_of, rows_of, training_rows_of
from caviar.learners.dense.learner import DenseLearner, architecture_of
from caviar.learners.model import Model, load
from caviar.nn import text_statistics
from caviar.nn.encoding import ENCODINGS

CONFIG = {"hidden_units": 16, "layers": 1, "learning_rate": 0.01, "batch_size": 64}


def many_texts(says: float, rows: int = 3000, texts: int = 700) -> Dataset:
    """Classes that the text says something of, or, at 0, nothing."""
    rng = np.random.default_rng(5)
    who = rng.integers(0, texts, rows)
    y = says * rng.normal(size=texts)[who] + rng.normal(size=rows) > 0
    texts_and_numbers = {"who": [f"w{number}" for number in who], "n": rng.normal(size=rows)}
    return prepare(read(pd.DataFrame(texts_and_numbers | {"y": np.where(y, "yes", "no")}), "y"), 1)


@pytest.fixture
def numbers() -> Dataset:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(600, 3))
    table = pd.DataFrame(x, columns=["a", "b", "c"]).assign(y=np.where(x.sum(axis=1) > 0, "yes", "no"))
    return prepare(read(table, "y"), 1)


def gap(dataset: Dataset, engine: str, epochs: int) -> float:
    """The accuracy in training less that in validation."""
    data = TrainingData.of(dataset)
    training = DenseLearner(engine).start(CONFIG, data, Keys.of(1))
    training.train(epochs, never())
    scores = [training.evaluate(part).scores["accuracy"] for part in (data.training, data.validation)]
    return scores[0] - scores[1]


@pytest.mark.parametrize(("engine", "module"), [("native", native), ("reference", reference)])
def test_a_random_target_cannot_be_learned_from_random_texts(
    engine: str, module: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(text_statistics, "_rows_to_count", lambda *_: 1.0)  # as if they said much
    dataset = many_texts(says=0)
    data = TrainingData.of(dataset)
    for part in (data.training, data.validation):  # the columns of single texts can be learned by heart: not these
        part.cells[:, 1] = -1
    assert abs(gap(dataset, engine, 6)) < 0.06
    monkeypatch.setattr(module, "training_rows_of", rows_of)
    fresh = replace(dataset, train=data.training.take(np.arange(len(data.training))))
    assert gap(fresh, engine, 6) > 0.12, "means that have the row itself in them are learned at once"


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("texts", [False, True])
def test_networks_keep_no_encoded_rows(texts: bool, engine: str, numbers: Dataset):
    """Of each part the numbers of its texts are kept, once for all kinds of encodings, and of the rows no copy."""
    data = TrainingData.of(many_texts(says=1) if texts else numbers)
    for kind in ENCODINGS:
        network = DenseLearner(engine).start(CONFIG | {"encoding": kind, "bins": 8}, data, Keys.of(1))
        network.train(2, never())
        network.evaluate(data.validation)
        network.predictor()
    for part in (data.training, data.validation):
        assert np.shares_memory(rows_of(architecture_of(CONFIG, data)[0], part).cells, part.cells)
        assert [array.shape[1] for array in inputs._texts.get(part, {}).values()] == ([2] if texts else [])


def test_texts_that_say_something_are_of_use():
    dataset = many_texts(says=1.5)
    data = TrainingData.of(dataset)
    with_texts = DenseLearner().start(CONFIG, data, Keys.of(1))
    plain = [Examples(part.x, part.y) for part in (data.training, data.validation)]
    without = DenseLearner().start(CONFIG, TrainingData(*plain, 2), Keys.of(1))
    for training in (with_texts, without):
        training.train(5, never())
    losses = [t.evaluate(data.validation).loss for t in (with_texts, without)]
    assert losses[0] < losses[1] - 0.05


def test_what_is_learned_depends_on_the_training_rows_alone_and_anew_in_each_fold():
    pool = many_texts(says=1).train_and_validation()
    folds = np.arange(len(pool)) % 3
    learned = []
    for k in range(3):
        training = pool.take(np.flatnonzero(folds != k))
        flipped = Examples(pool.x, np.where(folds == k, 1 - pool.y, pool.y).astype(np.int32), pool.codes)
        learned.append(encoding_of(training, "standard", 16))
        assert encoding_of(flipped.take(np.flatnonzero(folds != k)), "standard", 16) == learned[-1]
    assert len(set(learned)) == 3


def test_training_rows_are_hidden_their_target_wherever_they_are_scored():
    data = TrainingData.of(many_texts(says=1))
    architecture, _ = architecture_of(CONFIG, data)
    before = rows_of(architecture, data.training)
    training = training_rows_of(architecture, data.training)
    assert (training.texts != before.texts).any()
    assert rows_of(architecture, data.training).texts is training.texts
    again = data.training.take(np.arange(len(data.training)))  # other examples, of the same rows
    np.testing.assert_array_equal(rows_of(architecture, again).texts, before.texts)


@pytest.mark.parametrize("encoding", ["standard", "quantile_bins"])
def test_a_model_keeps_its_texts(encoding: str, tmp_path: Path):
    dataset = many_texts(says=1)
    training = DenseLearner().start(CONFIG | {"encoding": encoding}, TrainingData.of(dataset), Keys.of(1))
    training.train(2, never())
    model = Model(training.predictor(), dataset.preprocessing)
    model.save(tmp_path / "m.caviar")
    new = pd.DataFrame({"who": ["w1", "w1", "w699", "never seen", "w2"], "n": [0.0] * 5})
    found = load(tmp_path / "m.caviar").predict_proba(new)
    np.testing.assert_array_equal(found, model.predict_proba(new))
    assert len(np.unique(found[:, 0])) == 4
    scored = training.evaluate(dataset.validation).loss
    p = model.network.outputs(dataset.validation.x)[np.arange(len(dataset.validation)), dataset.validation.y]
    assert -np.log(p).mean() == pytest.approx(scored, rel=1e-4)


def test_resumed_to_the_same_bits():
    data = TrainingData.of(many_texts(says=1))
    learner = DenseLearner()
    whole = learner.start(CONFIG, data, Keys.of(1))
    whole.train(2, never())
    half = learner.start(CONFIG, data, Keys.of(1))
    half.train(1, never())
    fresh = TrainingData(*(part.take(np.arange(len(part))) for part in (data.training, data.validation)), 2)
    rest = learner.start(CONFIG, fresh, Keys.of(1), half.state())
    rest.train(2, never())
    for name, array in whole.state().items():
        np.testing.assert_array_equal(rest.state()[name], array)
