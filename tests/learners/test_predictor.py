"""Folding batch norm into the weights of a trained dense network."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caviar.errors import ModelError
from caviar.learners.dense.predictor import DensePredictor, fold
from caviar.nn.architecture import ACTIVATIONS, Architecture, statistics_shapes
from caviar.nn.network import scores
from caviar.nn.softmax import softmax
from caviar.nn.state import State
from tests.learners.contract import trained


@settings(deadline=None)
@given(
    hidden=st.lists(st.integers(1, 20), max_size=3).map(tuple),
    activation=st.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid"]),
    batch_norm=st.booleans(),
    input_scaling=st.booleans(),
    parametric=st.booleans(),
    steps=st.integers(0, 200),
    seed=st.integers(0, 1000),
)
def test_folding_changes_nothing_but_rounding(
    hidden: tuple[int, ...],
    activation: str,
    batch_norm: bool,
    input_scaling: bool,
    parametric: bool,
    steps: int,
    seed: int,
) -> None:
    architecture = Architecture(
        6,
        3,
        hidden,
        activation=activation,
        batch_norm=batch_norm,
        dropout=0.5,
        input_scaling=input_scaling,
        parametric_activation=parametric,
    )
    arrays = trained(architecture, seed, steps)
    if steps == 0:
        arrays |= {name: np.zeros(shape) for name, shape in statistics_shapes(architecture).items()}
    x = np.random.default_rng(seed).normal(size=(7, 6))
    expected = softmax(scores(architecture, State(arrays, steps), x))
    state = {**arrays, "layer1.w.first": arrays["layer1.w"], "step": np.array(steps)}
    found = DensePredictor.of(architecture, state).outputs(x)
    size = 1 + np.abs(scores(architecture, State(arrays, steps), x)).max()  # the scores' rounding is relative to theirs
    np.testing.assert_allclose(found, expected, atol=2e-5 * size)


def test_the_folded_layer_is_the_formula() -> None:
    architecture = Architecture(1, 2, (1,), batch_norm_momentum=0.5, batch_norm_epsilon=1.0)
    arrays: dict[str, Any] = {"layer1.w": [[2.0]], "layer1.gamma": [6.0], "layer1.beta": [1.0], "layer1.mean": [3.0]}
    arrays |= {"layer1.variance": [6.0], "layer2.w": [[1.0, 2.0]], "layer2.b": [3.0, 4.0]}
    folded = fold(architecture, arrays, step=2)  # corrected by 1 - 0.5**2: mean 4, variance 8, so gamma / 3
    assert {name: w.tolist() for name, w in folded.items()} == {
        "layer1.w": [[4.0]],
        "layer1.b": [1.0 - 4.0 * 2.0],
        "layer2.w": [[1.0, 2.0]],
        "layer2.b": [3.0, 4.0],
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda w: {**w, "layer1.w": w["layer1.w"].T},
        lambda w: {**w, "layer4.b": w["layer1.b"]},
        lambda w: {name: v for name, v in w.items() if name != "layer3.b"},
        lambda w: {**w, "layer1.b": w["layer1.b"].astype(np.float64)},
    ],
)
def test_weights_that_do_not_fit_are_refused(change: Callable[[Any], Any]) -> None:
    architecture = Architecture(4, 3, (8, 5))
    weights = fold(architecture, trained(architecture, seed=1, steps=20), 20)
    assert DensePredictor(architecture, weights).shape == (4,)
    with pytest.raises(ModelError, match=r"fit the architecture|float32"):
        DensePredictor(architecture, change(dict(weights)))


@pytest.mark.parametrize("depth", [2, 70])
def test_a_predictor_is_pickled_and_copied_after_its_first_answer(depth: int) -> None:
    """70 hidden layers are more than the native engine has: the reference engine's networks predict as well."""
    architecture = Architecture(6, 3, (5,) * depth)
    predictor = DensePredictor.of(architecture, {**trained(architecture, 1, 10), "step": np.array(10)})
    x = np.random.default_rng(2).normal(size=(9, 6))
    said = predictor.outputs(x)
    for other in (pickle.loads(pickle.dumps(predictor)), copy.deepcopy(predictor)):
        np.testing.assert_array_equal(other.outputs(x), said)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(5,), (20, 16), (32,)])
def test_what_is_infinite_in_float32_is_answered_as_nn_answers_it(hidden: tuple[int, ...], activation: str) -> None:
    """Also beside the padding of the engine's strips, where infinity times 0 is NaN; and without a warning."""
    architecture = Architecture(4, 3, hidden, activation=activation, batch_norm=False)
    predictor = DensePredictor.of(architecture, {**trained(architecture, 3, 1), "step": np.array(1)})
    x = np.random.default_rng(4).normal(size=(5, 4))
    x[1, 2], x[3, 0], x[4, 1] = 1e90, -1e90, np.nan
    with np.errstate(all="ignore"):
        weights = {name: w.astype(np.float64) for name, w in predictor.weights.items()}
        true = scores(architecture, State(weights, 1), x.astype(np.float32).astype(np.float64))
    np.testing.assert_allclose(predictor.scores(x), true, rtol=1e-3, atol=1e-4)
