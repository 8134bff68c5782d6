import mxnet as mx
import numpy as np
from mxnet import autograd, gluon


def start(widths, batch_size):
    network = gluon.nn.HybridSequential()
    for n_out in widths[1:-1]:
        network.add(gluon.nn.Dense(n_out), gluon.nn.BatchNorm(), gluon.nn.Activation("relu"))
    network.add(gluon.nn.Dense(widths[-1]))
    network.initialize(mx.init.Xavier())
    network.hybridize()
    cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(network.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})

    def train(x, y, epochs):
        x, y = mx.nd.array(x), mx.nd.array(y)
        for _ in range(epochs):
            order = np.random.permutation(len(x))
            for i in range(0, len(x), batch_size):
                rows = order[i : i + batch_size]
                with autograd.record():
                    loss = cross_entropy(network(x[rows]), y[rows])
                loss.backward()
                trainer.step(len(rows))
        mx.nd.waitall()

    def predict(x):
        return network(mx.nd.array(x)).argmax(1).asnumpy()

    return train, predict
