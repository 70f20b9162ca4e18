"""Fitting: known curves found again, the same answer in any unit and order, published data near their truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.learn.response.curve_keys import keys_of
from tests.learn.response.simulated import TRUTH, weeks

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
CALL: dict[str, Any] = {"response": "orders", "controls": ["price"]}


@pytest.fixture(scope="module")
def fitted() -> opt.FittedCurves:
    return opt.fit_curves(weeks()[0], **CALL, draws=40)


def test_known_contributions_are_found_again(fitted: opt.FittedCurves) -> None:
    truth = weeks()[1]
    table = fitted.contributions.set_index("name")
    for channel, true in truth.items():
        assert table.loc[channel, "response"] == pytest.approx(true, rel=0.1)
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["response"].sum() == pytest.approx(weeks()[0]["orders"].sum())


def test_without_noise_the_curves_are_found_to_many_digits() -> None:
    fitted = opt.fit_curves(weeks(noise=0.0)[0], **CALL, draws=0)
    # The season of the year is one harmonic of the day of the year here, and of days since 1970 in the baseline.
    for channel, (top, rate, decay) in TRUTH.items():
        found = fitted.parameters.query("channel == @channel").set_index("parameter")["value"]
        assert list(found.index) == ["decay", "top", "rate"]
        assert found["decay"] == pytest.approx(decay, abs=2e-3)
        assert found["top"] == pytest.approx(top, rel=2e-2)
        assert found["rate"] == pytest.approx(rate, rel=2e-2)


def test_units_make_no_difference(fitted: opt.FittedCurves) -> None:
    table = weeks()[0]
    scaled = table.assign(tv=table.tv * 1e6, web=table.web * 1e6, orders=table.orders * 1e-6)
    other = opt.fit_curves(scaled, **CALL, draws=0)
    spend = np.linspace(0.0, 1.0, 11)
    for channel, curve in fitted.curves.items():
        assert other.curves[channel].value(spend * 1e6) == pytest.approx(curve.value(spend) * 1e-6, rel=1e-6)
    assert (other.choice["chosen"] == fitted.choice["chosen"]).all()


def test_the_order_of_rows_and_columns_makes_no_difference(fitted: opt.FittedCurves) -> None:
    table = weeks()[0]
    mixed = table.sample(frac=1.0, random_state=4)[["orders", "web", "price", "tv", "date"]]
    other = opt.fit_curves(mixed, **CALL, draws=40)
    assert other.curves == fitted.curves
    pd.testing.assert_frame_equal(other.parameters, fitted.parameters)
    pd.testing.assert_frame_equal(other.contributions, fitted.contributions)


def test_a_horizon_is_the_period_many_times_over(fitted: opt.FittedCurves) -> None:
    for channel, curve in fitted.over(13).items():
        spend = np.array([0.5, 3.0, 9.0])
        assert curve.value(spend) == pytest.approx(13 * fitted.curves[channel].value(spend / 13))


@pytest.mark.skipif(not (DATA / "pymc_mmm").is_dir(), reason=f"needs the published data in {DATA}")
def test_published_contributions_within_a_tenth() -> None:
    fitted = opt.fit_curves(
        DATA / "pymc_mmm" / "mmm_example.csv.gz",
        response="y",
        date="date_week",
        date_format="%m/%d/%Y",
        channels=["x1", "x2"],
        controls=["event_1", "event_2"],
        draws=0,
    )
    found = fitted.contributions.set_index("name")["response"]
    assert found["x1"] == pytest.approx(274_848.3, rel=0.1)
    assert found["x2"] == pytest.approx(65_906.0, rel=0.1)
    assert found.sum() == pytest.approx(946_005.6, rel=1e-6)
    form, keys = keys_of(fitted.curves["x1"])
    assert form == "logistic"
    assert keys["rate"] == pytest.approx(4.0, rel=0.1)
