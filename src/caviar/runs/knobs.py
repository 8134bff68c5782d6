"""Knobs: what can be turned of a network while it trains, within which limits, and what a turn does to its schedule.

A turn of the learning rate, or of the decay, begins the schedule anew: the rate that is asked for is the rate from the
next mini-batch on, and it decays from there. Where only the decay is turned the rate in force stays what it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from caviar.errors import ConfigError, did_you_mean
from caviar.learners.dense.config import NO_LAYERS, from_config
from caviar.learners.dense.knobs import KNOBS
from caviar.learners.dense.turning import LIVE
from caviar.nn.architecture import Architecture, Optimisation
from caviar.ranges import brief
from caviar.records import Config, Run, RunKind, Value
from caviar.records.config import as_number
from caviar.scale_rules import is_value
from caviar.scales import Choice

_OWN_NAME = re.compile(r"[^\s=]{1,100}")
_TRUTH = {"true": True, "false": False}
_SCHEDULE = ("learning_rate", "decay", "decay_rate", "decay_by")
_ONLY_UNDER = {
    "momentum": ("momentum", "nesterov"),
    "beta1": ("adam", "adamw", "schedule_free"),
    "beta2": ("adam", "adamw", "schedule_free", "rmsprop"),
    "epsilon": ("adam", "adamw", "schedule_free", "rmsprop"),
    "weight_decay": ("adamw", "schedule_free"),
}


@dataclass(frozen=True)
class Settings:
    """The knobs as they stand, and ``since``, the epoch from which the schedule counts (see schedules.rates_from)."""

    architecture: Architecture
    optimisation: Optimisation
    since: float = 0.0

    def knobs(self) -> dict[str, Value]:
        """Every knob's value; of the learning rate the schedule's base."""
        every = asdict(self.architecture) | asdict(self.optimisation)
        return {name: every[name] for name in KNOBS.names}


def parse(assignments: Sequence[str]) -> dict[str, Value]:
    """The changes that ``name=value`` texts ask for. Raises ConfigError for a text that is none."""
    changes: dict[str, Value] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"a knob is turned by name=value, got {text[:60]!r}", "write learning_rate=0.003, say")
        changes[name.strip()] = value_of(value.strip())
    return changes


def check_turn(run: Run, changes: Mapping[str, Value]) -> None:
    """Raise ConfigError for changes of ``run`` that are not possible with its knobs as they stood last."""
    if not changes:
        raise ConfigError("a turn must name a knob, got none", "write learning_rate=0.003, say")
    standing = dict(run.config) | dict(run.progress["knobs"] if run.progress else {})
    if run.kind is RunKind.NETWORK:
        targets = len(run.data.get("targets") or ())
        n_out = targets or run.data.get("classes") or 1
        architecture, optimisation = from_config(standing, 1, n_out, several=targets > 0)
        turned(Settings(architecture, optimisation), changes, 0.0, optimisation.learning_rate)
    else:
        own_turn(standing, changes)


def check_name(name: str) -> None:
    """Raise ConfigError for what is no knob."""
    if name not in KNOBS:
        raise ConfigError(f"{name[:60]!r} is no knob", did_you_mean(name, KNOBS.names))


def check(changes: Mapping[str, Value]) -> None:
    """Raise ConfigError for an unknown knob, or a value outside of its limits."""
    for name, value in changes.items():
        check_name(name)
        scale = KNOBS[name]
        if not scale.contains(value):
            limits = (
                f"one of {', '.join(map(str, scale.choices))}"
                if isinstance(scale, Choice)
                else f"a number from {getattr(scale, 'low', 0):g} to {getattr(scale, 'high', 0):g}"
            )
            raise ConfigError(f"{name} must be {limits}, got {brief(value)}", "turn it to a value within these")


def check_own(values: Mapping[str, Any]) -> None:
    """Raise ConfigError unless ``values`` can be knobs of another's program; those of ours keep within their limits."""
    for name, value in values.items():
        if not _OWN_NAME.fullmatch(name) or not is_value(value):
            raise ConfigError(
                f"a knob is a number, a boolean, text, None or a tuple with a name, got {brief(name)} = {brief(value)}",
                "write learning_rate = 0.1, say",
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"a knob must be a finite number, got {name} = {value}", "give it a number")
        if name in KNOBS:
            check({name: value})


