"""Regions: one shape, a strength of its own each, pulled towards the common one as far as the data are thin.

A region's responses to a channel are the common curve, a unit of its size, times m_rc. Least squares in each region
give m̂ with variance v; the spread τ² of true strengths is what remains of Σ (m̂ − 1)² / v beyond chance (DerSimonian
and Laird 1986, with known mean 1); m_rc is then the posterior mode under m ~ N(1, τ²), m ≥ 0 (empirical Bayes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """Strengths (regions × channels, 1 = as the others), their spread τ, and what they shift each region's level by."""

    strength: Floats
    spread: Floats
    shift: Floats


def no_pool(channels: int, regions: int = 1) -> Pool:
    """Every region as the common curve says."""
    return Pool(np.ones((regions, channels)), np.zeros(channels), np.zeros(regions))


def pooled(contributions: Floats, rest: Floats, region: Integers, regions: int, *, levels: bool) -> Pool:
    """Strengths of every region.

    Parameters
    ----------
    contributions : array of float, shape (rows, channels)
        What each channel adds by the common curve, a unit of size.
    rest : array of float
        The response less the baseline, a unit of size.
    region : array of int
    regions : int
    levels : bool
        Whether each region has a level of its own.
    """
    channels = contributions.shape[1]
    if regions == 1:
        return no_pool(channels)
    parts = []
    for code in range(regions):
        rows = region == code
        x, y = contributions[rows], rest[rows]
        if levels:
            x, y = x - x.mean(axis=0), y - y.mean()
        parts.append((x, y))
    spread = _spread(parts, levels)
    strength = np.ones((regions, channels))
    shift = np.zeros(regions)
    for code, (x, y) in enumerate(parts):
        strength[code] = _strength(x, y, spread, levels)
        if levels:
            rows = region == code
            shift[code] = float(np.mean(rest[rows] - contributions[rows] @ strength[code]))
    return Pool(strength, spread, shift)


def _spread(parts: list[tuple[Floats, Floats]], levels: bool) -> Floats:
    """τ of every channel."""
    channels = parts[0][0].shape[1]
    excess, weight = np.zeros(channels), np.zeros(channels)
    for x, y in parts:
        live = _live(x)
        free = len(y) - len(live) - levels
        if not len(live) or free < 3:
            continue
        inverse = np.linalg.pinv(x[:, live].T @ x[:, live])
        found = inverse @ (x[:, live].T @ y)
        noise = max(float(np.sum((y - x[:, live] @ found) ** 2)) / free, 1e-12 * float(y @ y) / len(y))
        precision = 1.0 / np.maximum(np.diag(inverse) * noise, 1e-300)
        # The noise is estimated, so what chance alone makes of it is the mean of a squared t, not 1.
        excess[live] += precision * (found - 1.0) ** 2 - free / (free - 2.0)
        weight[live] += precision
    return np.sqrt(np.maximum(excess, 0.0) / np.where(weight > 0, weight, 1.0))


def _strength(x: Floats, y: Floats, spread: Floats, levels: bool) -> Floats:
    """The posterior mode of one region."""
    found = np.ones(x.shape[1])
    free = [at for at in _live(x) if spread[at] > 1e-6]
    if not free:
        return found
    fixed = [at for at in range(x.shape[1]) if at not in free]
    y = y - x[:, fixed].sum(axis=1)
    noise = float(np.sqrt(max(np.sum((y - x[:, free].sum(axis=1)) ** 2) / max(len(y) - levels, 1), 1e-300)))
    pull = 1.0 / spread[free]
    found[free] = nnls(np.vstack((x[:, free] / noise, np.diag(pull))), np.concatenate((y / noise, pull)))[0]
    return found


def _live(x: Floats) -> list[int]:
    """Channels that this region can tell anything about."""
    norms = np.linalg.norm(x, axis=0)
    return [at for at in range(x.shape[1]) if norms[at] > 1e-9 * max(float(norms.max()), 1e-300)]
