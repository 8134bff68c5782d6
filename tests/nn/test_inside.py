"""A look inside a network: against hooks of PyTorch, and against what training then really does."""

import numpy as np
import pytest
import torch

from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes
from caviar.nn.inside import look_inside
from caviar.nn.losses import LossTerms
from caviar.nn.network import backward, dropout_masks, forward, initial_state, train_step
from caviar.randomness import Purpose, stream_key

WEIGHTS, DROPOUT = stream_key(3, Purpose.WEIGHTS), stream_key(3, Purpose.DROPOUT)


def examples(m=30, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((m, 5)), random.integers(0, 3, m)


def test_activations_and_gradients_match_pytorch():
    architecture = Architecture(5, 3, (8,), batch_norm=False)
    state = initial_state(architecture, Optimisation(), WEIGHTS)
    x, y = examples()
    p = {name: torch.tensor(state.arrays[name], requires_grad=True) for name in parameter_shapes(architecture)}
    hidden = torch.relu(torch.tensor(x) @ p["layer1.w"] + p["layer1.b"])
    z = hidden @ p["layer2.w"] + p["layer2.b"]
    torch.nn.functional.cross_entropy(z, torch.tensor(y)).backward()
    seen = look_inside(architecture, Optimisation(), state, x, y, 0.01, DROPOUT)
    for layer, (a, inside) in enumerate(zip((hidden, z), seen, strict=True), start=1):
        assert inside.activation_mean == pytest.approx(a.mean().item())
        assert inside.activation_std == pytest.approx(a.std(correction=0).item())
        assert inside.gradient_norm == pytest.approx(p[f"layer{layer}.w"].grad.norm().item())


def test_the_update_is_the_one_that_the_next_step_makes_and_nothing_is_changed():
    architecture = Architecture(5, 3, (8, 6), dropout=0.3, input_dropout=0.1)
    optimisation = Optimisation("adamw", clip_norm=0.1, l2=0.01, label_smoothing=0.1)
    state = initial_state(architecture, optimisation, WEIGHTS)
    for step in range(3):
        state, _ = train_step(architecture, optimisation, state, *examples(seed=step), 0.05, DROPOUT)
    before = {name: value.copy() for name, value in state.arrays.items()}
    class_weights = np.array([0.5, 2.0, 1.0])
    seen = look_inside(architecture, optimisation, state, *examples(seed=9), 0.05, DROPOUT, class_weights)
    for name, value in before.items():
        np.testing.assert_array_equal(state.arrays[name], value)
    after, _ = train_step(architecture, optimisation, state, *examples(seed=9), 0.05, DROPOUT, class_weights)
    x, y = examples(seed=9)
    cache = forward(architecture, state.arrays, x, dropout_masks(architecture, len(x), DROPOUT, 3))
    gradients = backward(architecture, state.arrays, cache, y, LossTerms(0.01, 0.1, class_weights))
    assert len(seen) == 3
    for layer, inside in enumerate(seen, start=1):
        w, new = before[f"layer{layer}.w"], after.arrays[f"layer{layer}.w"]
        assert inside.update_to_weight == pytest.approx(np.linalg.norm(new - w) / np.linalg.norm(w))
        assert inside.gradient_norm == pytest.approx(np.linalg.norm(gradients[f"layer{layer}.w"]))


@pytest.mark.parametrize(("activation", "dead"), [("relu", 0.25), ("tanh", 0.0)])
def test_dead_units_are_those_of_relu_that_are_silent_for_every_row(activation, dead):
    architecture = Architecture(5, 3, (8,), activation, batch_norm=False)
    state = initial_state(architecture, Optimisation(), WEIGHTS)
    state.arrays["layer1.b"][:] = [-1e3, -1e3, 0, 0, 0, 0, 0, 0]
    seen = look_inside(architecture, Optimisation(), state, *examples(m=200), 0.01, DROPOUT)
    assert [inside.dead for inside in seen] == [dead, 0.0]


def test_a_diverged_network_shows_that_it_is_one():
    architecture = Architecture(5, 3, (8,))
    state = initial_state(architecture, Optimisation(), WEIGHTS)
    state.arrays["layer1.w"][:] = np.nan
    seen = look_inside(architecture, Optimisation(), state, *examples(), 0.01, DROPOUT)
    assert all(np.isnan(inside.gradient_norm) for inside in seen)
