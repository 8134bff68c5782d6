"""Best values at an edge of the space: the better ones may lie beyond."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from caviar.records import Config
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo, Scale, Stepped
from caviar.space import Space

_NEAR = 0.05  # of the scale
_ENOUGH = 3  # configs at the edge; one can be there by chance


class Edge(NamedTuple):
    """A range to widen: its hyperparameter, the end as a space file calls it, and a value for that as one writes it.

    ``text`` is the advice, with the reason.
    """

    name: str
    field: str
    value: str
    text: str


def edges(space: Space, best: Sequence[Config]) -> list[str]:
    """A line of advice for each range to widen; see wider."""
    return [edge.text for edge in wider(space, best)]


def wider(space: Space, best: Sequence[Config]) -> list[Edge]:
    """An end to move for each hyperparameter whose best values lie at an end of its scale.

    ``best`` are the best configs, the best of them first. The best must be at the end, and at least half of all that
    have the hyperparameter, three at the least. Ends that are there by nature (no dropout, one layer) give no advice.
    """
    if not best:
        return []
    found = []
    for name in space.searched:
        scale = space[name]
        values = [config[name] for config in best if name in config]
        if isinstance(scale, Choice | Fixed) or name not in best[0] or len(values) < _ENOUGH:
            continue
        u = scale.to_unit(values)
        for low_end in (True, False):
            near = u < _NEAR if low_end else u > 1 - _NEAR
            end = scale.low if low_end else scale.high  # type: ignore[attr-defined]  # all but Choice and Fixed have it
            near |= np.array([value == end for value in values])
            beyond = _on_steps(scale, end, _beyond(scale, low_end))
            if near[0] and near.sum() >= max(_ENOUGH, len(values) / 2) and beyond is not None:
                side, word = ("lower", "low") if low_end else ("upper", "high")
                text = (
                    f"{near.sum()} of the best {len(values)} trials have {name} at the {side} edge of its range "
                    f"({_shown(end)}): widen it, with {word} = {_shown(beyond)}"
                )
                found.append(Edge(name, word, _shown(beyond), text))
    return found


def _beyond(scale: Scale, low_end: bool) -> float | None:
    """An end further out; None where there is nothing, or nothing sensible, beyond."""
    if isinstance(scale, Log):
        return scale.low / 10 if low_end else scale.high * 10
    if isinstance(scale, OneMinusLog):
        further = max(round(1 - (1 - scale.low) * 10, 12), 0.0) if low_end else 1 - (1 - scale.high) / 10
        return None if low_end and scale.low == 0 else further
    if isinstance(scale, Linear):
        if scale.low == 0 and low_end:
            return None
        width = (scale.high - scale.low) / 2
        further = scale.low - width if low_end else scale.high + width
        return max(further, 0.0) if scale.low > 0 else further
    if isinstance(scale, PowerOfTwo):
        return (scale.low // 2 or None) if low_end else scale.high * 2
    if isinstance(scale, Integer):
        if low_end:
            return None if 0 <= scale.low <= 1 else scale.low // 2 if scale.low > 1 else scale.low * 2
        return scale.high * 2 if scale.log else scale.high + max((scale.high - scale.low) // 2, 1)
    return None


def _on_steps(scale: Scale, end: float, beyond: float | None) -> float | None:
    """``beyond`` moved to a whole number of steps from ``end``; None where none is beyond on that side of 0."""
    step = scale.step if isinstance(scale, Stepped) else None
    if beyond is None or step is None or step == 1:
        return beyond
    least = step / 2 if isinstance(scale, Log) or (isinstance(scale, Integer) and scale.log) else 0.0
    count = max(round(abs(beyond - end) / step), 1)
    for k in range(count, 0, -1) if beyond < end else [count]:
        exact = Decimal(repr(end)) + (-k if beyond < end else k) * Decimal(repr(step))
        found = int(exact) if isinstance(scale, Integer) else float(exact)
        if scale.low < 0 or (found > least if least else found >= 0):  # type: ignore[attr-defined]
            return found
    return None


def _shown(value: float) -> str:
    """``value`` as one writes it; near 1 with all digits that tell it from 1."""
    return str(value) if isinstance(value, int) else f"{value:.15g}" if 0.9 < value < 1 else f"{value:.6g}"
