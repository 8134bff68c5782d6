"""Examples that keep the number of a text's input in place of all its inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.data.dataset import prepare
from caviar.data.examples import Examples, cells_for
from caviar.data.read import read
from caviar.errors import DataError

RUNS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=4)  # plain inputs before a run, and its own
ROWS = 30


def drawn(runs: list[tuple[int, int]], after: int, seed: int) -> tuple[np.ndarray, Examples]:
    """Inputs by brute force, and the examples that keep them."""
    random = np.random.default_rng(seed)
    x, cells, one_hot = [np.empty((ROWS, 0))], [np.empty((ROWS, 0))], []
    for before, n in runs:
        plain, code = random.normal(size=(ROWS, before)), random.integers(-1, n, ROWS)
        one_hot.append((sum(part.shape[1] for part in x) + before, n))
        x += [plain, code[:, None] == np.arange(n)]
        cells += [plain, code[:, None]]
    plain = random.normal(size=(ROWS, after))
    whole, kept = (np.concatenate([*parts, plain], axis=1).astype(np.float32) for parts in (x, cells))
    return whole, Examples(kept, random.integers(0, 2, ROWS).astype(np.int32), one_hot=tuple(one_hot))


@given(RUNS, st.integers(1, 3), st.integers(0, 99))
def test_the_inputs_are_those_that_the_cells_stand_for(runs, after: int, seed: int):
    x, kept = drawn(runs, after, seed)
    assert np.array_equal(kept.x, x)
    assert kept.x.flags.c_contiguous
    assert (kept.n_in, kept.shape, kept.columns.shape) == (x.shape[1], x.shape[1:], x.shape)
    for j in range(x.shape[1]):
        assert np.array_equal(kept.columns[:, j], x[:, j])
    with pytest.raises(IndexError):
        kept.columns[:, x.shape[1]]
    rows = np.array([3, 1, 1])
    assert np.array_equal(kept.take(rows).x, x[rows])
    assert np.array_equal(kept.every(4).x, x[::4])
    assert all(np.array_equal(part.x, part_x) for part, part_x in zip(kept.split(7), (x[:7], x[7:]), strict=True))


@given(RUNS, st.integers(1, 3), st.integers(0, 99))
def test_the_same_inputs_may_be_kept_in_two_ways(runs, after: int, seed: int):
    x, kept = drawn(runs, after, seed)
    plain = Examples(x, kept.y)
    assert kept.kept_as(kept.one_hot) is kept
    assert np.array_equal(kept.kept_as(()).cells, x)
    assert np.array_equal(plain.kept_as(kept.one_hot).cells, kept.cells)


@pytest.mark.parametrize("run", [(1, 1, 0), (0, 0.5, 0), (0, -1, 1), (2, 0, 0)])
def test_inputs_that_are_no_run_are_refused(run):
    x = np.array([[0.3, 0, 1, 0, 7], [0.3, *run, 7]], dtype=np.float32)
    with pytest.raises(DataError, match="inputs 1 to 3 at most one may be 1"):
        cells_for(x, ((1, 3),))


def test_a_table_keeps_one_number_for_a_text_however_many_texts_there_are():
    pd = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": random.normal(size=600),
            "few": random.choice(["a", "b", "c"], 600),
            "many": [f"text {i}" for i in random.integers(0, 300, 600)],
            "y": random.choice(["yes", "no"], 600),
        }
    )
    dataset = prepare(read(frame, "y"), 0)
    assert dataset.train.cells.shape[1] == 1 + 1 + 2  # of many texts, also the place by frequency
    assert dataset.train.n_in == dataset.preprocessing.n_in > 100
    assert dataset.train_and_validation().one_hot == dataset.preprocessing.one_hot == dataset.test.open().one_hot
    found = dataset.preprocessing.apply(frame.drop(columns="y"))
    few = dataset.preprocessing.one_hot[0][0]
    assert np.array_equal(found[:, few : few + 3], frame[["few"]].to_numpy() == np.array([["a", "b", "c"]]))
