"""The built-in data, held to scikit-learn's loaders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from caviar.data import samples
from caviar.data.digest import digest
from caviar.data.read import read

LOADERS = {
    samples.digits: datasets.load_digits,
    samples.wine: datasets.load_wine,
    samples.breast_cancer: datasets.load_breast_cancer,
    samples.iris: datasets.load_iris,
}


@pytest.mark.parametrize("sample", LOADERS, ids=lambda f: f.__name__)
def test_as_scikit_learn_loads_it(sample: object) -> None:
    table, oracle = sample(), LOADERS[sample]()  # type: ignore[operator, index]
    assert np.array_equal(table.frame.to_numpy(np.float64), oracle.data)
    names = samples._DIGITS if sample is samples.digits else oracle.target_names.tolist()
    assert table.target.tolist() == [names[k] for k in oracle.target]
    for mine, theirs in zip(table.frame.columns, oracle.feature_names, strict=True):
        words = theirs.removesuffix(" (cm)").replace("/", "_").replace(" ", "_").split("_")
        assert {*mine.split("_")} <= {*words}, "the same words, 'mean_radius' for 'mean radius'"


def test_written_and_read_again(tmp_path: Path) -> None:
    table = samples.wine()
    again = read(samples.write_csv(table, tmp_path / "wine.csv"), "cultivar")
    assert again.name == "wine"
    assert digest(again) == digest(table)


def test_blanked_cells(tmp_path: Path) -> None:
    one, two = (tmp_path / name for name in ("one.csv", "two.csv"))
    for path in (one, two):
        samples.write_csv(samples.digits(), path, blanks=0.05, seed=1)
    assert one.read_bytes() == two.read_bytes()
    table = read(one, "digit")
    assert table.frame.isna().to_numpy().mean() == pytest.approx(0.05, abs=0.005)
    kept = table.frame.to_numpy()
    assert np.array_equal(np.where(np.isnan(kept), samples.digits().frame, kept), samples.digits().frame)
