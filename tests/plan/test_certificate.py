"""The certificate's arithmetic: the gap as DESIGN defines it, and a status read off it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.plan.certificate import Certificate, gap_between

finite = st.floats(-1e12, 1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("objective", "bound", "gap"),
    [
        (99.0, 100.0, 0.01),  # maximised: the bound is above
        (100.0, 99.0, 0.01),  # minimised cost: the bound is below
        (-100.0, -99.0, 0.01),  # a loss
        (0.0, 0.0, 0.0),
        (0.0, 5.0, 1.0),
        (-1.0, 1.0, 2.0),
        (10.0, math.inf, math.inf),
    ],
)
def test_gap(objective: float, bound: float, gap: float) -> None:
    assert gap_between(objective, bound) == pytest.approx(gap)


@given(finite, finite)
def test_the_gap_does_not_depend_on_the_side_or_on_units_of_a_power_of_two(objective: float, bound: float) -> None:
    assert gap_between(objective, bound) == gap_between(bound, objective)
    assert gap_between(objective * 1024, bound * 1024) == gap_between(objective, bound)


@pytest.mark.parametrize(
    ("bound", "status"), [(100.0, "optimal"), (100.005, "optimal"), (100.02, "feasible"), (math.inf, "feasible")]
)
def test_the_status_is_read_off_the_gap(bound: float, status: str) -> None:
    proved = Certificate.of(100.0, bound, wanted_gap=1e-4, bound_by="own", seconds=1.0, checks=3)
    assert proved.status == status
    assert ("no bound known" in str(proved)) == math.isinf(bound)
