"""Doubts about an answer, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from caviar.analysis.doubts import imbalance, off_centre, percent
from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.scales import Choice, Fixed, Linear
from caviar.space import Space


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.8, "80 %"), (0.979, "98 %"), (0.99, "99 %"), (0.995, "99.5 %"), (0.9999, "99.99 %"), (1.0, "100 %")],
)
def test_no_part_is_rounded_to_all(share: float, text: str):
    assert percent(share) == text


@pytest.mark.parametrize(("rare", "is_noted"), [(10, True), (15, True), (25, False), (50, False)])
def test_nearly_one_class_is_noted_where_accuracy_decides(rare: int, is_noted: bool):
    y = np.where(np.arange(100) < rare, "fraud", "ok")
    data = prepare(read(pd.DataFrame({"a": np.random.default_rng(0).normal(size=100), "y": y}), "y"), 0)
    noted = imbalance("accuracy", data)
    assert bool(noted) is is_noted
    assert imbalance("log_loss", data) == ()
    if is_noted:
        assert f"{100 - rare} % of the training rows are 'ok'" in noted[0]
        assert '`metric="balanced_accuracy"`' in noted[0]


def test_a_quantile_that_is_not_the_middle_is_noted():
    pinball = {"loss": Choice(["squared", "pinball"])}
    (noted,) = off_centre("r2", Space(**pinball, quantile=Fixed(0.9)))
    assert "predict the quantile 0.9 of the target, but R2 ranks them" in noted
    (noted,) = off_centre("mae", Space(**pinball, quantile=Linear(0.1, 0.9)))
    assert "other quantiles than the median" in noted
    for other in ({**pinball}, {**pinball, "quantile": Fixed(0.5)}, {"loss": Fixed("huber"), "quantile": Fixed(0.9)}):
        assert off_centre("r2", Space(**other)) == ()
