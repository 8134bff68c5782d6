"""Optuna: TPE with the Hyperband pruner, two processes at one study in a journal file, a PyTorch thread each.

python -m benchmarks.rivals.optuna_hyperband FOLDER
"""

from __future__ import annotations

import copy
import multiprocessing
import warnings
from typing import Any

import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchmarks.rivals.job import Config, Job, Table, config_from, job_of_command_line, write_result, zeroed
from benchmarks.rivals.torch_network import accuracy, network_of, refitted, tensors, training

PROCESSES = 2
_NAME = "study"


def suggested(trial: optuna.Trial, name: str, table: Table) -> Any:
    """A value on one of caviar's scales, by what Optuna has for it."""
    if "choices" in table:
        return trial.suggest_categorical(name, table["choices"])
    low, high = table["low"], table["high"]
    match table["scale"]:
        case "log" | "linear" if table.get("zero", 0) > 0:
            return zeroed(table, trial.suggest_float(f"{name}_unit", 0.0, 1.0))
        case "log" | "linear":
            return trial.suggest_float(name, low, high, log=table["scale"] == "log")
        case "one_minus_log":
            return 1.0 - trial.suggest_float(f"one_minus_{name}", 1.0 - high, 1.0 - low, log=True)
        case "integer":
            return trial.suggest_int(name, low, high, log=table.get("log", False))
        case "power_of_two":
            return 2 ** trial.suggest_int(f"log2_{name}", low.bit_length() - 1, high.bit_length() - 1)
    raise ValueError(table["scale"])


def storage_of(job: Job) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(job.folder / "journal.log")))


def search(job: Job, process: int) -> None:
    """One process's share; its best network goes to a file."""
    torch.set_num_threads(1)
    seed = 1000 * job.seed + process
    torch.manual_seed(seed)
    study = optuna.load_study(
        study_name=_NAME,
        storage=storage_of(job),
        sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),  # their advice for parallel searches
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=job.epochs, reduction_factor=3),
    )
    x, y = tensors(job.x_train, job.y_train)
    validation = tensors(job.x_validation, job.y_validation)
    ended: list[tuple[float, float]] = []
    best: dict[str, Any] = {"score": float("-inf")}

    def objective(trial: optuna.Trial) -> float:
        config: Config = config_from(job.space, lambda name, table: suggested(trial, name, table))
        network = network_of(config, x.shape[1], job.classes)
        score, pruned = 0.0, False
        for epoch in training(network, config, x, y):
            score = accuracy(network, *validation)
            trial.report(score, epoch)
            pruned = job.left <= 0 or trial.should_prune()
            if pruned or epoch >= job.epochs:
                break
        ended.append((job.passed, score))
        if score > best["score"]:
            weights = copy.deepcopy(network.state_dict())
            best.update(score=score, config=config, epochs=epoch, weights=weights)
        if job.left <= 0:
            study.stop()
        if pruned:
            raise optuna.TrialPruned
        return score

    study.optimize(objective, timeout=max(job.left, 0.1))
    torch.save({"best": best, "ended": ended}, job.folder / f"process{process}.pt")


def main() -> None:
    job = job_of_command_line()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")  # some of its options call themselves experimental
    optuna.create_study(study_name=_NAME, storage=storage_of(job), direction="maximize")
    forked = multiprocessing.get_context("fork")  # so they need not import PyTorch once more
    processes = [forked.Process(target=search, args=(job, k)) for k in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode != 0:
            raise SystemExit(f"a process of Optuna's ended with {process.exitcode}")
    searched = job.passed
    parts = [torch.load(job.folder / f"process{k}.pt", weights_only=False) for k in range(PROCESSES)]
    best = max((part["best"] for part in parts), key=lambda found: found["score"])
    network = network_of(best["config"], job.x_train.shape[1], job.classes)
    network.load_state_dict(best["weights"])
    write_result(
        job,
        ended=[trial for part in parts for trial in part["ended"]],
        trials=sum(len(part["ended"]) for part in parts),
        searched=searched,
        best=best["config"],
        validation=best["score"],
        test=refitted(job, best["config"], best["epochs"]),
        test_own=accuracy(network, *tensors(*job.sealed())),
        version=f"optuna {optuna.__version__}, torch {torch.__version__}",
    )


if __name__ == "__main__":
    main()
