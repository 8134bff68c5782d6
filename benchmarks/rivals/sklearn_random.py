"""scikit-learn: random search over MLPClassifier, two processes, until the time is over.

    python -m benchmarks.rivals.sklearn_random FOLDER

RandomizedSearchCV knows no time, so its parts are put together here: ParameterSampler, two processes with a BLAS thread
each, the given validation rows. MLPClassifier has no batch norm, no dropout and no decay with Adam; what it has of the
space is searched on the same scales, and it stops by its own rule (no better training loss for ten epochs) or at the
last rung.
"""

from __future__ import annotations

import multiprocessing
import queue
import warnings
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import sklearn
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import ParameterSampler
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from benchmarks.rivals.job import Config, Job, Table, config_from, job_of_command_line, write_result, zeroed

PROCESSES = 2
Found = tuple[float, float, Config, MLPClassifier]
"""When a trial ended, its score, its config, its network."""

_LEFT_OUT = ("dropout", "input_dropout", "decay_rate", "batch_norm", "activation")


def distribution(name: str, table: Table) -> tuple[str, Any]:
    """The name under which a hyperparameter is drawn, and from what."""
    if "choices" in table:
        return name, table["choices"]
    low, high = table["low"], table["high"]
    match table["scale"]:
        case "log" | "linear" if table.get("zero", 0) > 0:
            return f"{name}_unit", uniform(0.0, 1.0)
        case "log":
            return name, loguniform(low, high)
        case "linear":
            return name, uniform(low, high - low)
        case "one_minus_log":
            return f"one_minus_{name}", loguniform(1.0 - high, 1.0 - low)
        case "integer":
            return name, loguniform(low - 0.5, high + 0.5) if table.get("log") else randint(low, high + 1)
        case "power_of_two":
            return f"log2_{name}", randint(low.bit_length() - 1, high.bit_length())
    raise ValueError(table["scale"])


def value(drawn: Config, name: str, table: Table) -> Any:
    """The hyperparameter's value, from what was drawn."""
    held = drawn[distribution(name, table)[0]]
    if "choices" in table:
        return held
    match table["scale"]:
        case "log" | "linear" if table.get("zero", 0) > 0:
            return zeroed(table, held)
        case "one_minus_log":
            return 1.0 - held
        case "power_of_two":
            return 2 ** int(held)
        case "integer":
            return round(held)
    return float(held)


def classifier(config: Config, epochs: int, seed: int) -> MLPClassifier:
    """The MLPClassifier of a config: its alpha is divided by the batch's size, its momentum lacks (1 - beta)."""
    chosen = {
        "hidden_layer_sizes": (config["hidden_units"],) * config["layers"],
        "batch_size": config["batch_size"],
        "alpha": config["l2"] * config["batch_size"],
        "max_iter": epochs,
        "random_state": seed,
    }
    rate = config["learning_rate"]
    if config["optimizer"] == "adam":
        return MLPClassifier(solver="adam", learning_rate_init=rate, beta_1=config["beta1"], **chosen)
    beta = config["momentum"]
    rate *= 1 - beta
    return MLPClassifier(solver="sgd", learning_rate_init=rate, momentum=beta, nesterovs_momentum=False, **chosen)


def search(job: Job, process: int, results: multiprocessing.Queue[Found]) -> None:
    """One process's share: trial after trial, until it is killed; a network whose numbers overflow is passed over."""
    warnings.simplefilter("ignore")
    space = {name: table for name, table in job.space.items() if name not in _LEFT_OUT}
    drawn_from = dict(distribution(name, table) for name, table in space.items() if "value" not in table)
    seed = 1000 * job.seed + process
    with threadpool_limits(1), np.errstate(all="ignore"):
        for drawn in ParameterSampler(drawn_from, 10**7, random_state=seed):
            config = config_from(space, partial(value, drawn))
            network = classifier(config, job.epochs, seed)
            with suppress(ValueError):
                network.fit(job.x_train, job.y_train)
                score = float(network.score(job.x_validation, job.y_validation))
                results.put((job.passed, score, config, network))


def main() -> None:
    job = job_of_command_line()
    forked = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[Found] = forked.Queue()
    processes = [forked.Process(target=search, args=(job, k, results), daemon=True) for k in range(PROCESSES)]
    for process in processes:
        process.start()
    found: list[Found] = []
    with suppress(queue.Empty):
        while job.left > 0:
            found.append(results.get(timeout=job.left))
    searched = job.passed
    for process in processes:
        process.kill()
    if not found:
        raise SystemExit("no trial ended within the time")
    _, validation, config, network = max(found, key=lambda each: each[1])
    again = classifier(config, job.epochs, job.seed)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        again.fit(*job.everything())
    sealed = job.sealed()
    write_result(
        job,
        ended=[each[:2] for each in found],
        trials=len(found),
        searched=searched,
        best=config,
        validation=validation,
        test=float(again.score(*sealed)),
        test_own=float(network.score(*sealed)),
        version=f"scikit-learn {sklearn.__version__}",
    )


if __name__ == "__main__":
    main()
