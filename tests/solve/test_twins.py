"""Twins: customers alike to the last bit are priced once, and everyone still gets a choice of their own."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.rules import compile_problem
from optimizer.solve.decomposed import prepared as prepared_module
from optimizer.solve.decomposed import pricing
from optimizer.solve.decomposed.alternatives import alternatives
from optimizer.solve.decomposed.core import solve_core
from optimizer.solve.decomposed.decomposed import solve_decomposed
from optimizer.solve.decomposed.dual import Dual
from optimizer.solve.decomposed.prepared import Stated, prepare
from optimizer.solve.decomposed.soft_choices import soft_maximum, tied_choices
from optimizer.solve.decomposed.structure import allowed, read_structure
from optimizer.solve.exact import solve_problem


def scenario(seed: int, customers: int = 600, kinds: int = 12) -> opt.Scenario:
    """Scores by decile: a few dozen kinds of customers, in two countries."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, kinds, customers)
    rates = np.round(random.uniform(0.01, 0.2, (kinds, 2)), 7)
    names = [f"c{k:04d}" for k in range(customers)]
    appetence = pd.DataFrame({"customer_id": names, "email": rates[kind, 0], "phone": rates[kind, 1]})
    appetence.loc[random.random(customers) < 0.1, "phone"] = np.nan
    country = random.choice(["FR", "DE"], customers)
    return opt.Scenario(
        name="deciles",
        customers=pd.DataFrame({"customer_id": names, "country": country, "value": np.round(50.0 + 10 * kind)}),
        appetence=appetence,
        channels={"email": {"unit_cost": 0.4}, "phone": {"unit_cost": 6.5}},
        offers={"one": {"gross_margin": "value"}},
        rules=[
            {"name": "calls", "volume": {"max": 97}, "where": {"channel": "phone"}},
            {"name": "calls in France", "volume": {"min": 31}, "where": {"channel": "phone", "country": "FR"}},
            {"name": "money", "budget": {"max": 700.5}},
            {"name": "one each", "contacts": {"max": 1}},
        ],
    )  # fmt: skip


def stated_of(seed: int) -> tuple[Stated, Dual]:
    problem = compile_problem(scenario(seed))
    structure = read_structure(problem)
    stated = prepare(problem, structure, None, lambda stage: None).whole
    assert stated is not None
    return stated, stated.dual(structure)


@pytest.mark.parametrize("seed", range(4))
def test_d_of_twins_is_d_of_everyone(seed: int) -> None:
    stated, dual = stated_of(seed)
    assert stated.twins is not None
    assert len(stated.twins.first) < 60
    plain = Dual(dual.columns, dual.links, dual.structure)
    random = np.random.default_rng(seed)
    for _ in range(5):
        price = allowed(dual.structure.rows, random.normal(0.0, 3.0, len(dual.structure.rows)))
        point, choice, _ = dual.chosen(price, dual.everyone(4))
        other, of_all, _ = plain.chosen(price, plain.everyone(4))
        assert point.value == pytest.approx(other.value, rel=1e-12)
        np.testing.assert_allclose(point.use.sum(axis=0), other.use.sum(axis=0), rtol=1e-12)
        np.testing.assert_array_equal(choice.chosen, of_all.chosen)
        np.testing.assert_array_equal(choice.constant, of_all.constant)


