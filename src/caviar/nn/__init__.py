"""The readable truth: a dense network in NumPy, float64, one formula a function.

Notation, for the whole room
    m              examples in the mini-batch; rows are examples (the course puts them in columns: its X is our x.T)
    n_in, n_out    features in, classes out (1 in regression); also the width of one layer before and after its weights
    L              layers, counted from 1; layer L is the output layer, layers 1 .. L-1 are hidden
    x, a           what goes into a layer (m, n_in), what its activation gives (m, n)
    w, b           weights (n_in, n_out), bias (n_out,)
    z              x @ w + b (m, n_out), before the activation; the scores, or logits, of the output layer
    gamma, beta    scale and shift of batch norm (n,)
    p, y           predicted probabilities (m, n_out), true classes as integers (m,), or true numbers in regression
    J              the loss: mean over the mini-batch (see losses), with or without the L2 term
    dz             dJ/dz, the gradient of the loss by z; so for every other letter, and of the same shape
    t              training steps taken, this one included: 1, 2, ...

    s              factors of the inputs (n_in,), where they are scaled

A hidden layer is  dense -> (batch norm, or + b) -> activation -> inverted dropout;  the output layer is
dense with b -> softmax, or sigmoid, or nothing.  Parameters are named "layer1.scale"
(of scaled inputs alone), "layer1.w", "layer1.b" (or "layer1.gamma",
"layer1.beta"), ...

"Course" in a docstring is "Improving Deep Neural Networks" (A. Ng, deeplearning.ai), by week and section.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer[Any]]
Targets = npt.NDArray[Any]
"""Targets, a row an example: Labels, or float numbers in regression."""
Arrays = dict[str, FloatArray]
"""Arrays by name, in the order of the layers: parameters, gradients, running statistics or moments."""
