"""Observed tables without rows where nothing was spent: the same curves and horizons as with rows of zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from tests.learn.response.simulated import adstocked

CALL: dict[str, Any] = {"adstock": "geometric", "saturation": "logistic", "holdout": 0, "starts": 3, "draws": 0}
SIZES = {"DE": 2.0, "FR": 1.0}


def whole() -> pd.DataFrame:
    """Two regions of 80 weeks, decay 0.6, no noise; spend in about half of the weeks, none in the last of France."""
    random = np.random.default_rng(8)
    frames = []
    for region, size in SIZES.items():
        spend = size * random.uniform(0.05, 1.0, 80) * (random.random(80) < 0.5)
        spend[0], spend[-1] = 0.4 * size, 0.7 * size
        if region == "FR":
            spend[-3:] = 0.0
        response = size * 3.0 * np.tanh(0.5 * 4.0 * adstocked(spend / size, 0.6))
        date = pd.date_range("2024-01-01", periods=80, freq="7D")
        columns = {"date": date, "channel": "tv", "region": region, "spend": spend, "response": response}
        frames.append(pd.DataFrame(columns).assign(people=size))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def both() -> tuple[opt.FittedCurves, opt.FittedCurves]:
    table = whole()
    return (
        opt.fit_curves(table, size="people", **CALL),
        opt.fit_curves(table[table["spend"] > 0], size="people", **CALL),
    )


def test_the_truth_is_found_with_and_without_rows_of_zeros(both: tuple[opt.FittedCurves, opt.FittedCurves]) -> None:
    for fitted in both:
        found = fitted.parameters.query("parameter == 'decay'")["value"].iloc[0]
        assert found == pytest.approx(0.6, abs=1e-4)
        for region, size in SIZES.items():
            spend = np.array([0.2, 0.5, 0.9])
            true = size * 3.0 * np.tanh(0.5 * 4.0 * spend)
            assert fitted.curves[f"tv[{region}]"].value(spend * size) == pytest.approx(true, rel=1e-3)


def test_what_crosses_a_horizon_is_the_same(both: tuple[opt.FittedCurves, opt.FittedCurves]) -> None:
    # Means are a period and not a row; the past ends with the table's last week, also where a region has no row then.
    full, short = (fitted.carry_over(4).set_index("region") for fitted in both)
    mean = whole().groupby("region")["spend"].mean()
    for region in mean.index:
        assert full.loc[region, "spend"] == pytest.approx(4 * mean[region])
        for column in ("spend", "carried_in", "inside", "carried_out"):
            assert short.loc[region, column] == pytest.approx(full.loc[region, column], rel=1e-3)
    after = [fitted.after_past(4) for fitted in both]
    for region, size in SIZES.items():
        assert after[1][f"tv[{region}]"].value(size) == pytest.approx(after[0][f"tv[{region}]"].value(size), rel=1e-2)


def test_a_channel_bought_every_fourth_week_has_weeks_for_periods() -> None:
    random = np.random.default_rng(4)
    date = pd.date_range("2024-01-01", periods=48, freq="7D")
    frames = []
    for channel, every in (("flyers", 4), ("search", 1)):
        spend = np.where(np.arange(48) % every == 0, random.uniform(0.1, 1.0, 48), 0.0)
        frames.append(pd.DataFrame({"date": date, "channel": channel, "spend": spend, "response": 2 * np.tanh(spend)}))
    full = pd.concat(frames, ignore_index=True)
    asked = {**CALL, "adstock": "none"}
    whole_table, spent = (opt.fit_curves(one, **asked).carry_over(4) for one in (full, full[full["spend"] > 0]))
    pd.testing.assert_frame_equal(whole_table, spent, rtol=1e-6)
    assert spent.set_index("channel").loc["flyers", "spend"] == pytest.approx(4 * frames[0]["spend"].mean())


def test_periods_that_are_not_equally_long_are_told() -> None:
    table = whole().query("region == 'DE'").drop(columns=["region", "people"])
    other = table.assign(channel="print", date=pd.date_range("2024-01-01", periods=80, freq="10D"))
    notes = opt.fit_curves(pd.concat([table, other]), **CALL).notes
    assert any("periods are not equally long (print 10 days, tv 7 days)" in note for note in notes)


def test_spaces_around_a_channel_are_no_part_of_it() -> None:
    table = whole().query("region == 'DE'").drop(columns=["region", "people"])
    spaced = table.assign(channel=["tv", "tv "] * 40)
    assert opt.fit_curves(spaced, **CALL).curves == opt.fit_curves(table, **CALL).curves
    with pytest.raises(opt.ScenarioError, match="row 1, column channel is ' ': expected a name"):
        opt.fit_curves(table.assign(channel=" "), **CALL)


def test_a_volume_beside_spend_is_told() -> None:
    table = whole().query("region == 'DE'").drop(columns=["region", "people"])
    notes = opt.fit_curves(table.assign(volume=1), **CALL).notes
    assert "the curves are of spend; the column volume is not read" in notes
