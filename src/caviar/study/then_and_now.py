"""The machine and the software of an old answer beside those of today: what has changed, apart from the data."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from caviar.learners.contract import never
from caviar.learners.probe import probed
from caviar.machine import environment
from caviar.records import Measurement, Study, Task
from caviar.records.retest import Environment
from caviar.store import Store
from caviar.study.former import Former
from caviar.study.job import TableJob

_EPOCHS, _SECONDS = 3, 2.0  # of the old winner that are trained again, at most
_FACTOR = 1.5  # of an epoch's time, from which on it counts as changed
_WORDS = {"caviar": "caviar", "python": "Python", "numpy": "NumPy", "instruction_set": "instruction set"}
_LEAST_BITS = 1e-6  # a difference of outputs or scores that is rounding


class _Found:
    """Sentences and facts under way."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.same: list[str] = []
        self.unknown: list[str] = []
        self.facts: dict[str, Any] = {}


def environment_of(former: Former, job: TableJob, store: Store) -> Environment:
    """The environment of the ``former`` answer beside that of ``job``."""
    found = _Found()
    study = former.study
    if study is None:
        found.unknown.append("the environment of then: the store does not have the old study")
    else:
        _data(found, study, job)
        _versions(found, study, environment(job.learner.name, job.learner.instruction_set, job.slots))
    _model(found, former)
    if study is not None:
        _training(found, former, study, store)
    return Environment(
        changed=tuple(found.changed), same=tuple(found.same), unknown=tuple(found.unknown), facts=found.facts
    )


def _data(found: _Found, study: Study, job: TableJob) -> None:
    """The fingerprint of the data."""
    then, now = study.data["sha256"], job.dataset.sha256
    found.facts["data"] = {"then": then, "now": now, "same": then == now}
    if then == now:
        found.same.append("the data: to the last cell")


def _versions(found: _Found, study: Study, now: dict[str, str | int]) -> None:
    """Versions, instruction set and processors."""
    then = study.environment
    found.facts["then"], found.facts["now"] = dict(then), now
    for name in now:
        word = _WORDS.get(name, name)
        if name not in then:
            found.unknown.append(f"{word} of then")
        elif then[name] != now[name]:
            found.changed.append(f"{word}: {then[name]} then, {now[name]} now")
        else:
            found.same.append(f"{word}: {now[name]}")


def _model(found: _Found, former: Former) -> None:
    """The answer of the old model to its probe."""
    if former.model is None:
        found.unknown.append("does the old model predict the same bits: there is no model")
        return
    answer = probed(former.model)
    if answer is None:
        found.unknown.append("does the old model predict the same bits: an earlier version saved it, without a probe")
        return
    found.facts["model"] = {"same_bits": answer.same_bits, "largest": answer.largest}
    if answer.same_bits:
        found.same.append("the old model predicts the same bits")
    else:
        how = "to rounding" if answer.largest < _LEAST_BITS else "no"
        found.changed.append(f"the old model predicts other bits: largest difference {answer.largest:.2g} ({how})")


def _training(found: _Found, former: Former, study: Study, store: Store) -> None:
    """The first epochs of the old winner, trained again from its seed."""
    job, result = former.job, study.result
    if job is None or result is None:
        found.unknown.append("does the same config train to the same bits: the old rows are not there")
        return
    number = result.best.trial
    measured = [one for n, repeat, one in store.measurements(study.name) if n == number and repeat == 0]
    if not measured:
        found.unknown.append("does the same config train to the same bits: the store has no scores of it")
        return
    training = job.start(Task(number, 0, result.best.config, 0, measured[-1].epoch), None)
    began, then, now = time.monotonic(), list[Measurement](), list[tuple[float, float, float]]()
    for one in measured[:_EPOCHS]:
        _, epochs = training.train(one.epoch, never())
        if not epochs:
            break
        last = epochs[-1]
        then.append(one)
        now.append((float(last.validation.scores[job.metric]), last.validation.loss, last.seconds))
        if time.monotonic() - began > _SECONDS:
            break
    if not now:
        found.unknown.append("does the same config train to the same bits: it could not be trained")
        return
    pairs = [(a.score, b[0]) for a, b in zip(then, now, strict=True)]
    pairs += [(a.validation_loss, b[1]) for a, b in zip(then, now, strict=True)]
    same = all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in pairs)
    largest = max(abs(a - b) for a, b in pairs)
    was, takes = float(np.median([a.seconds for a in then])), float(np.median([b[2] for b in now]))
    found.facts["training"] = {"trial": number, "epochs": len(now), "same_bits": same, "largest": largest}
    found.facts["speed"] = {
        "then": was,
        "now": takes,
        "threads_then": study.environment.get("threads"),
        "threads_now": 1,
    }
    if same:
        found.same.append(f"the old config trains to the same bits ({len(now)} epochs of trial {number})")
    else:
        found.changed.append(f"the old config trains to other bits: scores differ by {largest:.2g} at most")
    _speed(found, was, takes, study.environment.get("threads"))


def _speed(found: _Found, was: float, takes: float, threads: Any) -> None:
    """The time of an epoch."""
    beside = f", {threads} at once" if threads and threads != 1 else ""
    said = (
        f"an epoch of the old config took {1000 * was:.3g} ms then{beside}, and takes {1000 * takes:.3g} ms now, alone"
    )
    if was > 0 and takes > 0 and max(was / takes, takes / was) > _FACTOR:
        found.changed.append(said)
    else:
        found.same.append(said)
