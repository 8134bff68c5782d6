"""The answer that is tested again: its study, its model, and the rows that it has seen."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import shown
from caviar.data.dataset import Dataset
from caviar.errors import CaviarError, DataError, NotThere
from caviar.learners.contract import Floats, never
from caviar.learners.known_labels import rows_with_label
from caviar.learners.model import Member, Model, load
from caviar.records import Study, Task
from caviar.records.retest import RetestSpec
from caviar.store import Store
from caviar.study.check import check_table
from caviar.study.job import SEEDS, TableJob
from caviar.study.spec import Request


@dataclass(frozen=True, eq=False)
class Former:
    """The ``study`` of an answer, its ``model``, and its ``job`` with the same data; each is None where it is not to be
    had, and ``notes`` say why. ``is_mixed`` where old rows are among today's, and nobody knows which."""

    study: Study | None
    model: Model | None
    job: TableJob | None
    notes: tuple[str, ...] = ()
    is_mixed: bool = False


def former_of(spec: RetestSpec, store: Store, data: Any = None) -> Former:
    """The answer of ``spec``. ``data`` is today's, which may be the old one where the store does not know its place."""
    notes: list[str] = []
    study, model, job, is_mixed = None, None, None, False
    try:
        study = store.study(spec.of)
    except NotThere:
        notes.append(
            f"the store has no study {spec.of!r}: nothing is known of its environment and its training rows; where "
            "some of them are in today's data, the old weights seem better than they are"
        )
    if spec.model is not None:
        with suppress(CaviarError):
            model = load(spec.model)
    if study is not None:
        try:
            job = same_job(study, data)
        except CaviarError as error:
            is_mixed = _is_its_file(study, data)
            more = (
                "the file has changed, so that nobody knows which of its rows the old weights have seen: only configs "
                "are compared; to compare the weights, put the old file back, and give the new one under another name"
                if is_mixed
                else "where some of them are in today's data, the old weights seem better than they are"
            )
            notes.append(f"the old rows are not there to compare with: {error.rule}; {more}")
    if model is None:
        model = None if study is None or job is None else trained_as_then(study, job, store)
        how = "its networks were trained again from their seeds" if model else "its weights cannot be compared"
        notes.append(f"the old model is not there: {how}")
    return Former(study, model, job, tuple(notes), is_mixed)


def _is_its_file(study: Study, data: Any) -> bool:
    """True where today's ``data`` is the file that ``study`` began with, as it is now."""
    table = study.spec.table
    if table is None or table.data is None or not isinstance(data, str | os.PathLike):
        return False
    return os.path.realpath(data) == os.path.realpath(table.data)


def same_job(study: Study, data: Any = None) -> TableJob:
    """The job that ``study`` was, with the same data. Raises CaviarError where that is not to be had.

    data: today's, where it may be the same.
    """
    table, reasons = study.spec.table, list[str]()
    assert table is not None
    sources = [] if table.data is None else [None]
    for source in sources if data is None or _is_its_file(study, data) else [*sources, data]:
        try:
            request = Request.again(study, study.spec, time.monotonic(), data=source, store=None)
            job = check_table(request, lambda: False, helps=True)
        except CaviarError as error:
            reasons.append(error.rule)
            continue
        if job.dataset.sha256 == study.data["sha256"]:
            return job
        reasons.append("the data is no longer the same")
    raise DataError(reasons[0] if reasons else "the study began with data that was no file", "give the old file")


