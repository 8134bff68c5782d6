"""Digits with Keras, on any of its back ends, tuned and nursed by Caviar."""

import caviar_client
import keras
import numpy as np
from digits import digits
from keras import layers

x, y, x_validation, y_validation = digits()


def train(trial):
    keras.utils.set_random_seed(trial.seed)
    network = keras.Sequential(
        [
            layers.Input((64,)),
            layers.Dense(trial.config["hidden_units"]),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(1.0, momentum=trial.config["momentum"])
    network.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    optimizer.build(network.trainable_variables)
    state = network.variables + optimizer.variables

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, *[keras.ops.convert_to_numpy(variable) for variable in state])

    def restore(path):
        saved = np.load(path)
        for variable, name in zip(state, saved.files):
            variable.assign(saved[name])

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        optimizer.learning_rate = trial.knobs["learning_rate"]
        order = np.random.RandomState([trial.seed, epoch]).permutation(len(x))  # the same if it is trained again
        network.fit(x[order], y[order], batch_size=trial.config["batch_size"], shuffle=False, verbose=0)
        loss, accuracy = network.evaluate(x_validation, y_validation, batch_size=360, verbose=0)
        trial.report(epoch, accuracy, validation_loss=loss)


caviar_client.run(train)
