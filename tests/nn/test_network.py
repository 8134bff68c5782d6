"""The whole network against PyTorch: probabilities, every gradient, and training over many steps."""

import numpy as np
import pytest
import torch

from caviar.nn.config import Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.network import backward, dropout_masks, forward, initial_state, penalty, scores, train_step
from caviar.nn.softmax import cross_entropy, softmax
from caviar.randomness import Purpose, stream_key

WEIGHTS = stream_key(3, Purpose.WEIGHTS)
DROPOUT = stream_key(3, Purpose.DROPOUT)
ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
ARCHITECTURES = [
    Architecture(5, 3, (8, 6)),
    Architecture(5, 3, (8, 6), batch_norm=False),
    Architecture(5, 3, (8, 6), dropout=0.3),
    Architecture(5, 3, (8, 6), "leaky_relu", batch_norm=False, dropout=0.5),
    Architecture(5, 3, (18,), "tanh", initialiser="xavier"),
    Architecture(5, 3, (8, 6, 4), "sigmoid", batch_norm_epsilon=1e-3, initialiser="xavier"),
    Architecture(5, 3, ()),
]


def examples(m=12, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((m, 5)), random.integers(0, 3, m)


def parameters_of(architecture):
    """Random parameters, so that no b, gamma or beta is at its special first value."""
    random = np.random.default_rng(5)
    return {name: random.standard_normal(shape) for name, shape in parameter_shapes(architecture).items()}


def torch_scores(architecture, p, x, masks):
    """The same network in PyTorch, written from its own functions, in training mode."""
    a = torch.tensor(x)
    for layer in range(1, len(architecture.hidden_units) + 1):
        w = p[f"layer{layer}.w"]
        if architecture.batch_norm:
            gamma, beta = p[f"layer{layer}.gamma"], p[f"layer{layer}.beta"]
            z = torch.nn.functional.batch_norm(
                a @ w, None, None, gamma, beta, training=True, eps=architecture.batch_norm_epsilon
            )
        else:
            z = torch.nn.functional.linear(a, w.T, p[f"layer{layer}.b"])
        a = ACTIVATIONS[architecture.activation](z)
        if masks:
            a = a * torch.tensor(masks[layer - 1])
    last = len(architecture.hidden_units) + 1
    return torch.nn.functional.linear(a, p[f"layer{last}.w"].T, p[f"layer{last}.b"])


def torch_loss(architecture, p, x, y, masks, l2):
    loss = torch.nn.functional.cross_entropy(torch_scores(architecture, p, x, masks), torch.tensor(y))
    return loss + l2 / 2 * sum((value**2).sum() for name, value in p.items() if name.endswith(".w"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_probabilities_loss_and_every_gradient_match_autograd(architecture):
    x, y = examples()
    masks = dropout_masks(architecture, len(x), DROPOUT, step=4)
    parameters = parameters_of(architecture)
    p = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    loss = torch_loss(architecture, p, x, y, masks, l2=0.1)
    loss.backward()

    probabilities, cache = forward(architecture, parameters, x, masks)
    expected = torch.softmax(torch_scores(architecture, p, x, masks), dim=1).detach().numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-10)
    ours = cross_entropy(cache.z, y) + penalty(architecture, parameters, 0.1)
    np.testing.assert_allclose(ours, loss.item(), rtol=1e-10)
    gradients = backward(architecture, parameters, cache, y, l2=0.1)
    assert list(gradients) == list(parameters)
    for name, tensor in p.items():
        np.testing.assert_allclose(gradients[name], tensor.grad.numpy(), atol=1e-10, err_msg=name)


def torch_optimiser(optimisation, p):
    """torch.optim's own optimiser; its weight_decay is our l2, on the weights alone."""
    weights = [value for name, value in p.items() if name.endswith(".w")]
    others = [value for name, value in p.items() if not name.endswith(".w")]
    groups = [{"params": weights, "weight_decay": optimisation.l2}, {"params": others}]
    rate, beta = optimisation.learning_rate, optimisation.momentum
    if optimisation.optimizer == "adam":
        betas = (optimisation.beta1, optimisation.beta2)
        return torch.optim.Adam(groups, lr=rate, betas=betas, eps=optimisation.epsilon)
    if optimisation.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=rate, alpha=optimisation.beta2, eps=optimisation.epsilon)
    if optimisation.optimizer == "momentum":
        return torch.optim.SGD(groups, lr=rate * (1 - beta), momentum=beta)
    return torch.optim.SGD(groups, lr=rate)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
@pytest.mark.parametrize(
    "architecture", [Architecture(5, 3, (18, 6), "tanh", dropout=0.2), Architecture(5, 3, (8, 6), batch_norm=False)]
)
def test_fifty_steps_of_training_match_pytorch(architecture, optimizer):
    optimisation = Optimisation(optimizer, learning_rate=0.01, epsilon=1e-6, l2=0.01)
    state = initial_state(architecture, optimisation, WEIGHTS)
    p = {name: torch.tensor(state.arrays[name], requires_grad=True) for name in parameter_shapes(architecture)}
    rival = torch_optimiser(optimisation, p)
    for step in range(50):
        x, y = examples(seed=step)
        masks = dropout_masks(architecture, len(x), DROPOUT, step)
        rival.zero_grad()
        expected = torch_loss(architecture, p, x, y, masks, l2=0.0)
        expected.backward()
        rival.step()
        state, loss = train_step(architecture, optimisation, state, x, y, 0.01, DROPOUT)
        np.testing.assert_allclose(loss, expected.item(), rtol=1e-9)
    assert state.step == 50
    for name, tensor in p.items():
        np.testing.assert_allclose(state.arrays[name], tensor.detach().numpy(), atol=1e-9, err_msg=name)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_state_is_parameters_statistics_and_moments_in_that_order(architecture, optimizer):
    optimisation = Optimisation(optimizer)
    state = initial_state(architecture, optimisation, WEIGHTS)
    kept = {"sgd": (), "momentum": ("first",), "rmsprop": ("second",), "adam": ("first", "second")}[optimizer]
    parameters = parameter_shapes(architecture)
    moments = {f"{name}.{moment}": shape for name, shape in parameters.items() for moment in kept}
    expected = {**parameters, **statistics_shapes(architecture), **moments}
    following, _ = train_step(architecture, optimisation, state, *examples(), 0.01, DROPOUT)
    for each in (state, following):
        assert [(name, value.shape) for name, value in each.arrays.items()] == list(expected.items())


def test_names_are_those_that_every_engine_uses():
    state = initial_state(Architecture(5, 3, (8,)), Optimisation("momentum"), WEIGHTS)
    assert list(state.arrays) == [
        "layer1.w", "layer1.gamma", "layer1.beta", "layer2.w", "layer2.b",
        "layer1.mean", "layer1.variance",
        "layer1.w.first", "layer1.gamma.first", "layer1.beta.first", "layer2.w.first", "layer2.b.first",
    ]  # fmt: skip


def test_a_step_leaves_the_state_it_started_from_alone():
    architecture = Architecture(5, 3, (8, 6), dropout=0.2)
    state = initial_state(architecture, Optimisation(), WEIGHTS)
    before = {name: value.copy() for name, value in state.arrays.items()}
    train_step(architecture, Optimisation(), state, *examples(), 0.01, DROPOUT)
    assert state.step == 0
    for name, value in before.items():
        np.testing.assert_array_equal(state.arrays[name], value)


def test_prediction_on_one_batch_seen_again_and_again_is_training_mode():
    architecture = Architecture(5, 3, (8, 6), batch_norm_momentum=0.6)
    x, y = examples()
    state = initial_state(architecture, Optimisation(), WEIGHTS)
    for _ in range(3):  # a learning rate of 0: the mini-batch's statistics stay, and so must their corrected averages
        state, _ = train_step(architecture, Optimisation(), state, x, y, 0.0, DROPOUT)
        probabilities, _ = forward(architecture, state.arrays, x)
        np.testing.assert_allclose(softmax(scores(architecture, state, x)), probabilities, atol=1e-12)


def test_prediction_matches_pytorch_in_eval_mode():
    architecture = Architecture(5, 3, (8,), "tanh", dropout=0.4)
    state = initial_state(architecture, Optimisation(), WEIGHTS)
    for step in range(20):
        state, _ = train_step(architecture, Optimisation(), state, *examples(seed=step), 0.05, DROPOUT)
    x, _ = examples(seed=99)
    p = {name: torch.tensor(value) for name, value in state.arrays.items()}
    correction = 1 - 0.9**20
    mean, variance = p["layer1.mean"] / correction, p["layer1.variance"] / correction
    z = torch.tensor(x) @ p["layer1.w"]
    z = torch.nn.functional.batch_norm(z, mean, variance, p["layer1.gamma"], p["layer1.beta"], eps=1e-5)
    expected = torch.tanh(z) @ p["layer2.w"] + p["layer2.b"]
    np.testing.assert_allclose(scores(architecture, state, x), expected.numpy(), atol=1e-10)


def test_softmax_regression_on_two_classes_trains_as_logistic_regression():
    architecture = Architecture(5, 2, ())
    optimisation = Optimisation("sgd")
    random = np.random.default_rng(2)
    x, y = random.standard_normal((40, 5)), random.integers(0, 2, 40)
    state = initial_state(architecture, optimisation, WEIGHTS)
    w = torch.tensor(np.diff(state.arrays["layer1.w"], axis=1)[:, 0], requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    # Both columns of w move, in opposite directions: their difference moves twice as fast as logistic regression's w.
    rival = torch.optim.SGD([w, b], lr=2 * 0.3)
    for _ in range(60):
        rival.zero_grad()
        margin = torch.tensor(x) @ w + b
        torch.nn.functional.binary_cross_entropy_with_logits(margin, torch.tensor(y, dtype=torch.float64)).backward()
        rival.step()
        state, _ = train_step(architecture, optimisation, state, x, y, 0.3, DROPOUT)
    np.testing.assert_allclose(np.diff(state.arrays["layer1.w"], axis=1)[:, 0], w.detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(np.diff(state.arrays["layer1.b"])[0], b.item(), atol=1e-10)


def test_the_order_of_the_examples_in_a_mini_batch_does_not_matter():
    architecture, optimisation = Architecture(5, 3, (8, 6)), Optimisation("sgd")
    state = initial_state(architecture, optimisation, WEIGHTS)
    x, y = examples()
    order = np.random.default_rng(0).permutation(len(x))
    one, _ = train_step(architecture, optimisation, state, x, y, 0.1, DROPOUT)
    other, _ = train_step(architecture, optimisation, state, x[order], y[order], 0.1, DROPOUT)
    for name, value in one.arrays.items():
        np.testing.assert_allclose(other.arrays[name], value, atol=1e-12)


def test_training_learns():
    architecture, optimisation = Architecture(5, 3, (16, 16)), Optimisation()
    x, _ = examples(m=200)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] * x[:, 2] > 0)
    state = initial_state(architecture, optimisation, WEIGHTS)
    for _ in range(200):
        state, _ = train_step(architecture, optimisation, state, x, y, 0.01, DROPOUT)
    assert (scores(architecture, state, x).argmax(axis=1) == y).mean() > 0.97


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_an_absurd_learning_rate_diverges_without_a_warning(optimizer, batch_norm):
    architecture = Architecture(5, 3, (8, 6), batch_norm=batch_norm)
    optimisation = Optimisation(optimizer, learning_rate=1e30)
    state = initial_state(architecture, optimisation, WEIGHTS)
    losses = []
    for step in range(30):
        state, loss = train_step(architecture, optimisation, state, *examples(seed=step), 1e30, DROPOUT)
        losses.append(loss)
    assert not max(losses) < 1e6  # NaN, infinite or exploded
    scores(architecture, state, examples()[0])


def test_float32_examples_are_computed_in_float64():
    architecture = Architecture(5, 3, (8,))
    state = initial_state(architecture, Optimisation(), WEIGHTS)
    x, y = examples()
    following, _ = train_step(architecture, Optimisation(), state, x.astype(np.float32), y, 0.01, DROPOUT)
    assert all(value.dtype == np.float64 for value in following.arrays.values())
    assert scores(architecture, following, x.astype(np.float32)).dtype == np.float64
