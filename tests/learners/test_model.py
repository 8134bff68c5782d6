"""Predicting, and a file that keeps what it got and refuses all else."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import pickle
import random
import re
import stat
import struct
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from caviar import files
from caviar.data.learning import learn
from caviar.errors import CaviarWarning, ConfigError, DataError, ModelError
from caviar.learners.contract import Arrays
from caviar.learners.dense.predictor import DensePredictor, fold
from caviar.learners.model import Model, load
from caviar.nn.architecture import Architecture
from caviar.nn.network import scores
from caviar.nn.state import State
from tests.learners.contract import trained

ENTRIES = ("network.json", "preprocessing.json", "facts.json", "weights.safetensors")


def frame(m: int = 60) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    colours = rng.choice(["red", "green", "blue"], m)
    features = pd.DataFrame({"size": rng.normal(size=m), "colour": colours, "ripe": rng.random(m) < 0.5})
    return features, pd.Series(rng.choice(["acer", "rosa", "salix"], m), name="species")


def flowers() -> Model:
    """A model of a table, with batch norm, text columns and text labels."""
    preprocessing = learn(*frame())
    architecture = Architecture(preprocessing.n_in, len(preprocessing.classes), (8, 5))
    weights = fold(architecture, trained(architecture, seed=1, steps=20), 20)
    return Model(DensePredictor(architecture, weights), preprocessing, {"study": "flowers", "loss": float("nan")})


def network_of(model: Model) -> tuple[Architecture, Arrays]:
    """The dense network in a model."""
    assert isinstance(model.network, DensePredictor)
    return model.network.architecture, model.network.weights


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "flowers.caviar"
    flowers().save(path)
    return path


def test_a_diverged_network_folds_but_is_neither_saved_nor_believed(tmp_path: Path) -> None:
    architecture = Architecture(2, 2, (3,))
    arrays = trained(architecture, 0, 1)
    arrays["layer1.w"][0, 0] = np.inf
    arrays["layer2.b"][0] = 1e300
    model = Model(DensePredictor(architecture, fold(architecture, arrays, 1)))
    with pytest.raises(DataError, match="row 1 has no finite answer"):
        model.predict(np.ones((2, 2)))
    with pytest.raises(ModelError, match="diverged"):
        model.save(tmp_path / "x.caviar")
    assert list(tmp_path.iterdir()) == []


# --- predicting ---


@pytest.mark.parametrize(
    "labels", [["a", "b\0", "ü"], [3, -1, 2**40], [False, True]], ids=["text", "integers", "booleans"]
)
def test_labels_keep_their_type(labels: list[Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4))
    preprocessing = learn(pd.DataFrame(x, columns=list("abcd")), pd.Series(labels * (60 // len(labels)), name="y"))
    architecture = Architecture(4, len(labels), (5,))
    model = Model(DensePredictor(architecture, fold(architecture, trained(architecture, 0, 9), 9)), preprocessing)
    model.save(tmp_path / "m.caviar")
    for one in (model, load(tmp_path / "m.caviar")):
        proba = one.predict_proba(x)
        assert proba.shape == (60, len(labels))
        assert proba.dtype == np.float64
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=0, atol=1e-14)
        predicted = one.predict(x).tolist()
        assert predicted == [one.classes[k] for k in proba.argmax(axis=1)]
        assert set(map(type, predicted)) == {type(labels[0])}
        assert set(predicted) <= set(labels)


def test_frames_arrays_and_files_give_the_same_answers(tmp_path: Path) -> None:
    model, (features, target) = flowers(), frame()
    expected = model.predict_proba(features)
    features.assign(species=target).to_csv(tmp_path / "new.csv", index=False)  # the target may be there
    features[["ripe", "colour", "size"]].to_parquet(tmp_path / "new.parquet")  # and the order does not matter
    for source in (tmp_path / "new.csv", str(tmp_path / "new.parquet"), features.to_numpy()):
        np.testing.assert_allclose(model.predict_proba(source), expected, rtol=1e-12)


def test_what_was_met_is_counted_and_a_table_in_pieces_is_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (features, _) = flowers(), frame()
    features.loc[[3, 40], "size"] = np.nan
    features.loc[[5, 50, 51], "colour"] = "ultraviolet"
    features.loc[[6, 55], "size"] = 1e6
    whole = model.prediction(features)
    monkeypatch.setattr("caviar.learners.model._CELLS", 64)  # 8 rows at once
    pieces = model.prediction(features)
    assert (whole.missing, whole.unknown) == (pieces.missing, pieces.unknown) == (2, {"colour": 3})
    assert whole.outside == pieces.outside == {"size": 2}
    for call in (model.predict, model.predict_proba):
        with pytest.warns(CaviarWarning) as noted:
            call(features)
        assert [warning.filename for warning in noted] == [__file__] * 2
        unknown, outside = [str(warning.message) for warning in noted]
        assert unknown.endswith("which no training row had: 'colour' (3)")
        assert re.match(r"2 numbers are far outside those of training, .*: 'size' \(2\)$", outside)
    np.testing.assert_allclose(pieces.probabilities, whole.probabilities, rtol=1e-12)
    bad = features.astype({"size": object})
    bad.loc[44, "size"] = "broad"
    with pytest.raises(DataError, match="row 45, column 'size'"):
        model.predict(bad)
    with pytest.raises(DataError, match="'colour' is missing"):
        model.predict(features.drop(columns="colour"))


def test_without_preprocessing_numbers_go_in_as_they_are() -> None:
    architecture = Architecture(3, 2, ())
    weights = {"layer1.w": np.eye(3, 2, dtype=np.float32), "layer1.b": np.zeros(2, np.float32)}
    model = Model(DensePredictor(architecture, weights))
    x = np.array([[1, 2, 9], [5, 3, 9]], dtype=np.float32)
    assert model.predict(x).tolist() == [1, 0]
    assert model.classes == (0, 1)
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], 1 / (1 + np.exp([-1, 2])), rtol=1e-12)
    with pytest.raises(DataError, match="takes 3 columns, got 2"):
        model.predict(x[:, :2])
    with pytest.raises(DataError, match="row 2 has no finite answer"):
        model.predict(np.array([[1, 2, 3], [1, np.nan, 3]]))
    with pytest.raises(DataError, match="row 1, column 'x1'"):
        model.predict([["1", "two", "3"]])


def test_a_preprocessing_of_another_training_is_refused() -> None:
    model = flowers()
    other = Architecture(model.network.shape[0], 4, (2,))
    with pytest.raises(ModelError, match="3 classes"):
        Model(DensePredictor(other, fold(other, trained(other, 0, 1), 1)), model.preprocessing)


# --- the file ---


def same(one: Model, other: Model) -> bool:
    (architecture, weights), (other_architecture, other_weights) = network_of(one), network_of(other)
    return (
        architecture == other_architecture
        and one.preprocessing == other.preprocessing
        and files.dumps(one.facts) == files.dumps(other.facts)
        and weights.keys() == other_weights.keys()
        and all(weights[name].tobytes() == other_weights[name].tobytes() for name in weights)
    )


def test_a_model_comes_back_as_it_was(saved: Path) -> None:
    model = flowers()
    assert same(load(saved), model)
    np.testing.assert_array_equal(load(saved).predict_proba(frame()[0]), model.predict_proba(frame()[0]))
    assert load(saved).facts == {"study": "flowers", "loss": "NaN"}
    again = saved.with_name("again.caviar")
    load(saved).save(again)
    assert again.read_bytes() == saved.read_bytes()


def test_any_tool_can_look_inside(saved: Path) -> None:
    with zipfile.ZipFile(saved) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["manifest.json", *ENTRIES]
        manifest = json.loads(opened.read("manifest.json"))
        for name in ENTRIES:
            assert manifest["entries"][name]["sha256"] == hashlib.sha256(opened.read(name)).hexdigest()
        assert json.loads(opened.read("network.json"))["hidden_units"] == [8, 5]


def test_two_hundred_flipped_bits_are_each_found(saved: Path) -> None:
    whole = saved.read_bytes()
    bits = random.Random(2).sample(range(8 * len(whole)), 200)
    headers = [8 * offset for offset in range(30)] + [8 * offset for offset in range(len(whole) - 60, len(whole))]
    for bit in bits + headers:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(damaged)
        with pytest.raises(ModelError):
            load(saved)


def test_a_file_cut_anywhere_or_with_more_behind_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    cuts = [whole[:cut] for cut in range(len(whole))]
    for damaged in [*cuts, whole + b"\0", b"MZ" + whole, whole + whole, whole[:-2] + b"\5\0hello"]:
        saved.write_bytes(damaged)
        with pytest.raises(ModelError):
            load(saved)


def test_a_flip_is_named_by_its_entry_even_where_the_crc_was_mended(saved: Path) -> None:
    entries = contents(saved)
    for name in ENTRIES:
        data = bytearray(entries[name])
        data[len(data) // 2] ^= 1
        rewrite(saved, {**entries, name: bytes(data)})  # a correct CRC, a wrong SHA-256
        with pytest.raises(ModelError, match=f"its entry {name} is not what the manifest says"):
            load(saved)
        saved.write_bytes(files._zip(entries).replace(entries[name], bytes(data)))
        with pytest.raises(ModelError, match=f"its entry {name} is damaged"):
            load(saved)


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def rewrite(path: Path, entries: dict[str, bytes]) -> None:
    path.write_bytes(files._zip(entries))


def forge(path: Path, name: str, data: bytes) -> None:
    """Another content for one entry, with all the sums right."""
    entries = contents(path)
    del entries["manifest.json"]
    path.write_bytes(files.pack({**entries, name: data}, {"format": 1}))


class Mine:
    """Unpickled, it leaves a file behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.marker),))


