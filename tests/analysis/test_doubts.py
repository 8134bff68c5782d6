"""Doubts about an answer, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from caviar.analysis.doubts import imbalance, percent
from caviar.data.dataset import prepare
from caviar.data.read import read


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
