"""Inputs as a careful user makes them for a model that wants a matrix of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.rivals.table_job import TableJob


def preparation(job: TableJob, *, dense_categories: int | None = None) -> Any:
    """Numbers: the median where missing, and a column that says so; scaled. Texts: one-hot, rare ones together.

    dense_categories: the result is dense, with so many categories of a column at most.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [name for name in job.frame.columns if name not in job.texts]
    hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=None if len(job.y) < 1000 else 5,
        max_categories=dense_categories,
        sparse_output=dense_categories is None,
        dtype=np.float32,
    )
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
            ("texts", hot, list(job.texts)),
        ],
        sparse_threshold=0.0 if dense_categories else 0.3,
    )


def filled(job: TableJob, frame: Any) -> Any:
    """The frame without missing cells: the training median, and a column that says so; a category of its own."""
    import pandas as pd

    columns = {}
    for name in frame.columns:
        column = frame[name]
        if name in job.texts:
            columns[name] = column.astype(object).where(column.notna(), "(missing)").astype(str).astype("category")
        else:
            columns[name] = column.fillna(job.frame[name].median())
            if job.frame[name].isna().any():
                columns[f"{name} is missing"] = column.isna().astype(np.float64)
    return pd.DataFrame(columns)
