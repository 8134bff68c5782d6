"""The result of a study of a table: open the sealed test part, once, and save the model."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.data.examples import Examples
from caviar.learners.contract import Evaluation
from caviar.learners.model import Model
from caviar.randomness import Purpose, UInt64, generator, stream_key
from caviar.records import Study
from caviar.records.ranking import smaller_is_better
from caviar.records.result import BestTrial, EnsembleResult, Finalist, FrontPoint, Repeated, StudyResult
from caviar.study import ensemble
from caviar.study.check import model_path
from caviar.study.events import Best, TunedStudy
from caviar.study.finals import Ensemble, Found
from caviar.study.job import TableJob
from caviar.study.ledger import Ledger, outcomes

_RESAMPLES, _DRAWN = 1000, 10_000  # of the bootstrap: a tenth of a second at most
_Z = 1.959963984540054  # the 97.5 % point of the normal distribution
_T = (12.706204736174694, 4.302652729749462, 3.182446305283708, 2.776445105197793)
"""The same of Student's t with 1, 2, 3 and 4 degrees of freedom: SciPy, the tests' oracle, takes longer to import than
many a study to conclude."""
_FRONT = 20  # of the Pareto front's best, for a person to read


def conclude(job: TableJob, ledger: Ledger, study: Study, found: Found, store: str) -> TunedStudy:
    """Open the sealed test part, once; save the model; sum up the study."""
    winner, training = found.winner, found.training
    network = training.predictor()
    validation = job.shown(found.repeats)
    sealed = job.dataset.test.open() if job.dataset.test is not None else None
    test = None
    if sealed is not None:
        test = _test(job, sealed, job.shown([training.evaluate(sealed)]), network.outputs(sealed.x))
    facts: dict[str, Any] = {
        "study": study.name,
        "trial": winner.number,
        "config": dict(winner.config),
        "epochs": found.epochs,
        "rows": len(found.rows),
        "validation": validation,
        "test": test,
    }
    together = None if found.ensemble is None else _together(job, found.ensemble, sealed)
    if found.ensemble is None or together is None:
        model = Model(network, job.dataset.preprocessing, facts)
    else:
        facts["ensemble"] = asdict(together)
        model = _ensemble(job, found.ensemble, facts)
    path = model_path(job.request, study.name, again=True)  # checked when the work began
    if path is not None:
        with suppress(OSError):  # saving says what is wrong
            path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
    repeated = _repeated(job, found)
    sign = -1.0 if smaller_is_better(job.metric) else 1.0
    result = StudyResult(
        metric=job.metric,
        study=study.name,
        store=store,
        seed=study.seed,
        seconds=round(time.monotonic() - job.request.started, 3),
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
        ensemble=together,
        notes=study.notes,
    )
    return TunedStudy(
        study.name,
        store,
        result,
        "" if job.request.store is None else os.fspath(job.request.store),
        Best(winner.number, winner.config, validation, test, repeated.to_record(job.metric), model),
    )


def _finalists(job: TableJob, ledger: Ledger, found: Found) -> list[Finalist]:
    """The finalists, the best mean first; a score is None where the network diverged."""
    sign = -1.0 if smaller_is_better(job.metric) else 1.0
    return [
        Finalist(
            finalist.number,
            finalist.epochs,
            finalist.parameters,
            ledger.trials[finalist.number, 0].score,
            [sign * key[0] if math.isfinite(key[0]) else None for key in finalist.rank_keys],
        )
        for finalist in sorted(found.weighed, key=lambda finalist: finalist.mean, reverse=True)
    ]


def _together(job: TableJob, chosen: Ensemble, sealed: Examples | None) -> EnsembleResult:
    """The ensemble and its scores, beside the single network."""
    test = None
    if sealed is not None:
        said = np.zeros((len(sealed), 1 if sealed.y.dtype.kind == "f" else job.dataset.preprocessing.n_out))
        for member in chosen.members:
            said += member.share * member.network.outputs(sealed.x)
        test = _test(job, sealed, _in_units(job, ensemble.scores(said, sealed.y)), said)
    shares = {str(number): share for number, share in chosen.finalists.items()}
    return EnsembleResult(len(chosen.members), shares, _in_units(job, chosen.validation), test)


def _ensemble(job: TableJob, chosen: Ensemble, facts: dict[str, Any]) -> Model:
    """The members as one model, the one with the largest share first."""
    first, *others = sorted(chosen.members, key=lambda member: -member.share)
    return Model(first.network, job.dataset.preprocessing, facts, tuple(others))


def _repeated(job: TableJob, found: Found) -> Repeated:
    """The scores of the config when it was trained again, and how much the first score had flattered it."""
    scores = [float(evaluation.scores[job.metric]) for evaluation in found.repeats]
    mean = float(np.mean(scores))
    low = high = None
    if len(scores) > 1:
        half = _T[len(scores) - 2] * float(np.std(scores, ddof=1)) / math.sqrt(len(scores))
        low, high = mean - half, mean + half
    chosen = found.winner.score
    how = f"{job.repeats}-fold cross-validation" if job.folded else "fresh seeds"
    return Repeated(
        how=how if found.weighed else "not repeated",
        planned=job.repeats,
        scores=scores,
        mean=mean,
        low=low,
        high=high,
        when_chosen=chosen,
        gap=None if chosen is None else (chosen - mean) * (-1 if smaller_is_better(job.metric) else 1),
    )


def _in_units(job: TableJob, scores: Mapping[str, float]) -> dict[str, float]:
    """The scores of an ensemble, in the units of the result."""
    return job.shown([Evaluation(math.nan, scores)])


def _test(job: TableJob, sealed: Examples, shown: dict[str, float], said: npt.NDArray[np.float64]) -> dict[str, float]:
    """The scores on the sealed test part with the interval of the first."""
    if sealed.y.dtype.kind == "f":
        low, high = _bootstrap(sealed.y, said[:, 0], stream_key(job.request.seed, Purpose.INTERVAL))
        return {"r2": shown["r2"], "r2_low": low, "r2_high": high, "rmse": shown["rmse"], "mae": shown["mae"]}
    low, high = _wilson(round(shown["accuracy"] * len(sealed)), len(sealed))
    return {
        "accuracy": shown["accuracy"],
        "accuracy_low": low,
        "accuracy_high": high,
        "log_loss": shown["log_loss"],
    }


def _wilson(right: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, Probable inference, the law of succession, 1927)."""
    z2 = _Z * _Z
    share = right / rows
    centre = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = _Z / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows * rows))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _bootstrap(y: npt.NDArray[Any], predicted: npt.NDArray[np.float64], key: UInt64) -> tuple[float, float]:
    """The 95 % interval of R2: percentiles over _RESAMPLES resamples of the rows (Efron, Bootstrap methods, 1979).

    Of more than _DRAWN rows, groups are drawn instead, as many: their sums are all that R2 needs.
    """
    groups = min(len(y), _DRAWN)
    group = np.arange(len(y)) % groups
    y64 = y.astype(np.float64)
    terms = (np.ones(len(y)), y64, y64 * y64, (y64 - predicted) ** 2)
    sums = np.stack([np.bincount(group, weights=term, minlength=groups) for term in terms], axis=1)  # (groups, 4)
    stream = generator(key)
    found = np.full(_RESAMPLES, np.nan)
    for k in range(_RESAMPLES):
        drawn = np.bincount(stream.integers(groups, size=groups), minlength=groups)
        rows, total, squares, error = drawn @ sums
        variation = squares - total * total / rows
        if variation > 1e-12 * squares:  # a resample of equal values has no R2
            found[k] = 1.0 - error / variation
    if np.isnan(found).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)
