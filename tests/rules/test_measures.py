"""What each measure adds up, against sums done by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from optimizer import Scenario
from optimizer.errors import ScenarioError
from optimizer.rules import Context, compile_problem
from optimizer.rules.measures import measure
from optimizer.rules.objective import everything
from tests.problem_check import evaluate
from tests.rules.small import contacts, row_values, small

PLAN = ["anna phone w1", "ben email w1", "cleo phone w2"]


def total(scenario: Scenario, name: str, plan: Sequence[str] = PLAN, spend: Sequence[float] = ()) -> float:
    """A measure over everything."""
    context = Context(scenario)
    expression = measure(context, name, everything(context), booked=False)
    problem = compile_problem(scenario)
    return evaluate(problem, expression, contacts(scenario, problem, plan), np.array(spend, float))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("contacts", 3.0),
        ("responses", 0.5 + 0.25 + 0.5),
        ("gross_margin", 20 * 1.25),
        ("cost", 4 + 1 + 4),
        ("net_margin", 25 - 9),
        ("age", 70 + 30 + 65),
        ("basket", 40 + 50),
    ],
)
def test_a_measure_is_the_sum_by_hand(name, expected):
    assert total(small(), name) == pytest.approx(expected)


def test_revenue_margin_rate_and_response_cost():
    scenario = small(offers={"tour": {"revenue": 100.0, "margin_rate": 0.4, "response_cost": 6.0}})
    assert total(scenario, "revenue") == pytest.approx(100 * 1.25)
    assert total(scenario, "gross_margin") == pytest.approx(40 * 1.25)
    assert total(scenario, "cost") == pytest.approx(9 + 6 * 1.25)


def test_a_kpi_with_a_margin_adds_to_gross_margin_and_not_to_responses():
    scenario = small(
        customers=pd.DataFrame({"customer_id": ["anna", "ben"], "car": [1000.0, 2000.0]}),
        appetence=pd.DataFrame(
            {"customer_id": ["anna", "ben"], "channel": "phone", "score": [0.5, 0.4], "p_sale": [0.01, 0.02]}
        ),
        kpis={"sale": {"score": "p_sale", "gross_margin": "car"}},
    )
    plan = ["anna phone w1", "ben phone w2"]
    assert total(scenario, "sale", plan) == pytest.approx(0.03)
    assert total(scenario, "responses", plan) == pytest.approx(0.9)
    assert total(scenario, "gross_margin", plan) == pytest.approx(20 * 0.9 + 1000 * 0.01 + 2000 * 0.02)


def test_fixed_costs_are_paid_once_opened():
    channels = {"email": {"unit_cost": 1}, "phone": {"unit_cost": 4, "fixed_cost": {"amount": 100, "each": "wave"}}}
    scenario = small(channels=channels)
    assert total(scenario, "cost", ["anna phone w1", "ben phone w1"]) == pytest.approx(108)
    assert total(scenario, "cost", ["anna phone w1", "ben phone w2"]) == pytest.approx(208)
    assert total(scenario, "cost", ["anna email w1"]) == pytest.approx(1)


@pytest.mark.parametrize(("kind", "expected"), [("incremental", 2 * 4.0 + 1 * 3.0), ("all_units", 3 * 3.0)])
def test_tiers(kind, expected):
    channels = {"email": {"unit_cost": 1}, "phone": {"unit_cost": {"tiers": [[0, 4.0], [2, 3.0]], "kind": kind}}}
    scenario = small(channels=channels)
    plan = ["anna phone w1", "ben phone w1", "cleo phone w2"]
    assert total(scenario, "cost", plan) == pytest.approx(expected)
    assert total(scenario, "cost", [*plan, "anna email w1"]) == pytest.approx(expected + 1)


MEDIA = {
    "display": {"spend": {"max": 100}, "curve": {"michaelis_menten": {"top": 80, "half": 20}}, "fixed_cost": 5},
    "search": {
        "spend": {"max": 100},
        "curve": {"michaelis_menten": {"top": 8, "half": 20}},
        "in": "responses",
        "gross_margin": 10,
    },
}


def test_media_spend_yield_and_fixed_cost():
    scenario = small(media=MEDIA)
    names = [cell.name for cell in scenario.facts.media]
    spend = [{"display": 20.0, "search": 60.0}[name] for name in names]  # yields 40 of margin and 6 responses
    assert total(scenario, "cost", [], spend) == pytest.approx(80 + 5)
    assert total(scenario, "gross_margin", [], spend) == pytest.approx(40 + 60)
    assert total(scenario, "responses", [], spend) == pytest.approx(6)
    assert total(scenario, "revenue", [], spend) == 0
    assert total(scenario, "age", [], spend) == 0
    assert total(scenario, "cost", [], [0.0, 0.0]) == 0


def test_an_unknown_measure_names_those_that_exist():
    with pytest.raises(ScenarioError, match="basket"):
        total(small(), "baskets")


def test_the_objective_leaves_committed_contacts_out():
    booked = pd.DataFrame({"customer_id": ["anna"], "date": "2026-03-05", "channel": "phone"})
    scenario = small([{"budget": {"max": 100}}], committed=booked)
    problem = compile_problem(scenario)
    assert problem.objective.constant == 0
    assert row_values(scenario, problem, PLAN) == {("rule 1", ""): [pytest.approx(9 + 4)]}


def test_a_minimised_cost_is_maximised_with_its_sign_turned():
    scenario = small([{"volume": {"min": 2}}], objective={"minimize": "cost"})
    problem = compile_problem(scenario)
    assert problem.sense == -1
    made = contacts(scenario, problem, PLAN)
    assert evaluate(problem, problem.objective, made, np.empty(0)) == pytest.approx(-9)


@pytest.mark.parametrize(("objective", "expected"), [("net_margin", 16.0), ("responses", 1.25), ("age", 165.0)])
def test_objectives(objective, expected):
    scenario = small(objective=objective)
    problem = compile_problem(scenario)
    made = contacts(scenario, problem, PLAN)
    assert evaluate(problem, problem.objective, made, np.empty(0)) == pytest.approx(expected)


def test_customers_columns_and_activity_costs_stay_small():
    scenario = small()
    problem = compile_problem(scenario)
    terms = [*problem.objective.contacts, *(w for terms in problem.objective.responses.values() for w in terms)]
    assert all(weights.pair is None for weights in terms)
