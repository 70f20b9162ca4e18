"""The dual bound is true for any prices, sharp for the right ones, and finite where rows make it so."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.solve.linear_model import LinearModel, MatrixForm
from optimizer.solve.lp import Relaxation, dual_bound, implied_bounds, price, proves_empty, solve_lp
from tests.solve.programs import enumerated, random_form

prices = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=4, max_size=4)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10_000), dual=prices)
def test_any_prices_give_a_true_bound(seed, dual):
    form = random_form(np.random.default_rng(seed), integers=4, continuous=2)
    assert dual_bound(form, np.array(dual)) >= enumerated(form)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), dual=prices, column=st.integers(0, 3))
def test_leaving_the_better_side_costs_the_reduced_cost(seed, dual, column):
    form = random_form(np.random.default_rng(seed), integers=4, continuous=2)
    priced = price(form, np.array(dual))
    cost = priced.reduced_cost[column]
    if cost == 0 or form.lower[column] == form.upper[column]:
        return
    lower, upper = form.lower.copy(), form.upper.copy()
    if cost > 0:
        upper[column] -= 1
    else:
        lower[column] += 1
    away = enumerated(replace(form, lower=lower, upper=upper))
    assert away <= priced.bound - abs(cost) + 1e-12 * abs(priced.bound)


@pytest.mark.parametrize("seed", range(40))
def test_the_right_prices_give_the_optimum(seed):
    form = random_form(np.random.default_rng(seed), integers=6, continuous=2)
    answer = solve_lp(form)
    if answer.status == "infeasible":
        assert enumerated(form) == -np.inf
        return
    assert answer.status == "optimal"
    assert answer.row_dual is not None
    assert answer.reduced_cost is not None
    bound = dual_bound(form, answer.row_dual)
    scale = 1 + np.abs(form.objective).max()
    assert bound == pytest.approx(answer.objective, abs=1e-5 * scale)
    assert bound >= answer.objective - 1e-9 * scale
    np.testing.assert_allclose(answer.reduced_cost, form.objective - form.matrix.T @ answer.row_dual)


def test_rounding_is_added_on_top():
    """A hundred thousand products of 0.1 and 0.1: a sum in floats may fall short, the bound must not."""
    width = 100_000
    form = MatrixForm(
        objective=np.full(width, 0.1),
        offset=0.0,
        matrix=sp.csr_array((1, width)),
        row_lower=np.array([-np.inf]),
        row_upper=np.array([np.inf]),
        lower=np.zeros(width),
        upper=np.full(width, 0.1),
        integer=np.zeros(width, bool),
    )
    exact = width * Fraction(0.1) ** 2
    bound = dual_bound(form, np.zeros(1))
    assert Fraction(bound) >= exact
    assert bound == pytest.approx(float(exact), rel=1e-12)


def test_prices_on_sides_that_a_row_does_not_have_count_as_zero():
    model = LinearModel()
    x = model.add_variables("x", 1, upper=2, objective=1)
    model.add_rows("floor", [0], x, 1, lower=1, upper=np.inf, size=1)
    form = model.form()
    assert dual_bound(form, np.array([5.0])) == pytest.approx(2)
    assert dual_bound(form, np.array([np.nan])) == pytest.approx(2)
    assert dual_bound(form, np.array([-1.0])) == pytest.approx(2 * 2 - 1)


def test_unlimited_columns_take_their_limits_from_the_rows():
    """With t ≤ 3 x + 1 and x ≤ 2, t is at most 7, although it has no bound of its own."""
    model = LinearModel()
    x = model.add_variables("x", 1, upper=2, integer=True)
    t = model.add_variables("t", 1, lower=-np.inf, objective=1)
    model.add_rows("link", [0, 0], [*t, *x], [1, -3], lower=-np.inf, upper=1, size=1)
    form = model.form()
    lower, upper = implied_bounds(form)
    assert upper[1] == pytest.approx(7)
    assert upper[1] >= 7
    assert lower[1] == -np.inf
    assert dual_bound(form, np.array([1.0])) == pytest.approx(7)
    assert dual_bound(form, np.array([0.999])) < 7.1
    assert 7 <= dual_bound(form, np.array([1.001])) < 7.1  # there t would fall without limit: the price gives way
    assert dual_bound(replace(form, row_upper=np.array([np.inf])), np.array([1.0])) == np.inf


def test_a_shortfall_without_limit_is_priced_at_its_penalty():
    """Maximise −8 s with x + s ≥ 5 and x ≤ 3: the shortfall is in the basis, and the bound finite."""
    for penalty in (8.0, 8.1, 1e6 / 3):
        model = LinearModel()
        x = model.add_variables("x", 3, upper=1, objective=[1, 1.1, 1.3])
        short = model.add_variables("short", 1, objective=-penalty)
        model.add_rows("floor", [0] * 4, [*x, *short], 1, lower=5, upper=np.inf, size=1)
        answer = solve_lp(model.form())
        assert answer.objective == pytest.approx(3.4 - 2 * penalty)
        assert answer.row_dual is not None
        assert dual_bound(model.form(), answer.row_dual) == pytest.approx(answer.objective)


def test_an_empty_program_is_proved_empty():
    model = LinearModel()
    x = model.add_variables("x", 2, upper=1)
    model.add_rows("both", [0, 0, 1, 1], np.tile(x, 2), 1, lower=[1.5, -np.inf], upper=[np.inf, 1.25], size=2)
    form = model.form()
    answer = solve_lp(form, presolve=False)
    assert answer.status == "infeasible"
    assert proves_empty(form, answer.ray)
    assert not proves_empty(replace(form, row_upper=np.array([np.inf, 1.75])), answer.ray)
    assert not proves_empty(form, None)


@pytest.mark.parametrize("method", ["choose", "simplex", "ipx"])
@pytest.mark.parametrize("presolve", [True, False])
def test_every_method_finds_the_optimum(method, presolve):
    form = random_form(np.random.default_rng(3), integers=6, continuous=2, rows=6)
    expected = solve_lp(form)
    assert expected.status == "optimal"
    answer = solve_lp(form, method=method, presolve=presolve)
    assert answer.objective == pytest.approx(expected.objective)


def test_no_columns():
    answer = solve_lp(LinearModel(offset=2.0).form())
    assert (answer.status, answer.objective) == ("optimal", 2.0)


def test_a_kept_relaxation_answers_as_a_fresh_one_and_survives_its_process():
    rng = np.random.default_rng(8)
    form = random_form(rng, integers=6, continuous=2, rows=5)
    kept = Relaxation(form)
    columns = np.array([0, 3])
    boxes = [(form.lower[columns], form.upper[columns]), (form.lower[columns], form.lower[columns])]
    for attempt, (lower, upper) in enumerate([*boxes, boxes[0]]):
        if attempt == 2:
            assert kept.child.process is not None
            kept.child.process.kill()
        answer = kept.solve(columns, lower, upper, seconds=20, stop=None)
        bounds = form.lower.copy(), form.upper.copy()
        bounds[0][columns], bounds[1][columns] = lower, upper
        fresh = solve_lp(replace(form, lower=bounds[0], upper=bounds[1]))
        assert answer.status == fresh.status
        assert answer.objective == pytest.approx(fresh.objective)
