"""The whole network against PyTorch: probabilities, every gradient, and training over many steps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from caviar.nn import architecture
from caviar.nn.architecture import Architecture, Optimisation, parameter_shapes, statistics_shapes
from caviar.nn.averaged import averaged
from caviar.nn.losses import LossTerms, balanced_class_weights, mean_loss, probabilities
from caviar.nn.network import (
    backward,
    dropout_masks,
    forward,
    initial_state,
    penalty,
    scores,
    train_step,
    with_exact_statistics,
)
from caviar.nn.softmax import softmax
from caviar.nn.state import State
from caviar.randomness import Purpose, stream_key
from tests.nn.three_sequences import ThreeSequences

WEIGHTS = stream_key(3, Purpose.WEIGHTS)
DROPOUT = stream_key(3, Purpose.DROPOUT)
ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "mish": torch.nn.functional.mish,
    "selu": torch.nn.functional.selu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda z: z,
}
ARCHITECTURES = [
    Architecture(5, 3, (8, 6)),
    Architecture(5, 3, (8, 6), batch_norm=False),
    Architecture(5, 3, (8, 6), dropout=0.3),
    Architecture(5, 3, (8, 6), "leaky_relu", batch_norm=False, dropout=0.5),
    Architecture(5, 3, (18,), "tanh", initialiser="xavier"),
    Architecture(5, 3, (8, 6, 4), "sigmoid", batch_norm_epsilon=1e-3, initialiser="xavier"),
    Architecture(5, 3, ()),
    Architecture(5, 3, (9, 4), "gelu", input_dropout=0.2, dropout=0.1),
    Architecture(5, 2, (8, 4), "silu", output="sigmoid"),
    Architecture(5, 2, (), output="sigmoid", input_dropout=0.4),
    Architecture(5, 1, (8, 4), "elu", output="linear", dropout=0.3),
    Architecture(5, 1, (7,), "identity", batch_norm=False, output="linear"),
    Architecture(5, 3, (8, 6), "tanh", dropout=0.3, input_dropout=0.2, input_scaling=True),
    Architecture(5, 2, (), output="sigmoid", input_scaling=True),
    Architecture(5, 1, (8, 4), "mish", output="linear"),
    Architecture(5, 3, (8, 6), "mish", dropout=0.3, parametric_activation=True),
    Architecture(5, 3, (8, 6), "tanh", batch_norm=False, parametric_activation=True),
    Architecture(5, 3, (8, 6), "selu", batch_norm=False, initialiser="lecun"),
]
OPTIMIZERS = architecture.OPTIMIZERS


def examples(m=12, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((m, 5)), random.integers(0, 3, m)


def examples_for(architecture, m=12, seed=0):
    x, y = examples(m, seed)
    return x, x[:, 0] - y if architecture.regression else y % architecture.n_out


def parameters_of(architecture):
    """Random parameters, so that no b, gamma or beta is at its special first value."""
    random = np.random.default_rng(5)
    return {name: random.standard_normal(shape) for name, shape in parameter_shapes(architecture).items()}


def torch_scores(architecture, p, x, masks):
    """The same network in PyTorch, written from its own functions, in training mode."""
    a = torch.tensor(x)
    if 0 in masks:
        a = a * torch.tensor(masks[0])
    if architecture.input_scaling:
        a = a * p["layer1.scale"]
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
        if architecture.parametric_activation:
            alpha = p[f"layer{layer}.alpha"]
            a = (1 - alpha) * z + alpha * a
        if layer in masks:
            a = a * torch.tensor(masks[layer])
    last = len(architecture.hidden_units) + 1
    return torch.nn.functional.linear(a, p[f"layer{last}.w"].T, p[f"layer{last}.b"])


def torch_loss(architecture, p, x, y, masks, l2):
    z = torch_scores(architecture, p, x, masks)
    if architecture.output == "softmax":
        loss = torch.nn.functional.cross_entropy(z, torch.tensor(y))
    elif architecture.output == "sigmoid":
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z[:, 0], torch.tensor(y, dtype=torch.float64))
    else:
        loss = torch.nn.functional.mse_loss(z[:, 0], torch.tensor(y))
    return loss + l2 / 2 * sum((value**2).sum() for name, value in p.items() if name.endswith(".w"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scores_loss_and_every_gradient_match_autograd(architecture):
    x, y = examples_for(architecture)
    masks = dropout_masks(architecture, len(x), DROPOUT, step=4)
    parameters = parameters_of(architecture)
    p = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    loss = torch_loss(architecture, p, x, y, masks, l2=0.1)
    loss.backward()

    cache = forward(architecture, parameters, x, masks)
    np.testing.assert_allclose(cache.z, torch_scores(architecture, p, x, masks).detach().numpy(), atol=1e-10)
    ours = mean_loss(architecture.output, cache.z, y) + penalty(architecture, parameters, 0.1)
    np.testing.assert_allclose(ours, loss.item(), rtol=1e-10)
    gradients = backward(architecture, parameters, cache, y, LossTerms(l2=0.1))
    assert list(gradients) == list(parameters)
    for name, tensor in p.items():
        np.testing.assert_allclose(gradients[name], tensor.grad.numpy(), atol=1e-10, err_msg=name)


DECAYING = {"adamw": torch.optim.AdamW, "schedule_free": ThreeSequences}  # the second is the paper's: PyTorch has none


def torch_optimiser(optimisation, p):
    """torch.optim's own optimiser; its weight_decay is our l2, on the weights alone."""
    weights = [value for name, value in p.items() if name.endswith(".w")]
    others = [value for name, value in p.items() if not name.endswith(".w")]
    groups = [{"params": weights, "weight_decay": optimisation.l2}, {"params": others}]
    rate, beta = optimisation.learning_rate, optimisation.momentum
    if optimisation.optimizer in DECAYING:  # whose weight_decay is ours, so that l2 is added to the loss
        groups[0]["weight_decay"], groups[1]["weight_decay"] = optimisation.weight_decay, 0.0
        betas = (optimisation.beta1, optimisation.beta2)
        return DECAYING[optimisation.optimizer](groups, lr=rate, betas=betas, eps=optimisation.epsilon)
    if optimisation.optimizer == "adam":
        betas = (optimisation.beta1, optimisation.beta2)
        return torch.optim.Adam(groups, lr=rate, betas=betas, eps=optimisation.epsilon)
    if optimisation.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=rate, alpha=optimisation.beta2, eps=optimisation.epsilon)
    if optimisation.optimizer in ("momentum", "nesterov"):
        ahead = optimisation.optimizer == "nesterov"
        return torch.optim.SGD(groups, lr=rate * (1 - beta), momentum=beta, nesterov=ahead)
    return torch.optim.SGD(groups, lr=rate)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(5, 3, (18, 6), "tanh", dropout=0.2, input_dropout=0.1),
        Architecture(5, 3, (8, 6), batch_norm=False),
        Architecture(5, 2, (8, 6), "silu", output="sigmoid"),
        Architecture(5, 1, (8, 6), "gelu", output="linear"),
    ],
)
def test_fifty_steps_of_training_match_pytorch(architecture, optimizer):
    optimisation = Optimisation(optimizer, learning_rate=0.01, epsilon=1e-6, l2=0.01)
    state = initial_state(architecture, optimisation, WEIGHTS)
    p = {name: torch.tensor(state.arrays[name], requires_grad=True) for name in parameter_shapes(architecture)}
    rival = torch_optimiser(optimisation, p)
    l2 = 0.01 if optimizer in DECAYING else 0.0  # the others have it as their weight_decay
    for step in range(50):
        x, y = examples_for(architecture, seed=step)
        masks = dropout_masks(architecture, len(x), DROPOUT, step)
        rival.zero_grad()
        expected = torch_loss(architecture, p, x, y, masks, l2=0.0).item()
        torch_loss(architecture, p, x, y, masks, l2).backward()
        rival.step()
        state, loss = train_step(architecture, optimisation, state, x, y, 0.01, DROPOUT)
        np.testing.assert_allclose(loss, expected, rtol=1e-9)
    assert state.step == 50
    for name, tensor in p.items():
        np.testing.assert_allclose(state.arrays[name], tensor.detach().numpy(), atol=1e-9, err_msg=name)


