"""Caviar tunes and trains deep networks: thousands a minute, on an ordinary processor.

study = caviar.tune("flowers.csv", target="species", seconds=30)     the best network for a table
fit = caviar.train(x, y, {"layers": 2, "hidden_units": 64}, epochs=20)   one network
study = caviar.tune(objective, space, seconds=600)                   the best config for your own training code
with caviar.babysit.run("resnet-7", knobs={"learning_rate": 0.1}) as run:   anyone's training loop, nursed
with caviar.open_study("resnets", space) as study: study.ask(10)     your own code trains, caviar proposes and stops
caviar.Space(learning_rate=caviar.Log(1e-4, 1), ...)                 what to search
"""

from typing import Any

from caviar import babysit
from caviar.api import resume, tune
from caviar.errors import (
    CaviarError,
    ConfigError,
    DataError,
    ModelError,
    NoAnswer,
    SealBroken,
    SpaceError,
    StoreError,
    UserMistake,
)
from caviar.learners.dense.fit import Fit, train
from caviar.learners.model import Model, load
from caviar.scales import Choice, Fixed, Integer, Linear, Log, OneMinusLog, PowerOfTwo
from caviar.space import Space, default_space
from caviar.study.ask_tell import OpenStudy, open_study
from caviar.study.loop import TunedProgram, TunedStudy

__all__ = [
    "CaviarError",
    "Choice",
    "ConfigError",
    "DataError",
    "Fit",
    "Fixed",
    "Integer",
    "Linear",
    "Log",
    "Model",
    "ModelError",
    "NoAnswer",
    "OneMinusLog",
    "OpenStudy",
    "PowerOfTwo",
    "SealBroken",
    "Space",
    "SpaceError",
    "StoreError",
    "TrialStopped",
    "TunedProgram",
    "TunedStudy",
    "UserMistake",
    "babysit",
    "default_space",
    "load",
    "open_study",
    "resume",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    """``TrialStopped``, from the client, which is for programs that caviar has started and is not loaded elsewhere."""
    if name != "TrialStopped":
        raise AttributeError(f"module 'caviar' has no attribute {name!r}")
    from caviar.clients.caviar_client import TrialStopped

    return TrialStopped
