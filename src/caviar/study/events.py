"""The events of a study while it runs, the last of which is its answer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caviar import other_tuners
from caviar.learners.model import Model
from caviar.records import Config, Study, StudyProgress, StudyResult, Trial
from caviar.records.retest import Retest
from caviar.store import Store
from caviar.study.plot import Drawing, Shown

if TYPE_CHECKING:
    import pandas as pd


Progress = StudyProgress
"""Where a study stands, several times a second."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The data is read and split and the study, with its notes, is in the store: training starts.

    ``out`` is where the model will be: the best network so far from the first on, then the answer.
    """

    study: Study
    rungs: tuple[int, ...]
    out: Path | None = None


@dataclass(frozen=True)
class Best:
    """The answer: a config, and the network trained with it on all rows but the sealed test part.

    ``validation`` are the mean scores of the config's repeats with fresh seeds, none of which saw the rows it was
    scored on; ``test`` the scores of the ``model`` on the sealed test part, with the 95 % interval of the accuracy
    (Wilson). For regression they are r2, rmse and mae, the two errors in the target's own units, with the 95 %
    interval of r2 (percentiles of 1,000 bootstrap resamples). ``repeated`` says how the config was repeated: what
    metric it had each time, the mean and its 95 % interval (Student's t), and the gap, how much worse that mean is
    than the score by which the config was chosen. ``model`` is the network, or the ensemble where it is one.
    """

    trial: int
    config: Config
    validation: Mapping[str, float]
    test: Mapping[str, float] | None
    repeated: Mapping[str, Any]
    model: Model


@dataclass(frozen=True)
class _InStore(Shown):
    """A study in a store. ``url`` has the store's password if it has one.

    ``image`` is the whole store where that was in memory and is gone; else it is None. ``drawing`` draws its pictures.
    """

    name: str
    store: str
    result: StudyResult
    url: str = field(repr=False)  # ``store`` is for people
    image: bytes | None = field(default=None, repr=False, kw_only=True)
    drawing: Drawing | None = field(default=None, repr=False, compare=False, kw_only=True)

    if not TYPE_CHECKING:  # a type checker knows the attributes

        def __getattr__(self, name: str) -> Any:
            """Raise AttributeError, with our name for one that other tuners have."""
            raise other_tuners.attribute("a study that was tuned", "study", name)

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``caviar tune --json``."""
        return self.result.to_record()

    @property
    def notes(self) -> tuple[str, ...]:
        """All notes on the data, the search and the answer; they were given as CaviarWarning too."""
        return self.result.notes

    def trials(self) -> pd.DataFrame:
        """All trials, a row a trial."""
        with self.opened() as store:
            return store.trials_frame(self.name)

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """See Shown."""
        with Store.open(self.url, create=False) if self.image is None else Store.of_image(self.image) as store:
            yield store


@dataclass(frozen=True)
class TunedStudy(_InStore):
    """The result of ``tune`` for a table."""

    best: Best

    @property
    def retest(self) -> Retest | None:
        """The verdict on the old answer that this study tests again; None for other studies."""
        return self.result.retest

    @property
    def best_config(self) -> Config:
        """The config of the best network."""
        return self.best.config

    @property
    def best_score(self) -> float:
        """The study's metric of that config on validation rows: the mean of its repeats."""
        return self.best.validation[self.result.metric]


@dataclass(frozen=True)
class TunedProgram(_InStore):
    """The result of ``tune`` for a function or a command.

    ``best`` is the best trial, with its ``number``, ``config``, ``score`` and ``epochs``.
    """

    best: Trial

    @property
    def best_config(self) -> Config:
        """The config of the best trial."""
        return self.best.config

    @property
    def best_score(self) -> float:
        """The score of the best trial in the search."""
        assert self.best.score is not None  # it is ranked by it
        return self.best.score


Event = Begun | Progress | TunedStudy | TunedProgram


def each_given_to(
    after_trial: Callable[[Trial], object], events: Generator[Event, None, None]
) -> Generator[Event, None, None]:
    """The ``events``, each trial that is over given to a function of the caller's; what it raises ends the study."""
    with closing(events):
        for event in events:
            if isinstance(event, Progress):
                for trial in event.ended:  # copies, to be changed as their owner likes
                    after_trial(trial._replace(config=deepcopy(trial.config), attributes=deepcopy(trial.attributes)))
            yield event
