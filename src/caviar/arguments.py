"""Check the names of a call's arguments: a wrong one is a mistake in two lines, as any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from caviar.errors import ConfigError, did_you_mean

_Call = TypeVar("_Call", bound=Callable[..., Any])

_OTHERS_NAMES = {
    "direction": "goal",
    "max_epochs": "epochs",
    "n_epochs": "epochs",
    "n_jobs": "threads",
    "n_startup_trials": "search",
    "n_trials": "trials",
    "pruner": "stopping",
    "random_state": "seed",
    "sampler": "search",
    "storage": "store",
    "study_name": "study",
    "timeout": "seconds",
}
"""Names that Optuna and scikit-learn have for the same arguments."""


def checked(call: _Call) -> _Call:
    """Make an unknown keyword of the public function ``call`` a ConfigError that names the nearest argument."""
    known = tuple(signature(call).parameters)
    name = "babysit.run" if call.__module__ == "caviar.babysit" else call.__name__

    @wraps(call)
    def checking(*given: Any, **named: Any) -> Any:
        refuse_unknown(name, named, known)
        return call(*given, **named)

    return cast(_Call, checking)


def refuse_unknown(call: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ConfigError for the first name of ``given`` that is not among the ``known`` arguments of ``call``."""
    names = list(known)
    for name in given:
        if name not in names:
            other = _OTHERS_NAMES.get(name)
            way_out = f"did you mean `{other}`?" if other in names else did_you_mean(name, names).replace("'", "`")
            raise ConfigError(f"caviar.{call} has no argument `{name}`", way_out)
