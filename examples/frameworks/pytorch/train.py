"""Digits with PyTorch, tuned and nursed by Caviar."""

import caviar_client
import torch
from digits import batches, digits
from torch.nn import BatchNorm1d, Linear, ReLU, Sequential
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
x, y, x_validation, y_validation = map(torch.from_numpy, digits())


def train(trial):
    torch.manual_seed(trial.seed)
    units = trial.config["hidden_units"]
    network = Sequential(Linear(64, units), BatchNorm1d(units), ReLU(), Linear(units, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0, momentum=trial.config["momentum"])

    def save(path):
        torch.save({"network": network.state_dict(), "optimizer": optimizer.state_dict()}, path)

    def restore(path):
        saved = torch.load(path, weights_only=True)
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        optimizer.param_groups[0]["lr"] = trial.knobs["learning_rate"]
        network.train()
        for rows in batches(trial.seed, epoch, len(x), trial.config["batch_size"]):
            optimizer.zero_grad()
            cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            scores = network(x_validation)
        accuracy = (scores.argmax(1) == y_validation).float().mean()
        trial.report(epoch, accuracy, validation_loss=cross_entropy(scores, y_validation))


caviar_client.run(train)