@pytest.mark.parametrize("name", ["the whole file", "manifest.json", *ENTRIES])
def test_a_pickle_is_never_run(saved: Path, tmp_path: Path, name: str) -> None:
    marker = tmp_path / "marker"
    bomb = pickle.dumps(Mine(marker))
    if name == "the whole file":
        saved.write_bytes(bomb)
    elif name == "manifest.json":
        rewrite(saved, {**contents(saved), name: bomb})
    else:
        forge(saved, name, bomb)
    with pytest.raises(ModelError):
        load(saved)
    assert not marker.exists()
    pickle.loads(bomb)  # the marker works
    assert marker.exists()


def test_no_code_of_caviar_reads_pickles_or_runs_text() -> None:
    banned_modules = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    banned_calls = {"eval", "exec", "compile", "__import__", "read_pickle"}
    to_children = {"command.py", "host.py"}  # of protocol/: an objective goes from us to our own processes
    for path in sorted((Path(__file__).parents[2] / "src").rglob("*.py")):
        if path.parent.name == "protocol" and path.name in to_children:
            assert "open(" not in path.read_text(encoding="utf-8")  # no file that has a name
            continue
        if path.name == "caviar_sklearn.py":  # copied by users, whose program pickles its own estimator: never ours
            continue
        assert "import caviar_sklearn" not in path.read_text(encoding="utf-8")
        assert "clients.caviar_sklearn" not in path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & banned_modules, where
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in banned_modules, where
            elif isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                own = isinstance(node.func, ast.Name) or name == "read_pickle"  # re.compile is another thing
                assert not (own and name in banned_calls), where
            elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), where
                assert node.value.value is False, where


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "C:\\x", "notes.txt", "weights.safetensors/../x"])
def test_an_entry_that_no_model_has_is_refused(saved: Path, name: str) -> None:
    rewrite(saved, {**contents(saved), name: b"boo"})
    with pytest.raises(ModelError, match="that no model has"):
        load(saved)


