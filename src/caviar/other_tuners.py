"""Names in Optuna, Ray Tune, Keras Tuner, W&B, Hyperopt, Lightning and scikit-learn, and ours for the same things.

People come with code that they have. Each of these names is answered with one line, where it is used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "acq_func": ("search",),
    "algo": ("search",),
    "algorithm": ("search",),
    "backend": ("engine",),
    "count": ("trials",),
    "directory": ("store",),
    "direction": ("goal",),
    "early_stopping": ("stopping",),
    "early_terminate": ("stopping",),
    "enqueue": ("first",),
    "executions_per_trial": ("repeats",),
    "fn": ("objective",),
    "func": ("objective",),
    "hp_space": ("space",),
    "hyperparameters": ("space",),
    "initial_configs": ("first",),
    "initial_params": ("first",),
    "label": ("target",),
    "label_column": ("target",),
    "local_dir": ("store",),
    "max_concurrent": ("processes", "threads"),
    "max_concurrent_trials": ("processes", "threads"),
    "max_epoch": ("epochs",),
    "max_epochs": ("epochs",),
    "max_evals": ("trials",),
    "max_iter": ("epochs", "trials"),
    "max_t": ("epochs",),
    "max_time": ("seconds",),
    "max_trials": ("trials",),
    "maxiter": ("epochs", "trials"),
    "method": ("search",),
    "n_calls": ("trials",),
    "n_epochs": ("epochs",),
    "n_iter": ("trials",),
    "n_jobs": ("processes", "threads"),
    "n_startup_trials": ("search",),
    "n_steps": ("epochs",),
    "n_trials": ("trials",),
    "n_workers": ("processes", "threads"),
    "num_epochs": ("epochs",),
    "num_samples": ("trials",),
    "num_train_epochs": ("epochs",),
    "num_trials": ("trials",),
    "num_workers": ("processes", "threads"),
    "optimization_direction": ("goal",),
    "param_distributions": ("space",),
    "param_grid": ("space",),
    "param_space": ("space",),
    "parameters": ("space",),
    "params": ("space",),
    "points_to_evaluate": ("first",),
    "project": ("study",),
    "project_name": ("study",),
    "pruner": ("stopping",),
    "random_seed": ("seed",),
    "random_state": ("seed",),
    "rstate": ("seed",),
    "run_name": ("study", "name"),
    "sampler": ("search",),
    "scheduler": ("stopping",),
    "score": ("value",),
    "scoring": ("metric", "goal"),
    "search_alg": ("search",),
    "search_space": ("space",),
    "show_progress_bar": ("progress",),
    "state": ("stopped",),
    "step": ("epoch",),
    "storage": ("store",),
    "storage_path": ("store",),
    "study_name": ("study", "name"),
    "target_column": ("target",),
    "time_budget": ("seconds",),
    "time_budget_s": ("seconds",),
    "timeout": ("seconds",),
    "tuner": ("search",),
    "values": ("value",),
    "verbose": ("progress",),
    "time_limit": ("seconds",),
    "time_left_for_this_task": ("seconds",),
    "max_runtime_secs": ("seconds",),
    "max_parallel": ("processes", "threads"),
    "max_models": ("trials",),
    "max_budget": ("epochs",),
    "nprocs": ("processes", "threads"),
    "callbacks": ("after_trial",),
    "callback": ("after_trial",),
    "x0": ("first",),
    "initial_points": ("first",),
    "enqueue_trial": ("first",),
    "bounds": ("space",),
    "dimensions": ("space",),
    "pbounds": ("space",),
    "gpu": ("gpus",),
    "num_cpus": ("processes", "threads"),
    "tuner_id": ("study",),
    "name": ("study",),
    "eval_metric": ("metric", "goal"),
    "trial": ("trials",),
    "y_col": ("target",),
}
"""Arguments of calls: ours, the first that the call has."""

_RESPACE = "change its space first: caviar respace STUDY --space FILE, or caviar.respace(study, space)"
_DIRECTION = 'a loss: `goal="minimize"`; a score, the larger the better: `goal="maximize"`'
_OTHERWISE = {
    "catch": "leave it out: a trial that raises has failed, and the study goes on",
    "gc_after_trial": "leave it out: a trial is a process of its own",
    "load_if_exists": "leave it out: caviar.resume goes on with a study, and caviar.open_study takes one up",
    "mode": _DIRECTION,
    "directions": "there is one score: combine them in your function, with " + _DIRECTION,
    "objective": "the function is the first argument: caviar.tune(objective, space). Of its score: " + _DIRECTION,
    "X": "arrays are one argument, a pair: caviar.tune((X, y))",
    "x": "arrays are one argument, a pair: caviar.tune((x, y))",
    "y": "arrays are one argument, a pair: caviar.tune((X, y))",
    "x_train": "arrays are one argument, a pair: caviar.tune((x_train, y_train), test=(x_test, y_test))",
    "X_train": "arrays are one argument, a pair: caviar.tune((X_train, y_train), test=(X_test, y_test))",
    "estimator": "an estimator is fitted in a function: caviar.tune(objective, space), and it returns the score",
    "model": "a model is trained in a function: caviar.tune(objective, space), and it reports the score",
    "cv": "leave it out: the best are cross-validated at the end; of your own code give `repeats=3`",
    "resources_per_trial": "give `processes=2`, and GPUs, one a process: `gpus=[0, 1]`",
    "num_gpus": "give the numbers of the GPUs, one a process: `gpus=[0, 1]`",
    "max_retries_per_trial": "leave it out: a trial that fails has failed, and the study goes on",
    "max_consecutive_failed_trials": "leave it out: trials that fail are noted, and the study goes on",
    "fail_fast": "leave it out: trials that fail are noted, and the study goes on",
    "raise_on_failed_trial": "leave it out: trials that fail are noted, and the study goes on",
    "resume": "caviar.resume(name) goes on with a study",
    "checkpoint_freq": "a function saves by trial.on_save and trial.on_restore",
    "keep_checkpoints_num": "leave it out: what is needed no more is deleted",
    "stop": "give `epochs=27`, the most of a trial, and `trials=100` or `seconds=600`",
    "patience": 'leave it out: poor trials are stopped; `stopping="median"` stops fewer',
    "early_stopping_rounds": 'leave it out: poor trials are stopped; `stopping="median"` stops fewer',
    "eta": 'leave it out: a third goes on from each rung; `stopping="median"` stops fewer',
    "min_budget": 'leave it out: trials are compared after 1, 3, 9, ... epochs; `stopping="none"` stops none',
    "n_warmup_steps": 'leave it out: trials are compared after 1, 3, 9, ... epochs; `stopping="none"` stops none',
    "n_initial_points": "leave it out: the search draws its first configs by itself; `first=[{...}]` tries yours",
    "args": "leave it out: a function may use what is around it, or be functools.partial(objective, x=x)",
    "fn_kwargs": "leave it out: a function may use what is around it, or be functools.partial(objective, x=x)",
    "budget": "give `seconds=600`, or `trials=100`",
    "grace_period": 'leave it out: trials are compared after 1, 3, 9, ... epochs; `stopping="none"` stops none',
    "reduction_factor": 'leave it out: a third goes on from each rung; `stopping="median"` stops fewer',
    "config": "the space is the second argument: caviar.tune(objective, space)",
    "overwrite": "leave it out: a new study gets a name of its own, and `caviar delete` removes one",
    "batch_size": "it is a hyperparameter: caviar.Space(batch_size=caviar.PowerOfTwo(16, 256))",
    "learning_rate": "it is a hyperparameter: caviar.Space(learning_rate=caviar.Log(1e-4, 1))",
    "lr": "it is a hyperparameter: caviar.Space(lr=caviar.Log(1e-4, 1))",
}
"""Arguments without one of ours, or with another meaning, and what to write."""

_SPACE = "hyperparameters stand in the space, caviar.Space(lr=caviar.Log(1e-4, 1)); trial.config has the values"
_SUGGEST = (
    "suggest_float",
    "suggest_int",
    "suggest_categorical",
    "suggest_uniform",
    "suggest_loguniform",
    "suggest_discrete_uniform",
)
_BEST = {
    "best_params": "best_config",
    "best_params_": "best.config",
    "best_value": "best_score",
    "best_score_": "best.score",
    "best_trial": "best",
    "best_result": "best",
    "best_estimator_": "best.model",
    "best_model": "best.model",
    "best_index_": "best.trial",
    "get_best_result": "best",
    "get_best_trial": "best",
    "get_best_config": "best.config",
    "get_best_hyperparameters": "best.config",
    "get_best_models": "best.model",
    "get_dataframe": "trials()",
    "dataframe": "trials()",
    "results_df": "trials()",
    "trials_dataframe": "trials()",
    "get_trials": "trials()",
    "cv_results_": "trials()",
    "study_name": "name",
}
_STUDY = {name: f"write study.{ours}" for name, ours in _BEST.items()} | {
    "optimize": "caviar.tune(objective, space, trials=100) runs a function; here: for trial in study.ask(100): ...",
    "search": "caviar.tune(objective, space, trials=100) runs a function; here: for trial in study.ask(100): ...",
    "enqueue_trial": "write study.enqueue({...}), or caviar.enqueue",
    "ask_and_tell": "write study.ask(10) and study.tell(trial, value)",
    "get_next_trial": "write for trial in study.ask(10): ...",
    "get_suggestions": "write for trial in study.ask(10): ...",
    "complete_trial": "write study.tell(trial, value)",
    "add_trial": "write study.enqueue({...}), and study.tell when it is asked for",
    "add_trials": "write study.enqueue({...}), and study.tell when it is asked for",
    "direction": 'it was given: caviar.open_study(name, space, goal="minimize")',
    "directions": 'it was given: caviar.open_study(name, space, goal="minimize")',
    "suggest": "write for trial in study.ask(10): ... study.tell(trial, value)",
    "set_user_attr": "write study.set(trial, name, value): a trial has attributes, a study has none",
    "user_attrs": "write study.trials(), or study.best.attributes",
}
_ASK = "caviar.open_study(name, space) for ask and tell"
_MODULE = {
    "create_study": f"write caviar.tune(objective, space, trials=100), or {_ASK}",
    "load_study": f"write caviar.resume(name), or {_ASK}",
    "Study": f"write caviar.tune(objective, space, trials=100), or {_ASK}",
    "optimize": "write caviar.tune(objective, space, trials=100)",
    "minimize": 'write caviar.tune(objective, space, goal="minimize")',
    "maximize": "write caviar.tune(objective, space)",
    "fmin": 'write caviar.tune(objective, space, goal="minimize", trials=100)',
    "Tuner": "write caviar.tune(objective, space, trials=100)",
    "sweep": "write caviar.tune(objective, space, trials=100)",
    "agent": "write caviar.tune(objective, space, trials=100)",
    "run": "write caviar.tune(objective, space), or caviar.babysit.run to nurse one network",
    "fit": "write caviar.train(x, y, config), or caviar.tune(data, target)",
    "report": "write trial.report(epoch, score) in the function",
    "TrialPruned": "leave it out: trial.report itself ends a trial that is stopped",
    "loguniform": "write caviar.Log(low, high)",
    "LogUniform": "write caviar.Log(low, high)",
    "qloguniform": "write caviar.Log(low, high, step=...)",
    "uniform": "write caviar.Linear(low, high)",
    "Uniform": "write caviar.Linear(low, high)",
    "quniform": "write caviar.Linear(low, high, step=...)",
    "Real": "write caviar.Linear(low, high), or caviar.Log(low, high)",
    "Float": "write caviar.Linear(low, high), or caviar.Log(low, high)",
    "Int": "write caviar.Integer(low, high)",
    "randint": "write caviar.Integer(low, high)",
    "qrandint": "write caviar.Integer(low, high, step=...)",
    "lograndint": "write caviar.Integer(low, high, log=True)",
    "choice": "write caviar.Choice([...])",
    "Categorical": "write caviar.Choice([...])",
    "grid_search": 'write caviar.Choice([...]), and `search="grid"`',
    "Boolean": "write caviar.Choice([True, False])",
    "Trial": "a function gets its trial from caviar.tune",
    "HyperParameters": "write caviar.Space(lr=caviar.Log(1e-4, 1)): " + _SPACE,
    "hp": "write caviar.Space(lr=caviar.Log(1e-4, 1)): " + _SPACE,
    "config": "write trial.config in the function",
    "log": "write trial.report(epoch, score, loss=...) in the function",
    "init": "write caviar.tune(objective, space), which opens a study",
    "samplers": 'leave it out, or give caviar.tune `search="random"`, "sobol", "grid" or "optuna:tpe"',
    "pruners": 'leave it out, or give caviar.tune `stopping="median"` or "none"',
    "schedulers": 'leave it out, or give caviar.tune `stopping="median"` or "none"',
    "visualization": "`caviar explain NAME` draws a study",
    "Trials": "caviar keeps them in its store: study.trials()",
    "TrialState": "study.trials() has the column state",
    "FrozenTrial": "study.trials() has a row a trial",
    "STATUS_OK": "leave it out: the function returns its score alone",
    "TuneConfig": 'give caviar.tune the arguments themselves: trials=100, goal="minimize"',
    "with_resources": "give caviar.tune `processes=2`, and GPUs, one a process: `gpus=[0, 1]`",
    "with_parameters": "leave it out: a function may use what is around it",
    "sample_from": "write caviar.Choice([...]), or caviar.Linear(low, high)",
    "session": "write trial.report(epoch, score) in the function",
    "get_checkpoint": "write trial.on_save and trial.on_restore in the function",
    "ExperimentAnalysis": "caviar.tune returns the study: study.best, study.trials()",
    "FloatDistribution": "write caviar.Linear(low, high), or caviar.Log(low, high)",
    "IntDistribution": "write caviar.Integer(low, high)",
    "CategoricalDistribution": "write caviar.Choice([...])",
    "Objective": _DIRECTION,
}
_OF_A_SEARCH = (
    "RandomSearch",
    "Hyperband",
    "BayesianOptimization",
    "GridSearch",
    "BayesSearchCV",
    "AsyncHyperBandScheduler",
    "GridSearchCV",
    "gp_minimize",
    "tpe",
    "RandomizedSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "ASHAScheduler",
    "TPESampler",
    "RandomSampler",
    "GridSampler",
    "MedianPruner",
    "HyperbandPruner",
)
_MODULE |= dict.fromkeys(
    _OF_A_SEARCH, 'write caviar.tune(objective, space, trials=100); `search="random"` and the like choose how'
)
_MODULE |= dict.fromkeys(_SUGGEST, _SPACE)
ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "study": _STUDY,
    "module": _MODULE,
    "asked trials": dict.fromkeys(
        ("number", "config", "params", "report", "should_prune", *_SUGGEST),
        "study.ask(n) is a list of trials: for trial in study.ask(10): ...",
    ),
    "asked trial": {
        "should_prune": "study.report(trial, epoch, value) answers that: True where the trial is to go on",
        "report": "write study.report(trial, epoch, value)",
        "params": "write trial.config",
        "value": "write study.tell(trial, value)",
    }
    | dict.fromkeys(("set", "set_user_attr", "user_attrs", "attributes"), "write study.set(trial, name, value)")
    | {
        "infeasible": 'write study.tell(trial, infeasible="why")',
        "folder": "write study.folder(trial)",
    }
    | dict.fromkeys(_SUGGEST, _SPACE),
}
"""Attributes of a study, of the module and of what ``ask`` gives, and what to write. (A trial's are in its client.)"""


def argument(name: str, known: Collection[str]) -> str | None:
    """The way out for the argument ``name`` of a call with the ``known`` ones; None for a name of nobody's."""
    ours = next((ours for ours in ARGUMENTS.get(name, ()) if ours in known), None)
    if name == "space" and {"study", "store"} <= set(known):  # of a study that is there
        return _RESPACE
    return f"did you mean `{ours}`?" if ours is not None else _OTHERWISE.get(name)


def attribute(of: str, kind: str, name: str) -> AttributeError:
    """The error of an attribute ``name`` that ``of``, which is of a ``kind`` of ATTRIBUTES, does not have."""
    hint = ATTRIBUTES[kind].get(name)
    return AttributeError(f"{of} has no attribute {name!r}" + (f": {hint}" if hint else ""))


class _Call:
    """A function of another tuner's, which says at its call what to write."""

    def __init__(self, name: str, hint: str) -> None:
        self._said = f"{name} is not one of caviar's functions: {hint}"

    def __call__(self, *given: Any, **named: Any) -> Any:
        raise AttributeError(self._said)


def calls(name: str) -> dict[str, _Call]:
    """The functions that other tuners have in their ``name``, which is a function here and a module there."""
    return {other: _Call(f"caviar.{name}.{other}", hint) for other, hint in _MODULE.items()}


def space(given: Any) -> str:
    """The way out for ``given`` in the place of a space: the space that a dict of other tuners seems to mean."""
    if not isinstance(given, Mapping) or not given or not all(isinstance(name, str) for name in given):
        return "write caviar.Space(learning_rate=caviar.Log(1e-4, 1))"
    if all(isinstance(each, Mapping) and {"scale", "choices"} & set(each) for each in given.values()):
        return "write caviar.Space.from_dict(...)"
    shown = [f"{name}={_scale(each)}" for name, each in list(given.items())[:4]]
    return f"write caviar.Space({', '.join(shown + (['...'] if len(given) > 4 else []))})"


def _scale(given: Any) -> str:
    """The scale that a value of such a dict seems to mean."""
    if isinstance(given, Mapping):
        if "values" in given:
            return _scale(list(given["values"]))
        low, high = given.get("min", given.get("low")), given.get("max", given.get("high"))
        if low is None or high is None:
            return repr(given["value"]) if "value" in given else "caviar.Log(1e-4, 1)"
        said = f"{given.get('distribution', '')} {given.get('sampling', '')} {given.get('log', '')}".lower()
        return _between(low, high, "log" in said or "true" in said)
    if isinstance(given, tuple) and len(given) in (2, 3) and _are_numbers(given[:2]):
        return _between(given[0], given[1], "log" in str(given[2:]))
    if isinstance(given, list | tuple | set | range):
        return f"caviar.Choice([{', '.join(map(repr, list(given)[:3]))}{', ...' if len(given) > 3 else ''}])"
    if given is None or isinstance(given, bool | int | float | str):
        return repr(given)
    return "caviar.Log(1e-4, 1)"


def _between(low: Any, high: Any, log: bool) -> str:
    if all(isinstance(end, int) for end in (low, high)) and (low, high) != (0, 1):
        return f"caviar.Integer({low!r}, {high!r}{', log=True' if log else ''})"
    log = log or (_are_numbers((low, high)) and low > 0 and low * 100 <= high)
    return f"caviar.{'Log' if log else 'Linear'}({low!r}, {high!r})"


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
