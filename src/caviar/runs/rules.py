"""The nurse: what a careful person does who watches a network through the night. docs/nurse.md measures it.

Every rule is a function of what was seen and of the thresholds, and gives an Advice or None. Nothing here acts: the
loop does, and writes it into the diary. A rule that only says something says it once, until it has become untrue and
the run has news: a new best epoch, a knob that was turned, a rollback.

    rule         sees                                              does
    diverged     NaN or infinity                                   roll back, halve the learning rate
    exploding    the smoothed loss far above the last epoch's      the same, before it is NaN
    worsened     an epoch's losses, both, far above the best       the same
    regretted    a rate was turned up, and both losses with it     the same, to before the turn
    plateau      no new best for many epochs                       propose a decay, or do it (nurse "act")
    overfitting  validation turns while training falls             propose l2, dropout, or the best snapshot
    vanishing    a layer's gradient far below the others'          say so
    dead         relu units that are never positive                say so
    saturated    tanh or sigmoid units at their ends               say so
    tearing      updates above 0.3 of the weights                  say so

Notation
    chance_loss   the loss of guessing blindly: log(classes), or 1 for a standardised number
    s             the loss of the mini-batches, exponentially weighted with bias correction

Sources: Course, week 2, "Understanding exponentially weighted averages", "Bias correction"; Prechelt, Early stopping -
but when?, 1998 (validation turning); PyTorch's ReduceLROnPlateau (patience 10, relative threshold); Karpathy, CS231n,
"Babysitting the learning process" (update ratio 1e-3, dead units); Glorot and Bengio, 2010 (saturation, gradients over
layers); Chowdhery et al., PaLM, 2022, section 5.1 (go back to a checkpoint before a spike).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caviar.nn.averages import bias_corrected, exponentially_weighted
from caviar.records import Value
from caviar.records.config import as_number
from caviar.runs.epochs import Epochs, train_loss, validation_loss


@dataclass(frozen=True)
class Thresholds:
    """Where each rule begins."""

    smoothing: float = 0.9  # beta of s: some 10 mini-batches, so that one odd batch is no alarm
    fewest: int = 10  # mini-batches that s must have seen
    exploding_times: float = 3.0  # s above so many times the last epoch's loss, and
    exploding_above: float = 0.5  # above it by this share of chance_loss: a loss of 0.01 may well triple
    worsened_times: float = 1.5  # an epoch's training loss above so many times the best, validation's too, and
    worsened_above: float = 0.15  # both above by this share of chance_loss
    turned_up_times: float = 2.0  # a learning rate turned up by so much
    regretted_epochs: int = 2  # since then, in each of which
    regretted_rise: float = 0.05  # both losses were above those before it, relatively
    plateau_epochs: int = 10
    plateau_gain: float = 0.005  # a relative gain of the validation loss below this in all these epochs is none
    decay: float = 0.3  # what a plateau multiplies the learning rate by
    overfitting_epochs: int = 5  # since the best validation loss, and
    overfitting_rise: float = 0.10  # relative rise above it, while the training loss fell
    vanishing: float = 1e-4  # of the largest gradient norm of any layer
    exploding_gradient: float = 1e4
    dead: float = 0.5  # share of a layer's units
    saturated: float = 0.5
    tearing: float = 0.3  # update to weight
    looks: int = 2  # epochs in a row in which a layer must be ill
    rollbacks: int = 5  # without a new best in between; then stop, with advice


THRESHOLDS = Thresholds()

_REMEMBERED = 120  # epochs: what lies further back has no share of 1e-18 in an average that forgets by 0.7


@dataclass(frozen=True)
class Sight:
    """The facts that the rules judge a run by.

    ``losses`` are those of the mini-batches since the last finished epoch, turn of the batch or rollback; ``epochs``
    what was measured of the epochs that are in the network, oldest first (names as the loop measures them); ``finite``
    is False after a NaN or an infinity; ``epoch_ended`` says that the last of ``epochs`` is new; ``rollbacks`` counts
    the nurse's own since the last best; ``since_turn`` the epochs since any knob was turned; ``rate_increased`` is the
    epoch after which somebody turned the learning rate up, None where nobody did.
    """

    losses: Sequence[float]
    epochs: Epochs
    chance_loss: float
    finite: bool = True
    epoch_ended: bool = False
    rollbacks: int = 0
    since_turn: int = 1 << 30
    rate_increased: int | None = None
    knobs: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Advice:
    """The verdict of a rule: ``action`` is "rollback", "turn", "stop" or "say"."""

    rule: str
    action: str
    text: str
    changes: Mapping[str, Value] = field(default_factory=dict)


Rule = Callable[[Sight, Thresholds], Advice | None]


def smoothed(losses: Sequence[float], beta: float) -> float:
    """The bias-corrected exponentially weighted average of ``losses``."""
    v: Any = 0.0
    for loss in losses:
        v = exponentially_weighted(v, loss, beta)  # type: ignore[arg-type]  # a number is an array of no dimensions
    return float(bias_corrected(v, beta, len(losses))) if losses else math.nan


def diverged(sight: Sight, t: Thresholds) -> Advice | None:
    """NaN or infinity: no step from here leads back."""
    if sight.finite:
        return None
    return Advice("diverged", "rollback", "the loss is no longer a finite number")


def exploding(sight: Sight, t: Thresholds) -> Advice | None:
    """The smoothed loss of the mini-batches is far above the last epoch's: better now than after the NaN."""
    if len(sight.losses) < t.fewest:
        return None
    base = float(sight.epochs[-1]["train_loss"]) if sight.epochs else sight.chance_loss
    s = smoothed(sight.losses[-20 * t.fewest :], t.smoothing)
    limit = max(t.exploding_times * base, base + t.exploding_above * sight.chance_loss)
    if s <= limit:
        return None
    return Advice("exploding", "rollback", f"the smoothed loss {s:.4g} is far above the last epoch's {base:.4g}")


