"""Volume, budget, measures, shares and openings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.plan.small import customers, figures, judged, past, row, small

WEEK = {"w1": "2026-03-02", "w2": "2026-03-08", "w3": "2026-03-09"}
COUNTRIES = customers(country=["FR", "FR", "DE"])
TV = {"spend": {"max": 100}, "curve": {"michaelis_menten": {"top": 80, "half": 20}}}


def passes(rule: dict[str, Any], *plan: str, spend: dict[str, float] | None = None, **keys: Any) -> bool:
    return judged(small(rule, **({"waves": WEEK} | keys)), *plan, spend=spend).passed


# --- volume ------------------------------------------------------------------------------------------------------


def test_volume_each_country_and_channel() -> None:
    scenario = small({"volume": {"max": 1}, "each": ["country", "channel"]}, customers=COUNTRIES)
    verdict = judged(scenario, "anna email w1", "ben sms w1", "cleo email w1")
    assert verdict.passed
    assert row(verdict, "volume", "country=FR, channel=email")["value"] == 1
    assert row(verdict, "volume", "country=DE, channel=phone")["value"] == 0
    broken = judged(scenario, "anna email w1", "ben email w1")
    assert broken.checks[~broken.checks["passed"]]["scope"].tolist() == ["country=FR, channel=email"]


def test_scopes_are_those_of_eligible_pairs_that_where_keeps() -> None:
    appetence = pd.DataFrame({"customer_id": ["anna", "cleo"], "email": [0.1, None], "sms": [None, 0.1]})
    channels = {"email": {"unit_cost": 1}, "sms": {"unit_cost": 1}}
    rule = {"volume": {"min": 1}, "each": "country", "where": {"channel": "email"}}
    verdict = judged(small(rule, customers=COUNTRIES, appetence=appetence, channels=channels), "anna email w1")
    # Germany has nobody for e-mail: it is no scope, and its minimum is not asked
    assert verdict.passed
    assert verdict.checks[verdict.checks["rule"] == "volume"]["scope"].tolist() == ["country=FR"]


def test_a_scope_without_a_contact_is_short_of_its_minimum() -> None:
    assert not passes({"volume": {"min": 1}, "each": "country"}, "anna email w1", customers=COUNTRIES)


def test_volume_by_month_quarter_and_week() -> None:
    waves = {"w1": "2026-03-31", "w2": "2026-04-01"}
    for column, first, second in [
        ("month", "2026-03", "2026-04"),
        ("quarter", "2026-Q1", "2026-Q2"),
        ("date", "2026-03-31", "2026-04-01"),
        ("day", "2026-03-31", "2026-04-01"),
    ]:
        verdict = judged(
            small({"volume": {"max": 1}, "each": column}, waves=waves), "anna email w1", "anna email w2", "anna sms w2"
        )
        assert row(verdict, "volume", f"{column}={first}")["passed"]
        assert not row(verdict, "volume", f"{column}={second}")["passed"]
    verdict = judged(small({"volume": {"max": 1}, "each": "week"}, waves=waves), "anna email w1", "anna email w2")
    assert row(verdict, "volume", "week=2026-W14")["value"] == 2


def test_volume_counts_committed_of_the_horizon_and_no_history() -> None:
    rule = {"volume": {"max": 1}}
    assert not passes(rule, "anna email w1", committed=past("ben 2026-03-09 sms"))
    assert passes(rule, "anna email w1", committed=past("ben 2026-03-10 sms"))
    assert passes(rule, "anna email w1", history=past("ben 2026-03-02 sms"))


def test_committed_above_the_cap_of_a_coupling_rule_is_a_violation() -> None:
    assert not passes({"volume": {"max": 0}}, committed=past("ben 2026-03-09 sms"))


def test_rolling_volume() -> None:
    rule = {"volume": {"max": 1, "days": 7}}
    assert not passes(rule, "anna email w1", "ben email w2")
    assert passes(rule, "anna email w1", "ben email w3")
    # committed contacts before the horizon are in the window, history is not
    assert not passes(rule, "anna email w1", committed=past("ben 2026-02-24 sms"))
    assert passes(rule, "anna email w1", committed=past("ben 2026-02-23 sms"))
    assert passes(rule, "anna email w1", history=past("ben 2026-03-01 sms"))


def test_an_exception_replaces_the_bound_of_the_window_that_ends_there() -> None:
    rule = {"volume": {"max": 2, "days": 7, "except": [{"date": "2026-03-08", "max": 0}]}}
    assert not passes(rule, "anna email w1")
    assert passes(rule, "anna email w3", "ben email w3")
    verdict = judged(small(rule, waves=WEEK), "anna email w1", "anna email w3")
    assert row(verdict, "volume", "2026-03-02 to 2026-03-08")["max"] == 0
    assert row(verdict, "volume", "2026-03-03 to 2026-03-09")["max"] == 2


def test_an_exception_unbounds_the_side_it_does_not_state() -> None:
    rule = {"volume": {"max": 1, "days": 7, "except": [{"date": "2026-03-08", "min": 1}]}}
    assert passes(rule, "anna email w1", "ben email w2")
    assert not passes(rule, "ben email w3")


def test_a_rolling_minimum_asks_windows_inside_the_horizon() -> None:
    rule = {"volume": {"min": 1, "days": 7}}
    assert passes(rule, "anna email w2")
    assert not passes(rule, "anna email w1")
    assert not passes(rule, "anna email w3")


@pytest.mark.parametrize(("of", "value"), [("contacts", 5), ("customers", 2), ("packages", 3)])
def test_volume_of(of: str, value: int) -> None:
    scenario = small({"volume": {"max": 9, "of": of}}, waves=WEEK, committed=past("ben 2026-03-02 phone"))
    verdict = judged(scenario, "anna email w1", "anna sms w1", "anna email w2", "ben email w1")
    assert row(verdict, "volume")["value"] == value


def test_soft_volume_pays_the_shortfall_up_to_the_tolerance() -> None:
    rule = {"volume": {"min": 3, "max": 3}, "soft": {"penalty": 8, "side": "min", "tolerance": 2}}
    scenario = small(rule, waves=WEEK)
    assert figures(judged(scenario, "anna email w1"), "volume") == {"value": 1, "violation": 2, "penalty": 16}
    assert judged(scenario, "anna email w1").passed
    assert not judged(scenario).passed
    assert not judged(scenario, "anna email w1", "ben email w1", "cleo email w1", "cleo sms w1").passed


def test_bounds_from_a_table_keyed_by_each() -> None:
    table = pd.DataFrame({"country": ["FR", "DE"], "slots": [2.0, np.nan]})
    rule = {"volume": {"max": {"table": table, "column": "slots"}}, "each": ["country", "wave"]}
    keys: dict[str, Any] = {"customers": COUNTRIES}
    assert passes(rule, "anna email w1", "ben email w1", "cleo email w1", "cleo sms w1", "cleo phone w1", **keys)
    assert passes(rule, "anna email w1", "ben email w1", "anna email w2", **keys)
    assert not passes(rule, "anna email w1", "ben email w1", "anna sms w1", **keys)


def test_several_offers_of_one_activity_are_in_each_of_their_scopes() -> None:
    activities = pd.DataFrame(
        [("both", "a;b", "email", "2026-03-02"), ("one", "a", "sms", "2026-03-02")],
        columns=["activity", "offer", "channel", "date"],
    )
    scenario = small(
        {"volume": {"max": 1}, "each": "offer"}, offers={"a": {"gross_margin": 10}, "b": {"gross_margin": 5}},
        activities=activities, waves=None, channels={"email": {"unit_cost": 1}, "sms": {"unit_cost": 2}},
    )  # fmt: skip
    from optimizer.plan.verify import verify

    plan = pd.DataFrame({"customer_id": ["anna", "ben"], "activity": ["both", "one"]})
    verdict = verify(scenario, plan, None)
    assert row(verdict, "volume", "offer=a")["value"] == 2
    assert row(verdict, "volume", "offer=b")["value"] == 1
    # worth 15 a response through both offers
    assert verdict.valuation.worth.gross_margin == pytest.approx(0.1 * 15 + 0.2 * 10)


# --- money -------------------------------------------------------------------------------------------------------


def test_budget_counts_contacts_media_fixed_and_response_costs_to_the_cent() -> None:
    scenario = small(
        {"budget": {"max": 36.8}},
        offers={"o": {"gross_margin": 100, "response_cost": 4}},
        channels={"email": {"unit_cost": 1, "fixed_cost": 7}, "sms": {"unit_cost": 2, "fixed_cost": 1000}},
        media={"tv": TV | {"fixed_cost": 3}},
        committed=past("ben 2026-03-02 email").assign(cost=5.4),
    )
    # 1 + 0.1 · 4 + 7 + 20 + 3 + 5.4
    verdict = judged(scenario, "anna email w1", spend={"tv": 20})
    assert row(verdict, "budget")["value"] == pytest.approx(36.8, abs=1e-12)
    assert verdict.passed
    assert not judged(scenario, "anna email w1", spend={"tv": 20.01}).passed


def test_a_committed_contact_without_cost_costs_its_channel() -> None:
    verdict = judged(small({"budget": {"max": 99}}, committed=past("ben 2026-03-02 phone")), "anna sms w1")
    assert row(verdict, "budget")["value"] == 7


def test_media_and_fixed_costs_match_what_they_declare() -> None:
    keys: dict[str, Any] = {
        "customers": COUNTRIES,
        "channels": {
            "email": {"unit_cost": 1, "fixed_cost": 10, "line": "digital"},
            "sms": {"unit_cost": 2, "line": "direct"},
        },
        "media": {"tv": TV | {"line": "broadcast"}, "web": TV | {"line": "digital"}},
    }
    rules = [
        {"name": "digital", "budget": {"max": 99}, "where": {"line": "digital"}},
        {"name": "france", "budget": {"max": 99}, "where": {"country": "FR"}},
        {"name": "e-mail", "budget": {"max": 99}, "where": {"channel": "email"}},
        {"name": "lines", "budget": {"max": 99}, "each": "line"},
        {"name": "all", "budget": {"max": 99}},
    ]
    verdict = judged(small(*rules, **keys), "anna email w1", "cleo sms w1", spend={"tv": 30, "web": 40})
    values = {(r.rule, r.scope): r.value for r in verdict.checks.itertuples()}
    assert values["digital", ""] == 1 + 10 + 40
    # neither media nor fixed costs declare a country
    assert values["france", ""] == 1
    assert values["e-mail", ""] == 11
    assert values["lines", "line=digital"] == 51
    assert values["lines", "line=direct"] == 2
    assert values["lines", "line=broadcast"] == 30
    assert values["all", ""] == 1 + 10 + 2 + 70


# --- measures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "value"),
    [
        ("contacts", 2),
        ("responses", 0.3 + 40),
        ("cost", 3 + 20),
        ("gross_margin", 30 + 120),
        ("net_margin", 150 - 23),
        ("points", 30),
        ("weight", 7),
    ],
)
def test_sum_of_a_measure(of: str, value: float) -> None:
    scenario = small(
        {"sum": {"of": of, "max": 9999}},
        customers=customers(points=[10, 20, 40]),
        channels={"email": {"unit_cost": 1, "weight": 3}, "sms": {"unit_cost": 2, "weight": 4}},
        media={"tv": TV | {"in": "responses", "gross_margin": 3}},
    )
    verdict = judged(scenario, "anna email w1", "ben sms w1", spend={"tv": 20})
    assert row(verdict, "sum")["value"] == pytest.approx(value)


def test_real_sums_hold_to_a_billionth() -> None:
    scores = pd.DataFrame({"customer_id": ["anna", "ben", "cleo"], "email": [0.1, 0.2, 0.3]})
    keys: dict[str, Any] = {"appetence": scores, "channels": {"email": {"unit_cost": 1}}}
    plan = ("anna email w1", "ben email w1", "cleo email w1")
    assert passes({"sum": {"of": "responses", "max": 0.6}}, *plan, **keys)
    assert passes({"sum": {"of": "responses", "min": 0.6}}, *plan, **keys)
    assert not passes({"sum": {"of": "responses", "max": 0.6 - 1e-8}}, *plan, **keys)
    assert not passes({"sum": {"of": "responses", "min": 0.6 + 1e-8}}, *plan, **keys)


def test_average_over_contacts_leaves_out_the_unknown() -> None:
    scenario = small({"average": {"of": "basket", "min": 30}}, customers=customers(basket=[20.0, 40.0, np.nan]))
    assert judged(scenario, "anna email w1", "ben email w1", "cleo email w1").passed
    assert judged(scenario).passed
    verdict = judged(scenario, "anna email w1", "anna sms w1", "ben email w1")
    assert not verdict.passed
    found = row(verdict, "average")
    assert found["value"] == pytest.approx(80 / 3)
    # in the unit of Σ (value − bound × base)
    assert found["violation"] == pytest.approx(3 * 30 - 80)


def test_average_counts_committed_contacts_that_state_the_measure() -> None:
    keys: dict[str, Any] = {"customers": customers(basket=[20.0, 40.0, np.nan])}
    rule = {"average": {"of": "basket", "min": 30}}
    assert not passes(rule, "anna email w1", committed=past("ben 2026-03-02 sms"), **keys)
    assert passes(rule, "anna email w1", committed=past("ben 2026-03-02 sms").assign(basket=40.0), **keys)


def test_average_looks_at_contacts_alone() -> None:
    verdict = judged(
        small({"average": {"of": "cost", "max": 1.5}}, media={"tv": TV}),
        "anna email w1",
        "ben sms w1",
        spend={"tv": 50},
    )
    assert row(verdict, "average")["value"] == 1.5
    assert verdict.passed


def test_ratio_of_sums_with_media() -> None:
    # net margin 10 − 1 + 40 − 20 = 29 over a cost of 21
    scenario = small({"ratio": {"of": "net_margin", "to": "cost", "min": 1.4}}, media={"tv": TV})
    verdict = judged(scenario, "anna email w1", spend={"tv": 20})
    assert not verdict.passed
    assert row(verdict, "ratio")["value"] == pytest.approx(29 / 21)
    assert row(verdict, "ratio")["violation"] == pytest.approx(1.4 * 21 - 29)
    assert passes(
        {"ratio": {"of": "net_margin", "to": "cost", "min": 1.38}}, "anna email w1", spend={"tv": 20}, media={"tv": TV}
    )


def test_ratio_with_an_empty_base_but_money_in_the_other_sum_is_no_empty_base() -> None:
    rule = {"ratio": {"of": "cost", "to": "points", "max": 45}}
    assert passes(rule, customers=customers(points=[0, 1, 2]))
    assert not passes(rule, "anna email w1", customers=customers(points=[0, 1, 2]))
    assert passes(rule, "ben email w1", customers=customers(points=[0, 1, 2]))


def test_ratio_takes_a_committed_contact_in_both_sums_or_in_none() -> None:
    rule = {"ratio": {"of": "cost", "to": "points", "max": 2}}
    table = customers(points=[1.0, 1.0, 1.0])
    booked = past("ben 2026-03-02 phone").assign(cost=50.0)
    assert passes(rule, "anna sms w1", customers=table, committed=booked)
    assert not passes(rule, "anna sms w1", customers=table, committed=booked.assign(points=1.0))
    assert passes(rule, "anna sms w1", customers=table, committed=booked.assign(points=50.0))


def test_soft_ratio_pays_in_the_linear_unit() -> None:
    rule = {"ratio": {"of": "cost", "to": "points", "max": 2}, "soft": {"penalty": 3, "tolerance": 3}}
    scenario = small(rule, customers=customers(points=[1.0, 2.0, 1.0]))
    # 5 − 2 · 1 = 3 beyond
    assert figures(judged(scenario, "anna phone w1"), "ratio") == {"value": 5, "violation": 3, "penalty": 9}
    assert judged(scenario, "anna phone w1").passed
    assert not judged(scenario, "anna phone w1", "cleo phone w1").passed


def test_share_of_contacts_counts_committed_and_an_empty_base_passes() -> None:
    rule = {"share": {"of": {"channel": "sms"}, "in": "contacts", "max": 0.5}}
    assert passes(rule)
    assert passes(rule, "anna sms w1", "ben email w1")
    assert not passes(rule, "anna sms w1")
    assert passes(rule, "anna sms w1", committed=past("cleo 2026-03-09 email"))
    assert not passes(rule, "anna sms w1", "ben email w1", committed=past("cleo 2026-03-09 sms"))


def test_share_is_of_what_where_keeps() -> None:
    rule = {"share": {"of": {"channel": "sms"}, "max": 0.5}, "where": {"country": "FR"}}
    assert passes(rule, "cleo sms w1", customers=COUNTRIES)
    assert not passes(rule, "anna sms w1", "cleo email w1", customers=COUNTRIES)


def test_share_of_money_includes_media_and_fixed_costs() -> None:
    keys: dict[str, Any] = {
        "channels": {
            "email": {"unit_cost": 1, "fixed_cost": 9, "line": "digital"},
            "sms": {"unit_cost": 10, "line": "direct"},
        },
        "media": {"web": TV | {"line": "digital"}, "tv": TV | {"line": "broadcast"}},
    }
    rule = {"share": {"of": {"line": "digital"}, "in": "cost", "min": 0.5}}
    plan = ("anna email w1", "ben sms w1")
    verdict = judged(small(rule, **keys), *plan, spend={"web": 20, "tv": 20})
    # (1 + 9 + 20) of 60
    assert row(verdict, "share")["value"] == pytest.approx(0.5)
    assert verdict.passed
    assert not judged(small(rule, **keys), *plan, spend={"web": 20, "tv": 20.5}).passed


def test_open_counts_what_has_a_contact_of_ours() -> None:
    offers = {name: {"gross_margin": 1} for name in "abc"}
    rule = {"open": {"max": 2, "of": "offer"}}
    assert passes(
        rule,
        "anna a email w1",
        "ben a email w1",
        "ben b email w1",
        offers=offers,
        committed=past("anna 2026-03-02 email c"),
    )
    verdict = judged(small(rule, offers=offers, waves=WEEK), "anna a email w1", "ben b email w1", "ben c email w1")
    assert figures(verdict, "open")["violation"] == 1
    assert not verdict.passed
    assert passes({"open": {"min": 2, "of": "wave"}}, "anna email w1", "anna email w3")
    assert not passes({"open": {"min": 2, "of": "wave"}}, "anna email w1", "anna sms w1")
    assert passes(
        {"open": {"max": 1, "of": "offer"}, "each": "country"},
        "anna a email w1",
        "cleo b email w1",
        offers=offers,
        customers=COUNTRIES,
    )


def test_an_unknown_measure_is_bad_input() -> None:
    with pytest.raises(Exception, match="nonsense"):
        judged(small({"sum": {"of": "nonsense", "max": 1}}), "anna email w1")
