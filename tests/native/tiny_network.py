"""Duties of an installed wheel: run by cibuildwheel, `make wheel` and test_wheel.py."""

from pathlib import Path

import numpy as np

import caviar
from caviar.learners.dense.layout import instruction_sets


def main() -> None:
    """Train a tiny network and say where caviar came from."""
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int32)
    fit = caviar.train(x, y, {"layers": 2, "hidden_units": 32, "learning_rate": 0.01}, epochs=60, validation=(x, y))
    accuracy = float(fit.history.validation_accuracy.iloc[-1])
    if accuracy < 0.9:
        raise SystemExit(f"a network that fits its training set was expected, got an accuracy of {accuracy}")
    print(
        f"caviar of {Path(caviar.__file__).parent} learned, by one of {', '.join(instruction_sets())}: {accuracy:.3f}"
    )


if __name__ == "__main__":
    main()
