"""RealMLP-TD with pytabkit's defaults, and TabM with its authors' defaults, on one processor.

python -m benchmarks.rivals.table_networks realmlp FOLDER       or tabm

RealMLP knows no deadline: its learning rate follows the number of epochs. TabM ends when 16 epochs bring no better
validation loss, or at the deadline, which is five times the seconds of the others; its best epoch is the answer.
"""

from __future__ import annotations

import copy
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.rivals.table_job import Array, Predict, TableJob, run
from benchmarks.rivals.table_preparation import filled

TIMES = 5
_PATIENCE = 16  # this and the rest as in TabM's paper, arXiv 2410.24210
_BATCH = 256
_ROWS = 2048  # predicted at once
_VALIDATION = 4000  # rows: 32 networks of 512 predict 500 rows a second on one processor


def realmlp(job: TableJob) -> tuple[Predict, str, str]:
    """RealMLP with its tuned defaults (arXiv 2407.04491), which stop by accuracy and smooth labels."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    kind = RealMLP_TD_Regressor if job.regression else RealMLP_TD_Classifier
    model: Any = kind(device="cpu", random_state=job.seed, n_threads=1, verbosity=0)
    model.fit(filled(job, job.frame), job.y, cat_col_names=list(job.texts))

    def predict(frame: Any) -> Array:
        rows = filled(job, frame)
        return np.asarray(model.predict(rows).reshape(-1) if job.regression else model.predict_proba(rows))

    return predict, f"pytabkit {version('pytabkit')}, torch {version('torch')}", ""


def tabm(job: TableJob) -> tuple[Predict, str, str]:
    """TabM, 32 networks in one: three blocks of 512, AdamW 0.002, decay 0.0003, normal scores of the numbers."""
    import sklearn.preprocessing
    from tabm import TabM

    torch.manual_seed(job.seed)
    inner, outer = job.held_out()
    outer = outer[:_VALIDATION]
    numbers = [name for name in filled(job, job.frame.iloc[:2]).columns if name not in job.texts]
    scaler = sklearn.preprocessing.QuantileTransformer(
        n_quantiles=max(min(len(inner) // 30, 1000), 10), output_distribution="normal", random_state=job.seed
    )
    # jitter keeps equal values from the ends of the normal scale, as in the authors' code
    given = filled(job, job.frame)[numbers].to_numpy(np.float64)
    noise = np.random.default_rng(job.seed).normal(0, 1e-3, given.shape) * given.std(axis=0)
    if numbers:
        scaler.fit((given + noise)[inner])
    kinds = {name: len(job.frame[name].cat.categories) for name in job.texts}

    def inputs(frame: Any) -> tuple[Tensor | None, Tensor | None]:
        x = filled(job, frame)[numbers].to_numpy(np.float64)
        codes = [frame[name].cat.codes.to_numpy(np.int64) for name in job.texts]
        # a category that training lacks is code -1: it and a missing cell are one more category
        texts = [np.where(code < 0, kinds[name], code) for name, code in zip(job.texts, codes, strict=True)]
        return (
            torch.from_numpy(scaler.transform(x).astype(np.float32)) if numbers else None,
            torch.from_numpy(np.stack(texts, axis=1)) if texts else None,
        )

    middle, scale = (float(job.y[inner].mean()), float(job.y[inner].std()) or 1.0) if job.regression else (0.0, 1.0)
    whole = (job.y - middle) / scale if job.regression else job.y
    y = torch.from_numpy(whole.astype(np.float32 if job.regression else np.int64))
    network: Any = TabM.make(
        n_num_features=len(numbers),
        cat_cardinalities=[count + 1 for count in kinds.values()],
        d_out=max(job.classes, 1),
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=3e-4, fused=True)
    x, codes = inputs(job.frame.iloc[inner])
    y_inner, sealed = y[inner], job.frame.iloc[outer]
    best: dict[str, Any] = {"loss": float("inf"), "epoch": 0, "weights": copy.deepcopy(network.state_dict())}

    def loss_of(rows: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of the 32 networks, each for itself."""
        k = rows.shape[1]
        if job.regression:
            return nn.functional.mse_loss(rows[..., 0], targets[:, None].expand(-1, k))
        return nn.functional.cross_entropy(rows.flatten(0, 1), targets.repeat_interleave(k))

    def outputs(frame: Any) -> Tensor:
        """The mean over the 32 networks, of numbers or of probabilities."""
        network.eval()
        x, codes = inputs(frame)
        with torch.inference_mode():
            parts = [
                network(*(None if part is None else part[start : start + _ROWS] for part in (x, codes)))
                for start in range(0, len(frame), _ROWS)
            ]
        rows = torch.cat(parts).double()
        return rows[..., 0].mean(1) if job.regression else rows.softmax(-1).mean(1)

    def validation() -> float:
        said = outputs(sealed)
        if job.regression:
            return float(((said - y[outer]) ** 2).mean())
        return float(nn.functional.nll_loss(said.clamp_min(1e-12).log(), y[outer]))

    limit, epoch, late = TIMES * job.seconds, 0, False
    while not late and epoch - best["epoch"] < _PATIENCE:
        network.train()
        for batch in torch.split(torch.randperm(len(inner)), _BATCH):
            optimiser.zero_grad(set_to_none=True)
            rows = network(*(None if part is None else part[batch] for part in (x, codes)))
            loss_of(rows, y_inner[batch]).backward()
            optimiser.step()
            if late := job.seconds - job.left > limit:
                break
        epoch += 1
        loss = validation()
        if loss < best["loss"]:
            best.update(loss=loss, epoch=epoch, weights=copy.deepcopy(network.state_dict()))
    network.load_state_dict(best["weights"])
    detail = f"epoch {best['epoch']} of {epoch}{', at the deadline' if late else ''}"
    libraries = f"tabm {version('tabm')}, torch {version('torch')}"
    return lambda frame: outputs(frame).numpy() * scale + middle, libraries, detail


if __name__ == "__main__":
    torch.set_num_threads(1)
    run({"realmlp": realmlp, "tabm": tabm})
