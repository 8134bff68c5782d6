"""A study of one table follows that of another: scikit-learn's MLPClassifier on digits, after breast_cancer.

    python examples/transfer.py

It needs scikit-learn, writes transfer.db into the working folder, and takes a minute or two.
"""

from __future__ import annotations

import warnings
from statistics import mean

from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import caviar

SPACE = caviar.Space(
    learning_rate=caviar.Log(1e-6, 1, tier=1),
    batch_size=caviar.PowerOfTwo(8, 512, tier=2),
    hidden_units=caviar.Integer(2, 256, log=True, tier=2),
    alpha=caviar.Log(1e-7, 10),
)
AFTER = (1, 3, 10, 30)


def training(load):
    """A function that trains on the table that ``load`` gives; the score is the accuracy on other rows."""
    x, xv, y, yv = train_test_split(*load(return_X_y=True), test_size=0.3, random_state=0)
    scaler = StandardScaler().fit(x)
    x, xv = scaler.transform(x), scaler.transform(xv)

    def train(trial):
        network = MLPClassifier(
            (trial.config["hidden_units"],),
            learning_rate_init=trial.config["learning_rate"],
            alpha=trial.config["alpha"],
            batch_size=min(trial.config["batch_size"], len(x)),
            max_iter=1,
            warm_start=True,
            random_state=trial.seed,
        )
        for epoch in range(1, trial.last_epoch + 1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                network.fit(x, y)
            trial.report(epoch, network.score(xv, yv))

    return train


def best_after(study, trials):
    """The best score among the first trials, 0 where none of them has one."""
    return max(study.trials().query("number < @trials").score.max(), 0.0)


if __name__ == "__main__":
    usual = {"epochs": 9, "goal": "maximize", "processes": 2, "store": "transfer.db", "progress": False}
    caviar.tune(training(load_breast_cancer), SPACE, trials=50, study="cancer", **usual)
    plain, follows = [], []
    for seed in range(3):
        digits, given = training(load_digits), {"trials": 30, "seed": seed, **usual}
        plain.append(caviar.tune(digits, SPACE, study=f"plain {seed}", **given))
        follows.append(caviar.tune(digits, SPACE, study=f"follows {seed}", like=["cancer"], **given))
    print("trials   plain   like cancer")
    for n in AFTER:
        print(f"{n:6}   {mean(best_after(s, n) for s in plain):.3f}   {mean(best_after(s, n) for s in follows):.3f}")
