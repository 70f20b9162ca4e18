"""Sums, averages, ratios, shares and openings as rows, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.rules import compile_problem
from tests.rules.small import contacts, row_values, small

PLAN = ["anna phone w1", "ben email w1", "cleo phone w2"]


def values(
    rule: dict[str, Any], plan: Sequence[str] = PLAN, spend: Sequence[float] = (), **keys: Any
) -> dict[str, list[float]]:
    """The values of the rows of one rule, by scope."""
    scenario = small([rule], **keys)
    found = row_values(scenario, compile_problem(scenario), plan, spend)
    return {scope: numbers for (_, scope), numbers in found.items()}


def bounds(rule: dict[str, Any], **keys: Any) -> list[tuple[str, float, float]]:
    return [(row.scope, row.lower, row.upper) for row in compile_problem(small([rule], **keys)).coupling]


def test_a_sum_by_scope():
    assert values({"sum": {"of": "age", "max": 100}, "each": "country"}) == {
        "country=DE": [65.0],
        "country=FR": [100.0],
    }


def test_an_average_is_linear_and_leaves_out_what_is_empty():
    # Baskets 40 and 50 against 45 each; cleo has none.
    assert values({"average": {"of": "basket", "min": 45}}) == {"": [pytest.approx(0.0)]}
    assert values({"average": {"of": "basket", "min": 42}}) == {"": [pytest.approx(90 - 84)]}
    assert bounds({"average": {"of": "basket", "min": 45, "max": 60}}) == [("", 0.0, np.inf), ("", -np.inf, 0.0)]
    assert bounds({"average": {"of": "basket", "min": 45, "max": 45}}) == [("", 0.0, 0.0)]


def test_an_average_of_money_looks_at_contacts_alone():
    channels = {"email": {"unit_cost": 1}, "phone": {"unit_cost": 4, "fixed_cost": 100}}
    assert values({"average": {"of": "cost", "max": 2}}, channels=channels) == {"": [pytest.approx(9 - 2 * 3)]}


def test_a_ratio_is_linear():
    # net margin 16 on a cost of 9.
    assert values({"ratio": {"of": "net_margin", "to": "cost", "min": 0.5}}) == {"": [pytest.approx(16 - 4.5)]}
    assert values({"ratio": {"of": "cost", "to": "responses", "max": 6}}) == {"": [pytest.approx(9 - 6 * 1.25)]}


def test_shares_of_contacts_and_of_money():
    assert values({"share": {"of": {"channel": "phone"}, "max": 0.3}}) == {"": [pytest.approx(2 - 0.3 * 3)]}
    by_country = values({"share": {"of": {"channel": "phone"}, "min": 0.5}, "each": "country"})
    assert by_country == {"country=DE": [pytest.approx(1 - 0.5)], "country=FR": [pytest.approx(1 - 1.0)]}
    media = {"display": {"spend": {"max": 50}, "curve": {"power": {"scale": 1, "exponent": 0.5}}, "line": "digital"}}
    rule = {"share": {"of": {"line": "digital"}, "in": "cost", "min": 0.4}}
    assert values(rule, spend=[6.0], media=media) == {"": [pytest.approx(6 - 0.4 * (9 + 6))]}


BOOKED = pd.DataFrame(
    {
        "customer_id": ["anna", "ben"],
        "date": ["2026-03-05", "2026-03-06"],
        "channel": "phone",
        "cost": [3.0, 2.0],
        "basket": [100.0, np.nan],
    }
)


def test_committed_contacts_add_what_they_state():
    plan = ["anna email w1"]
    assert values({"sum": {"of": "contacts", "max": 9}}, plan, committed=BOOKED) == {"": [3.0]}
    assert values({"budget": {"max": 9}}, plan, committed=BOOKED) == {"": [pytest.approx(1 + 3 + 2)]}
    assert values({"sum": {"of": "basket", "max": 9}}, plan, committed=BOOKED) == {"": [pytest.approx(140.0)]}
    assert values({"average": {"of": "basket", "min": 50}}, plan, committed=BOOKED) == {"": [pytest.approx(140 - 100)]}
    # Of cost and basket both: the first alone; responses: none of them.
    assert values({"ratio": {"of": "cost", "to": "basket", "max": 1}}, plan, committed=BOOKED) == {
        "": [pytest.approx(1 + 3 - 140)]
    }
    assert values({"ratio": {"of": "cost", "to": "responses", "max": 1}}, plan, committed=BOOKED) == {
        "": [pytest.approx(1 - 0.25)]
    }
    assert values({"share": {"of": {"channel": "phone"}, "max": 0.5}}, plan, committed=BOOKED) == {
        "": [pytest.approx(2 - 1.5)]
    }


MEDIA = {
    "search": {
        "by": ["country"],
        "spend": {"table": pd.DataFrame({"country": ["FR", "IT"], "max": [50.0, 60.0]})},
        "curve": {"michaelis_menten": {"top": 8, "half": 20}},
        "in": "responses",
        "gross_margin": 10,
    },
    "display": {"spend": {"max": 50}, "curve": {"michaelis_menten": {"top": 80, "half": 20}}},
}


def test_media_belong_to_the_scopes_they_declare():
    names = [cell.name for cell in small(media=MEDIA).facts.media]
    spend = [{"search[FR]": 20.0, "search[IT]": 5.0, "display": 7.0}[name] for name in names]
    by_country = values({"budget": {"max": 100}, "each": "country"}, spend=spend, media=MEDIA)
    assert by_country == {"country=DE": [4.0], "country=FR": [5.0 + 20.0], "country=IT": [5.0]}
    assert values({"budget": {"max": 100}}, spend=spend, media=MEDIA) == {"": [pytest.approx(9 + 32)]}
    assert values({"budget": {"max": 100}, "where": {"country": "FR"}}, spend=spend, media=MEDIA) == {"": [25.0]}
    responses = values({"sum": {"of": "responses", "max": 9}, "each": "country"}, spend=spend, media=MEDIA)
    assert responses == {
        "country=DE": [0.5],
        "country=FR": [pytest.approx(0.75 + 8 * 20 / 40)],
        "country=IT": [pytest.approx(8 * 5 / 25)],
    }


def test_media_make_no_scope_where_the_rule_does_not_look_at_them():
    assert set(values({"volume": {"max": 9}, "each": "country"}, spend=[0, 0, 0], media=MEDIA)) == {
        "country=DE",
        "country=FR",
    }
    assert set(values({"sum": {"of": "age", "max": 9}, "each": "country"}, spend=[0, 0, 0], media=MEDIA)) == {
        "country=DE",
        "country=FR",
    }


OFFERS = {"tour": {"gross_margin": 20.0}, "visit": {"gross_margin": 5.0}, "ride": {"gross_margin": 5.0}}


def test_open_counts_the_values_contacted():
    rule = {"open": {"max": 2}}
    plan = ["anna tour phone w1", "ben tour email w1", "ben visit email w1"]
    assert values(rule, plan, offers=OFFERS) == {"": [2.0]}
    assert values(rule, [], offers=OFFERS) == {"": [0.0]}
    assert values({"open": {"max": 2}, "each": "wave"}, plan, offers=OFFERS) == {"wave=w1": [2.0], "wave=w2": [0.0]}


def test_open_of_channels_where_a_filter_keeps_them():
    rule = {"open": {"max": 1, "of": "channel"}, "where": {"country": "FR"}}
    assert values(rule, ["cleo phone w1", "anna email w1"]) == {"": [1.0]}
    assert values(rule, ["anna phone w1", "anna email w1"]) == {"": [2.0]}


def test_openings_of_the_same_contacts_are_one_binary():
    channels = {"email": {"unit_cost": 1}, "phone": {"unit_cost": 4, "fixed_cost": 100, "min_volume_if_opened": 2}}
    scenario = small([{"open": {"max": 1, "of": "channel"}}], channels=channels)
    problem = compile_problem(scenario)
    minima = [opening.minimum for opening in problem.openings]
    assert sorted(minima) == [0.0, 2.0]
    made = contacts(scenario, problem, ["anna phone w1"])
    phone = minima.index(2.0)
    opening = problem.openings[phone]
    assert opening.members is not None
    members = opening.members.on(problem.customer, problem.activity) != 0
    assert members[made].all()
    assert problem.objective.opened == {phone: -100.0}
