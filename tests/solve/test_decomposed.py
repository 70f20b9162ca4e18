"""The decomposed path against the exact one, on random scenarios; what it refuses goes the other way."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from optimizer.problem import Expression, Problem, Weights
from optimizer.rules import compile_problem
from optimizer.solve.decomposed import decomposed, prepared, tree
from optimizer.solve.decomposed.decomposed import NotDecomposed, solve_decomposed
from optimizer.solve.decomposed.structure import read_structure, unsupported
from optimizer.solve.diagram import batches
from optimizer.solve.diagram.bonds import reaches_of
from optimizer.solve.diagram.diagrams import build_diagrams
from optimizer.solve.exact import solve_problem
from optimizer.solve.solution import Solution
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of
from tests.problem_check import check
from tests.solve.diagram.rich import rich_problem

GAP = 1e-6


def both(problem: Problem) -> tuple[Solution, Solution] | None:
    """A problem solved both ways, None where the decomposed path refuses it."""
    if unsupported(problem):
        return None
    try:
        priced = solve_decomposed(problem, gap=GAP, time_limit=20)
    except NotDecomposed:
        return None
    return priced, solve_problem(problem, gap=GAP, time_limit=20)


def without_structure(problem: Problem) -> Problem:
    """The problem without openings and tiers, which would hide what combined responses and reached customers do."""

    def plain(expression: Expression) -> Expression:
        return replace(expression, opened={}, tiered=[])

    coupling = [replace(row, expression=plain(row.expression)) for row in problem.coupling]
    return replace(problem, openings=[], price_cells=[], objective=plain(problem.objective), coupling=coupling)


def compare(seed: int, problem: Problem, *, loses: float | None = 2e-5) -> bool:
    """Hold both answers against each other; whether there were two."""
    if (solved := both(problem)) is None:
        return False
    priced, exact = solved
    if exact.status == "infeasible":
        assert priced.status in ("infeasible", "no_plan"), seed
        return True
    assert priced.bound >= exact.objective - 2e-6 * max(1.0, abs(exact.objective)), seed
    if priced.status == "no_plan":
        return True  # the exact path is asked then
    scale = max(1.0, abs(exact.objective))
    assert priced.objective <= exact.bound + 2e-6 * scale, seed
    if loses is not None and not any(block.parts for block in read_structure(problem).blocks):
        assert priced.objective >= exact.objective - loses * scale, seed
    assert np.isfinite(priced.bound), seed
    return True


@pytest.mark.parametrize("first", range(30_000, 30_160, 8))
def test_both_ways_agree(first: int) -> None:
    for seed in range(first, first + 8):
        compare(seed, compile_problem(scenario_of(case(seed))))


@pytest.mark.parametrize("first", range(31_000, 31_200, 40))
def test_combined_responses_and_reached_customers_agree(first: int) -> None:
    tried = 0
    for seed in range(first, first + 40):
        problem = without_structure(compile_problem(scenario_of(case(seed))))
        if problem.responses.combine != "additive" or reaches_of(problem):
            tried += compare(seed, problem)
    assert tried > 2


@pytest.mark.parametrize("first", range(30_000, 30_080, 20))
def test_the_tree_bounds_what_the_exact_path_finds(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decomposed, "WHOLE", -1)
    monkeypatch.setattr(tree, "NODES", 40)
    tried = 0
    for seed in range(first, first + 20):
        problem = compile_problem(scenario_of(case(seed)))
        if problem.openings or problem.media or problem.price_cells:
            tried += compare(seed, problem, loses=None)
    assert tried > 4


@pytest.mark.parametrize("first", range(30_000, 30_060, 20))
def test_a_fallback_keeps_its_bound_and_breaks_no_rule(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "FEW_STATES", 0)
    monkeypatch.setattr(prepared, "build_diagrams", partial(build_diagrams, limit=2))
    for seed in range(first, first + 20):
        compare(seed, compile_problem(scenario_of(case(seed))), loses=None)


def test_a_fallback_says_whom_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "FEW_STATES", 0)
    monkeypatch.setattr(prepared, "build_diagrams", partial(build_diagrams, limit=2))
    said = []
    for seed in range(15):
        problem = rich_problem(seed)
        value = Expression(responses={"responses": [Weights()]})
        try:
            solution = solve_decomposed(replace(problem, objective=value), gap=GAP, time_limit=20)
        except NotDecomposed:
            continue
        if solution.status in ("optimal", "feasible"):
            said += [note for note in solution.notes if "by a fallback" in note]
            assert check(problem, solution.contacts, solution.spend).accepted, seed
    assert any(re.search(r"([\d,]+) of ([\d,]+) customers by a fallback", note) for note in said)
