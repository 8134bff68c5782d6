"""The first layer by entries is the first layer: the same numbers as without, but for rounding, at every level."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.data.examples import Examples
from caviar.learners.contract import Keys, TrainingData, never
from caviar.learners.dense import layout
from caviar.learners.dense.layout import instruction_sets
from caviar.learners.dense.learner import DenseLearner
from caviar.nn.encoding import ENCODINGS

CONFIG = {"hidden_units": 20, "layers": 2, "learning_rate": 0.01, "batch_size": 32, "optimizer": "momentum"}


def mostly_zero(rows: int, columns: int, numbers: int, seed: int) -> Examples:
    """Rows with some numbers between columns that are seldom other than 0, and with values beyond those of training."""
    rng = np.random.default_rng(seed)
    x = (rng.random((rows, columns)) < 0.1).astype(np.float32)
    at = rng.permutation(columns)[:numbers]
    x[:, at] = rng.standard_normal((rows, numbers)) * rng.choice([0.1, 1.0, 30.0], numbers)
    x[:, at[:1]] = np.round(x[:, at[:1]])  # values that are edges of bins
    return Examples(x, (x[:, at].sum(axis=1) > 0).astype(np.int32), ((int(at[-1]), 5),) if numbers > 1 else ())


@pytest.mark.parametrize("level", instruction_sets())
@given(
    columns=st.integers(1, 60),
    numbers=st.integers(0, 5),
    encoding=st.sampled_from(ENCODINGS),
    dropped=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_by_entries_all_is_the_same_but_for_rounding(
    level: str, columns: int, numbers: int, encoding: str, dropped: float, seed: int
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAVIAR_INSTRUCTION_SET", level)
        training = mostly_zero(97, columns, min(numbers, columns), seed)
        other = Examples(training.x[::3] * 1.5, training.y[::3].copy(), training.codes)
        data = TrainingData(training, other, 2)
        found = []
        for ratio in (0.0, inf):  # always, never
            patch.setattr(layout, "_BY_ENTRIES", ratio)
            config = CONFIG | {"encoding": encoding, "bins": 8, "input_dropout": dropped}
            network = DenseLearner().start(config, data, Keys.of(seed))
            network.train(1, never())
            scores = network.evaluate(other).loss, network.evaluate(training).loss
            inside = [layer.gradient_norm for layer in network.inside(training, 0.01)]
            found.append([*network.state().values(), scores, inside, network.predictor().outputs(other.x)])
        for one, another in zip(*found, strict=True):
            scale = max(1.0, float(np.abs(another).max()))
            np.testing.assert_allclose(one, another, rtol=2e-3, atol=2e-4 * scale)


def test_the_way_is_chosen_by_what_is_not_zero():
    rng = np.random.default_rng(1)
    few = np.zeros((400, 64), np.float32)
    few[np.arange(400), rng.integers(0, 64, 400)] = 1
    full = rng.standard_normal((400, 64)).astype(np.float32)
    for x, encoding, by_entries in ((few, "standard", True), (full, "standard", False), (full, "quantile_bins", True)):
        data = TrainingData(Examples(x, (x[:, 0] > 0).astype(np.int32)), Examples(x[:0], np.zeros(0, np.int32)), 2)
        network = DenseLearner().start(CONFIG | {"encoding": encoding, "bins": 32}, data, Keys.of(1))
        shares = [float(share) for share in (x != 0).mean(axis=0)]
        assert layout.layout(network.architecture, shares)["by_entries"] is by_entries


def test_a_row_is_predicted_alike_alone_and_among_others():
    data = mostly_zero(300, 30, 4, 5)
    network = DenseLearner().start(
        CONFIG | {"encoding": "tree_bins", "bins": 16}, TrainingData(data, data, 2), Keys.of(1)
    )
    network.train(2, never())
    predictor = network.predictor()
    together = predictor.outputs(data.x)
    for row in (0, 150, 299):
        np.testing.assert_array_equal(predictor.outputs(data.x[row : row + 1])[0], together[row])
