"""``solve_mip`` against enumeration, and its promises about units, starts and determinism."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.solve import core, mip, tree
from optimizer.solve.linear_model import LinearModel, MatrixForm
from optimizer.solve.mip import relative_gap, solve_mip
from tests.solve.programs import enumerated, feasible, point, random_form

GAP = 1e-6


def agree(form: MatrixForm, truth: float, result: mip.MipResult) -> None:
    if truth == -np.inf:
        assert result.status == "infeasible"
        assert result.x is None
        return
    assert result.status == "optimal"
    assert feasible(form, result.x)
    assert result.objective == float(form.objective @ point(result)) + form.offset
    tolerance = 1e-5 * np.abs(form.objective).max() + GAP * abs(truth)
    assert result.objective == pytest.approx(truth, abs=tolerance)
    assert result.bound >= truth - 1e-9 * (1 + abs(truth))
    assert result.bound >= result.objective


@pytest.mark.parametrize("block", range(6))
def test_agrees_with_enumeration(block):
    rng = np.random.default_rng(block)
    infeasible = 0
    for _ in range(25):
        form = random_form(rng, continuous=int(rng.integers(0, 3)))
        truth = enumerated(form)
        infeasible += truth == -np.inf
        agree(form, truth, solve_mip(form, gap=GAP))
    assert 0 < infeasible < 25


@pytest.mark.parametrize("block", range(6))
def test_the_path_of_large_models_agrees_with_enumeration(block, monkeypatch):
    """The tree, the core and the proofs by reduced costs, forced on small programs."""
    monkeypatch.setattr(mip, "THRESHOLD", 0)
    monkeypatch.setattr(core, "_CORE_SIZES", (1, 2, 3))
    monkeypatch.setattr(tree, "_MANY_ROWS", 1.0)
    rng = np.random.default_rng(100 + block)
    for _ in range(15):
        form = random_form(rng, integers=7, continuous=int(rng.integers(0, 3)), rows=5)
        truth = enumerated(form)
        agree(form, truth, solve_mip(form, gap=GAP))
        structural = rng.permutation(7)[: int(rng.integers(1, 4))]
        agree(form, truth, solve_mip(form, gap=GAP, structural=structural))


def test_no_variables_no_rows_and_nothing_to_decide():
    empty = LinearModel(offset=2.5)
    result = solve_mip(empty.form())
    assert (result.status, result.objective, result.bound) == ("optimal", 2.5, 2.5)

    free = LinearModel()
    free.add_variables("x", 3, lower=-1, upper=[1, 4, 2], integer=[True, True, False], objective=[-1, 2, 0])
    result = solve_mip(free.form())
    assert (result.status, result.objective, result.bound) == ("optimal", 9.0, 9.0)
    np.testing.assert_array_equal(result.x, [-1, 4, 0])

    fixed = LinearModel()
    x = fixed.add_variables("x", 2, lower=[1, 2], upper=[1, 2], integer=True, objective=1)
    fixed.add_rows("r", [0, 0], x, 1, lower=0, upper=3, size=1)
    assert solve_mip(fixed.form()).objective == 3
    assert solve_mip(replace(fixed.form(), row_upper=np.array([2.9]))).status == "infeasible"


def test_unbounded_programs_and_columns_are_told_from_infeasible_ones():
    model = LinearModel()
    x = model.add_variables("x", 2, upper=[np.inf, 1], integer=[False, True], objective=[1, 1])
    model.add_rows("r", [0, 0], x, [1, -1], lower=0, upper=np.inf, size=1)
    assert solve_mip(model.form()).status == "unbounded"
    rows = replace(model.form(), row_upper=np.array([-1.0]), row_lower=np.array([-np.inf]), lower=np.array([1.0, 0.0]))
    assert solve_mip(rows).status == "infeasible"
    crossed = replace(model.form(), lower=np.array([2.0, 0.0]), upper=np.array([1.0, 1.0]))
    assert solve_mip(crossed).status == "infeasible"


def test_a_linear_program_carries_our_own_bound():
    model = LinearModel()
    x = model.add_variables("x", 2, upper=[4, np.inf], objective=[3, 2])
    model.add_rows("r", [0, 0, 1, 1], np.tile(x, 2), [1, 1, 1, 3], lower=-np.inf, upper=[5, 9], size=2)
    result = solve_mip(model.form(), gap=1e-9)
    assert result.status == "optimal"
    assert result.bound_by == "own"
    assert result.objective == pytest.approx(3 * 4 + 2 * 1)


def knapsack(seed: int = 0, width: int = 40, rows: int = 4) -> MatrixForm:
    rng = np.random.default_rng(seed)
    model = LinearModel()
    x = model.add_variables("x", width, upper=1, integer=True, objective=rng.random(width) * 9 + 1)
    weight = rng.random((rows, width)) * 5
    place = np.repeat(np.arange(rows), width)
    model.add_rows(
        "room", place, np.tile(x, rows), weight.ravel(), lower=-np.inf, upper=weight.sum(axis=1) / 3, size=rows
    )
    return model.form()


def test_two_runs_give_the_same_bytes():
    first, second = solve_mip(knapsack()), solve_mip(knapsack())
    assert point(first).tobytes() == point(second).tobytes()
    assert (first.objective, first.bound) == (second.objective, second.bound)


@pytest.mark.parametrize("power", [-20, -3, 7, 30])
def test_money_in_other_units_gives_the_same_plan(power):
    """The objective, a money row and a money column × 2^k: the same plan, and money × 2^k."""

    def stated(unit: float) -> MatrixForm:
        local = np.random.default_rng(5)
        model = LinearModel(offset=1.5 * unit)
        x = model.add_variables("x", 40, upper=1, integer=True, objective=local.random(40) * unit)
        money = model.add_variables("spend", 1, upper=3.7 * unit, objective=-0.02)
        cost = (local.random(40) + 0.1) * unit
        model.add_rows("budget", np.zeros(41), [*x, *money], [*cost, 1], lower=-np.inf, upper=4.3 * unit, size=1)
        model.add_rows("floor", [0] * 21, [*x[:20], *money], [*cost[:20], 1], lower=2.1 * unit, upper=np.inf, size=1)
        return model.form()

    plain, scaled = solve_mip(stated(1.0)), solve_mip(stated(2.0**power))
    np.testing.assert_array_equal(point(plain)[:40], point(scaled)[:40])
    assert point(scaled)[40] == point(plain)[40] * 2.0**power
    assert scaled.objective == plain.objective * 2.0**power
    assert scaled.bound == pytest.approx(plain.bound * 2.0**power, rel=1e-12)


def test_a_start_is_never_lost_and_may_be_partial():
    form = knapsack()
    best = solve_mip(form)
    again = solve_mip(form, start=best.x, gap=0.5)
    assert again.objective >= best.objective
    partial = np.where(np.arange(40) < 10, point(best), np.nan)
    assert solve_mip(form, start=partial).objective >= best.objective * (1 - 1e-4)
    nonsense = np.full(40, 7.0)
    assert solve_mip(form, start=nonsense).objective >= best.objective * (1 - 1e-4)


def test_rows_hold_to_float64_where_the_solver_is_content_with_less():
    """A budget of 1e-7-sized slack: HiGHS's tolerance is larger than what decides."""
    model = LinearModel()
    x = model.add_variables("x", 3, upper=1, integer=True, objective=[5, 4, 3])
    model.add_rows("budget", [0, 0, 0], x, [1.0, 1.0, 1.0], lower=-np.inf, upper=2 - 3e-8, size=1)
    result = solve_mip(model.form())
    assert feasible(model.form(), result.x)
    assert result.objective == 5


def test_the_gap_is_ours():
    assert relative_gap(0.0, 0.0) == 0
    assert relative_gap(-8.0, -4.0) == 0.5
    assert relative_gap(4.0, 8.0) == 0.5
    assert relative_gap(-np.inf, 4.0) == np.inf
    result = solve_mip(knapsack(), gap=0.2)
    assert result.status == "optimal"
    assert result.bound <= result.objective / 0.8


def test_an_integral_objective_rounds_the_bound_down():
    model = LinearModel(offset=0.5)
    x = model.add_variables("x", 3, upper=1, integer=True, objective=[3, 3, 3])
    model.add_rows("pairs", [0, 0, 1, 1, 2, 2], x[[0, 1, 1, 2, 0, 2]], 1, lower=-np.inf, upper=1, size=3)
    result = solve_mip(model.form(), gap=0.0)
    assert (result.status, result.objective, result.bound) == ("optimal", 3.5, 3.5)
