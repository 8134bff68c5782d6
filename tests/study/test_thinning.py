"""A budget that is shorter than an epoch of all rows gets an answer from a part of them, and says so."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

import caviar
from caviar.learners.dense.learner import DenseLearner
from caviar.study.thinning import FEWEST, SHORTEST, Thin

pytestmark = pytest.mark.filterwarnings("ignore::caviar.errors.CaviarWarning")

ROWS = 8_000


def table(numbers: bool) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(ROWS, 4))
    z = x[:, 0] + np.sin(2 * x[:, 1]) + 0.5 * rng.normal(size=ROWS)
    frame = pd.DataFrame(x, columns=["a", "b", "c", "d"])
    return frame.assign(y=z if numbers else np.where(z > 0.3, "yes", "no"))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch is thought to take a minute for a thousand rows."""
    monkeypatch.setattr(DenseLearner, "epoch_seconds", lambda self, rows, shape: 0.06 * rows)


@pytest.mark.parametrize("numbers", [False, True])
def test_a_budget_below_an_epoch_has_an_answer_and_a_note(slow, numbers: bool, tmp_path):
    given = {"seconds": 60, "trials": 1, "threads": 1, "store": tmp_path / "caviar.db", "study": "few"}
    frame = table(numbers)
    found = caviar.tune(frame, "y", progress=False, **given)  # type: ignore[arg-type]
    assert found.result.data["rows"] == ROWS
    assert found.result.data["train"] == pytest.approx(ROWS * 0.6 / 4, abs=2)  # half of it is below FEWEST
    [note] = [note for note in found.notes if note.startswith("one in 4 rows is used")]
    assert note.endswith("; a new study with more `seconds` uses all")
    assert found.result.best.epochs <= SHORTEST
    rng, new = np.random.default_rng(6), table(numbers).sample(frac=1, random_state=0)
    new = new.assign(**{name: new[name] + 0.1 * rng.normal(size=ROWS) for name in "abcd"})
    x, answer = new[list("abcd")], found.best.model.predict(new)
    linear = (Ridge() if numbers else LogisticRegression()).fit(frame[list("abcd")], frame["y"])
    if numbers:
        assert np.mean((answer - new["y"]) ** 2) < np.mean((linear.predict(x) - new["y"]) ** 2)
    else:
        assert np.mean(answer == new["y"]) > np.mean(linear.predict(x) == new["y"]) - 0.01
    again = caviar.resume("few", store=given["store"], trials=2, data=frame, threads=1, progress=False)  # type: ignore[arg-type]
    assert again.result.data["train"] == found.result.data["train"]  # though there is no budget of seconds any more


def test_the_share_is_the_largest_whose_shortest_training_fits():
    class OneSecondAMillion:
        def epoch_seconds(self, rows: int, shape: tuple[int, ...]) -> float:
            return rows * shape[0] * 1e-6

    def every(rows: int, seconds: float | None, known: int | None = None) -> int:
        thin = Thin(OneSecondAMillion(), time.monotonic(), seconds, known)  # type: ignore[arg-type]
        assert thin(rows, 10) == thin.every
        return thin.every

    assert every(10**6, None) == 1
    assert every(10**6, 1000) == 1
    assert every(10**6, 60) == 2  # 90 seconds
    assert every(10**6, 20) == 8  # not 4: a little of the 22.5 seconds is gone
    assert every(FEWEST, 0) == 1
    assert every(100 * FEWEST, 0) == 64
    assert every(10**6, 60, known=4) == 4
