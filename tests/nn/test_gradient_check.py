"""Gradient checking: silent on the right formulas, and on a wrong one it names the block."""

from dataclasses import replace

import numpy as np
import pytest

from caviar.errors import ConfigError
from caviar.label_sets import packed
from caviar.nn import network
from caviar.nn.activations import Activation
from caviar.nn.architecture import ACTIVATIONS, OUTPUTS, Architecture, Optimisation
from caviar.nn.gradient_check import check_gradients
from caviar.nn.losses import PLAIN, LossTerms
from caviar.nn.network import initial_state, train_step
from caviar.randomness import Purpose, stream_key

WEIGHTS = stream_key(3, Purpose.WEIGHTS)
DROPOUT = stream_key(3, Purpose.DROPOUT)
L2 = LossTerms(l2=0.1)
OBJECTIVES = {
    "plain": PLAIN,
    "l2": L2,
    "all": LossTerms(l2=0.1, label_smoothing=0.2, class_weights=np.array([0.5, 2.0, 1.25])),
}


def examples(seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((10, 4)), random.integers(0, 3, 10)


def examples_for(architecture, seed=0):
    x, y = examples(seed)
    if architecture.regression:
        return x, x[:, 0] * x[:, 1] + y
    if architecture.several:
        return x, packed(x[:, : architecture.n_out] + y[:, None] > 1)
    return x, y % architecture.n_out


def trained(architecture, steps):
    optimisation = Optimisation(l2=0.1)
    state = initial_state(architecture, optimisation, WEIGHTS)
    for step in range(steps):
        state, _ = train_step(architecture, optimisation, state, *examples_for(architecture, step), 0.05, DROPOUT)
    return state.arrays


@pytest.mark.parametrize("steps", [0, 30])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_right_formulas_pass_at_initialisation_and_after_training(activation, batch_norm, steps):
    architecture = Architecture(4, 3, (6, 5), activation, batch_norm=batch_norm)
    arrays = trained(architecture, steps)
    report = check_gradients(architecture, arrays, *examples(), L2)
    assert report.wrong == ()
    # Through the identity a shift of one layer is taken away by the batch norm of the next: beta's gradient is 0.
    idle = "layer1.beta" if activation == "identity" and batch_norm else None
    assert max(block.error for block in report.blocks if block.name != idle) < 1e-6


@pytest.mark.parametrize("what", OBJECTIVES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_passes_with_all_that_a_loss_may_count(output, what):
    n_out = {"softmax": 3, "sigmoid": 2, "linear": 1, "sigmoids": 3}[output]
    architecture, terms = Architecture(4, n_out, (6, 5), "gelu", output=output), OBJECTIVES[what]
    if architecture.several and terms.class_weights is not None:
        terms = replace(terms, class_weights=np.array([[0.5, 2.0], [1.25, 1.0], [3.0, 0.7]]))
    report = check_gradients(architecture, trained(architecture, 20), *examples_for(architecture), terms)
    assert report.wrong == ()
    assert max(block.error for block in report.blocks) < 1e-6


@pytest.mark.parametrize(
    "terms", [LossTerms(0.1, loss="huber", huber_delta=0.7), LossTerms(loss="pinball", quantile=0.8)]
)
def test_the_losses_of_numbers_pass(terms):
    architecture = Architecture(4, 1, (6, 5), "mish", output="linear")
    arrays = trained(architecture, 20)
    report = check_gradients(architecture, arrays, *examples_for(architecture), terms)
    assert report.wrong == ()


@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_shares_of_activations_pass(batch_norm):
    architecture = Architecture(4, 3, (6, 5), "mish", batch_norm=batch_norm, parametric_activation=True)
    assert check_gradients(architecture, trained(architecture, 20), *examples(), L2).wrong == ()


@pytest.mark.parametrize("hidden", [(), (6, 5)])
def test_the_factors_of_inputs_pass(hidden):
    architecture = Architecture(4, 3, hidden, "gelu", input_scaling=True)
    report = check_gradients(architecture, trained(architecture, 20), *examples(), L2)
    assert report.wrong == ()
    assert report.blocks[0].name == "layer1.scale"


def test_gradients_that_have_vanished_are_not_called_wrong():
    architecture = Architecture(4, 3, (6,) * 8, "tanh", batch_norm=False, initialiser="small_normal")
    assert check_gradients(architecture, trained(architecture, 0), *examples()).wrong == ()


def test_a_network_of_dead_units_passes():
    architecture = Architecture(4, 3, (6,), batch_norm=False)
    arrays = trained(architecture, 0)
    arrays["layer1.b"] = np.full(6, -1e3)
    report = check_gradients(architecture, arrays, *examples())
    assert report.wrong == ()
    assert report.blocks[0].error == 0


def test_numbers_at_a_kink_are_left_out_and_counted():
    architecture = Architecture(4, 3, (6,), batch_norm=False)
    arrays = trained(architecture, 0)
    x, y = examples()
    arrays["layer1.b"] = -(x @ arrays["layer1.w"])[0]  # every z of the first example is 0
    blocks = {block.name: block for block in check_gradients(architecture, arrays, x, y).blocks}
    assert (blocks["layer1.b"].left_out, blocks["layer1.b"].right) == (6, False)  # nothing left to compare
    assert blocks["layer2.w"].left_out == 0
    assert blocks["layer2.w"].right


@pytest.mark.parametrize("which", ["dropout", "input_dropout"])
def test_it_refuses_to_run_with_dropout_on(which):
    architecture = Architecture(4, 3, (6,), **{which: 0.2})
    with pytest.raises(ConfigError, match="without dropout"):
        check_gradients(architecture, trained(architecture, 0), *examples())


def forget_the_statistics(dout, gamma, cache):
    """Batch norm's backward pass as if mean and variance were constants: the mistake that everyone makes once."""
    z_hat = cache.centred / cache.deviation
    return dout * gamma / cache.deviation, (dout * z_hat).sum(axis=0), dout.sum(axis=0)


def forget_gamma(dout, gamma, cache):
    dz, _, dbeta = network_batch_norm_backward(dout, gamma, cache)
    return dz, (dout * cache.centred).sum(axis=0), dbeta


def mean_of_db(dz, x, w):
    dx, dw, db = network_dense_backward(dz, x, w)
    return dx, dw, db / len(dz)


network_batch_norm_backward = network.batch_norm_backward
network_dense_backward = network.dense_backward


@pytest.mark.parametrize(
    ("formula", "wrong", "blocks"),
    [
        ("batch_norm_backward", forget_the_statistics, ("layer1.w",)),
        ("batch_norm_backward", forget_gamma, ("layer1.gamma",)),
        ("dense_backward", mean_of_db, ("layer2.b",)),
    ],
)
def test_a_wrong_formula_is_found_and_its_block_named(monkeypatch, formula, wrong, blocks):
    architecture = Architecture(4, 3, (6,), "tanh")
    monkeypatch.setattr(network, formula, wrong)
    assert check_gradients(architecture, trained(architecture, 0), *examples(), L2).wrong == blocks


def test_a_wrong_derivative_is_found_in_the_layers_below_it(monkeypatch):
    architecture = Architecture(4, 3, (6,), "tanh")
    monkeypatch.setitem(network.ACTIVATIONS, "tanh", Activation(np.tanh, lambda z, a: 1 - a))
    report = check_gradients(architecture, trained(architecture, 0), *examples())
    assert report.wrong == ("layer1.w", "layer1.gamma", "layer1.beta")


def test_a_forgotten_l2_term_is_found(monkeypatch):
    architecture = Architecture(4, 3, (6,), "tanh")
    with monkeypatch.context() as patch:
        patch.setattr(network, "_weights", lambda architecture: ["layer2.w"])
        patch.setattr("caviar.nn.gradient_check.penalty", lambda a, arrays, l2: l2 / 2 * sum_of_squares(arrays))
        report = check_gradients(architecture, trained(architecture, 0), *examples(), L2)
    assert report.wrong == ("layer1.w",)


def sum_of_squares(arrays):
    return sum(float((arrays[name] ** 2).sum()) for name in ("layer1.w", "layer2.w"))


def test_an_error_of_one_in_a_hundred_thousand_is_found(monkeypatch):
    architecture = Architecture(4, 3, (6,), "tanh")
    monkeypatch.setattr(network, "mean_loss_backward", lambda *arguments: 1.00001 * loss_gradient(*arguments))
    assert len(check_gradients(architecture, trained(architecture, 0), *examples()).wrong) == 5


loss_gradient = network.mean_loss_backward
