"""Studies with balanced training: all trials have class_weights "balanced"."""

from __future__ import annotations

from caviar.errors import ConfigError
from caviar.learners.balance import BALANCED, NAME, check_classes
from caviar.scales import Fixed
from caviar.space import Space

_OF_PROBABILITIES = ("log_loss", "brier", "calibration_error")


def balanced(space: Space) -> Space:
    """The space with ``class_weights`` fixed. Raises ConfigError where it has them otherwise."""
    if NAME not in space:
        return space.fixing(NAME, BALANCED)
    has = space[NAME]
    if not isinstance(has, Fixed) or has.value != BALANCED:
        raise ConfigError(
            f"`balance` fixes {NAME}, and the space has them already",
            f"leave out `balance=True`, or {NAME} in the space",
        )
    return space


def check_balance(task: str, metric: str) -> None:
    """Raise ConfigError for a ``task`` or a ``metric`` to which balanced training is no help."""
    check_classes(task == "regression")
    if metric in _OF_PROBABILITIES:
        raise ConfigError(
            f"`balance` counts every class alike, and {metric} judges probabilities by how often classes come",
            'leave out `balance=True`, or choose `metric="balanced_accuracy"`',
        )
