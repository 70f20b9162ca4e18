"""Intervals hold the truth about as often as they say; carry-over adds up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.learn.response.fitted import between
from optimizer.learn.response.importers import ImportedCurves
from tests.learn.response.simulated import adstocked, weeks

FAST: dict[str, Any] = {
    "response": "orders",
    "adstock": "geometric",
    "saturation": "logistic",
    "seasonality": 0,
    "holdout": 0,
    "starts": 2,
}


def one_channel(seed: int, number: int = 80) -> tuple[pd.DataFrame, float]:
    random = np.random.default_rng(seed)
    spend = random.gamma(1.5, 0.25, number).clip(0, 1)
    brought = 3.0 * np.tanh(2.0 * adstocked(spend, 0.4))
    dates = pd.date_range("2024-01-01", periods=number, freq="7D")
    response = 5.0 + brought + random.normal(0, 0.4, number)
    return pd.DataFrame({"date": dates, "tv": spend, "orders": response}), float(brought.sum())


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    inside, errors, widths = 0, [], []
    for seed in range(25):
        table, truth = one_channel(seed)
        row = opt.fit_curves(table, **FAST, draws=40).contributions.iloc[0]
        inside += row["low"] <= truth <= row["high"]
        errors.append(row["response"] - truth)
        widths.append(row["high"] - row["low"])
    # Of 25 at 80 %: fewer than 15 would be odd (about one time in a hundred).
    assert 15 <= inside <= 25
    # P10 to P90 of a normal is 2.56 standard deviations; that of 25 errors is itself known to about 14 %.
    assert 0.65 < np.mean(widths) / (2.563 * np.sqrt(np.mean(np.square(errors)))) < 1.5


def test_more_noise_widens_them() -> None:
    widths = []
    for noise in (0.05, 0.5):
        asked = {**FAST, "controls": ["price"], "seasonality": 1}
        row = opt.fit_curves(weeks(90, noise=noise)[0], **asked, draws=30).contributions.iloc[0]
        widths.append(row["high"] - row["low"])
    assert widths[1] > 3 * widths[0]


def test_without_draws_there_are_none() -> None:
    fitted = opt.fit_curves(one_channel(3)[0], **FAST, draws=0)
    assert fitted.draws == 0
    assert fitted.intervals[["low", "high"]].isna().all(axis=None)
    assert fitted.contributions[["low", "high"]].isna().all(axis=None)


def test_what_crosses_the_edges_of_a_horizon() -> None:
    table = one_channel(5)[0]
    fitted = opt.fit_curves(table, **FAST, draws=0)
    decay = float(fitted.parameters.query("parameter == 'decay'")["value"].iloc[0])
    curve = fitted.curves["tv"]
    past = table["tv"].to_numpy()

    def path(horizon: list[float]) -> np.ndarray:
        spend = np.concatenate((past, horizon, np.zeros(8)))
        return np.asarray(curve.value(adstocked(spend, decay)))[len(past) :]

    found = fitted.carry_over(3, {"tv": 1.5}).iloc[0]
    without, both = path([0.0] * 3), path([0.5] * 3)
    assert found["spend"] == 1.5
    assert found["carried_in"] == pytest.approx(without[:3].sum())
    assert found["inside"] == pytest.approx((both - without)[:3].sum())
    assert found["carried_out"] == pytest.approx((both - without)[3:].sum())
    # The curve after the past says both parts together.
    after = fitted.after_past(3, points=64)["tv"]
    assert after.value(1.5) == pytest.approx(found["inside"] + found["carried_out"], rel=1e-2)


def test_past_spend_takes_from_what_the_horizon_adds() -> None:
    fitted = opt.fit_curves(one_channel(5)[0], **FAST, draws=0)
    spend = 3 * 0.6
    assert fitted.after_past(3)["tv"].value(spend) < fitted.over(3)["tv"].value(spend) * 1.1


@pytest.mark.parametrize("periods", [0, -1, float("nan"), float("inf"), "a"])
def test_curves_are_over_some_periods(periods: Any) -> None:
    fitted = opt.fit_curves(one_channel(5)[0], **FAST, draws=0)
    for ask in (fitted.over, ImportedCurves(fitted.curves, fitted.cells, None).over):
        with pytest.raises(opt.ScenarioError, match=r"periods is .*: expected a finite number above 0"):
            ask(periods)


def test_horizons_of_a_whole_number_of_any_type() -> None:
    fitted = opt.fit_curves(one_channel(5)[0], **FAST, draws=0)
    pd.testing.assert_frame_equal(fitted.carry_over(3.0), fitted.carry_over(3))  # type: ignore[arg-type]
    assert fitted.after_past(3.0, points=4.0) == fitted.after_past(3, points=4)  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", [3, 999, -1, "a", 1.5])
def test_a_draw_that_there_is_not_is_refused(draw: Any) -> None:
    fitted = opt.fit_curves(one_channel(5)[0], **FAST, draws=3)
    with pytest.raises(opt.ScenarioError, match=r"over: draw is .*: expected a whole number from 0 to 2"):
        fitted.over(1, draw=draw)
    with pytest.raises(opt.ScenarioError, match="none: the fit was not drawn again"):
        opt.fit_curves(one_channel(5)[0], **FAST, draws=0).over(1, draw=0)


def test_of_any_number_of_draws_a_level_holds_that_share_of_further_ones() -> None:
    # Of n draws, a further one falls between any two neighbours with the same chance, 1 / (n + 1).
    for draws in (9, 19, 39):
        low, high = between([float(k) for k in range(1, draws + 1)], 0.8)
        assert (high - low) / (draws + 1) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("spend", "words"),
    [
        ({"tv": "a"}, r"spend.tv is 'a': expected an amount of at least 0"),
        ({"tv": None}, r"spend.tv: expected an amount of at least 0"),
        ({"tv": -1.0}, r"spend.tv is -1.0: expected an amount of at least 0"),
        ([1.0], r"spend is \[1.0\]: expected a mapping"),
    ],
)
def test_money_of_a_horizon_is_an_amount(spend: Any, words: str) -> None:
    fitted = opt.fit_curves(one_channel(5)[0], **FAST, draws=0)
    with pytest.raises(opt.ScenarioError, match=words):
        fitted.carry_over(3, spend)


def test_bad_horizons_are_refused() -> None:
    fitted = opt.fit_curves(one_channel(5)[0], **FAST, draws=0)
    with pytest.raises(opt.ScenarioError, match="whole number of at least 1"):
        fitted.carry_over(0)
    with pytest.raises(opt.ScenarioError, match="did you mean tv"):
        fitted.carry_over(3, {"tvv": 1.0})
    with pytest.raises(opt.ScenarioError, match="at least 0"):
        fitted.carry_over(3, {"tv": -1.0})
