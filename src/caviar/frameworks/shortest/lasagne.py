import sys
import types

import numpy as np
import theano
import theano.tensor as T
import theano.tensor.signal.pool

downsample = types.ModuleType("theano.tensor.signal.downsample")
downsample.max_pool_2d = theano.tensor.signal.pool.pool_2d
sys.modules[downsample.__name__] = theano.tensor.signal.downsample = downsample

import lasagne  # noqa: E402
from lasagne.layers import DenseLayer, InputLayer, Layer, NonlinearityLayer, get_all_params, get_output  # noqa: E402


class BatchNormLayer(Layer):
    def __init__(self, incoming):
        super(BatchNormLayer, self).__init__(incoming)
        width, constant = self.output_shape[1:], lasagne.init.Constant
        self.scale, self.shift = self.add_param(constant(1), width), self.add_param(constant(0), width)
        self.mean = self.add_param(constant(0), width, trainable=False)
        self.variance = self.add_param(constant(1), width, trainable=False)

    def get_output_for(self, x, updates=None, **arguments):
        mean, variance = self.mean, self.variance
        if updates is not None:
            mean, variance = x.mean(0), x.var(0)
            for old, new in (self.mean, mean), (self.variance, variance):
                updates.append((old, T.cast(0.9 * old + 0.1 * new, "float32")))
        return (x - mean) / T.sqrt(variance + np.float32(1e-5)) * self.scale + self.shift


def start(widths, batch_size):
    x, y, moments = T.fmatrix(), T.lvector(), []
    network = InputLayer((None, widths[0]), x)
    for n_out in widths[1:-1]:
        network = NonlinearityLayer(BatchNormLayer(DenseLayer(network, n_out, nonlinearity=None)))
    network = DenseLayer(network, widths[-1], nonlinearity=lasagne.nonlinearities.softmax)
    loss = lasagne.objectives.categorical_crossentropy(get_output(network, updates=moments), y).mean()
    weights = get_all_params(network, trainable=True)
    updates = lasagne.updates.momentum(loss, weights, np.float32(0.1), np.float32(0.9))
    step = theano.function([x, y], updates=list(updates.items()) + moments)
    predict = theano.function([x], get_output(network).argmax(1))

    def train(x, y, epochs):
        for _ in range(epochs):
            order = np.random.permutation(len(x))
            for i in range(0, len(x), batch_size):
                step(x[order[i : i + batch_size]], y[order[i : i + batch_size]])

    return train, predict
