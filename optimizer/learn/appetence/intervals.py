"""Intervals of rates: Wilson's, which hold for small counts and rates near zero (Wilson, JASA 22, 1927)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]


def wilson(responses: Floats, contacts: Floats, level: float = 0.9) -> tuple[Floats, Floats]:
    """Low and high ends for responses / contacts; 0 and 1 where nothing was contacted."""
    z = float(norm.ppf(0.5 + level / 2))
    n = np.maximum(contacts, 1e-300)
    rate, share = responses / n, z * z / n
    centre = (rate + share / 2) / (1 + share)
    half = np.sqrt(rate * (1 - rate) * share + share * share / 4) / (1 + share)
    low, high = np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
    return np.where(contacts > 0, low, 0.0), np.where(contacts > 0, high, 1.0)
