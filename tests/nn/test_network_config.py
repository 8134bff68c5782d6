"""From a config to a network: what is accepted, what is refused and in which words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.nn.config import HYPERPARAMETERS, Architecture, Optimisation, from_config, parameter_shapes

FULL = {
    "learning_rate": 0.01,
    "optimizer": "momentum",
    "momentum": 0.95,
    "beta1": 0.8,
    "beta2": 0.99,
    "epsilon": 1e-7,
    "batch_size": 32,
    "hidden_units": 48,
    "layers": 3,
    "activation": "tanh",
    "batch_norm": False,
    "batch_norm_momentum": 0.8,
    "batch_norm_epsilon": 1e-3,
    "dropout": 0.25,
    "initialiser": "lecun",
    "l2": 1e-4,
    "decay": "staircase",
    "decay_rate": 0.1,
}


def test_every_hyperparameter_arrives_where_it_belongs():
    assert set(FULL) == set(HYPERPARAMETERS)
    architecture, optimisation = from_config(FULL, 7, 3)
    assert architecture == Architecture(7, 3, (48, 48, 48), "tanh", False, 0.8, 1e-3, 0.25, "lecun")
    assert optimisation == Optimisation("momentum", 0.01, 0.95, 0.8, 0.99, 1e-7, 1e-4, 32, "staircase", 0.1)


def test_an_empty_config_is_a_network_too():
    architecture, optimisation = from_config({}, 4, 2)
    assert architecture == Architecture(4, 2, (64, 64))
    assert optimisation == Optimisation()


def test_no_layers_is_softmax_regression():
    architecture, _ = from_config({"layers": 0, "batch_size": 1}, 4, 2)
    assert parameter_shapes(architecture) == {"layer1.w": (4, 2), "layer1.b": (2,)}


@pytest.mark.parametrize(
    ("activation", "initialiser"),
    [("relu", "he"), ("leaky_relu", "he"), ("tanh", "xavier"), ("sigmoid", "xavier")],
)
def test_the_initialiser_follows_the_activation_unless_it_is_given(activation, initialiser):
    assert from_config({"activation": activation}, 4, 2)[0].initialiser == initialiser
    assert from_config({"activation": activation, "initialiser": "lecun"}, 4, 2)[0].initialiser == "lecun"


def test_numbers_of_numpy_become_plain_ones():
    config = {"hidden_units": np.int64(8), "layers": np.int32(2), "learning_rate": np.float32(0.5)}
    architecture, optimisation = from_config(config, 4, 2)
    assert (architecture.hidden_units, optimisation.learning_rate) == ((8, 8), 0.5)
    assert type(architecture.hidden_units[0]) is int


def test_an_absurd_learning_rate_is_allowed_because_divergence_is_a_result():
    assert from_config({"learning_rate": 1e30}, 4, 2)[1].learning_rate == 1e30


BAD = {
    "learning_rate": [-0.1, 0, "fast", True, 10**400],
    "optimizer": ["adamm", "", 3, None],
    "momentum": [-0.1, 1.0, 2],
    "beta1": [-0.1, 1.0],
    "beta2": [-0.1, 1.0],
    "epsilon": [0, -1e-8, 1e-40],
    "batch_size": [0, -1, 32.0, True, 2**40],
    "hidden_units": [0, -3, 2.5, True, "64", 2**40],
    "layers": [-1, 1.0, True, 10**6],
    "activation": ["Relu6", None],
    "batch_norm": [0, 1, "yes", None],
    "batch_norm_momentum": [-0.1, 1.0],
    "batch_norm_epsilon": [0, -1],
    "dropout": [-0.1, 1.0, 5],
    "initialiser": ["hee", None],
    "l2": [-1e-9, "none"],
    "decay": ["linear", None],
    "decay_rate": [-0.1, "slow"],
}
NUMBERS = sorted(name for name, value in FULL.items() if isinstance(value, float))


def refusal(config):
    with pytest.raises(ConfigError) as caught:
        from_config(config, 4, 2)
    assert all(line and "\n" not in line for line in (caught.value.rule, caught.value.way_out))
    return caught.value


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_value_out_of_range_is_refused_by_name(name, value):
    assert name in refusal({**FULL, name: value}).rule


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), np.float32("nan")])
@pytest.mark.parametrize("name", NUMBERS)
def test_nan_and_infinity_are_refused_everywhere(name, value):
    assert name in refusal({**FULL, name: value}).rule


@pytest.mark.parametrize(("decay", "rate"), [("exponential", 1.0), ("staircase", 1.5)])
def test_a_decay_rate_must_fit_its_schedule(decay, rate):
    assert "decay_rate" in refusal({"decay": decay, "decay_rate": rate}).rule
    assert from_config({"decay": "inverse", "decay_rate": rate}, 4, 2)[1].decay_rate == rate


def test_an_unknown_hyperparameter_gets_a_suggestion():
    assert refusal({"learning_rat": 0.1}).way_out == "did you mean 'learning_rate'?"
    assert "'adam'" in refusal({"optimizer": "adamm"}).way_out


def test_batch_norm_needs_two_examples_a_mini_batch():
    assert "batch_size" in refusal({"batch_size": 1}).rule
    assert from_config({"batch_size": 1, "batch_norm": False}, 4, 2)[1].batch_size == 1


@pytest.mark.parametrize(("n_in", "n_out"), [(0, 2), (4, 1), (4, 0), (-1, 2)])
def test_a_network_has_a_feature_and_two_classes(n_in, n_out):
    with pytest.raises(ConfigError):
        from_config({}, n_in, n_out)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["", "adam", "tanh", "he", "1"])
)


@given(st.dictionaries(st.sampled_from(HYPERPARAMETERS), ANYTHING))
def test_whatever_is_given_the_answer_is_a_network_or_a_config_error(config):
    try:
        architecture, _ = from_config(config, 4, 2)
    except ConfigError:
        return
    assert parameter_shapes(architecture)
