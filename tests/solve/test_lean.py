"""Lean cores and steps: bounds that no plan passes, steps that every sum keeps."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.problem import Problem
from optimizer.rules import compile_problem
from optimizer.solve.decomposed import decomposed, steps
from optimizer.solve.decomposed.decomposed import NotDecomposed, solve_decomposed
from optimizer.solve.decomposed.steps import common, fallen, step_of
from optimizer.solve.decomposed.structure import unsupported
from optimizer.solve.exact import solve_problem
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of
from tests.problem_check import check

GAP = 1e-6


def knapsack(seed: int) -> Problem:
    """Letters, calls and e-mails within money that is no sum of theirs."""
    random = np.random.default_rng(seed)
    cost = {"email": 0.035, "letter": 1.4, "phone": 9.1}
    customers = [f"c{k}" for k in range(60)]
    rows = [(customer, name, cost[name], random.uniform(0, 12 * cost[name])) for customer in customers for name in cost]
    appetence = pd.DataFrame(rows, columns=["customer_id", "channel", "cost", "gross_margin"]).assign(score=1.0)
    return compile_problem(
        opt.Scenario(
            name="knapsack", objective="net_margin", customers=pd.DataFrame({"customer_id": customers}),
            appetence=appetence, channels={name: {} for name in cost},
            rules=[
                {"name": "money", "budget": {"max": float(random.uniform(60, 120))}},
                {"name": "one each", "contacts": {"max": 1}},
            ],
        )
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_values_are_whole_multiples_of_their_step(seed: int) -> None:
    random = np.random.default_rng(seed)
    unit = float(random.choice([1.0, 7.0, 0.5, 0.035, 0.25, 1.4]))
    count = random.integers(-200, 200, 30)
    values = np.asarray(count * unit, float)
    step = step_of(values)
    assert step > 0
    multiples = values / step
    np.testing.assert_allclose(multiples, np.round(multiples), atol=1e-6)
    assert step / unit == pytest.approx(np.gcd.reduce(np.abs(count)), rel=1e-9)


@pytest.mark.parametrize("at_once", [1 << 20, 1_000, 7])
def test_what_comes_late_sets_the_step_too(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PART", at_once)
    early, late = np.full(2_500, 84.0), np.array([0.0, 63.0, 105.0])
    assert step_of(np.concatenate([early, late])) == 21.0
    assert step_of(np.concatenate([np.zeros(2_500), early, late])) == 21.0
    assert step_of(np.concatenate([early, late, [2.0]])) == 1.0


def test_no_step_where_values_have_none() -> None:
    assert step_of(np.array([1.0, math.pi])) == 0.0
    assert math.isinf(step_of(np.zeros(3)))
    assert math.isinf(step_of(np.empty(0)))
    assert common([math.inf, 6.0, 4.0]) == 2.0
    assert common([0.0, 6.0]) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_no_sum_lies_between_a_bound_and_what_it_falls_to(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.asarray(random.integers(0, 40, 12) * float(random.choice([1.0, 0.035, 9.1])), float)
    constant, bound = float(random.normal(0, 50)), float(random.normal(100, 60))
    chosen = np.array([[which >> k & 1 for k in range(12)] for which in range(1 << 12)])
    sums = chosen @ values + constant
    under = sums[sums <= bound]
    lowered = fallen(bound, constant, step_of(values))
    assert lowered <= bound
    assert not len(under) or under.max() <= lowered + 1e-9


@pytest.mark.parametrize("first", range(32_000, 32_120, 20))
def test_lean_cores_pass_the_exact_path_by_nothing(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decomposed, "WHOLE", 0)
    monkeypatch.setattr(decomposed, "CORE", 8)
    for seed in range(first, first + 20):
        problem = compile_problem(scenario_of(case(seed)))
        if unsupported(problem):
            continue
        try:
            lean = solve_decomposed(problem, gap=GAP, time_limit=20)
        except NotDecomposed:
            continue
        exact = solve_problem(problem, gap=GAP, time_limit=20)
        if exact.status == "infeasible":
            assert lean.status in ("infeasible", "no_plan"), seed
            continue
        scale = max(1.0, abs(exact.objective))
        assert lean.bound >= exact.objective - 2e-6 * scale, seed
        if lean.status == "no_plan":
            continue
        assert lean.objective <= exact.bound + 2e-6 * scale, seed
        assert check(problem, lean.contacts, lean.spend).accepted, seed


@pytest.mark.parametrize("seed", range(12))
def test_bounds_between_steps_bind_as_the_step_below(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets a little above what a whole number of contacts costs allow no more than that."""
    monkeypatch.setattr(decomposed, "WHOLE", 0)
    problem = knapsack(seed)
    lean = solve_decomposed(problem, gap=1e-9, time_limit=20)
    exact = solve_problem(problem, gap=1e-9, time_limit=20)
    assert lean.status == "optimal", seed
    assert lean.objective == pytest.approx(exact.objective, rel=1e-6)
    assert lean.bound >= exact.objective - 1e-9 * abs(exact.objective)
    row = problem.coupling[0]
    below = replace(problem, coupling=[replace(row, upper=math.floor(row.upper / 0.035 + 1e-6) * 0.035)])
    again = solve_decomposed(below, gap=1e-9, time_limit=20)
    assert again.objective == pytest.approx(lean.objective, rel=1e-9)
