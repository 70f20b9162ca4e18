"""Rules as planners read them."""

from __future__ import annotations

import pandas as pd
import pytest

from optimizer.rules import sentence
from tests.rules.small import small

TABLE = {"table": pd.DataFrame({"country": ["FR"], "slots": [1]}), "column": "slots"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"budget": {"max": 60000}}, "Spend at most 60,000.00 EUR in all."),
        ({"budget": {"max": 250.5}, "where": {"country": "FR"}}, "Spend at most 250.50 EUR where country is FR."),
        (
            {"volume": {"min": 1500, "max": 2500}, "where": {"channel": "phone"}, "each": ["country", "wave"]},
            "At least 1,500 and at most 2,500 contacts where channel is phone, for each country and wave.",
        ),
        (
            {"volume": {"max": 50000, "days": 7, "except": [{"date": "2026-03-08", "max": 0}]}},
            "At most 50,000 contacts in any 7 days; at most 0 in the days to 2026-03-08.",
        ),
        (
            {"volume": {"min": 40, "max": 40, "of": "customers"}, "where": "age >= 60"},
            "Exactly 40 customers where age >= 60.",
        ),
        (
            {"volume": {"max": TABLE}, "each": "country"},
            "At most the slots of its table contacts, for each country.",
        ),
        ({"average": {"of": "basket", "min": 45}}, "The average basket of a contact is at least 45."),
        ({"ratio": {"of": "cost", "to": "responses", "max": 45}}, "Cost to responses is at most 45.00 EUR."),
        ({"ratio": {"of": "net_margin", "to": "cost", "min": 0.5}}, "Net margin to cost is at least 0.5."),
        (
            {"share": {"of": {"channel": "phone"}, "max": 0.3}},
            "Contacts where channel is phone are at most 30 % of all contacts.",
        ),
        (
            {"share": {"of": {"line": "human"}, "in": "cost", "min": 0.35}, "each": "country"},
            "Money spent where line is human is at least 35 % of all money spent, for each country.",
        ),
        ({"open": {"max": 3}}, "Open at most 3 offers."),
        ({"sum": {"of": "age", "max": 4000}}, "The sum of age is at most 4,000."),
        (
            {"volume": {"min": 3}, "where": {"age": ">= 60"}, "soft": {"penalty": 8, "side": "min", "tolerance": 2}},
            "At least 3 contacts where age is at least 60; soft: each unit below costs 8.00 EUR, at most 2.",
        ),
        ({"volume": {"max": 3}, "mode": "report"}, "At most 3 contacts; reported, not enforced."),
    ],
)
def test_sentences(rule, expected):
    scenario = small([rule])
    assert sentence(scenario.rules[0], scenario) == expected


def test_penalties_are_counted_in_what_the_objective_counts():
    scenario = small([{"volume": {"max": 3}, "soft": {"penalty": 0.5}}], objective="responses")
    assert sentence(scenario.rules[0], scenario) == "At most 3 contacts; soft: each unit costs 0.50 responses."