@pytest.mark.parametrize("name", ["manifest.json", *ENTRIES])
def test_a_missing_entry_is_named(saved: Path, name: str) -> None:
    entries = contents(saved)
    del entries[name]
    rewrite(saved, entries)
    with pytest.raises(ModelError, match=f"its entry {name} is missing"):
        load(saved)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_bombs_are_refused_before_they_are_read(saved: Path) -> None:
    entries = contents(saved)
    compressed = io.BytesIO()
    with zipfile.ZipFile(compressed, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name, data in {**entries, "facts.json": b"0" * 10_000_000}.items():
            bomb.writestr(name, data)
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as bomb:
        for name, data in [*entries.items(), ("facts.json", b"{}")]:
            bomb.writestr(name, data)
    whole = saved.read_bytes()
    size = struct.pack("<I", len(entries["facts.json"]))
    huge = struct.pack("<I", 2**32 - 2)
    crc = struct.pack("<I", zlib.crc32(entries["facts.json"]))
    claimed = whole.replace(crc + size + size, crc + huge + huge)
    assert claimed != whole
    for data, says in [
        (compressed.getvalue(), "is compressed"),
        (twice.getvalue(), "or one twice"),
        (claimed, "larger than the whole file|cannot be read"),
    ]:
        saved.write_bytes(data)
        with pytest.raises(ModelError, match=says):
            load(saved)


def test_a_file_larger_than_any_model_is_not_read(saved: Path) -> None:
    with saved.open("r+b") as file:
        file.truncate(2**31)  # a hole: it takes no room on the disk
    with pytest.raises(ModelError, match="larger than any model"):
        load(saved)


def test_numbers_that_go_far_out_are_refused_by_earlier_versions(tmp_path: Path) -> None:
    preprocessing = flowers().preprocessing
    assert preprocessing is not None
    model = replace(flowers(), preprocessing=replace(preprocessing, tails=("size",)))
    model.save(tmp_path / "far.caviar")
    assert json.loads(contents(tmp_path / "far.caviar")["manifest.json"])["format"] == 6
    assert load(tmp_path / "far.caviar").preprocessing == model.preprocessing
    flowers().save(tmp_path / "near.caviar")
    assert json.loads(contents(tmp_path / "near.caviar")["manifest.json"])["format"] == 1


def test_a_newer_format_is_refused(saved: Path) -> None:
    entries = contents(saved)
    manifest = json.loads(entries["manifest.json"])
    rewrite(saved, {"manifest.json": json.dumps({**manifest, "format": 7}).encode(), "other": b""})
    with pytest.raises(ModelError, match=r"format 7(?s:.*)upgrade caviar"):
        load(saved)


def _network(**changes: Any) -> bytes:
    architecture = {"n_in": 5, "n_out": 3, "hidden_units": [8, 5]}
    return json.dumps({**architecture, **changes}).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("network.json", _network(n_in=7)),
        ("network.json", _network(n_in=True)),
        ("network.json", _network(hidden_units=[2**40])),
        ("network.json", _network(hidden_units=8)),
        ("network.json", _network(activation="__import__('os')")),
        ("network.json", _network(further=1)),
        ("network.json", _network(**{"company": [{"share": 10**400, "network": {}}]})),
        ("network.json", b"[]"),
        ("network.json", b"NaN"),
        ("network.json", b"[" * 100_000),
        ("network.json", b"1" * 100_000),
        ("preprocessing.json", b"{}"),
        ("preprocessing.json", b"3"),
        ("preprocessing.json", b"\xff\xfe"),
        ("facts.json", b"3"),
        ("weights.safetensors", b""),
        ("weights.safetensors", b"\xff" * 64),
        ("weights.safetensors", struct.pack("<Q", 2) + b"{}"),
    ],
)
def test_entries_with_right_sums_and_wrong_content_are_refused(saved: Path, name: str, data: bytes) -> None:
    forge(saved, name, data)
    with pytest.raises(ModelError) as error:
        load(saved)
    assert len(str(error.value).splitlines()) == 2


