"""A first plan where time is over at once: it keeps every rule and its bound, and where there is none it says so."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from optimizer.problem import CouplingRow, Expression, Problem, Weights
from optimizer.rules import compile_problem
from optimizer.solve.decomposed.decomposed import NotDecomposed, solve_decomposed
from optimizer.solve.decomposed.structure import unsupported
from optimizer.solve.exact import solve_problem
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of
from tests.problem_check import check


@pytest.mark.parametrize("first", range(32_000, 32_040, 20))
def test_a_plan_without_any_core_keeps_the_rules_and_its_bound(first: int) -> None:
    found = possible = 0
    for seed in range(first, first + 20):
        problem = compile_problem(scenario_of(case(seed)))
        if unsupported(problem):
            continue
        try:
            quick = solve_decomposed(problem, gap=1e-6, time_limit=1e-9, stop=None)
        except NotDecomposed:
            continue
        exact = solve_problem(problem, gap=1e-6, time_limit=20)
        if exact.status == "infeasible":
            assert quick.status in ("infeasible", "no_plan"), seed
            continue
        possible += 1
        scale = 2e-6 * max(1.0, abs(exact.objective))
        assert quick.bound >= exact.objective - scale, seed
        if quick.status == "no_plan":
            assert any(note.startswith("no first plan") for note in quick.notes), seed
            continue
        found += 1
        assert check(problem, quick.contacts, quick.spend).accepted, seed
        assert quick.objective <= exact.bound + scale, seed
        assert np.isfinite(quick.bound), seed
    assert found > possible // 2


@functools.cache
def possible() -> list[Problem]:
    """Problems of many kinds that the path takes and that have a plan."""
    problems = [compile_problem(scenario_of(case(seed))) for seed in range(32_020, 32_027)]
    taken = [problem for problem in problems if not unsupported(problem)]
    return [problem for problem in taken if solve_problem(problem, time_limit=20).status == "optimal"]


def heard_at(stage: str) -> tuple[Callable[[], bool], Callable[[str, float, float], None]]:
    """Ctrl-C at the moment a stage begins: what asks, and what listens."""
    heard: list[str] = []

    def listen(told: str, objective: float, bound: float) -> None:
        if told.startswith(stage):
            heard.append(told)

    return (lambda: bool(heard)), listen


@pytest.mark.parametrize("stage", ["pricing", "core of"])
def test_stopped_at_any_stage_after_the_classes_there_is_a_plan(stage: str) -> None:
    for problem in possible():
        stop, listen = heard_at(stage)
        solution = solve_decomposed(problem, gap=0.0, time_limit=60, stop=stop, progress=listen)
        assert solution.status in ("feasible", "optimal")
        assert check(problem, solution.contacts, solution.spend).accepted
        assert solution.objective <= solution.bound < np.inf


def test_stopped_while_classes_are_built_it_stops_there_and_says_so() -> None:
    stop, listen = heard_at("classes")
    solution = solve_decomposed(possible()[0], time_limit=60, stop=stop, progress=listen)
    assert solution.status == "no_plan"
    assert any("while classes were built" in note for note in solution.notes)


def test_what_no_choice_can_keep_is_named() -> None:
    """Contacts that count two each never make three; prices alone do not see that."""
    total = Expression(contacts=[Weights(factor=2.0)])
    named = 0
    for problem in possible():
        odd = replace(problem, coupling=[*problem.coupling, CouplingRow("an odd number", "", total, 3.0, 3.0)])
        solution = solve_decomposed(odd, time_limit=1e-9)
        assert solution.status in ("no_plan", "infeasible")
        named += "no first plan: these rules could not be kept together: an odd number" in " ".join(solution.notes)
    assert named
