"""The concave fallback: never falling, concave, and as near to the points as any such line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import optimizer as opt

POINTS = st.lists(
    st.tuples(st.integers(1, 20), st.floats(0.1, 50.0)), min_size=2, max_size=7, unique_by=lambda point: point[0]
)


@given(POINTS)
@settings(max_examples=30)
def test_the_line_is_concave_and_no_concave_line_is_nearer(points: list[tuple[int, float]]) -> None:
    points = sorted(points)
    spend, response = np.array([s for s, _ in points], float), np.array([r for _, r in points])
    table = pd.DataFrame({"channel": "c", "spend": spend, "response": response})
    curve = opt.fit_curves(table, saturation="concave", holdout=0, draws=0).curves["c"]
    found = curve.value(spend)
    knots = np.concatenate(([0.0], spend))
    slopes = np.diff(np.concatenate(([0.0], found))) / np.diff(knots)
    assert (slopes >= -1e-9).all()
    assert (np.diff(slopes) <= 1e-9 * max(1.0, slopes[0])).all()

    # The same by another road: values as unknowns, slopes falling and not negative as constraints.
    widths = np.diff(knots)

    def falling(values: np.ndarray) -> np.ndarray:
        steep = np.diff(np.concatenate(([0.0], values))) / widths
        return np.append(-np.diff(steep), steep[-1])

    nearest = minimize(
        lambda values: float(np.sum((values - response) ** 2)),
        np.full(len(spend), response.mean()) * spend / spend.max(),
        jac=lambda values: 2 * (values - response),
        constraints={"type": "ineq", "fun": falling},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    least = float(np.sum((found - response) ** 2))
    assert least <= float(nearest.fun) + 1e-4 * float(response @ response)
