"""Initial weights: their scale, their draws, and what becomes of the gradients in a deep network."""

import numpy as np
import pytest
import torch

from caviar.nn import architecture
from caviar.nn.architecture import Architecture, parameter_shapes
from caviar.nn.initialisers import INITIALISERS, initial_parameters
from caviar.nn.network import backward, forward
from caviar.randomness import Purpose, generator, stream_key

KEY = stream_key(1, Purpose.WEIGHTS)


def test_every_initialiser_that_a_config_may_name_exists():
    assert tuple(INITIALISERS) == architecture.INITIALISERS


def test_he_xavier_and_lecun_match_pytorch():
    torch.manual_seed(0)
    w = torch.empty(300, 500, dtype=torch.float64)  # PyTorch keeps (n_out, n_in)
    n_in, n_out = 500, 300
    expected = {
        "he": torch.nn.init.kaiming_normal_(w, nonlinearity="relu").std().item(),
        "xavier": torch.nn.init.xavier_normal_(w).std().item(),
        "lecun": torch.nn.init.kaiming_normal_(w, nonlinearity="linear").std().item(),
    }
    for name, deviation in expected.items():
        assert INITIALISERS[name](n_in, n_out) == pytest.approx(deviation, rel=0.01)


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("name", architecture.INITIALISERS)
def test_parameters_are_scaled_draws_in_the_order_of_the_layers(name, batch_norm):
    architecture = Architecture(5, 3, (7, 4), batch_norm=batch_norm, initialiser=name)
    parameters = initial_parameters(architecture, KEY)
    assert {name: p.shape for name, p in parameters.items()} == parameter_shapes(architecture)
    assert list(parameters) == list(parameter_shapes(architecture))
    random = generator(KEY)
    for layer, shape in ((1, (5, 7)), (2, (7, 4)), (3, (4, 3))):
        draws = INITIALISERS[name](*shape) * random.standard_normal(shape)
        np.testing.assert_array_equal(parameters[f"layer{layer}.w"], draws)
    assert all((p == 0).all() for name, p in parameters.items() if name.endswith((".b", ".beta")))
    assert all((p == 1).all() for name, p in parameters.items() if name.endswith(".gamma"))


def gradient_ratio(activation, initialiser):
    """Share of the last hidden layer's gradient that is left at the first, ten layers down, without batch norm."""
    architecture = Architecture(50, 5, (50,) * 10, activation, batch_norm=False, initialiser=initialiser)
    random = np.random.default_rng(0)
    x, y = random.standard_normal((100, 50)), random.integers(0, 5, 100)
    parameters = initial_parameters(architecture, KEY)
    gradients = backward(architecture, parameters, forward(architecture, parameters, x), y)
    return np.linalg.norm(gradients["layer1.w"]) / np.linalg.norm(gradients["layer11.b"])


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_small_normal_weights_make_gradients_vanish_in_a_deep_network(activation):
    assert gradient_ratio(activation, "small_normal") < 1e-9


@pytest.mark.parametrize(("activation", "initialiser"), [("tanh", "xavier"), ("tanh", "lecun"), ("relu", "he")])
def test_the_right_scale_keeps_gradients_alive(activation, initialiser):
    assert 0.1 < gradient_ratio(activation, initialiser) < 100
