"""Digits with TensorFlow, tuned and nursed by Caviar."""

import caviar_client
import numpy as np
import tensorflow as tf
from digits import batches, digits

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
layers = tf.keras.layers
cross_entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
x, y, x_validation, y_validation = digits()


def train(trial):
    tf.keras.utils.set_random_seed(trial.seed)
    network = tf.keras.Sequential(
        [
            layers.Input((64,)),
            layers.Dense(trial.config["hidden_units"]),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dense(10),
        ]
    )
    optimizer = tf.keras.optimizers.SGD(1.0, momentum=trial.config["momentum"])
    optimizer.build(network.trainable_variables)
    state = network.variables + optimizer.variables

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = cross_entropy(y, network(x, training=True))
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, *[variable.numpy() for variable in state])

    def restore(path):
        saved = np.load(path)
        for variable, name in zip(state, saved.files):
            variable.assign(saved[name])

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        optimizer.learning_rate.assign(trial.knobs["learning_rate"])
        for rows in batches(trial.seed, epoch, len(x), trial.config["batch_size"]):
            step(x[rows], y[rows])
        scores = network(x_validation).numpy()
        accuracy = (scores.argmax(1) == y_validation).mean()
        trial.report(epoch, accuracy, validation_loss=cross_entropy(y_validation, scores))


caviar_client.run(train)
