"""Parametric activation: every unit learns how much of the activation it wants, from none of it to more than all.

Notation
    z (m, n)     before the activation g;  g (m, n)  is g(z), and slope (m, n) its derivative
    alpha (n,)   the share of the activation, 1 at the start
    a = (1 - alpha) z + alpha g(z);  da = dJ/da, and so on

The shares learn ``RATE`` times as quickly as everything else, and neither the L2 term nor weight decay pulls at them.

Source: Holzmueller et al., Better by default: strong pre-tuned MLPs and boosted trees on tabular data, 2024
(arXiv 2407.04491), appendix A and B.1; the factor is that of RealMLP-TD.
"""

from __future__ import annotations

from caviar.nn import FloatArray

RATE = 0.1


def parametric_forward(z: FloatArray, g: FloatArray, alpha: FloatArray) -> FloatArray:
    """a = z + alpha (g - z) (m, n)."""
    return z + alpha * (g - z)


def parametric_backward(
    da: FloatArray, z: FloatArray, g: FloatArray, slope: FloatArray, alpha: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(dz, dalpha): dz = da (1 - alpha + alpha slope), dalpha (n,) = the sum of da (g - z) over the examples."""
    dz = da * (1 - alpha + alpha * slope)  # (m, n)  z reaches a by itself and through g
    dalpha: FloatArray = (da * (g - z)).sum(axis=0)  # (n,)  each alpha[j] reaches all of a[:, j]
    return dz, dalpha
