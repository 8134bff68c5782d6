"""The digits that every example learns: 1797 pictures of 8 x 8 pixels, from scikit-learn. Needs NumPy and no more.

`make frameworks` writes them as train.csv and validation.csv (64 pixels, then the label) into build/frameworks/digits,
or into the folder that DIGITS names.
"""

import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.environ.get("DIGITS") or os.path.join(HERE, "..", "..", "..", "build", "frameworks", "digits")


def digits():
    """Pixels in [0, 1], float32 (1437, 64), their labels, int64 (1437,), and the same of 360 more to validate with."""
    train, validation = [
        np.loadtxt(os.path.join(FOLDER, part + ".csv"), delimiter=",", dtype=np.float32)
        for part in ("train", "validation")
    ]
    x, y = train[:, :64] / 16, train[:, 64].astype(np.int64)
    x_validation, y_validation = validation[:, :64] / 16, validation[:, 64].astype(np.int64)
    return x, y, x_validation, y_validation


def batches(seed, epoch, rows, batch_size):
    """The row numbers of each mini-batch of an epoch; the rows that are left over wait for another epoch.

    The order depends on the seed and the epoch alone, so that an epoch that is trained again sees the same batches.
    """
    order = np.random.RandomState([seed, epoch]).permutation(rows)
    return [order[i : i + batch_size] for i in range(0, rows - batch_size + 1, batch_size)]