@pytest.mark.parametrize("optimizer", DECAYING)
def test_factors_of_inputs_and_shares_of_activations_learn_at_their_own_rate_and_without_decay(optimizer):
    architecture = Architecture(5, 3, (8, 6), "gelu", input_dropout=0.2, input_scaling=True, parametric_activation=True)
    optimisation = Optimisation(optimizer, epsilon=1e-6, weight_decay=0.5, input_scaling_rate=4.0)
    state = initial_state(architecture, optimisation, WEIGHTS)
    p = {name: torch.tensor(state.arrays[name], requires_grad=True) for name in parameter_shapes(architecture)}
    assert p["layer1.scale"].tolist() == [1.0] * 5
    assert p["layer2.alpha"].tolist() == [1.0] * 6
    rates = {"scale": 0.04, "alpha": 0.001}
    groups = [
        {"params": [value], "lr": rates.get(name.split(".")[1], 0.01), "weight_decay": 0.5 * name.endswith(".w")}
        for name, value in p.items()
    ]
    rival = DECAYING[optimizer](groups, lr=0.01, betas=(0.9, 0.999), eps=1e-6)
    for step in range(50):
        x, y = examples(seed=step)
        rival.zero_grad()
        torch_loss(architecture, p, x, y, dropout_masks(architecture, len(x), DROPOUT, step), l2=0.0).backward()
        rival.step()
        state, _ = train_step(architecture, optimisation, state, x, y, 0.01, DROPOUT)
    for name, tensor in p.items():
        np.testing.assert_allclose(state.arrays[name], tensor.detach().numpy(), atol=1e-9, err_msg=name)


