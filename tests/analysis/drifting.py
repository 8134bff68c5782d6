"""A small trained model with its reference, and tables of rows like those that it learned from."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from caviar.data.dataset import prepare
from caviar.data.read import read
from caviar.learners.contract import Keys, TrainingData, never
from caviar.learners.dense.learner import DenseLearner
from caviar.learners.drift_reference import reference_of
from caviar.learners.model import Model

CONFIG = {"hidden_units": 8, "layers": 2, "learning_rate": 0.01, "batch_size": 32}


def rows(m: int, seed: int, regression: bool = False) -> pd.DataFrame:
    """A table of ``m`` rows: related numbers, whole numbers, gaps, text, and a target."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=m)
    b = 0.7 * a + rng.normal(size=m)
    whole = rng.integers(0, 4, m)
    income = np.where(rng.random(m) < 0.1, np.nan, rng.exponential(3, m))
    colour = rng.choice(["red", "green", "blue"], m, p=[0.5, 0.3, 0.2])
    y = a + b + (colour == "red") + rng.normal(size=m) / 2
    target = y if regression else np.where(y > 0.5, "yes", "no")
    return pd.DataFrame({"a": a, "b": b, "whole": whole, "income": income, "colour": colour, "y": target})


@cache
def model(regression: bool = False) -> Model:
    """A network that was trained on 1,500 such rows."""
    dataset = prepare(read(rows(1_500, 0, regression), "y"), 0)
    n_out = 1 if regression else 2
    training = DenseLearner("native").start(CONFIG, TrainingData(dataset.train, dataset.validation, n_out), Keys.of(0))
    training.train(15, never())
    network = training.predictor()
    kept = reference_of(dataset, dataset.test.open(), network.outputs, network)
    return Model(network, dataset.preprocessing, {"study": "made"}, reference=kept)
