"""Curves: values and slopes from their formulas, breaks where the curvature truly changes, plain messages."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.scenario.curves import (
    Curve,
    Hill,
    Log,
    Logistic,
    MichaelisMenten,
    Points,
    Power,
    Saturated,
    curve_from,
)

positive = st.floats(0.01, 1e6)
curves = st.one_of(
    st.builds(Hill, positive, positive, st.floats(0.3, 6)),
    st.builds(Logistic, positive, st.floats(1e-6, 10)),
    st.builds(MichaelisMenten, positive, positive),
    st.builds(Log, positive, positive),
    st.builds(Power, positive, st.floats(0.05, 1)),
    st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 100)), min_size=1, max_size=6).map(
        lambda steps: Points(tuple((float(x), float(y)) for x, y in np.cumsum(steps, axis=0)))
    ),
)


def test_values_by_hand() -> None:
    assert Hill(90_000, 30_000, 2).value(30_000) == pytest.approx(45_000)
    assert Hill(10, 2, 3).value(4) == pytest.approx(10 * 64 / 72)
    assert Hill(10, 2, 3).slope(4) == pytest.approx(10 * 3 * 8 * 16 / 72**2)
    assert Logistic(8, math.log(3)).value(1) == pytest.approx(4)  # (1 − 1/3) / (1 + 1/3) = 1/2
    assert MichaelisMenten(10, 5).value(15) == pytest.approx(7.5)
    assert Log(3, 2).value(2) == pytest.approx(3 * math.log(2))
    assert Power(2, 0.5).value(9) == pytest.approx(6)
    points = Points(((10, 4), (20, 6)))
    assert points.value([0, 5, 10, 15, 20, 99]).tolist() == pytest.approx([0, 2, 4, 5, 6, 6])
    assert points.slope([0, 9.9, 10, 19.9, 20]).tolist() == pytest.approx([0.4, 0.4, 0.2, 0.2, 0])


def test_slopes_at_zero() -> None:
    assert Hill(10, 2, 1).slope(0) == 5
    assert Hill(10, 2, 1.5).slope(0) == 0
    assert Hill(10, 2, 0.5).slope(0) == np.inf
    assert Power(2, 0.5).slope(0) == np.inf
    assert Power(2, 1).slope(0) == 2
    assert Logistic(10, 0.5).slope(0) == 2.5
    assert Log(3, 2).slope(0) == 1.5


@given(curves, st.lists(st.floats(0, 1e12), min_size=2, max_size=30))
def test_values_start_at_zero_and_never_fall(curve: Curve, spends: list[float]) -> None:
    values = curve.value(np.sort(spends))
    assert curve.value(0) == 0
    assert curve.value(-1e-9) == 0
    assert np.isfinite(values).all()
    assert (np.diff(values) >= -1e-12 * values[-1]).all()
    assert (curve.slope(np.sort(spends)) >= 0).all()


@given(curves, st.floats(1e-3, 1e6))
def test_slope_is_the_derivative(curve: Curve, s: float) -> None:
    h = 1e-5 * s
    if any(abs(b - s) <= 2 * h for b in curve.breaks):
        return
    difference = (curve.value(s + h) - curve.value(s - h)) / (2 * h)
    assert curve.slope(s) == pytest.approx(float(difference), rel=1e-4, abs=1e-9 * float(curve.value(s)) / h)


def test_large_and_tiny_spends_are_stable() -> None:
    for exponent in (0.3, 1.0, 2.5, 50.0):
        curve = Hill(7, 1e3, exponent)
        assert curve.value(1e300) == pytest.approx(7)
        assert np.isfinite(curve.value([1e-300, 1e-10, 1e300])).all()
        assert np.isfinite(curve.slope([1e-300, 1e-10, 1e300])).all()
    assert Logistic(5, 3).value(1e300) == 5
    assert Logistic(5, 3).slope(1e300) == 0


@given(st.builds(Hill, positive, positive, st.floats(1.05, 6)))
def test_hill_inflection_is_where_the_slope_is_largest(curve: Hill) -> None:
    (at,) = curve.breaks
    grid = at * np.linspace(0.5, 1.5, 101)
    slopes = curve.slope(grid)
    assert curve.slope(at) >= slopes.max() * (1 - 1e-12)
    assert slopes[0] < slopes[50] > slopes[-1]


@settings(max_examples=200)
@given(curves, st.floats(1e-2, 1e5), st.floats(1e-2, 1e6))
def test_saturated_is_the_smaller_of_line_and_curve(curve: Curve, reference: float, z_ref: float) -> None:
    if float(curve.value(reference)) < 1e-6:
        return
    cell = Saturated(curve, reference, z_ref)
    r = np.concatenate((np.linspace(0, 5, 101), np.geomspace(1e-6, 1e3, 101)))
    expected = z_ref * np.minimum(r, curve.value(r * reference) / curve.value(reference))
    assert cell.value(r * z_ref) == pytest.approx(expected, rel=1e-12)
    assert cell.value(z_ref) == pytest.approx(z_ref)
    assert cell.value([-3.0, 0.0]).tolist() == [-3.0, 0.0]
    assert cell.slope(-3.0) == 1


@settings(max_examples=200)
@given(curves, st.floats(1e-2, 1e5))
def test_saturated_is_convex_or_concave_between_its_breaks(curve: Curve, reference: float) -> None:
    if float(curve.value(reference)) < 1e-6:
        return
    cell = Saturated(curve, reference, 1.0)
    ends = [0.0, *cell.breaks, 4 * cell.breaks[-1]]
    for low, high in pairwise(ends):
        x = np.linspace(low, high, 42)
        bend = np.diff(cell.value(x), 2)
        noise = 1e-12 * max(1.0, float(cell.value(high)))
        assert (bend <= noise).all() or (bend >= -noise).all()


def test_saturation_of_a_concave_curve_is_the_identity_below_its_reference() -> None:
    cell = Saturated(Logistic(1000, 0.001), 2000, 50)
    assert cell.value([10, 50]).tolist() == pytest.approx([10, 50])
    assert float(cell.value(60)) < 60
    assert cell.breaks == (50,)


def test_saturation_of_an_s_curve_has_three_crossings_or_two() -> None:
    # Reference in the concave part, above the tangent from 0: φ(r) < r, then above, then below r again.
    curve = Hill(1, 1, 3)
    cell = Saturated(curve, 2.0, 1.0)
    # φ(r) = r  ⇔  9 r² = 1 + 8 r³  ⇔  (r − 1)(8 r² − r − 1) = 0
    crossing = (1 + math.sqrt(33)) / 16
    assert cell.breaks == pytest.approx((0.5 * 0.5 ** (1 / 3), crossing, 1.0))
    # Reference in the convex part: below the line before 1, above it to the next crossing.
    low = Saturated(curve, 0.5, 1.0)
    # φ(r) = r  ⇔  9 r² = 8 + r³  ⇔  (r − 1)(r² − 8 r − 8) = 0; its inflection 2·0.5^(1/3) lies above the line.
    assert low.breaks == pytest.approx((1.0, 4 + math.sqrt(24)))


def test_a_saturation_without_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="reference"):
        Saturated(Log(1, 1), 0.0, 1.0)
    with pytest.raises(ValueError, match="response"):
        Saturated(Points(((5, 0), (6, 1))), 5.0, 1.0)


def test_curves_from_a_file() -> None:
    assert curve_from("hill", {"top": 9, "half": 3, "slope": 1.8}) == Hill(9, 3, 1.8)
    assert curve_from("logistic", {"top": 9, "rate": 3}) == Logistic(9, 3)
    assert curve_from("michaelis_menten", {"half": 3, "top": 9}) == MichaelisMenten(9, 3)
    assert curve_from("log", {"scale": 9, "half": 3}) == Log(9, 3)
    assert curve_from("power", {"scale": 9, "exponent": 1}) == Power(9, 1)
    assert curve_from("points", [[0, 0], [5, 2]]) == Points(((0, 0), (5, 2)))


@pytest.mark.parametrize(
    ("form", "parameters", "message"),
    [
        ("hil", {}, "unknown curve 'hil'"),
        ("hill", {"top": 1, "half": 2}, "missing slope"),
        ("hill", {"top": 1, "half": 2, "slope": 1, "s": 3}, "unknown s"),
        ("hill", {"top": 0, "half": 2, "slope": 1}, "hill top is 0"),
        ("hill", {"top": "9", "half": 2, "slope": 1}, "hill top is '9'"),
        ("hill", {"top": True, "half": 2, "slope": 1}, "hill top is True"),
        ("hill", {"top": math.nan, "half": 2, "slope": 1}, "finite"),
        ("hill", 7, "hill takes"),
        ("power", {"scale": 1, "exponent": 1.2}, "at most 1"),
        ("points", [], "points takes a list"),
        ("points", "abc", "points takes a list"),
        ("points", [[1, 2, 3]], "point 1"),
        ("points", [[1, 2], [1, 3]], "point 2 has spend 1"),
        ("points", [[1, 2], [2, 1]], "point 2 has response 1"),
        ("points", [[0, 2], [2, 3]], "point 1 has response 2 at spend 0"),
        ("points", [[-1, 0], [2, 3]], "point 1 has spend -1"),
        ("points", [[1, math.inf]], "finite"),
    ],
)
def test_wrong_curves_say_what_is_wrong(form: str, parameters: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        curve_from(form, parameters)
