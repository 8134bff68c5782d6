"""Absurd input for the native engine: run by test_binding.py in a process of its own, which must not die.

    python -m tests.native.absurd CASE

Every case ends in a Python exception of the kinds below or in an answer, and prints which.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from caviar.learners.dense import _native

CLEAR = (TypeError, ValueError, KeyError, MemoryError)


def says_why(error: Exception) -> None:
    """An error without a text is of no use."""
    assert str(error)


SETTINGS: dict[str, Any] = {
    "widths": [5, 7, 3],
    "activation": 1,
    "output": 0,
    "batch_norm": True,
    "batch_norm_momentum": 0.9,
    "batch_norm_epsilon": 1e-5,
    "exact_statistics": False,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "input_scaling": False,
    "input_scaling_rate": 6.0,
    "parametric_activation": False,
    "parametric_rate": 0.1,
    "label_smoothing": 0.0,
    "columns": [],
    "texts": [],
    "categories": [],
    "bent_at": 3.0,
    "by_entries": False,
    "class_weights": [],
    "first_moment": True,
    "second_moment": True,
    "bias_correction": True,
    "nesterov": False,
    "schedule_free": False,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "l2": 0.0,
    "weight_decay": 0.0,
    "clip_norm": 0.0,
    "averaging": 0.0,
    "loss": 0,
    "huber_delta": 1.0,
    "quantile": 0.5,
    "batch_size": 4,
    "keys": [1, 2, 3, 4],
}


def trial(**changed: Any) -> _native.Trial:
    """A small trial at the best level, or one with other settings."""
    return _native.Trial({**SETTINGS, **changed}, _native.levels()[-1])


def rows(m: int = 9, n: int = 5, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and classes."""
    random = np.random.default_rng(m)
    return random.normal(size=(m, n)).astype(np.float32), random.integers(0, classes, m).astype(np.int32)


def train(of: _native.Trial, x: Any, y: Any, epochs: int = 1, **changed: Any) -> Any:
    """Some epochs without validation; ``changed`` replaces arguments."""
    steps = changed.pop("steps", of.steps_per_epoch(len(y)))
    arguments = {
        "x": x,
        "y": y,
        "xv": x[:0],
        "yv": y[:0],
        "learning_rates": np.full((epochs, steps), 0.01),
        "explosion": 1e9,
        "stop": np.zeros(1, dtype=np.uint8),
    }
    return of.train(**{**arguments, **changed})


X, Y = rows()


def everything(of: _native.Trial, x: np.ndarray, y: np.ndarray) -> None:
    """Every call that takes rows, and the state there and back."""
    train(of, x, y, epochs=2)
    of.evaluate(x, y, x, y)
    of.inside(x, y, 0.01)
    of.statistics_of(x, y)
    seen = of.first_steps, of.second_steps, of.average_steps, of.squared_rates
    of.load(of.export(), of.step, of.epoch, of.row, of.loss, *seen)


def uninitialised() -> None:
    _native.Trial.__new__(_native.Trial).export()


def many_arrays() -> None:
    trial().load([np.zeros(3, dtype=np.float32)] * 1000, 0, 0, 0, 0.0, 0.0, 0.0)


def labels_converted_and_freed() -> None:
    """A converted copy of the labels must not be read after it is gone."""
    for _ in range(200):
        train(trial(), X, Y.astype(np.int64))


def statistics_without_batch_norm() -> None:
    of = trial(batch_norm=False, widths=[5, 700, 3])
    for _ in range(50):
        of.statistics_of(X, Y)


def handler_that_trains() -> None:
    """A signal's handler runs inside a call of train, whose workspace it must not touch."""
    import signal

    wide = trial(widths=[5, 900, 900, 3])
    done: list[bool] = []

    def train_another(*_: object) -> None:
        try:
            train(wide, X, Y)
        except RuntimeError:
            done.append(True)
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, train_another)
    signal.alarm(1)
    try:
        train(trial(), X, Y, epochs=2**22)
    except KeyboardInterrupt:
        if done:
            raise ValueError("the handler was refused") from None


CASES: dict[str, Callable[[], object]] = {
    "uninitialised": uninitialised,
    "widest": lambda: trial(widths=[2**20, 2**20, 2**20]),
    "deep and wide": lambda: trial(widths=[2**14] * 64),
    "a workspace beyond memory": lambda: trial(batch_size=2**24, widths=[2**20, 2]),
    "inside on more rows than fit": lambda: trial(widths=[1, 2**14, 2]).inside(*rows(2**17, 1, 2), 0.1),
    "an order beyond memory": lambda: _native.epoch_order(0, 0, 0, 2**32 - 1),
    "a label far outside": lambda: train(trial(), X, np.full(9, 2**31 - 1, dtype=np.int32)),
    "a label far below": lambda: trial().evaluate(X, np.full(9, -(2**31), dtype=np.int32), X, Y),
    "a class too many": lambda: trial(output=1, widths=[5, 7, 1]).inside(X, Y, 0.1),
    "the last step": lambda: trial().load(trial().export(), 2**63 - 1, 2**63 - 1, 0, 0.0, 0.0, 0.0),
    "too many arrays": many_arrays,
    "labels converted and freed": labels_converted_and_freed,
    "statistics without batch norm": statistics_without_batch_norm,
    "exact statistics of nothing": lambda: trial(exact_statistics=True).evaluate(X, Y, X[:0], Y[:0]),
    "columns that wrap around": lambda: trial().evaluate(np.empty((0, 2**32 + 5), dtype=np.float32), Y[:0], X, Y),
    "a column of many rows": lambda: train(trial(), np.broadcast_to(X[:1], (9, 5)), Y),
    "odd addresses": lambda: train(trial(), np.zeros(9 * 5 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(9, 5), Y),
    "all that a handler can do": handler_that_trains,
}


def main(case: str) -> None:
    """Run one case."""
    try:
        answer = CASES[case]()
    except CLEAR as error:
        says_why(error)
        print("refused", type(error).__name__)
    else:
        print("answered", type(answer).__name__)


if __name__ == "__main__":
    main(sys.argv[1])
