"""The learners by the names that the command line and the store have for them.

There is one kind of network, dense, on two engines: so the argument `engine` names a learner today.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from caviar.errors import ConfigError, did_you_mean
from caviar.learners.contract import Learner
from caviar.learners.dense.learner import ENGINES, DenseLearner

LEARNERS: dict[str, Callable[[], Learner]] = {name: partial(DenseLearner, name) for name in ENGINES}


def learner_named(name: str) -> Learner:
    """The learner called ``name``. Raises ConfigError for a name that is in no list."""
    if name not in LEARNERS:
        raise ConfigError(f"there is no engine {name!r}", did_you_mean(name, tuple(LEARNERS)))
    return LEARNERS[name]()
