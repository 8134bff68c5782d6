"""A client that takes every change, from any version on, has the document as it is."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from caviar.web.changes import Versions

scores = st.none() | st.integers(0, 3)
documents = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["running", "finished"]),
        "counts": st.dictionaries(st.sampled_from(["running", "stopped"]), st.integers(0, 3)),
        "trials": st.dictionaries(st.integers(0, 5), st.tuples(scores, scores, scores)).map(
            lambda rows: {
                "number": list(rows),
                "score": [row[0] for row in rows.values()],
                "rank": [row[2] for row in rows.values()],
                "u": {"learning_rate": [row[1] for row in rows.values()]},
                "errors": {str(number): f"error {row[2]}" for number, row in rows.items() if row[2]},
            }
        ),
        "curves": st.fixed_dictionaries(
            {
                "of": st.integers(0, 3),
                "lines": st.dictionaries(st.integers(0, 4), scores).map(
                    lambda lines: [{"trial": trial, "scores": score} for trial, score in lines.items()]
                ),
            }
        ),
        "boxes": st.integers(0, 3).map(lambda n: [{"number": i, "reason": "x"} for i in range(n)]),
    }
)


def merged(seen: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The document of a page that takes ``changes``: rows by their names, all else whole."""
    seen, changes = copy.deepcopy(seen), copy.deepcopy(changes)
    removed = changes.pop("removed", {})
    trials = rows_of(seen.get("trials")) | rows_of(changes.pop("trials", None))
    seen["trials"] = {key: row for key, row in trials.items() if [key] not in map(list, removed.get("trials", []))}
    lines = {line["trial"]: line for line in seen.get("curves", {}).get("lines", [])}
    lines |= {line["trial"]: line for line in changes.get("curves", {}).get("lines", [])}
    curves = {**seen.get("curves", {}), **changes.pop("curves", {})}
    curves["lines"] = [line for key, line in lines.items() if key not in removed.get("curves.lines", [])]
    boxes = {box["number"]: box for box in [*seen.get("boxes", []), *changes.pop("boxes", [])]}
    seen["boxes"] = [box for key, box in boxes.items() if key not in removed.get("boxes", [])]
    return {**seen, **changes, "curves": curves}


def rows_of(trials: Any) -> dict[int, Any]:
    """The rows of columns, by number; without their ranks, which the page computes."""
    if not trials or "number" not in trials:
        return trials or {}
    return {
        number: (trials["score"][i], trials["u"]["learning_rate"][i], trials["errors"].get(str(number)))
        for i, number in enumerate(trials["number"])
    }


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """The same, whatever the order of its rows."""
    lines = sorted(document["curves"]["lines"], key=lambda line: line["trial"])
    boxes = sorted(document["boxes"], key=lambda box: box["number"])
    trials = rows_of(document["trials"])
    return {**document, "trials": trials, "boxes": boxes, "curves": {**document["curves"], "lines": lines}}


@given(st.lists(documents, min_size=1, max_size=6), st.data())
def test_a_client_that_takes_the_changes_has_the_document(history: list[dict[str, Any]], data: st.DataObject) -> None:
    versions = Versions("study")
    seen: dict[str, Any] = {}
    version = 0
    for document in history:
        versions.take(copy.deepcopy(document))
        if data.draw(st.booleans()):  # a slow client misses some
            seen = merged(seen, versions.after(version))
            version = versions.version
            assert comparable(seen) == comparable(document)
    fresh = merged({}, versions.after(0))
    assert comparable(fresh) == comparable(history[-1])


@given(documents)
def test_what_was_seen_is_never_sent_again(document: dict[str, Any]) -> None:
    versions = Versions("study")
    assert versions.take(copy.deepcopy(document))
    assert not versions.take(copy.deepcopy(document))
    assert versions.after(versions.version) == {}


def test_only_the_trial_that_changed_is_sent() -> None:
    document = {
        "state": "running",
        "trials": {"number": [0, 1, 2], "score": [0.1, None, 0.3], "rank": [0, 0.5, 1], "errors": {"0": "out"}},
    }
    versions = Versions("study")
    versions.take(document)
    changed = copy.deepcopy(document)
    changed["trials"]["score"][1] = 0.2  # type: ignore[index]
    changed["trials"]["rank"] = [0.1, 0.2, 0.3]  # type: ignore[index]
    seen = versions.version
    versions.take(changed)
    assert versions.after(seen) == {"trials": {"number": [1], "score": [0.2], "rank": [0.2], "errors": {}}}
