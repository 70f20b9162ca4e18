"""Exact answers by grids and enumeration, from the formulas alone: nothing here calls the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Response = Callable[[Floats], Floats]


def hill(top: float, half: float, slope: float) -> Response:
    """Return s ↦ top · s^slope / (half^slope + s^slope)."""
    return lambda s: top * np.asarray(s, float) ** slope / (half**slope + np.asarray(s, float) ** slope)


def saturated(shape: Response, reference: float, z_ref: float) -> Response:
    """Return z ↦ z_ref · min(r, φ(r)), φ(r) = R(r · reference) / R(reference), r = z / z_ref; z itself where z ≤ 0."""

    def keep(z: Floats) -> Floats:
        r = np.maximum(z, 0.0) / z_ref
        return np.where(z > 0, z_ref * np.minimum(r, shape(r * reference) / shape(np.asarray(reference))), z)

    return keep


def allocate(responses: Sequence[Response], budget: float, steps: int) -> tuple[float, Floats]:
    """Split at most ``budget`` over media to maximise Σ (response − spend), on a grid of ``steps`` equal amounts.

    Dynamic programme over media: best(k, b) = max over s ≤ b of net_k(s) + best(k − 1, b − s).

    Returns
    -------
    (value, spend)
        Of the best grid point; the true optimum is at least ``value``.
    """
    grid = np.linspace(0.0, budget, steps + 1)
    best, choices = np.zeros(steps + 1), []
    for response in responses:
        net = response(grid) - grid
        value, choice = best + net[0], np.zeros(steps + 1, np.int64)
        for k in range(1, steps + 1):
            moved = best[: steps + 1 - k] + net[k]
            better = moved > value[k:]
            value[k:][better] = moved[better]
            choice[k:][better] = k
        best = value
        choices.append(choice)
    at = int(best.argmax())
    value_found, spend = float(best[at]), np.zeros(len(responses))
    for position in range(len(responses) - 1, -1, -1):
        spend[position] = grid[choices[position][at]]
        at -= int(choices[position][at])
    return value_found, spend


def best_split(first: Response, second: Response, budget: float, steps: int = 2000, rounds: int = 4) -> float:
    """Maximise first(s) − s + second(t) − t over s + t ≤ budget: a grid, then finer grids around its best point.

    Spending less than the budget may be best, so both amounts are free.
    """
    low, high = np.zeros(2), np.full(2, max(budget, 0.0))
    best = 0.0
    for _ in range(rounds):
        s, t = (np.linspace(low[k], high[k], steps + 1) for k in range(2))
        net_s, net_t = first(s) - s, second(t) - t
        # For every s the largest t left over; a running best of net_t answers at once.
        running = np.maximum.accumulate(net_t)
        where = np.maximum.accumulate(np.where(net_t >= running, np.arange(steps + 1), 0))
        room = np.searchsorted(t, budget - s + 1e-12 * max(budget, 1.0), side="right") - 1
        fits = room >= 0
        value = np.where(fits, net_s + running[np.maximum(room, 0)], -np.inf)
        # All the money: t exactly what s leaves.
        left = budget - s
        exact = np.where(left >= 0, net_s + second(np.maximum(left, 0.0)) - np.maximum(left, 0.0), -np.inf)
        k = int(np.maximum(value, exact).argmax())
        best = max(best, float(value[k]), float(exact[k]))
        t_best = left[k] if exact[k] >= value[k] else t[where[room[k]]]
        width = 2.0 * (high - low) / steps
        centre = np.asarray([s[k], t_best])
        low, high = np.maximum(centre - width, 0.0), np.minimum(centre + width, budget)
    return best