def test_schedule_free_steps_at_any_rates_are_the_papers_and_its_average_predicts():
    architecture = Architecture(5, 3, (8, 6), "tanh", dropout=0.2)
    optimisation = Optimisation("schedule_free", beta1=0.8, epsilon=1e-6, weight_decay=0.5, clip_norm=0.3, l2=0.01)
    state = initial_state(architecture, optimisation, WEIGHTS)
    p = {name: torch.tensor(state.arrays[name], requires_grad=True) for name in parameter_shapes(architecture)}
    rival = torch_optimiser(optimisation, p)
    for step, rate in enumerate([0.0, *np.linspace(0.001, 0.03, 15), *np.linspace(0.03, 0.0, 15)]):
        x, y = examples(seed=step)
        rival.lr = float(rate)
        rival.zero_grad()
        torch_loss(architecture, p, x, y, dropout_masks(architecture, len(x), DROPOUT, step), l2=0.01).backward()
        torch.nn.utils.clip_grad_norm_(p.values(), 0.3)
        rival.step()
        state, _ = train_step(architecture, optimisation, state, x, y, float(rate), DROPOUT)
    predicting = averaged(architecture, optimisation, state)
    for name, y in p.items():
        found = predicting.arrays[name], state.arrays[name], state.arrays[f"{name}.base"]
        for own, paper in zip(found, (rival.x[y], y.detach(), rival.z[y]), strict=True):
            np.testing.assert_allclose(own, paper.numpy(), atol=1e-6, err_msg=name)  # clipping there: the norm + 1e-6
        assert np.abs(found[0] - found[1]).max() > 1e-4


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_state_is_parameters_statistics_and_moments_in_that_order(architecture, optimizer):
    optimisation = Optimisation(optimizer)
    state = initial_state(architecture, optimisation, WEIGHTS)
    first, second = optimizer not in ("sgd", "rmsprop"), optimizer in ("rmsprop", "adam", "adamw", "schedule_free")
    kept = ["base" if optimizer == "schedule_free" else "first"] * first + ["second"] * second
    parameters = parameter_shapes(architecture)
    moments = {f"{name}.{moment}": shape for name, shape in parameters.items() for moment in kept}
    expected = {**parameters, **statistics_shapes(architecture), **moments}
    following, _ = train_step(architecture, optimisation, state, *examples_for(architecture), 0.01, DROPOUT)
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
        z = forward(architecture, state.arrays, x).z
        np.testing.assert_allclose(scores(architecture, state, x), z, atol=1e-12)


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


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
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


