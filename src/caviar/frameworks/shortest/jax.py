import jax
import jax.numpy as jnp
import numpy as np


def start(widths, batch_size):
    keys = jax.random.split(jax.random.PRNGKey(0), len(widths) - 1)
    shapes = list(zip(widths, widths[1:]))
    weights = [jax.random.normal(key, shape) * (2 / shape[0]) ** 0.5 for key, shape in zip(keys, shapes)]
    weights = [weights, [jnp.ones(n) for n in widths[1:-1]], [jnp.zeros(n) for n in widths[1:]]]
    velocities = jax.tree.map(jnp.zeros_like, weights)
    running = [(jnp.zeros(n), jnp.ones(n)) for n in widths[1:-1]]

    def apply(weights, running, x, training):
        moments = []
        for w, scale, shift, (mean, variance) in zip(*weights, running):
            z = x @ w
            if training:
                batch = z.mean(0), z.var(0)
                moments.append((0.9 * mean + 0.1 * batch[0], 0.9 * variance + 0.1 * batch[1]))
                mean, variance = batch
            x = jax.nn.relu((z - mean) / jnp.sqrt(variance + 1e-5) * scale + shift)
        return x @ weights[0][-1] + weights[2][-1], moments

    @jax.jit
    def step(weights, velocities, running, x, y):
        def loss(weights):
            scores, moments = apply(weights, running, x, True)
            return -jax.nn.log_softmax(scores)[jnp.arange(len(y)), y].mean(), moments

        gradients, moments = jax.grad(loss, has_aux=True)(weights)
        velocities = jax.tree.map(lambda v, g: 0.9 * v - 0.1 * g, velocities, gradients)
        return jax.tree.map(jnp.add, weights, velocities), velocities, moments

    def train(x, y, epochs):
        nonlocal weights, velocities, running
        for _ in range(epochs):
            order = np.random.permutation(len(x))
            for i in range(0, len(x), batch_size):
                rows = order[i : i + batch_size]
                weights, velocities, running = step(weights, velocities, running, x[rows], y[rows])
        jax.block_until_ready(weights)

    def predict(x):
        return np.asarray(apply(weights, running, x, False)[0]).argmax(1)

    return train, predict
