"""Boosted trees: LightGBM as it comes and tuned by FLAML, CatBoost, scikit-learn's HistGradientBoosting.

python -m benchmarks.rivals.table_boosting lightgbm FOLDER      or flaml, catboost, histgradient
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.rivals.table_job import Predict, TableJob, run

_BINS = 255  # of HistGradientBoosting's categories


def lightgbm(job: TableJob) -> tuple[Predict, str, str]:
    """LightGBM with its defaults, on all training rows."""
    import lightgbm as library

    options = {"n_jobs": 1, "random_state": job.seed, "verbose": -1}
    model: Any = library.LGBMRegressor(**options) if job.regression else library.LGBMClassifier(**options)
    model.fit(job.frame, job.y)
    return _predict(job, model), f"lightgbm {library.__version__}", ""


def flaml(job: TableJob) -> tuple[Predict, str, str]:
    """LightGBM tuned by FLAML within the seconds, which ends with a training on all training rows."""
    from importlib.metadata import version

    from flaml import AutoML

    model = AutoML()
    model.fit(
        job.frame,
        job.y,
        task="regression" if job.regression else "classification",
        metric="r2" if job.regression else "log_loss",
        estimator_list=["lgbm"],
        time_budget=max(job.left, 1.0),
        n_jobs=1,
        seed=job.seed + 1,  # 0 would mean another default of theirs
        retrain_full="budget",
        verbose=0,
    )
    detail = f"{len(model.config_history)} best configs, {model.best_config}"
    return _predict(job, model), f"FLAML {version('flaml')}, lightgbm {version('lightgbm')}", detail


def catboost(job: TableJob) -> tuple[Predict, str, str]:
    """CatBoost with its defaults, stopped early on a fifth of the training rows, or at the deadline."""
    import catboost as library

    class _Deadline:
        def after_iteration(self, _: Any) -> bool:
            """False ends the training."""
            return job.left > 0

    def texts(frame: Any) -> Any:
        copy = frame.copy()
        for name in job.texts:
            column = copy[name].astype(object)
            copy[name] = column.where(column.notna(), "").astype(str)
        return copy

    inner, outer = job.held_out()
    frame = texts(job.frame)
    options = {
        "thread_count": 1,
        "random_seed": job.seed,
        "verbose": False,
        "allow_writing_files": False,
        "cat_features": list(job.texts),
        "early_stopping_rounds": 100,
    }
    model: Any = library.CatBoostRegressor(**options) if job.regression else library.CatBoostClassifier(**options)
    held = (frame.iloc[outer], job.y[outer])
    model.fit(frame.iloc[inner], job.y[inner], eval_set=held, callbacks=[_Deadline()])
    predict = model.predict if job.regression else model.predict_proba
    return lambda rows: predict(texts(rows)), f"catboost {library.__version__}", f"{model.tree_count_} trees"


def histgradient(job: TableJob) -> tuple[Predict, str, str]:
    """HistGradientBoosting with its defaults; a column of more than 255 categories is given as numbers."""
    import sklearn
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    wide = [name for name in job.texts if len(job.frame[name].cat.categories) > _BINS]

    def codes(frame: Any) -> Any:
        copy = frame.copy()
        for name in wide:
            number = copy[name].cat.codes.astype(np.float64)
            copy[name] = number.where(number >= 0)
        return copy

    options = {"random_state": job.seed, "categorical_features": "from_dtype"}
    kind = HistGradientBoostingRegressor if job.regression else HistGradientBoostingClassifier
    model = kind(**options).fit(codes(job.frame), job.y)
    predict = _predict(job, model)
    return lambda rows: predict(codes(rows)), f"scikit-learn {sklearn.__version__}", f"{model.n_iter_} rounds"


def _predict(job: TableJob, model: Any) -> Predict:
    predict: Predict = model.predict if job.regression else model.predict_proba
    return predict


if __name__ == "__main__":
    run({"lightgbm": lightgbm, "flaml": flaml, "catboost": catboost, "histgradient": histgradient})
