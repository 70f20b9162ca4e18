"""Diagrams against every set of contacts tried: random problems and random scenarios."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.rules import compile_problem
from optimizer.solve.diagram.diagrams import build_diagrams
from optimizer.solve.diagram.units import forbidden, pricing_units
from optimizer.solve.local_rows import forbidden as forbidden_by_rows
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of
from tests.solve.diagram.by_hand import differences
from tests.solve.diagram.rich import rich_problem
from tests.solve.test_exact import random_problem


@pytest.mark.parametrize("hundred", range(0, 400, 100))
def test_paths_of_random_problems_are_the_feasible_sets(hundred: int) -> None:
    for seed in range(hundred, hundred + 100):
        problem = random_problem(seed)
        units = pricing_units(problem)
        assert differences(problem, units, build_diagrams(problem, units)) == [], seed


@pytest.mark.parametrize("seed", range(60))
def test_paths_of_rich_problems_are_the_feasible_sets(seed: int) -> None:
    problem = rich_problem(seed, customers=2 + seed % 3)
    units = pricing_units(problem)
    diagrams = build_diagrams(problem, units)
    assert diagrams.exact.all()
    assert differences(problem, units, diagrams) == []


@pytest.mark.parametrize("hundred", range(0, 200, 50))
def test_paths_of_random_scenarios_are_the_feasible_sets(hundred: int) -> None:
    for seed in range(hundred, hundred + 50):
        problem = compile_problem(scenario_of(case(seed)))
        units = pricing_units(problem)
        assert differences(problem, units, build_diagrams(problem, units)) == [], seed


def test_forbidden_pairs_are_those_of_the_exact_path() -> None:
    for seed in range(200):
        problem = random_problem(seed)
        np.testing.assert_array_equal(forbidden(problem), forbidden_by_rows(problem))
