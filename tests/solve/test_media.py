"""Media of every form of curve and any scale, spend-or-zero among them, against a dynamic programme on a grid."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.problem import CouplingRow, Expression, Medium, Problem, Responses, Units
from optimizer.scenario.curves import Curve, Hill, Log, Logistic, MichaelisMenten, Points, Power
from optimizer.solve.exact import solve_problem
from tests.benchmarks.truth import Response, allocate

GAP = 1e-5
STEPS = 800


def _curve(random: np.random.Generator, budget: float) -> Curve:
    half = random.uniform(0.02, 0.6) * budget
    top = half * random.uniform(0.5, 6.0)
    kind = int(random.integers(6))
    if kind == 0:
        return Hill(top, half, random.uniform(0.4, 4.0))
    if kind == 1:
        return Logistic(top, random.uniform(0.5, 5.0) / half)
    if kind == 2:
        return MichaelisMenten(top, half)
    if kind == 3:
        return Log(top / 2, half)
    if kind == 4:
        exponent = random.uniform(0.3, 1.0)
        return Power(top * half**-exponent, exponent)
    x, y = np.sort(random.uniform(0.01, 1.0, 5)) * budget, np.cumsum(random.uniform(0.0, 1.0, 5))
    return Points(tuple(zip(x.tolist(), (y * top / y[-1]).tolist(), strict=True)))


def _media(seed: int) -> tuple[float, list[Medium]]:
    random = np.random.default_rng(seed)
    budget = float(10 ** random.uniform(-2, 7))
    media = []
    for k in range(int(random.integers(1, 7))):
        or_zero = bool(random.random() < 0.4)
        low = float(random.uniform(0, 0.15) * budget) if or_zero else 0.0
        media.append(Medium(f"medium {k}", low, budget, or_zero, _curve(random, budget)))
    return budget, media


def _problem(budget: float, media: list[Medium]) -> Problem:
    """Maximise what the media yield less what they cost, within the budget; no customers."""
    none, nothing = np.empty(0, np.int32), np.empty(0)
    money = {row: 1.0 for row in range(len(media))}
    return Problem(
        name="media",
        customer_names=[],
        activity_names=[],
        customer=none,
        activity=none,
        removed=np.empty(0, bool),
        order=none,
        units=Units("customer", none, []),
        responses=Responses({"responses": nothing}, nothing, "additive", none, none, none),
        local=[],
        coupling=[CouplingRow("budget", "", Expression(spend=money), -np.inf, budget)],
        cells=[],
        price_cells=[],
        openings=[],
        media=media,
        objective=Expression(spend={row: -1.0 for row in money}, yields=money),
    )


def _response(medium: Medium) -> Response:
    def value(s: np.ndarray) -> np.ndarray:
        s = np.asarray(s, float)
        return np.where((s == 0) | (s >= medium.low), medium.curve.value(s), -1e300)

    return value


@pytest.mark.parametrize("seed", range(24))
def test_media_close_on_their_true_curves(seed: int) -> None:
    budget, media = _media(seed)
    grid, _ = allocate([_response(medium) for medium in media], budget, STEPS)
    solution = solve_problem(_problem(budget, media), gap=GAP, time_limit=60)
    spend = solution.spend
    worth = sum(float(medium.curve.value(s)) - s for medium, s in zip(media, spend, strict=True))
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(worth, rel=1e-9, abs=1e-9 * budget)
    assert spend.sum() <= budget * (1 + 1e-9)
    for medium, s in zip(media, spend, strict=True):
        assert s == 0 or medium.low * (1 - 1e-9) <= s <= medium.high * (1 + 1e-9)
    assert solution.bound >= grid - 1e-9 * abs(grid)
    assert solution.objective >= grid - 2 * GAP * abs(grid) - 1e-9 * budget
