"""Configs of another space, as they fit this one.

    a value that the scale has          is taken
    a number that it has not            becomes the nearest one that it has
    any other value                     is left to the search
    a hyperparameter that is fixed      has the value of this space
    one that this space does not have   is dropped, unless its name is another word for one that it has

So may be left to the search what applies only beside other values than the config has.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from caviar.errors import ConfigError
from caviar.records import Config, Value, Winners
from caviar.scale_rules import value_key
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo, Scale
from caviar.search.given import required
from caviar.space import Space
from caviar.steps import steps

_SAME = (  # names of one hyperparameter, without underscores
    ("learningrate", "lr", "learnrate", "eta", "stepsize"),
    ("batchsize", "batch", "bs", "minibatchsize"),
    ("hiddenunits", "units", "nunits", "numunits", "hidden", "hiddensize", "width", "maxunits"),
    ("layers", "nlayers", "numlayers", "hiddenlayers", "depth"),
    ("weightdecay", "wd"),
    ("dropout", "dropoutrate", "pdrop", "maxdropout"),
    ("optimizer", "optimiser", "optim", "opt"),
    ("l2", "l2reg", "l2regularization", "l2regularisation"),
)
_LARGEST = 1e308  # numbers beyond it, and NaN, are near to nothing
_WORD = {name: names[0] for names in _SAME for name in names}


@dataclass(frozen=True)
class Fitted:
    """The part of a config that fits a space, and the names, as they are there, of those that do not fit as they are.

    ``renamed`` has the names of this space for others; ``nearest`` those with the nearest value, ``left`` those that
    are left to the search; ``dropped`` those that the space does not have.
    """

    config: dict[str, Value]
    renamed: Mapping[str, str]
    nearest: tuple[str, ...]
    left: tuple[str, ...]
    dropped: tuple[str, ...]


def note_on(space: Space, winners: Winners) -> str:
    """A sentence for a person: the part of an earlier study that does not fit ``space``; empty where all of it does."""
    each = [fitted(space, config) for config in winners.configs]
    parts = [f"the best {len(each)} configs of study {winners.label} do not fit this space as they are"]
    for theirs, ours in dict(pair for fit in each for pair in fit.renamed.items()).items():
        parts.append(f"its {theirs} is taken for {ours}")
    for said, lists in (
        ("set to the nearest value", [fit.nearest for fit in each]),
        ("left to the search", [fit.left for fit in each]),
        ("not in this space", [fit.dropped for fit in each]),
    ):
        counted = Counter(name for names in lists for name in names)
        listed = [name if n == len(each) else f"{name} ({n} of {len(each)})" for name, n in counted.items()]
        if listed:
            parts.append(f"{said}: {', '.join(listed)}")
    known = {name for fit in each for name in (*fit.config, *fit.left)}
    new = [name for name in space.searched if name not in known and not space[name].when]
    if new:
        parts.append(f"not in that study, so left to the search: {', '.join(new)}")
    return "; ".join(parts) if len(parts) > 1 else ""


def fitted(space: Space, config: Config) -> Fitted:
    """``config`` as far as it fits ``space``; constraints are not looked at."""
    names = _names(space, config)
    kept: dict[str, Value] = {}
    nearest, left = [], []
    for name in sorted(names.values(), key=lambda name: (space[name].when is not None, space.names.index(name))):
        given = next(config[theirs] for theirs, ours in names.items() if ours == name)
        scale = space[name]
        if isinstance(scale, Fixed):
            continue
        value = _value(scale, given)
        try:
            if value is None:
                raise ConfigError("no value of the scale is near it", "leave it out")
            required(space, {**kept, name: value[0]})
        except ConfigError:
            left.append(name)
            continue
        kept[name] = value[0]
        if value_key(value[0]) != value_key(given):
            nearest.append(name)
    return Fitted(
        config={name: kept[name] for name in space.names if name in kept},
        renamed={theirs: ours for theirs, ours in names.items() if theirs != ours},
        nearest=tuple(nearest),
        left=tuple(left),
        dropped=tuple(name for name in config if name not in names),
    )


def _names(space: Space, config: Config) -> dict[str, str]:
    """The name in ``space`` of each hyperparameter of ``config`` that it has, perhaps by another word."""
    found = {name: name for name in config if name in space}
    for theirs in config:
        alike = [name for name in space.names if _word(name) == _word(theirs)]
        if theirs not in found and len(alike) == 1 and alike[0] not in found.values():
            found[theirs] = alike[0]
    return found


def _word(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return _WORD.get(plain, plain)


def _value(scale: Scale, given: Value) -> tuple[Value] | None:
    """The value of ``scale`` that ``given`` is, or is near to; None where there is none."""
    if isinstance(scale, Choice):
        same = [choice for choice in scale.choices if value_key(choice) == value_key(given)]
        same = same or [choice for choice in scale.choices if str(choice) == str(given)]
        return (same[0],) if len(same) == 1 else None
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= _LARGEST:
        return None
    if isinstance(given, int) and isinstance(scale, Linear | Log | OneMinusLog):
        given = float(given)
    if isinstance(given, float) and given.is_integer() and isinstance(scale, Integer | PowerOfTwo):
        given = int(given)
    if scale.contains(given):
        return (given,)
    return (_nearest(scale, given),)


def _nearest(scale: Scale, given: float) -> Value:
    """The value of a ``scale`` of numbers that is the nearest to ``given``, which it does not have."""
    assert isinstance(scale, Linear | Log | OneMinusLog | Integer | PowerOfTwo)
    within = min(max(given, scale.low), scale.high)
    if isinstance(scale, PowerOfTwo):
        return int(2 ** round(math.log2(within)))
    if isinstance(scale, Integer):
        return int(scale.low + round((within - scale.low) / scale.step) * scale.step)
    if isinstance(scale, Linear | Log) and scale.step is not None:
        return float(steps(scale.low, scale.high, scale.step).nearest(within))
    return float(within)
