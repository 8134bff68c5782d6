"""The result of a study of a table: open the sealed test part, once, and save the model."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.analysis.account import account, validation_scores, with_intervals
from caviar.analysis.baseline import Pair
from caviar.analysis.intervals import of_mean, of_metric
from caviar.data.examples import Examples
from caviar.errors import ModelError
from caviar.learners.contract import Floats
from caviar.learners.correction import Correction
from caviar.learners.drift_reference import reference_of
from caviar.learners.model import Model
from caviar.learners.probe import PROBE, probe_of
from caviar.learners.scoring import outputs_for, outputs_of
from caviar.randomness import Purpose, stream_key
from caviar.records import Study
from caviar.records.metrics import smaller_is_better, within_range
from caviar.records.result import BestTrial, EnsembleResult, Finalist, FrontPoint, Label, Repeated, Scores, StudyResult
from caviar.records.retest import Retest
from caviar.search.portfolio import PORTFOLIO
from caviar.study.check import model_path
from caviar.study.corrections import asked_for, learned, learned_alone, model_facts
from caviar.study.events import Best, TunedStudy
from caviar.study.finals import Found
from caviar.study.job import TableJob
from caviar.study.ledger import Ledger, outcomes
from caviar.study.members import Ensemble
from caviar.study.respacing import better_outside

_FRONT = 20  # of the Pareto front's best, for a person to read


def conclude(
    job: TableJob,
    ledger: Ledger,
    study: Study,
    found: Found,
    store: str,
    sealed: Examples,
    tested: Retest | None = None,
) -> TunedStudy:
    """Score on the ``sealed`` test part, which was opened for this; save the model; sum up the study."""
    winner, network = found.winner, found.training.predictor()
    asked = asked_for(job, found.rows)
    made = alone = learned_alone(job, asked, found.unseen, found.epochs)
    answer = said = outputs_of(network, sealed.x)
    if found.ensemble is not None:
        made = learned(job, asked, found.ensemble.unseen[None], found.ensemble.y)
        answer = np.sum([member.share * outputs_of(member.network, sealed.x) for member in found.ensemble.members], 0)
    measured = account(
        job.dataset,
        job.scoring,
        job.metric,
        Pair(found.rows, sealed),
        job.scoring.corrected(answer, made.correction),
        found.unseen,
        job.parameters(winner.config),
        job.request.seed,
        job.share,
        labels=answer,
    )
    validation = validation_scores(job.shown(found.repeats), job.scoring, found.unseen, asked)
    test = dict(measured.test) if found.ensemble is None else _scores(job, sealed, said, alone.correction)
    facts = {**model_facts(job, study.name, winner, found.epochs, found.rows, validation), "test": test}
    together, parts = None, (made.residuals, made.correction)
    model = Model(network, job.dataset.preprocessing, facts, (), *parts)
    if found.ensemble is not None:
        together = _together(job, found.ensemble, asked, measured.test)
        facts["ensemble"] = asdict(together)
        first, *others = sorted(found.ensemble.members, key=lambda member: -member.share)
        model = Model(first.network, job.dataset.preprocessing, facts, tuple(others), *parts)
    facts["recipe"] = _recipe(job, ledger, found)
    facts[PROBE] = probe_of(model)
    model = replace(model, reference=reference_of(job.dataset, sealed, model.outputs, model.network))
    path = model_path(job.request, study.name, again=True)  # checked when the work began
    if path is not None:
        with suppress(OSError):  # saving says what is wrong
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            model.save(path)
        except ModelError as error:
            raise ModelError(error.rule, f"{error.way_out}; then: caviar resume {study.name}") from error
    repeated = _repeated(job, ledger, found)
    sign = -1.0 if smaller_is_better(job.metric) else 1.0
    result = StudyResult(
        metric=job.metric,
        study=study.name,
        store=store,
        seed=study.seed,
        seconds=round(study.spec.spent + time.monotonic() - job.request.started, 3),
        spent=_spent(job, ledger),
        data=study.data,
        trials=outcomes(ledger),
        best=BestTrial(
            trial=winner.number,
            config=winner.config,
            parameters=job.parameters(winner.config),
            validation=validation,
            test=test,
            repeated=repeated,
            epochs=found.epochs,
            rows=len(found.rows),
        ),
        finalists=_finalists(job, ledger, found),
        front=[
            FrontPoint(number, sign * rank_key[0], int(parameters))
            for number, rank_key, parameters in found.front[:_FRONT]  # by the smoothed score, which it was drawn by
        ],
        model=None if path is None else str(path),
        test_opened=None if study.result is None else 1 + (study.result.test_opened or 1),
        ensemble=together,
        baseline=measured.baseline,
        confusion=measured.confusion,
        columns=measured.columns,
        undefined=measured.undefined,
        positive=_positive(job),
        calibration=made.calibration,
        targets=measured.targets,
        retest=tested,
        notes=(*study.notes, *measured.doubts, *made.notes, *better_outside(ledger, winner.number)),
    )
    return TunedStudy(
        study.name,
        store,
        result,
        "" if job.request.store is None else os.fspath(job.request.store),
        Best(winner.number, winner.config, validation, dict(result.test or {}), repeated.to_record(job.metric), model),
    )


def _recipe(job: TableJob, ledger: Ledger, found: Found) -> list[dict[str, Any]]:
    """The configs of the model with their shares and epochs: all that is needed to train it again."""
    if found.ensemble is None:
        return [{"config": dict(found.winner.config), "epochs": found.epochs, "share": 1.0}]
    return [
        {"config": dict(ledger.trials[number, 0].config), "epochs": found.ensemble.epochs[number], "share": share}
        for number, share in found.ensemble.finalists.items()
    ]


def _positive(job: TableJob) -> Label | None:
    """The rarer of two classes."""
    classes = job.dataset.preprocessing.classes
    return classes[job.scoring.positive] if len(classes) == 2 else None


def _finalists(job: TableJob, ledger: Ledger, found: Found) -> list[Finalist]:
    """The finalists, the best mean first; a score is None where the network diverged."""
    sign = -1.0 if smaller_is_better(job.metric) else 1.0
    return [
        Finalist(
            finalist.number,
            finalist.epochs,
            finalist.parameters,
            _score_when_chosen(job, ledger, finalist.number),
            [sign * key[0] if math.isfinite(key[0]) else None for key in finalist.rank_keys],
        )
        for finalist in sorted(found.weighed, key=lambda finalist: finalist.mean, reverse=True)
    ]


def _score_when_chosen(job: TableJob, ledger: Ledger, number: int) -> float | None:
    """The score that made a trial a finalist: the smoothed one, where it was best."""
    score = ledger.peaks.of((number, 0))[0]
    return (-score if smaller_is_better(job.metric) else score) if math.isfinite(score) else None


def _scores(job: TableJob, sealed: Examples, said: Floats, correction: Correction) -> dict[str, float]:
    """The scores on the ``sealed`` rows of outputs ``said`` (m, n_out) after their ``correction``, with intervals."""
    scoring, rows = job.scoring, len(sealed)
    answer = scoring.corrected(said, correction)
    scores = scoring.scores(answer, sealed.y, said)
    names = [name for name in scoring.resampled(job.metric) if name in scores]

    measured = [scoring.of_rows(name, outputs_for(name, answer, said), sealed.y) for name in names]

    def on(rows: npt.NDArray[np.intp]) -> Floats:
        return np.array([score(rows) for score in measured])

    low, high = of_metric(on, rows, scoring.n_out, stream_key(job.request.seed, Purpose.INTERVAL))
    ends = {name: within_range(name, float(low[i]), float(high[i])) for i, name in enumerate(names)}
    return with_intervals(scores, rows, ends)


def _together(job: TableJob, chosen: Ensemble, asked: Correction, test: Scores) -> EnsembleResult:
    """The ensemble and its scores: those of the ``test``, and on rows that its networks have not seen."""
    shares = {str(number): share for number, share in chosen.finalists.items()}
    scoring = job.scoring
    validation = scoring.scores(scoring.corrected(chosen.unseen, asked), chosen.y, chosen.unseen)
    return EnsembleResult(len(chosen.members), shares, validation, test)


def _repeated(job: TableJob, ledger: Ledger, found: Found) -> Repeated:
    """The scores of the config when it was trained again, and how much the first score had flattered it."""
    scores = [float(evaluation.scores[job.metric]) for evaluation in found.repeats]
    mean = float(np.mean(scores))
    low, high = of_mean(scores) or (None, None)
    chosen = _score_when_chosen(job, ledger, found.winner.number)
    forward = "validation forward in time" if job.dataset.times is not None else "cross-validation"
    how = f"{job.repeats}-fold {forward}" if job.folded else "fresh seeds"
    return Repeated(
        how=how if found.weighed else "not repeated",
        planned=0 if job.request.preset == "fast" else job.repeats,
        scores=scores,
        mean=mean,
        low=low,
        high=high,
        when_chosen=chosen,
        gap=None if chosen is None else (chosen - mean) * (-1 if smaller_is_better(job.metric) else 1),
    ).within(job.metric)


def _spent(job: TableJob, ledger: Ledger) -> dict[str, float]:
    """Seconds of training by what they were for; what a resume finds done counts as when it was done."""
    spent = dict.fromkeys(("portfolio", "search", "finals", "last_training"), 0.0)
    for (number, repeat), seconds in ledger.seconds.items():
        of_portfolio = ledger.trials[number, repeat].origin == PORTFOLIO
        spent["finals" if repeat else "portfolio" if of_portfolio else "search"] += seconds
    for (_, repeat), result in ledger.results.items():
        if repeat > job.repeats:
            spent["last_training"] += sum(measured.seconds for measured in result.measurements)
    return {name: round(seconds, 3) for name, seconds in spent.items() if seconds}
