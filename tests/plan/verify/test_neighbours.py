"""Contacts of one unit whose dates are near, against every pair looked at."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.plan.verify.neighbours import FAR, neighbour_counts, neighbours


@pytest.mark.parametrize("seed", range(200))
def test_every_near_pair_and_no_other(seed: int) -> None:
    random = np.random.default_rng(seed)
    unit, other_unit = (random.integers(0, 5, random.integers(0, 9)) for _ in range(2))
    day, other_day = (random.integers(-3, 12, len(units)) for units in (unit, other_unit))
    low = int(random.choice([-FAR, -4, -1, 0, 1]))
    high = int(random.choice([-1, 0, 1, 5, FAR]))
    wanted = [
        (k, j)
        for k in range(len(unit))
        for j in range(len(other_unit))
        if unit[k] == other_unit[j] and low <= other_day[j] - day[k] <= high
    ]
    left, right = neighbours(unit, day, other_unit, other_day, low, high)
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == wanted
    assert left.tolist() == sorted(left.tolist()), "in the order of the first"
    counts = neighbour_counts(unit, day, other_unit, other_day, low, high)
    assert counts.tolist() == [sum(k == first for first, _ in wanted) for k in range(len(unit))]
