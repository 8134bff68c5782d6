"""The best network so far, saved as the study's model: whatever happens later, there is an answer to predict with."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from caviar.analysis.account import Unseen
from caviar.errors import CaviarError, ModelError
from caviar.executors.parked import ParkedTrainings
from caviar.learners.contract import Training
from caviar.learners.model import SO_FAR, Model, load
from caviar.records import Study, Trial
from caviar.records.ranking import WORST
from caviar.study.check import model_path
from caviar.study.corrections import asked_for, learned_alone, model_facts
from caviar.study.job import FINALISTS, TableJob
from caviar.study.ledger import Ledger

_SHARE = 0.02  # of the time of a study that may go into saving


class SoFar:
    """Saves the network of the best trial that has one at hand, when it is another than before.

    It was trained on the training rows alone, and has no test scores: the sealed part stays closed until the end.
    """

    def __init__(self, job: TableJob, study: Study, ledger: Ledger, parked: ParkedTrainings) -> None:
        self._job, self._study, self._ledger, self._parked = job, study.name, ledger, parked
        # An extended study has an answer already, and of one that tests an old answer the verdict is asked for.
        is_first = study.result is None and job.request.retest is None
        self._path = model_path(job.request, study.name, again=True) if is_first else None
        self._saved = _trial_and_epochs(self._path)
        self._next = 0.0

    def save(self, due: bool = False) -> None:
        """Save it; with ``due`` only where saving has not taken too much of the time by now."""
        if self._path is None or (due and time.monotonic() < self._next):
            return
        found = self._best()
        if found is None or (found[0].number, found[1].epoch) == self._saved:
            return
        began = time.monotonic()
        with suppress(ModelError, OSError):  # the end tries again, and says what is wrong
            self._save(*found, self._path)
            self._saved = found[0].number, found[1].epoch
        now = time.monotonic()
        self._next = now + (now - began) / _SHARE

    def _best(self) -> tuple[Trial, Training] | None:
        for number in self._ledger.peaks.best(FINALISTS):
            key = number, 0
            training = self._ledger.networks.get(key) or self._parked.get(key)
            if training is None and self._saved is not None and self._saved[0] == number:
                return None  # a resume has what was saved before it, and not the network
            if training is not None and training.epoch > 0 and self._ledger.peaks.of(key) > WORST:
                return self._ledger.trials[key], training
        return None

    def _save(self, trial: Trial, training: Training, path: Path) -> None:
        job, rows, network = self._job, self._job.dataset.train, training.predictor()
        asked, unseen = asked_for(job, rows), Unseen(network, rows, job.dataset.validation, training.epoch)
        made = learned_alone(job, asked, [unseen], training.epoch)
        validation = job.shown([training.evaluate(job.dataset.validation)])
        facts = {**model_facts(job, self._study, trial, training.epoch, rows, validation), SO_FAR: True}
        path.parent.mkdir(parents=True, exist_ok=True)
        Model(network, job.dataset.preprocessing, facts, (), made.residuals, made.correction).save(path)


def _trial_and_epochs(path: Path | None) -> tuple[int, int] | None:
    """Those of the network that an interrupted study has saved."""
    if path is None or not path.exists():
        return None
    try:
        facts = load(path).facts
        return int(facts["trial"]), int(facts["epochs"])
    except (CaviarError, KeyError):
        return None
