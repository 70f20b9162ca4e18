"""The assembled problem: order of customers, saturation and price cells, factors, booked contacts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer import Scenario
from optimizer.rules import compile_problem
from tests.problem_check import effective_responses, evaluate
from tests.rules.small import CUSTOMERS, contacts, small


def ordered(scenario: Scenario) -> list[str]:
    """Customers' names in canonical order."""
    problem = compile_problem(scenario)
    return [problem.customer_names[row] for row in problem.order]


def test_the_order_is_that_of_contents_not_of_rows_or_names():
    people = pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in range(40)],
            "country": ["FR", "DE"] * 20,
            "age": np.arange(40) % 7,
            "basket": np.linspace(0.1, 9.7, 40),
        }
    )
    history = pd.DataFrame({"customer_id": people["customer_id"][:9], "date": "2026-02-01", "channel": "phone"})
    first = ordered(small(customers=people, history=history))
    assert first != sorted(first)
    shuffled = people.sample(frac=1, random_state=3)
    assert ordered(small(customers=shuffled, history=history.sample(frac=1, random_state=4))) == first
    renamed = {name: f"z{97 * k % 40}" for k, name in enumerate(people["customer_id"])}
    other = small(
        customers=people.assign(customer_id=people["customer_id"].map(renamed)),
        history=history.assign(customer_id=history["customer_id"].map(renamed)),
    )
    assert ordered(other) == [renamed[name] for name in first]


def test_customers_alike_stand_in_the_order_of_their_names():
    people = pd.DataFrame({"customer_id": ["b", "c", "a"], "country": "FR", "age": 4})
    assert ordered(small(customers=people)) == ["a", "b", "c"]


def test_the_order_does_not_change_with_powers_of_two():
    people = pd.DataFrame({"customer_id": [f"c{k}" for k in range(30)], "basket": np.linspace(3.3, 77.7, 30)})
    one = small(customers=people, offers={"tour": {"gross_margin": "basket"}})
    two = small(customers=people.assign(basket=people["basket"] * 1024), offers={"tour": {"gross_margin": "basket"}})
    assert ordered(one) == ordered(two)


CURVE = {"michaelis_menten": {"top": 4.0, "half": 10.0}}


def saturated(**keys: Any) -> Scenario:
    channels = {
        "email": {"unit_cost": 1.0},
        "phone": {"unit_cost": 4.0, "response_curve": {**CURVE, "spend_ref": 10.0}},
    }
    return small(channels=channels, **keys)


def test_a_cell_scales_the_curve_to_the_worth_of_its_pairs():
    problem = compile_problem(saturated())
    (cell,) = problem.cells
    # R(10) = 4 · 10 / 20 = 2 responses, each worth its gross margin of 20.
    assert cell.z_ref == pytest.approx(2 * 20)
    assert cell.reference == 10.0
    assert set(cell.worth[cell.member]) == {20.0}
    assert set(cell.worth[~cell.member]) == {0.0}
    assert cell.member.sum() == 6


def test_a_cell_counts_responses_where_they_are_the_objective():
    (cell,) = compile_problem(saturated(objective="responses")).cells
    assert cell.z_ref == pytest.approx(2.0)
    assert set(cell.worth[cell.member]) == {1.0}


def test_the_mean_worth_is_weighted_by_scores():
    people = pd.DataFrame({"customer_id": ["anna", "ben"], "value": [10.0, 40.0]})
    scores = pd.DataFrame({"customer_id": ["anna", "ben"], "phone": [0.3, 0.1]})
    scenario = saturated(customers=people, appetence=scores, offers={"tour": {"gross_margin": "value"}})
    (cell,) = compile_problem(scenario).cells
    assert cell.z_ref == pytest.approx(2 * (0.3 * 10 + 0.1 * 40) / 0.4)


def test_six_saturated_calls_by_hand():
    scenario = saturated()
    problem = compile_problem(scenario)
    plan = [f"{name} phone {wave}" for name in ("anna", "ben", "cleo") for wave in ("w1", "w2")]
    made = contacts(scenario, problem, plan)
    # z = 6 · 0.5 · 20 = 60, r = 1.5, φ = R(15) / R(10) = 2.4 / 2 = 1.2, F = 40 · 1.2 = 48.
    assert effective_responses(problem, made)["responses"].sum() == pytest.approx(3 * 48 / 60)
    assert evaluate(problem, problem.objective, made, np.empty(0)) == pytest.approx(48 - 24)


def test_a_cell_worth_nothing_does_not_saturate():
    scenario = saturated(offers={"tour": {"gross_margin": 5.0, "response_cost": 9.0}})
    assert compile_problem(scenario).cells == []


def test_tiers_become_a_price_cell():
    channels = {"email": {"unit_cost": 1}, "phone": {"unit_cost": {"tiers": [[0, 4.0], [2, 3.0]], "kind": "all_units"}}}
    (cell,) = compile_problem(small(channels=channels)).price_cells
    assert (cell.starts.tolist(), cell.prices.tolist(), cell.incremental) == ([0.0, 2.0], [4.0, 3.0], False)
    assert cell.member.sum() == 6


def test_booked_contacts_inside_the_horizon_count_in_ranks():
    booked = pd.DataFrame(
        {"customer_id": ["anna", "ben", "cleo"], "date": ["2026-03-01", "2026-03-05", "2026-03-12"], "channel": "fax"}
    )
    said = compile_problem(small(committed=booked)).responses
    assert said.booked_customer.tolist() == [1, 2]
    assert set(said.booked_channel.tolist()).isdisjoint(said.channel.tolist())


def test_enforced_rules_alone_forbid_and_multiply():
    rules: list[dict[str, Any]] = [
        {"exclude": {"channel": "phone"}, "where": {"country": "DE"}},
        {"exclude": {"channel": "email"}, "mode": "report"},
        {"effect": {"factor": 2.0}, "where": {"age": ">= 65"}},
    ]
    scenario = small(rules)
    problem = compile_problem(scenario)
    gone = contacts(scenario, problem, ["cleo phone w1", "cleo phone w2"])
    assert problem.removed.tolist() == gone.tolist()
    old = np.isin(problem.customer, [0, 2])
    assert problem.responses.static.tolist() == np.where(old, 2.0, 1.0).tolist()


def test_media_alone():
    scenario = small(
        [{"budget": {"max": 30}}],
        customers=None,
        appetence=None,
        channels={},
        offers={},
        waves=[],
        media={"display": {"spend": {"min": 5, "max": 50, "or_zero": True}, "curve": CURVE}},
    )
    problem = compile_problem(scenario)
    assert [(m.name, m.low, m.high, m.or_zero) for m in problem.media] == [("display", 5.0, 50.0, True)]
    assert evaluate(problem, problem.objective, np.empty(0, bool), np.array([10.0])) == pytest.approx(2 - 10)
    assert len(problem.coupling) == 1


def test_customers_stay_in_the_tables_order():
    assert list(compile_problem(small()).customer_names) == CUSTOMERS["customer_id"].tolist()


def test_an_offer_and_its_only_channel_may_each_ask_for_a_minimum_volume():
    """One set of activities, one binary: it holds the larger minimum, whichever is stated first."""
    for channel, offer in ((1, 2), (2, 1)):
        scenario = small(
            channels={"email": {"unit_cost": 1, "min_volume_if_opened": channel}},
            offers={"tour": {"gross_margin": 10, "min_volume_if_opened": offer}},
            appetence=pd.DataFrame({"customer_id": CUSTOMERS["customer_id"], "email": 0.5}),
        )
        assert [opening.minimum for opening in compile_problem(scenario).openings] == [2]
