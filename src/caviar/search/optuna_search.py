"""Any of Optuna's samplers as a search: ``optuna:tpe``, ``optuna:gp``, ``optuna:cmaes``. Extra: caviar-tuner[optuna].

Optuna gets every comparison, in the order of the evidence, so that its proposals are the same on any number of threads.
A comparison at a rung below the last is a pruned trial with its value at that epoch; one at the last rung is a complete
trial. A trial that is compared again is reported again. Scales are Caviar's: a float is suggested as its unit
coordinate. Optuna itself does that with log=True, but cannot do it for 1 - beta. TPE gets choices and integers as they
are, and conditional hyperparameters only where they apply. GP and CMA-ES take neither choices nor conditions, and get
every hyperparameter as its unit coordinate.

Source: Akiba and others, Optuna, 2019. TPE: Bergstra and others, 2011.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from caviar.errors import SpaceError
from caviar.records import Box, Config, Value
from caviar.records.ranking import WORST
from caviar.scale_rules import value_key
from caviar.scales import Choice, Fixed, Integer, PowerOfTwo, Scale
from caviar.search.contract import Compared, Evidence, Proposal
from caviar.search.feasible import drawn, middle
from caviar.space import Space

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("tpe", "gp", "cmaes")
_NEEDED = {"gp": ("torch",), "cmaes": ("cmaes",)}
_AT_ONCE = 4  # proposals of one look at the evidence
_MOST_ASKED = 50  # proposals that break a constraint, until ours takes their place
_LAG = 8  # trials that are not waited for: enough to keep a few threads at work


class OptunaSearch:
    """The search ``optuna:SAMPLER``; see contract.Search."""

    def __init__(self, space: Space, seed: int, sampler: str) -> None:
        require_optuna(sampler)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would write a line a study
        self._space = space
        self._order = _by_conditions(space)
        self._plain = sampler != "tpe"  # every hyperparameter as a unit coordinate
        self._asked: list[tuple[Config, optuna.trial.Trial]] = []  # not reported yet: a wish may have taken a number
        self._reported: dict[int, optuna.trial.FrozenTrial] = {}  # the first report of each trial
        self._taken: list[int] = []
        self._study = optuna.create_study(direction="maximize", sampler=_sampler(sampler, seed % 2**32))
        self._named, self._seed, self._recalled = sampler, seed, 0

    def lag(self, number: int) -> int | None:
        """A few trials, the same for every number."""
        return _LAG

    def recall(self, config: Config) -> None:
        """See Search: the sampler would draw its first configs once more, so its stream becomes another."""
        self._recalled += 1

    def propose(self, number: int, evidence: Evidence) -> tuple[list[Proposal], list[Box]]:
        """A few trials that the sampler asks for; trial 0 is the middle of every scale."""
        if self._recalled:
            self._study.sampler = _sampler(self._named, (self._seed + self._recalled) % 2**32)
            self._recalled = 0
        self._report(evidence)
        if number == 0:
            self._study.enqueue_trial(self._parameters(middle(self._space, self._seed)))
            return [Proposal(self._ask(number), "middle")], []
        return [Proposal(self._ask(n), "optuna") for n in range(number, number + _AT_ONCE)], []

    def _ask(self, number: int) -> dict[str, Value]:
        """One config of a new trial of Optuna's; ours where it asks again and again for what breaks a constraint."""
        import optuna

        config, trial = self._suggested()
        for asked in range(_MOST_ASKED):
            if self._space.fulfils(config):
                break
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)  # nothing is learnt from it
            if asked == _MOST_ASKED - 1:
                self._study.enqueue_trial(self._parameters(drawn(self._space, self._seed, number)[1]))
            config, trial = self._suggested()
        self._asked.append((config, trial))
        return config

    def _suggested(self) -> tuple[dict[str, Value], optuna.trial.Trial]:
        """One config, hyperparameter by hyperparameter, those that conditions name before those that have them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of experimental features in Optuna
            trial = self._study.ask()
            if self._plain:
                point = [trial.suggest_float(name, 0.0, 1.0) for name in self._space.searched]
                return self._space.from_unit([point])[0], trial
            config: dict[str, Value] = {}
            for name in self._order:
                scale = self._space[name]
                if _applies(scale, config):
                    config[name] = suggest(trial, name, scale)
        return {name: config[name] for name in self._space.names if name in config}, trial

    def _report(self, evidence: Evidence) -> None:
        """Report the new evidence."""
        self._taken = self._taken or [0] * len(evidence)
        for rung, compared in enumerate(evidence):
            for one in compared[self._taken[rung] :]:
                self._report_one(one, last=rung == len(evidence) - 1)
            self._taken[rung] = len(compared)

    def _report_one(self, one: Compared, last: bool) -> None:
        import optuna

        value = one.rank_key[0] if one.rank_key > WORST else math.nan
        complete = last and one.rank_key > WORST
        state = optuna.trial.TrialState.COMPLETE if complete else optuna.trial.TrialState.PRUNED
        at = next((i for i, (config, _) in enumerate(self._asked) if config is one.config), None)
        if at is not None:
            _, trial = self._asked.pop(at)
            trial.report(value, one.epoch)
            self._reported[one.number] = self._study.tell(trial, value if complete else None, state=state)
            return
        before = self._reported.get(one.number)
        parameters = self._parameters(one.config) if before is None else before.params
        again = optuna.trial.create_trial(
            state=state,
            value=value if complete else None,
            params=parameters,
            distributions={name: self._distribution(name) for name in parameters},
            intermediate_values={one.epoch: value},
        )
        self._study.add_trial(again)
        self._reported.setdefault(one.number, again)

    def _parameters(self, config: Config) -> dict[str, Any]:
        """The parameters of Optuna's of a config, also of one that this search did not propose."""
        if self._plain:
            [point] = np.nan_to_num(self._space.to_unit([config]), nan=0.5)
            return dict(zip(self._space.searched, point.tolist(), strict=True))
        return {name: parameter(self._space[name], config[name]) for name in self._space.searched if name in config}

    def _distribution(self, name: str) -> optuna.distributions.BaseDistribution:
        import optuna

        return optuna.distributions.FloatDistribution(0.0, 1.0) if self._plain else distribution(self._space[name])


