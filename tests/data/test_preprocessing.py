"""Held to scikit-learn's imputer, scaler and encoder; and the laws of what may be learned from what."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from caviar.data.learning import learn
from caviar.data.preprocessing import Preprocessing
from caviar.data.strange_cells import Notes
from caviar.errors import DataError, ModelError

CELLS = st.one_of(st.just(np.nan), st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda v: round(v, 3)))
TABLES = arrays(np.float64, st.tuples(st.integers(5, 30), st.integers(1, 5)), elements=CELLS).filter(
    lambda x: any(len(np.unique(column[~np.isnan(column)])) > 1 for column in x.T)
)


def frame_of(x: np.ndarray) -> pd.DataFrame:
    """Numbers, and a column of text made of the first of them."""
    text = [None if np.isnan(v) else "abc"[int(v) % 3] for v in x[:, 0]]
    return pd.DataFrame(x, columns=[f"n{i}" for i in range(x.shape[1])]).assign(text=pd.Series(text, dtype="str"))


def labels_of(m: int) -> pd.Series:
    return pd.Series(np.arange(m) % 2, name="y")


@settings(deadline=None, max_examples=40)
@given(TABLES)
def test_numbers_as_scikit_learn(x: np.ndarray) -> None:
    x[:, np.isnan(x).all(axis=0)] = 0.0
    found = learn(pd.DataFrame(x), labels_of(len(x))).apply(pd.DataFrame(x))
    filled = SimpleImputer(strategy="mean").fit_transform(x)
    filled[:, np.nanmin(x, axis=0) == np.nanmax(x, axis=0)] = 0.0  # else rounding makes noise of a constant
    # the imputer leaves the mean where it is, and the scaler then counts the filled cells: undo that
    share = np.sqrt((~np.isnan(x)).mean(axis=0))
    assert np.allclose(found, StandardScaler().fit_transform(filled) * share, rtol=1e-5, atol=1e-5)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["a", "b", "ç", "d e"]), min_size=5, max_size=40).filter(lambda v: len(set(v)) > 1))
def test_text_as_scikit_learn(values: list[str]) -> None:
    frame = pd.DataFrame({"t": values})
    oracle = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(frame.to_numpy(dtype=object))
    preprocessing = learn(frame, labels_of(len(values)))
    new = pd.DataFrame({"t": [*values, "never seen"]})
    found, notes = preprocessing.apply_with_notes(new)
    assert np.array_equal(found, oracle.transform(new.to_numpy(dtype=object)))
    assert notes == Notes(missing=0, unknown={"t": 1})


def test_training_rows_get_mean_0_and_variance_1() -> None:
    x = np.random.default_rng(0).normal(1e9, 1e-2, (5000, 3)) * [1, 1e-12, 1e12]
    z = learn(pd.DataFrame(x), labels_of(5000)).apply(pd.DataFrame(x))
    assert np.allclose(z.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(z.std(axis=0), 1, atol=1e-4)


@settings(deadline=None, max_examples=40)
@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_rows_teaches_nothing(x: np.ndarray, random: object) -> None:
    order = np.random.default_rng(random.randrange(2**32)).permutation(len(x))  # type: ignore[attr-defined]
    one, two = (learn(frame_of(v), labels_of(len(x))) for v in (x, x[order]))
    assert np.allclose(one.mean, two.mean, rtol=1e-12, atol=1e-6)
    assert np.allclose(one.deviation, two.deviation, rtol=1e-9)
    assert one.texts == two.texts


@settings(deadline=None, max_examples=40)
@given(TABLES, CELLS)
def test_one_row_never_changes_what_another_becomes(x: np.ndarray, cell: float) -> None:
    preprocessing = learn(frame_of(x), labels_of(len(x)))
    whole = preprocessing.apply(frame_of(x))
    other = x.copy()
    other[-1] = cell
    assert np.array_equal(preprocessing.apply(frame_of(other))[:-1], whole[:-1])
    assert np.array_equal(preprocessing.apply(frame_of(x).iloc[[0]]), whole[:1])


@settings(deadline=None, max_examples=40)
@given(TABLES, st.sampled_from([[0, 1], ["a", "b"], [False, True]]))
def test_through_json_and_back(x: np.ndarray, classes: list) -> None:
    frame = frame_of(x)
    preprocessing = learn(frame, pd.Series(np.array(classes, dtype=object)[np.arange(len(x)) % 2]))
    again = Preprocessing.from_dict(json.loads(json.dumps(preprocessing.to_dict(), allow_nan=False)))
    assert again == preprocessing
    assert [type(c) for c in again.classes] == [type(c) for c in classes]
    assert np.array_equal(again.apply(frame), preprocessing.apply(frame))


FRAME = pd.DataFrame(
    {
        "height": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0],
        "old": [True, False, True, False, True, True],
        "colour": ["red", None, "blue", "red", "red", "blue"],
    }
)
LEARNED = learn(FRAME, labels_of(6))


@pytest.mark.parametrize(
    "change",
    ["truncate", "text", "infinite", "negative", "foreign", "mixed", "nothing", "gone", "no range", "upside down"],
)
def test_a_damaged_dict_is_refused(change: str) -> None:
    data = LEARNED.to_dict()
    damage = {
        "truncate": {"mean": data["mean"][:1]},
        "text": {"numbers": "ab"},
        "infinite": {"mean": [float("inf"), 0.0]},
        "negative": {"deviation": [-1.0, 0.0]},
        "foreign": {"columns": ["height"]},
        "mixed": {"classes": [1, "a"]},
        "nothing": {"classes": []},
        "gone": {"texts": [{"name": "colour"}]},
        "no range": {"low": [1.0]},
        "upside down": {"low": [9.0, 0.0]},
    }
    with pytest.raises(ModelError, match="damaged"):
        Preprocessing.from_dict(data | damage[change])


def test_shapes_and_notes() -> None:
    assert (LEARNED.n_features, LEARNED.n_in, LEARNED.text_columns) == (3, 5, ("colour",))
    new = pd.DataFrame({"colour": ["green", None], "extra": [1, 2], "old": [np.nan, 1], "height": ["3.6", ""]})
    new.loc[1, "height"] = None
    z, notes = LEARNED.apply_with_notes(new)
    assert notes == Notes(missing=3, unknown={"colour": 1})
    assert np.allclose(z[:, 0], 0, atol=1e-7), "a missing height is the mean, and 3.6 is the mean"
    assert z[:, 2:].tolist() == [[0, 0, 0], [0, 0, 1]], "unknown text is nowhere; missing is a category of its own"


@settings(deadline=None, max_examples=40)
@given(TABLES, TABLES)
def test_numbers_far_outside_those_of_training_are_counted(x: np.ndarray, new: np.ndarray) -> None:
    n = min(x.shape[1], new.shape[1])
    x, new = x[:, :n], new[:, :n]
    if not any(len(np.unique(column[~np.isnan(column)])) > 1 for column in x.T):
        return
    _, notes = learn(pd.DataFrame(x), labels_of(len(x))).apply_with_notes(pd.DataFrame(new))
    for j in range(n):
        seen = [v for v in x[:, j] if v == v] or [0.0]
        reach = 0.5 * (max(seen) - min(seen))
        far = sum(v < min(seen) - reach or v > max(seen) + reach for v in new[:, j])
        assert notes.outside.get(str(j), 0) == far


def test_new_rows_like_those_of_training_are_not_far_outside_and_other_units_are() -> None:
    random = np.random.default_rng(0)
    found = learn(pd.DataFrame({"a": random.normal(20, 8, 240), "b": random.integers(0, 2, 240)}), labels_of(240))
    new = pd.DataFrame({"a": random.normal(20, 8, 400), "b": random.integers(0, 2, 400)})
    assert found.apply_with_notes(new)[1].outside == {}
    fahrenheit = found.apply_with_notes(new.assign(a=new["a"] * 1.8 + 32))[1].outside
    assert list(fahrenheit) == ["a"]
    assert fahrenheit["a"] > 150
    earlier = {key: value for key, value in found.to_dict().items() if key not in ("low", "high")}
    old = Preprocessing.from_dict(earlier)  # a model of an earlier version: beyond 5 standard deviations
    assert old.apply_with_notes(new)[1].outside == {}
    assert old.apply_with_notes(new * 1000)[1].outside == {"a": 400, "b": int(new["b"].sum())}


def test_many_categories_share_one_column() -> None:
    values = [f"c{i:03}" for i in range(120) for _ in range(3 if i >= 30 else 2)]
    preprocessing = learn(pd.DataFrame({"t": values}), labels_of(len(values)))
    (text,) = preprocessing.texts
    assert (len(text.categories), text.other, text.missing) == (100, True, False)
    assert {f"c{i:03}" for i in range(30, 120)} < set(text.categories)
    z = preprocessing.apply(pd.DataFrame({"t": ["c000", "c029", "c119", "new"]}))
    assert z[:, :-1].sum(axis=1).tolist() == [1, 1, 1, 1]
    assert z[:, -2].tolist() == [0, 1, 0, 1]
    [note] = preprocessing.warnings
    assert note == (
        "'t' has 120 different texts: the 100 most frequent have an input each, all count by their frequency "
        'and their targets (`ignore=["t"]` leaves it out)'
    )


@pytest.mark.parametrize("once", [30, 121, 122, 200])
def test_texts_of_a_long_column_have_a_place_by_frequency(once: int) -> None:
    """Those in one row have a place where they are fewer than the 122 others."""
    counts = {"98101": 9, "x": 5, **{f"c{i:03}": 2 for i in range(120)}, **{f"once{i}": 1 for i in range(once)}}
    cells = [*(text for text, n in counts.items() for _ in range(n)), None]
    learned = learn(pd.DataFrame({"n": np.arange(len(cells)), "t": cells}), labels_of(len(cells)))
    (text,) = learned.texts
    places = 122 + (once if once < 122 else 0)
    assert learned.codes == ((learned.n_in - 1, places + 2),)  # those, the others, missing
    assert text.ranked[:3] == ("98101", "x", "c000")
    new = ["98101", "98101.0", "x", "c119", "once3", "new", None, "NA"]
    place = Preprocessing.from_dict(json.loads(json.dumps(learned.to_dict()))).apply(pd.DataFrame({"n": 0, "t": new}))[
        :, -1
    ]
    found = np.rint((1 - place) * (places + 1) / 2).tolist()
    others, missing = places, places + 1
    assert found[:4] + found[5:] == [0, 0, 1, 121, others, missing, missing]
    assert 122 <= found[4] < others if once < 122 else found[4] == others
    assert (place[0], place[-1]) == (1, -1)


def test_a_model_of_before_there_were_places_is_read() -> None:
    values = [f"c{i:03}" for i in range(120) for _ in range(2)]
    learned = learn(pd.DataFrame({"t": values}), labels_of(len(values))).to_dict()
    before = Preprocessing.from_dict(
        learned | {"texts": [{k: v for k, v in learned["texts"][0].items() if k != "ranked"}]}
    )
    assert (before.n_in, before.codes) == (101, ())
    assert before.apply(pd.DataFrame({"t": ["c000", "new"]})).sum(axis=1).tolist() == [1, 1]
    few = learn(pd.DataFrame({"t": ["a", "b"] * 5}), labels_of(10)).to_dict()
    assert "ranked" not in few["texts"][0]


def test_numbers_for_a_column_of_text_are_its_digits() -> None:
    preprocessing = learn(pd.DataFrame({"code": ["1", "2", "A"] * 5}), labels_of(15))
    assert preprocessing.apply(pd.DataFrame({"code": [1, 2]})).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert preprocessing.apply(pd.DataFrame({"code": [2.0, np.nan]})).tolist() == [[0, 1, 0], [0, 0, 0]]


def test_a_column_that_was_constant_stays_zeros() -> None:
    preprocessing = learn(pd.DataFrame({"a": [1, 2], "b": [0.1, 0.1], "c": [np.nan, np.nan]}), labels_of(2))
    assert not preprocessing.apply(pd.DataFrame({"a": [1, 2], "b": [5, np.nan], "c": [7, 8]}))[:, 1:].any()


def test_an_absurd_cell_stays_finite() -> None:
    new = FRAME.assign(height=[1e99, -1e99, 0, 0, 0, 0])
    assert np.isfinite(LEARNED.apply(new)).all()


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (FRAME.rename(columns={"height": "heigth"}), "did you mean 'heigth'"),
        (FRAME[["old", "height"]].assign(other=0), "'colour' is missing\nadd it"),
        (FRAME.assign(height=["1", "2", "tall", "4", "5", "6"]), "row 3, column 'height'.*'tall'"),
        (FRAME.assign(height=[1, 2, 3, 4, np.inf, 6]), "row 5, column 'height'"),
        (FRAME.assign(height=["1", "2", "inf", "4", "5", "6"]), "row 3, column 'height'"),
        (FRAME.assign(height=pd.Timestamp("2026-01-01")), "column 'height' must hold numbers"),
        (FRAME.assign(colour=pd.Series([[1]] * 6)), "column 'colour' must hold text"),
        (pd.concat([FRAME, FRAME[["old"]]], axis=1), "'old' is the name of columns 2, 4"),
    ],
)
def test_frames_that_do_not_fit(frame: pd.DataFrame, words: str) -> None:
    with pytest.raises(DataError, match=words):
        LEARNED.apply(frame)


@pytest.mark.parametrize(
    ("classes", "given", "codes"),
    [
        (["a", "b"], ["b", "a"], [1, 0]),
        (["1", "A"], [1, 1.0], [0, 0]),
        ([3, 5], [5.0, 3.0], [1, 0]),
        ([False, True], [True, False], [1, 0]),
        ([False, True], [1, 0], [1, 0]),
    ],
)
def test_encode(classes: list, given: list, codes: list[int]) -> None:
    preprocessing = learn(pd.DataFrame({"a": [1, 2]}), pd.Series(classes))
    found = preprocessing.encode(pd.Series(given))
    assert found.tolist() == codes
    assert found.dtype == np.int32


def test_encode_refuses_a_new_label() -> None:
    preprocessing = learn(pd.DataFrame({"a": [1, 2]}), pd.Series(["setosa", "virginica"], name="species"))
    with pytest.raises(DataError, match=r"row 2 of 'species' is 'setoza'(?s:.)*did you mean 'setosa'"):
        preprocessing.encode(pd.Series(["setosa", "setoza"], name="species"))


def test_what_is_further_away_than_five_standard_deviations_is_taken_as_five():
    frame = pd.DataFrame({"a": [-1.0, 1.0] * 50})
    learned = learn(frame, pd.Series(["x", "y"] * 50))
    new = pd.DataFrame({"a": [4.9, 30.0, -1e9]})
    np.testing.assert_allclose(learned.apply(new)[:, 0], [4.9, 5.0, -5.0], rtol=1e-6)
