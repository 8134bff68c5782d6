"""The scores of a run's network at its end, and what they are worth: as for a study (study/result.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from caviar.analysis.account import Unseen, account, validation_scores
from caviar.analysis.baseline import Pair
from caviar.data.dataset import Dataset
from caviar.data.examples import Examples
from caviar.learners.contract import Evaluation, Predictor
from caviar.learners.correction import PLAIN, Correction
from caviar.learners.drift_reference import Reference, reference_of
from caviar.learners.scoring import Scoring, outputs_of
from caviar.records.result import Scores


class Answer(NamedTuple):
    """Scores on validation and on the sealed test, None where the network is not whole.

    ``worth`` is the rest of the account as plain data, with the keys of a StudyResult; ``doubts`` are notes on it.
    ``reference`` is that of the model.
    """

    validation: Scores
    test: Scores | None
    worth: Mapping[str, Any]
    doubts: tuple[str, ...]
    reference: Reference | None = None


def answer_of(
    dataset: Dataset,
    network: Predictor,
    evaluate: Callable[[Examples], Evaluation],
    seed: int,
    whole: bool,
    correction: Correction = PLAIN,
) -> Answer:
    """Score ``network``, and open the sealed part once if it is ``whole``; ``evaluate`` is its engine's."""
    validation = validation_of(dataset, network, evaluate, whole, correction)
    if not whole:
        return Answer(validation, None, {}, ())
    scoring, sealed = replace(Scoring.of(dataset), balanced=correction != PLAIN), dataset.test.open()
    said = outputs_of(network, sealed.x)
    found = account(
        dataset,
        scoring,
        scoring.metrics[0],
        Pair(dataset.train, sealed),
        scoring.corrected(said, correction),
        _unseen(dataset, network),
        sum(weights.size for weights in network.record()[1].values()),
        seed,
        labels=said,
    )
    worth: dict[str, Any] = {
        "baseline": {name: one.to_record() for name, one in found.baseline.items()},
        "confusion": None if found.confusion is None else asdict(found.confusion),
        "columns": [asdict(column) for column in found.columns],
        "undefined": found.undefined,
        **({} if found.targets is None else {"targets": [asdict(target) for target in found.targets]}),
    }
    kept = reference_of(dataset, sealed, network.outputs, network)
    return Answer(validation, found.test, worth, found.doubts, kept)


def validation_of(
    dataset: Dataset,
    network: Predictor,
    evaluate: Callable[[Examples], Evaluation],
    whole: bool = True,
    correction: Correction = PLAIN,
) -> Scores:
    """The scores of ``network`` on validation, in the units of the target."""
    scoring = Scoring.of(dataset)
    measured = {
        name: score * scoring.units.get(name, 1.0) for name, score in evaluate(dataset.validation).scores.items()
    }
    return validation_scores(measured, scoring, _unseen(dataset, network) if whole else [], correction)


def _unseen(dataset: Dataset, network: Predictor) -> list[Unseen]:
    """The network with the validation rows, where there are any."""
    return [Unseen(network, dataset.train, dataset.validation)] if len(dataset.validation) else []
