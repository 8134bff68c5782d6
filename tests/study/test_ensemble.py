"""Greedy ensemble selection, beside scikit-learn's losses and brute force."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from sklearn import metrics

from caviar.study.ensemble import MOST, loss, select


def library(seed: int, n: int = 5, m: int = 200, classes: int = 3):
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=m).astype(np.int32)
    z = rng.normal(size=(n, m, classes)) * 1.5
    z[:, np.arange(m), y] += rng.uniform(0.5, 1.5, size=(n, 1))
    p = np.exp(z)
    return p / p.sum(axis=2, keepdims=True), y


@pytest.mark.parametrize("seed", range(5))
def test_together_they_are_better_than_the_best_alone(seed):
    p, y = library(seed)
    shares, found = select(p, y, range(len(p)))
    assert shares.sum() == pytest.approx(1)
    assert found == pytest.approx(metrics.log_loss(y, np.tensordot(shares, p, axes=1)))
    assert found <= min(loss(member, y) for member in p)
    again, other = library(seed + 100)
    assert loss(np.tensordot(shares, again, axes=1), other) < np.mean([loss(member, other) for member in again])


def test_with_two_picks_it_is_near_what_brute_force_finds():
    p, y = library(3)
    _, found = select(p, y, range(len(p)), picks=2)
    brute = min(loss((p[a] + p[b]) / 2, y) for a, b in combinations_with_replacement(range(len(p)), 2))
    assert brute <= found <= brute * 1.02


def test_one_that_is_far_better_stays_alone():
    p, y = library(1)
    p[2] = 0.001
    p[2, np.arange(len(y)), y] = 0.998
    shares, _ = select(p, y, range(len(p)))
    assert shares[2] == 1


def test_members_are_of_few_finalists():
    """Each of many members knows a part of the rows: those of MOST finalists, two each, are picked and no others."""
    n = 2 * (MOST + 2)
    y = np.arange(20 * n, dtype=np.int32) % 3
    p = np.full((n, len(y), 3), 1 / 3)
    for member in range(n):
        knows = np.arange(len(y)) // 20 == member
        p[member, knows] = 0.05
        p[member, knows, y[knows]] = 0.9
    free, better = select(p, y, [0] * n)
    owners = np.arange(n) // 2
    shares, found = select(p, y, owners.tolist())
    assert (free > 0).all()
    assert len(set(owners[shares > 0])) == MOST
    assert shares.sum() == pytest.approx(1)
    assert better < found == pytest.approx(loss(np.tensordot(shares, p, axes=1), y))


def test_weights_count_as_rows_that_come_so_often():
    p, y = library(2)
    often = np.random.default_rng(0).integers(1, 4, size=len(y))
    shares, found = select(p, y, range(len(p)), weights=often.astype(float))
    again, same = select(np.repeat(p, often, axis=1), np.repeat(y, often), range(len(p)))
    np.testing.assert_allclose(shares, again)
    assert found == pytest.approx(same)
    assert not np.allclose(shares, select(p, y, range(len(p)))[0])