def test_weights_that_are_not_finite_or_not_float32_are_refused(saved: Path) -> None:
    from safetensors.numpy import load as tensors
    from safetensors.numpy import save

    weights = tensors(contents(saved)["weights.safetensors"])
    for value in (np.nan, np.inf):
        broken = {**weights, "layer2.b": np.full_like(weights["layer2.b"], value)}
        forge(saved, "weights.safetensors", save(broken))
        with pytest.raises(ModelError, match=r"layer2\.b are not finite"):
            load(saved)
    forge(saved, "weights.safetensors", save({name: w.astype(np.float64) for name, w in weights.items()}))
    with pytest.raises(ModelError, match="float32"):
        load(saved)


def test_a_preprocessing_of_another_network_is_refused(saved: Path) -> None:
    other = learn(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 3.0]}), pd.Series(["x", "y"]))
    forge(saved, "preprocessing.json", files.dumps(other.to_dict()).encode())
    with pytest.raises(ModelError, match="2 inputs and 2 classes"):
        load(saved)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ModelError, match=re.escape(f"{str(path)!r} is no file")):
            load(path)
    for path in (tmp_path / "none.caviar", tmp_path / ("x" * 300)):
        with pytest.raises(ModelError, match=r"there is no model|cannot be read"):
            load(path)
    for other in (tmp_path / "a\0b", 5, ["m.caviar"]):
        with pytest.raises(ConfigError, match="`path`"):
            load(other)


