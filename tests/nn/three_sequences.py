"""Schedule-free AdamW as its paper writes it, in float64 and with x, y and z as three arrays of their own.

Source: Defazio et al., The road less scheduled, 2024, algorithm 1, with Adam's correction of the second moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch


class ThreeSequences:
    """An optimiser with the members of torch.optim that tests use. The parameters that it is given hold y."""

    def __init__(self, groups: Iterable[Mapping[str, Any]], lr: float, betas: tuple[float, float], eps: float) -> None:
        self.lr, self.betas, self.eps = lr, betas, eps
        self.weight_of_steps, self.t = 0.0, 0
        self.parameters = [
            (y, group.get("lr", lr) / lr, group["weight_decay"]) for group in groups for y in group["params"]
        ]
        self.x = {y: y.detach().clone() for y, _, _ in self.parameters}
        self.z = {y: y.detach().clone() for y, _, _ in self.parameters}
        self.v = {y: torch.zeros_like(y) for y, _, _ in self.parameters}

    def zero_grad(self) -> None:
        for y, _, _ in self.parameters:
            y.grad = None

    @torch.no_grad()
    def step(self) -> None:
        beta1, beta2 = self.betas
        self.t += 1
        self.weight_of_steps += self.lr**2
        c = self.lr**2 / self.weight_of_steps if self.lr else 0.0
        for y, share, decay in self.parameters:
            gamma = share * self.lr
            self.v[y] = beta2 * self.v[y] + (1 - beta2) * y.grad**2
            root = torch.sqrt(self.v[y] / (1 - beta2**self.t))
            self.z[y] = self.z[y] - gamma * y.grad / (root + self.eps) - gamma * decay * y
            self.x[y] = (1 - c) * self.x[y] + c * self.z[y]
            y.copy_((1 - beta1) * self.z[y] + beta1 * self.x[y])
