"""Learned periodic embeddings of numbers beside our encodings, in PyTorch: are they worth a kernel of their own?

    python -m benchmarks.periodic --packages /tmp/tables18 [--tables bikes fifa]

The same network (two hidden layers of 128, batch norm, SiLU, AdamW, cosine to 0) gets its numbers in six ways, on the
tables for choosing that have numbers, at most ROWS rows of each, as a study prepares them: the four encodings that we
have, PLR (Gorishniy, Rubachev and Babenko 2022, section 3.3: relu(Linear([cos, sin](2 pi c x)))) and PBLD
(Holzmueller, Grinsztajn and Steinwart 2024: Linear(cos(2 pi c x + b)) beside x itself). c is drawn with the deviation
SIGMAS has; of these, of LENGTHS and of DROPOUTS, each way counts with what is best on the validation part, the mean of
SEEDS. Seconds are those of one such training in PyTorch. ``--summary`` prints what a search loses without the two.
"""

from __future__ import annotations

import argparse
import math
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.machine import merge, read
from benchmarks.portfolio import dataset_of
from benchmarks.table_definitions import named
from caviar.data.dataset import Dataset
from caviar.learners.contract import TrainingData
from caviar.learners.dense.inputs import encoding_of
from caviar.nn.encoding import ENCODINGS, encode, texts_of

ROWS = 8_000
EMBEDDINGS = ("plr", "pbld")
SIGMAS, DROPOUTS = (0.1, 1.0), (0.0, 0.2)
LENGTHS = (300, 2_000)  # steps: a long training on many columns only overfits some tables
SEEDS = 2
_RATE, _BATCH = 0.01, 128


