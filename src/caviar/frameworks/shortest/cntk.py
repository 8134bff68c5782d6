import cntk as C
import numpy as np


def start(widths, batch_size):
    x, y = C.input_variable(widths[0]), C.input_variable(widths[-1])
    layers = []
    for n_out in widths[1:-1]:
        layers += [C.layers.Dense(n_out, activation=None)]
        layers += [C.layers.BatchNormalization(normalization_time_constant=10 * batch_size), C.relu]
    network = C.layers.Sequential(layers + [C.layers.Dense(widths[-1], activation=None)])(x)
    rate = C.learning_parameter_schedule(0.1, minibatch_size=batch_size)
    momentum = C.momentum_schedule(0.9, minibatch_size=batch_size)
    learner = C.momentum_sgd(network.parameters, rate, momentum, unit_gain=False)
    trainer = C.Trainer(network, C.cross_entropy_with_softmax(network, y), [learner])

    def train(rows, labels, epochs):
        one_hot = np.eye(widths[-1], dtype=np.float32)[labels]
        for _ in range(epochs):
            order = np.random.permutation(len(rows))
            for i in range(0, len(rows), batch_size):
                batch = order[i : i + batch_size]
                trainer.train_minibatch({x: rows[batch], y: one_hot[batch]})

    def predict(rows):
        return network.eval({x: rows}).argmax(1)

    return train, predict
