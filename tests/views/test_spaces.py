"""Views of a study whose space was changed: its history, the trials outside, and the changes that are proposed."""

from __future__ import annotations

import io
import math
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import caviar
from caviar.analysis.space_changes import with_changes
from caviar.cli.main import run
from caviar.records import Config, StudyKind, StudySpec, Trial, TrialState
from caviar.report import plain
from caviar.report.explain import as_text, proposed_command
from caviar.report.study_document import study_document
from caviar.search.eras import placed
from caviar.search.portfolio import PORTFOLIO
from caviar.space import Space
from caviar.store import Store
from caviar.views.spaces import configs_of_today, outside_of, proposed_changes
from caviar.views.study import study_view, study_view_of
from caviar.views.study_page import side_of, study_page, trial_page
from tests.views.records import study_of

STORE = "caviar.db"
FIRST = Space(x=caviar.Log(1e-3, 1), m=caviar.Linear(0, 1), kind=caviar.Choice(["a", "b"]))
SECOND = Space(x=caviar.Log(1e-4, 1), m=caviar.Linear(0, 0.5), n=caviar.Integer(1, 8))


def train(name: str, space: Space, trials: int, score: Callable[[Config], Any], first: Sequence[Config] = ()) -> None:
    with caviar.open_study(name, space, goal="minimize", store=STORE, first=first) as study:
        for trial in study.ask(trials):
            study.tell(trial, score(trial.config))


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A study of 30 trials, and of 20 more in another space."""
    monkeypatch.chdir(tmp_path)
    train("s", FIRST, 30, lambda config: config["x"])
    caviar.respace("s", SECOND, {"n": 4})
    train("s", SECOND, 20, lambda config: 2.0 + config["x"])
    return "s"


def test_the_history_and_the_trials_outside_are_in_every_view(changed: str) -> None:
    with Store.open(STORE) as store:
        trials = store.trials(changed)
        view, page = study_view(store, changed), study_page(store, changed)
        outside = [t.number for t in trials if t.number < 30 and t.config["m"] > 0.5]
        assert 0 < len(outside) < 30
        assert list(view.outside) == sorted(outside_of(store, store.study(changed))) == outside
        [change] = view.history
        assert change.first_trial == 30
        assert change.changes == (
            "x widened: 0.001 to 1 (log) before, 0.0001 to 1 (log) now",
            "m narrowed: 0 to 1 (linear) before, 0 to 0.5 (linear) now",
            "kind left out (it was 'a' or 'b')",
            "n added: 1 to 8 (integer)",
            "n was 4 in the trials that lack it",
        )
        inside = [t for t in trials if t.number not in outside]
        best = min(inside, key=lambda t: t.score or math.inf).number
        assert view.best is not None
        assert view.best.number == best
        assert trial_page(store, changed, 3).best == best
        assert side_of(store, changed).config == trials[best].config
    u = {axis.name: axis.u for axis in page.axes}
    assert np.flatnonzero(np.isnan(u["x"])).tolist() == outside
    assert u["n"][best] == pytest.approx((4 - 0.5) / 8)  # the value that was said
    document = study_document(page)
    assert [n for n, out in enumerate(document["trials"]["outside"]) if out] == outside
    assert document["spaces"][0]["first_trial"] == 30
    assert document["interventions"][0]["arguments"] == {}
    account = plain.account(view)
    assert (account["outside"], account["spaces"][0]["changes"]) == (outside, change.changes)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(as_text(view))
    text = console.export_text()
    assert "From trial 30 on" in text
    assert f"{len(outside)} of 50 trials lie outside of today's space" in text


def test_the_commands_show_it(changed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", changed, "--json"]) == 0
    out, err = capsys.readouterr()
    assert '"first_trial": 30' in out
    assert "- x widened" in err
    assert run(["trials", changed, "--best", "50"]) == 0
    assert "outside of today's space" in " ".join(capsys.readouterr().out.split())
    assert run(["trials", changed, "--json"]) == 0
    assert '"outside": [' in capsys.readouterr().out
    assert run(["explain", changed, "--html", "s.html"]) == 0
    assert "n added: 1 to 8" in Path("s.html").read_text()
    assert run(["export", changed, "--out", "s.csv"]) == 0


def test_who_follows_the_advice_gets_a_valid_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first = [{"x": 1e-3 * (1 + i / 100)} for i in range(12)]
    train("s", FIRST, 40, lambda config: config["x"], first)
    with Store.open(STORE) as store:
        view = study_view(store, "s")
    assert [one.change for one in view.proposed] == ["x.low=0.0001"]
    assert view.advice == tuple(one.reason for one in view.proposed)
    command = proposed_command(view)
    assert command == "caviar respace s x.low=0.0001"
    assert run(["explain", "s"]) == 0
    assert f"next: {command}\n" in capsys.readouterr().out
    assert run(shlex.split(command)[1:]) == 0
    with Store.open(STORE) as store:
        assert Space.from_dict(store.study("s").space)["x"] == caviar.Log(1e-4, 1)
        assert study_view(store, "s").outside == ()


def test_the_portfolio_proposes_no_range() -> None:
    space = Space(beta1=caviar.OneMinusLog(0.9, 0.999), learning_rate=caviar.Log(1e-4, 1))
    study = study_of(space=space.to_dict())

    def proposed(origin: str) -> list[str]:
        config = {"beta1": 0.9, "learning_rate": 0.01}
        trials = [Trial(n, config, TrialState.FINISHED, 9, 0.9 - n / 100, 0.3, 0, origin) for n in range(5)]
        return [one.change for one in study_view_of(study, trials, []).proposed]

    assert proposed("") == ["beta1.low=0"]
    assert proposed(PORTFOLIO) == []


ENDS = [
    caviar.Log(1e-3, 1),
    caviar.Linear(0.2, 0.8),
    caviar.Linear(-1, 1, step=0.1),
    caviar.OneMinusLog(0.9, 0.999999),
    caviar.Integer(4, 64, log=True),
    caviar.Integer(2, 9),
    caviar.Integer(32, 256, step=32),
    caviar.PowerOfTwo(16, 512),
]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(ENDS), st.booleans(), st.integers(0, 20))
def test_a_proposed_change_widens_the_space_and_keeps_all_trials(scale: Any, low: bool, seed: int) -> None:
    space = Space(x=scale, other=caviar.Linear(0, 1))
    end = scale.low if low else scale.high
    study = study_of(space=space.to_dict(), spec=StudySpec(kind=StudyKind.ASKED))
    for one in proposed_changes(study, [{**config, "x": end} for config in space.sample(5, seed)]):
        if not one.change.startswith("x."):
            continue
        wider = with_changes(space, [one.change])
        assert wider["x"].contains(end)
        assert (wider["x"].low < scale.low) if low else (wider["x"].high > scale.high)  # type: ignore[attr-defined]
        for config in space.sample(20, seed):
            assert placed(wider, {}, config) is not None


def test_what_a_network_cannot_have_is_not_proposed() -> None:
    space = Space(dropout=caviar.Linear(0.1, 0.9), learning_rate=caviar.Log(1e-3, 1))
    best = [{"dropout": 0.9, "learning_rate": 1.0}] * 4
    found = proposed_changes(study_of(space=space.to_dict()), best)
    assert [one.change for one in found] == ["learning_rate.high=10"]


def test_a_study_with_one_space_has_no_history() -> None:
    study = study_of()
    assert configs_of_today(study, []) == {}
    with Store.open(None) as store:
        store.create_study(study)
        assert study_view(store, "net").history == ()
        assert outside_of(store, study) == frozenset()
