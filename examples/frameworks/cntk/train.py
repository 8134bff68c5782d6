"""Digits with CNTK, tuned and nursed by Caviar."""

import os
import zipfile

import caviar_client
import cntk as C
import numpy as np
from digits import batches, digits

x_train, y_train, x_validation, y_validation = digits()
y_train, y_validation = [np.eye(10, dtype=np.float32)[labels] for labels in (y_train, y_validation)]


def train(trial):
    C.cntk_py.set_fixed_random_seed(trial.seed)
    batch_size = trial.config["batch_size"]
    x, y = C.input_variable(64), C.input_variable(10)
    network = C.layers.Sequential(
        [
            C.layers.Dense(trial.config["hidden_units"], activation=None),
            C.layers.BatchNormalization(normalization_time_constant=10 * batch_size),
            C.relu,
            C.layers.Dense(10, activation=None),
        ]
    )(x)
    loss, accuracy = C.cross_entropy_with_softmax(network, y), 1 - C.classification_error(network, y)
    momentum = C.momentum_schedule(trial.config["momentum"], minibatch_size=batch_size)
    rate = C.learning_parameter_schedule(1.0, minibatch_size=batch_size)
    learner = C.momentum_sgd(network.parameters, rate, momentum, unit_gain=False)
    trainer = C.Trainer(network, (loss, accuracy), [learner])

    def save(path):  # CNTK writes two files, Caviar keeps one
        trainer.save_checkpoint(path + ".network")
        with zipfile.ZipFile(path, "w") as both:
            for part in "network", "network.ckp":
                both.write(path + "." + part, part)
                os.remove(path + "." + part)

    def restore(path):
        with zipfile.ZipFile(path) as both:
            both.extractall(trial.folder)
        trainer.restore_from_checkpoint(os.path.join(trial.folder, "network"))

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        rate = C.learning_parameter_schedule(trial.knobs["learning_rate"], minibatch_size=batch_size)
        learner.reset_learning_rate(rate)
        for rows in batches(trial.seed, epoch, len(x_train), batch_size):
            trainer.train_minibatch({x: x_train[rows], y: y_train[rows]})
        validation = {x: x_validation, y: y_validation}
        trial.report(epoch, accuracy.eval(validation).mean(), validation_loss=loss.eval(validation).mean())


caviar_client.run(train)
