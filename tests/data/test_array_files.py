"""Arrays from files and from memory: names of keys, byte order, masks, objects."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import caviar
from caviar.data.array_files import keys_of, only_features
from caviar.data.dataset import prepare
from caviar.data.digest import digest
from caviar.data.read import read, read_features
from caviar.errors import DataError
from caviar.learners.dense.fit import train

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), np.arange(60) % 2
NAMES = [
    ("x_train", "y_train", "x_test", "y_test"),
    ("X_train", "y_train", "X_test", "y_test"),
    ("train_x", "train_y", "test_x", "test_y"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("trainX", "trainY", "testX", "testY"),
    ("XTrain", "YTrain", "XTest", "YTest"),
    ("xtrain", "ytrain", "xtest", "ytest"),
    ("train_data", "train_targets", "test_data", "test_targets"),
    ("train_set_x", "train_set_y", "test_set_x", "test_set_y"),
    ("X_tr", "y_tr", "X_te", "y_te"),
    ("features_training", "labels_training", "features_testing", "labels_testing"),
]


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names[0])
@pytest.mark.parametrize("named", [True, False])
def test_the_test_part_of_a_file_is_sealed(tmp_path: Path, names: tuple[str, ...], named: bool) -> None:
    np.savez(tmp_path / "d.npz", **dict(zip(names, (X[:50], Y[:50], X[50:], Y[50:]), strict=True)))
    dataset = prepare(read(tmp_path / "d.npz", names[1] if named else None), seed=0)
    sizes = (len(dataset.train), len(dataset.validation), dataset.test.rows)
    assert sizes == (40, 10, 10)
    assert np.array_equal(dataset.test.open().y, Y[50:])
    assert dataset.sha256 == digest(read((X[:50], Y[:50])), read((X[50:], Y[50:])))


def test_keys_that_are_not_used_are_named_and_a_test_file_stands_above(tmp_path: Path) -> None:
    parts = {"x_train": X[:40], "y_train": Y[:40], "x_val": X[40:], "y_val": Y[40:], "x_test": X[40:]}
    np.savez(tmp_path / "d.npz", **parts, names=["a", "b", "c"])
    table = read(tmp_path / "d.npz")
    assert table.warnings[0] == "not used, of the arrays in the file: 'x_val', 'y_val', 'x_test'"
    assert table.test is None
    np.savez(tmp_path / "d.npz", **parts, y_test=Y[40:])
    dataset = prepare(read(tmp_path / "d.npz"), seed=0, test=read((X[:30], Y[:30])))
    assert dataset.test.rows == 30
    assert any("is not used, for there is another: arrays" in note for note in dataset.warnings)


@pytest.mark.parametrize(
    ("keys", "target", "found"),
    [
        (["x", "y"], None, ("x", "y")),
        (["X", "Y"], None, ("X", "Y")),
        (["images", "labels", "classes"], None, ("images", "labels")),
        (["inputs", "targets"], None, ("inputs", "targets")),
        (["pixels", "species"], "species", ("pixels", "species")),
        (["x_train", "y_train", "x_test", "y_test"], "y_test", ("x_test", "y_test")),
        (["x_train", "y"], None, ("x_train", "y")),
    ],
)
def test_usual_names(keys: list[str], target: str | None, found: tuple[str, str]) -> None:
    assert keys_of(dict.fromkeys(keys), target).train == found


def test_names_that_leave_a_choice_are_refused() -> None:
    for keys in (["x_train", "images_train", "y_train"], ["y_train", "z"]):
        with pytest.raises(DataError, match="features of 'y_train' must be one array called x_train, X_train"):
            keys_of(dict.fromkeys(keys), None)
    with pytest.raises(DataError, match="one array of labels called y, labels, target, y_train"):
        keys_of(dict.fromkeys(["x_train", "y_train", "labels_train"]), None)
    with pytest.raises(DataError, match="one array of features to predict, got 'x_train', 'x_test'"):
        only_features(dict.fromkeys(["x_train", "y_train", "x_test"]))
    assert only_features(dict.fromkeys(["x_test", "y_test"])) == "x_test"


@given(st.dictionaries(st.text(max_size=12), st.none(), max_size=4))
def test_strange_names_are_refused_or_found_and_never_crash(arrays: dict) -> None:
    for action in (lambda: keys_of(arrays, None), lambda: only_features(arrays)):
        with suppress(DataError):
            action()


def big(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder(">"))


@pytest.mark.filterwarnings("ignore:the network is no better:caviar.CaviarWarning")  # the labels are noise
@pytest.mark.filterwarnings("ignore:the network:caviar.CaviarWarning")  # that it is no good after two trials
def test_the_other_byte_order_is_the_same_table(tmp_path: Path) -> None:
    expected = digest(read((X, Y)))
    frame = pd.DataFrame({f"x{i}": big(X[:, i]) for i in range(3)})
    np.savez(tmp_path / "d.npz", x=big(X), y=big(Y))
    np.save(tmp_path / "x.npy", big(X))
    np.save(tmp_path / "y.npy", big(Y))
    for table in (
        read((big(X), big(Y))),
        read((frame, pd.Series(big(Y)))),
        read((frame, pd.DataFrame({"label": big(Y)}))),
        read(frame.assign(label=big(Y)), "label"),
        read(tmp_path / "d.npz"),
        read(tmp_path / "x.npy", labels=tmp_path / "y.npy"),
    ):
        assert digest(table) == expected
        assert prepare(table, 0, read((big(X), big(Y)))).test.rows == 60
    study = caviar.tune((X, Y), trials=2, store=None, threads=1)
    model = study.best.model
    for source in (big(X), frame, tmp_path / "d.npz", tmp_path / "x.npy"):
        assert np.array_equal(model.predict_proba(source), model.predict_proba(X))
    config = {"layers": 1, "hidden_units": 4}
    for x, y in ((X.astype("f4"), Y), (X.astype("f4"), Y.astype("f4"))):
        one, two = train(x, y, config, epochs=1), train(big(x), big(y), config, epochs=1, validation=(big(x), big(y)))
        assert one.history["train_loss"].tolist() == two.history["train_loss"].tolist()


def test_objects_in_memory_are_what_they_hold_and_in_a_file_are_refused_by_name(tmp_path: Path) -> None:
    table = read((X.astype(object), np.array(["a", "b"], dtype=object)[Y]))
    assert set(table.frame.dtypes) == {np.dtype(float)}
    assert digest(read((X.astype(object), Y.astype(object)))) == digest(read((X, Y)))
    np.savez(tmp_path / "d.npz", x=X, y=Y.astype(object))
    with pytest.raises(DataError, match=r"the array 'y' holds Python objects .* pickle"):
        read(tmp_path / "d.npz")
    np.savez(tmp_path / "d.npz", x=X, y=Y, feature_names=np.array(["a", "b", "c"], dtype=object))
    assert len(read(tmp_path / "d.npz").frame) == 60, "an array that nobody needs may hold anything"


def test_what_a_mask_hides_is_missing() -> None:
    x = np.ma.masked_array(X, X > 1)
    assert np.array_equal(read((x, Y)).frame.isna().to_numpy(), X > 1)
    whole = np.ma.masked_array(np.arange(60), np.arange(60) == 7)
    assert read_features(whole).frame.isna().sum().item() == 1
    with pytest.raises(DataError, match="1 of 60 rows have none in 'label', the first is row 8"):
        read((X, whole))
    with pytest.raises(DataError, match="sparse csr_matrix"):
        read((scipy.sparse.csr_matrix(X), Y))
