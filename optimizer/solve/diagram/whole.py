"""Weights and bounds as whole numbers of a quantum, so that equal sums are equal states.

    Σ w x ≤ upper   ⇔   Σ round(w / q) x ≤ floor((upper + tolerance) / q)

``q`` is exact for weights that are multiples of a simple fraction or of a decimal; otherwise it is so small that the
rounding of all weights together stays inside the tolerance of hard bounds.
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import Floats, Ints, Weights
from optimizer.solve.diagram.compiled import Int64

#: Part of a bound (at least of 1) by which sums may exceed it, as the exact path has it.
TOLERANCE = 1e-9
#: A bound that nothing reaches.
FAR = 1 << 60
_DENOMINATORS = (*range(1, 61), 100, 120, 180, 200, 250, 360, 500, 1000, 10_000, 100_000, 1_000_000)


def quantum(weights: Floats, slots: int) -> float:
    """The quantum for these weights, of which at most ``slots`` are summed."""
    distinct = np.unique(np.abs(weights))
    distinct = distinct[distinct > 0]
    if not len(distinct):
        return 1.0
    for denominator in _DENOMINATORS if len(distinct) <= 100_000 else ():
        scaled = distinct * denominator
        nearest = np.rint(scaled)
        if nearest[0] >= 1 and nearest[-1] < 2**40 and (np.abs(scaled - nearest) <= 1e-12 * nearest).all():
            return float(np.gcd.reduce(nearest.astype(np.int64)) / denominator)
    return max(TOLERANCE / (4 * max(slots, 1)), float(distinct[-1]) * slots / 2**58)


def whole(weights: Floats, q: float) -> Int64:
    """Weights as whole numbers of the quantum."""
    return np.rint(weights / q).astype(np.int64)


def whole_caps(upper: Floats, q: float, soft: bool) -> tuple[Int64, Floats]:
    """Upper bounds as whole numbers of the quantum, and the part of a quantum that a soft bound has beyond them."""
    if not soft:
        with np.errstate(invalid="ignore"):
            units = np.floor((upper + TOLERANCE * np.maximum(1.0, np.abs(upper))) / q)
        return np.clip(np.nan_to_num(units, nan=FAR, posinf=FAR, neginf=-FAR), -FAR, FAR).astype(np.int64), np.zeros(
            len(upper)
        )
    units = np.clip(np.floor(upper / q + 1e-6), -FAR, FAR)
    rest = np.where(np.abs(units) < FAR, upper / q - units, 0.0)
    return units.astype(np.int64), np.where(rest > 1e-6, rest, 0.0)


def on_rows(weights: Weights, customer: Ints, activity: Ints, pair: Ints) -> Floats:
    """Weights on some contacts; where the weights have a pair part, ``pair`` must be known (≥ 0)."""
    value = np.full(len(customer), weights.factor)
    if weights.activity is not None:
        value *= weights.activity[activity]
    if weights.customer is not None:
        value *= weights.customer[customer]
    if weights.pair is not None:
        value *= weights.pair[pair]
    return value