def require_optuna(sampler: str) -> None:
    """Raise SpaceError, with a line to install it, unless Optuna and the needs of ``sampler`` are there."""
    for module in ("optuna", *_NEEDED.get(sampler, ())):
        if find_spec(module) is None:
            raise SpaceError(
                f"the search optuna:{sampler} needs {module}, which is not installed",
                "pip install 'caviar-tuner[optuna]'",
            )


def _sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "gp":
            return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)
        if name == "cmaes":
            return optuna.samplers.CmaEsSampler(seed=seed, consider_pruned_trials=True, warn_independent_sampling=False)
        return optuna.samplers.TPESampler(seed=seed)


def distribution(scale: Scale) -> optuna.distributions.BaseDistribution:
    """The distribution of Optuna's that is nearest to the scale."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(scale, Choice):
        return CategoricalDistribution(cast(Any, scale.choices) if _are_optunas(scale) else range(scale.n_values))
    if _is_optunas(scale):
        return IntDistribution(scale.low, scale.high, log=scale.log, step=scale.step)
    if isinstance(scale, PowerOfTwo):
        return IntDistribution(scale.low.bit_length() - 1, scale.high.bit_length() - 1)
    return FloatDistribution(0.0, 1.0)


def suggest(trial: optuna.trial.Trial, name: str, scale: Scale) -> Value:
    """Suggest one value from the distribution of its scale."""
    if isinstance(scale, Fixed):
        return scale.value
    if isinstance(scale, Choice):
        if _are_optunas(scale):
            return cast(Value, trial.suggest_categorical(name, cast(Any, scale.choices)))
        return scale.choices[trial.suggest_categorical(name, range(scale.n_values))]
    if _is_optunas(scale):
        return trial.suggest_int(name, scale.low, scale.high, log=scale.log, step=scale.step)
    if isinstance(scale, PowerOfTwo):
        return 1 << trial.suggest_int(name, scale.low.bit_length() - 1, scale.high.bit_length() - 1)
    value: Value = scale.from_unit(np.array([trial.suggest_float(name, 0.0, 1.0)])).tolist()[0]
    return value


def parameter(scale: Scale, value: Value) -> Any:
    """The parameter of Optuna's for which ``suggest`` gives ``value``."""
    if isinstance(scale, Choice):
        return value if _are_optunas(scale) else int(scale.to_unit([value])[0] * scale.n_values)
    if _is_optunas(scale):
        return value
    if isinstance(scale, PowerOfTwo):
        return cast(int, value).bit_length() - 1
    return float(scale.to_unit([value])[0])


def _is_optunas(scale: Scale) -> TypeGuard[Integer]:
    """True for integers as Optuna has them, too: it has no steps on a log scale."""
    return isinstance(scale, Integer) and not (scale.log and scale.step > 1)


def _are_optunas(scale: Choice) -> bool:
    """True where Optuna takes the choices as they are: it has no tuples, and takes True for 1."""
    return len(set(scale.choices)) == scale.n_values and not any(isinstance(one, tuple) for one in scale.choices)


def _applies(scale: Scale, config: Mapping[str, Value]) -> bool:
    """True where the scale's condition holds in the known part of the config."""
    return all(
        name in config and value_key(config[name]) in map(value_key, values)
        for name, values in (scale.when or {}).items()
    )


def _by_conditions(space: Space) -> list[str]:
    """Names in the space's order, but each after those that its condition names."""
    order: list[str] = []

    def add(name: str) -> None:
        for other in space[name].when or {}:
            add(other)
        if name not in order:
            order.append(name)

    for name in space.names:
        add(name)
    return order
