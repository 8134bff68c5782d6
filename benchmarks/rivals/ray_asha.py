"""Ray Tune: random search with ASHA, two trials at a time, a PyTorch thread each.

    python -m benchmarks.rivals.ray_asha FOLDER

Ray's trials are processes of their own, whose weights are gone unless they write checkpoints; none are written here,
which is faster, so the best config is trained again for its test score and there is no score of its own weights.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.update(RAY_AIR_NEW_OUTPUT="0", RAY_USAGE_STATS_ENABLED="0", TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1")

import ray
import torch
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator

from benchmarks.rivals.job import Array, Config, Job, Table, config_from, job_of_command_line, write_result, zeroed
from benchmarks.rivals.torch_network import accuracy, network_of, refitted, tensors, training


def domain(table: Table) -> Any:
    """The domain that Ray draws a hyperparameter from; `value` makes of the draw what it stands for."""
    if "choices" in table:
        return tune.choice(table["choices"])
    low, high = table["low"], table["high"]
    match table["scale"]:
        case "log" | "linear" if table.get("zero", 0) > 0:
            return tune.uniform(0.0, 1.0)
        case "log":
            return tune.loguniform(low, high)
        case "linear":
            return tune.uniform(low, high)
        case "one_minus_log":
            return tune.loguniform(1.0 - high, 1.0 - low)
        case "integer":
            return tune.loguniform(low - 0.5, high + 0.5) if table.get("log") else tune.randint(low, high + 1)
        case "power_of_two":
            return tune.randint(low.bit_length() - 1, high.bit_length())
    raise ValueError(table["scale"])


def value(drawn: Any, table: Table) -> Any:
    """A hyperparameter's value, from what was drawn."""
    if "choices" in table:
        return drawn
    match table["scale"]:
        case "log" | "linear" if table.get("zero", 0) > 0:
            return zeroed(table, drawn)
        case "one_minus_log":
            return 1.0 - drawn
        case "power_of_two":
            return 2 ** int(drawn)
        case "integer":
            return round(drawn)
    return drawn


def config_of(drawn: Config, space: dict[str, Table]) -> Config:
    """caviar's config from Ray's; Ray draws everything, and what does not apply is left out."""
    return config_from(space, lambda name, table: value(drawn[name], table))


def trainable(drawn: Config, space: dict[str, Table], classes: int, epochs: int, rows: dict[str, Array]) -> None:
    """One trial."""
    torch.set_num_threads(1)
    config = config_of(drawn, space)
    x, y = tensors(rows["x"].copy(), rows["y"])  # Ray's shared memory is read-only, which PyTorch warns of
    validation = tensors(rows["x_validation"].copy(), rows["y_validation"])
    network = network_of(config, x.shape[1], classes)
    for epoch in training(network, config, x, y):
        tune.report({"accuracy": accuracy(network, *validation)})
        if epoch >= epochs:
            return


class _Clock(tune.Callback):  # type: ignore[misc]  # Ray has no types where it is not installed
    """Notes every score with its time: a trial's last is its own."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.last: dict[str, tuple[float, float, int, Config]] = {}

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: Config, **_: Any) -> None:
        """Ray calls it with every epoch of every trial."""
        self.last[trial.trial_id] = (self.job.passed, result["accuracy"], result["training_iteration"], trial.config)


def main() -> None:
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": os.getcwd()}},
    )
    job = job_of_command_line()  # Ray has started now: only its workers do so on the clock
    clock = _Clock(job)
    rows = {"x": job.x_train, "y": job.y_train, "x_validation": job.x_validation, "y_validation": job.y_validation}
    known = {"space": job.space, "classes": job.classes, "epochs": job.epochs, "rows": rows}
    tuner = tune.Tuner(
        tune.with_parameters(trainable, **known),
        param_space={name: domain(table) for name, table in job.space.items() if "value" not in table},
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=-1,
            time_budget_s=max(job.left, 1.0),
            scheduler=ASHAScheduler(max_t=job.epochs, grace_period=1, reduction_factor=3),
            search_alg=BasicVariantGenerator(max_concurrent=2, random_state=job.seed),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(job.folder / "ray"), verbose=0, callbacks=[clock]),
    )
    tuner.fit()
    searched = job.passed
    ray.shutdown()
    if not clock.last:
        raise SystemExit("no trial had an epoch within the time")
    _, score, epochs, drawn = max(clock.last.values(), key=lambda found: found[1])
    best = config_of(drawn, job.space)
    write_result(
        job,
        ended=[found[:2] for found in clock.last.values()],
        trials=len(clock.last),
        searched=searched,
        best=best,
        validation=score,
        test=refitted(job, best, epochs),
        test_own=None,
        version=f"ray {ray.__version__}, torch {torch.__version__}",
    )


if __name__ == "__main__":
    main()
