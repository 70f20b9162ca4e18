"""The decomposed path against the exact one, on random scenarios; what it refuses goes the other way."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.problem import Problem
from optimizer.rules import compile_problem
from optimizer.solve.decomposed.decomposed import NotDecomposed, solve_decomposed
from optimizer.solve.decomposed.structure import unsupported
from optimizer.solve.exact import solve_problem
from optimizer.solve.solution import Solution
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of

GAP = 1e-6


def both(seed: int) -> tuple[Problem, Solution, Solution] | None:
    """The problem of a seed solved both ways, None where the decomposed path refuses it."""
    problem = compile_problem(scenario_of(case(seed)))
    if unsupported(problem):
        return None
    try:
        priced = solve_decomposed(problem, gap=GAP, time_limit=20)
    except NotDecomposed:
        return None
    return problem, priced, solve_problem(problem, gap=GAP, time_limit=20)


@pytest.mark.parametrize("first", range(30_000, 30_080, 8))
def test_both_ways_agree(first: int) -> None:
    for seed in range(first, first + 8):
        if (solved := both(seed)) is None:
            continue
        _, priced, exact = solved
        if exact.status == "infeasible":
            assert priced.status in ("infeasible", "no_plan"), seed
            continue
        if priced.status == "no_plan":
            continue  # the exact path is asked then
        allowance = 2e-6 * max(1.0, abs(exact.objective))
        assert priced.bound >= exact.objective - allowance, seed
        assert priced.objective <= exact.bound + allowance, seed
        assert priced.objective >= exact.objective - 10 * allowance, seed
        assert np.isfinite(priced.bound), seed
