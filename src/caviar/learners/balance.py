"""Balanced training: every class counts the same in the loss, whatever its share of the rows."""

from __future__ import annotations

from caviar.errors import ConfigError

NAME, BALANCED = "class_weights", "balanced"

NOTE = (
    "every class counts alike in training, so labels favour rare classes; probabilities are set back to how often "
    "classes come, so the label of a row need not be its most probable class; without `balance=True` it is"
)


def check_classes(regression: bool) -> None:
    """Raise ConfigError for balanced training of a ``regression``."""
    if regression:
        raise ConfigError("`balance` is for classes, and the target is a number", "leave out `balance=True`")
