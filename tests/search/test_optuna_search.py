"""Optuna's samplers behind our interface, with the real Optuna."""

from __future__ import annotations

import sys

import pytest

from caviar.errors import SpaceError
from caviar.scales import Choice, Integer, Log, OneMinusLog, PowerOfTwo
from caviar.search.optuna_search import SAMPLERS
from caviar.search.searches import check_search, search_named
from caviar.space import Space, default_space
from tests.search.test_coarse_to_fine import near, study

optuna = pytest.importorskip("optuna")
SPACE = Space(
    learning_rate=Log(1e-4, 1),
    dropout=Choice([0.0, 0.2, 0.5]),
    beta=OneMinusLog(0.9, 0.999, when={"dropout": [0.0]}),
    layers=Integer(1, 4),
    batch=PowerOfTwo(16, 128),
    fixed="relu",
)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sampler_learns_from_the_evidence(sampler):
    if sampler == "gp":
        pytest.importorskip("torch")
    if sampler == "cmaes":
        pytest.importorskip("cmaes")
    trials = 14 if sampler == "gp" else 90  # a Gaussian process takes a second a proposal, from its tenth on
    begun, boxes = study(SPACE, near, trials, search_named(f"optuna:{sampler}", SPACE, 1), stopping="none")
    assert begun[0][1] == SPACE.from_unit([[0.5] * 5])[0]
    assert not boxes
    for _, config, _ in begun:
        SPACE.to_unit([config])
        assert ("beta" in config) == (config["dropout"] == 0.0)
        assert list(config) == [name for name in SPACE.names if name in config]
    late = [near(n, config, 1) for n, config, _ in begun if n >= 50]
    assert not late or sum(late) / len(late) > -1.2  # a random config has -1.6 in the mean


@pytest.mark.parametrize("missing", ["optuna", "cmaes"])
def test_what_is_missing_is_named_with_what_to_install(monkeypatch, missing):
    monkeypatch.setattr("caviar.search.optuna_search.find_spec", lambda name: None if name == missing else sys)
    with pytest.raises(
        SpaceError, match=rf"needs {missing}, which is not installed\npip install 'caviar-tuner\[optuna\]'"
    ):
        check_search("optuna:cmaes")


def test_an_unknown_sampler_gets_its_way_out():
    with pytest.raises(SpaceError, match="did you mean 'optuna:tpe'"):
        check_search("optuna:tp")


def test_a_diverged_trial_is_reported_too():
    begun, _ = study(default_space(), lambda *_: float("nan"), 30, search_named("optuna:tpe", default_space(), 0))
    assert len(begun) == 30
