"""From a config to a network: what is accepted, what is refused and in which words."""

import json
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caviar.errors import ConfigError
from caviar.learners.dense.config import HYPERPARAMETERS, from_config
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes

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
    "shape": "halving",
    "activation": "tanh",
    "batch_norm": False,
    "batch_norm_momentum": 0.8,
    "batch_norm_epsilon": 1e-3,
    "dropout": 0.25,
    "batch_norm_statistics": "exact",
    "input_dropout": 0.1,
    "output": "softmax",
    "encoding": "robust",
    "bins": 24,
    "initialiser": "lecun",
    "l2": 1e-4,
    "decay": "staircase",
    "decay_rate": 0.1,
    "weight_decay": 0.02,
    "clip_norm": 1.5,
    "decay_by": "step",
    "warmup_steps": 20,
    "label_smoothing": 0.05,
    "class_weights": "balanced",
    "input_scaling": True,
    "input_scaling_rate": 3.0,
    "parametric_activation": True,
    "averaging": 0.99,
    "loss": "squared",
    "huber_delta": 1.0,
    "quantile": 0.5,
}


def test_every_hyperparameter_arrives_where_it_belongs():
    assert set(FULL) == set(HYPERPARAMETERS)
    architecture, optimisation = from_config(FULL, 7, 3)
    assert architecture == Architecture(
        7, 3, (48, 24, 12), "tanh", False, 0.8, 1e-3, 0.25, "lecun", "exact", 0.1, "softmax", True, True, "robust", 24
    )
    assert optimisation == Optimisation(
        *("momentum", 0.01, 0.95, 0.8, 0.99, 1e-7, 1e-4, 32, "staircase", 0.1),
        *(0.02, 1.5, "step", 20, 0.05, "balanced", 3.0, 0.99),
    )


def test_the_document_lists_every_hyperparameter_with_its_default():
    text = (Path(__file__).parents[2] / "docs" / "hyperparameters.md").read_text()
    listed = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", text, flags=re.MULTILINE))
    assert set(listed) == set(HYPERPARAMETERS)
    defaults = {f.name: f.default for kind in (Architecture, Optimisation) for f in fields(kind)}
    defaults |= {"hidden_units": 64, "layers": 2, "shape": "constant"}
    for name, shown in listed.items():
        value = defaults[name]
        assert shown == value if isinstance(value, str) else json.loads(shown) == value, name


def test_an_empty_config_is_a_network_too():
    architecture, optimisation = from_config({}, 4, 2)
    assert architecture == Architecture(4, 2, (64, 64))
    assert optimisation == Optimisation()


def test_no_layers_is_softmax_regression():
    architecture, _ = from_config({"layers": 0, "batch_size": 1}, 4, 2)
    assert parameter_shapes(architecture) == {"layer1.w": (4, 2), "layer1.b": (2,)}


@pytest.mark.parametrize(
    ("activation", "initialiser"),
    [
        *((name, "he") for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "mish")),
        *(("tanh", "xavier"), ("sigmoid", "xavier"), ("identity", "lecun"), ("selu", "lecun")),
    ],
)
def test_the_initialiser_follows_the_activation_unless_it_is_given(activation, initialiser):
    assert from_config({"activation": activation}, 4, 2)[0].initialiser == initialiser
    assert from_config({"activation": activation, "initialiser": "lecun"}, 4, 2)[0].initialiser == "lecun"


@pytest.mark.parametrize(
    ("config", "widths"),
    [
        ({"hidden_units": "128-64-32"}, (128, 64, 32)),
        ({"hidden_units": "128"}, (128,)),
        ({"hidden_units": "128-64", "layers": 2, "shape": "constant"}, (128, 64)),
        ({"hidden_units": [8, 4]}, (8, 4)),
        ({"hidden_units": (np.int64(8), 4), "layers": 2}, (8, 4)),
        ({"hidden_units": []}, ()),
        ({"hidden_units": "none"}, ()),
        ({"hidden_units": "none", "layers": 0}, ()),
        ({"hidden_units": [], "layers": 0}, ()),
        ({"hidden_units": 20, "layers": 5, "shape": "halving"}, (20, 10, 5, 2, 2)),
        ({"hidden_units": 1, "shape": "halving"}, (2, 2)),
        ({"hidden_units": 20, "layers": 0, "shape": "halving"}, ()),
        ({"shape": "constant"}, (64, 64)),
    ],
)
def test_widths_by_number_list_text_and_shape(config, widths):
    assert from_config(config, 4, 2)[0].hidden_units == widths


@pytest.mark.parametrize(
    "config",
    [
        {"hidden_units": "128-64", "layers": 3},
        {"hidden_units": [8, 4], "layers": 1},
        {"hidden_units": "64", "layers": 0},
        {"hidden_units": "none", "layers": 1},
        {"hidden_units": "none", "shape": "halving"},
        {"hidden_units": "64-32", "shape": "halving"},
        {"hidden_units": [64], "shape": "halving"},
        {"hidden_units": "2-" * 1000 + "2"},
    ],
)
def test_widths_that_contradict_layers_or_shape_are_refused(config):
    assert "hidden_units" in refusal(config).rule


