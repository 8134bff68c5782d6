"""What a study tells while it runs, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from caviar.learners.model import Model
from caviar.records import Config, Study, StudyProgress, Trial

if TYPE_CHECKING:
    import pandas as pd


Progress = StudyProgress
"""Where a study stands, several times a second."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The data is read and split and the study is in the store: training starts."""

    study: Study
    rungs: tuple[int, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Best:
    """The answer: a config, and the network trained with it on all rows but the sealed test part.

    ``validation`` are the mean scores of the config's repeats with fresh seeds, none of which saw the rows it was
    scored on; ``test`` the scores of the network on the sealed test part, with the 95 % interval of the accuracy
    (Wilson). For regression they are r2, rmse and mae, the two errors in the target's own units, with the 95 %
    interval of r2 (percentiles of 1,000 bootstrap resamples). ``repeated`` says how the config was repeated: what
    metric it had each time, the mean and its 95 % interval (Student's t), and the gap, how much worse that mean is
    than the score by which the config was chosen. ``model`` is the network, or the ensemble if one was asked for.
    """

    trial: int
    config: Config
    validation: Mapping[str, float]
    test: Mapping[str, float] | None
    repeated: Mapping[str, Any]
    model: Model


class _InStore:
    """A study that is in a store, whose ``url`` has its password if it has one."""

    name: str
    url: str

    def trials(self) -> pd.DataFrame:
        """All trials from the store, a row a trial."""
        from caviar.store import Store

        with Store.open(self.url, create=False) as store:
            return store.trials_frame(self.name)


@dataclass(frozen=True)
class TunedStudy(_InStore):
    """What ``tune`` gives back; ``summary`` is the JSON object of ``caviar tune --json``."""

    name: str
    store: str
    best: Best
    summary: Mapping[str, Any]
    url: str = field(repr=False)  # of the store, with its password if it has one: ``store`` is for people


@dataclass(frozen=True)
class TunedProgram(_InStore):
    """What ``tune`` gives back for a function or a command; ``summary`` is the JSON object of ``--json``.

    ``best`` is the best trial, with its ``number``, ``config``, ``score`` and ``epochs``.
    """

    name: str
    store: str
    best: Trial
    summary: Mapping[str, Any]
    url: str = field(repr=False)  # as of TunedStudy


Event = Begun | Progress | TunedStudy | TunedProgram
