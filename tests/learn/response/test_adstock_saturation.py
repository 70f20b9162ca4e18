"""Carry-over and saturation: figures worked by hand, gradients against differences, scenario curves alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optimizer.learn.response.adstock import ADSTOCKS, carry, lagged
from optimizer.learn.response.curve_keys import keys_of
from optimizer.learn.response.saturation import CONCAVE, SHAPES, curve_of, hinges, knots_of, line_of
from optimizer.scenario.curves import Points, curve_from


def test_geometric_weights_by_hand() -> None:
    # 1, 1/2, 1/4 sum to 7/4.
    assert ADSTOCKS["geometric"].weights(np.array([0.5]), 2) == pytest.approx([4 / 7, 2 / 7, 1 / 7])


def test_delayed_weights_by_hand() -> None:
    # 0.5^((l − 1)²) = 1/2, 1, 1/2, 1/16.
    assert ADSTOCKS["delayed"].weights(np.array([0.5, 1.0]), 3) == pytest.approx(np.array([8, 16, 8, 1]) / 33)


def test_weibull_weights_by_hand() -> None:
    # Shape 1 is exponential: survival e^(−l/2) at lags 0, 1, 2 multiplies to e^0, e^(−1/2), e^(−3/2).
    cdf = np.exp([0.0, -0.5, -1.5])
    assert ADSTOCKS["weibull_cdf"].weights(np.array([1.0, 2.0]), 2) == pytest.approx(cdf / cdf.sum())
    # Density of shape 2, scale 2 at 1, 2, 3: (k/s)(x/s) e^(−(x/s)²).
    pdf = np.array([x / 2 * math.exp(-((x / 2) ** 2)) for x in (1, 2, 3)])
    assert ADSTOCKS["weibull_pdf"].weights(np.array([2.0, 2.0]), 2) == pytest.approx(pdf / pdf.sum())


@pytest.mark.parametrize("name", list(ADSTOCKS))
def test_weights_and_their_gradient(name: str) -> None:
    form = ADSTOCKS[name]
    low, high = form.bounds(6)
    random = np.random.default_rng(3)
    for _ in range(20):
        at = low + (high - low) * random.uniform(0.05, 0.95, len(low))
        weights = form.weights(at, 6)
        assert weights.sum() == pytest.approx(1.0)
        assert (weights >= 0).all()
        found = form.gradient(at, 6)
        for k in range(len(at)):
            step = np.zeros(len(at))
            step[k] = 1e-5
            rough = (form.weights(at + step, 6) - form.weights(at - step, 6)) / 2e-5
            assert found[:, k] == pytest.approx(rough, abs=1e-6)


def test_lags_stop_at_the_start_of_a_region() -> None:
    rows = lagged(np.array([1.0, 2.0, 3.0, 10.0, 20.0]), np.array([0, 1, 2, 0, 1]), 2)
    assert rows.tolist() == [[1, 0, 0], [2, 1, 0], [3, 2, 1], [10, 0, 0], [20, 10, 0]]


def test_lags_are_periods_where_rows_are_missing() -> None:
    # Periods 2, 3, 4 of the first series have no row, nor 1, 2, 3 of the second.
    rows = lagged(np.array([1.0, 2.0, 3.0, 10.0, 20.0, 30.0]), np.array([0, 1, 5, 0, 4, 5]), 2)
    assert rows.tolist() == [[1, 0, 0], [2, 1, 0], [3, 0, 0], [10, 0, 0], [20, 0, 0], [30, 20, 0]]


def test_carry_is_a_sum_over_lags() -> None:
    assert carry(np.array([4.0, 0.0, 2.0]), np.array([0.5, 0.25, 0.25])) == pytest.approx([2.0, 1.0, 2.0])


@pytest.mark.parametrize("name", list(SHAPES))
def test_a_shape_is_the_scenarios_curve_and_its_gradient_is_right(name: str) -> None:
    shape = SHAPES[name]
    random = np.random.default_rng(5)
    low, high = shape.bounds
    spend = np.concatenate(([0.0], random.uniform(0.01, 1.0, 12)))
    for _ in range(10):
        logs = low + (high - low) * random.uniform(0.05, 0.95, len(low))
        value, bend, others = shape.parts(spend, np.exp(logs))
        # The same curve as the scenario file states it, in other units of spend and response.
        curve = curve_of(name, np.exp(logs), np.array([2.0]), np.empty(0), 1000.0, 7.0)
        assert curve.value(spend * 1000.0) == pytest.approx(14.0 * value)
        form, keys = keys_of(curve)
        assert curve_from(form, keys) == curve
        step = 1e-6
        rough = (shape.parts(spend[1:] + step, np.exp(logs))[0] - shape.parts(spend[1:] - step, np.exp(logs))[0]) / (
            2 * step
        )
        assert bend[1:] == pytest.approx(rough, rel=1e-4, abs=1e-6)
        for k, by in enumerate(others):
            up, down = logs.copy(), logs.copy()
            up[k], down[k] = up[k] + step, down[k] - step
            rough = (shape.parts(spend, np.exp(up))[0] - shape.parts(spend, np.exp(down))[0]) / (2 * step)
            assert by == pytest.approx(rough, rel=1e-4, abs=1e-7)


def test_a_concave_line_by_hand() -> None:
    # 2 · min(s, 1) / 1 + 3 · min(s, 4) / 4: 2.75 at 1, 5 at 4, flat after it.
    curve = curve_of(CONCAVE, np.empty(0), np.array([2.0, 3.0]), np.array([1.0, 4.0]), 10.0, 1.0)
    assert isinstance(curve, Points)
    assert curve.points == ((10.0, 2.75), (40.0, 5.0))
    assert hinges(np.array([2.0]), np.array([1.0, 4.0])).tolist() == [[1.0, 0.5]]


def test_points_that_are_no_kinks_go() -> None:
    assert line_of(np.array([1.0, 2.0, 4.0]), np.array([3.0, 6.0, 7.0])).points == ((2.0, 6.0), (4.0, 7.0))


def test_kinks_are_the_spends_seen_or_their_quantiles() -> None:
    assert knots_of(np.array([0.0, 3.0, 1.0, 3.0])).tolist() == [1.0, 3.0]
    many = knots_of(np.arange(100.0))
    assert len(many) == 12
    assert many[-1] == 99.0


def test_no_height_is_a_flat_curve() -> None:
    curve = curve_of("hill", np.array([0.5, 2.0]), np.zeros(1), np.empty(0), 100.0, 1.0)
    assert curve.value([0.0, 50.0, 500.0]).tolist() == [0.0, 0.0, 0.0]