# --- writing ---


def test_a_model_is_private_and_a_file_that_it_replaces_keeps_its_rights(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    saved.chmod(0o644)
    flowers().save(str(saved))
    assert stat.S_IMODE(saved.stat().st_mode) == 0o644
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("name", ["nowhere/m.caviar", ".", "x" * 300, "a\0b"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"cannot be written(?s:.*)\n"):
        flowers().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_path_without_a_name_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot be written"):
        flowers().save("")


_SAVE_WITHOUT_ROOM = """
import resource, sys
sys.path[:0] = [sys.argv[2]]
from caviar.errors import ModelError
from tests.learners.test_model import flowers
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    flowers().save(sys.argv[1])
except ModelError as error:
    print(error)
"""


def test_a_full_disk_leaves_what_was_there_before(saved: Path) -> None:
    before = saved.read_bytes()
    arguments = [sys.executable, "-c", _SAVE_WITHOUT_ROOM, str(saved), str(Path(__file__).parents[2])]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "cannot be written" in said.stdout, said
    assert "make room" in said.stdout
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_disk_that_fails_late_leaves_what_was_there_before(
    saved: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fail)
        with pytest.raises(ModelError, match="Input/output error"):
            replace(flowers(), facts={"study": "another"}).save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


# --- regression ---


def test_a_model_of_numbers_predicts_in_the_units_of_the_target(tmp_path: Path):
    features, _ = frame()
    target = pd.Series(np.random.default_rng(1).normal(100, 15, len(features)), name="height")
    preprocessing = learn(features, target, regression=True)
    architecture = Architecture(preprocessing.n_in, 1, (8,), output="linear")
    model = Model(DensePredictor(architecture, fold(architecture, trained(architecture, 1, 20), 20)), preprocessing)
    model.save(tmp_path / "height.caviar")
    loaded = load(tmp_path / "height.caviar")
    found = loaded.predict(features)
    folded = replace(architecture, batch_norm=False)
    weights = State({name: w.astype(np.float64) for name, w in network_of(model)[1].items()})
    z = scores(folded, weights, preprocessing.apply(features).astype(np.float64))[:, 0]
    np.testing.assert_allclose(found, z * target.std(ddof=0) + target.mean(), rtol=1e-6)
    assert (found == model.predict(features)).all()
    assert loaded.classes == ()
    assert loaded.prediction(features).probabilities is None
    with pytest.raises(ModelError, match="predicts a number") as error:
        loaded.predict_proba(features)
    assert len(str(error.value).splitlines()) == 2


def test_what_training_did_not_have_is_in_the_notes_of_a_prediction() -> None:
    model = flowers()
    known, _ = frame()
    assert model.prediction(known).notes == ()
    number, text = (next(iter(names)) for names in (model.preprocessing.numbers, model.preprocessing.text_columns))
    strange = known.assign(**{number: known[number] * 1e6})
    strange.loc[0, text] = "never seen"
    unknown, outside = model.prediction(strange).notes
    assert unknown == "1 unknown category, which no training row had: 'colour' (1)"
    assert "far outside those of training" in outside
