"""A classifier two-sample test: can a network tell old rows from new ones?

Notation
    n, m     old and new rows that the network has not seen
    s        its score of a row, larger where it takes the row for a new one
    AUC      share of the n m pairs in which the new row has the larger score, ties half
    V_i      for each row, the share of the rows of the other sample on its right side

A network of ours learns from half of the rows, as many old as new, and scores the other half. If both samples come from
one distribution no network can do better than AUC 0.5 on rows that it has not seen, and the test of Mann and Whitney
says how likely the AUC is. It sees what no test of one column can: a column that was shuffled among the rows. The
interval is DeLong's: the variance of the AUC is var(V_old) / n + var(V_new) / m.

The columns that it used are those that it needs: how much the AUC falls where a column is shuffled.

Sources: Lopez-Paz and Oquab, Revisiting classifier two-sample tests, 2017; Mann and Whitney, 1947; DeLong, DeLong and
Clarke-Pearson, Comparing the areas under two or more correlated receiver operating characteristic curves, 1988.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from caviar.analysis.columns import Part, importances
from caviar.data.column_inputs import ColumnInputs
from caviar.data.columns import Floats
from caviar.data.examples import Examples
from caviar.learners.contract import Keys, TrainingData, never
from caviar.learners.dense.early_stopping import train_with_patience
from caviar.learners.dense.learner import DenseLearner
from caviar.learners.scoring import Scoring
from caviar.randomness import Purpose, generator, stream_key
from caviar.records import Config

FEWEST = 1_000
"""Rows of each sample, below which the tests of single columns see more than a network does."""

_MOST = 6_000  # rows of each sample: a second of training
_EPOCHS, _PATIENCE = 40, 8
_CONFIG: Config = {"hidden_units": 64, "layers": 2, "optimizer": "adamw", "learning_rate": 2e-3, "weight_decay": 0.05}
_Z = 1.959963984540054  # the 97.5 % point of the normal distribution


@dataclass(frozen=True)
class TwoSample:
    """The ``auc`` with its interval of 95 %, its probability ``p`` by chance; ``columns`` by the fall of the AUC."""

    auc: float
    low: float
    high: float
    p: float
    rows: int
    columns: tuple[tuple[str, float], ...] = ()


def old_from_new(
    old: npt.NDArray[np.float32], new: npt.NDArray[np.float32], columns: Sequence[ColumnInputs], seed: int
) -> TwoSample:
    """Train a network to tell ``old`` (m, k) from ``new`` (m', k) inputs of ``columns``, and test it on other rows."""
    stream = generator(stream_key(seed, Purpose.DRIFT, repeat=1))
    size = min(len(old), len(new), _MOST)
    both = [rows[stream.permutation(len(rows))[:size]] for rows in (old, new)]
    half, tenth = size // 2, size // 10
    learned, watched, held = (
        _examples([rows[part] for rows in both])
        for part in (slice(None, half - tenth), slice(half - tenth, half), slice(half, None))
    )
    start = partial(DenseLearner("native").start, _CONFIG, TrainingData(learned, watched, 2), Keys.of(seed))
    _, _, best, _ = train_with_patience(start(), _EPOCHS, _PATIENCE, never())
    predictor = start(best).predictor()
    score = predictor.outputs(held.x)[:, 1]
    auc, low, high, p = area(score[held.y == 0], score[held.y == 1])
    fall = importances(
        columns,
        [Part(predictor, held)],
        sum(w.size for w in predictor.record()[1].values()),
        Scoring(2),
        "roc_auc",
        stream_key(seed, Purpose.COLUMNS),
    )
    used = sorted(((name, by) for name, by in fall.items() if by > 0), key=lambda pair: -pair[1])
    return TwoSample(auc, low, high, p, 2 * (size - half), tuple(used))


def area(old: Floats, new: Floats) -> tuple[float, float, float, float]:
    """AUC of the scores of ``old`` (n,) and ``new`` (m,) rows, DeLong's interval, and the probability by chance."""
    from scipy.stats import mannwhitneyu, rankdata

    n, m = len(old), len(new)
    ranks = rankdata(np.concatenate([old, new]))
    # The rank among all less the rank in the own sample counts the rows of the other sample below, ties half.
    above = 1 - (ranks[:n] - rankdata(old)) / m  # V of each old row: new rows with a larger score
    under = (ranks[n:] - rankdata(new)) / n  # V of each new row: old rows with a smaller one
    auc = float(under.mean())
    half = _Z * math.sqrt(float(above.var(ddof=1)) / n + float(under.var(ddof=1)) / m)
    p = float(mannwhitneyu(new, old, alternative="greater", method="asymptotic").pvalue)
    return auc, max(auc - half, 0.0), min(auc + half, 1.0), p if math.isfinite(p) else 1.0


def _examples(both: Sequence[npt.NDArray[np.float32]]) -> Examples:
    y = np.repeat(np.arange(2, dtype=np.int32), [len(rows) for rows in both])
    return Examples(np.ascontiguousarray(np.concatenate(both), dtype=np.float32), y)
