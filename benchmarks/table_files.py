"""The three tables that tuners are compared on, as files that a new user would have.

digits is written out as CSV with text labels; twelve is a synthetic table of 20,000 x 40 with 12 classes, as NPZ;
Fashion-MNIST is Debian's package dataset-fashion-mnist, whose test file is the sealed part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from caviar.data import samples
from caviar.data.dataset import Dataset, prepare
from caviar.data.read import read
from caviar.space import Space

PLAIN_SPACE = Path(__file__).with_name("plain_space.toml")
FASHION = Path("/usr/share/datasets/fashion-mnist")
NAMES = ("digits", "twelve", "fashion-mnist")


@dataclass(frozen=True)
class TableFile:
    """Where a table is, and what the command line says besides."""

    name: str
    path: Path
    target: str | None
    test: Path | None = None

    @property
    def arguments(self) -> list[str]:
        """For ``caviar tune``."""
        target = [] if self.target is None else ["--target", self.target]
        return [str(self.path), *target, *([] if self.test is None else ["--test", str(self.test)])]

    def dataset(self, seed: int) -> Dataset:
        """The data that ``caviar tune --seed`` makes of it: the same split, the same preprocessing."""
        test = None if self.test is None else read(self.test, self.target)
        return prepare(read(self.path, self.target), seed, test)


def table_file(name: str, folder: Path) -> TableFile | None:
    """The table ``name``, written into ``folder`` unless it is there; None where Fashion-MNIST is not installed."""
    if name == "digits":
        table, path = samples.digits(), folder / "digits.csv"
        return TableFile(name, path if path.exists() else samples.write_csv(table, path), table.target_name)
    if name == "twelve":
        path = folder / "twelve.npz"
        if not path.exists():
            write_twelve(path)
        return TableFile(name, path, "y")
    if not FASHION.exists():
        return None
    images, test = (next(FASHION.glob(f"{part}-images-idx3-ubyte*")) for part in ("train", "t10k"))
    return TableFile(name, images, None, test)


def write_twelve(path: Path) -> None:
    """20,000 rows, 40 features of which 20 say something and 5 repeat them, 12 classes of two clusters each."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        n_samples=20_000,
        n_features=40,
        n_informative=20,
        n_redundant=5,
        n_classes=12,
        n_clusters_per_class=2,
        class_sep=1.0,
        random_state=0,
    )
    np.savez(path, x=x.astype(np.float32), y=y.astype(np.int32))


def plain_space() -> Space:
    """The space of plain networks that all rivals can train."""
    return Space.load(PLAIN_SPACE)