def worsened(sight: Sight, t: Thresholds) -> Advice | None:
    """A whole epoch was far worse than the best, on both parts: something broke, and it is not overfitting."""
    if not sight.epoch_ended or len(sight.epochs) < 2:
        return None
    now, before = sight.epochs[-1], len(sight.epochs) - 1
    for loss in (train_loss, validation_loss):
        value, best = loss(now), sight.epochs.lowest(loss, before)
        if math.isnan(value) or value <= max(t.worsened_times * best, best + t.worsened_above * sight.chance_loss):
            return None
    return Advice("worsened", "rollback", f"validation loss {validation_loss(now):.4g}, and it was {best:.4g}")


def regretted(sight: Sight, t: Thresholds) -> Advice | None:
    """A learning rate that was turned up, and every epoch since was worse than the last before it, on both parts."""
    if not sight.epoch_ended or sight.rate_increased is None:
        return None
    last = sight.epochs[-t.regretted_epochs - 1 :]
    before = [epoch for epoch in last if epoch["epoch"] <= sight.rate_increased]
    since = [epoch for epoch in last if epoch["epoch"] > sight.rate_increased]
    if not before or len(since) != t.regretted_epochs:
        return None
    for loss in (train_loss, validation_loss):
        if not all(loss(epoch) > loss(before[-1]) * (1 + t.regretted_rise) for epoch in since):
            return None
    return Advice("regretted", "rollback", "since the learning rate was turned up both losses are higher than before")


def plateau(sight: Sight, t: Thresholds) -> Advice | None:
    """No new best in a while, and nothing was turned in that time: smaller steps may find the way down."""
    n = t.plateau_epochs
    if not sight.epoch_ended or len(sight.epochs) <= n or sight.since_turn < n:
        return None
    before = len(sight.epochs) - n
    for loss in (validation_loss, train_loss):  # a training loss that still falls is no plateau
        if min(map(loss, sight.epochs[-n:])) < sight.epochs.lowest(loss, before) * (1 - t.plateau_gain):
            return None
    rate = as_number(sight.knobs.get("learning_rate")) * t.decay
    return Advice(
        "plateau",
        "turn",
        f"no better for {n} epochs: try a learning rate of {rate:.3g}",
        {"learning_rate": rate},
    )


