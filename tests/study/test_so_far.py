"""The best network so far is the study's model until the study ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caviar
from caviar.data import samples
from caviar.learners.model import SO_FAR, Model, load
from caviar.store import Store
from caviar.study.events import Progress
from caviar.study.ranked import Peaks
from caviar.study.spec import Request
from caviar.study.tune import follow

pytestmark = pytest.mark.filterwarnings("ignore:constant in the training rows:caviar.CaviarWarning")

SPACE = caviar.Space(learning_rate=caviar.Log(1e-3, 1e-1), hidden_units=caviar.Integer(64, 256), layers=1)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.write_csv(samples.digits(), tmp_path_factory.mktemp("data") / "digits.csv")


@pytest.fixture
def request_of_digits(digits: Path, tmp_path: Path) -> Request:
    store, target = tmp_path / "caviar.db", str(samples.digits().target_name)
    return Request(
        data=digits, target=target, trials=60, space=SPACE, store=store, out=tmp_path, threads=1, study="digits"
    )


def broken_off(request: Request) -> None:
    """Begin a study, and end it as Ctrl-C does once a third of its trials have begun."""
    seen = [0]
    events = follow(request, ended=lambda: seen[-1] >= 20)
    with pytest.raises(KeyboardInterrupt):
        seen.extend(sum(event.counts.values()) for event in events if isinstance(event, Progress))


def saves(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """A list that gets the facts of every model that is saved from now on."""
    found = list[Mapping[str, Any]]()
    save = Model.save

    def noted(model: Model, path: Path) -> None:
        found.append(model.facts)
        save(model, path)

    monkeypatch.setattr(Model, "save", noted)
    return found


def first(monkeypatch: pytest.MonkeyPatch, which: Callable[[int], bool]) -> None:
    """Rank the trials of these numbers before all others."""
    best = Peaks.best
    monkeypatch.setattr(Peaks, "best", lambda peaks, n: sorted(best(peaks, 1000), key=lambda k: not which(k))[:n])


def test_a_study_that_was_broken_off_leaves_its_best_network(request_of_digits: Request, digits: Path, tmp_path: Path):
    broken_off(request_of_digits)
    model, frame = load(tmp_path / "digits.caviar"), samples.digits()
    assert model.facts[SO_FAR]
    assert "test" not in model.facts
    with Store.open(tmp_path / "caviar.db", create=False) as store:
        trial = {trial.number: trial for trial in store.trials("digits") if not trial.repeat}[model.facts["trial"]]
    assert trial.config == model.facts["config"]
    assert model.facts["epochs"] == trial.epochs
    prediction = model.prediction(digits)
    assert "digits had not ended" in prediction.notes[0]
    assert len(prediction.labels) == len(frame.target)
    assert np.mean(prediction.labels == np.asarray(frame.target)) > 0.5


def test_it_is_there_while_the_study_runs(request_of_digits: Request, tmp_path: Path):
    """A kill leaves no time to save anything."""
    there = [
        (tmp_path / "digits.caviar").exists()
        for event in follow(request_of_digits)
        if isinstance(event, Progress) and event.phase == "search"
    ]
    assert any(there)


def test_the_end_puts_the_answer_in_its_place(request_of_digits: Request, tmp_path: Path):
    broken_off(request_of_digits)
    caviar.resume("digits", store=tmp_path / "caviar.db", progress=False)
    assert SO_FAR not in load(tmp_path / "digits.caviar").facts


def test_a_resume_does_not_replace_a_better_network_that_it_does_not_have(
    request_of_digits: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken_off(request_of_digits)
    before = load(tmp_path / "digits.caviar").facts["trial"]
    first(monkeypatch, lambda number: number == before)
    saved = saves(monkeypatch)
    caviar.resume("digits", store=tmp_path / "caviar.db", progress=False)
    assert {facts["trial"] for facts in saved if facts.get(SO_FAR)} <= {before}


def test_an_answer_is_not_replaced_by_the_networks_of_an_extension(
    request_of_digits: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    *_, _ = follow(request_of_digits)
    first(monkeypatch, lambda number: number >= 60)
    saved = saves(monkeypatch)
    caviar.resume("digits", store=tmp_path / "caviar.db", trials=70, progress=False)
    assert [SO_FAR in facts for facts in saved] == [False]
