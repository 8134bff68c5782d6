"""Row numbers and ids are found in any order and dress, and no feature of a real table is taken for one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.data import samples
from caviar.data.dataset import prepare
from caviar.data.identifiers import counts_rows, identifiers, is_id
from caviar.data.read import read
from caviar.records import Reading

RNG = np.random.default_rng(0)
M = 300


def left_out(values: object, name: str = "c", keep: tuple[str, ...] = ()) -> bool:
    values = pd.Series(values)
    frame = pd.DataFrame({name: values, "other": RNG.normal(size=len(values))})
    found = identifiers(frame, list(frame.columns), keep)
    assert len(found.notes) == len(found.columns)
    return found.columns == (name,)


@settings(deadline=None)
@given(
    n=st.integers(25, 400),
    start=st.integers(0, 10**6).filter(lambda s: not 1200 < s < 2200),
    order=st.sampled_from(["up", "down", "shuffled"]),
    step=st.sampled_from([1, 10]),
    dtype=st.sampled_from(["int64", "int32", "float64"]),
    seed=st.integers(0, 99),
)
def test_row_numbers_in_any_order_from_any_start(
    n: int, start: int, order: str, step: int, dtype: str, seed: int
) -> None:
    values = start + step * np.arange(n)
    if order != "up":
        values = values[::-1] if order == "down" else np.random.default_rng(seed).permutation(values)
    assert left_out(values.astype(dtype))


@settings(deadline=None)
@given(n=st.integers(60, 400), share=st.floats(0.2, 1.0), seed=st.integers(0, 99))
def test_row_numbers_with_gaps(n: int, share: float, seed: int) -> None:
    values = 5000 + np.random.default_rng(seed).choice(int(n / share), n, replace=False)
    if len(values) ** 2 / (2 * (np.ptp(values) + 1)) > 21:
        assert left_out(values)
        values = values.astype(float)
        values[3] = np.nan
        assert left_out(values)


def test_row_numbers_of_which_some_rows_were_copied() -> None:
    values = RNG.permutation(600)
    assert left_out(np.r_[values, values[:50]])
    assert not left_out(np.r_[values, values[:200]]), "a third of them: no number of rows"


REAL = {
    "price in cents": np.round(RNG.lognormal(9, 1, M)),
    "population": np.round(RNG.lognormal(11, 1.5, M)),
    "measured whole numbers": np.round(RNG.normal(500, 100, M)),
    "measured whole numbers that all differ": RNG.permutation(np.unique(np.round(RNG.normal(5e8, 1e8, M)))),
    "unix time, irregular": np.sort(RNG.choice(10**8, M, replace=False)) + 1_500_000_000,
    "unix time by the second": 1_500_000_000 + np.arange(M),
    "milliseconds": 1_500_000_000_000 + 60_000 * np.arange(M),
    "day as 20240131": pd.date_range("2024-01-01", periods=M).strftime("%Y%m%d").astype(int),
    "years": np.arange(1721, 2021),
    "categories": RNG.integers(0, 20, M),
    "pixels": RNG.integers(0, 256, M),
    "fractions, evenly spaced": np.arange(M) / 10,
    "from below zero": np.arange(M) - 150,
    "drawn with repeats": RNG.integers(0, M, M),
    "nothing": np.full(M, np.nan),
    "one value": np.full(M, 7),
    "truth": RNG.integers(0, 2, M).astype(bool),
}


@pytest.mark.parametrize("kind", REAL)
def test_true_features_stay(kind: str) -> None:
    assert not left_out(REAL[kind])


@pytest.mark.parametrize(
    "name", ["year", "day_of_study", "Time", "age", "dose_mg", "wavelength", "nTokens", "Overall rank"]
)
def test_times_ranks_and_quantities_stay_by_their_names(name: str) -> None:
    assert not left_out(np.arange(100) + 1, name)
    assert left_out(np.arange(100) + 1, f"{name}_id"), "but not an id of them"


@pytest.mark.parametrize(
    "name",
    [
        *("id", "ID", "customer_id", "CustomerID", "customerId", "PassengerId", "id number", "uuid", "account no"),
        *("Sample code number", "index", "Unnamed: 0", "Unnamed: 0.1", "row_names", "record_key", "ssn", "pidnum"),
    ],
)
def test_ids_by_their_names_may_lie_anywhere(name: str) -> None:
    values = RNG.choice(10**9, M, replace=False)
    values[:20] = values[20:40]  # nearly all differ
    assert left_out(values, name)
    assert not left_out(values, name, keep=(name,))
    assert not left_out(values, "amount")
    assert not left_out(RNG.integers(0, 20, M), name)


@pytest.mark.parametrize(
    "name", ["humid", "paid", "grid", "acid", "valid", "body mass index", "number of rooms", "x", ""]
)
def test_names_that_only_look_like_ids(name: str) -> None:
    assert not is_id(name)


def test_the_index_of_tables_that_were_put_together() -> None:
    assert left_out(np.tile(np.arange(100), 3), "Unnamed: 0")
    assert not left_out(np.tile(np.arange(100), 3))
    assert not left_out(RNG.integers(0, 2, M), "Unnamed: 0"), "a feature that lost its name"


def test_ranks_stay_and_a_row_number_beside_them_goes() -> None:
    frame = pd.DataFrame({name: RNG.permutation(86) + 1 for name in ("wealth", "crime", "literacy")})
    assert identifiers(frame, list(frame.columns)).columns == ()
    frame["row"] = np.arange(86)
    frame["c"] = np.arange(86)[::-1]
    assert identifiers(frame, list(frame.columns)).columns == ("row", "c")


def test_text_of_its_own_in_every_row() -> None:
    names = [f"name {i}" for i in range(M)]
    assert left_out(names)
    assert not left_out(names, keep=("c",))
    assert not left_out([f"city {i % 150}" for i in range(M)])
    assert not left_out([f"day {i}" for i in range(9)] * 1)


def test_few_rows_prove_nothing() -> None:
    assert not left_out(np.arange(24) + 1)
    assert not left_out(np.arange(9), "id")
    assert left_out(np.arange(12), "id")


def test_the_only_column_is_used_and_so_said() -> None:
    frame = pd.DataFrame({"x": np.arange(100), "n": np.arange(100)[::-1]})
    found = identifiers(frame, ["x", "n"])
    assert found.columns == ("n",)
    assert "'x' only numbers the rows, and is used all the same" in found.notes[0]


def test_no_feature_of_a_built_in_table_goes() -> None:
    for sample in (samples.iris(), samples.wine(), samples.breast_cancer(), samples.digits(), samples.diabetes()):
        assert identifiers(sample.frame, list(sample.frame.columns)).columns == ()


@given(st.lists(st.integers(-5, 60), min_size=2, max_size=80))
def test_by_the_values_the_order_of_rows_does_not_matter(values: list[int]) -> None:
    array = np.array(values)
    assert counts_rows(array) == counts_rows(np.sort(array)) == counts_rows(array[::-1])


def test_what_is_left_out_is_in_no_network_and_need_not_be_there_to_predict() -> None:
    frame = pd.DataFrame({"id": RNG.permutation(M), "a": RNG.normal(size=M), "uid": [f"u{i}" for i in range(M)]})
    table = read(frame.assign(y=frame["a"] > 0), "y")
    dataset = prepare(table, 0)
    learned = dataset.preprocessing
    assert (learned.numbers, learned.text_columns) == (("a",), ())
    assert learned.columns == ("id", "a", "uid"), "an array of new rows has them"
    assert np.array_equal(learned.apply(frame), learned.apply(frame[["a"]]))
    assert dataset.facts["identifiers"] == ["id"]
    said = "\n".join(dataset.warnings)
    assert "'id' only numbers the rows and was left out (`keep=[\"id\"]` uses it)" in said
    kept = prepare(table, 0, reading=Reading(keep=("id", "uid")))
    assert (kept.preprocessing.numbers, kept.preprocessing.text_columns) == (("id", "a"), ("uid",))
    assert "identifiers" not in kept.facts
