"""Programs of a few variables that versions of HiGHS are known to answer wrongly, from the public reports.

Each is a minimisation in the report, stated here as a maximisation of its negative; the expected values are worked
out by hand in the comments. A version of HiGHS that fails one must not be used.
"""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.solve.highs import Settings, solve_mip_arrays
from optimizer.solve.linear_model import LinearModel, MatrixForm
from optimizer.solve.mip import solve_mip
from optimizer.solve.scaling import scale

INF = np.inf


def form(cost, rows, lower, upper, integer) -> MatrixForm:
    """Minimise cost·x; ``rows`` are (coefficients, lower, upper)."""
    model = LinearModel()
    x = model.add_variables("x", len(cost), lower=lower, upper=upper, integer=integer, objective=-np.array(cost))
    for number, (coefficients, low, high) in enumerate(rows):
        model.add_rows(f"r{number}", [0] * len(x), x, coefficients, lower=low, upper=high, size=1)
    return model.form()


REPORTS = {
    # HiGHS #3043 (1.14.0 gave 15): min 2x + 3z, x + z ≥ 4.5. z = 0, x = 4.5.
    "3043": (form([2, 3], [([1, 1], 4.5, INF)], 0, 10, [False, True]), 9.0),
    # #2957 (1.14.0 gave 29): min x + 2y, x + y ≥ 20.1, x integer ≤ 20, y in [8, 20]. x = 12, y = 8.1.
    "2957": (form([1, 2], [([1, 1], 20.1, INF)], [0, 8], 20, [True, False]), 28.2),
    # #2975 (1.14.0 gave 99999): min 2b + 99999y, a + b = 10, a ≤ 100y. y = 0, b = 10.
    "2975": (
        form([0, 2, 99_999], [([1, 1, 0], 10, 10), ([1, 0, -100], -INF, 0)], 0, [INF, INF, 1], [False, False, True]),
        20.0,
    ),
    # #3002 (1.14.0 gave 76): min x + 4y + 9z, x + y ≤ 5, x + z ≥ 10, z − y = 7.5. y = −0.5, z = 7, x = 3.
    "3002": (
        form(
            [1, 4, 9],
            [([1, 1, 0], -INF, 5), ([1, 0, 1], 10, INF), ([0, -1, 1], 7.5, 7.5)],
            [0, -1, 0],
            [4, 1, INF],
            [False, False, True],
        ),
        64.0,
    ),
    # #3073 (1.14.0 gave 200.01): min 100g + 0.01t, g + x = 3, t ≥ |x|, 0.45 ≤ x ≤ 3. x = 3, g = 0, t = 3.
    "3073": (
        form(
            [100, 0.01, 0],
            [
                ([1, 0, 1], 3, 3),
                ([0, -1, 1], -INF, 0),
                ([0, -1, -1], -INF, 0),
                ([0, 0, 1], -INF, 3),
                ([0, 0, -1], -INF, -0.45),
            ],
            [0, -INF, 0],
            INF,
            [False, False, True],
        ),
        0.03,
    ),
    # #3094 (1.14.0 gave 10000): min 10d0 + 8d1, z ≤ 1000x, z + d = 1000 twice, x0 + x1 ≤ 1. Serve the dearer one.
    "3094": (
        form(
            [0, 0, 0, 0, 10, 8],
            [
                ([-1000, 0, 1, 0, 0, 0], -INF, 0),
                ([0, -1000, 0, 1, 0, 0], -INF, 0),
                ([0, 0, 1, 0, 1, 0], 1000, 1000),
                ([0, 0, 0, 1, 0, 1], 1000, 1000),
                ([1, 1, 0, 0, 0, 0], -INF, 1),
            ],
            0,
            [1, 1, 1000, 1000, 1000, 1000],
            [True, True, False, False, False, False],
        ),
        8_000.0,
    ),
}


@pytest.mark.parametrize("report", REPORTS)
def test_the_service_answers_right(report):
    program, cost = REPORTS[report]
    result = solve_mip(program, gap=1e-9)
    assert result.status == "optimal"
    assert -result.objective == pytest.approx(cost, rel=1e-9)
    assert -result.bound <= cost + 1e-9


@pytest.mark.parametrize("presolve", [True, False])
@pytest.mark.parametrize("report", REPORTS)
def test_this_version_of_highs_answers_right(report, presolve):
    """HiGHS on its own, without our second opinion: the canary of the version."""
    program, cost = REPORTS[report]
    scaled = scale(program)
    answer = solve_mip_arrays(
        scaled.program,
        Settings(presolve=presolve, gap=1e-9),
        on_incumbent=lambda *_: None,
        on_progress=lambda *_: None,
        should_stop=lambda: False,
    )
    assert answer.status == "solved"
    assert -scaled.objective(answer.objective) == pytest.approx(cost, rel=1e-6)
