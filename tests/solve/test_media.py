"""Media of every form of curve and any scale, spend-or-zero among them, against a dynamic programme on a grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.problem import CouplingRow, Expression, Medium, Opening, Problem, Responses, Soft, Units
from optimizer.scenario.curves import Curve, Hill, Log, Logistic, MichaelisMenten, Points, Power
from optimizer.solve.exact import solve_problem
from optimizer.solve.spend_caps import most_spend
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


def test_a_maximum_that_means_no_limit_hides_nothing():
    """A maximum of 1e9 beside a budget of 1,000, with a fixed cost: not spending was called the best there is."""
    medium = Medium("search", 0.0, 1e9, False, Hill(2000.0, 100.0, 2.0))
    plain = _problem(1000.0, [medium])
    problem = replace(
        plain, openings=[Opening("search", None, 0)], objective=plain.objective + Expression(opened={0: -1.0})
    )
    solution = solve_problem(problem, gap=GAP)
    money = np.linspace(0.0, 1000.0, 100_001)[1:]
    best = float((medium.curve.value(money) - money).max()) - 1.0
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(best, rel=2 * GAP)
    assert solution.bound >= best


def test_only_hard_rows_of_terms_above_zero_cap_what_a_medium_receives():
    media = [Medium(f"m{k}", low, 100.0, False, MichaelisMenten(500.0, 2.0)) for k, low in enumerate((0.0, 30.0))]
    problem = _problem(50.0, media)
    assert most_spend(problem) == pytest.approx([50.0, 50.0], rel=1e-5)

    def capped(**keys: Any) -> list[float]:
        return most_spend(replace(problem, coupling=[replace(problem.coupling[0], **keys)])).tolist()

    assert capped(soft=Soft(1.0)) == [100.0, 100.0]
    assert capped(soft=Soft(1.0, max_side=False))[0] < 51.0
    assert capped(expression=Expression(spend={0: 1.0, 1: -1.0})) == [100.0, 100.0]
    assert capped(expression=Expression(spend={0: 2.0}, constant=10.0)) == pytest.approx([20.0, 100.0], rel=1e-5)
    assert capped(upper=20.0) == pytest.approx([20.0, 30.0], rel=1e-5)  # never below what it must receive


@pytest.mark.parametrize("curve", [Hill(2000.0, 100.0, 2.0), Power(5.0, 0.1), MichaelisMenten(40.0, 3.0)], ids=str)
@pytest.mark.parametrize("fixed", [0.0, 0.1, 1.0, 3_000.0])
def test_without_any_budget_money_is_worth_what_it_brings(curve: Curve, fixed: float):
    """No row limits a maximum of 1e9: the plan is still the best of a fine grid, and the bound holds."""
    plain = _problem(1.0, [Medium("search", 0.0, 1e9, False, curve)])
    objective = plain.objective + Expression(opened={0: -fixed})
    problem = replace(plain, coupling=[], openings=[Opening("search", None, 0)], objective=objective)
    solution = solve_problem(problem, gap=GAP)
    money = np.geomspace(1e-7, 1e4, 400_001)
    best = max(float((curve.value(money) - money).max()) - fixed, 0.0)
    assert solution.bound >= best - 1e-9
    assert solution.objective == pytest.approx(best, rel=3 * GAP, abs=1e-6)


def test_money_that_a_rule_asks_for_is_not_capped_by_its_worth():
    problem = _problem(1e9, [Medium("tv", 0.0, 100.0, False, MichaelisMenten(5.0, 2.0))])
    floor = CouplingRow("floor", "", Expression(spend={0: 1.0}), 60.0, np.inf)
    assert most_spend(problem)[0] < 6.0
    assert most_spend(replace(problem, coupling=[*problem.coupling, floor]))[0] == 100.0
    leads = replace(floor, expression=Expression(yields={0: 1.0}), lower=1.0)
    assert most_spend(replace(problem, coupling=[*problem.coupling, leads]))[0] == 100.0
    share = replace(floor, expression=Expression(spend={0: -1.0}, constant=50.0), lower=-np.inf, upper=10.0)
    assert most_spend(replace(problem, coupling=[*problem.coupling, share]))[0] == 100.0


def test_a_medium_that_can_receive_nothing_pays_no_fixed_cost():
    """A minimum budget is not met by a fixed cost that nobody pays."""
    plain = _problem(10.0, [Medium("tv", 0.0, 0.0, False, MichaelisMenten(5.0, 2.0))])
    row = CouplingRow("floor", "", Expression(spend={0: 1.0}, opened={0: 3.0}), 2.0, np.inf)
    solution = solve_problem(replace(plain, openings=[Opening("tv", None, 0)], coupling=[row]), gap=GAP)
    assert solution.status == "infeasible"
