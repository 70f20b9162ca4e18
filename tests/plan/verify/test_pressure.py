"""Local windows: contacts, pressure, packages, duplicates, cost per customer."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from tests.plan.small import customers, figures, judged, past, row, small

WEEK = {"w1": "2026-03-02", "w2": "2026-03-08", "w3": "2026-03-09"}
COSTS = {"email": 1, "sms": 2, "phone": 3}


def passes(rule: dict[str, Any], *plan: str, **keys: Any) -> bool:
    return judged(small(rule, waves=keys.pop("waves", WEEK), **keys), *plan).passed


def test_a_window_of_seven_days_holds_its_first_and_seventh_day_and_not_the_eighth() -> None:
    rule = {"contacts": {"max": 1, "days": 7}}
    assert not passes(rule, "anna email w1", "anna email w2")
    assert passes(rule, "anna email w1", "anna email w3")
    assert passes(rule, "anna email w1", "ben email w2")


def test_one_day_is_the_day_itself() -> None:
    rule = {"contacts": {"max": 1, "days": 1}}
    assert not passes(rule, "anna email w2", "anna sms w2")
    assert passes(rule, "anna email w2", "anna sms w3")


@pytest.mark.parametrize(("date", "free"), [("2026-02-23", True), ("2026-02-24", False), ("2026-03-02", False)])
def test_history_counts_to_the_edge_of_the_window(date: str, free: bool) -> None:
    rule = {"contacts": {"max": 1, "days": 7}}
    assert passes(rule, "anna email w1", history=past(f"anna {date} sms")) is free
    assert passes(rule, "ben email w1", history=past(f"anna {date} sms"))


def test_without_days_history_is_not_seen_and_committed_in_the_horizon_is() -> None:
    rule = {"contacts": {"max": 1}}
    assert passes(rule, "anna email w3", history=past("anna 2026-03-01 sms"))
    assert passes(rule, "anna email w3", committed=past("anna 2026-03-01 sms"))
    assert not passes(rule, "anna email w3", committed=past("anna 2026-03-02 sms"))
    assert not passes(rule, "anna email w1", committed=past("anna 2026-03-09 sms"))
    assert passes(rule, "anna email w1", committed=past("anna 2026-03-10 sms"))


def test_a_past_above_the_cap_forbids_more_and_is_no_violation() -> None:
    scenario = small(
        {"contacts": {"max": 1, "days": 7}}, waves=WEEK, history=past("anna 2026-03-01 sms", "anna 2026-03-01 email")
    )
    assert judged(scenario).passed
    assert judged(scenario, "anna email w2").passed is True
    verdict = judged(scenario, "anna email w1")
    # one of ours too many, not two
    assert row(verdict, "contacts")["violation"] == 1


def test_past_contacts_that_where_does_not_keep_are_not_looked_at() -> None:
    rule = {"contacts": {"max": 1, "days": 7}, "where": {"channel": "email"}}
    assert passes(rule, "anna email w1", history=past("anna 2026-03-01 sms"))
    assert not passes(rule, "anna email w1", history=past("anna 2026-03-01 email"))
    assert passes(rule, "anna sms w1", "anna email w1", "anna phone w1")


def test_each_splits_contacts() -> None:
    rule = {"contacts": {"max": 1}, "each": "channel"}
    assert passes(rule, "anna email w1", "anna sms w1")
    verdict = judged(small(rule, waves=WEEK), "anna email w1", "anna email w2", "anna sms w1")
    assert verdict.checks[~verdict.checks["passed"]]["scope"].tolist() == ["channel=email"]
    assert row(verdict, "contacts", "channel=sms")["passed"]


def test_a_column_of_the_customers_is_a_cap_and_an_empty_cell_is_none() -> None:
    table = customers(wish=[1.0, 2.0, np.nan])
    rule = {"contacts": {"max": "wish"}}
    everything = ("cleo email w1", "cleo email w2", "cleo email w3", "cleo sms w1")
    assert passes(rule, "anna email w1", "ben email w1", "ben email w2", *everything, customers=table)
    assert not passes(rule, "anna email w1", "anna email w2", customers=table)
    assert not passes(rule, "ben email w1", "ben email w2", "ben sms w2", customers=table)


def test_households_count_together_with_their_history_and_an_empty_one_is_alone() -> None:
    table = customers(home=["h", "h", None])
    rule = {"contacts": {"max": 1, "days": 7}, "per": "home"}
    assert not passes(rule, "anna email w1", "ben email w2", customers=table)
    assert passes(rule, "anna email w1", "cleo email w1", customers=table)
    assert not passes(rule, "anna email w1", customers=table, history=past("ben 2026-03-01 sms"))
    assert passes(rule, "cleo email w1", customers=table, history=past("ben 2026-03-01 sms"))


def test_a_household_takes_the_tightest_bound_of_its_members() -> None:
    table = customers(home=["h", "h", "i"], wish=[3.0, 1.0, 2.0])
    rule = {"contacts": {"max": "wish"}, "per": "home"}
    assert not passes(rule, "anna email w1", "anna email w2", customers=table)
    assert passes(rule, "anna email w1", "cleo email w2", "cleo email w1", customers=table)


def test_a_minimum_looks_at_windows_inside_the_horizon() -> None:
    # windows of 7 days end on 2, 8 and 9 March; those inside are 2–8 and 3–9
    rule = {"contacts": {"min": 1, "days": 7}, "where": {"customer_id": "anna"}}
    assert passes(rule, "anna email w2")
    assert not passes(rule, "anna email w1")
    assert not passes(rule, "anna email w3")
    assert passes(rule, "anna email w1", "anna sms w3")


def test_a_minimum_longer_than_the_horizon_looks_at_the_horizon_and_counts_its_past() -> None:
    rule = {"contacts": {"min": 1, "days": 30}, "where": {"customer_id": "anna"}}
    assert not passes(rule)
    assert passes(rule, "anna email w1")
    assert not passes(rule, history=past("anna 2026-03-01 email"))
    assert passes(rule, history=past("anna 2026-03-02 email"))


def test_a_minimum_binds_whom_something_eligible_is_left() -> None:
    rules: list[dict[str, Any]] = [
        {"contacts": {"min": 1}},
        {"exclude": {"channel": ["email", "sms", "phone"]}, "where": {"customer_id": "cleo"}},
    ]
    scenario = small(*rules)
    verdict = judged(scenario, "anna email w1", "ben email w1")
    assert verdict.passed
    assert "cleo" in row(verdict, "contacts")["note"]
    assert not judged(scenario, "anna email w1").passed
    # a soft exclude takes nobody away
    assert not judged(small(rules[0], rules[1] | {"soft": {"penalty": 1}}), "anna email w1", "ben email w1").passed


def test_pressure_weighs_ours_and_the_past() -> None:
    channels = {
        "email": {"unit_cost": 1, "pressure": 0.1},
        "sms": {"unit_cost": 1, "pressure": 0.2},
        "phone": {"unit_cost": 1, "pressure": 1},
    }
    rule = {"pressure": {"max": 0.3, "days": 7}}
    # 0.1 + 0.2 is 0.3 for a planner
    assert passes(rule, "anna email w1", "anna sms w1", channels=channels)
    assert not passes(rule, "anna sms w1", "anna sms w2", channels=channels)
    assert not passes(rule, "anna email w1", channels=channels, history=past("anna 2026-03-01 phone"))
    assert passes(rule, "anna sms w1", channels=channels, history=past("anna 2026-03-01 email"))


def test_packages_count_dates_once_and_touched_dates_not_at_all() -> None:
    rule = {"packages": {"max": 1, "days": 7}}
    assert passes(rule, "anna email w1", "anna sms w1", "anna phone w1")
    assert not passes(rule, "anna email w1", "anna email w2")
    assert passes(rule, "anna email w1", "anna email w3")
    assert passes(rule, "anna email w1", history=past("anna 2026-03-02 sms"))
    assert not passes(rule, "anna email w1", history=past("anna 2026-03-01 sms"))


def test_packages_at_least() -> None:
    rule = {"packages": {"min": 2}, "where": {"customer_id": "anna"}}
    assert not passes(rule, "anna email w1", "anna sms w1")
    assert passes(rule, "anna email w1", "anna sms w2")
    assert passes(rule, "anna email w1", committed=past("anna 2026-03-05 sms"))


def test_duplicates_of_an_offer_within_days() -> None:
    rule = {"duplicates": {"max": 1, "of": "offer", "days": 7}}
    offers = {"a": {"gross_margin": 1}, "b": {"gross_margin": 1}}
    assert passes(rule, "anna a email w1", "anna b email w1", offers=offers)
    assert not passes(rule, "anna a email w1", "anna a sms w2", offers=offers)
    assert passes(rule, "anna a email w1", "anna a sms w3", offers=offers)
    assert not passes(rule, "anna a email w1", offers=offers, history=past("anna 2026-03-01 email a"))
    assert passes(rule, "anna b email w1", offers=offers, history=past("anna 2026-03-01 email a"))


def test_duplicates_of_a_channel() -> None:
    rule = {"duplicates": {"max": 1, "of": "channel"}}
    assert passes(rule, "anna email w1", "anna sms w2")
    verdict = judged(small(rule, waves=WEEK), "anna email w1", "anna email w3")
    assert not row(verdict, "duplicates", "channel=email")["passed"]


def test_cost_per_customer_counts_unit_costs_and_committed_money() -> None:
    rule = {"cost_per_customer": {"max": 7}}
    offers = {"o": {"gross_margin": 100, "response_cost": 50}}
    assert passes(rule, "anna phone w1", "anna sms w1", offers=offers)
    assert not passes(rule, "anna phone w1", "anna sms w1", "anna email w1", offers=offers)
    booked = past("anna 2026-03-03 phone").assign(cost=6.0)
    assert passes(rule, "anna email w1", committed=booked)
    assert not passes(rule, "anna sms w1", committed=booked)


def test_cost_per_customer_takes_the_first_tier() -> None:
    channels = {"print": {"unit_cost": {"tiers": [[0, 4.0], [1, 1.0]], "kind": "all_units"}}}
    assert not passes({"cost_per_customer": {"max": 3}}, "anna print w1", channels=channels)
    assert passes({"cost_per_customer": {"max": 4}}, "anna print w1", channels=channels)


def test_cost_per_customer_in_windows_counts_the_cost_of_history() -> None:
    rule = {"cost_per_customer": {"max": 5, "days": 7}}
    history = past("anna 2026-03-01 phone").assign(cost=4.0)
    assert passes(rule, "anna email w1", history=history)
    assert not passes(rule, "anna sms w1", history=history)
    assert passes(rule, "anna phone w3", history=history)


def test_soft_pays_each_window_and_unit_and_stops_at_the_tolerance() -> None:
    rule = {"contacts": {"max": 1, "days": 2}, "soft": {"penalty": 3, "tolerance": 1}}
    days = {"w1": "2026-03-02", "w2": "2026-03-03", "w3": "2026-03-04"}
    scenario = small(rule, waves=days)
    verdict = judged(scenario, "anna email w1", "anna email w2", "anna email w3", "ben email w1", "ben sms w1")
    # anna: windows to 3 and to 4 March hold two; ben: the windows to 2 and to 3 March
    assert figures(verdict, "contacts") == {"value": 2, "violation": 4, "penalty": 12}
    assert verdict.passed
    assert verdict.valuation.objective == verdict.valuation.worth.objective - 12
    assert not judged(scenario, "anna email w1", "anna sms w1", "anna phone w1").passed


def test_soft_on_one_side_leaves_the_other_hard() -> None:
    rule = {"contacts": {"min": 1, "max": 2}, "where": {"customer_id": "anna"}, "soft": {"penalty": 3, "side": "min"}}
    scenario = small(rule)
    assert figures(judged(scenario), "contacts") == {"value": 0, "violation": 1, "penalty": 3}
    assert judged(scenario).passed
    assert not judged(scenario, "anna email w1", "anna sms w1", "anna phone w1").passed


def test_report_only_computes_and_never_fails_nor_pays() -> None:
    rule = {"contacts": {"max": 1}, "soft": {"penalty": 3}, "mode": "report"}
    verdict = judged(small(rule), "anna email w1", "anna sms w1", "anna phone w1")
    assert figures(verdict, "contacts") == {"value": 3, "violation": 2, "penalty": 0}
    assert verdict.passed
    assert verdict.valuation.penalty == 0
    assert "report only" in row(verdict, "contacts")["note"]


def test_the_worst_unit_is_shown_with_its_bound() -> None:
    found = row(judged(small({"contacts": {"max": 2}}), "anna email w1", "ben email w1", "ben sms w1"), "contacts")
    assert (found["value"], found["max"], found["slack"], found["violation"]) == (2, 2, 0, 0)
    assert np.isnan(found["min"])
    broken = row(judged(small({"contacts": {"max": 1}}), "anna email w1", "ben email w1", "ben sms w1"), "contacts")
    assert (broken["value"], broken["max"], broken["slack"], broken["violation"]) == (2, 1, -1, 1)
    assert "ben" in broken["note"]
    assert "anna" not in broken["note"]


@pytest.mark.parametrize("unit", [0.5, 0.1, 1 / 3, 1000.7])
@pytest.mark.parametrize("seed", range(5))
def test_pressure_in_another_unit_is_judged_alike(seed: int, unit: float) -> None:
    """Weights that are whole are counted, others added up; neither may change what is found."""
    rng = Random(seed)
    plan = [f"{who} {how} {when}" for who in ("anna", "ben", "cleo") for how in COSTS for when in WEEK]
    chosen = [contact for contact in plan if rng.random() < 0.5]
    found = []
    for one in (1.0, unit):
        channels = {how: {"unit_cost": 1, "pressure": weight * one} for how, weight in COSTS.items()}
        rules = [
            {"name": each, "pressure": {"max": 3 * one, "days": 7}, "each": each, "soft": {"penalty": 1 / one}}
            for each in ("wave", "channel", "country")
        ]
        scenario = small(
            *rules, waves=WEEK, channels=channels, customers=customers(country=["FR", "FR", "BE"]),
            history=past("anna 2026-03-01 sms", "ben 2026-02-27 phone"),
        )  # fmt: skip
        checks = judged(scenario, *chosen).checks.set_index(["rule", "scope"]).loc[["wave", "channel", "country"]]
        found.append(checks)
    in_ones, in_units = found
    assert in_units["note"].tolist() == in_ones["note"].tolist()
    assert in_units["value"].tolist() == pytest.approx((in_ones["value"] * unit).tolist(), nan_ok=True)
    assert in_units["penalty"].tolist() == pytest.approx(in_ones["penalty"].tolist())
