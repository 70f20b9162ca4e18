"""The benchmarks' own truth, against brute force on small grids."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.benchmarks import joint, media
from tests.benchmarks.truth import allocate, best_split, hill, saturated


@pytest.mark.parametrize("seed", range(6))
def test_allocation_is_the_best_of_all_grid_points(seed: int) -> None:
    random = np.random.default_rng(seed)
    curves = [hill(random.uniform(20, 80), random.uniform(5, 20), random.uniform(1, 3.5)) for _ in range(3)]
    budget, steps = 40.0, 20
    value, spend = allocate(curves, budget, steps)
    grid = np.linspace(0, budget, steps + 1)
    every = max(
        sum(float(curve(s)) - s for curve, s in zip(curves, point, strict=True))
        for point in itertools.product(grid, repeat=3)
        if sum(point) <= budget + 1e-9
    )
    assert value == pytest.approx(every, rel=1e-12)
    assert spend.sum() <= budget + 1e-9
    assert value == pytest.approx(sum(float(c(s)) - s for c, s in zip(curves, spend, strict=True)))


@pytest.mark.parametrize("seed", range(6))
def test_the_best_split_beats_every_point_of_a_fine_grid(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = (hill(random.uniform(20, 200), random.uniform(10, 80), random.uniform(1.2, 3.5)) for _ in range(2))
    budget = float(random.uniform(10, 150))
    s, t = np.meshgrid(np.linspace(0, budget, 801), np.linspace(0, budget, 801))
    grid = float(np.where(s + t <= budget, first(s) - s + second(t) - t, -np.inf).max())
    found = best_split(first, second, budget)
    assert found >= grid - 1e-9
    assert found <= grid + 1e-4 * max(1.0, abs(grid))


def test_saturation_by_hand() -> None:
    keep = saturated(hill(1.0, 1.0, 1.0), 1.0, 10.0)  # φ(r) = 2r / (1 + r)
    assert keep(np.asarray([-2.0, 0.0, 5.0, 10.0, 30.0])).tolist() == pytest.approx([-2, 0, 5, 10, 15])


@pytest.mark.parametrize("seed", range(3))
def test_the_engine_meets_the_truth(seed: int) -> None:
    small = joint.run(seed)
    assert small.difference <= 1e-4
    assert small.bound >= small.truth * (1 - 1e-9)
    eight = media.run(seed, steps=1000)
    assert eight.share >= 0.9995
    assert eight.bound >= eight.truth * (1 - 1e-9)