def test_two_classes_by_one_score():
    architecture, _ = from_config({"output": "sigmoid", "layers": 1, "hidden_units": 3}, 4, 2)
    assert (architecture.n_out, architecture.output_width, architecture.regression) == (2, 1, False)
    assert parameter_shapes(architecture)["layer2.w"] == (3, 1)
    with pytest.raises(ConfigError, match="2 classes"):
        from_config({"output": "sigmoid"}, 4, 3)


def test_one_output_is_regression():
    for config in ({"layers": 0}, {"layers": 0, "output": "linear"}):
        architecture, _ = from_config(config, 4, 1)
        assert (architecture.output, architecture.output_width, architecture.regression) == ("linear", 1, True)
        assert parameter_shapes(architecture) == {"layer1.w": (4, 1), "layer1.b": (1,)}
    for output in ("softmax", "sigmoid"):
        with pytest.raises(ConfigError, match="n_out"):
            from_config({"output": output}, 4, 1)
    assert "output = linear" in refusal({"output": "linear"}).rule


@pytest.mark.parametrize(("name", "value"), [("label_smoothing", 0.1), ("class_weights", "balanced")])
def test_what_is_for_classes_is_refused_in_regression(name, value):
    with pytest.raises(ConfigError, match=f"{name} is for classes"):
        from_config({name: value}, 4, 1)


@pytest.mark.parametrize(("name", "value"), [("loss", "huber"), ("huber_delta", 2.0), ("quantile", 0.9)])
def test_what_is_for_numbers_is_refused_for_classes(name, value):
    assert f"{name} is for numbers, and the target is a class" in refusal({name: value}).rule
    assert getattr(from_config({name: value}, 4, 1)[1], name) == value


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
    "hidden_units": [0, -3, 2.5, True, 2**40, None, "", "64-", "6x4", "-64", "64--32", "0-4", "9" * 5000, "٣", [4, 0]],
    "layers": [-1, 1.0, True, 10**6, None],
    "shape": ["halfing", None, 1],
    "activation": ["Relu6", None],
    "batch_norm": [0, 1, "yes", None],
    "batch_norm_momentum": [-0.1, 1.0],
    "batch_norm_epsilon": [0, -1],
    "dropout": [-0.1, 1.0, 5],
    "batch_norm_statistics": ["true", None],
    "input_dropout": [-0.1, 1.0],
    "output": ["softmix", None],
    "initialiser": ["hee", None],
    "l2": [-1e-9, "none"],
    "decay": ["linear", None],
    "decay_rate": [-0.1, "slow"],
    "weight_decay": [-0.1, None],
    "clip_norm": [-1, "off"],
    "decay_by": ["batch", None],
    "warmup_steps": [-1, 2.0, True],
    "label_smoothing": [-0.1, 1.0],
    "class_weights": ["balance", None, 2.0],
    "input_scaling": [0, "on", None],
    "parametric_activation": [1, "yes", None],
    "input_scaling_rate": [-1, 0, "fast"],
    "averaging": [-0.1, 1.0, None],
    "loss": ["hubber", None],
    "huber_delta": [0, -1.0, "wide"],
    "quantile": [0.0, 1.0, None],
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


def test_schedule_free_needs_a_share_of_its_average_and_no_other_averaging():
    assert refusal({"optimizer": "schedule_free", "beta1": 0.0}).rule == (
        "beta1 must be at least 0.01 under schedule_free, got 0.0"
    )
    error = refusal({"optimizer": "schedule_free", "averaging": 0.99})
    assert error.rule == "averaging must be 0 under schedule_free, which averages all steps itself, got 0.99"
    assert error.way_out == "give averaging = 0, or another optimizer"
    _, optimisation = from_config({"optimizer": "schedule_free", "beta1": 0.01, "decay": "cosine"}, 4, 2)
    assert optimisation.beta1 == 0.01


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


@pytest.mark.parametrize(("n_in", "n_out"), [(0, 2), (0, 1), (4, 0), (-1, 2)])
def test_a_network_has_a_feature_and_something_to_predict(n_in, n_out):
    with pytest.raises(ConfigError):
        from_config({}, n_in, n_out)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "adam", "tanh", "he", "1", "8-4", "sigmoid", "step", "halving", "exact"]),
    st.lists(st.integers(0, 99), max_size=3),
)


@given(st.dictionaries(st.sampled_from(HYPERPARAMETERS), ANYTHING))
def test_whatever_is_given_the_answer_is_a_network_or_a_config_error(config):
    try:
        architecture, _ = from_config(config, 4, 2)
    except ConfigError:
        return
    assert parameter_shapes(architecture)
