"""Copies of rows: counted by brute force, told from rows that meet by chance, and never in two parts."""

from __future__ import annotations

import hashlib
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.data import samples
from caviar.data.copies import copies, row_hashes
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.study.check import fold_rows

RNG = np.random.default_rng(0)
NUMBERS = st.sampled_from([0.0, -0.0, 1.5, np.nan, 1e100, 2**53 + 2.0])
CELLS = st.tuples(NUMBERS, st.sampled_from(["a", "b", "", None]), st.integers(0, 2))


def repeated(base: pd.DataFrame, times: int, seed: int = 0) -> pd.DataFrame:
    return pd.concat([base] * times).sample(frac=1, random_state=seed).reset_index(drop=True)


def noise(rows: int = 100) -> pd.DataFrame:
    return pd.DataFrame(RNG.normal(size=(rows, 6)).round(5), columns=list("abcdef"))


@settings(deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=40))
def test_equal_rows_by_brute_force(rows: list[tuple]) -> None:
    frame = pd.DataFrame({"n": [r[0] for r in rows], "t": pd.Series([r[1] for r in rows], dtype="str")})
    frame["i"] = [r[2] for r in rows]
    plain = [("gap" if r[0] != r[0] else r[0] + 0.0, r[1], r[2]) for r in rows]
    hashes = row_hashes(frame, list(frame.columns))
    assert [(a == b) for a in plain for b in plain] == [(a == b) for a in hashes.tolist() for b in hashes.tolist()]
    found = copies(frame, list(frame.columns), pd.Series([r[2] for r in rows]))
    assert found.equal == len(rows) - len(set(plain))
    if found.equal:
        assert found.first == next(i for i, row in enumerate(plain) if row in plain[:i])
        assert found.relabelled == 0


def test_the_order_of_blocks_and_columns_that_do_not_count_change_nothing() -> None:
    frame = noise(3000)
    whole = row_hashes(frame, list("bd"))
    assert np.array_equal(row_hashes(frame.iloc[1000:], list("bd")), whole[1000:])
    assert np.array_equal(row_hashes(frame[["d", "b"]][["b", "d"]], list("bd")), whole)
    assert len(set(whole.tolist())) == 3000
    assert np.array_equal(row_hashes(frame, ["b"], list("bd")) + row_hashes(frame, ["d"], list("bd")), whole)
    wide = pd.concat([noise(200).add_prefix(f"{i}") for i in range(4)], axis=1)
    again = pd.concat([wide, wide.iloc[:5], wide.iloc[:5].assign(**{"3f": 1.0})], ignore_index=True)
    assert copies(again, list(again.columns), again["0a"]).equal == 5, "the last column tells the others apart"


COPIED = {
    "numbers": noise(),
    "categories": pd.DataFrame(RNG.choice(list("pqrst"), (100, 6)), columns=list("abcdef")),
    "small whole numbers": pd.DataFrame(RNG.integers(0, 5, (100, 6)), columns=list("abcdef")),
    "many zeros": noise().where(RNG.random((100, 6)) < 0.4, 0.0).assign(g=RNG.normal(size=100)),
    "one column of numbers": noise()[["a"]],
}


@pytest.mark.parametrize("kind", COPIED)
def test_copies_are_found_and_counted(kind: str) -> None:
    base = COPIED[kind].drop_duplicates()
    frame = repeated(base, 6)
    found = copies(frame, list(frame.columns), pd.Series(np.arange(len(frame))))
    assert found.sets is not None
    assert found.equal == 5 * len(base)
    assert found.relabelled == 5 * len(base)
    assert found.notes()[0].startswith(
        f"{5 * len(base):,} rows are duplicates of earlier ones in all features (the first"
    )
    assert "duplicates stay in one part" in found.notes()[0]


PEOPLE = {"sex": (0, 2), "class": (0, 4), "age": (18, 80)}
CITIES = RNG.integers(0, 60, 1000)
CHANCE = {
    "three columns of few values": pd.DataFrame(RNG.integers(0, 3, (1000, 3)), columns=list("abc")),
    "sex, class and age": pd.DataFrame({name: RNG.integers(*range_, 2000) for name, range_ in PEOPLE.items()}),
    "a city and its code": pd.DataFrame({"code": [f"c{i}" for i in CITIES], "city": CITIES.astype(str)}),
    "one column of text": pd.DataFrame({"t": RNG.choice([f"t{i}" for i in range(40)], 500)}),
    "one-hot": pd.get_dummies(pd.Series(RNG.integers(0, 30, 1000))).rename(columns=str),
}


