"""Enclosures lie on their side of the curve everywhere, close in, and mean the same inside a model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from optimizer.scenario.curves import Curve, Hill, Log, Logistic, MichaelisMenten, Points, Power, Saturated
from optimizer.solve.linear_model import LinearModel
from optimizer.solve.piecewise import (
    PiecewiseLinear,
    Side,
    add_piecewise,
    initial_breakpoints,
    inner,
    outer,
    refine,
)

positive = st.floats(0.01, 1e6)
plain = st.one_of(
    st.builds(Hill, positive, positive, st.floats(0.3, 6)),
    st.builds(Logistic, positive, st.floats(1e-6, 10)),
    st.builds(MichaelisMenten, positive, positive),
    st.builds(Log, positive, positive),
    st.builds(Power, positive, st.floats(0.05, 1)),
    st.lists(st.tuples(st.integers(1, 900), st.integers(0, 900)), min_size=1, max_size=6).map(
        lambda steps: Points(tuple((float(x) / 8, float(y) / 8) for x, y in np.cumsum(steps, axis=0)))
    ),
)


@st.composite
def saturated(draw: st.DrawFn) -> Saturated:
    curve, reference = draw(plain), draw(st.floats(1e-2, 1e5))
    if float(curve.value(reference)) < 1e-6:
        curve = Log(1.0, 1.0)
    return Saturated(curve, reference, draw(positive))


functions = st.one_of(plain, saturated())


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Curve, np.ndarray]:
    f = draw(functions)
    scale = f.z_ref if isinstance(f, Saturated) else 1.0
    low = scale * draw(st.one_of(st.just(0.0), st.floats(0.001, 10)))
    if isinstance(f, Saturated) and draw(st.booleans()):
        low = -low
    high = low + scale * draw(st.floats(0.01, 1e4))
    shares = draw(st.lists(st.integers(0, 10**6).map(lambda parts: parts / 10**6), max_size=8))
    return f, np.asarray([low, high, *(low + share * (high - low) for share in shares)])


def _everywhere(breakpoints: np.ndarray) -> np.ndarray:
    """Points of the interval: even, crowded at each end, and each side of every breakpoint by a rounding."""
    low, high = breakpoints.min(), breakpoints.max()
    even, near = np.linspace(low, high, 2001), np.geomspace(1e-14, 1, 200) * (high - low)
    away = breakpoints[breakpoints != 0]  # beside 0 lie only subnormal numbers, where rounding is not relative
    sides = np.concatenate((np.nextafter(away, -np.inf), np.nextafter(away, np.inf)))
    return np.clip(np.concatenate((even, low + near, high - near, breakpoints, sides)), low, high)


@settings(max_examples=400)
@given(intervals())
def test_enclosures_hold_in_float64(case: tuple[Curve, np.ndarray]) -> None:
    f, breakpoints = case
    x = np.concatenate((_everywhere(breakpoints), [b for b in f.breaks if breakpoints.min() < b < breakpoints.max()]))
    value = f.value(x)
    assert (outer(f, breakpoints).value(x) >= value).all()
    assert (inner(f, breakpoints).value(x) <= value).all()


@settings(max_examples=200)
@given(intervals())
def test_enclosures_meet_the_curve_at_breakpoints(case: tuple[Curve, np.ndarray]) -> None:
    f, breakpoints = case
    at = breakpoints[~np.isinf(f.slope(breakpoints))]
    close = 1e-9 * max(1e-300, float(np.abs(f.value(breakpoints)).max()))
    assert inner(f, breakpoints).value(breakpoints) == pytest.approx(f.value(breakpoints), abs=close)
    # The outer one may stand off where the tangents at both ends of a segment are next to one line.
    low, high = breakpoints.min(), breakpoints.max()
    fine = np.append(breakpoints, initial_breakpoints(f, low, high, 400))
    off = outer(f, fine).value(at) - f.value(at)
    assert (off <= 2e-3 * np.ptp(f.value([low, high])) + close).all()


@settings(max_examples=100)
@given(intervals())
def test_breakpoints_close_in(case: tuple[Curve, np.ndarray]) -> None:
    f, breakpoints = case
    low, high = breakpoints.min(), breakpoints.max()
    x = _everywhere(breakpoints)
    height = np.ptp(f.value([low, high])) + 1e-6 * np.abs(f.value([low, high])).max() + 1e-300
    gaps = []
    for count in (16, 256):
        knots = initial_breakpoints(f, low, high, count)
        assert knots[0] == low
        assert knots[-1] == high
        assert len(knots) <= count + len(f.breaks) + 3
        gaps.append(float((outer(f, knots).value(x) - inner(f, knots).value(x)).max()) / height)
    steep = bool(np.isinf(f.slope(low)))
    assert steep or gaps[1] <= max(0.02 * gaps[0], 1e-6)
    assert gaps[1] < gaps[0] + 1e-12


def test_refining_around_a_point_makes_it_exact() -> None:
    f = Hill(100.0, 40.0, 3.0)
    knots = initial_breakpoints(f, 0, 200, 6)
    gap = float(outer(f, knots).value(77.0) - f.value(77.0))
    assert gap > 1e-2
    finer = refine(knots, 77.0)
    assert set(knots) < set(finer)
    assert outer(f, finer).value(77.0) == pytest.approx(float(f.value(77.0)), rel=1e-12)
    assert outer(f, finer).value(78.0) - f.value(78.0) < 0.3 * (outer(f, knots).value(78.0) - f.value(78.0))
    with pytest.raises(ValueError, match="outside"):
        refine(knots, 201.0)


def test_refining_at_zero_shrinks_what_a_steep_start_leaves() -> None:
    f, knots = Power(1.0, 0.5), np.asarray([0.0, 1.0])
    offs = []
    for _ in range(8):
        offs.append(float(outer(f, knots).value(0.0)))
        knots = refine(knots, 0.0)
    assert offs[0] == pytest.approx(0.5)
    assert offs[-1] < 1e-4


def test_where_binaries_stand() -> None:
    s_curve = PiecewiseLinear(np.arange(6.0), np.asarray([0, 1, 3, 6, 8, 9.0]))
    assert s_curve.steps("upper").tolist() == [0, 1]
    assert s_curve.steps("lower").tolist() == [2, 3]
    assert s_curve.steps("both").tolist() == [0, 1, 2, 3]
    assert not s_curve.is_concave_from()
    assert not s_curve.is_concave_from(1)
    assert s_curve.is_concave_from(2)


@settings(max_examples=60)
@given(intervals())
def test_concave_curves_need_no_binary(case: tuple[Curve, np.ndarray]) -> None:
    f, breakpoints = case
    if f.breaks or breakpoints.min() < 0 or (isinstance(f, Hill) and f.exponent > 1):
        return
    knots = initial_breakpoints(f, breakpoints.min(), breakpoints.max(), 40)
    assert outer(f, knots).is_concave_from()
    model = LinearModel()
    z = model.add_variables("z", 1, lower=breakpoints.min(), upper=breakpoints.max())
    add_piecewise(model, "curve", (z, [1.0], 0.0), outer(f, knots), side="upper")
    assert not model.form().integer.any()


def _extreme(pwl: PiecewiseLinear, side: Side, z: float, towards: float, on: int | None = None) -> float | None:
    """Find the largest (towards = 1) or smallest y where the argument, 2u + 3v + 1, is z; None where there is none.

    The binaries are a chain b_1 ≥ b_2 ≥ …, so that as many linear programs as there are of them, and one, are all.
    """
    model = LinearModel()
    uv = model.add_variables("uv", 2, lower=-1e3, upper=1e3)
    switch = None if on is None else int(model.add_variables("on", 1, lower=on, upper=on)[0])
    curve = add_piecewise(model, "f", (uv, [2.0, 3.0], 1.0), pwl, side=side, on=switch)
    model.add_rows("fix", [0, 0], uv, [2.0, 3.0], lower=z - 1, upper=z - 1, size=1)
    model.add_objective(curve.result, towards)
    form = model.form()
    assert form.integer.sum() == len(curve.steps)
    found = []
    for opened in range(len(curve.steps) + 1):
        lower, upper = form.lower.copy(), form.upper.copy()
        lower[curve.steps[:opened]], upper[curve.steps[opened:]] = 1, 0
        rows = LinearConstraint(form.matrix, form.row_lower, form.row_upper)
        result = milp(-form.objective, bounds=Bounds(lower, upper), constraints=rows)
        if result.status == 0:
            found.append(float(result.x[curve.result]))
        assert result.status in (0, 2)
    return max(found, key=lambda y: towards * y, default=None)


shapes = st.lists(st.tuples(st.integers(1, 5), st.integers(-4, 6)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(shapes, st.integers(-3, 3), st.integers(-3, 3), st.floats(0, 1), st.booleans())
def test_the_model_means_the_function(
    shape: list[tuple[int, int]], x0: int, y0: int, share: float, switched: bool
) -> None:
    steps = np.asarray(shape, float)
    pwl = PiecewiseLinear(np.append(0, np.cumsum(steps[:, 0])) + x0, np.append(0, np.cumsum(steps[:, 1])) + y0)
    z = float(pwl.x[0] + share * (pwl.x[-1] - pwl.x[0]))
    on = 1 if switched else None
    y = float(pwl.value(z))
    assert _extreme(pwl, "both", z, 1, on) == pytest.approx(y, abs=1e-6)
    assert _extreme(pwl, "both", z, -1, on) == pytest.approx(y, abs=1e-6)
    assert _extreme(pwl, "upper", z, 1, on) == pytest.approx(y, abs=1e-6)
    assert _extreme(pwl, "lower", z, -1, on) == pytest.approx(y, abs=1e-6)
    assert _extreme(pwl, "both", float(pwl.x[-1]) + 0.5, 1, on) is None


@pytest.mark.parametrize("side", ["upper", "lower", "both"])
@pytest.mark.parametrize("y", [[2, 5, 7, 8], [2, 3, 5, 8], [2, 3, 6, 8, 9], [7]])
def test_switched_off_is_nought(side: Side, y: list[float]) -> None:
    pwl = PiecewiseLinear(np.asarray(10.0 + np.arange(len(y)), float), np.asarray(y, float))
    towards = -1 if side == "lower" else 1
    assert _extreme(pwl, side, 0.0, towards, on=0) == pytest.approx(0, abs=1e-9)
    assert _extreme(pwl, side, 10.0, towards, on=0) is None
    assert _extreme(pwl, side, 10.0, towards, on=1) == pytest.approx(y[0])
    assert _extreme(pwl, side, 0.0, towards, on=1) is None


@pytest.mark.parametrize("side", ["upper", "both"])
@pytest.mark.parametrize("on", [False, True])
def test_a_start_satisfies_the_model(side: Side, on: bool) -> None:
    f = Hill(100.0, 40.0, 3.0)
    hull = outer(f, initial_breakpoints(f, 10, 200, 12))
    model = LinearModel()
    z, switch = model.add_variables("z", 1, upper=200), model.add_variables("on", 1, upper=1, integer=True)
    curve = add_piecewise(model, "f", (z, [1.0], 0.0), hull, side=side, on=int(switch[0]))
    form = model.form()
    for spend in (10.0, 63.2, 200.0):
        x = np.zeros(len(form.objective))
        columns, values = curve.start(spend, on)
        x[columns], x[z], x[switch] = values, spend * on, on
        activity = form.matrix @ x
        assert (activity >= form.row_lower - 1e-9).all()
        assert (activity <= form.row_upper + 1e-9).all()
        assert (x >= form.lower).all()
        assert (x <= form.upper).all()


def test_straight_pieces_take_no_breakpoints_but_their_kinks() -> None:
    """Rounding looks like a bend: breakpoints drawn from it came to lie 1e-7 beside a kink."""
    f = Points(((2.0, 10.635), (5.0, 17.016), (10.0, 21.27)))
    assert initial_breakpoints(f, 0.0, 5.0, 10).tolist() == [0.0, 2.0, 5.0]
    assert initial_breakpoints(f, 1.0, 10.0, 10).tolist() == [1.0, 2.0, 5.0, 10.0]
