"""Optuna (TPE, Hyperband) over plain PyTorch networks within the seconds, chosen on a fifth of the training rows.

python -m benchmarks.rivals.table_optuna optuna FOLDER

The answer is the best epoch of the best trial, with its own weights: a training on all rows would not fit the seconds.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import optuna
import torch
from torch import Tensor, nn

from benchmarks.rivals.job import Config
from benchmarks.rivals.table_job import Array, Predict, TableJob, run
from benchmarks.rivals.table_preparation import preparation
from benchmarks.rivals.torch_network import network_of, training

EPOCHS = 81
_CATEGORIES = 100
_ROWS = 8192  # predicted at once


def config_of(trial: optuna.Trial) -> Config:
    """A network of a usual space."""
    return {
        "layers": trial.suggest_int("layers", 1, 4),
        "hidden_units": trial.suggest_int("hidden_units", 16, 512, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
        "batch_size": 2 ** trial.suggest_int("log2_batch_size", 5, 9),
        "l2": trial.suggest_float("l2", 1e-6, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "input_dropout": trial.suggest_float("input_dropout", 0.0, 0.2),
        "decay_rate": trial.suggest_float("decay_rate", 1e-3, 1.0, log=True),
        "optimizer": "adam",
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
    }


def search(job: TableJob) -> tuple[Predict, str, str]:
    """The best network that was seen until the deadline."""
    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    inner, outer = job.held_out()
    prepared = preparation(job, dense_categories=_CATEGORIES).fit(job.frame.iloc[inner])
    middle, scale = (float(job.y[inner].mean()), float(job.y[inner].std()) or 1.0) if job.regression else (0.0, 1.0)

    def inputs(frame: Any) -> Tensor:
        return torch.from_numpy(np.asarray(prepared.transform(frame), dtype=np.float32))

    def targets(y: Array) -> Tensor:
        if job.regression:
            return torch.from_numpy(((y - middle) / scale).astype(np.float32))[:, None]
        return torch.from_numpy(y.astype(np.int64))

    x, y = inputs(job.frame.iloc[inner]), targets(job.y[inner])
    x_outer, y_outer = inputs(job.frame.iloc[outer]), targets(job.y[outer])
    loss_of: nn.Module = nn.MSELoss() if job.regression else nn.CrossEntropyLoss()
    best: dict[str, Any] = {"loss": float("inf")}

    def objective(trial: optuna.Trial) -> float:
        config = config_of(trial)
        network = network_of(config, x.shape[1], max(job.classes, 1))
        least = float("inf")
        for epoch in training(network, config, x, y, loss_of):
            with torch.inference_mode():
                loss = float(loss_of(outputs(network, x_outer), y_outer))
            if loss < best["loss"]:
                best.update(loss=loss, config=config, epoch=epoch, network=copy.deepcopy(network))
            least = min(least, loss) if np.isfinite(loss) else least
            trial.report(loss, epoch)
            if job.left <= 0:
                study.stop()
                break
            if trial.should_prune():
                raise optuna.TrialPruned
            if epoch >= EPOCHS:
                break
        return least

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=job.seed),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=EPOCHS, reduction_factor=3),
    )
    study.optimize(objective)
    network = best["network"]

    def predict(frame: Any) -> Array:
        with torch.inference_mode():
            found = outputs(network, inputs(frame))
            if job.regression:
                return np.asarray(found[:, 0].double().numpy() * scale + middle)
            return np.asarray(found.double().softmax(1).numpy())

    detail = f"{len(study.trials)} trials, epoch {best['epoch']}, {best['config']}"
    return predict, f"optuna {optuna.__version__}, torch {torch.__version__}", detail


def outputs(network: nn.Module, x: Tensor) -> Tensor:
    """The network's outputs, some rows at a time."""
    network.eval()
    return torch.cat([network(rows) for rows in torch.split(x, _ROWS)])


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    run({"optuna": search})