def own_turn(standing: Config, changes: Mapping[str, Value]) -> dict[str, Value]:
    """``changes`` of another's knobs, each of the kind that it is: a number stays one, and text text.

    Raises ConfigError for a knob that is not there, and for a value of another kind.
    """
    found: dict[str, Value] = {}
    for name, value in changes.items():
        if name not in standing:
            has = did_you_mean(name, standing) if standing else "its config has none: give it one, `config=FILE`"
            raise ConfigError(f"this run has no knob {name[:60]!r}", has)
        was = standing[name]
        if was is None or isinstance(was, tuple):
            raise ConfigError(f"{name} cannot be turned, it is {was!r:.60}", "branch the run with another config")
        if isinstance(was, bool):
            value = _TRUTH.get(str(value).lower(), value)
        elif isinstance(was, str):
            value = str(value)
        if isinstance(was, bool) != isinstance(value, bool) or isinstance(was, str) != isinstance(value, str):
            kind = "true or false" if isinstance(was, bool) else "a number"
            raise ConfigError(f"{name} is {kind}, got {brief(value)}", f"it is {was} now")
        found[name] = value
    check_own(found)
    return found


def turned(settings: Settings, changes: Mapping[str, Value], place: float, rate: float) -> Settings:
    """``settings`` after ``changes``, at ``place``, in epochs, of the training, where the rate in force is ``rate``.

    Raises ConfigError where a change is not possible, or would have no effect.
    """
    check(changes)
    architecture: dict[str, Any] = {name: as_number(value) for name, value in changes.items() if name in LIVE}
    rest: dict[str, Any] = {name: value for name, value in changes.items() if name not in LIVE}
    optimizer = rest.get("optimizer", settings.optimisation.optimizer)
    for name in rest:
        if optimizer not in _ONLY_UNDER.get(name, (optimizer,)):
            raise ConfigError(
                f"{name} has no effect under optimizer {optimizer}", f"turn it under {' or '.join(_ONLY_UNDER[name])}"
            )
    since = settings.since
    if any(name in rest for name in _SCHEDULE):
        since = place
        rest.setdefault("learning_rate", rate)
    for name, value in rest.items():
        if isinstance(getattr(settings.optimisation, name), float) and not isinstance(value, str):
            rest[name] = float(value)
    after = Settings(
        replace(settings.architecture, **architecture),
        replace(settings.optimisation, **rest),
        since,
    )
    if after.architecture.batch_norm and after.architecture.hidden_units and after.optimisation.batch_size < 2:
        raise ConfigError("batch_size must be at least 2 with batch norm, got 1: one example has no variance", "give 2")
    return after


def to_plain(settings: Settings) -> dict[str, Any]:
    """Plain data of which ``from_plain`` makes the same settings."""
    return {
        "architecture": settings.architecture.to_record(),
        "optimisation": asdict(settings.optimisation),
        "since": settings.since,
    }


def from_plain(plain: Mapping[str, Any]) -> Settings:
    """The inverse of ``to_plain``."""
    return Settings(
        Architecture.from_record(plain["architecture"]),
        Optimisation(**plain["optimisation"]),
        float(plain["since"]),
    )


def config_of(settings: Settings) -> Config:
    """The settings as a config, for people."""
    names = [f.name for f in fields(Optimisation)] + [f.name for f in fields(Architecture)]
    every = asdict(settings.architecture) | asdict(settings.optimisation)
    shown = {name: every[name] for name in names if name not in ("n_in", "n_out", "hidden_units", "learned")}
    return shown | {"hidden_units": "-".join(map(str, settings.architecture.hidden_units)) or NO_LAYERS}


def value_of(text: str) -> Value:
    """The value that a person typed: a number if it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
