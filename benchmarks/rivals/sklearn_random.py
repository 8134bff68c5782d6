"""scikit-learn: random search over MLPClassifier, two processes, until the time is over.

    python -m benchmarks.rivals.sklearn_random FOLDER

RandomizedSearchCV knows no time, so its parts are put together here: ParameterSampler, joblib with n_jobs=2, the given
validation rows. MLPClassifier has no batch norm, no dropout and no decay with Adam; what it has of the space is searched
on the same scales, and it stops by its own rule (no better training loss for ten epochs) or at the last rung.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import sklearn
from joblib.externals.loky import get_reusable_executor
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import ParameterSampler
from sklearn.neural_network import MLPClassifier

from benchmarks.rivals.job import Config, Job, Table, config_from, job_of_command_line, write_result, zeroed

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


def trial(job: Job, number: int, config: Config) -> tuple[float, float, Config, MLPClassifier | None]:
    """When a trial ended, its score, config and network; a network whose numbers overflow scores 0."""
    warnings.simplefilter("ignore")
    network = classifier(config, job.epochs, 1000 * job.seed + number)
    try:
        with np.errstate(all="ignore"):
            network.fit(job.x_train, job.y_train)
            return job.passed, float(network.score(job.x_validation, job.y_validation)), config, network
    except ValueError:
        return job.passed, 0.0, config, None


def main() -> None:
    job = job_of_command_line()
    space = {name: table for name, table in job.space.items() if name not in _LEFT_OUT}
    drawn_from = dict(distribution(name, table) for name, table in space.items() if "value" not in table)

    def configs() -> Iterator[Config]:
        for drawn in ParameterSampler(drawn_from, 10**7, random_state=job.seed):
            yield config_from(space, lambda name, table, drawn=drawn: value(drawn, name, table))

    work = (joblib.delayed(trial)(job, number, config) for number, config in enumerate(configs()))
    ended: list[tuple[float, float]] = []
    best: tuple[float, float, Config, MLPClassifier | None] = (0.0, -1.0, {}, None)
    parallel = joblib.Parallel(n_jobs=2, return_as="generator_unordered", pre_dispatch=2, batch_size=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = parallel(work)
        for found in results:
            if found[0] <= job.seconds:
                ended.append(found[:2])
                best = max(best, found, key=lambda each: each[1])
            if job.left <= 0:
                break
        searched = job.passed
        get_reusable_executor().shutdown(wait=False, kill_workers=True)
        if best[3] is None:
            raise SystemExit("no trial ended within the time")
        again = classifier(best[2], job.epochs, job.seed).fit(*job.everything())
    sealed = job.sealed()
    write_result(
        job,
        ended=ended,
        trials=len(ended),
        searched=searched,
        best=best[2],
        validation=best[1],
        test=float(again.score(*sealed)),
        test_own=float(best[3].score(*sealed)),
        version=f"scikit-learn {sklearn.__version__}",
    )


if __name__ == "__main__":
    main()
