"""Diagrams against every set of contacts tried: random problems and random scenarios."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.problem import LocalRule, Weights
from optimizer.rules import compile_problem
from optimizer.solve.diagram import batches
from optimizer.solve.diagram.diagrams import _shared, build_diagrams
from optimizer.solve.diagram.masks import without_pairs
from optimizer.solve.diagram.units import forbidden, pricing_units
from optimizer.solve.local_rows import forbidden as forbidden_by_rows
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of
from tests.solve.diagram.by_hand import differences, paths, tried
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


@pytest.mark.parametrize("hundred", range(0, 120, 40))
def test_paths_of_random_scenarios_are_the_feasible_sets(hundred: int) -> None:
    for seed in range(hundred, hundred + 40):
        problem = compile_problem(scenario_of(case(seed)))
        units = pricing_units(problem)
        assert differences(problem, units, build_diagrams(problem, units)) == [], seed


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_diagrams_over_all_slots_hold_the_feasible_sets_of_every_unit(seed: int) -> None:
    problem = rich_problem(seed, customers=3)
    plain = replace(problem, local=[rule for rule in problem.local if not _speaks_of_pairs(rule)])
    plain = replace(plain, responses=replace(plain.responses, ranks=[], changes=[]))
    units = pricing_units(plain)
    diagrams = _shared(plain, units, 10**6, 10**9, 1e9)
    assert diagrams is not None
    assert diagrams.masked
    assert differences(plain, units, diagrams) == []


def test_weights_that_differ_by_pair_need_diagrams_of_their_own() -> None:
    problem = next(p for p in map(rich_problem, range(100)) if any(_speaks_of_pairs(rule) for rule in p.local))
    units = pricing_units(problem)
    assert without_pairs(problem, units) is None


@pytest.mark.parametrize("limit", [2, 6])
def test_a_diagram_past_the_limit_allows_more_and_never_less(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "FEW_STATES", 0)
    eased = 0
    for seed in range(15):
        problem = rich_problem(seed)
        units = pricing_units(problem)
        diagrams = build_diagrams(problem, units, limit)
        eased += int((~diagrams.exact).sum())
        assert differences(problem, units, diagrams) == [], seed
    assert eased > 0


def test_what_is_left_of_a_diagram_past_the_limit_breaks_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "FEW_STATES", 0)
    some = 0
    for seed in range(15):
        problem = rich_problem(seed)
        units = pricing_units(problem)
        within = build_diagrams(problem, units, 3).restricted
        if within is None:
            continue
        for unit in range(len(units.start) - 1):
            said = paths(problem, units, within, unit)
            assert said is not None
            right = tried(problem, units, unit)
            assert set(said) <= set(right), seed
            assert all(abs(said[chosen].penalty - right[chosen].penalty) <= 1e-9 for chosen in said), seed
            some += len(said)
    assert some > 0


def _speaks_of_pairs(rule: LocalRule) -> bool:
    return any(isinstance(part, Weights) and part.pair is not None for part in vars(rule).values())


def test_forbidden_pairs_are_those_of_the_exact_path() -> None:
    for seed in range(200):
        problem = random_problem(seed)
        np.testing.assert_array_equal(forbidden(problem), forbidden_by_rows(problem))