@pytest.mark.parametrize("kind", CHANCE)
def test_rows_that_meet_by_chance_are_said_and_not_kept_together(kind: str) -> None:
    frame = CHANCE[kind]
    found = copies(frame, list(frame.columns), pd.Series(np.zeros(len(frame), dtype=int)))
    assert found.sets is None
    assert found.equal == len(frame) - len(frame.drop_duplicates())
    assert "duplicates may be in two parts" in found.notes()[0]


def test_few_rows_that_meet_by_chance_stay_together() -> None:
    table = samples.iris()
    found = copies(table.frame, list(table.frame.columns), table.target)
    assert found.sets is not None
    assert found.notes()[0].startswith("1 row is a duplicate in all features (row 143): duplicates stay in one part")


def test_one_large_set_is_too_many_to_be_kept_together() -> None:
    frame = pd.concat([noise(100), pd.DataFrame(0.0, index=range(60), columns=list("abcdef"))], ignore_index=True)
    found = copies(frame, list(frame.columns), pd.Series(np.zeros(160)))
    assert (found.sets, found.equal) == (None, 59)
    assert "too many to be kept together" in found.notes()[0]


@pytest.mark.parametrize("target", ["labels that the copies share", "labels of their own", "numbers"])
def test_no_copy_is_in_two_parts_nor_in_two_folds(target: str) -> None:
    frame = repeated(noise().assign(y=RNG.choice(["no", "yes"], 100)), 5)
    if target != "labels that the copies share":
        frame["y"] = RNG.normal(size=500) if target == "numbers" else RNG.choice(["no", "yes"], 500)
    dataset = prepare(read(frame, "y"), seed=3)
    parts = [dataset.train.x, dataset.validation.x, dataset.test.open().x]
    rows = [{row.tobytes() for row in part} for part in parts]
    assert not any(a & b for a, b in combinations(rows, 2))
    assert [len(part) for part in parts] == pytest.approx([300, 100, 100], abs=10)
    x, folds = dataset.train_and_validation().x, fold_rows(dataset, seed=3)
    assert len(folds) == 5
    for training, held_out in folds:
        assert not {row.tobytes() for row in x[training]} & {row.tobytes() for row in x[held_out]}
        assert len(held_out) == pytest.approx(80, abs=10)
    assert sum(len(held_out) for _, held_out in folds) == len(dataset.train) + len(dataset.validation)
    assert dataset.facts["copies"] == 400


def test_without_copies_the_split_is_that_of_earlier_versions() -> None:
    for sample, expected in EARLIER.items():
        table = getattr(samples, sample)()
        dataset = prepare(table, seed=1)
        x, y = dataset.preprocessing.apply(table.frame), dataset.preprocessing.encode(table.target)
        places = {(*row, label): place for place, (row, label) in enumerate(zip(x.tolist(), y.tolist(), strict=True))}
        mark = hashlib.sha256()
        for part in (dataset.train, dataset.validation, dataset.test.open()):
            rows = [places[*row, label] for row, label in zip(part.x.tolist(), part.y.tolist(), strict=True)]
            mark.update(np.array(rows, dtype="<i8").tobytes())
        assert mark.hexdigest()[:16] == expected
        assert "copies" not in dataset.facts


EARLIER = {
    "wine": "a29fcc143e6d2436",
    "breast_cancer": "accdf88359267a31",
    "diabetes": "4844da1681d2b0bf",
}
"""Marks of the rows in each part that commit 46b2e17 dealt out for seed 1."""


def test_identifiers_do_not_hide_copies() -> None:
    frame = repeated(noise(60), 4)
    frame["id"] = np.arange(240)
    frame["uid"] = [f"u{i}" for i in range(240)]
    dataset = prepare(read(frame.assign(y=RNG.choice(["no", "yes"], 240)), "y"), seed=0)
    assert dataset.facts["copies"] == 180


def test_rows_of_a_test_file_that_training_has_are_counted() -> None:
    frame = noise(200).assign(y=RNG.choice(["no", "yes"], 200))
    test = pd.concat([frame.iloc[:7], noise(30).assign(y="no")])
    said = prepare(read(frame, "y"), 0, read(test, "y")).warnings
    assert any("7 of 37 rows of the test data table are in table, too" in note for note in said)


def test_counting_agrees_with_pandas() -> None:
    for sample in (samples.iris(), samples.digits(), samples.breast_cancer()):
        found = copies(sample.frame, list(sample.frame.columns), sample.target)
        assert found.equal == int(sample.frame.duplicated().sum())
