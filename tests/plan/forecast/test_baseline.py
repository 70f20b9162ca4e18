"""Forecasts where a baseline is subtracted: what customers do without a contact has luck and uncertainty of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.plan.forecast.simulate import Luck
from optimizer.plan.plan import Evaluation
from optimizer.plan.records import Records
from optimizer.plan.responses import Groups
from optimizer.plan.verify.known import known_pairs
from tests.plan.forecast.test_forecast import figure
from tests.plan.small import contacts, small

#: From P10 to P90 of a normal distribution, in deviations.
WIDE = 2 * 1.2815515655446004
WITH, WITHOUT = 0.2, 0.15


def mailed(*rules: dict[str, Any], count: int = 2_000) -> Evaluation:
    """An e-mail to everybody; each responds with 0.2 to it and with 0.15 without."""
    people = pd.DataFrame({"customer_id": [f"c{number:04d}" for number in range(count)]})
    scenario = small(
        *rules, customers=people, appetence=people.assign(email=WITH), channels={"email": {"unit_cost": 1}},
        baseline=people.assign(baseline=WITHOUT), offers={"o": {"gross_margin": 100, "response_cost": 4}},
    )  # fmt: skip
    return opt.evaluate(scenario, people.assign(channel="email"))


def test_the_luck_is_that_of_customers_who_respond_with_or_without() -> None:
    found = figure(mailed().forecast(draws=2000, seed=3).table, "response")
    assert found["plan"] == pytest.approx(100)
    assert found["mean"] == pytest.approx(100, abs=2)
    assert found["p90"] - found["p10"] == pytest.approx(WIDE * math.sqrt(2000 * 0.2 * 0.8), rel=0.08)
    exact = mailed().forecast(draws=20, sampling=False).table
    np.testing.assert_allclose(exact["p90"], exact["plan"], rtol=1e-12)


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_scores_and_baseline_are_off_each_by_its_own_factor(factor: float) -> None:
    evaluation = mailed({"name": "tired", "effect": {"factor": factor}, "where": "channel == 'email'"})
    for scores in (0.1, pd.DataFrame({"channel": ["email", "baseline"], "relative": [0.1, 0.1]})):
        found = figure(evaluation.forecast(scores=scores, draws=2000, sampling=False).table, "response")
        # 2000 · (0.2 f − 0.15 f_b), both times the effect
        spread = factor * 2000 * math.hypot(0.1 * WITH, 0.1 * WITHOUT)
        assert found["plan"] == pytest.approx(factor * 100)
        assert found["p90"] - found["p10"] == pytest.approx(WIDE * spread, rel=0.08)
    alone = pd.DataFrame({"channel": ["email"], "relative": [0.1]})
    told = evaluation.forecast(scores=alone, draws=20)
    assert "the baseline is taken as known: no uncertainty was given for it" in told.notes


def test_what_came_is_held_against_what_the_baseline_expects() -> None:
    evaluation = mailed()
    everyone = evaluation.contacts[["customer_id"]].assign(channel="email")
    results = everyone.assign(response=np.arange(2000) < 400)
    seen = evaluation.forecast(draws=300).against(results)
    assert figure(seen.table, "response")["actual"] == pytest.approx(400 - 300)
    assert figure(seen.table, "response")["inside"]
    assert figure(seen.table, "gross_margin")["actual"] == pytest.approx(100 * 100)
    assert figure(seen.table, "cost")["actual"] == pytest.approx(2000 + 100 * 4)
    assert "300.0 responses that the baseline expects without a contact are taken off what was seen" in seen.notes
    # money that the results tell holds that of those who would have come anyway, too
    told = evaluation.forecast(draws=300).against(results.assign(gross_margin=results["response"] * 110.0))
    assert figure(told.table, "gross_margin")["actual"] == pytest.approx(400 * 110 - 300 * 100)


def test_contacts_that_combine_share_the_baseline_of_their_customer() -> None:
    scenario = small(
        waves={"w1": "2026-03-02"}, responses={"combine": "independent", "per": ["customer_id"]},
        baseline=pd.DataFrame({"customer_id": ["anna", "ben", "cleo"], "baseline": [0.06, 0.04, 0.0]}),
    )  # fmt: skip
    evaluation = opt.evaluate(scenario, contacts(scenario, "anna email w1", "anna sms w1", "ben phone w1"))
    results = pd.DataFrame({"customer_id": ["anna", "ben"], "channel": ["sms", "phone"], "response": [1, 1]})
    seen = evaluation.forecast(draws=20, by=["channel"]).against(results)
    assert figure(seen.table, "response")["actual"] == pytest.approx(2 - 0.06 - 0.04)
    assert figure(seen.table, "response", "email", "channel")["actual"] == pytest.approx(-0.03)


def test_who_buys_has_responded_to_the_same_contact() -> None:
    scenario = small(responses={"combine": "independent", "per": ["customer_id"]})
    evaluation = opt.evaluate(scenario, contacts(scenario, "anna email w1", "anna sms w1", "anna phone w1"))
    pairs, _ = known_pairs(scenario.facts, evaluation.contacts)
    luck, rng = Luck(Groups(scenario.facts, Records.of_pairs(scenario.facts, pairs))), np.random.default_rng(0)
    response, sale, came, sold = np.array([0.2, 0.3, 0.4]), np.array([0.1, 0.1, 0.3]), np.zeros(3), np.zeros(3)
    for _ in range(2_000):
        hits, kpis, rows = luck.drawn(rng, response, {"sale": sale})
        assert (kpis["sale"] <= hits).all()
        assert hits.sum() <= 1
        came[rows] += hits
        sold[rows] += kpis["sale"]
    np.testing.assert_allclose(came / 2_000, response, atol=0.05)
    np.testing.assert_allclose(sold / 2_000, sale, atol=0.05)
