"""Local rules: the bounds that the past leaves, the windows that remain, whom a rule binds, and how it reads."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest

from optimizer.errors import ScenarioError
from optimizer.problem import Clash, Count, Distinct, LocalRule, Numbers
from optimizer.rules import VERBS, compile_problem, sentence
from optimizer.rules.base import Compiled, Context
from optimizer.rules.removal import hash_shares, held_out
from tests.rules.small import CUSTOMERS, small

Primitive = TypeVar("Primitive", Count, Distinct, Clash)
#: Four weekly waves.
WEEKLY = [{"name": f"w{k + 1}", "date": f"2026-03-{2 + 7 * k:02}"} for k in range(4)]


def compiled(rule: dict[str, Any], **keys: Any) -> Compiled:
    """What the first rule of a small scenario becomes."""
    scenario = small([rule], **keys)
    return VERBS[scenario.rules[0].verb].compile(scenario.rules[0], Context(scenario))


def the(kind: type[Primitive], primitives: list[LocalRule]) -> Primitive:
    """The only primitive of a kind."""
    (one,) = [one for one in primitives if isinstance(one, kind)]
    return one


def against(rule: dict[str, Any], **keys: Any) -> Numbers:
    """How many past contacts each pair clashes with."""
    weights = the(Count, compiled(rule, **keys).local).weights.pair
    assert weights is not None
    return weights


def past(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "date", "channel"])


# --- windows ------------------------------------------------------------------------------------------------------


def test_a_hard_cap_keeps_only_windows_that_no_larger_one_implies():
    # Windows of 8 days hold two weekly waves each; that of the first date lies within that of the second.
    labels = [one.scope for one in compiled({"contacts": {"max": 1, "days": 8}}, waves=WEEKLY).local]
    assert labels == ["2026-03-02 to 2026-03-09", "2026-03-09 to 2026-03-16", "2026-03-16 to 2026-03-23"]


def test_a_window_as_long_as_the_horizon_is_one_row():
    assert len(compiled({"contacts": {"max": 1, "days": 30}}, waves=WEEKLY).local) == 1


def test_of_a_soft_cap_each_window_pays():
    rule = {"contacts": {"max": 1, "days": 8}, "soft": {"penalty": 1}}
    assert len(compiled(rule, waves=WEEKLY).local) == 4


def test_a_window_stays_for_those_whose_past_makes_it_tighter():
    # Anna's contact of 22 February leaves nothing on 2 March, and has left the window on 9 March.
    history = past(("anna", "2026-02-22", "email"))
    rule = {"contacts": {"max": 1, "days": 9}}
    first, second, *_ = compiled(rule, waves=WEEKLY, history=history).local
    assert isinstance(first, Count)
    assert isinstance(second, Count)
    assert first.scope == "2026-02-22 to 2026-03-02"
    assert (first.bound_units.tolist(), first.upper.tolist()) == ([0], [0.0])
    assert (second.bound_units.tolist(), second.upper.tolist()) == ([0, 1, 2], [1.0, 1.0, 1.0])


def test_a_minimum_binds_inside_the_horizon_and_the_smallest_windows_only():
    labels = [one.scope for one in compiled({"contacts": {"min": 1, "days": 8}}, waves=WEEKLY).local]
    # Each of two waves, none within another; the window that ends on the first date begins before the horizon.
    assert labels == ["2026-03-02 to 2026-03-09", "2026-03-09 to 2026-03-16", "2026-03-16 to 2026-03-23"]


def test_a_minimum_that_the_past_has_reached_asks_for_nothing():
    history = past(("anna", "2026-03-05", "email"))
    one = the(Count, compiled({"contacts": {"min": 1, "days": 11}}, committed=history).local)
    assert one.bound_units.tolist() == [1, 2]


def test_days_without_dates_are_an_error():
    with pytest.raises(ScenarioError, match="days"):
        compiled({"contacts": {"max": 1, "days": 3}}, waves=[])


def test_a_cap_in_words_is_an_error_that_names_the_row():
    customers = CUSTOMERS.assign(wished=["2", "two", "1"])
    with pytest.raises(ScenarioError, match=r"row 2.*two"):
        compiled({"contacts": {"max": "wished"}}, customers=customers)


def test_a_household_takes_the_tightest_bound_of_its_members():
    customers = CUSTOMERS.assign(home=["h", "h", ""], wished=[3.0, 2.0, np.nan])
    one = the(Count, compiled({"contacts": {"max": "wished"}, "per": "home"}, customers=customers).local)
    names = [one.units.names[unit] for unit in one.bound_units]
    assert (names, one.upper.tolist()) == (["h"], [2.0])


# --- packages -----------------------------------------------------------------------------------------------------


def test_a_date_touched_by_the_past_is_free_and_uses_the_cap():
    committed = past(("anna", "2026-03-02", "email"))
    one = the(Distinct, compiled({"packages": {"max": 1}}, committed=committed).local)
    assert one.touched.tolist() == [[True, False], [False, False], [False, False]]
    assert one.upper.tolist() == [0.0, 1.0, 1.0]


# --- whom a minimum binds -----------------------------------------------------------------------------------------


def test_minima_do_not_bind_those_whom_exclusions_leave_nothing():
    scenario = small([{"contacts": {"min": 1}}, {"exclude": {"country": "DE"}}])
    result = VERBS["contacts"].compile(scenario.rules[0], Context(scenario))
    one = the(Count, result.local)
    assert one.bound_units.tolist() == [0, 1]
    assert result.notes == ["the minimum does not bind 1 of 3 without an eligible contact"]


def test_targets_bind_those_with_enough_offers():
    appetence = pd.DataFrame(
        {"customer_id": ["anna", "anna", "ben", "cleo"], "offer": ["tour", "spa", "tour", "spa"], "email": 0.1}
    )
    keys = {"offers": {"tour": {"gross_margin": 1.0}, "spa": {"gross_margin": 1.0}}, "appetence": appetence}
    result = compiled({"targets": {"min": 2, "among": ["tour", "spa"]}}, channels={"email": {"unit_cost": 1}}, **keys)
    one = the(Distinct, result.local)
    assert one.bound_units.tolist() == [0]
    assert result.notes == ["the minimum does not bind 2 of 3 with fewer than 2 of the offers tour, spa eligible"]


def test_a_forced_contact_that_cannot_be_is_counted():
    appetence = pd.DataFrame({"customer_id": ["anna", "ben", "cleo"], "email": 0.1, "phone": [0.1, np.nan, np.nan]})
    rule = {"include": {"channel": "phone"}, "where": "age >= 65"}
    result = compiled(rule, appetence=appetence)
    assert result.blocked == [("", "cleo", 1.0)]
    assert compiled(rule | {"soft": {"penalty": 1}}, appetence=appetence).blocked == []


def test_a_filter_on_customer_and_activity_forces_those_it_holds_for():
    customers = CUSTOMERS.assign(favourite=["phone", "letter", "email"])
    one = the(Count, compiled({"include": "channel == favourite"}, customers=customers).local)
    assert one.bound_units.tolist() == [0, 2]


# --- clashes with the past ------------------------------------------------------------------------------------------


def test_clashes_with_the_past_weigh_as_many_as_they_are():
    history = past(("anna", "2026-02-28", "email"), ("anna", "2026-03-01", "phone"), ("ben", "2026-02-25", "email"))
    weights = against({"rest": {"days": 5}, "soft": {"penalty": 1}}, history=history)
    scenario = small(history=history)
    pairs, days = scenario.facts.pairs, scenario.facts.days
    first = days[pairs.activity] == days.min()
    assert np.array_equal(weights, np.where(first & (pairs.customer == 0), 2.0, 0.0))


def test_a_past_contact_that_is_first_and_second_is_one_pair():
    history = past(("anna", "2026-03-01", "email"))
    rule = {"never": {"together": [{"channel": "email"}, {"channel": ["email", "phone"]}], "days": 3}}
    assert set(np.unique(against(rule, history=history))) == {0.0, 1.0}


def test_a_tolerance_below_one_leaves_no_room_for_a_pair():
    rule = {"rest": {"days": 20}, "soft": {"penalty": 1, "tolerance": 0.5}}
    assert the(Clash, compiled(rule).local).soft is None


# --- control ------------------------------------------------------------------------------------------------------


def test_the_share_follows_the_hash_alone():
    value = int.from_bytes(hashlib.sha256(b"7:anna").digest()[:8], "big") / 2**64
    assert hash_shares(7, pd.Series(["anna"], dtype="str")).tolist() == [value]


def test_groups_are_nested_and_about_the_share():
    customers = pd.DataFrame({"customer_id": [f"c{k}" for k in range(4000)]})
    groups = []
    for share in (0.05, 0.1, 0.5):
        scenario = small([{"control": {"share": share, "seed": 3}}], customers=customers)
        out = held_out(scenario.rules[0], Context(scenario))
        # Four standard deviations.
        assert abs(out.mean() - share) < 4 * (share * (1 - share) / 4000) ** 0.5
        groups.append(out)
    assert (groups[0] <= groups[1]).all()
    assert (groups[1] <= groups[2]).all()


def test_the_control_group_is_reported_by_value():
    result = compiled({"control": {"table": pd.DataFrame({"customer_id": ["anna"]}), "by": "country"}})
    assert result.notes == [
        "1 of 3 customers are held out",
        "country DE: 0 of 1 held out (0.00%)",
        "country FR: 1 of 2 held out (50.00%)",
    ]


# --- effects --------------------------------------------------------------------------------------------------------


def test_static_factors_multiply():
    rules: list[dict[str, Any]] = [
        {"effect": {"factor": 2}, "where": {"channel": "phone"}},
        {"effect": {"factor": 3}, "where": "age >= 65"},
    ]
    problem = compile_problem(small(rules))
    old = np.isin(problem.customer, [0, 2])
    phone = np.array(["phone" in name for name in problem.activity_names])[problem.activity]
    assert np.array_equal(problem.responses.static, np.where(phone, 2.0, 1.0) * np.where(old, 3.0, 1.0))


# --- sentences ------------------------------------------------------------------------------------------------------

SENTENCES = [
    ({"contacts": {"max": 3, "days": 30}}, "No customer receives more than 3 contacts in any 30 days"),
    (
        {"contacts": {"max": 1, "days": 1}, "where": {"channel": "email"}, "each": "wave"},
        "No customer receives more than 1 contact where channel is email on any day, counted apart for each wave",
    ),
    ({"contacts": {"max": "age"}}, "No customer receives more than the customer's age contacts over the horizon"),
    (
        {"contacts": {"min": 1, "max": 2}},
        "Every customer that can be contacted receives at least 1 and at most 2 contacts over the horizon",
    ),
    (
        {"pressure": {"max": 4, "days": 7}},
        "No customer receives more than 4 units of pressure from contacts in any 7 days",
    ),
    ({"packages": {"max": 2, "days": 7}}, "No customer receives more than 2 dates with contacts in any 7 days"),
    (
        {"duplicates": {"max": 1, "of": "offer", "days": 90}},
        "No customer receives more than 1 contact with the same offer in any 90 days",
    ),
    ({"cost_per_customer": {"max": 3}}, "No customer receives more than 3.00 EUR of contacts over the horizon"),
    ({"rest": {"days": 5}}, "Contacts of one customer on different dates are at least 5 days apart"),
    (
        {"targets": {"exactly": 1, "among": ["tour"]}},
        "Every customer with enough eligible offers is in exactly 1 of the offer tour",
    ),
    (
        {"include": {"channel": "phone"}, "where": "age >= 65"},
        "Every customer where age >= 65 receives at least one contact where channel is phone",
    ),
    ({"exclude": {"channel": "phone"}}, "No contact where channel is phone"),
    (
        {"requires": {"if": {"channel": "phone"}, "then": {"channel": "email"}, "same": "wave"}},
        "A contact where channel is phone needs a contact where channel is email "
        "for the same customer in the same wave",
    ),
    (
        {"only_after": {"what": {"channel": "phone"}, "after": {"channel": "email"}, "days": {"min": 3, "max": 14}}},
        "A contact where channel is phone needs a contact where channel is email 3 to 14 days before, "
        "for the same customer",
    ),
    (
        {"never": {"first": {"channel": "email"}, "then": {"channel": "phone"}, "days": 6}},
        "No customer receives a contact where channel is email followed by a contact where channel is phone "
        "within 6 days",
    ),
    ({"alternate": "channel"}, "No customer receives the same channel in two adjacent waves"),
    ({"effect": {"contact": 2, "factor": 0.85}}, "The response of each contact of rank 2 is multiplied by 0.85"),
    (
        {"control": {"share": 0.05, "seed": 7}},
        "A control group of 5 % of customers, drawn by seed 7, receives no contact",
    ),
]


@pytest.mark.parametrize(("rule", "text"), SENTENCES, ids=lambda value: value if isinstance(value, str) else "")
def test_sentences(rule, text):
    scenario = small([rule])
    assert sentence(scenario.rules[0], scenario).rstrip(".") == text
