"""Input scaling: every input is multiplied by a factor that is learned, so that a network can turn columns down.

Notation
    x (m, n_in)   the inputs, after their dropout;  s (n_in,)  the factors, 1 at the start
    out           what the first layer gets, x * s;  dout = dJ/dout, and so on

The factors learn ``input_scaling_rate`` times as quickly as everything else, and neither the L2 term nor weight decay
pulls at them. A factor and a dropout mask are both multiplied, so that it does not matter which comes first. What is
predicted is x @ (s[:, None] * w): the factors go into the first layer's weights, exactly.

A faster way to the same numbers, for engines: with v = s[:, None] * w in the place of w no scaled x is needed, and
ds = (w * dv).sum(axis=1), dw = s[:, None] * dv, because ds[j] = sum_i x[i, j] sum_k dz[i, k] w[j, k] and
dv[j, k] = sum_i x[i, j] dz[i, k]: the first layer's dx is not needed either.

Source: Holzmueller et al., Better by default: strong pre-tuned MLPs and boosted trees on tabular data, 2024
(arXiv 2407.04491), section 3 and appendix A, "scaling layer"; the factor 6 is that of RealMLP-TD.
"""

from __future__ import annotations

from caviar.nn import FloatArray


def input_scaling_forward(x: FloatArray, s: FloatArray) -> FloatArray:
    """out = x * s (m, n_in)."""
    return x * s


def input_scaling_backward(dout: FloatArray, x: FloatArray) -> FloatArray:
    """ds (n_in,) = the sum of x * dout over the examples; what is below the inputs needs no gradient."""
    ds: FloatArray = (x * dout).sum(axis=0)  # each s[j] reaches all of out[:, j]
    return ds


def fold_scale(w: FloatArray, s: FloatArray) -> FloatArray:
    """The first layer's weights (n_in, n_out) for inputs that are not scaled: row j times s[j]."""
    return s[:, None] * w
