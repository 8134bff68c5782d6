"""The network that caviar's config describes, in PyTorch as a careful user writes it: eager, fused, rows in memory.

The same as caviar's in every respect that the config names: He's initial weights, no bias under batch norm, batch norm
that remembers ten steps, dropout after the activation, L2 of the weights alone, decay by the epoch. PyTorch's momentum
lacks the (1 - beta) of caviar's, which `dampening` puts back.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.rivals.job import Array, Config, Job


def network_of(config: Config, n_in: int, n_out: int) -> nn.Sequential:
    """An untrained network; PyTorch's own seed decides the weights."""
    layers: list[nn.Module] = []
    if config["input_dropout"] > 0:
        layers.append(nn.Dropout(config["input_dropout"]))
    width, units = n_in, int(config["hidden_units"])
    for _ in range(int(config["layers"])):
        dense = nn.Linear(width, units, bias=False)
        nn.init.kaiming_normal_(dense.weight, nonlinearity="relu")
        layers += [dense, nn.BatchNorm1d(units), nn.ReLU()]
        if config["dropout"] > 0:
            layers.append(nn.Dropout(config["dropout"]))
        width = units
    last = nn.Linear(width, n_out)
    nn.init.kaiming_normal_(last.weight, nonlinearity="relu")
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def optimiser_of(config: Config, network: nn.Module) -> torch.optim.Optimizer:
    """Fused Adam, or fused gradient descent with momentum."""
    weights = [p for p in network.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": config["l2"]}, {"params": others, "weight_decay": 0.0}]
    if config["optimizer"] == "adam":
        betas = (config["beta1"], config["beta2"])
        return torch.optim.Adam(groups, config["learning_rate"], betas, eps=config["epsilon"], fused=True)
    beta = config["momentum"]
    return torch.optim.SGD(groups, config["learning_rate"], momentum=beta, dampening=beta, fused=True)


def training(network: nn.Module, config: Config, x: Tensor, y: Tensor, loss: nn.Module | None = None) -> Iterator[int]:
    """Train epoch by epoch, on the cross-entropy if no ``loss`` is given; gives the epochs done."""
    optimiser, loss_of = optimiser_of(config, network), loss or nn.CrossEntropyLoss()
    batch_size, epoch = int(config["batch_size"]), 0
    while True:
        for group in optimiser.param_groups:
            group["lr"] = config["learning_rate"] / (1 + config["decay_rate"] * epoch)
        order = torch.randperm(len(x))
        network.train()
        for rows, labels in zip(torch.split(x[order], batch_size), torch.split(y[order], batch_size), strict=True):
            if len(rows) > 1:  # a single row has no variance
                optimiser.zero_grad(set_to_none=True)
                loss_of(network(rows), labels).backward()
                optimiser.step()
        epoch += 1
        yield epoch


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of rows that are right."""
    network.eval()
    with torch.inference_mode():
        return float((network(x).argmax(1) == y).double().mean())


def tensors(x: Array, y: Array) -> tuple[Tensor, Tensor]:
    """Rows and labels for PyTorch, which wants labels of 64 bits."""
    return torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))


def refitted(job: Job, config: Config, epochs: int) -> float:
    """The sealed test accuracy of ``config``, trained for ``epochs`` epochs on all rows but the sealed ones."""
    torch.manual_seed(job.seed)
    torch.set_num_threads(1)  # two would wait for each other where other programs run
    x, y = tensors(*job.everything())
    network = network_of(config, x.shape[1], job.classes)
    for epoch in training(network, config, x, y):
        if epoch >= epochs:
            break
    return accuracy(network, *tensors(*job.sealed()))
