"""Digits with MXNet's Gluon, tuned and nursed by Caviar."""

import os
import zipfile

import caviar_client
import mxnet as mx
from digits import batches, digits
from mxnet import autograd
from mxnet.gluon import Trainer
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss
from mxnet.gluon.nn import Activation, BatchNorm, Dense, HybridSequential

x, y, x_validation, y_validation = map(mx.nd.array, digits())
cross_entropy = SoftmaxCrossEntropyLoss()


def train(trial):
    mx.random.seed(trial.seed)
    units, batch_size = trial.config["hidden_units"], trial.config["batch_size"]
    network = HybridSequential()
    network.add(Dense(units, in_units=64), BatchNorm(in_channels=units), Activation("relu"), Dense(10, in_units=units))
    network.initialize(mx.init.Xavier())
    network.hybridize()
    trainer = Trainer(network.collect_params(), "sgd", {"learning_rate": 1.0, "momentum": trial.config["momentum"]})

    def save(path):  # MXNet writes two files, Caviar keeps one
        network.save_parameters(path + ".network")
        trainer.save_states(path + ".trainer")
        with zipfile.ZipFile(path, "w") as both:
            for part in "network", "trainer":
                both.write(path + "." + part, part)
                os.remove(path + "." + part)

    def restore(path):
        with zipfile.ZipFile(path) as both:
            both.extractall(trial.folder)
        network.load_parameters(os.path.join(trial.folder, "network"))
        trainer.load_states(os.path.join(trial.folder, "trainer"))

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        trainer.set_learning_rate(trial.knobs["learning_rate"])
        for rows in batches(trial.seed, epoch, len(x), batch_size):
            with autograd.record():
                loss = cross_entropy(network(x[rows]), y[rows])
            loss.backward()
            trainer.step(batch_size)
        scores = network(x_validation)
        accuracy = (scores.argmax(1) == y_validation).mean().asscalar()
        trial.report(epoch, accuracy, validation_loss=cross_entropy(scores, y_validation).mean().asscalar())


caviar_client.run(train)
