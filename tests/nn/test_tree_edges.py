"""The edges of a tree on one input are those of scikit-learn's tree."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from caviar.nn.tree_edges import tree_edges


def drawn(seed: int, m: int, digits: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=m).round(digits).astype(np.float32)
    y = (np.sin(2 * x) + 0.5 * rng.normal(size=m)).astype(np.float32)
    return x, y if not classes else np.digitize(y, np.linspace(-1, 1, classes - 1)).astype(np.int32)


@pytest.mark.parametrize("classes", [0, 2, 7])
@pytest.mark.parametrize("digits", [1, 6])
@pytest.mark.parametrize(("m", "leaves", "smallest"), [(60, 4, 15), (500, 9, 16), (4_000, 32, 16)])
def test_as_scikit_learn(m: int, leaves: int, smallest: int, digits: int, classes: int):
    x, y = drawn(m + classes, m, digits, classes)
    kind = DecisionTreeClassifier if classes else DecisionTreeRegressor
    tree = kind(max_leaf_nodes=leaves, min_samples_leaf=smallest, random_state=0).fit(x[:, None], y).tree_
    np.testing.assert_array_equal(tree_edges(x, y, leaves, smallest), np.sort(tree.threshold[tree.feature >= 0]))


def test_a_target_that_is_the_same_everywhere_has_no_edges():
    x = np.arange(40, dtype=np.float32)
    for y in (np.zeros(40, dtype=np.int32), np.full(40, 0.3, dtype=np.float32)):
        assert not len(tree_edges(x, y, 8, 2))


def test_values_that_differ_by_rounding_are_not_cut_apart():
    x = np.array([1.0, 1.0, np.nextafter(np.float32(1), np.float32(2)), 3.0, 3.0, 3.0], dtype=np.float32)
    [edge] = tree_edges(x, np.array([0, 0, 1, 1, 1, 1], dtype=np.int32), 2, 1)
    assert x[2] < edge < 3.0
