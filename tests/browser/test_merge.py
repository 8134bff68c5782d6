"""The page's document after any changes is the server's: ``merge.js`` against the server's ``Versions``."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
from playwright.sync_api import Browser

from caviar.records.ranking import rank_key_of
from caviar.report.joining import BUNDLE
from caviar.views.pictures import ranked_by_number
from caviar.web.changes import Versions
from tests.browser.chromium import watched

STATES = ("running", "stopped", "finished", "diverged", "failed")


def study(random: np.random.Generator, before: dict[str, Any] | None) -> dict[str, Any]:
    """A study a while after ``before``: new trials, others that went on, and now and then one that is gone."""
    if before is None:
        empty: dict[str, Any] = {name: [] for name in ("number", "state", "score", "loss", "rank")}
        trials = {**empty, "u": {"a": [], "b": []}, "values": {"a": [], "b": []}, "errors": {}}
        curves = {"epochs": [1, 2], "density": [], "lines": [], "of": 0}
        return {"metric": "accuracy", "goal": "maximize", "counts": {}, "trials": trials, "curves": curves, "boxes": []}
    document = copy.deepcopy(before)
    trials = document["trials"]
    columns = [trials[name] for name in ("number", "state", "score", "loss", "rank")]
    columns += [*trials["u"].values(), *trials["values"].values()]
    if trials["number"] and random.random() < 0.2:
        at = int(random.integers(len(trials["number"])))
        trials["errors"].pop(str(trials["number"][at]), None)
        for column in columns:
            del column[at]
    for _ in range(int(random.integers(4))):
        number = int(random.integers(100))
        if number in trials["number"]:
            continue
        at = sum(other < number for other in trials["number"])
        for column, value in zip(columns, [number, "running", None, None, 0.0, *random.random(4)], strict=True):
            column.insert(at, value)
    for at, number in enumerate(trials["number"]):
        if random.random() < 0.3:
            trials["state"][at] = str(random.choice(STATES))
            trials["score"][at] = None if random.random() < 0.2 else round(float(random.random()), 1)
            trials["loss"][at] = round(float(random.random()), 1)
            if trials["state"][at] == "failed":
                trials["errors"][str(number)] = f"error {random.random()}"
    document["counts"] = {state: trials["state"].count(state) for state in STATES}
    chosen = [number for number in trials["number"] if number % 3 == 0]
    document["curves"]["lines"] = [{"trial": n, "scores": [n / 100, float(random.integers(3))]} for n in chosen]
    document["curves"]["of"] = len(trials["number"])
    if random.random() < 0.3:
        document["boxes"].append({"number": len(document["boxes"]) + 1, "reason": "narrower"})
    return document


class _Scored:
    def __init__(self, state: str, score: float | None, validation_loss: float | None) -> None:
        self.state, self.score, self.validation_loss = state, score, validation_loss


def with_ranks(document: dict[str, Any]) -> dict[str, Any]:
    trials = document["trials"]
    rows = zip(trials["state"], trials["score"], trials["loss"], strict=True)
    keys = [rank_key_of("accuracy", _Scored(*row)) for row in rows]
    ranks = ranked_by_number("accuracy", keys).ranks if keys else ()
    return {**document, "trials": {**trials, "rank": [round(rank, 4) for rank in ranks]}}


def in_order(document: dict[str, Any]) -> dict[str, Any]:
    """The same with rows by number: a page may have them as they came."""
    trials, curves = document["trials"], document["curves"]
    rows = sorted(range(len(trials["number"])), key=trials["number"].__getitem__)

    def sorted_(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: sorted_(inner) for name, inner in value.items()}
        return [value[row] for row in rows]

    errors = {number: text for number, text in trials["errors"].items() if int(number) in trials["number"]}
    return {
        **document,
        "trials": {name: errors if name == "errors" else sorted_(value) for name, value in trials.items()},
        "curves": {**curves, "lines": sorted(curves["lines"], key=lambda line: line["trial"])},
    }


def test_a_page_has_the_servers_document_however_many_changes_it_saw_at_once(browser: Browser):
    random = np.random.default_rng(7)
    cases, expected = [], []
    for _ in range(40):
        versions, seen, document = Versions("study"), 0, None
        page, changes = None, []
        for _ in range(8):
            document = with_ranks(study(random, document))
            versions.take(document)
            if page is None:
                page, seen = copy.deepcopy(document), versions.version
            elif random.random() < 0.6:  # else the page sleeps
                changes.append(versions.after(seen))
                seen = versions.version
        changes.append(versions.after(seen))
        cases.append({"page": page, "changes": changes})
        expected.append(document)
    with watched(browser) as (page, _):
        page.route(
            "http://caviar.test/*",
            lambda route: route.fulfill(
                body=(BUNDLE / "merge.js").read_text() if route.request.url.endswith("merge.js") else "<!doctype html>",
                content_type="text/javascript" if route.request.url.endswith("merge.js") else "text/html",
            ),
        )
        page.goto("http://caviar.test/")
        merged = page.evaluate(
            """async (cases) => {
                const { merge } = await import("/merge.js");
                return cases.map(({ page, changes }) => JSON.stringify(changes.reduce(merge, page)));
            }""",
            cases,
        )
    for text, document in zip(merged, expected, strict=True):
        found = in_order(json.loads(text))
        assert found == json.loads(json.dumps(in_order(document)))
        assert all(math.isfinite(rank) for rank in found["trials"]["rank"])
