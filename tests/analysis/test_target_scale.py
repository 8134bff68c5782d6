"""The choice of a target's scale: by more than the noise, and the same every time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from caviar.analysis.target_scale import Choice, better
from caviar.data.dataset import prepare
from caviar.data.read import read


def straight(rows: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "c"])
    return frame.assign(y=(50 + 3 * frame.a - 2 * frame.b + rng.normal(size=rows)).round(3))


def test_a_straight_target_stays_as_it_is_and_nothing_is_said():
    choices = []

    def choose(*rows):
        choices.extend([Choice(None, seed, None, seconds)(*rows) for seed, seconds in ((0, None), (1, None), (0, 5.0))])
        return choices[0]

    prepare(read(straight(), "y"), 0, choose=choose)
    assert choices == [("plain", ())] * 3


def test_a_scale_is_taken_only_where_it_is_better_by_more_than_the_noise():
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=400)
    near, far = wanted + 0.3 * rng.normal(size=400), wanted + 0.4 * rng.normal(size=400)
    assert better({"plain": far, "log": near, "quantile": far}, wanted) == "log"
    assert better({"plain": near, "log": far, "quantile": far}, wanted) == "plain"
    nearer = near + 0.001 * rng.normal(size=400)  # as good but for noise
    assert better({"plain": near, "log": nearer}, wanted) == "plain"
    lucky = np.where(np.arange(400) == 7, wanted, far)  # one row does not decide
    assert better({"plain": far, "log": lucky}, wanted) == "plain"
    assert better({"log": near}, wanted) == "plain"  # the plain one diverged
    wild = np.where(np.arange(400) == 7, 50.0, near)
    assert better({"plain": far, "log": wild}, wanted) == "plain"
    assert better({"plain": far, "log": near, "quantile": wild}, wanted, absolute=True) == "log"
