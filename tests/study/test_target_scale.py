"""Studies that learn a target on another scale: scores, intervals and files are in the target's own units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import Ridge

import caviar
from caviar import files
from caviar.analysis.target_scale import Choice
from caviar.data.columns import Floats
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.errors import ConfigError, ModelError
from caviar.learners.contract import never
from caviar.records import Task
from caviar.records.specs import StudySpec
from caviar.store import Store
from caviar.study.check import check_table
from caviar.study.spec import Request

pytestmark = pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")


def heavy(rows: int = 900, seed: int = 0) -> pd.DataFrame:
    """A target that is a product of many things, 0 in a tenth of the rows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 12))
    y = np.exp(3 + 0.3 * x.sum(axis=1) + 0.1 * rng.normal(size=rows))
    frame = pd.DataFrame(x, columns=[f"c{i}" for i in range(12)])
    return frame.assign(y=np.where(x[:, -1] < -1.3, 0.0, y).round(3))


NAMES = ("network.json", "preprocessing.json", "facts.json", "weights.safetensors")
SPACE = caviar.Space(learning_rate=caviar.Log(3e-3, 3e-2), hidden_units=24, layers=2, batch_size=32)


def tuned(frame: pd.DataFrame, **given: object):
    usual: dict[str, object] = {"preset": "single", "trials": 3, "seed": 0, "threads": 1, "store": None}
    return caviar.tune(frame, "y", space=SPACE, progress=False, **{**usual, **given})


@pytest.fixture(scope="module")
def found():
    return tuned(heavy())


def test_a_trial_finds_the_scale_and_one_note_says_so(found):
    [note] = [note for note in found.notes if "scale" in note]
    scale = found.best.model.preprocessing.target_scale.name
    assert scale in ("log", "quantile")
    assert note.startswith(
        f"the target 'y' is learned on a {scale} scale: by a small network R2 on the validation rows"
    )
    assert note.endswith('`target_scale="plain"` learns it as it is')


def test_all_scores_are_those_of_the_numbers_in_their_own_units(found):
    model, truth = found.best.model, sealed_numbers()
    x = prepare(read(heavy(), "y"), 0).test.open().x
    said = model.preprocessing.decode(model.outputs(x.astype(np.float64))[:, 0])
    assert found.best.test["r2"] == pytest.approx(metrics.r2_score(truth, said), abs=1e-4)
    assert found.best.test["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, said), rel=1e-4)
    assert found.best.test["mae"] == pytest.approx(metrics.mean_absolute_error(truth, said), rel=1e-4)


def test_a_training_is_scored_in_own_units_after_every_epoch():
    job = check_table(Request(data=heavy(), target="y", target_scale="log", space=SPACE, threads=1), lambda: False)
    training = job.start(Task(0, 0, {"learning_rate": 0.01}, 0, 2), None)
    _, epochs = training.train(2, never())
    decode, rows = job.dataset.preprocessing.decode, job.dataset.validation
    truth, said = decode(rows.y), decode(training.predictor().outputs(rows.x.astype(np.float64))[:, 0])
    assert len(epochs) == 2
    for scores in (epochs[1].validation.scores, training.evaluate(rows).scores, job.shown([epochs[1].validation])):
        assert scores["r2"] == pytest.approx(metrics.r2_score(truth, said), abs=1e-4)
        assert scores["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, said), rel=1e-4)
        assert scores["mae"] == pytest.approx(metrics.mean_absolute_error(truth, said), rel=1e-4)


def test_baselines_are_those_of_the_plain_target(found):
    data = prepare(read(heavy(), "y"), 0)
    sealed, rows, decode = data.test.open(), data.train_and_validation(), data.preprocessing.decode
    truth, baseline = decode(sealed.y), found.result.baseline
    mean = decode(rows.y).mean()
    assert baseline["majority"].always == pytest.approx(mean, rel=1e-5)
    assert baseline["majority"].scores["mae"] == pytest.approx(np.abs(truth - mean).mean(), rel=1e-4)
    ridge = Ridge(alpha=1.0).fit(rows.x, rows.y)
    wanted = metrics.r2_score(truth, decode(ridge.predict(sealed.x)))
    assert baseline["linear"].scores["r2"] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("scale", ["log", "quantile"])
def test_intervals_cover_on_a_scale_and_the_file_and_an_ensemble_keep_it(scale: str, tmp_path: Path):
    study = tuned(heavy(600, 3), target_scale=scale, preset="best", clip=True, trials=6)
    assert study.best.model.members
    study.best.model.save(tmp_path / "m.caviar")
    model, new = caviar.load(tmp_path / "m.caviar"), heavy(3_000, 4)
    assert model.preprocessing.target_scale.name == scale
    ends = model.predict_interval(new, 0.8)
    assert np.array_equal(ends, study.best.model.predict_interval(new, 0.8))
    hits = float(((ends[:, 0] <= new.y) & (new.y <= ends[:, 1])).mean())
    assert abs(hits - 0.8) < 4 * np.sqrt(0.16 * (1 / 480 + 1 / 3_000))
    assert (ends[:, 0] <= ends[:, 1]).all()
    assert np.ptp(ends[:, 1] - ends[:, 0]) > 1  # wider where numbers are large
    said = model.prediction(new)
    assert model.correction.low <= said.labels.min() <= said.labels.max() <= model.correction.high
    assert said.known.score == pytest.approx(metrics.r2_score(new.y, said.labels), abs=1e-6)
    with pytest.raises(ModelError, match="format 4"):  # an earlier version would take its numbers for plain ones
        files.unpack((tmp_path / "m.caviar").read_bytes(), 3, names=NAMES)


def test_a_resume_keeps_the_scale_and_studies_of_before_are_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    heavy().to_csv(tmp_path / "t.csv", index=False)
    given = {"space": SPACE, "threads": 1, "store": tmp_path / "s.db", "progress": False}
    begun = caviar.tune(tmp_path / "t.csv", "y", trials=1, study="m", **given)
    monkeypatch.setattr(Choice, "_answers", None)  # no second trial
    again = caviar.resume("m", store=tmp_path / "s.db", trials=2, threads=1, progress=False)
    scales = [study.best.model.preprocessing.target_scale for study in (begun, again)]
    assert scales[0] == scales[1]
    assert scales[0].name != "plain"
    assert [note for note in again.notes if f"is learned on a {scales[0].name} scale" in note]
    with Store.open(tmp_path / "s.db") as store:
        record = store.study("m").spec.to_record()
    assert record["table"].pop("target_scale") == scales[0].name
    assert StudySpec.from_record(record).table.target_scale == "plain"


def test_a_scale_that_is_asked_for_is_taken_without_a_trial(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Choice, "_answers", None)
    study = tuned(heavy(300), target_scale="plain", trials=1)
    assert study.best.model.preprocessing.target_scale.name == "plain"
    assert not [note for note in study.notes if "scale" in note]
    with pytest.raises(ConfigError, match="`target_scale` is for numbers"):
        tuned(heavy(300).assign(y=lambda t: np.where(t.y > 20, "much", "little")), target_scale="log")
    with pytest.raises(ConfigError, match="no scale 'lag'"):
        tuned(heavy(300), target_scale="lag")


def sealed_numbers() -> Floats:
    data = prepare(read(heavy(), "y"), 0)
    return data.preprocessing.decode(data.test.open().y)
