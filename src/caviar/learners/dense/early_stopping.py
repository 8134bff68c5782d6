"""Early stopping: train until the validation loss has not fallen for some epochs, and go back to the best.

It works with every learner. Its drawback: it couples the fit of the training set with the network's generalisation,
which L2 does not; the course prefers L2.

Sources: Prechelt, Early stopping - but when?, 1998 (its criterion UP, counted in epochs); Course, week 1, "Other
Regularization Methods".
"""

from __future__ import annotations

import math
from typing import NamedTuple

from caviar.errors import ConfigError
from caviar.learners.contract import Epoch, Outcome, State, StopFlag, Training


class EarlyStopped(NamedTuple):
    """Ending of the training, all of its epochs, and the best of them.

    ``state`` is ``Training.state`` after ``best_epoch``, from which ``Learner.start`` goes on. Where no epoch gave a
    finite validation loss, both are those before the first.
    """

    outcome: Outcome
    epochs: list[Epoch]
    state: State
    best_epoch: int


def train_with_patience(training: Training, to_epoch: int, patience: int, stop: StopFlag) -> EarlyStopped:
    """Train until ``to_epoch`` epochs are done in all, or the last ``patience`` of them brought no new best.

    The best epoch is that of the smallest validation loss, at a tie the first. Only epochs of this call count. A
    divergence or the ``stop`` flag ends it too, with the best epoch until then. Raises ConfigError for a patience below
    1 or where there is no validation part.
    """
    if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
        raise ConfigError(
            f"`patience` must be a whole number of at least 1, got {patience!r}", "give it 10 epochs: `patience=10`"
        )
    outcome, epochs = Outcome.TRAINED, list[Epoch]()
    state, best_epoch, best_loss = training.state(), training.epoch, math.inf
    while training.epoch < to_epoch and training.epoch - best_epoch < patience:
        outcome, done = training.train(training.epoch + 1, stop)
        epochs += done
        if outcome is not Outcome.TRAINED:
            break
        loss = done[-1].validation.loss
        if math.isnan(loss):
            raise ConfigError(
                "early stopping needs validation rows to stop by, got none", "give some, or train without patience"
            )
        if loss < best_loss:
            state, best_epoch, best_loss = training.state(), training.epoch, loss
    return EarlyStopped(outcome, epochs, state, best_epoch)
