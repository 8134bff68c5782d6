"""The confusion of classes beside scikit-learn's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, recall_score

from caviar.analysis.confusion import confusion


@given(st.integers(0, 999), st.integers(1, 80), st.integers(2, 6))
def test_the_matrix_is_scikit_learns_and_its_parts_agree(seed, m, classes):
    rng = np.random.default_rng(seed)
    p, y = rng.dirichlet(np.ones(classes), size=m), rng.integers(classes, size=m).astype(np.int32)
    labels = tuple(f"class {k}" for k in range(classes))
    found = confusion(p, y, labels)
    expected = confusion_matrix(y, p.argmax(axis=1), labels=range(classes))
    assert np.array_equal(found.matrix, expected)
    assert list(found.rows) == expected.sum(axis=1).tolist()
    recall = recall_score(y, p.argmax(axis=1), labels=range(classes), average=None, zero_division=0)
    assert [right / max(rows, 1) for right, rows in zip(found.right, found.rows, strict=True)] == recall.tolist()
    mistakes = [pair.rows for pair in found.pairs]
    assert mistakes == sorted(mistakes, reverse=True)
    assert sum(mistakes) == m - sum(found.right)
    for pair in found.pairs:
        assert expected[labels.index(pair.true), labels.index(pair.predicted)] == pair.rows


def test_of_very_many_classes_the_pairs_are_kept_and_not_the_matrix():
    y = np.arange(150, dtype=np.int32)
    found = confusion(np.roll(np.eye(150), 1, axis=1), y, tuple(range(150)))
    assert found.matrix is None
    assert len(found.pairs) == 150
    assert found.right == [0] * 150
