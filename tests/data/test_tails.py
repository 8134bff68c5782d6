"""Columns of regression that are not cut at five standard deviations, and those that are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from caviar.data.learning import learn
from caviar.data.preprocessing import Preprocessing
from caviar.data.tails import tails_matter
from caviar.errors import ModelError


def delays(rows: int = 2_000) -> pd.DataFrame:
    """A delay with a long tail, a hump that says nothing more out there, one slip of the pen, and the target."""
    rng = np.random.default_rng(0)
    delay, hump = rng.lognormal(0, 1.6, (2, rows))
    size = rng.normal(1, 0.2, rows)
    target = delay + 3 * np.minimum(hump, 5.0) + 4 * size + rng.normal(0, 1, rows)
    size[7] *= 100
    return pd.DataFrame({"delay": delay, "hump": hump, "size": size, "y": target})


def learned(frame: pd.DataFrame) -> Preprocessing:
    return learn(frame.drop(columns="y"), frame["y"], True)


def test_a_number_whose_tail_matters_is_cut_at_its_range_and_others_at_five():
    frame = delays()
    found = learned(frame)
    assert found.tails == ("delay",)
    new = pd.DataFrame({"delay": [1e9, -1e9, frame["delay"].max()], "hump": [1e9, -1e9, 0], "size": [1e9, -1e9, 1.0]})
    z, furthest = found.apply(new), (frame["delay"].max() - frame["delay"].mean()) / frame["delay"].std(ddof=0)
    np.testing.assert_allclose(z[:, 0], [furthest, -5, furthest], rtol=1e-6)
    np.testing.assert_allclose(z[:2, 1:], [[5, 5], [-5, -5]])


def test_it_is_the_error_of_a_line_that_decides():
    """Against scikit-learn's lines, half by half."""
    frame = delays()
    y = frame["y"].to_numpy()
    for name in ("delay", "hump", "size"):
        z = ((frame[name] - frame[name].mean()) / frame[name].std(ddof=0)).to_numpy()
        won = np.zeros(len(y))
        for a, b in ((0, 1), (1, 0)):
            for x, sign in ((z, -1), (np.clip(z, -5, 5), 1)):
                line = LinearRegression().fit(x[a::2, None], y[a::2])
                won[b::2] += sign * (y[b::2] - line.predict(x[b::2, None])) ** 2
        matter = won.mean() > max(2 * won.std() / np.sqrt(len(y)), 1e-3 * y.var()) and (np.abs(z) > 5).sum() >= 10
        assert tails_matter(z, y, 5.0) == matter == (name == "delay")


def test_few_rows_far_out_do_not_matter():
    z = np.r_[np.random.default_rng(1).normal(size=900), np.full(9, 50.0)]
    assert not tails_matter(z, z, 5.0)
    assert tails_matter(np.r_[z, 50.0], np.r_[z, 50.0], 5.0)


def test_classes_and_missing_numbers():
    frame = delays()
    assert learn(frame[["delay"]], (frame["y"] > 9).astype(int)).tails == ()
    frame.loc[::3, "delay"] = np.nan
    found = learned(frame)
    assert found.tails == ("delay",)
    assert np.isfinite(found.apply(frame)).all()


def test_a_record_keeps_the_tails_and_one_of_before_has_none():
    found = learned(delays())
    record = found.to_dict()
    assert Preprocessing.from_dict(record) == found
    with pytest.raises(ModelError, match="a range is missing"):
        Preprocessing.from_dict(record | {"low": [], "high": []})
    with pytest.raises(ModelError, match="a column with tails is missing"):
        Preprocessing.from_dict(record | {"tails": ["dalay"]})
    del record["tails"]
    assert Preprocessing.from_dict(record).tails == ()
