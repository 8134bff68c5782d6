"""Digits with PaddlePaddle, tuned and nursed by Caviar."""

import caviar_client
import paddle
from digits import batches, digits
from paddle.nn import BatchNorm1D, Linear, ReLU, Sequential
from paddle.nn.functional import cross_entropy

x, y, x_validation, y_validation = map(paddle.to_tensor, digits())


def train(trial):
    paddle.seed(trial.seed)
    paddle.utils.unique_name.switch()  # snapshots know weights by names, which count from 0 in every trial
    units = trial.config["hidden_units"]
    network = Sequential(Linear(64, units), BatchNorm1D(units), ReLU(), Linear(units, 10))
    optimizer = paddle.optimizer.Momentum(1.0, trial.config["momentum"], parameters=network.parameters())

    def save(path):
        paddle.save({"network": network.state_dict(), "optimizer": optimizer.state_dict()}, path)

    def restore(path):
        saved = paddle.load(path)
        network.set_state_dict(saved["network"])
        optimizer.set_state_dict(saved["optimizer"])

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        optimizer.set_lr(trial.knobs["learning_rate"])
        network.train()
        for rows in batches(trial.seed, epoch, len(x), trial.config["batch_size"]):
            rows = paddle.to_tensor(rows)
            cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
            optimizer.clear_grad()
        network.eval()
        with paddle.no_grad():
            scores = network(x_validation)
        accuracy = (scores.argmax(1) == y_validation).astype("float32").mean()
        trial.report(epoch, accuracy, validation_loss=cross_entropy(scores, y_validation))


caviar_client.run(train)
