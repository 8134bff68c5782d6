"""Logistic and ridge regression on one-hot, scaled inputs; their penalty is chosen on a fifth of the training rows.

python -m benchmarks.rivals.table_linear linear FOLDER
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline

from benchmarks.rivals.table_job import Predict, TableJob, run
from benchmarks.rivals.table_preparation import preparation


def linear(job: TableJob) -> tuple[Predict, str, str]:
    """The model with the best penalty of four, trained again on all training rows."""
    inner, outer = job.held_out()
    losses: dict[float, float] = {}
    prepared = preparation(job)
    x, x_outer = prepared.fit_transform(job.frame.iloc[inner]), prepared.transform(job.frame.iloc[outer])

    def model(penalty: float) -> Any:
        return Ridge(penalty) if job.regression else LogisticRegression(C=1 / penalty, max_iter=300)

    for penalty in (100.0, 10.0, 1.0, 0.1):
        fitted = model(penalty).fit(x, job.y[inner])
        if job.regression:
            losses[penalty] = float(np.mean((fitted.predict(x_outer) - job.y[outer]) ** 2))
        else:
            losses[penalty] = float(log_loss(job.y[outer], fitted.predict_proba(x_outer), labels=fitted.classes_))
    best = min(losses, key=lambda penalty: losses[penalty])
    final = make_pipeline(preparation(job), model(best)).fit(job.frame, job.y)
    predict = final.predict if job.regression else final.predict_proba
    return predict, f"scikit-learn {sklearn.__version__}", f"penalty {best:g}"


if __name__ == "__main__":
    run({"linear": linear})
