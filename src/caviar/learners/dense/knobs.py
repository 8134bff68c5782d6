"""The knobs of a dense network: what can be turned while it trains, and within which limits.

How a knob is turned is in turning.py, and what a turn does to the schedule in runs/knobs.py.
"""

from __future__ import annotations

from caviar.nn.architecture import DECAYS_BY, OPTIMIZERS, SCHEDULES
from caviar.scales import Choice, Integer, Linear, Log
from caviar.space import Space

KNOBS = Space(
    learning_rate=Log(1e-9, 1e4),
    decay=Choice(SCHEDULES),
    decay_rate=Linear(0.0, 1e3),
    decay_by=Choice(DECAYS_BY),
    optimizer=Choice(OPTIMIZERS),
    momentum=Linear(0.0, 0.999999),
    beta1=Linear(0.0, 0.999999),
    beta2=Linear(0.0, 0.9999999),
    epsilon=Log(1e-30, 1.0),
    l2=Linear(0.0, 1e3),
    weight_decay=Linear(0.0, 1e3),
    dropout=Linear(0.0, 0.99),
    input_dropout=Linear(0.0, 0.99),
    batch_size=Integer(1, 2**24),
    clip_norm=Linear(0.0, 1e9),
)
"""The knobs and the widest limits of each; what a network cannot be trained with at all is refused too."""
