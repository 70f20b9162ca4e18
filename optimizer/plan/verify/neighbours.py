"""Pairs of contacts of one unit whose dates are near: a self-join on sorted keys, listing the pairs that match."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]
FAR = 10**7  # more days than any calendar holds


def neighbours(
    unit: Longs, day: Longs, other_unit: Longs, other_day: Longs, low: int, high: int
) -> tuple[Longs, Longs]:
    """Every (k, j) of one unit with low ≤ other_day[j] − day[k] ≤ high."""
    found = neighbour_counts(unit, day, other_unit, other_day, low, high)
    near = np.flatnonzero(found)
    if not len(near):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    # mostly there are few, and the rest needs no order
    others = np.flatnonzero(_among(other_unit, unit[near]))
    others = others[np.lexsort((other_day[others], other_unit[others]))]
    start, _ = _ranges(unit[near], day[near], other_unit[others], other_day[others], low, high)
    count = found[near]
    left = np.repeat(near, count)
    within = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    return left, others[np.repeat(start, count) + within]


def neighbour_counts(unit: Longs, day: Longs, other_unit: Longs, other_day: Longs, low: int, high: int) -> Longs:
    """How many j of the same unit have low ≤ other_day[j] − day[k] ≤ high, for every k."""
    counts = np.zeros(len(unit), np.int64)
    if not len(unit) or not len(other_unit):
        return counts
    near = (other_day >= int(day.min()) + low) & (other_day <= int(day.max()) + high)
    if not near.all():
        other_unit, other_day = other_unit[near], other_day[near]
    rows = np.flatnonzero(_among(unit, other_unit))
    if len(rows):
        start, end = _ranges(unit[rows], day[rows], other_unit, other_day, low, high)
        counts[rows] = end - start
    return counts


def _among(unit: Longs, others: Longs) -> NDArray[np.bool_]:
    """Which units are among the others; units are small numbers."""
    present = np.zeros(max(int(unit.max(initial=0)), int(others.max(initial=0))) + 1, dtype=bool)
    present[others] = True
    return np.asarray(present[unit], dtype=bool)


def _ranges(unit: Longs, day: Longs, other_unit: Longs, other_day: Longs, low: int, high: int) -> tuple[Longs, Longs]:
    """Where each contact's neighbours start and end among the others, sorted by unit and day."""
    first, last = int(other_day.min()), int(other_day.max())
    span = last - first + 1
    keys = np.sort(other_unit * span + (other_day - first))
    # a range is cut to the dates there are, so that it never reaches into the next unit's keys
    start_day = np.clip(day + low - first, 0, span)
    end_day = np.clip(day + high - first, -1, span - 1)
    start = np.searchsorted(keys, unit * span + start_day, side="left")
    end = np.searchsorted(keys, unit * span + end_day, side="right")
    return start, np.maximum(start, end)
