"""What a plan is worth, against figures worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.plan.verify import verify
from optimizer.scenario import Scenario
from tests.plan.small import contacts, customers, judged, past, small


def test_money_of_two_contacts() -> None:
    value = judged(small(), "anna email w1", "ben phone w1").valuation
    # 0.1 × 100 − 1 and 0.5 × 100 − 5
    assert value.worth.gross_margin == pytest.approx(60)
    assert value.worth.cost == pytest.approx(6)
    assert value.worth.net_margin == pytest.approx(54)
    assert value.objective == pytest.approx(54)
    assert value.worth.responses == pytest.approx(0.6)


def test_contact_frame_has_the_contract_columns_and_figures() -> None:
    frame = judged(small(), "ben sms w1").valuation.contacts
    assert frame.columns.tolist() == [
        "customer_id", "activity", "offer", "channel", "wave", "date", "cost", "appetence",
        "expected_response", "expected_gross_margin",
    ]  # fmt: skip
    found = frame.iloc[0]
    assert (found["customer_id"], found["offer"], found["channel"], found["wave"]) == ("ben", "o", "sms", "w1")
    assert found["date"] == pd.Timestamp("2026-03-02")
    assert found[["cost", "appetence", "expected_response", "expected_gross_margin"]].tolist() == pytest.approx(
        [2, 0.2, 0.2, 20]
    )


def test_response_cost_is_paid_on_response_and_is_no_margin() -> None:
    scenario = small(offers={"o": {"revenue": 50, "margin_rate": 0.4, "response_cost": 9}})
    value = judged(scenario, "anna sms w1").valuation
    assert value.worth.revenue == pytest.approx(0.2 * 50)
    assert value.worth.gross_margin == pytest.approx(0.2 * 50 * 0.4)
    assert value.worth.cost == pytest.approx(2 + 0.2 * 9)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [("net_margin", 0.2 * 20 - 2 - 0.2 * 9), ("revenue", 0.2 * 50), ("responses", 0.2), ("points", 7.0)],
)
def test_objectives(objective: str, expected: float) -> None:
    scenario = small(
        objective=objective,
        customers=customers(points=[7.0, 11.0, 13.0]),
        offers={"o": {"revenue": 50, "margin_rate": 0.4, "response_cost": 9}},
    )
    assert judged(scenario, "anna sms w1").valuation.objective == pytest.approx(expected)


def test_minimised_cost_counts_upwards_and_penalties_add() -> None:
    scenario = small({"volume": {"min": 3}, "soft": {"penalty": 10}}, objective={"minimize": "cost"})
    value = judged(scenario, "anna sms w1", "ben sms w1").valuation
    assert (value.sense, value.worth.objective, value.penalty, value.objective) == (-1, 4, 10, 14)


def test_nothing_is_deducted_from_responses_but_penalties() -> None:
    scenario = small({"volume": {"max": 1}, "soft": {"penalty": 0.05}}, objective="responses")
    value = judged(scenario, "anna sms w1", "ben sms w1", "cleo sms w1").valuation
    assert value.objective == pytest.approx(0.6 - 0.1)


def test_a_factor_acts_on_the_response_never_on_the_cost_and_a_probability_stops_at_one() -> None:
    scenario = small(
        {"effect": {"factor": 3}, "where": {"channel": "phone"}},
        {"name": "half", "effect": {"factor": 0.5}, "where": {"channel": "sms"}},
    )
    frame = judged(scenario, "anna phone w1", "anna sms w1", "anna email w1").valuation.contacts.set_index("channel")
    assert frame["expected_response"].to_dict() == pytest.approx({"phone": 1.0, "sms": 0.1, "email": 0.1})
    assert frame["cost"].to_dict() == {"phone": 5, "sms": 2, "email": 1}


RANKS = [
    {"name": "second", "effect": {"contact": 2, "factor": 0.5}},
    {"name": "third", "effect": {"contact": 3, "factor": 0.25}},
]
DAYS = {"w1": "2026-03-02", "w2": "2026-03-03", "w3": "2026-03-04", "w4": "2026-03-05"}


def responses(scenario: Scenario, *texts: str) -> dict[str, float]:
    frame = judged(scenario, *texts).valuation.contacts
    keys = frame["customer_id"] + " " + frame["channel"] + " " + frame["wave"]
    return dict(zip(keys, frame["expected_response"], strict=True))


def test_rank_counts_contacts_on_earlier_dates_and_the_last_stated_rank_stays() -> None:
    found = responses(
        small(*RANKS, waves=DAYS), "anna email w1", "anna email w2", "anna email w3", "anna email w4", "ben email w4"
    )
    assert found == pytest.approx(
        {
            "anna email w1": 0.1,
            "anna email w2": 0.05,
            "anna email w3": 0.025,
            "anna email w4": 0.025,
            "ben email w4": 0.1,
        }
    )


def test_contacts_of_one_date_share_their_rank_and_all_count_for_the_next() -> None:
    found = responses(small(*RANKS, waves=DAYS), "anna email w1", "anna sms w1", "anna email w2")
    # two contacts before it: the third rank, not the second
    assert found == pytest.approx({"anna email w1": 0.1, "anna sms w1": 0.2, "anna email w2": 0.025})


def test_committed_contacts_inside_the_horizon_count_in_ranks_and_history_does_not() -> None:
    scenario = small(
        *RANKS, waves=DAYS,
        committed=past("anna 2026-03-02 email", "ben 2026-03-01 email"), history=past("cleo 2026-03-01 email"),
    )  # fmt: skip
    found = responses(scenario, "anna email w2", "ben email w2", "cleo email w2")
    assert found == pytest.approx({"anna email w2": 0.05, "ben email w2": 0.1, "cleo email w2": 0.1})


def test_where_of_a_rank_says_who_gets_the_factor_and_every_contact_counts() -> None:
    rule = {"effect": {"contact": 2, "factor": 0.5}, "where": {"channel": "sms"}}
    found = responses(small(rule, waves=DAYS), "anna email w1", "anna email w2", "anna sms w3")
    assert found == pytest.approx({"anna email w1": 0.1, "anna email w2": 0.1, "anna sms w3": 0.1})


def test_change_of_channel_looks_at_the_previous_date_of_contact_alone() -> None:
    rule = {"effect": {"alternate": "channel", "factor": 2}}
    found = responses(
        small(rule, waves=DAYS),
        "anna email w1",
        "anna sms w1",
        "anna email w2",
        "anna sms w3",
        "anna email w4",
        "ben sms w4",
    )
    # w1 has nothing before it; e-mail on w2 was among w1's; sms on w3 and e-mail on w4 are changes
    assert found == pytest.approx(
        {
            "anna email w1": 0.1,
            "anna sms w1": 0.2,
            "anna email w2": 0.1,
            "anna sms w3": 0.4,
            "anna email w4": 0.2,
            "ben sms w4": 0.2,
        }
    )


def test_change_of_channel_sees_committed_contacts_of_the_horizon() -> None:
    rule = {"effect": {"alternate": "channel", "factor": 2}}
    scenario = small(rule, waves=DAYS, committed=past("anna 2026-03-02 sms", "ben 2026-03-01 sms"))
    found = responses(scenario, "anna email w2", "ben email w2")
    assert found == pytest.approx({"anna email w2": 0.2, "ben email w2": 0.1})


def test_report_only_effect_is_not_applied() -> None:
    rule = {"effect": {"factor": 2}, "mode": "report"}
    assert responses(small(rule), "anna email w1") == pytest.approx({"anna email w1": 0.1})


@pytest.mark.parametrize(
    ("combine", "email", "phone"),
    [
        ("additive", 0.1, 0.5),
        # P = 1 − 0.9 · 0.5 = 0.55, shared 1 : 5
        ("independent", 0.55 / 6, 0.55 * 5 / 6),
        ("best", 0.5 / 6, 0.5 * 5 / 6),
    ],
)
def test_combination(combine: str, email: float, phone: float) -> None:
    scenario = small(responses={"combine": combine}, waves={"w1": "2026-03-02", "w2": "2026-03-03"})
    found = responses(scenario, "anna email w1", "anna phone w1", "anna email w2", "ben email w1")
    # another wave and another customer are other groups
    assert found == pytest.approx(
        {"anna email w1": email, "anna phone w1": phone, "anna email w2": 0.1, "ben email w1": 0.1}
    )


def test_effects_come_before_combination() -> None:
    scenario = small({"effect": {"factor": 4}, "where": {"channel": "phone"}}, responses={"combine": "independent"})
    found = responses(scenario, "anna email w1", "anna phone w1")
    # q = 0.1 and min(1, 2) = 1: P = 1, shared 0.1 : 1
    assert found == pytest.approx({"anna email w1": 0.1 / 1.1, "anna phone w1": 1 / 1.1})


def test_kpis_are_further_probabilities_with_a_margin_of_their_own() -> None:
    appetence = pd.DataFrame(
        {"customer_id": ["anna", "ben"], "channel": ["email", "email"], "score": [0.4, 0.5], "p_sale": [0.2, 0.3]}
    )
    scenario = small(
        {"effect": {"factor": 0.5}, "where": {"channel": "email"}},
        customers=customers(car=[1000.0, 2000.0, 0.0]),
        appetence=appetence,
        kpis={"sale": {"score": "p_sale", "gross_margin": "car"}},
    )
    value = judged(scenario, "anna email w1", "ben email w1").valuation
    assert value.worth.kpis == pytest.approx({"sale": 0.25})
    assert value.contacts["expected_gross_margin"].tolist() == pytest.approx(
        [0.2 * 100 + 0.1 * 1000, 0.25 * 100 + 0.15 * 2000]
    )


# --- saturation --------------------------------------------------------------------------------------------------


def saturated(volume_ref: float = 10.0, **keys: Any) -> Scenario:
    curve = {"michaelis_menten": {"top": 100, "half": 10}, "volume_ref": volume_ref}
    channels = {"email": {"unit_cost": 1, "response_curve": curve}, "sms": {"unit_cost": 2}}
    return small(channels=channels, **keys)


def test_below_the_reference_scores_stand() -> None:
    # R(10) = 50 responses: three scores of 0.1 are far below
    assert judged(saturated(), "anna email w1", "ben email w1").valuation.worth.responses == pytest.approx(0.2)


def test_beyond_the_reference_the_curve_says_what_is_left() -> None:
    # R(s) = 100 s / (10 + s); reference 0.01: R = 1 / 10.01. Worth of a response: 100, so z_ref = 100 R(ref)
    value = judged(saturated(0.01), "anna email w1", "ben email w1", "cleo sms w1").valuation
    reference = 1 / 10.01
    r = 0.2 / reference
    shape = (100 * r * 0.01 / (10 + r * 0.01)) / reference
    assert shape < r
    expected = reference * shape
    assert value.worth.responses == pytest.approx(expected + 0.2)
    assert value.contacts.set_index("channel")["expected_response"].to_dict()["sms"] == pytest.approx(0.2)


def test_saturation_weighs_customers_by_their_worth_and_shares_in_proportion() -> None:
    curve = {"points": [[1, 0.2], [2, 0.3]], "volume_ref": 1}
    scenario = small(
        customers=customers(value=[100.0, 200.0, 300.0]),
        offers={"o": {"gross_margin": "value", "response_cost": 50}},
        channels={"email": {"unit_cost": 0, "response_curve": curve}},
    )
    # worth 50, 150, 250, all scores 0.1: mean 150, z_ref = 0.2 · 150 = 30
    value = judged(scenario, "anna email w1", "cleo email w1", "ben email w1").valuation
    # z = 0.1 · 450 = 45, r = 1.5, φ = R(1.5) / R(1) = 0.25 / 0.2 = 1.25: every response × 1.25 / 1.5
    assert value.contacts["expected_response"].tolist() == pytest.approx([0.1 * 1.25 / 1.5] * 3)
    assert value.worth.net_margin == pytest.approx(30 * 1.25)


def test_cells_saturate_apart() -> None:
    curve = {"points": [[1, 0.1], [2, 0.1]], "volume_ref": 1, "by": "country"}
    scenario = small(
        customers=customers(country=["FR", "FR", "DE"]), channels={"email": {"unit_cost": 0, "response_curve": curve}}
    )
    value = judged(scenario, "anna email w1", "ben email w1", "cleo email w1").valuation
    # z_ref = 0.1 · 100 in each; France has r = 2 on a flat curve, Germany r = 1
    by_customer = value.contacts.set_index("customer_id")["expected_response"]
    assert by_customer.to_dict() == pytest.approx({"anna": 0.05, "ben": 0.05, "cleo": 0.1})
    assert value.budget.groupby("cell")["response"].sum().tolist() == pytest.approx([0.1, 0.1])


# --- costs -------------------------------------------------------------------------------------------------------

TIERS = [[0, 4.0], [2, 3.0]]


@pytest.mark.parametrize(
    ("kind", "names", "total"),
    [
        ("incremental", ["anna"], 4.0),
        ("incremental", ["anna", "ben"], 8.0),
        ("incremental", ["anna", "ben", "cleo"], 11.0),
        ("all_units", ["anna"], 4.0),
        ("all_units", ["anna", "ben"], 6.0),
        ("all_units", ["anna", "ben", "cleo"], 9.0),
    ],
)
def test_tiers(kind: str, names: list[str], total: float) -> None:
    scenario = small(channels={"print": {"unit_cost": {"tiers": TIERS, "kind": kind}}, "sms": {"unit_cost": 2}})
    value = judged(scenario, *(f"{name} print w1" for name in names), "anna sms w1").valuation
    assert value.worth.cost == pytest.approx(total + 2)
    prices = value.contacts.set_index(["customer_id", "channel"])["cost"]
    assert prices[("anna", "print")] == pytest.approx(total / len(names))
    assert prices[("anna", "sms")] == 2


def test_fixed_costs_once_a_horizon_or_once_a_wave_and_only_when_opened() -> None:
    scenario = small(
        waves={"w1": "2026-03-02", "w2": "2026-03-03", "w3": "2026-03-04"},
        channels={
            "email": {"unit_cost": 1, "fixed_cost": 100},
            "sms": {"unit_cost": 2, "fixed_cost": {"amount": 10, "each": "wave"}},
            "phone": {"unit_cost": 5, "fixed_cost": 1000},
        },
        committed=past("cleo 2026-03-02 phone"),
    )
    value = judged(scenario, "anna email w1", "ben email w2", "anna sms w1", "ben sms w1", "cleo sms w3").valuation
    assert value.worth.cost == pytest.approx(2 + 3 * 2 + 100 + 2 * 10)
    assert value.objective == pytest.approx(2 * 10 + 3 * 20 - value.worth.cost)


def test_budget_adds_up_to_the_totals() -> None:
    scenario = small(
        media={"tv": {"spend": {"max": 100}, "curve": {"log": {"scale": 30, "half": 10}}, "fixed_cost": 7}},
        channels={"email": {"unit_cost": 1, "fixed_cost": 3}, "sms": {"unit_cost": 2}},
    )
    value = judged(scenario, "anna email w1", "ben sms w1", spend={"tv": 10}).valuation
    assert value.budget["cost"].sum() == pytest.approx(1 + 2 + 3 + 10 + 7)
    assert value.budget["gross_margin"].sum() == pytest.approx(10 + 20 + 30 * math.log(2))
    assert value.budget["net_margin"].sum() == pytest.approx(value.objective)
    totals = [value.worth.cost, value.worth.gross_margin, value.worth.net_margin, value.worth.responses]
    sums = value.budget[["cost", "gross_margin", "net_margin", "response"]].sum().tolist()
    assert totals == pytest.approx(sums, abs=1e-9)
    tv = value.budget[value.budget["channel"] == "tv"].iloc[0]
    assert tv["marginal_return"] == pytest.approx(30 / 20)
    assert tv["roi"] == pytest.approx((30 * math.log(2) - 17) / 17)
    assert value.budget[value.budget["channel"] != "tv"]["marginal_return"].isna().all()
    assert value.budget["volume"].sum() == 2


# --- media -------------------------------------------------------------------------------------------------------


def media_only(objective: str, **medium: Any) -> Scenario:
    given = {"spend": {"max": 100}, "curve": {"michaelis_menten": {"top": 80, "half": 20}}} | medium
    return small(
        objective=objective,
        media={"tv": given},
        kpis={"lead": {"score": "p_lead", "gross_margin": 4}},
        appetence=pd.DataFrame({"customer_id": ["anna"], "channel": ["email"], "score": [0.1], "p_lead": [0.1]}),
    )


@pytest.mark.parametrize(
    ("objective", "medium", "expected"),
    [
        ("net_margin", {}, 40 - 20),
        ("net_margin", {"fixed_cost": 5}, 40 - 25),
        ("net_margin", {"in": "responses", "gross_margin": 3}, 120 - 20),
        ("net_margin", {"in": "lead"}, 160 - 20),
        ("responses", {"in": "responses"}, 40),
        ("responses", {}, 0),
        ("lead", {"in": "lead"}, 40),
    ],
)
def test_what_a_medium_yields(objective: str, medium: dict[str, object], expected: float) -> None:
    assert judged(media_only(objective, **medium), spend={"tv": 20}).valuation.objective == pytest.approx(expected)


def test_a_medium_without_money_costs_nothing() -> None:
    value = judged(media_only("net_margin", fixed_cost=5)).valuation
    assert (value.objective, value.worth.cost) == (0, 0)


def test_valuation_does_not_hang_on_row_order() -> None:
    scenario = small(*RANKS, waves=DAYS)
    plan = contacts(scenario, "cleo phone w3", "anna email w1", "anna sms w4", "ben sms w2")
    forth, back = verify(scenario, plan, None), verify(scenario, plan.iloc[::-1], None)
    assert forth.valuation.objective == back.valuation.objective
    pd.testing.assert_frame_equal(forth.valuation.contacts, back.valuation.contacts)


def test_net_scores_may_be_negative() -> None:
    baseline = pd.DataFrame({"customer_id": ["anna", "ben", "cleo"], "baseline": [0.3, 0.0, 0.0]})
    value = judged(small(baseline=baseline), "anna email w1", "anna sms w1").valuation
    assert value.worth.gross_margin == pytest.approx(100 * ((0.1 - 0.3) + (0.2 - 0.3)))
    assert np.isfinite(value.objective)


def test_the_same_channel_again_is_no_change_whichever_channel_it_is() -> None:
    rule = {"effect": {"alternate": "channel", "factor": 2}}
    found = responses(
        small(rule, waves=DAYS), "anna phone w1", "anna phone w2", "ben sms w1", "ben sms w2", "ben phone w3"
    )
    assert found == pytest.approx(
        {"anna phone w1": 0.5, "anna phone w2": 0.5, "ben sms w1": 0.2, "ben sms w2": 0.2, "ben phone w3": 1.0}
    )


def test_a_saturated_cell_that_nobody_answers_is_worth_nothing() -> None:
    scores = pd.DataFrame({"customer_id": ["anna", "ben"], "email": [0.0, 0.5], "sms": [0.1, 0.1]})
    value = judged(saturated(appetence=scores), "anna email w1").valuation
    assert (value.worth.responses, value.worth.net_margin) == (0, -1)
