"""The whole way from a table to sealed examples."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from caviar.data.dataset import Dataset, prepare
from caviar.data.digest import digest
from caviar.data.examples import Examples, Sealed
from caviar.data.learning import learn
from caviar.data.read import read, read_features
from caviar.data.split import split
from caviar.data.table import Table
from caviar.errors import DataError, SealBroken

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(100, 3)), np.arange(100) % 3
EXAMPLES = Examples(np.ones((7, 2), dtype=np.float32), np.zeros(7, dtype=np.int32))


def test_the_seal_opens_once() -> None:
    sealed = Sealed(EXAMPLES)
    copied = copy.copy(sealed)
    deep = copy.deepcopy(Dataset("d", EXAMPLES, EXAMPLES, sealed, None, "")).test  # type: ignore[arg-type]
    assert deep is not None
    assert sealed.open() is EXAMPLES
    for spent in (sealed, copied, deep):
        with pytest.raises(SealBroken, match="7 rows"):
            spent.open()


def test_the_seal_shows_its_size_only() -> None:
    sealed = Sealed(EXAMPLES)
    assert (repr(sealed), sealed.rows) == ("Sealed(7 rows)", 7)
    reached = [getattr(sealed, name) for name in dir(sealed) if name != "__class__"]
    reached += [getattr(value, "__self__", None) for value in reached]
    assert not any(value is EXAMPLES or (isinstance(value, list) and EXAMPLES in value) for value in reached)
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(sealed)


def test_engines_do_not_pay_for_pandas() -> None:
    code = "import sys, caviar.data.dataset, caviar.data.batches; print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"False"


def test_three_parts() -> None:
    dataset = prepare(read((X, Y)), seed=1)
    parts = split(Y, seed=1)
    training = pd.DataFrame(X[parts.train], columns=["x0", "x1", "x2"])
    preprocessing = learn(training, pd.Series(Y[parts.train], name="label"))
    assert dataset.preprocessing == preprocessing, "learned on the training rows, and on nothing else"
    assert dataset.test is not None
    test = dataset.test.open()
    for examples, rows in ((dataset.train, parts.train), (dataset.validation, parts.validation), (test, parts.test)):
        assert np.array_equal(examples.y, Y[rows])
        z = (X[rows] - X[parts.train].mean(axis=0)) / X[parts.train].std(axis=0)
        assert np.allclose(examples.x, z, atol=1e-6)
        assert examples.x.dtype == np.float32
        assert examples.y.dtype == np.int32
        assert examples.x.flags.c_contiguous
    sizes = {
        "task": "classification",
        "rows": 100,
        "features": 3,
        "classes": 3,
        "train": 60,
        "validation": 20,
        "test": 20,
    }
    assert {k: v for k, v in dataset.facts.items() if k != "sha256"} == sizes
    assert len(str(dataset.facts["sha256"])) == 64


def test_training_and_validation_together_are_no_copy() -> None:
    rng = np.random.default_rng(0)
    found = prepare(read((rng.normal(size=(100, 3)), rng.normal(size=100))), 0)
    both = found.train_and_validation()
    assert found.train_and_validation() is both
    for part, rows in ((found.train, slice(None, 60)), (found.validation, slice(60, None))):
        assert np.shares_memory(part.x, both.x)
        np.testing.assert_array_equal(part.y, both.y[rows])


def test_what_is_outside_training_teaches_nothing() -> None:
    parts = split(Y, seed=1)
    changed = X.copy()
    changed[np.concatenate([parts.validation, parts.test])] = 1e6
    one, two = prepare(read((X, Y)), seed=1), prepare(read((changed, Y)), seed=1)
    assert one.preprocessing == two.preprocessing
    assert np.array_equal(one.train.x, two.train.x)
    assert one.facts["sha256"] != two.facts["sha256"]


def test_a_test_file_of_its_own() -> None:
    own = read((X[:10], Y[:10]))
    dataset = prepare(read((X[10:], Y[10:])), seed=1, test=own)
    assert dict(dataset.facts) | {"sha256": ""} == {
        "task": "classification",
        "rows": 100, "features": 3, "classes": 3, "train": 72, "validation": 18, "test": 10, "sha256": "",
    }  # fmt: skip
    assert dataset.test is not None
    opened = dataset.test.open()
    assert np.array_equal(opened.y, Y[:10]), "the whole file, in its order"
    assert np.array_equal(opened.x, dataset.preprocessing.apply(own.frame))


def test_a_test_file_that_does_not_fit() -> None:
    table = read((X, Y))
    with pytest.raises(DataError, match=r"in the test file arrays: .* is 9"):
        prepare(table, seed=0, test=read((X[:2], [0, 9])))
    with pytest.raises(DataError, match=r"in the test file arrays: .*'x2' is missing"):
        prepare(table, seed=0, test=read((X[:3, :2], [0, 1, 2])))
    with pytest.raises(DataError, match="must have labels"):
        prepare(read_features(X), seed=0)


def tables() -> dict[str, Table]:
    frame = pd.DataFrame({"a": [1.5, np.nan, 3.0], "b": ["p", np.nan, "q"], "y": ["u", "v", "u"]})
    return {
        "itself": read(frame, "y"),
        "a number": read(frame.assign(a=[1.5, np.nan, 3.25]), "y"),
        "filled": read(frame.assign(a=[1.5, 0.0, 3.0]), "y"),
        "a text": read(frame.assign(b=["p", "", "q"]), "y"),
        "a name": read(frame.rename(columns={"a": "A"}), "y"),
        "the order of rows": read(frame.iloc[[2, 1, 0]], "y"),
        "the order of columns": read(frame[["b", "a", "y"]], "y"),
        "a label": read(frame.assign(y=["u", "v", "v"]), "y"),
        "kind of label": read(frame.assign(y=[0, 1, 0]), "y"),
        "labels as text": read(frame.assign(y=["0", "1", "0"]), "y"),
        "kind of label again": read(frame.assign(y=[False, True, False]), "y"),
        "shifted text": read(frame.assign(b=pd.Series(["pq", None, ""])), "y"),
        "no labels": read_features(frame.drop(columns="y")),
    }


def test_the_hash_sees_every_change_and_nothing_else() -> None:
    found = {name: digest(table) for name, table in tables().items()}
    assert len(set(found.values())) == len(found), found
    assert found == {name: digest(table) for name, table in tables().items()}
    whole = pd.DataFrame({"a": [0, 1, 255], "y": [1, 0, 1]})
    assert digest(read(whole, "y")) == digest(read(whole.astype({"a": np.uint8, "y": float}), "y"))
    assert digest(read(whole.assign(a=[-0.0, 1.5, 2]), "y")) == digest(read(whole.assign(a=[0.0, 1.5, 2]), "y"))
    assert digest(read(whole, "y")) != digest(read(whole, "y"), read(whole, "y"))
