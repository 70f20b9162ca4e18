"""Blocks become the matrix they say."""

from __future__ import annotations

import numpy as np

from optimizer.solve.linear_model import LinearModel


def test_blocks_become_one_matrix():
    model = LinearModel(offset=1.5)
    x = model.add_variables("x", 3, upper=[1, 2, 3], integer=True, objective=[1, 0, 2], labels=["a", "b", "c"])
    y = model.add_variables("y", 2, lower=-1)
    assert (x.tolist(), y.tolist(), model.width) == ([0, 1, 2], [3, 4], 5)
    rows = model.add_rows("r", [0, 0, 1, 0], [0, 3, 4, 0], [1, 2, 3, 10], lower=[0, -np.inf], upper=5, size=2)
    more = model.add_rows("s", [0], [2], 7, lower=1, upper=1, size=1)
    assert (rows.tolist(), more.tolist(), model.height) == ([0, 1], [2], 3)
    model.add_objective([4, 4, 1], [1, 2, 5])
    model.add_objective(0, 0.25)

    form = model.form()
    np.testing.assert_array_equal(
        form.matrix.toarray(), [[11, 0, 0, 2, 0], [0, 0, 0, 0, 3], [0, 0, 7, 0, 0]]
    )  # the two entries of one place are summed
    np.testing.assert_array_equal(form.objective, [1.25, 5, 2, 0, 3])
    np.testing.assert_array_equal(form.row_lower, [0, -np.inf, 1])
    np.testing.assert_array_equal(form.row_upper, [5, 5, 1])
    np.testing.assert_array_equal(form.lower, [0, 0, 0, -1, -1])
    np.testing.assert_array_equal(form.upper, [1, 2, 3, np.inf, np.inf])
    np.testing.assert_array_equal(form.integer, [True, True, True, False, False])
    assert form.offset == 1.5
    assert [block.name for block in model.rows] == ["r", "s"]


def test_entries_that_cancel_are_no_entries():
    model = LinearModel()
    x = model.add_variables("x", 1)
    model.add_rows("r", [0, 0], [*x, *x], [2, -2], lower=0, upper=1, size=1)
    assert model.form().matrix.nnz == 0


def test_the_form_may_be_taken_twice_and_the_model_extended():
    model = LinearModel()
    model.add_variables("x", 2, objective=1)
    model.add_objective([0], [1])
    first = model.form()
    model.add_variables("y", 1, objective=5)
    np.testing.assert_array_equal(first.objective, [2, 1])
    np.testing.assert_array_equal(model.form().objective, [2, 1, 5])


def test_an_empty_model_has_an_empty_form():
    form = LinearModel(offset=3).form()
    assert form.matrix.shape == (0, 0)
    assert len(form.row_lower) == len(form.objective) == 0