@pytest.mark.parametrize("seed", range(6))
def test_plans_with_twins_are_as_good_as_without(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = compile_problem(scenario(seed))
    exact = solve_problem(problem, gap=1e-9)
    for number in (5, 10**6):  # most kinds rest while others set the prices, and none does
        monkeypatch.setattr(pricing, "FREE", number)
        found = solve_decomposed(problem, gap=1e-6)
        assert found.objective <= exact.bound + 1e-6
        assert found.bound >= exact.objective - 1e-6
        assert found.objective >= exact.objective - 2e-3 * abs(exact.objective)


@pytest.mark.parametrize("seed", range(3))
def test_newton_steps_count_twins(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = compile_problem(scenario(seed, 3_000))
    monkeypatch.setattr(pricing, "LED", 10)
    monkeypatch.setattr(pricing, "LED_A_ROW", 0)
    monkeypatch.setattr(pricing, "FREE", 10)
    with_twins = solve_decomposed(problem, gap=1e-6)
    monkeypatch.setattr(prepared_module, "find_twins", lambda columns: None)
    without = solve_decomposed(problem, gap=1e-6)
    assert with_twins.bound == pytest.approx(without.bound, rel=1e-5)


def test_a_few_twins_are_not_worth_it() -> None:
    problem = compile_problem(scenario(0, 600, kinds=10_000))
    stated = prepare(problem, read_structure(problem), None, lambda stage: None).whole
    assert stated is not None
    assert stated.twins is None


@pytest.mark.parametrize("seed", range(3))
def test_ties_of_twins_are_those_of_everyone(seed: int) -> None:
    stated, dual = stated_of(seed)
    twins = stated.twins
    assert twins is not None
    everyone = np.arange(dual.columns.units, dtype=np.int32)
    random = np.random.default_rng(seed)
    price = allowed(dual.structure.rows, random.normal(0.0, 2.0, len(dual.structure.rows)))
    prices, moved = dual.links.prices(price), 0.1 * random.normal(size=len(price))
    few = soft_maximum(tied_choices(dual, twins.first, prices, twins.copies.astype(float)), moved, 0.3, 1)
    all_ = soft_maximum(tied_choices(dual, everyone, prices, np.ones(len(everyone))), moved, 0.3, 1)
    for one, other in zip(few[:4], all_[:4], strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_twins_of_units_that_choose_choose_too(seed: int) -> None:
    stated, dual = stated_of(seed)
    assert stated.twins is not None
    random = np.random.default_rng(seed)
    price = allowed(dual.structure.rows, random.normal(0.0, 2.0, len(dual.structure.rows)))
    point, choice, _ = dual.chosen(price, dual.everyone(4))
    resting = dual.at(price, dual.frozen(stated.twins.first[:7], 4, choice))
    assert resting.value == pytest.approx(point.value, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_core_that_counts_contacts_of_twins_bounds_the_best(seed: int) -> None:
    problem = compile_problem(scenario(seed))
    structure = read_structure(problem)
    stated = prepare(problem, structure, None, lambda stage: None).whole
    assert stated is not None
    dual = stated.dual(structure)
    assert dual.twins is not None
    prices = dual.links.prices(np.zeros(len(dual.structure.rows)))
    options = alternatives(dual.columns, dual.twins.first, prices, 400, np.inf)
    found = solve_core(
        dual, options, np.zeros(len(dual.columns.term), bool), dual.structure.constant, np.empty(0), gap=1e-9,
        deadline=time.monotonic() + 60, stop=lambda: False, report=None,
        counted=np.ones(len(dual.structure.rows), bool),
    )  # fmt: skip
    exact = solve_problem(problem, gap=1e-9)
    assert found is not None
    assert found.bound >= exact.objective - 1e-6
    assert found.worth == pytest.approx(exact.objective, rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_time_that_is_over_at_once_leaves_a_plan(seed: int) -> None:
    found = solve_decomposed(compile_problem(scenario(seed)), time_limit=1e-9)
    assert found.status == "feasible"
    assert found.objective <= found.bound


def test_many_customers_and_no_rule_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pricing, "LED", 10)
    monkeypatch.setattr(pricing, "LED_A_ROW", 0)
    random = np.random.default_rng(0)
    names = [f"c{k:04d}" for k in range(500)]
    alone = opt.Scenario(
        name="each for themselves",
        customers=pd.DataFrame({"customer_id": names}),
        appetence=pd.DataFrame(
            {"customer_id": names, "email": random.uniform(0.01, 0.1, 500), "phone": random.uniform(0.01, 0.2, 500)}
        ),
        channels={"email": {"unit_cost": 0.4}, "phone": {"unit_cost": 6.5}},
        offers={"one": {"gross_margin": 60}},
        rules=[{"name": "one each", "contacts": {"max": 1}}],
    )  # fmt: skip
    problem = compile_problem(alone)
    assert solve_decomposed(problem).objective == pytest.approx(solve_problem(problem, gap=1e-9).objective, rel=1e-9)
