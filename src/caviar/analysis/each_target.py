"""The scores of each of several targets: which of them the network knows, and which it does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

from caviar.data.several import TargetColumn
from caviar.label_sets import unpacked
from caviar.learners.contract import Floats
from caviar.learners.scoring import Targets
from caviar.nn.metrics import f1_of_several, hamming_accuracy, log_loss_of_several
from caviar.records.result import TargetScores


def each_target(
    outputs: Floats, labels: Floats | None, y: Targets, training: Targets, columns: Sequence[TargetColumn]
) -> list[TargetScores]:
    """The scores of ``outputs`` (m, K) for rows with label sets ``y`` (m,), a target each.

    labels: (m, K) as the networks gave them, where a label need not be the more probable one. training: (n,) the label
    sets of the rows that were trained on.
    """
    said = outputs if labels is None else labels
    true, before = unpacked(y, len(columns)), unpacked(training, len(columns)).mean(axis=0)
    found = []
    for k, column in enumerate(columns):
        one = slice(k, k + 1)
        f1 = f1_of_several(said[:, one], true[:, one])
        found.append(
            TargetScores(
                column=column.name,
                labels=list(column.labels),
                rows=int(true[:, k].sum()),
                accuracy=hamming_accuracy(said[:, one], true[:, one]),
                majority=float((true[:, k] == (before[k] > 0.5)).mean()),
                f1=f1 if math.isfinite(f1) else None,
                log_loss=log_loss_of_several(outputs[:, one], true[:, one]),
            )
        )
    return found