def overfitting(sight: Sight, t: Thresholds) -> Advice | None:
    """Validation turned while training falls: the network learns the training rows by heart."""
    if not sight.epoch_ended or len(sight.epochs) <= t.overfitting_epochs:
        return None
    best = sight.epochs.best(validation_loss)
    if best is None or len(sight.epochs) - 1 - best < t.overfitting_epochs:
        return None
    before, now = _smoothed_validation(sight.epochs, best + 1), _smoothed_validation(sight.epochs, len(sight.epochs))
    risen = now > before * (1 + t.overfitting_rise)  # not above the best alone: one lucky epoch is no turn
    if not risen or train_loss(sight.epochs[-1]) >= train_loss(sight.epochs[best]):
        return None
    return Advice(
        "overfitting",
        "say",
        f"the validation loss was best {len(sight.epochs) - 1 - best} epochs ago and rises while training falls: "
        "turn l2 or dropout up, or roll back to the best snapshot and stop",
    )


def _smoothed_validation(epochs: Epochs, until: int) -> float:
    """The smoothed validation loss after so many epochs."""
    return smoothed([validation_loss(epoch) for epoch in epochs[max(until - _REMEMBERED, 0) : until]], 0.7)


def vanishing(sight: Sight, t: Thresholds) -> Advice | None:
    """Gradients that differ by many orders between layers: the lower ones learn nothing, or tear."""
    worst = _in_all_looks(sight, t, lambda layers: _spread(layers, "gradient_norm") < t.vanishing)
    if worst:
        return Advice(
            "vanishing",
            "say",
            "the gradient of a layer is ten thousand times smaller than another's: batch norm, relu with he, or fewer "
            "layers",
        )
    if _in_all_looks(sight, t, lambda layers: max(one["gradient_norm"] for one in layers) > t.exploding_gradient):
        return Advice("vanishing", "say", "gradients are enormous: turn clip_norm to 1, or the learning rate down")
    return None


def dead(sight: Sight, t: Thresholds) -> Advice | None:
    """Relu units that are 0 for every row get no gradient and stay so."""
    if not _in_all_looks(sight, t, lambda layers: max(one["dead"] for one in layers) > t.dead):
        return None
    return Advice(
        "dead", "say", "more than half of a layer's relus are dead: a lower learning rate, or leaky_relu from the start"
    )


def saturated(sight: Sight, t: Thresholds) -> Advice | None:
    """Tanh and sigmoid units at their ends pass no gradient on."""
    if not _in_all_looks(sight, t, lambda layers: max(one["saturated"] for one in layers) > t.saturated):
        return None
    return Advice(
        "saturated",
        "say",
        "more than half of a layer's units are saturated: a lower learning rate, more l2, batch norm",
    )


def tearing(sight: Sight, t: Thresholds) -> Advice | None:
    """Updates as large as a good part of the weights: 1e-3 is healthy."""
    if not _in_all_looks(sight, t, lambda layers: min(one["update_to_weight"] for one in layers) > t.tearing):
        return None
    return Advice("tearing", "say", "every layer's step is a third of its weights or more: turn the learning rate down")


RULES: tuple[Rule, ...] = (
    diverged,
    exploding,
    worsened,
    regretted,
    plateau,
    overfitting,
    vanishing,
    dead,
    saturated,
    tearing,
)


def advise(sight: Sight, thresholds: Thresholds = THRESHOLDS, rules: Sequence[Rule] = RULES) -> list[Advice]:
    """The verdicts of all rules on ``sight``; a rollback comes alone, and becomes a stop after too many."""
    found = []
    for rule in rules:
        advice = rule(sight, thresholds)
        if advice is None:
            continue
        if advice.action != "rollback":
            found.append(advice)
        elif sight.rollbacks < thresholds.rollbacks:
            return [advice]
        else:
            text = (
                f"{advice.text}, and {sight.rollbacks} rollbacks with halved learning rates did not help: begin anew "
                "with a learning rate ten times smaller, clip_norm = 1 and batch_norm, and look at the data"
            )
            return [Advice(advice.rule, "stop", text)]
    return found


def _in_all_looks(sight: Sight, t: Thresholds, ill: Callable[[list[dict[str, float]]], bool]) -> bool:
    if not sight.epoch_ended or len(sight.epochs) < t.looks:
        return False
    looks = [epoch.get("inside") for epoch in sight.epochs[-t.looks :]]
    return all(layers and ill(layers) for layers in looks)


def _spread(layers: list[dict[str, float]], name: str) -> float:
    values = [layer[name] for layer in layers]
    return min(values) / max(max(values), 1e-300)
