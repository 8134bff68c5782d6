"""A study of Optuna's becomes one of ours: read through Optuna's own API, so that it is Optuna who knows its schema.

    Optuna                                     here
    FloatDistribution, log, step               Linear, Log
    IntDistribution, log, step                 Integer
    CategoricalDistribution                    Choice; of what no Choice can hold, its text
    COMPLETE, PRUNED, FAIL, RUNNING            finished, stopped, failed, interrupted; WAITING, without a config, none
    intermediate values by step                measurements by epoch, the first of them 1
    user attributes, times                     attributes, times

The metric is the score where Optuna maximised it, and the loss where it minimised it, as of any code of the user's. A
name that is none of ours has its other characters replaced by underscores.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from caviar import files
from caviar.errors import SpaceError, StoreError, did_you_mean
from caviar.records import Measurement, Study, StudyKind, StudySpec, StudyState, Trial, TrialState, Value
from caviar.records.names import cleaned_value
from caviar.records.ranking import GOAL_METRICS, Goal
from caviar.scale_rules import as_value, is_name, is_value, value_key
from caviar.scales import Choice, Fixed, Integer, Linear, Log, Scale
from caviar.space import Space
from caviar.steps import steps
from caviar.store.store import Store
from caviar.store.studies import Keyed, Times
from caviar.store.transactions import check_path

if TYPE_CHECKING:
    import optuna

_GOALS: Mapping[str, Goal] = {"MAXIMIZE": "maximize", "MINIMIZE": "minimize"}
_STATES = {
    "COMPLETE": TrialState.FINISHED,
    "PRUNED": TrialState.STOPPED,
    "FAIL": TrialState.FAILED,
    "RUNNING": TrialState.INTERRUPTED,
}
Measured = tuple[int, int, Measurement]


def names(url: str) -> list[str]:
    """The names of the studies in the Optuna storage at ``url``; StoreError if there is no such storage."""
    import optuna

    return sorted(optuna.get_all_study_names(_storage(url)))


def read(url: str, name: str | None = None) -> tuple[Study, list[Trial], list[Measured], dict[Keyed, Times]]:
    """The study ``name`` of the Optuna storage at ``url``, or the only one there, as our own nouns.

    Trials, what was measured of them, and the times at which they began and ended.

    Raises StoreError for no storage, no such study, one of several objectives, and parameters that no scale fits.
    """
    storage = _storage(url)
    import optuna

    known = sorted(optuna.get_all_study_names(storage))
    if name is None and len(known) != 1:
        raise StoreError(
            f"that Optuna storage has {len(known)} studies", f"name one with `study`: {did_you_mean('', known)}"
        )
    chosen = known[0] if name is None else name
    if chosen not in known:
        raise StoreError(f"that Optuna storage has no study {chosen[:60]!r}", did_you_mean(chosen, known))
    study = optuna.load_study(study_name=chosen, storage=storage)
    if len(study.directions) != 1:
        raise StoreError(
            f"the Optuna study {chosen[:60]!r} has {len(study.directions)} objectives",
            "caviar ranks by one: import another",
        )
    given = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in _STATES]
    space, names_here = _space(given)
    trials = [_trial(trial, space, names_here) for trial in given]
    measured = [row for trial in given for row in _measurements(trial)]
    started = [trial.datetime_start for trial in given if trial.datetime_start is not None]
    ended = [trial.datetime_complete for trial in given if trial.datetime_complete is not None]
    now = datetime.now(UTC).isoformat()
    record = Study(
        name=chosen,
        seed=0,
        metric=GOAL_METRICS[_GOALS[study.direction.name]],
        search="optuna",
        space=space.to_dict(),
        spec=StudySpec(kind=StudyKind.ASKED, trials=len(given), known=max((t.number + 1 for t in given), default=0)),
        data={"imported_from": "Optuna"},
        environment={"optuna": optuna.__version__},
        state=StudyState.FINISHED,
        notes=tuple(
            f"{theirs!r:.60} is called {ours} here: a function gets it as trial.config[{ours!r}]"
            for theirs, ours in names_here.items()
            if theirs != ours
        ),
        created=min(started).astimezone(UTC).isoformat() if started else now,
        ended=max(ended).astimezone(UTC).isoformat() if ended else now,
    )
    return record, trials, measured, {(trial.number, 0): _times(trial) for trial in given}


def put(
    store: Store,
    study: Study,
    trials: Sequence[Trial],
    measured: Sequence[Measured],
    at: Mapping[Keyed, Times] | None = None,
) -> Study:
    """Write an imported study, whole or not at all, its name numbered where it is taken; the study with its name."""
    return store.create_study(study, trials, measured, numbered=True, at=at)


def _storage(url: str) -> Any:
    try:
        import optuna
    except ImportError:
        raise StoreError(
            "importing Optuna's studies needs Optuna, which is not installed", "pip install 'caviar-tuner[optuna]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if "://" not in url:
        check_path(url)
    whole = url if "://" in url else f"sqlite:///{url}"
    kind, _, rest = whole.partition("://")
    if kind == "sqlite" and not Path(rest.removeprefix("/")).is_file():
        raise StoreError(f"there is no file {rest.removeprefix('/')[:200]!r}", "name Optuna's database, or its URL")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Optuna calls experimental
            # Optuna would make its tables in whatever database it is given.
            return optuna.storages.get_storage(optuna.storages.RDBStorage(whole, skip_table_creation=True))
    except (optuna.exceptions.OptunaError, sa.exc.SQLAlchemyError, RuntimeError, ValueError, ImportError):
        # What it says may hold the URL, and that a password.
        raise StoreError(
            "Optuna cannot read a storage of its own there", "name the database that it was given as storage=..."
        ) from None


def _trial(trial: optuna.trial.FrozenTrial, space: Space, names_here: Mapping[str, str]) -> Trial:
    values = trial.values
    reached = values[0] if values else None
    if reached is None and trial.intermediate_values:
        reached = trial.intermediate_values[max(trial.intermediate_values)]
    error = trial.system_attrs.get("fail_reason") if trial.state.name == "FAIL" else None
    return Trial(
        number=trial.number,
        config=_config({names_here[name]: value for name, value in trial.params.items()}, space),
        state=_STATES[trial.state.name],
        epochs=len(trial.intermediate_values),
        score=None if reached is None else float(reached),
        origin="Optuna",
        error=None if error is None else str(error),
        attributes=cleaned_value(files.plain(trial.user_attrs)),
    )


def _times(trial: optuna.trial.FrozenTrial) -> Times:
    """Optuna's times are of the clock on the wall, without a zone: it is taken for that of this machine."""
    began, ended = trial.datetime_start, trial.datetime_complete
    return (None if began is None else began.timestamp(), None if ended is None else ended.timestamp())