def test_all_that_a_loss_may_count_and_clipping_match_pytorch_over_fifty_steps():
    architecture = Architecture(5, 3, (8, 6), "gelu", dropout=0.2, input_dropout=0.1)
    optimisation = Optimisation("nesterov", clip_norm=0.7, label_smoothing=0.1, l2=0.01)
    class_weights = np.array([0.5, 2.0, 1.25])
    state = initial_state(architecture, optimisation, WEIGHTS)
    p = {name: torch.tensor(state.arrays[name], requires_grad=True) for name in parameter_shapes(architecture)}
    rival = torch.optim.SGD(p.values(), lr=0.3 * 0.1, momentum=0.9, nesterov=True)
    clipped = 0
    for step in range(50):
        x, y = examples(seed=step)
        z = torch_scores(architecture, p, x, dropout_masks(architecture, len(x), DROPOUT, step))
        rows = torch.nn.functional.cross_entropy(z, torch.tensor(y), label_smoothing=0.1, reduction="none")
        loss = (torch.tensor(class_weights[y]) * rows).mean()
        rival.zero_grad()
        (loss + 0.01 / 2 * sum((value**2).sum() for name, value in p.items() if name.endswith(".w"))).backward()
        norm = torch.linalg.vector_norm(torch.cat([value.grad.flatten() for value in p.values()]))
        if norm > 0.7:  # clip_grad_norm_ without its 1e-6
            clipped += 1
            for value in p.values():
                value.grad *= 0.7 / norm
        rival.step()
        state, ours = train_step(architecture, optimisation, state, x, y, 0.3, DROPOUT, class_weights)
        np.testing.assert_allclose(ours, loss.item(), rtol=1e-9)
    assert 5 < clipped < 45
    for name, tensor in p.items():
        np.testing.assert_allclose(state.arrays[name], tensor.detach().numpy(), atol=1e-9, err_msg=name)


def test_a_network_of_identities_is_one_linear_map():
    architecture = Architecture(5, 3, (8, 6), "identity", batch_norm=False)
    arrays, (x, _) = parameters_of(architecture), examples()
    one, other = np.zeros((1, 5)), x
    at_zero, at_x, at_twice = (scores(architecture, State(arrays), each) for each in (one, other, 2 * other))
    np.testing.assert_allclose(at_twice - at_zero, 2 * (at_x - at_zero), atol=1e-10)


@pytest.mark.parametrize("hidden", [(), (8, 6)])
def test_one_score_and_two_say_the_same_from_equivalent_weights(hidden):
    both = Architecture(5, 2, hidden, "tanh")
    one = Architecture(5, 2, hidden, "tanh", output="sigmoid")
    x, y = examples_for(both, m=40)
    arrays = parameters_of(both)
    last = f"layer{len(hidden) + 1}"
    equivalent = {**arrays, **{name: np.diff(arrays[name], axis=-1) for name in (f"{last}.w", f"{last}.b")}}
    smoothed = LossTerms(label_smoothing=0.1, class_weights=balanced_class_weights(y, 2))
    two_cache, one_cache = forward(both, arrays, x), forward(one, equivalent, x)
    np.testing.assert_allclose(probabilities("sigmoid", one_cache.z), probabilities("softmax", two_cache.z), atol=1e-12)
    assert mean_loss("sigmoid", one_cache.z, y, smoothed) == pytest.approx(
        mean_loss("softmax", two_cache.z, y, smoothed)
    )
    of_both, of_one = backward(both, arrays, two_cache, y, smoothed), backward(one, equivalent, one_cache, y, smoothed)
    for name, g in of_one.items():  # the two columns of the output layer have gradients (-g, g), all below are the same
        expected = np.concatenate([-g, g], axis=-1) if name.startswith(last) else g
        np.testing.assert_allclose(of_both[name], expected, atol=1e-12, err_msg=name)


