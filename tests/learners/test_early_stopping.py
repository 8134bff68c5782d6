"""Early stopping on a training whose validation losses are written down."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.learners.contract import Epoch, Evaluation, Outcome, never
from caviar.learners.dense.early_stopping import train_with_patience


class Written:
    """A training that gives these validation losses, one an epoch, and whose state is the epoch."""

    def __init__(self, losses, epoch):
        self.losses, self.epoch = losses, epoch

    def train(self, to_epoch, stop):
        assert to_epoch == self.epoch + 1
        if stop[0]:
            return Outcome.INTERRUPTED, []
        self.epoch += 1
        loss = self.losses[self.epoch - 1]
        outcome = Outcome.TRAINED if loss < 1e3 or math.isnan(loss) else Outcome.DIVERGED
        return outcome, [Epoch(self.epoch, 1.0, Evaluation(loss, {}), 0.1, 0.0)]

    def state(self):
        return {"epoch": np.array(self.epoch)}


def stopped(losses, to_epoch, patience, epoch=0, stop=None):
    flag = never() if stop is None else stop
    outcome, epochs, state, best = train_with_patience(Written(losses, epoch), to_epoch, patience, flag)
    assert int(state["epoch"]) == best
    return outcome, len(epochs), best


def test_it_waits_for_so_many_epochs_without_a_new_best():
    assert stopped([5, 4, 3, 3.5, 3.2, 9], 6, 2) == (Outcome.TRAINED, 5, 3)
    assert stopped([5, 4, 6, 3, 6, 6, 6, 1], 8, 3) == (Outcome.TRAINED, 7, 4)


def test_the_budget_ends_it_too_and_the_best_is_still_found():
    assert stopped([5, 4, 6], 3, 10) == (Outcome.TRAINED, 3, 2)


def test_at_a_tie_the_first_is_the_best():
    assert stopped([2, 2, 2, 1], 4, 2) == (Outcome.TRAINED, 3, 1)


def test_a_divergence_ends_it_with_the_best_until_then():
    assert stopped([5, 4, math.inf, 1], 4, 3) == (Outcome.DIVERGED, 3, 2)
    assert stopped([math.inf], 4, 3) == (Outcome.DIVERGED, 1, 0)


def test_the_stop_flag_ends_it():
    assert stopped([5, 4], 2, 3, stop=np.ones(1, np.uint8)) == (Outcome.INTERRUPTED, 0, 0)


def test_a_restored_training_counts_its_patience_from_there():
    assert stopped([1, 1, 5, 6, 7, 4], 6, 2, epoch=2) == (Outcome.TRAINED, 3, 3)


def test_nothing_to_do_is_nothing_done():
    assert stopped([5, 4], 2, 3, epoch=2) == (Outcome.TRAINED, 0, 2)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.integers(1, 40))
def test_no_earlier_epoch_was_better_and_none_of_the_patience_after_it(losses, patience):
    _, trained, best = stopped(losses, len(losses), patience)
    assert losses[best - 1] == min(losses[:trained])
    assert trained == min(len(losses), best + patience)


@pytest.mark.parametrize("patience", [0, -1, 2.5, True])
def test_patience_is_a_whole_number_of_epochs(patience):
    with pytest.raises(ConfigError, match="patience"):
        train_with_patience(Written([1.0], 0), 1, patience, never())


def test_without_validation_rows_there_is_nothing_to_stop_by():
    with pytest.raises(ConfigError, match="validation rows"):
        train_with_patience(Written([math.nan], 0), 1, 3, never())
