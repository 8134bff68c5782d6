"""A test of an old answer as sentences and rows, from the verdict in a study's result; every screen shows these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caviar.data.columns import listed
from caviar.records import Study
from caviar.records.retest import Difference, Retest
from caviar.store import Store

HEADLINES = {"keep": "keep it", "retrain": "retrain it", "retune": "retune it", "unclear": "cannot tell yet"}
"""The verdicts in words."""

_PAIRS = {
    "weights": ("the old configs, trained today", "the old model"),
    "configs": ("the best recipe of today", "the old configs, trained today"),
    "both": ("the best recipe of today", "the old model"),
}


@dataclass(frozen=True)
class Compared:
    """A difference in words: ``one`` beside ``other``, and True where the verdict rests on it."""

    one: str
    other: str
    difference: Difference
    decides: bool


@dataclass(frozen=True)
class RetestView:
    """The verdict of ``study`` in words, and all that it is made of; ``drift`` are sentences on the data."""

    study: str
    headline: str
    retest: Retest
    compared: tuple[Compared, ...]
    drift: tuple[str, ...]


@dataclass(frozen=True)
class RetestRow:
    """A test of an old answer in a list: ``verdict`` and ``why`` are empty while it has none."""

    study: str
    of: str
    state: str
    created: str
    verdict: str
    headline: str
    why: str


def retest_view(study: str, found: Retest) -> RetestView:
    """The view of the verdict ``found`` of ``study``."""
    compared = [
        Compared(*_PAIRS[name], one, name == found.difference)
        for name, one in found.differences.items()
        if name in _PAIRS
    ]
    return RetestView(
        study, HEADLINES.get(found.verdict, found.verdict), found, tuple(compared), tuple(_drift(found.drift))
    )


def retest_rows(store: Store, study: str) -> list[RetestRow]:
    """The tests of the answer of ``study``, the oldest first. Raises StoreError for one that is not there."""
    store.study(study)
    return [_row(one) for one in store.retests(study)]


def _row(study: Study) -> RetestRow:
    found = None if study.result is None else study.result.retest
    verdict, why = ("", "") if found is None else (found.verdict, found.why)
    of = "" if study.spec.retest is None else study.spec.retest.of
    return RetestRow(study.name, of, str(study.state), study.created, verdict, HEADLINES.get(verdict, ""), why)


def _drift(report: Mapping[str, Any] | None) -> list[str]:
    """The report on drift in a few sentences."""
    if report is None:
        return []
    inner = report["drift"]
    if not report["changed"]:
        return [f"no change was found in {report['rows']:,} rows beside {report['old_rows']:,} of training"]
    changed = [one["name"] for one in inner["columns"] if one["changed"]]
    names = list(dict.fromkeys(changed))
    found = []
    outputs = inner["outputs"]
    if outputs is not None and outputs["changed"]:
        found.append(f"the old model's outputs are distributed otherwise (KS distance {outputs['effect']:.3f})")
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
        verb = "column differs" if len(names) == 1 else "columns differ"
        found.append(f"{len(names):,} {verb} from training: {shown}")
    if strange := inner.get("new_labels"):
        rows = sum(one["rows"] for one in strange)
        found.append(
            f"{rows:,} rows have labels that the old model does not know: {listed([one['label'] for one in strange])}"
        )
    for one in inner["labels"]:
        if one["changed"]:
            found.append(
                "the mix of labels has changed" if one["test"] == "labels" else "the old model's errors changed"
            )
    score = inner["score"]
    if score is not None:
        found.append(f"the old model's {score['metric']} was {score['then']:.4g} then, and is {score['now']:.4g} now")
    return found