class Periodic(nn.Module):  # type: ignore[misc]
    """The embedding of n numbers."""

    def __init__(self, n: int, sigma: float, kind: str) -> None:
        super().__init__()
        self.kind = kind
        k, self.width = (24, 8) if kind == "plr" else (16, 4)
        self.c, self.b = nn.Parameter(torch.randn(n, k) * sigma), nn.Parameter((2 * torch.rand(n, k) - 1) * math.pi)
        inputs, outputs = (2 * k, self.width) if kind == "plr" else (k, self.width - 1)
        self.w = nn.Parameter((2 * torch.rand(n, inputs, outputs) - 1) / math.sqrt(inputs))
        self.bias = nn.Parameter((2 * torch.rand(n, outputs) - 1) / math.sqrt(inputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(m, n) to (m, n * width)."""
        v = 2 * math.pi * self.c * x[..., None]
        if self.kind == "plr":
            e = torch.relu(torch.einsum("mnk,nkd->mnd", torch.cat([v.cos(), v.sin()], -1), self.w) + self.bias)
        else:
            e = torch.einsum("mnk,nkd->mnd", (v + self.b).cos(), self.w) + self.bias
            e = torch.cat([e, x[..., None]], -1)
        return e.flatten(1)


class Network(nn.Module):  # type: ignore[misc]
    """Dense layers on inputs of which the first ``numbers`` may be embedded."""

    def __init__(self, inputs: int, numbers: int, outputs: int, dropout: float, embedding: Periodic | None) -> None:
        super().__init__()
        self.numbers, self.embedding = numbers, embedding
        inputs += numbers * (embedding.width - 1) if embedding else 0
        layers: list[nn.Module] = []
        for width in (128, 128):
            dense = nn.Linear(inputs, width, bias=False)
            nn.init.normal_(dense.weight, std=math.sqrt(2 / inputs))
            layers += [dense, nn.BatchNorm1d(width), nn.SiLU(), nn.Dropout(dropout)]
            inputs = width
        self.dense = nn.Sequential(*layers, nn.Linear(inputs, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The scores."""
        if self.embedding is not None:
            x = torch.cat([self.embedding(x[:, : self.numbers]), x[:, self.numbers :]], 1)
        scores: torch.Tensor = self.dense(x)
        return scores


def rows_of(data: TrainingData, encoding: str) -> tuple[Any, Any, int]:
    """Encoded inputs for training and validation; of "standard" numbers come first, and are counted."""
    learned = encoding_of(data.training, encoding, 32)
    x = encode(learned, data.training.x, texts_of(learned, data.training.x, data.training.y))
    other = encode(learned, data.validation.x)
    if encoding != "standard":
        return x, other, 0
    is_number = np.array([len(np.unique(x[:, j])) > 2 for j in range(x.shape[1])])
    order = np.argsort(~is_number, kind="stable")
    return x[:, order], other[:, order], int(is_number.sum())


def fit(data: TrainingData, way: str, steps: int, dropout: float, sigma: float, seed: int) -> tuple[float, float]:
    """Validation loss (mean squared error in deviations, or cross-entropy) and seconds of training."""
    torch.manual_seed(seed)
    x, other, numbers = rows_of(data, "standard" if way in EMBEDDINGS else way)
    regression = data.n_out == 1
    y, y_other = (torch.tensor(part.y, dtype=torch.float32 if regression else torch.int64)
                  for part in (data.training, data.validation))  # fmt: skip
    loss_of = (lambda z, y: ((z[:, 0] - y) ** 2).mean()) if regression else nn.functional.cross_entropy
    embedding = Periodic(numbers, sigma, way) if way in EMBEDDINGS else None
    network = Network(x.shape[1], numbers, data.n_out, dropout, embedding)
    weights = [p for name, p in network.named_parameters() if name.startswith("dense") and p.ndim == 2]
    embedded = [] if embedding is None else list(embedding.parameters())
    known = {id(p) for p in (*weights, *embedded)}
    groups = [
        {"params": weights, "weight_decay": 0.1},
        {"params": [p for p in network.parameters() if id(p) not in known], "weight_decay": 0.0},
        {"params": embedded, "weight_decay": 0.0, "lr": _RATE * (0.1 if way == "pbld" else 1.0)},
    ]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    inputs, began, step = torch.tensor(x), time.perf_counter(), 0
    batch = min(_BATCH, len(inputs))
    while step < steps:
        order = torch.randperm(len(inputs))
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start : start + batch]
            loss = loss_of(network(inputs[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            step += 1
            if step == steps:
                break
    seconds = time.perf_counter() - began
    network.eval()
    with torch.no_grad():
        return float(loss_of(network(torch.tensor(other)), y_other)), seconds


def measured(name: str, dataset: Dataset) -> list[dict[str, Any]]:
    """A row a way of giving numbers to the network."""
    data, rows = TrainingData.of(dataset), []
    for way in (*ENCODINGS, *EMBEDDINGS):
        sigmas = SIGMAS if way in EMBEDDINGS else (0.0,)
        tried = []
        for settings in product(LENGTHS, DROPOUTS, sigmas):
            found = [fit(data, way, *settings, seed) for seed in range(SEEDS)]
            tried.append((*np.mean(found, axis=0), *settings))
        loss, seconds, steps, dropout, sigma = min(tried)
        rows.append({"table": name, "way": way, "loss": round(loss, 5), "seconds": round(seconds, 2), "steps": steps,
                     "dropout": dropout, "sigma": sigma})  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def summary() -> str:
    """The worth of each way: how much higher the lowest loss of a table is without it, in percent of it."""
    losses: dict[str, dict[str, float]] = {}
    for row in read("periodic"):
        losses.setdefault(row["table"], {})[row["way"]] = float(row["loss"])
    every, lines = (*ENCODINGS, *EMBEDDINGS), []
    for out in (*((way,) for way in every), EMBEDDINGS):
        worth = []
        for of in losses.values():
            worth.append(100 * (min(loss for way, loss in of.items() if way not in out) / min(of.values()) - 1))
        mean, median = np.mean(worth), np.median(worth)
        error = np.std(worth, ddof=1) / math.sqrt(len(worth))
        best = sum(one > 0 for one in worth)
        lines.append(f"without {' and '.join(out)}: {mean:+.1f} +- {error:.1f} % in the mean, {median:+.1f} % in the "
                     f"median, best on {best} of {len(worth)}")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, default=Path("build/tables"))
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--summary", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for table in [] if given.summary else named(given.tables, "choose"):
        dataset = dataset_of(table, given.packages, ROWS)
        if rows_of(TrainingData.of(dataset), "standard")[2]:
            merge("periodic", measured(table.name, dataset), ("table", "way"))
    print(summary())


if __name__ == "__main__":
    main()
