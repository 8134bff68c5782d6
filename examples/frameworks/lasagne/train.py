"""Digits with Lasagne on Theano, tuned and nursed by Caviar."""

import sys
import types

import caviar_client
import numpy as np
import theano
import theano.tensor as T
import theano.tensor.signal.pool
from digits import batches, digits

# Lasagne 0.1 asks for a module that Theano 1.0 has dropped; max_pool_2d is all it takes from it.
downsample = types.ModuleType("theano.tensor.signal.downsample")
downsample.max_pool_2d = theano.tensor.signal.pool.pool_2d
sys.modules[downsample.__name__] = theano.tensor.signal.downsample = downsample

import lasagne  # noqa: E402
from lasagne.layers import DenseLayer, InputLayer, Layer, NonlinearityLayer, get_all_params, get_output  # noqa: E402

x_train, y_train, x_validation, y_validation = digits()


class BatchNormLayer(Layer):
    """Lasagne 0.1 has none."""

    def __init__(self, incoming, **arguments):
        super(BatchNormLayer, self).__init__(incoming, **arguments)
        width, constant = self.output_shape[1:], lasagne.init.Constant
        self.scale = self.add_param(constant(1), width)
        self.shift = self.add_param(constant(0), width)
        self.mean = self.add_param(constant(0), width, trainable=False)
        self.variance = self.add_param(constant(1), width, trainable=False)
        self.updates = []

    def get_output_for(self, x, deterministic=False, **arguments):
        mean, variance = self.mean, self.variance
        if not deterministic:
            mean, variance = x.mean(0), x.var(0)
            for running, batch in (self.mean, mean), (self.variance, variance):
                self.updates.append((running, T.cast(0.9 * running + 0.1 * batch, "float32")))
        return (x - mean) / T.sqrt(variance + np.float32(1e-5)) * self.scale + self.shift


def train(trial):
    lasagne.random.set_rng(np.random.RandomState(trial.seed))
    x, y, learning_rate = T.fmatrix("x"), T.lvector("y"), theano.shared(np.float32(1))
    normalised = BatchNormLayer(DenseLayer(InputLayer((None, 64), x), trial.config["hidden_units"], nonlinearity=None))
    network = DenseLayer(NonlinearityLayer(normalised), 10, nonlinearity=lasagne.nonlinearities.softmax)
    loss = lasagne.objectives.categorical_crossentropy(get_output(network), y).mean()
    weights, momentum = get_all_params(network, trainable=True), np.float32(trial.config["momentum"])
    updates = lasagne.updates.momentum(loss, weights, learning_rate, momentum)
    step = theano.function([x, y], updates=list(updates.items()) + normalised.updates)
    predicted = get_output(network, deterministic=True)
    accuracy = T.eq(predicted.argmax(1), y).mean()
    loss = lasagne.objectives.categorical_crossentropy(predicted, y).mean()
    evaluate = theano.function([x, y], [accuracy, loss])
    velocities = [variable for variable in updates if variable not in weights]
    state = get_all_params(network) + velocities

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
        learning_rate.set_value(np.float32(trial.knobs["learning_rate"]))
        for rows in batches(trial.seed, epoch, len(x_train), trial.config["batch_size"]):
            step(x_train[rows], y_train[rows])
        score, validation_loss = evaluate(x_validation, y_validation)
        trial.report(epoch, score, validation_loss=validation_loss)


caviar_client.run(train)
