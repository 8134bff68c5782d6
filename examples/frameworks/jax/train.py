"""Digits with JAX, tuned and nursed by Caviar."""

import caviar_client
import jax
import jax.numpy as jnp
import numpy as np
from digits import batches, digits

x, y, x_validation, y_validation = digits()


def start(seed, units):
    """Weights, their velocities, and the running mean and variance of batch norm."""
    first, second = jax.random.split(jax.random.PRNGKey(seed))
    weights = {
        "w1": jax.random.normal(first, (64, units)) * (2 / 64) ** 0.5,
        "scale": jnp.ones(units),
        "shift": jnp.zeros(units),
        "w2": jax.random.normal(second, (units, 10)) * (1 / units) ** 0.5,
        "b2": jnp.zeros(10),
    }
    return weights, jax.tree.map(jnp.zeros_like, weights), (jnp.zeros(units), jnp.ones(units))


def apply(weights, mean, variance, z):
    h = (z - mean) / jnp.sqrt(variance + 1e-5) * weights["scale"] + weights["shift"]
    return jax.nn.relu(h) @ weights["w2"] + weights["b2"]


def cross_entropy(scores, y):
    return -jax.nn.log_softmax(scores)[jnp.arange(len(y)), y].mean()


@jax.jit
def step(state, x, y, learning_rate, momentum):
    def loss(weights):
        z = x @ weights["w1"]
        mean, variance = z.mean(0), z.var(0)
        return cross_entropy(apply(weights, mean, variance, z), y), (mean, variance)

    weights, velocity, running = state
    gradient, batch = jax.grad(loss, has_aux=True)(weights)
    velocity = jax.tree.map(lambda v, g: momentum * v - learning_rate * g, velocity, gradient)
    running = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, running, batch)
    return jax.tree.map(jnp.add, weights, velocity), velocity, running


@jax.jit
def evaluate(state, x, y):
    weights, _, (mean, variance) = state
    scores = apply(weights, mean, variance, x @ weights["w1"])
    return (scores.argmax(1) == y).mean(), cross_entropy(scores, y)


def train(trial):
    state = start(trial.seed, trial.config["hidden_units"])

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, *jax.tree.leaves(state))

    def restore(path):
        nonlocal state
        saved = np.load(path)
        state = jax.tree.unflatten(jax.tree.structure(state), [jnp.asarray(saved[name]) for name in saved.files])

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        for rows in batches(trial.seed, epoch, len(x), trial.config["batch_size"]):
            state = step(state, x[rows], y[rows], trial.knobs["learning_rate"], trial.config["momentum"])
        accuracy, loss = evaluate(state, x_validation, y_validation)
        trial.report(epoch, accuracy, validation_loss=loss)


caviar_client.run(train)
