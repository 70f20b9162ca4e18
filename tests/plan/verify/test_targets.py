"""Which offers and contacts go together: targets, requires, only_after, never."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.plan.small import customers, figures, judged, past, row, small

OFFERS = {name: {"gross_margin": 10} for name in "abc"}
WAVES = {"w1": "2026-03-02", "w2": "2026-03-05", "w3": "2026-03-10"}


def passes(rule: dict[str, Any], *plan: str, **keys: Any) -> bool:
    given: dict[str, Any] = {"offers": OFFERS, "waves": WAVES} | keys
    return judged(small(rule, **given), *plan).passed


# --- targets -----------------------------------------------------------------------------------------------------


def only(customer: str) -> dict[str, Any]:
    return {"where": {"customer_id": customer}}


def test_distinct_offers_count_once() -> None:
    rule = {"targets": {"min": 2, "among": ["a", "b"]}} | only("anna")
    assert not passes(rule, "anna a email w1", "anna a sms w2", "anna c email w1")
    assert passes(rule, "anna a email w1", "anna b sms w3")


def test_at_most_binds_everyone_and_committed_offers_leave_less() -> None:
    rule = {"targets": {"max": 1, "among": ["a", "b"]}}
    assert passes(rule, "anna a email w1", "anna a email w2", "anna c email w1")
    assert not passes(rule, "anna a email w1", "anna b email w2")
    booked = past("anna 2026-03-04 email a")
    assert not passes(rule, "anna b email w1", committed=booked)
    assert passes(rule, "anna a email w1", committed=booked)
    assert passes(rule, "anna b email w1", history=past("anna 2026-03-01 email a"))


def test_two_committed_offers_are_no_violation_but_a_third_is() -> None:
    rule = {"targets": {"max": 1, "among": ["a", "b", "c"]}}
    booked = past("anna 2026-03-04 email a", "anna 2026-03-04 email b")
    assert passes(rule, "anna a email w1", committed=booked)
    assert not passes(rule, "anna c email w1", committed=booked)


def test_exactly() -> None:
    rule = {"targets": {"exactly": 1, "among": ["a", "b"]}} | only("anna")
    assert passes(rule, "anna b email w1")
    assert not passes(rule)
    assert not passes(rule, "anna a email w1", "anna b email w1")


def test_a_minimum_binds_those_with_enough_eligible_offers_and_lists_the_others() -> None:
    appetence = pd.DataFrame(
        [("anna", "a", 0.1), ("anna", "b", 0.1), ("ben", "a", 0.1), ("ben", "c", 0.1)],
        columns=["customer_id", "offer", "email"],
    )
    scenario = small({"targets": {"min": 2, "among": ["a", "b"]}}, offers=OFFERS, waves=WAVES, appetence=appetence,
                     channels={"email": {"unit_cost": 1}})  # fmt: skip
    verdict = judged(scenario, "anna a email w1", "anna b email w2")
    assert verdict.passed
    assert "ben" in row(verdict, "targets")["note"]
    assert not judged(scenario, "ben a email w1").passed


def test_if_contacted_asks_for_none_or_enough() -> None:
    rule = {"targets": {"min": 2, "among": ["a", "b"], "if_contacted": True}}
    assert passes(rule)
    assert passes(rule, "anna c email w1")
    assert not passes(rule, "anna a email w1")
    assert passes(rule, "anna a email w1", "anna b email w1")


def test_targets_of_a_household() -> None:
    rule = {"targets": {"min": 2, "among": ["a", "b"]}, "per": "home", "where": {"home": "h"}}
    table = customers(home=["h", "h", "i"])
    assert passes(rule, "anna a email w1", "ben b email w1", customers=table)
    assert not passes(rule, "anna a email w1", "ben a email w1", customers=table)


def test_soft_targets_pay_shortfall_and_excess() -> None:
    scenario = small(
        {"targets": {"exactly": 2, "among": ["a", "b", "c"]}, "soft": {"penalty": 5}}, offers=OFFERS, waves=WAVES
    )
    verdict = judged(scenario, "anna a email w1", "anna b email w1", "anna c email w1", "ben a email w1")
    # anna one over, ben one short, cleo two short
    assert figures(verdict, "targets")["penalty"] == 5 * 4


# --- requires ----------------------------------------------------------------------------------------------------

BUNDLE = {"requires": {"if": {"offer": "a"}, "then": {"offer": "b"}}}


def test_requires_looks_both_ways_in_time_and_at_the_same_customer() -> None:
    assert passes(BUNDLE, "anna a email w1", "anna b sms w3")
    assert passes(BUNDLE, "anna b email w1", "anna a sms w3")
    assert passes(BUNDLE, "anna b email w1")
    assert not passes(BUNDLE, "anna a email w1")
    assert not passes(BUNDLE, "anna a email w1", "ben b email w1")


def test_requires_sees_committed_in_the_horizon_and_no_history() -> None:
    assert passes(BUNDLE, "anna a email w1", committed=past("anna 2026-03-10 email b"))
    assert not passes(BUNDLE, "anna a email w1", committed=past("anna 2026-03-11 email b"))
    assert not passes(BUNDLE, "anna a email w1", history=past("anna 2026-03-01 email b"))
    # a committed contact asks for nothing
    assert passes(BUNDLE, committed=past("anna 2026-03-05 email a"))


def test_requires_in_the_same_wave() -> None:
    rule = {"requires": {"if": {"offer": "a"}, "then": {"offer": "b"}, "same": "wave"}}
    assert passes(rule, "anna a email w1", "anna b sms w1")
    assert not passes(rule, "anna a email w1", "anna b sms w2")
    # what others have booked has no wave
    booked = past("anna 2026-03-02 sms b").assign(wave="w1")
    assert not passes(rule, "anna a email w1", committed=booked)
    # two waves of one date are two waves
    assert not passes(rule, "anna a email w1", "anna b sms w2", waves={"w1": "2026-03-02", "w2": "2026-03-02"})


def test_requires_within_a_household_and_a_contact_that_satisfies_itself() -> None:
    table = customers(home=["h", "h", "i"])
    assert passes(BUNDLE | {"per": "home"}, "anna a email w1", "ben b email w1", customers=table)
    assert passes({"requires": {"if": {"channel": "email"}, "then": {"offer": "a"}}}, "anna a email w1")


def test_soft_requires_pays_each_contact_that_lacks_its_own() -> None:
    scenario = small(BUNDLE | {"soft": {"penalty": 2}}, offers=OFFERS, waves=WAVES)
    verdict = judged(scenario, "anna a email w1", "anna a sms w1", "ben a email w2", "ben b email w3")
    assert figures(verdict, "requires") == {"value": 2, "violation": 2, "penalty": 4}


# --- only_after --------------------------------------------------------------------------------------------------


def call_after_letter(**days: int) -> dict[str, Any]:
    return {
        "only_after": {"what": {"channel": "phone"}, "after": {"channel": "sms"}, **({"days": days} if days else {})}
    }


@pytest.mark.parametrize(
    ("days", "expected"), [({}, True), ({"min": 3}, True), ({"min": 4}, False), ({"max": 3}, True), ({"max": 2}, False)]
)
def test_only_after_within_days(days: dict[str, int], expected: bool) -> None:
    # sms on 2 March, phone on 5 March: three days
    assert passes(call_after_letter(**days), "anna a sms w1", "anna a phone w2") is expected


def test_only_after_needs_an_earlier_date_of_the_same_customer() -> None:
    assert not passes(call_after_letter(), "anna a sms w1", "anna a phone w1")
    assert passes(call_after_letter(min=0), "anna a sms w1", "anna a phone w1")
    assert not passes(call_after_letter(), "anna a phone w1", "anna a sms w2")
    assert not passes(call_after_letter(), "ben a sms w1", "anna a phone w2")
    assert passes(call_after_letter(), "anna a sms w1")


def test_only_after_sees_history_and_committed() -> None:
    assert passes(call_after_letter(max=10), "anna a phone w1", history=past("anna 2026-02-20 sms"))
    assert not passes(call_after_letter(max=9), "anna a phone w1", history=past("anna 2026-02-20 sms"))
    assert passes(call_after_letter(), "anna a phone w2", committed=past("anna 2026-03-04 sms"))
    assert not passes(call_after_letter(), "anna a phone w1", committed=past("anna 2026-03-04 sms"))
    assert not passes(call_after_letter(), "anna a phone w1", history=past("ben 2026-02-20 sms"))


def test_only_after_with_gaps_between_customers() -> None:
    # the neighbour's contacts lie right beside in any sorted table
    rule = call_after_letter(min=1, max=100)
    assert not passes(rule, "anna a sms w1", "ben a phone w3", "cleo a sms w1")


# --- never -------------------------------------------------------------------------------------------------------


def never(days: int | None = None, **form: Any) -> dict[str, Any]:
    return {"never": {**form, **({} if days is None else {"days": days})}}


FIRST: dict[str, Any] = {"first": {"channel": "email"}, "then": {"channel": "sms"}}


@pytest.mark.parametrize(("days", "expected"), [(2, True), (3, False), (None, False)])
def test_never_then_within_days(days: int | None, expected: bool) -> None:
    assert passes(never(days, **FIRST), "anna a email w1", "anna a sms w2") is expected


def test_never_then_has_an_order_and_includes_the_same_day() -> None:
    assert passes(never(5, **FIRST), "anna a sms w1", "anna a email w2")
    assert not passes(never(0, **FIRST), "anna a sms w1", "anna a email w1")
    assert passes(never(0, **FIRST), "anna a email w1", "anna a sms w2")
    assert passes(never(5, **FIRST), "anna a email w1", "ben a sms w2")


def test_never_without_days_keeps_its_order_over_the_horizon() -> None:
    assert passes(never(**FIRST), "anna a sms w1", "anna a email w3")
    assert not passes(never(**FIRST), "anna a email w1", "anna a sms w3")


def test_a_contact_does_not_clash_with_itself_and_two_of_a_kind_do_once() -> None:
    rule = never(6, first={"channel": "email"}, then={"channel": "email"})
    assert passes(rule, "anna a email w1")
    scenario = small(rule | {"soft": {"penalty": 1}}, offers=OFFERS, waves=WAVES)
    verdict = judged(scenario, "anna a email w1", "anna b email w1", "anna a email w2", "anna a email w3")
    # w1–w1, w1–w2 twice, w2–w3 (five days); w1–w3 are eight days apart
    assert figures(verdict, "never") == {"value": 4, "violation": 4, "penalty": 4}


def test_never_together_looks_both_ways() -> None:
    together: dict[str, Any] = {"together": [{"offer": "a"}, {"offer": "b"}]}
    for plan in (("anna a email w1", "anna b email w2"), ("anna b email w1", "anna a email w2")):
        assert not passes(never(3, **together), *plan)
        assert passes(never(2, **together), *plan)
        assert not passes(never(**together), *plan)
    assert passes(never(**together), "anna a email w1", "anna a sms w1", "anna c email w1", "ben b email w1")


def test_never_sees_the_past_with_days_and_only_committed_of_the_horizon_without() -> None:
    together: dict[str, Any] = {"together": [{"offer": "a"}, {"offer": "b"}]}
    history = past("anna 2026-02-28 email b")
    assert not passes(never(2, **together), "anna a email w1", history=history)
    assert passes(never(1, **together), "anna a email w1", history=history)
    assert passes(never(**together), "anna a email w1", history=history)
    assert not passes(never(**together), "anna a email w1", committed=past("anna 2026-03-10 email b"))
    assert passes(never(**together), "anna a email w1", committed=past("anna 2026-03-11 email b"))
    assert not passes(never(1, **together), "anna a email w3", committed=past("anna 2026-03-11 email b"))
    assert passes(never(5, **FIRST), "anna a email w1", history=past("anna 2026-03-01 sms"))
    assert not passes(never(5, **FIRST), "anna a sms w1", history=past("anna 2026-03-01 email"))


def test_two_past_contacts_that_clash_are_no_violation() -> None:
    rule = never(5, together=[{"offer": "a"}, {"offer": "b"}])
    assert passes(rule, "anna c email w1", history=past("anna 2026-03-01 email a", "anna 2026-03-01 email b"))


def test_each_clashing_pair_stops_at_the_tolerance_of_one_pair() -> None:
    rule = never(5, **FIRST) | {"soft": {"penalty": 1, "tolerance": 1}}
    assert passes(rule, "anna a email w1", "anna a sms w1", "anna b sms w1", "ben a email w1", "ben a sms w1")


def test_never_in_a_household() -> None:
    rule = never(5, **FIRST) | {"per": "home"}
    table = customers(home=["h", "h", "i"])
    assert not passes(rule, "anna a email w1", "ben a sms w2", customers=table)
    assert passes(rule, "anna a email w1", "cleo a sms w2", customers=table)


def test_what_comes_before_may_be_asked_of_some_customers_only() -> None:
    after = {"channel": "email", "country": "FR"}
    rule = {"only_after": {"what": {"channel": "sms"}, "after": after, "days": {"max": 30}}}
    people = customers(country=["FR", "BE", "BE"])
    assert passes(rule, "anna a email w1", "anna a sms w2", customers=people)
    assert not passes(rule, "ben a email w1", "ben a sms w2", customers=people)
