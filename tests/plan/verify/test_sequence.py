"""Rest between contacts, alternation of channels, and what an effect's row says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plan.small import customers, figures, judged, past, row, small

DAYS = {"w1": "2026-03-02", "w2": "2026-03-06", "w3": "2026-03-07", "w4": "2026-03-12"}


def passes(rule: dict[str, Any], *plan: str, **keys: Any) -> bool:
    return judged(small(rule, **({"waves": DAYS} | keys)), *plan).passed


def test_rest_is_kept_at_five_days_and_broken_at_four() -> None:
    rule = {"rest": {"days": 5}}
    assert not passes(rule, "anna email w1", "anna email w2")
    assert passes(rule, "anna email w1", "anna email w3")
    assert passes(rule, "anna email w1", "anna sms w1", "anna phone w1")
    assert passes(rule, "anna email w1", "ben email w2")


@pytest.mark.parametrize(("date", "expected"), [("2026-02-25", True), ("2026-02-26", False), ("2026-03-02", True)])
def test_rest_from_history(date: str, expected: bool) -> None:
    assert passes({"rest": {"days": 5}}, "anna email w1", history=past(f"anna {date} sms")) is expected


def test_rest_before_a_committed_contact() -> None:
    assert not passes({"rest": {"days": 5}}, "anna email w1", committed=past("anna 2026-03-06 sms"))
    assert passes({"rest": {"days": 5}}, "anna email w1", committed=past("anna 2026-03-07 sms"))


def test_rest_looks_at_what_where_keeps_on_both_sides() -> None:
    rule = {"rest": {"days": 5}, "where": {"channel": "email"}}
    assert passes(rule, "anna email w1", "anna sms w2")
    assert not passes(rule, "anna email w1", "anna email w2")
    assert passes(rule, "anna email w1", history=past("anna 2026-03-01 sms"))


def test_soft_rest_pays_each_pair() -> None:
    scenario = small({"rest": {"days": 5}, "soft": {"penalty": 10}}, waves=DAYS, history=past("anna 2026-03-01 sms"))
    verdict = judged(scenario, "anna email w1", "anna email w2", "anna sms w2", "anna email w3")
    # w1–w2 twice, w2–w3 twice, and 1 March before w1; w1–w3 are five days apart
    assert figures(verdict, "rest") == {"value": 5, "violation": 5, "penalty": 50}


def test_rest_of_a_household() -> None:
    table = customers(home=["h", "h", "i"])
    assert not passes({"rest": {"days": 5}, "per": "home"}, "anna email w1", "ben sms w2", customers=table)


def test_a_channel_is_not_used_in_the_next_wave() -> None:
    rule = {"alternate": "channel"}
    assert not passes(rule, "anna email w1", "anna email w2")
    assert passes(rule, "anna email w1", "anna sms w2", "anna email w3", "anna sms w4")
    assert passes(rule, "anna email w1", "ben email w2")


def test_waves_are_adjacent_in_the_calendar_not_in_the_plan() -> None:
    assert passes({"alternate": "channel"}, "anna email w1", "anna email w3")


def test_waves_of_one_date_are_not_adjacent_but_share_their_neighbours() -> None:
    waves = {"w1": "2026-03-02", "w2": "2026-03-02", "w3": "2026-03-06"}
    assert passes({"alternate": "channel"}, "anna email w1", "anna email w2", waves=waves)
    assert not passes({"alternate": "channel"}, "anna email w1", "anna email w3", waves=waves)
    assert not passes({"alternate": "channel"}, "anna email w2", "anna email w3", waves=waves)


def test_waves_are_dated_by_their_own_date_not_by_landing() -> None:
    # the letter lands ten days early: before the previous wave, still in the next one
    channels = {"email": {"unit_cost": 1}, "letter": {"unit_cost": 1, "days": -10}}
    rule = {"alternate": "channel"}
    assert not passes(rule, "anna letter w1", "anna letter w2", channels=channels)
    assert passes(rule, "anna letter w1", "anna letter w3", channels=channels)


def test_soft_alternation_pays_each_pair() -> None:
    offers = {"a": {"gross_margin": 1}, "b": {"gross_margin": 1}}
    scenario = small({"alternate": "channel", "soft": {"penalty": 2}}, waves=DAYS, offers=offers)
    verdict = judged(scenario, "anna a email w1", "anna b email w1", "anna a email w2", "anna a email w3")
    assert figures(verdict, "alternate") == {"value": 3, "violation": 3, "penalty": 6}


def test_where_of_alternate() -> None:
    assert passes({"alternate": "channel", "where": {"channel": "sms"}}, "anna email w1", "anna email w2")


def test_an_effect_says_whom_it_concerns_and_never_fails() -> None:
    scenario = small({"effect": {"contact": 2, "factor": 0.5}}, waves=DAYS)
    verdict = judged(scenario, "anna email w1", "anna email w2", "anna email w3", "ben email w2")
    assert figures(verdict, "effect") == {"value": 2, "violation": 0, "penalty": 0}
    assert row(verdict, "effect")["passed"]
