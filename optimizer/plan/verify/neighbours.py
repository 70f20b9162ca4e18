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
    if not len(unit) or not len(other_unit):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    start, end = neighbour_ranges(unit, day, other_unit, other_day, low, high)
    order = np.lexsort((other_day, other_unit))
    count = end - start
    left = np.repeat(np.arange(len(unit)), count)
    within = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    return left, order[start[left] + within]


def neighbour_counts(unit: Longs, day: Longs, other_unit: Longs, other_day: Longs, low: int, high: int) -> Longs:
    """How many j of the same unit have low ≤ other_day[j] − day[k] ≤ high, for every k."""
    if not len(unit) or not len(other_unit):
        return np.zeros(len(unit), np.int64)
    start, end = neighbour_ranges(unit, day, other_unit, other_day, low, high)
    return end - start


def neighbour_ranges(
    unit: Longs, day: Longs, other_unit: Longs, other_day: Longs, low: int, high: int
) -> tuple[Longs, Longs]:
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
