"""A small scenario for rule tests, and what its compiled problem says of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from optimizer import Scenario
from optimizer.problem import Problem
from tests.problem_check import evaluate

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["anna", "ben", "cleo"],
        "country": ["FR", "FR", "DE"],
        "age": [70, 30, 65],
        "basket": [40.0, 50.0, np.nan],
    }
)


def small(rules: Sequence[dict[str, Any]] = (), **keys: Any) -> Scenario:
    """Three customers, e-mail and phone, two waves ten days apart; score 0.5 by phone and 0.25 by e-mail."""
    customers = keys.get("customers", CUSTOMERS)
    channels = keys.pop("channels", {"email": {"unit_cost": 1.0}, "phone": {"unit_cost": 4.0, "line": "human"}})
    scores = {"email": 0.25, "phone": 0.5}
    arguments: dict[str, Any] = {
        "name": "small",
        "currency": "EUR",
        "objective": "net_margin",
        "customers": customers,
        "appetence": None
        if customers is None
        else pd.DataFrame(
            {"customer_id": customers["customer_id"]} | {name: scores.get(name, 0.5) for name in channels}
        ),
        "channels": channels,
        "offers": {"tour": {"gross_margin": 20.0}},
        "waves": [{"name": "w1", "date": "2026-03-02"}, {"name": "w2", "date": "2026-03-12"}],
        "rules": [{"name": f"rule {number}", **rule} for number, rule in enumerate(rules, 1)],
    }
    return Scenario(**(arguments | keys))


def contacts(scenario: Scenario, problem: Problem, plan: Sequence[str]) -> np.ndarray:
    """The pairs of ``"anna phone w1"`` or ``"anna tour phone w1"``."""
    activities = scenario.facts.activities
    made = np.zeros(len(problem.customer), bool)
    for text in plan:
        customer, *offer, channel, wave = text.split()
        rows = (activities["channel"] == channel) & (activities["wave"] == wave)
        if offer:
            rows &= activities["offer"] == offer[0]
        pair = (problem.customer == list(problem.customer_names).index(customer)) & rows.to_numpy(bool)[
            problem.activity
        ]
        assert pair.sum() == 1, f"{text} fits {pair.sum()} pairs"
        made |= pair
    return made


def row_values(
    scenario: Scenario, problem: Problem, plan: Sequence[str], spend: Sequence[float] = ()
) -> dict[tuple[str, str], list[float]]:
    """The value of every coupling row under a plan, by rule and scope."""
    made = contacts(scenario, problem, plan)
    found: dict[tuple[str, str], list[float]] = {}
    for row in problem.coupling:
        found.setdefault((row.rule, row.scope), []).append(
            evaluate(problem, row.expression, made, np.array(spend, float))
        )
    return found
