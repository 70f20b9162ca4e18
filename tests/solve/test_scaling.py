"""Scaling is exact, follows the units of the data, and leaves whole coefficients whole."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import scipy.sparse as sp

from optimizer.solve.linear_model import LinearModel, MatrixForm
from optimizer.solve.mip import solve_mip
from optimizer.solve.scaling import scale
from tests.solve.programs import random_form


def powers_of_two(values: np.ndarray) -> bool:
    return bool((np.frexp(values)[0] == 0.5).all())


@pytest.mark.parametrize("seed", range(30))
def test_scaling_is_exact_and_undone(seed):
    form = random_form(np.random.default_rng(seed), integers=5, continuous=3, rows=5)
    scaled = scale(form)
    program = scaled.program
    assert powers_of_two(scaled.row_scale)
    assert powers_of_two(scaled.column_scale)
    assert powers_of_two(np.array([scaled.objective_scale]))
    assert (scaled.column_scale[form.integer] == 1).all()
    back = sp.csr_array((program.value, program.index, program.start), shape=form.matrix.shape).toarray()
    back = back / scaled.row_scale[:, None] / scaled.column_scale[None, :]
    np.testing.assert_array_equal(back, form.matrix.toarray())
    np.testing.assert_array_equal(program.lower * scaled.column_scale, form.lower)
    np.testing.assert_array_equal(program.row_upper / scaled.row_scale, form.row_upper)
    x = np.random.default_rng(seed).random(len(form.objective))
    np.testing.assert_array_equal(scaled.point(scaled.scaled_point(x)), x)
    cost = float(program.cost @ scaled.scaled_point(x)) + program.offset
    assert scaled.objective(cost) == pytest.approx(float(form.objective @ x) + form.offset)
    assert scaled.cost(scaled.objective(3.25)) == 3.25


@pytest.mark.parametrize("seed", range(30))
def test_other_units_reach_the_solver_as_the_same_bytes(seed):
    """Rows, continuous columns and the objective in units of 2^k."""
    rng = np.random.default_rng(seed)
    form = random_form(rng, integers=5, continuous=3, rows=5)
    row_unit = np.ldexp(1.0, rng.integers(-20, 21, 5))
    column_unit = np.where(form.integer, 1.0, np.ldexp(1.0, rng.integers(-20, 21, 8)))
    # A column that shares no row with the rest keeps its unit by its bounds: none is free here.
    form = replace(form, upper=np.where(form.integer, form.upper, 7.5))
    money = float(np.ldexp(1.0, int(rng.integers(-30, 31))))
    other = MatrixForm(
        objective=form.objective * money * column_unit,
        offset=form.offset * money,
        matrix=sp.csr_array(sp.diags_array(row_unit) @ form.matrix @ sp.diags_array(column_unit)),
        row_lower=form.row_lower * row_unit,
        row_upper=form.row_upper * row_unit,
        lower=form.lower / column_unit,
        upper=form.upper / column_unit,
        integer=form.integer,
    )
    first, second = scale(form).program, scale(other).program
    for part in fields(first):
        one, two = getattr(first, part.name), getattr(second, part.name)
        if part.name in ("row_lower", "row_upper"):  # a row without entries has no unit to be recognised by
            filled = np.diff(form.matrix.indptr) > 0
            one, two = one[filled], two[filled]
        np.testing.assert_array_equal(one, two, part.name)


def test_whole_coefficients_stay_whole_and_others_come_near_one():
    model = LinearModel()
    x = model.add_variables("x", 3, upper=1, integer=True, objective=[0.004, 4.5, 0.7])
    spend = model.add_variables("spend", 1, upper=80_000, objective=-1)
    model.add_rows("count", [0, 0], x[:2], 1, lower=0, upper=1, size=1)
    model.add_rows("even", [0, 0], x[:2], [4, 12], lower=0, upper=16, size=1)
    model.add_rows("money", [0] * 4, [*x, *spend], [0.004, 4.5, 0.7, 1], lower=-np.inf, upper=60_000, size=1)
    scaled = scale(model.form())
    program = scaled.program
    np.testing.assert_array_equal(program.value[:4], [1, 1, 1, 3])
    assert 1 <= np.abs(program.value[4:]).max() < 2
    assert 1 <= np.abs(program.cost).max() < 2


def test_nothing_to_scale():
    assert scale(LinearModel().form()).objective_scale == 1
    model = LinearModel()
    model.add_variables("x", 2)
    np.testing.assert_array_equal(scale(model.form()).column_scale, [1, 1])


@pytest.mark.parametrize("tiny", [1e-5, 1e-9, 1e-11, 1e-14])
def test_a_row_that_is_next_to_a_bound_sets_no_unit(tiny):
    """Max y + w / 1000, y ≤ tiny · z + 5, y ≤ 2 z, w ≤ 2000 − z, z a sum of lots.

    Taken from the first row, the unit of y would leave its other coefficients below what the solver keeps.
    """
    model = LinearModel()
    lots = model.add_variables("lots", 3, upper=1, integer=True)
    z = model.add_variables("z", 1, upper=3000.0)
    y = model.add_variables("y", 1, upper=1e4, objective=1.0)
    w = model.add_variables("w", 1, upper=1e4, objective=1e-3)
    model.add_rows("sum", [0] * 4, np.r_[z, lots], [1, -700.0, -900.0, -1100.0], lower=0, upper=0, size=1)
    model.add_rows("flat", [0, 0], np.r_[y, z], [1, -tiny], lower=-np.inf, upper=5.0, size=1)
    model.add_rows("steep", [0, 0], np.r_[y, z], [1, -2.0], lower=-np.inf, upper=0.0, size=1)
    model.add_rows("rest", [0, 0], np.r_[w, z], [1, 1], lower=-np.inf, upper=2000.0, size=1)
    form = model.form()
    value = np.abs(scale(form).program.value)
    assert value.max() < 2**21  # whole coefficients go up to 2^20
    result = solve_mip(form, gap=1e-6, time_limit=20)
    assert result.status == "optimal"
    assert result.objective == pytest.approx(5 + 700 * tiny + 1.3, rel=1e-6)
    assert result.bound == pytest.approx(result.objective, rel=1e-4)