def test_one_score_learns_as_two_do_at_half_the_learning_rate():
    both, one = Architecture(5, 2, ()), Architecture(5, 2, (), output="sigmoid")
    x, y = examples_for(both, m=40)
    optimisation = Optimisation("sgd")
    two_state = initial_state(both, optimisation, WEIGHTS)
    one_state = State({name: np.diff(value, axis=-1) for name, value in two_state.arrays.items()})
    for _ in range(60):
        two_state, two_loss = train_step(both, optimisation, two_state, x, y, 0.3, DROPOUT)
        one_state, one_loss = train_step(one, optimisation, one_state, x, y, 0.6, DROPOUT)
        assert one_loss == pytest.approx(two_loss, rel=1e-10)
    for name, value in one_state.arrays.items():
        np.testing.assert_allclose(np.diff(two_state.arrays[name], axis=-1), value, atol=1e-10)


def test_linear_regression_finds_the_least_squares():
    architecture, optimisation = Architecture(5, 1, (), output="linear"), Optimisation("sgd")
    random = np.random.default_rng(0)
    x = random.standard_normal((60, 5))
    y = x @ np.array([1.0, -2.0, 0.5, 0.0, 3.0]) + 0.7 + 0.1 * random.standard_normal(60)
    state = initial_state(architecture, optimisation, WEIGHTS)
    for _ in range(500):
        state, _ = train_step(architecture, optimisation, state, x, y, 0.1, DROPOUT)
    expected, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(60)]), y, rcond=None)
    found = np.append(state.arrays["layer1.w"][:, 0], state.arrays["layer1.b"])
    np.testing.assert_allclose(found, expected, atol=1e-9)


EXACT = Architecture(5, 3, (8, 6), "tanh", dropout=0.3, input_dropout=0.1, batch_norm_statistics="exact")


def trained(architecture, steps, rate):
    optimisation = Optimisation("momentum")
    x, y = examples_for(architecture, m=200)
    state = initial_state(architecture, optimisation, WEIGHTS)
    for _ in range(steps):
        state, _ = train_step(architecture, optimisation, state, x, y, rate, DROPOUT)
    return state, x


def test_exact_statistics_are_those_of_the_whole_training_set_layer_by_layer():
    state, x = trained(EXACT, steps=4, rate=0.5)
    before = {name: value.copy() for name, value in state.arrays.items()}
    exact = with_exact_statistics(EXACT, state, x)
    p = {name: torch.tensor(value) for name, value in state.arrays.items()}
    a = torch.tensor(x)
    for layer in (1, 2):
        z = a @ p[f"layer{layer}.w"]
        for name, expected in (("mean", z.mean(dim=0)), ("variance", z.var(dim=0, correction=0))):
            raw = exact.arrays[f"layer{layer}.{name}"]
            np.testing.assert_allclose(raw / (1 - 0.9**4), expected.numpy(), rtol=1e-12)
        gamma, beta = p[f"layer{layer}.gamma"], p[f"layer{layer}.beta"]
        a = torch.tanh(torch.nn.functional.batch_norm(z, None, None, gamma, beta, training=True))
    without = replace(EXACT, dropout=0.0, input_dropout=0.0)
    # In predict mode, over the training set itself, that is training mode with one mini-batch of all rows.
    np.testing.assert_allclose(scores(EXACT, exact, x), forward(without, state.arrays, x).z, atol=1e-10)
    assert exact.step == state.step
    assert list(exact.arrays) == list(state.arrays)
    for name, value in before.items():
        np.testing.assert_array_equal(state.arrays[name], value)


def test_where_exact_and_running_statistics_differ():
    """Few steps at a large learning rate: the averages are of weights that are gone. Many small ones: hardly."""

    def difference(steps, rate):
        state, x = trained(replace(EXACT, dropout=0.0, input_dropout=0.0), steps, rate)
        exact = with_exact_statistics(EXACT, state, x)
        return np.abs(softmax(scores(EXACT, exact, x)) - softmax(scores(EXACT, state, x))).max()

    assert difference(steps=5, rate=3.0) > 0.05
    assert difference(steps=300, rate=1e-3) < 0.01


def test_without_batch_norm_or_before_the_first_step_there_are_no_exact_statistics():
    state, x = trained(replace(EXACT, batch_norm=False), steps=2, rate=0.1)
    assert with_exact_statistics(replace(EXACT, batch_norm=False), state, x) is state
    fresh = initial_state(EXACT, Optimisation(), WEIGHTS)
    assert with_exact_statistics(EXACT, fresh, x) is fresh
