"""Digits with Aesara, tuned and nursed by Caviar.

The graph is compiled once, for networks of any width: a trial only puts other values into the shared variables.
"""

import aesara
import aesara.tensor as T
import caviar_client
import numpy as np
from aesara.tensor import nnet
from digits import batches, digits

x_train, y_train, x_validation, y_validation = digits()


def shared(dimensions):
    return aesara.shared(np.zeros((1,) * dimensions, dtype="float32"))


w1, w2 = shared(2), shared(2)
scale, shift, b2, running_mean, running_variance = [shared(1) for _ in range(5)]
weights = [w1, scale, shift, w2, b2]
velocities = [shared(weight.ndim) for weight in weights]
state = weights + velocities + [running_mean, running_variance]


def network(z, mean, variance):
    h = (z - mean) / T.sqrt(variance + np.float32(1e-5)) * scale + shift
    return nnet.softmax(T.dot(nnet.relu(h), w2) + b2, axis=1)


def float32(value):
    return T.cast(value, "float32")


x, y, learning_rate, momentum = T.fmatrix("x"), T.lvector("y"), T.fscalar("learning_rate"), T.fscalar("momentum")
z = T.dot(x, w1)
mean, variance = z.mean(0), z.var(0)
loss = nnet.categorical_crossentropy(network(z, mean, variance), y).mean()
updates = [
    (running_mean, float32(0.9 * running_mean + 0.1 * mean)),
    (running_variance, float32(0.9 * running_variance + 0.1 * variance)),
]
for weight, velocity, gradient in zip(weights, velocities, aesara.grad(loss, weights)):
    change = float32(momentum * velocity - learning_rate * gradient)
    updates += [(velocity, change), (weight, weight + change)]
step = aesara.function([x, y, learning_rate, momentum], updates=updates)

predicted = network(z, running_mean, running_variance)
accuracy = T.eq(predicted.argmax(1), y).mean()
evaluate = aesara.function([x, y], [accuracy, nnet.categorical_crossentropy(predicted, y).mean()])


def train(trial):
    random, units = np.random.RandomState(trial.seed), trial.config["hidden_units"]
    start = [
        random.randn(64, units) * (2.0 / 64) ** 0.5,
        np.ones(units),
        np.zeros(units),
        random.randn(units, 10) * (1.0 / units) ** 0.5,
        np.zeros(10),
    ]
    values = start + [0 * value for value in start] + [np.zeros(units), np.ones(units)]
    for variable, value in zip(state, values):
        variable.set_value(value.astype("float32"))

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, *[variable.get_value() for variable in state])

    def restore(path):
        saved = np.load(path)
        for number, variable in enumerate(state):
            variable.set_value(saved["arr_%d" % number])

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        knobs = np.float32(trial.knobs["learning_rate"]), np.float32(trial.knobs["momentum"])
        for rows in batches(trial.seed, epoch, len(x_train), trial.config["batch_size"]):
            step(x_train[rows], y_train[rows], *knobs)
        score, validation_loss = evaluate(x_validation, y_validation)
        trial.report(epoch, score, validation_loss=validation_loss)


caviar_client.run(train)
