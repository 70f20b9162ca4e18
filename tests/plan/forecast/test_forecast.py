"""Forecasts before launch: the plan's own figures without uncertainty, and known distributions with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.plan.plan import Evaluation
from tests.plan.small import contacts, customers, small

PLAN = ("anna email w1", "anna sms w1", "ben sms w1", "ben phone w2", "cleo phone w1", "cleo email w2")


def rich(**keys: Any) -> opt.Scenario:
    """Effects, combined responses, a saturated channel, kpis, response costs, fixed costs and a medium."""
    given: dict[str, Any] = {
        "customers": customers(segment=["gold", "gold", "silver"], car=[900.0, 800.0, 700.0]),
        "channels": {
            "email": {"unit_cost": 1},
            "sms": {"unit_cost": 2, "fixed_cost": {"amount": 3, "each": "wave"}},
            "phone": {"unit_cost": 5, "response_curve": {"michaelis_menten": {"top": 1, "half": 5}, "volume_ref": 2}},
        },
        "appetence": pd.DataFrame(
            {
                "customer_id": np.repeat(["anna", "ben", "cleo"], 3),
                "channel": ["email", "sms", "phone"] * 3,
                "score": [0.1, 0.2, 0.5, 0.15, 0.25, 0.45, 0.3, 0.05, 0.6],
                "p_sale": [0.01, 0.02, 0.05, 0.015, 0.025, 0.045, 0.03, 0.005, 0.06],
            }
        ),
        "kpis": {"sale": {"score": "p_sale", "gross_margin": "car"}},
        "offers": {"o": {"revenue": 50, "margin_rate": 0.4, "response_cost": 9}},
        "responses": {"combine": "independent", "per": ["customer_id", "wave"]},
        "media": {
            "search": {
                "spend": {"max": 100}, "curve": {"hill": {"top": 40, "half": 30, "slope": 1.5}},
                "in": "sale", "fixed_cost": 2, "line": "digital",
            }
        },
    }  # fmt: skip
    # a kpi of media needs one margin for all
    given["kpis"] = {"sale": {"score": "p_sale", "gross_margin": 800}}
    effect = {"name": "second", "effect": {"contact": 2, "factor": 0.5}}
    return small(effect, waves={"w1": "2026-03-02", "w2": "2026-03-09"}, **(given | keys))


def valued(scenario: opt.Scenario, *texts: str, spend: dict[str, float] | None = None) -> Evaluation:
    return opt.evaluate(scenario, contacts(scenario, *(texts or PLAN)), spend)


def figure(table: pd.DataFrame, measure: str, group: str = "all", by: str = "total") -> pd.Series:
    (row,) = table.index[(table["by"] == by) & (table["group"] == group) & (table["measure"] == measure)]
    return table.loc[row]


def test_without_uncertainty_the_forecast_is_the_plan_worth_of_every_group() -> None:
    found = valued(rich(), spend={"search": 20.0})
    table = found.forecast(sampling=False, draws=20, by=["channel", "segment", ["channel", "wave"]]).table
    for column in ("mean", "p10", "p50", "p90"):
        np.testing.assert_allclose(table[column], table["plan"], rtol=1e-12)
    for measure in ("response", "sale", "revenue", "gross_margin", "cost", "net_margin"):
        assert figure(table, measure)["plan"] == pytest.approx(found.totals[measure])
    assert figure(table, "roi")["plan"] == pytest.approx(found.totals["net_margin"] / found.totals["cost"])
    # every way to split adds up to the whole, media and fixed costs included
    summed = table[~table["measure"].eq("roi")].groupby(["by", "measure"])["plan"].sum()
    for by in ("channel", "segment", "channel / wave"):
        for measure in ("response", "sale", "revenue", "gross_margin", "cost", "net_margin"):
            assert summed[by, measure] == pytest.approx(found.totals[measure])
    own = found.contacts.groupby("channel")[["expected_response", "expected_gross_margin"]].sum()
    for channel in ("email", "sms", "phone"):
        assert figure(table, "response", channel, "channel")["plan"] == pytest.approx(own.loc[channel].iloc[0])
        assert figure(table, "gross_margin", channel, "channel")["plan"] == pytest.approx(own.loc[channel].iloc[1])
    budget = found.budget.groupby("channel")["cost"].sum()
    for channel in ("sms", "search"):
        assert figure(table, "cost", channel, "channel")["plan"] == pytest.approx(budget[channel])
    assert figure(table, "cost", "", "segment")["plan"] == pytest.approx(20 + 2 + 3)  # of no segment: search and starts


def test_sampling_draws_each_customer_with_its_probability() -> None:
    scenario = small(waves={"w1": "2026-03-02"})
    found = valued(scenario, "anna phone w1", "ben phone w1", "cleo sms w1")
    table = found.forecast(draws=2000, seed=3, by=["channel"]).table
    phone = figure(table, "response", "phone", "channel")
    # two coins of one half: 0, 1, 2 with probability ¼, ½, ¼
    assert (phone["p10"], phone["p50"], phone["p90"]) == (0, 1, 2)
    assert phone["mean"] == pytest.approx(1, abs=0.06)
    assert figure(table, "net_margin", "sms", "channel")["mean"] == pytest.approx(0.2 * 100 - 2, abs=3)


def test_contacts_combined_independently_respond_together_at_most_once() -> None:
    scenario = small(responses={"combine": "independent", "per": ["customer_id", "wave"]})
    found = valued(scenario, "anna phone w1", "anna sms w1", "anna email w1")
    table = found.forecast(draws=2000, by=["channel"]).table
    # 1 − 0.5 · 0.8 · 0.9 = 0.64 in one draw out of one; never two
    assert figure(table, "response")["p90"] == 1
    assert figure(table, "response")["mean"] == pytest.approx(0.64, abs=0.06)
    assert figure(table, "response", "phone", "channel")["mean"] == pytest.approx(0.64 * 5 / 8, abs=0.06)


def test_a_relative_score_uncertainty_is_common_to_all_customers_of_a_channel() -> None:
    people = pd.DataFrame({"customer_id": [f"c{number:04d}" for number in range(1000)]})
    scenario = small(customers=people, appetence=people.assign(email=0.1, sms=0.2, phone=0.1), channels={
        "email": {"unit_cost": 1}, "sms": {"unit_cost": 2}, "phone": {"unit_cost": 5}})  # fmt: skip
    plan = pd.DataFrame({"customer_id": people["customer_id"], "channel": "email"})
    found = opt.evaluate(scenario, plan)
    scores = pd.DataFrame({"channel": ["email"], "relative": [0.2]})
    table = found.forecast(scores=scores, sampling=False, draws=2000, seed=1).table
    spread = math.sqrt(math.log1p(0.04))
    low, high = (100 * math.exp(spread * z - spread**2 / 2) for z in (-1.2815515655446004, 1.2815515655446004))
    response = figure(table, "response")
    assert response["mean"] == pytest.approx(100, rel=0.02)
    assert response["p10"] == pytest.approx(low, rel=0.04)
    assert response["p90"] == pytest.approx(high, rel=0.04)
    # the customers' own luck comes on top: √(20² + 1000 · 0.1 · 0.9) for the spread
    both = figure(found.forecast(scores=scores, draws=2000, seed=2).table, "response")
    assert (both["p90"] - both["p10"]) / (high - low) == pytest.approx(math.sqrt(20**2 + 90) / 20, rel=0.1)


def test_a_wide_uncertainty_keeps_its_mean_and_media_have_one_of_their_own() -> None:
    found = valued(rich(), "anna email w1", spend={"search": 20.0})
    scores = pd.DataFrame({"channel": ["email", "search"], "offer": ["o", ""], "relative": [0.6, 0.6]})
    table = found.forecast(scores=scores, sampling=False, draws=2000, by=["channel"]).table
    spread = math.sqrt(math.log1p(0.36))
    for channel, measure in (("email", "response"), ("search", "sale")):
        one = figure(table, measure, channel, "channel")
        assert one["mean"] == pytest.approx(one["plan"], rel=0.05)
        assert one["p50"] == pytest.approx(one["plan"] * math.exp(-(spread**2) / 2), rel=0.06)


def test_counted_responses_give_the_beta_of_their_rate() -> None:
    scenario = small()
    found = valued(scenario, "anna email w1", "ben email w1", "cleo sms w1")
    scores = pd.DataFrame({"channel": ["email"], "contacts": [1000], "responses": [50]})
    forecast = found.forecast(scores=scores, sampling=False, draws=2000, by=["channel"])
    from scipy.stats import beta

    drawn = beta(50.5, 950.5)
    email = figure(forecast.table, "response", "email", "channel")
    assert email["p10"] == pytest.approx(0.2 * drawn.ppf(0.1) / drawn.mean(), rel=0.03)
    assert email["p90"] == pytest.approx(0.2 * drawn.ppf(0.9) / drawn.mean(), rel=0.03)
    assert figure(forecast.table, "response")["mean"] == pytest.approx(0.4, rel=0.02)
    assert any("scores of sms o are taken as known" in note for note in forecast.notes)


def test_drawn_curves_move_media_and_saturated_channels() -> None:
    found = valued(rich(), spend={"search": 20.0})
    curves = pd.DataFrame(
        {
            "channel": ["search"] * 2 + ["phone"] * 2,
            "draw": [1, 2, 1, 2],
            "form": ["hill", "hill", "michaelis_menten", "michaelis_menten"],
            "top": [20.0, 60.0, 0.5, 1.5],
            "half": [30.0, 30.0, 5.0, 5.0],
            "slope": [1.5, 1.5, np.nan, np.nan],
        }
    )
    forecast = found.forecast(curves=curves, sampling=False, draws=400, by=["channel"])
    at = 20**1.5 / (30**1.5 + 20**1.5)
    search = figure(forecast.table, "sale", "search", "channel")
    assert (search["p10"], search["p90"]) == pytest.approx((20 * at, 60 * at))
    assert search["plan"] == pytest.approx(40 * at)
    # z_ref = R(2) · mean worth halves or grows by half: only what lies beyond it is lost
    phone = figure(forecast.table, "response", "phone", "channel")
    assert phone["p10"] < phone["plan"] < phone["p90"] + 1e-12
    low = valued(rich(channels=with_phone(0.5)), spend={"search": 20.0})
    assert phone["p10"] == pytest.approx(low.contacts.query("channel == 'phone'")["expected_response"].sum())


def test_draws_of_fitted_curves_name_regions_and_what_the_scenario_lacks_is_told() -> None:
    media = {
        "search": {
            "by": ["country"], "spend": {"max": 100}, "in": "sale",
            "curve": {"table": pd.DataFrame({"country": ["BE", "FR"], "top": [10.0, 20.0], "half": 30.0})},
        }
    }  # fmt: skip
    found = valued(rich(media=media), spend={"search[BE]": 30.0, "search[FR]": 30.0})
    curves = pd.DataFrame(
        {
            "draw": [0, 0, 0],
            "channel": ["search", "search", "tv"],
            "region": ["BE", "FR", None],
            "form": "michaelis_menten",
            "top": [4.0, 8.0, 1.0],
            "half": 30.0,
        }
    )
    forecast = found.forecast(curves=curves, sampling=False, draws=20, by=["channel", "country"])
    assert figure(forecast.table, "sale", "search", "channel")["p50"] == pytest.approx(6)
    assert figure(forecast.table, "sale", "BE", "country")["p50"] == pytest.approx(2)
    assert any("curve draws of tv are left out" in note for note in forecast.notes)


def test_a_drawn_curve_carries_the_level_of_calibrated_scores() -> None:
    def share(factor: dict[str, float], scores: pd.DataFrame | None = None) -> float:
        own = with_phone(1.0)
        own["phone"]["response_curve"] |= factor
        found = valued(rich(channels=own), "anna phone w1")
        curves = pd.DataFrame({"channel": ["phone"], "draw": [0], "top": [0.5], "half": [5.0]})
        table = found.forecast(scores=scores, curves=curves, sampling=False, draws=200, by=["channel"]).table
        phone = figure(table, "response", "phone", "channel")
        return float(phone["p50"] / phone["plan"])

    # z = 0.5 beyond both anchors 2/7 and 1/7: without a calibration the score stays and saturates more …
    def shape(r: float) -> float:
        """R(r · 2) / R(2)."""
        return 2 * r / (5 + 2 * r) * 7 / 2

    before = 2 / 7 * shape(0.5 * 3.5)
    assert share({}) == pytest.approx(1 / 7 * shape(0.5 * 7) / before)
    # … with one, half the curve is half the score: the same place on half the curve
    assert share({"factor": 1.0}) == pytest.approx(0.5)
    # … and what is not known of the scores comes on top
    assert share({"factor": 1.0}, pd.DataFrame({"channel": ["phone"], "relative": [0.5]})) < 0.49


def with_phone(top: float) -> dict[str, Any]:
    return {
        "email": {"unit_cost": 1},
        "sms": {"unit_cost": 2, "fixed_cost": {"amount": 3, "each": "wave"}},
        "phone": {"unit_cost": 5, "response_curve": {"michaelis_menten": {"top": top, "half": 5}, "volume_ref": 2}},
    }


def test_the_same_seed_gives_the_same_forecast_whatever_the_order_of_rows() -> None:
    scenario = rich()
    one = valued(scenario, *PLAN, spend={"search": 20.0}).forecast(scores=0.2, seed=5, draws=50).table
    other = valued(scenario, *reversed(PLAN), spend={"search": 20.0}).forecast(scores=0.2, seed=5, draws=50).table
    pd.testing.assert_frame_equal(one, other)
    another = valued(scenario, *PLAN, spend={"search": 20.0}).forecast(scores=0.2, seed=6, draws=50).table
    assert not one["mean"].equals(another["mean"])


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"by": ["chanel"]}, "did you mean channel"),
        ({"scores": -0.1}, "at least 0"),
        ({"scores": pd.DataFrame({"channel": ["emial"], "relative": [0.1]})}, "did you mean email"),
        ({"scores": pd.DataFrame({"channel": ["email"]})}, "either relative, or contacts and responses"),
        ({"scores": pd.DataFrame({"channel": ["email"], "contacts": [5], "responses": [6]})}, "exceeds contacts"),
        ({"scores": pd.DataFrame({"channel": ["email", "email"], "relative": [0.1, 0.2]})}, "stands twice"),
        ({"curves": pd.DataFrame({"channel": ["email"], "draw": [1], "top": [1.0]})}, "no response curve"),
        ({"curves": pd.DataFrame({"channel": ["phone"], "draw": [1], "top": [1.0]})}, "parameters of one curve"),
        ({"draws": 3}, "at least 20"),
        ({"seed": -1}, "at least 0"),
    ],
)  # fmt: skip
def test_bad_input_says_what_was_expected(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        valued(rich()).forecast(**keys)


def test_an_empty_plan_forecasts_nothing() -> None:
    scenario = small()
    nobody = pd.DataFrame({"customer_id": [], "activity": []}, dtype=str)
    empty = opt.evaluate(scenario, nobody)
    assert (empty.forecast(scores=0.1, draws=20).table["mean"].fillna(0) == 0).all()