def trained_as_then(study: Study, job: TableJob, store: Store) -> Model | None:
    """The model of ``study``, trained again from its seeds; without what its probabilities were corrected by."""
    result = study.result
    if result is None:
        return None
    shares = {result.best.trial: 1.0}
    if result.ensemble is not None:
        shares = {int(number): share for number, share in result.ensemble.trials.items()}
    seeds = 1 if result.ensemble is None else max(1, min(result.ensemble.networks // len(shares), SEEDS))
    lasting = {one.trial: one.epochs for one in result.finalists or ()}
    networks = list[Member]()
    for trial in store.trials(study.name, list(shares)):
        epochs = lasting.get(trial.number, trial.epochs)
        if trial.repeat or not epochs:
            continue
        for seed in range(seeds):
            training = job.start(Task(trial.number, job.repeats + 1 + seed, trial.config, 0, epochs), None)
            training.train(epochs, never())
            networks.append(Member(shares[trial.number] / seeds, training.predictor()))
    if len(networks) < seeds * len(shares):
        return None
    first, *others = sorted(networks, key=lambda member: -member.share)
    return Model(first.network, job.dataset.preprocessing, {}, tuple(others))


def outputs_on(model: Model, dataset: Dataset, sources: Sequence[Any]) -> tuple[npt.NDArray[Any], Floats]:
    """The inputs and the outputs (n, n_out) of ``model`` for the rows of ``dataset``: training, validation and test.

    sources: today's data, and its test data or None. Raises DataError where it cannot read them.
    """
    assert dataset.places is not None
    parts, (data, test) = dataset.places.parts, sources
    own = [parts.train, parts.validation] if test is not None else [parts.train, parts.validation, parts.test]
    inputs = [_inputs(model, data, dataset.facts["rows"] - (dataset.test.rows if test is not None else 0))]
    inputs[0] = inputs[0][np.concatenate(own)]
    if test is not None:
        inputs.append(_inputs(model, test, dataset.test.rows))
    x = np.concatenate(inputs)
    said = np.concatenate([model.outputs(x[i : i + _AT_ONCE]) for i in range(0, len(x), _AT_ONCE)])
    wrong = np.flatnonzero(~np.isfinite(said).all(axis=1))
    if len(wrong):
        raise DataError(f"the old model has no finite answer for {len(wrong):,} rows", "look at how it was trained")
    return x, said


_AT_ONCE = 4096  # rows


def _inputs(model: Model, source: Any, rows: int) -> npt.NDArray[Any]:
    """The inputs of all ``rows`` of ``source``; those without a label were left out of a table, and are here."""
    frame, _ = model.frame(source[0] if isinstance(source, tuple) else source)
    if len(frame) != rows and model.preprocessing is not None:
        frame = frame[rows_with_label(model.preprocessing, frame)].reset_index(drop=True)
    if len(frame) != rows:
        raise DataError(f"the old model reads {len(frame):,} rows where today's networks have {rows:,}", "look at them")
    return model.inputs(frame, slice(0, len(frame)))[0]


def places_of(old: Sequence[Any], new: Sequence[Any]) -> list[int]:
    """The place of each of the ``new`` labels among the ``old``. Raises DataError where they are not the same."""
    if set(map(_plain, old)) != set(map(_plain, new)):
        only_new = [label for label in new if _plain(label) not in set(map(_plain, old))]
        if only_new:
            rule = f"the data has the class {shown(only_new[0])}, which the old model does not know"
        else:
            gone = next(label for label in old if _plain(label) not in set(map(_plain, new)))
            rule = f"no row is of the class {shown(gone)}, which the old model knows"
        raise DataError(rule, "test again on rows of the same classes; or begin a new study by caviar tune")
    by_label = {_plain(label): place for place, label in enumerate(old)}
    return [by_label[_plain(label)] for label in new]


def _plain(label: Any) -> str:
    return str(label)


def seen(old: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """True (n,) for each of the inputs ``new`` (n, n_in) that is equal to one of ``old`` (m, n_in)."""
    known = set(map(_hash, old))
    return np.array([_hash(row) in known for row in new], dtype=bool)


def _hash(row: npt.NDArray[Any]) -> bytes:
    return hashlib.blake2b((np.asarray(row, dtype=np.float32) + 0.0).tobytes(), digest_size=16).digest()