def _measurements(trial: optuna.trial.FrozenTrial) -> list[Measured]:
    """Steps may begin anywhere and leave some out: epochs count them."""
    nan = math.nan
    steps = sorted(trial.intermediate_values.items())
    rows = ((epoch, float(value)) for epoch, (_, value) in enumerate(steps, 1))
    return [(trial.number, 0, Measurement(n, nan, nan, nan, v, nan, nan)) for n, v in rows]


def _space(trials: Sequence[optuna.trial.FrozenTrial]) -> tuple[Space, dict[str, str]]:
    """A scale for every parameter that some trial has, and its name here.

    Where trials differ it is one that holds them all. Optuna lets a person's value be outside of its distribution.
    """
    seen: dict[str, list[Any]] = {}
    values: dict[str, list[Any]] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            values.setdefault(name, []).append(trial.params[name])
            if distribution not in seen.setdefault(name, []):
                seen[name].append(distribution)
    names_here = _names_here(list(seen))
    try:
        scales = {names_here[name]: _scale(distributions, values[name]) for name, distributions in seen.items()}
        return Space(**scales), names_here
    except SpaceError as error:
        raise StoreError(
            f"a parameter of that study fits none of caviar's scales: {error.rule}", error.way_out
        ) from error


def _names_here(theirs: Sequence[str]) -> dict[str, str]:
    """The name of each parameter here: its own, or a legal one, learning_rate for "learning rate"."""
    found: dict[str, str] = {}
    for name in theirs:
        legal = name if is_name(name) else re.sub(r"[^A-Za-z0-9_]+", "_", name)
        legal = legal if is_name(legal) else f"_{legal}"
        if legal in found.values() or (legal != name and legal in theirs):
            raise StoreError(
                f"two parameters of that study would both be called {legal[:60]!r} here, one of them {name[:60]!r}",
                "rename one of them in Optuna",
            )
        found[name] = legal
    return found


def _scale(distributions: Sequence[Any], values: Sequence[Any]) -> Scale:
    kinds = {type(distribution).__name__ for distribution in distributions}
    if kinds == {"CategoricalDistribution"}:
        choices = {value_key(_value(choice)): _value(choice) for d in distributions for choice in d.choices}
        return Choice(list(choices.values())) if len(choices) > 1 else Fixed(next(iter(choices.values())))
    if "CategoricalDistribution" in kinds:
        raise SpaceError("it is a category in some trials and a number in others", "import a study without such a one")
    low, high = min(d.low for d in distributions), max(d.high for d in distributions)
    outside = [value for value in values if not low <= value <= high]
    low, high = min([low, *outside]), max([high, *outside])
    if low == high:
        return Fixed(low)
    log = all(d.log for d in distributions) and low > 0
    step = distributions[0].step if len(distributions) == 1 and not outside else None
    if kinds == {"IntDistribution"}:
        return Integer(int(low), int(high), log=log, step=1 if step is None else step)
    if log:
        return Log(float(low), float(high))
    try:
        return Linear(float(low), float(high), step=step)
    except SpaceError:  # the step does not lead from one end to the other
        return Linear(float(low), float(high))


def _config(parameters: Mapping[str, Any], space: Space) -> dict[str, Value]:
    """The parameters of a trial as values of ``space``: its steps are decimal, and Optuna's 0.30000000000000004."""
    config = {}
    for name, given in parameters.items():
        value, scale = _value(given), space[name]
        if isinstance(scale, Linear) and scale.step is not None and not scale.contains(value):
            number = steps(scale.low, scale.high, scale.step).nearest(float(given))
            value = number if math.isclose(number, given, rel_tol=1e-9, abs_tol=1e-9 * scale.step) else value
        config[name] = value
    return config


def _value(value: Any) -> Value:
    value = as_value(value)
    return value if is_value(value) else str(value)


def described(record: Study, trials: Sequence[Trial]) -> Mapping[str, Any]:
    """The imported study, as plain data."""
    return {
        "study": record.name,
        "metric": record.metric,
        "hyperparameters": list(record.space),
        "trials": {str(state): sum(t.state is state for t in trials) for state in TrialState},
    }
