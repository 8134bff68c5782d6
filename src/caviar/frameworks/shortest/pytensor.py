import numpy as np
import pytensor
import pytensor.tensor as T


def start(widths, batch_size):
    def shared(values):
        return pytensor.shared(np.asarray(values, dtype="float32"))

    shapes = list(zip(widths, widths[1:]))
    w = [shared(np.random.randn(n_in, n_out) * (2.0 / n_in) ** 0.5) for n_in, n_out in shapes]
    scales, shifts = [shared(np.ones(n)) for n in widths[1:-1]], [shared(np.zeros(n)) for n in widths[1:]]
    running = [(shared(np.zeros(n)), shared(np.ones(n))) for n in widths[1:-1]]
    x, y, updates = T.fmatrix(), T.lvector(), []

    def network(h, training):
        for weight, scale, shift, (mean, variance) in zip(w, scales, shifts, running):
            z = T.dot(h, weight)
            if training:
                batch = z.mean(0), z.var(0)
                for old, new in (mean, batch[0]), (variance, batch[1]):
                    updates.append((old, T.cast(0.9 * old + 0.1 * new, "float32")))
                mean, variance = batch
            h = T.maximum((z - mean) / T.sqrt(variance + np.float32(1e-5)) * scale + shift, 0)
        return T.special.softmax(T.dot(h, w[-1]) + shifts[-1], axis=1)

    loss = -T.log(network(x, True)[T.arange(y.shape[0]), y]).mean()
    weights = w + scales + shifts
    for weight, gradient in zip(weights, pytensor.grad(loss, weights)):
        velocity = shared(0 * weight.get_value())
        change = T.cast(0.9 * velocity - 0.1 * gradient, "float32")
        updates += [(velocity, change), (weight, weight + change)]
    step = pytensor.function([x, y], updates=updates)
    predict = pytensor.function([x], network(x, False).argmax(1))

    def train(x, y, epochs):
        for _ in range(epochs):
            order = np.random.permutation(len(x))
            for i in range(0, len(x), batch_size):
                step(x[order[i : i + batch_size]], y[order[i : i + batch_size]])

    return train, predict
