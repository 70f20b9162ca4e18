"""Filters as weights, scopes of ``each``, media and fixed costs that match."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optimizer import Scenario
from optimizer.rules import Context
from optimizer.rules.scope import fixed_kept, kept, media_kept, past_kept, scopes
from optimizer.rules.weights import kept_pairs
from optimizer.scenario.rule_schema import Filter
from tests.rules.small import CUSTOMERS, small


def kept_names(scenario: Scenario, where: Filter) -> set[str]:
    """The pairs a filter keeps, as ``anna phone w1``."""
    facts, context = scenario.facts, Context(scenario)
    mask = kept_pairs(context, kept(context, where))
    customers, activities = facts.customers["customer_id"], facts.activities
    return {
        f"{customers[c]} {activities['channel'][a]} {activities['wave'][a]}"
        for c, a in zip(facts.pairs.customer[mask], facts.pairs.activity[mask], strict=True)
    }


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"channel": "phone", "wave": "w1"}, {"anna phone w1", "ben phone w1", "cleo phone w1"}),
        ({"country": "DE", "channel": "email"}, {"cleo email w1", "cleo email w2"}),
        ("age >= 65 and date > 2026-03-05 and channel == 'phone'", {"anna phone w2", "cleo phone w2"}),
        (
            "country == 'DE' and wave == 'w1' or age < 40 and wave == 'w2'",
            {"cleo email w1", "cleo phone w1", "ben email w2", "ben phone w2"},
        ),
        ("basket > 45 and channel == 'email'", {"ben email w1", "ben email w2"}),
        ("not (basket > 45) and wave == 'w1'", {"anna email w1", "anna phone w1", "cleo email w1", "cleo phone w1"}),
        ({"line": "human", "country": "DE"}, {"cleo phone w1", "cleo phone w2"}),
        ({"month": "2026-03", "week": "2026-W10", "country": "DE"}, {"cleo email w1", "cleo phone w1"}),
    ],
)
def test_a_filter_keeps_the_pairs_it_says(where, expected):
    assert kept_names(small(), where) == expected


def test_conjuncts_go_to_the_part_they_speak_of():
    weights = kept(Context(small()), "channel == 'phone' and age >= 65")
    assert weights.pair is None
    assert weights.activity is not None
    assert weights.customer is not None
    assert weights.activity.tolist().count(1.0) == 2
    assert weights.customer.tolist() == [1.0, 0.0, 1.0]


def test_a_disjunction_across_sides_goes_to_the_pairs():
    assert kept(Context(small()), "channel == 'phone' or age >= 65").pair is not None


def test_a_measure_of_the_pairs_can_be_filtered():
    scenario = small(
        appetence=pd.DataFrame(
            {"customer_id": ["anna", "ben"], "channel": "phone", "score": [0.1, 0.2], "risk": [0.7, np.nan]}
        )
    )
    assert kept_names(scenario, "risk > 0.5") == {"anna phone w1", "anna phone w2"}
    assert kept_names(scenario, "not (risk > 0.5)") == {"ben phone w1", "ben phone w2"}


def test_scopes_are_the_values_found_among_kept_pairs():
    scenario = small([{"volume": {"max": 9}, "each": ["country", "wave"], "where": {"age": ">= 40"}}])
    found = scopes(Context(scenario), scenario.rules[0])
    assert [scope.label for scope in found] == [
        "country=DE, wave=w1", "country=DE, wave=w2", "country=FR, wave=w1", "country=FR, wave=w2",
    ]  # fmt: skip
    context = Context(scenario)
    assert [int(kept_pairs(context, scope.contacts).sum()) for scope in found] == [2, 2, 2, 2]


def test_an_empty_value_is_no_scope():
    scenario = small([{"volume": {"max": 9}, "each": "basket"}])
    assert [scope.label for scope in scopes(Context(scenario), scenario.rules[0])] == ["basket=40", "basket=50"]


def test_each_offer_of_an_activity_is_a_scope():
    activities = pd.DataFrame({"activity": ["both", "tour"], "offer": ["tour;visit", "tour"], "channel": "phone"})
    scenario = small(
        [{"volume": {"max": 9}, "each": "offer"}],
        waves=[],
        offers={"tour": {"gross_margin": 1}, "visit": {"gross_margin": 1}},
        activities=activities,
        appetence=pd.DataFrame({"customer_id": ["anna", "ben"], "phone": 0.5}),
    )
    context = Context(scenario)
    counts = {s.label: int(kept_pairs(context, s.contacts).sum()) for s in scopes(context, scenario.rules[0])}
    assert counts == {"offer=tour": 4, "offer=visit": 2}


def test_past_contacts_match_by_what_they_have():
    history = pd.DataFrame({"customer_id": ["anna", "cleo"], "date": "2026-02-01", "channel": ["phone", "email"]})
    context = Context(small(history=history))
    assert past_kept(context, {"line": "human"}).tolist() == [True, False]
    assert past_kept(context, {"country": "DE"}).tolist() == [False, True]
    assert past_kept(context, {"month": "2026-02"}).tolist() == [True, True]
    assert past_kept(context, {"wave": "w1"}).tolist() == [False, False]


def test_a_name_in_customers_and_activities_is_never_mixed_up():
    customers = CUSTOMERS.assign(line=["digital", "human", "human"])
    scenario = small(customers=customers)
    assert kept_names(scenario, "customer.line == activity.line and wave == 'w1'") == {"ben phone w1", "cleo phone w1"}
    assert len(kept_names(scenario, {"customer.line": "digital"})) == 4
    history = pd.DataFrame({"customer_id": ["anna", "ben"], "date": "2026-02-01", "channel": ["phone", "email"]})
    context = Context(small(customers=customers, history=history))
    assert past_kept(context, {"activity.line": "human"}).tolist() == [True, False]
    assert past_kept(context, {"customer.line": "human"}).tolist() == [False, True]


def test_media_and_fixed_costs_match_only_what_they_declare():
    scenario = small(
        channels={
            "email": {"unit_cost": 1.0},
            "phone": {"unit_cost": 4.0, "line": "human", "fixed_cost": {"amount": 100.0, "each": "wave"}},
        },
        media={
            "display": {"spend": {"max": 10}, "curve": {"michaelis_menten": {"top": 5, "half": 5}}, "line": "digital"},
            "search": {"spend": {"max": 10}, "curve": {"michaelis_menten": {"top": 5, "half": 5}}},
        },
    )
    context = Context(scenario)
    assert media_kept(context, None).tolist() == [True, True]
    assert media_kept(context, {"line": "digital"}).tolist() == [True, False]
    assert media_kept(context, "not (line == 'human')").tolist() == [True, False]
    assert media_kept(context, {"country": "FR"}).tolist() == [False, False]
    assert [cost.name for cost in scenario.facts.fixed_costs] == ["phone w1", "phone w2"]
    assert fixed_kept(context, {"line": "human", "wave": "w1"}).tolist() == [True, False]
    assert fixed_kept(context, {"country": "FR"}).tolist() == [False, False]
