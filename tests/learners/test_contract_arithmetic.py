"""Arithmetic of all learners: mini-batches, the loss of chance, the names of the scores."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from caviar.data.batches import batches
from caviar.errors import DataError
from caviar.learners.contract import explosion, not_evaluated, score_names
from caviar.learners.dense.contract import fewest_rows, steps_per_epoch
from caviar.nn.architecture import Architecture, Optimisation


@given(st.integers(1, 300), st.integers(1, 400), st.booleans())
def test_the_steps_of_an_epoch_are_its_mini_batches(rows, batch_size, batch_norm):
    assume(rows > 1 or not batch_norm)
    assume(batch_size > 1 or not batch_norm)
    architecture, optimisation = Architecture(3, 2, (4,), batch_norm=batch_norm), Optimisation(batch_size=batch_size)
    order = np.arange(rows, dtype=np.uint32)
    expected = len(list(batches(order, batch_size, fewest_rows(architecture))))
    assert steps_per_epoch(architecture, optimisation, rows) == expected >= 1


@pytest.mark.parametrize(("batch_norm", "rows"), [(True, 0), (True, 1), (False, 0)])
def test_an_epoch_without_a_mini_batch_is_an_error(batch_norm, rows):
    with pytest.raises(DataError, match=f"at least {1 + batch_norm} rows"):
        steps_per_epoch(Architecture(3, 2, (4,), batch_norm=batch_norm), Optimisation(), rows)


def test_the_loss_explodes_at_a_thousand_times_the_chance_loss():
    assert explosion(10) == pytest.approx(1000 * math.log(10))
    assert explosion(1) == 1000


def test_no_examples_have_every_score_and_it_is_nan():
    for n_out in (1, 2):
        nothing = not_evaluated(n_out)
        assert tuple(nothing.scores) == score_names(n_out)
        assert all(math.isnan(value) for value in (nothing.loss, *nothing.scores.values()))
