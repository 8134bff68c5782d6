"""Small real data, built in: for the demo, the tests and the README.

The files are those that scikit-learn carries (from the UCI Machine Learning Repository). They are read directly, since
importing scikit-learn takes 1.5 s, longer than the first network may take; a test holds them to its loaders.
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from caviar import randomness
from caviar.data.table import Table, table

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_IRIS = ("sepal_length", "sepal_width", "petal_length", "petal_width")
_WINE = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280_od315",
    "proline",
)
_DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
_NUCLEUS = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)


def digits() -> Table:
    """1,797 handwritten digits of 8 x 8 pixels from 0 to 16; the label is the digit's English name."""
    values = _values("digits.csv.gz")
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    return _sample("digits", "digit", names, values[:, :-1].astype(np.uint8), values[:, -1], _DIGITS)


def wine() -> Table:
    """178 wines from three growers, by 13 chemical measurements."""
    values = _values("wine_data.csv", skip=1)
    return _sample("wine", "cultivar", _WINE, values[:, :-1], values[:, -1], ("class_0", "class_1", "class_2"))


def breast_cancer() -> Table:
    """569 tumours, by 30 measurements of their cells' nuclei."""
    values = _values("breast_cancer.csv", skip=1)
    names = [f"{statistic}_{name}" for statistic in ("mean", "error", "worst") for name in _NUCLEUS]
    return _sample("breast_cancer", "diagnosis", names, values[:, :-1], values[:, -1], ("malignant", "benign"))


def iris() -> Table:
    """150 irises of three species, by 4 measurements of their flowers."""
    values = _values("iris.csv", skip=1)
    return _sample("iris", "species", _IRIS, values[:, :-1], values[:, -1], ("setosa", "versicolor", "virginica"))


def diabetes() -> Table:
    """442 people with diabetes, by 10 measurements; the target is a number, how far the disease went in a year."""
    import pandas as pd

    x, y = _values("diabetes_data_raw.csv.gz", delimiter=None), _values("diabetes_target.csv.gz", delimiter=None)
    return table(pd.DataFrame(x, columns=list(_DIABETES)), pd.Series(y, name="progression"), "diabetes")


def write_csv(sample: Table, path: str | Path, blanks: float = 0.0, seed: int = 0) -> Path:
    """Write a sample as CSV, the labels in the last column; a share ``blanks`` of the features' cells is left empty."""
    frame = sample.frame
    if blanks:
        stream = randomness.generator(randomness.stream_key(seed, randomness.Purpose.SPLIT, trial=1))
        frame = frame.mask(stream.random(frame.shape) < blanks)
    if sample.target is not None:
        frame = frame.assign(**{str(sample.target_name): sample.target})
    frame.to_csv(path, index=False)
    return Path(path)


def _values(file: str, skip: int = 0, delimiter: str | None = ",") -> npt.NDArray[np.float64]:
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("scikit-learn carries the built-in data, and it is not installed")
    path = Path(package.submodule_search_locations[0], "datasets", "data", file)
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    return np.loadtxt(text.splitlines(), delimiter=delimiter, skiprows=skip)


def _sample(
    name: str,
    target: str,
    columns: list[str] | tuple[str, ...],
    x: npt.NDArray[np.generic],
    y: npt.NDArray[np.float64],
    classes: tuple[str, ...],
) -> Table:
    import pandas as pd

    labels = pd.Series(np.array(classes, dtype=object)[y.astype(int)], name=target)
    return table(pd.DataFrame(x, columns=list(columns)), labels, name)
