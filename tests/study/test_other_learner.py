"""A whole study with a learner that is not dense: nothing above learners/ depends on layers or on flat rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caviar
from caviar.data.dataset import Dataset, prepare
from caviar.data.examples import Examples, Sealed
from caviar.errors import NoAnswer, SpaceError
from caviar.learners.model import PREDICTORS
from caviar.learners.names import LEARNERS
from caviar.study import check, members
from tests.learners.contract import examples, numbers
from tests.learners.templates import TemplatesLearner, TemplatesPredictor

pytestmark = [
    pytest.mark.filterwarnings("ignore:the target .* different whole numbers:caviar.CaviarWarning"),
    pytest.mark.filterwarnings("ignore:the network is hardly better:caviar.CaviarWarning"),
]


@pytest.fixture(params=["classes", "numbers"])
def images(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of 4 x 4 images in rows; the studies of the test get its examples in that shape."""

    def shaped(of: Examples) -> Examples:
        return Examples(of.x.reshape(-1, 4, 4), of.y)

    def prepare_images(*arguments: object) -> Dataset:
        of = prepare(*arguments)
        assert of.test is not None
        test = Sealed(shaped(of.test.open()))
        return replace(of, train=shaped(of.train), validation=shaped(of.validation), test=test, both=None)

    monkeypatch.setitem(LEARNERS, "templates", TemplatesLearner)
    monkeypatch.setitem(PREDICTORS, "templates", TemplatesPredictor.from_record)
    monkeypatch.setattr(check, "prepare", prepare_images)
    rows = numbers(400, 16) if request.param == "numbers" else examples(400, 16, 3)
    frame = pd.DataFrame(rows.x, columns=[f"pixel{k}" for k in range(16)]).assign(kind=rows.y)
    frame.to_csv(tmp_path / "images.csv", index=False)
    return tmp_path / "images.csv"


def study_of(images: Path, **arguments):
    given = {"trials": 20, "engine": "templates", "store": images.parent / "caviar.db", "threads": 2} | arguments
    return caviar.tune(images, "kind", **given)


def test_a_study_of_another_learner_gives_a_model_that_comes_back(images: Path, monkeypatch: pytest.MonkeyPatch):
    alike = lambda outputs, *_, **__: (np.full(len(outputs), 1 / len(outputs)), 0.0)  # noqa: E731  # templates gain nothing
    monkeypatch.setattr(members, "select", alike)  # from one another
    study = study_of(images, preset="best", out=images.parent, study="together")
    best, score = study.summary["best"], "r2" if study.best.model.regression else "accuracy"
    n_out = 1 if study.best.model.regression else 3
    assert best["parameters"] == 17 * n_out
    assert set(best["config"]) == {"pace", "together"}
    assert best["test"][score] > (0.15 if n_out == 1 else 0.8)
    assert study.summary["ensemble"]["networks"] > 1
    loaded, features = caviar.load(images.parent / "together.caviar"), pd.read_csv(images).drop(columns="kind")
    assert isinstance(loaded.network, TemplatesPredictor)
    assert loaded.network.shape == (4, 4)
    assert loaded.predict(features).tobytes() == study.best.model.predict(features).tobytes()


def test_it_has_the_same_bits_on_any_number_of_threads_and_taken_up_again(images: Path):
    one, three = (study_of(images, threads=threads, study=f"on {threads}") for threads in (1, 3))
    assert one.summary["best"] == three.summary["best"]
    assert one.best.model.network.templates.tobytes() == three.best.model.network.templates.tobytes()
    more = study_of(images, trials=30, study="at once")
    resumed = caviar.resume("on 1", store=images.parent / "caviar.db", trials=30)
    assert resumed.summary["best"] == more.summary["best"]
    assert resumed.summary["trials"] == more.summary["trials"]


def test_a_space_of_a_dense_network_is_refused(images: Path):
    with pytest.raises(SpaceError, match="'hidden_units' is not a hyperparameter"):
        study_of(images, space=caviar.Space(hidden_units=8, pace=caviar.Log(0.01, 1)))


def test_a_network_that_diverges_is_a_trial_that_diverged(images: Path):
    space = caviar.Space(pace=caviar.Choice([0.1, 1e30]), together=32)
    study = study_of(images, space=space)
    assert study.summary["trials"]["diverged"] > 0
    assert np.isfinite(study.summary["best"]["repeated"]["mean"])
    assert study.summary["best"]["config"]["pace"] == 0.1


def test_where_all_trials_diverge_the_way_out_names_the_learners_own_hyperparameter(images: Path):
    with pytest.raises(NoAnswer, match=r"lower the pace in the space \(the lowest tried was 1e\+30\)"):
        study_of(images, space=caviar.Space(pace=caviar.Choice([1e30, 2e30]), together=32))
