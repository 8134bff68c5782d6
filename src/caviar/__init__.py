"""Caviar tunes and trains deep networks: thousands a minute, on an ordinary processor.

study = caviar.tune("flowers.csv", target="species", seconds=30)     the best network for a table
fit = caviar.train(x, y, {"layers": 2, "hidden_units": 64}, epochs=20)   one network
study = caviar.tune(objective, space, seconds=600)                   the best config for your own training code
caviar.retest("flowers", data="new.csv")                            an old answer on today's data
caviar.respace("flowers", space)                                     another space for a study, in mid-study
caviar.drift("flowers.caviar", "new.csv")                           new rows beside those of training
with caviar.babysit.run("resnet-7", knobs={"learning_rate": 0.1}) as run:   anyone's training loop, nursed
with caviar.open_study("resnets", space) as study: study.ask(10)     your own code trains, caviar proposes and stops
caviar.Space(learning_rate=caviar.Log(1e-4, 1), ...)                 the space to search
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caviar import babysit
    from caviar.analysis.drift import drift
    from caviar.analysis.drift_report import Drift
    from caviar.api import enqueue, open_study, resume, retest, train, tune
    from caviar.clients.caviar_client import Infeasible, TrialStopped
    from caviar.errors import (
        CaviarError,
        CaviarWarning,
        ConfigError,
        DataError,
        ModelError,
        NoAnswer,
        SealBroken,
        SpaceError,
        StoreError,
        UserMistake,
    )
    from caviar.learners.dense.fit import Fit
    from caviar.learners.model import Model, load
    from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo
    from caviar.space import Space, default_space
    from caviar.study.ask_tell import OpenStudy
    from caviar.study.events import TunedProgram, TunedStudy
    from caviar.study.options import OpenOptions, ProgramOptions, ResumeOptions, TableOptions
    from caviar.study.respace import respace

__all__ = [
    "CaviarError",
    "CaviarWarning",
    "Choice",
    "ConfigError",
    "DataError",
    "Drift",
    "Fit",
    "Fixed",
    "Infeasible",
    "Integer",
    "Linear",
    "Log",
    "Model",
    "ModelError",
    "NoAnswer",
    "OneMinusLog",
    "OpenOptions",
    "OpenStudy",
    "PowerOfTwo",
    "ProgramOptions",
    "ResumeOptions",
    "SealBroken",
    "Space",
    "SpaceError",
    "StoreError",
    "TableOptions",
    "TrialStopped",
    "TunedProgram",
    "TunedStudy",
    "UserMistake",
    "babysit",
    "default_space",
    "drift",
    "enqueue",
    "load",
    "open_study",
    "respace",
    "resume",
    "retest",
    "train",
    "tune",
]

_PLACES = {
    "analysis.drift": ("drift",),
    "analysis.drift_report": ("Drift",),
    "api": ("enqueue", "open_study", "resume", "retest", "train", "tune"),
    "clients.caviar_client": ("Infeasible", "TrialStopped"),
    "errors": (
        "CaviarError",
        "CaviarWarning",
        "ConfigError",
        "DataError",
        "ModelError",
        "NoAnswer",
        "SealBroken",
        "SpaceError",
        "StoreError",
        "UserMistake",
    ),
    "learners.dense.fit": ("Fit",),
    "learners.model": ("Model", "load"),
    "scales": ("Choice", "Fixed", "Integer", "Linear", "Log", "OneMinusLog", "PowerOfTwo"),
    "space": ("Space", "default_space"),
    "study.ask_tell": ("OpenStudy",),
    "study.events": ("TunedProgram", "TunedStudy"),
    "study.options": ("OpenOptions", "ProgramOptions", "ResumeOptions", "TableOptions"),
    "study.respace": ("respace",),
}
"""Each module with the public names that it holds: loaded where one of them is first used."""

_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "babysit":
        return import_module("caviar.babysit")
    if name == "__version__":
        return import_module("caviar.machine").VERSION
    if name not in _MODULE_OF:
        raise import_module("caviar.other_tuners").attribute("module 'caviar'", "module", name)
    value = getattr(import_module(f"caviar.{_MODULE_OF[name]}"), name)
    globals()[name] = value  # the next time Python finds it here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
