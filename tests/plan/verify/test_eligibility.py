"""Exclude, include and control groups."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest

from tests.plan.small import contacts, customers, figures, judged, past, row, small

TABLE = customers(segment=["gold", "gold", "iron"], vip=[True, False, False], age=[30, 40, 50])


def test_exclude_with_where() -> None:
    scenario = small({"exclude": {"channel": "sms"}, "where": "age < 45"}, customers=TABLE)
    assert judged(scenario, "cleo sms w1", "anna email w1").passed
    verdict = judged(scenario, "anna sms w1", "ben sms w1", "cleo sms w1")
    assert not verdict.passed
    assert row(verdict, "exclude")["violation"] == 2


def test_soft_exclude_pays_each_contact() -> None:
    scenario = small({"exclude": {"channel": "sms"}, "soft": {"penalty": 4, "tolerance": 1}}, customers=TABLE)
    verdict = judged(scenario, "anna sms w1", "ben sms w1")
    assert verdict.passed
    assert figures(verdict, "exclude") == {"value": 2, "violation": 2, "penalty": 8}


def test_include_asks_for_one_contact_of_each() -> None:
    scenario = small({"include": {"channel": "phone"}, "where": "vip"}, customers=TABLE)
    assert judged(scenario, "anna phone w1").passed
    assert not judged(scenario, "anna email w1", "ben phone w1").passed
    assert judged(scenario, "anna phone w1", "ben email w1").passed


def test_include_binds_who_is_not_eligible() -> None:
    appetence = pd.DataFrame(
        {"customer_id": ["anna", "ben"], "email": [0.1, 0.1], "sms": [0.1, 0.1], "phone": [None, 0.1]}
    )
    scenario = small(
        {"include": {"channel": "phone"}, "where": {"segment": "gold"}}, customers=TABLE, appetence=appetence
    )
    verdict = judged(scenario, "ben phone w1")
    assert not verdict.passed
    assert row(verdict, "include")["violation"] == 1
    soft = small(
        {"include": {"channel": "phone"}, "where": {"segment": "gold"}, "soft": {"penalty": 7}},
        customers=TABLE,
        appetence=appetence,
    )
    assert figures(judged(soft, "ben phone w1"), "include") == {"value": 0, "violation": 1, "penalty": 7}
    assert judged(soft, "ben phone w1").passed


def test_include_binds_whom_no_pair_names() -> None:
    # cleo is in no appetence row at all
    appetence = pd.DataFrame(
        {"customer_id": ["anna", "ben"], "email": [0.1, 0.1], "sms": [0.1, 0.1], "phone": [0.1, 0.1]}
    )
    scenario = small({"include": {"segment": "iron"}, "soft": {"penalty": 1}}, customers=TABLE, appetence=appetence)
    assert figures(judged(scenario), "include")["violation"] == 1


def test_include_that_compares_customer_and_activity() -> None:
    scenario = small({"include": "channel == favourite"}, customers=customers(favourite=["email", "sms", "fax"]))
    # no activity goes by fax: cleo is not bound
    assert judged(scenario, "anna email w1", "ben sms w1").passed
    assert not judged(scenario, "anna sms w1", "ben sms w1").passed


def test_include_is_met_by_what_others_have_booked() -> None:
    scenario = small(
        {"include": {"channel": "phone"}, "where": "vip"}, customers=TABLE, committed=past("anna 2026-03-02 phone")
    )
    assert judged(scenario).passed


def test_include_of_a_household() -> None:
    scenario = small({"include": {"channel": "phone"}, "where": {"segment": "gold"}, "per": "segment"}, customers=TABLE)
    assert judged(scenario, "ben phone w1").passed
    assert not judged(scenario, "cleo phone w1").passed


def held_out(name: str, seed: int, share: float) -> bool:
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big") / 2**64 < share


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_control_group_by_hash(share: float) -> None:
    names = [f"c{k}" for k in range(40)]
    table = pd.DataFrame({"customer_id": names, "segment": ["x", "y"] * 20})
    scenario = small({"control": {"share": share, "seed": 7, "by": "segment"}}, customers=table)
    held = [name for name in names if held_out(name, 7, share)]
    verdict = judged(scenario, *(f"{name} email w1" for name in names))
    assert figures(verdict, "control")["violation"] == len(held)
    assert verdict.passed is (not held)
    assert judged(scenario, *(f"{name} email w1" for name in names if name not in held)).passed


def test_control_by_table_and_where() -> None:
    table = pd.DataFrame({"customer_id": ["anna", "ben"], "control": [True, False]})
    scenario = small({"control": {"table": table}, "where": {"channel": "email"}})
    assert judged(scenario, "ben email w1", "anna sms w1").passed
    assert not judged(scenario, "anna email w1").passed
    everyone = small({"control": {"table": table[["customer_id"]]}})
    assert not judged(everyone, "ben email w1").passed


def test_control_takes_customers_from_minima() -> None:
    table = pd.DataFrame({"customer_id": ["cleo"]})
    scenario = small({"control": {"table": table}}, {"contacts": {"min": 1}})
    assert judged(scenario, "anna email w1", "ben email w1").passed
    report = small({"control": {"table": table}, "mode": "report"}, {"contacts": {"min": 1}})
    assert not judged(report, "anna email w1", "ben email w1").passed


def test_control_beats_include() -> None:
    table = pd.DataFrame({"customer_id": ["anna"]})
    scenario = small({"control": {"table": table}}, {"include": {"channel": "phone"}, "where": {"customer_id": "anna"}})
    assert not judged(scenario).passed
    assert not judged(scenario, "anna phone w1").passed


def test_report_only_exclude_lets_pass() -> None:
    verdict = judged(small({"exclude": {"channel": "sms"}, "mode": "report"}), "anna sms w1")
    assert verdict.passed
    assert row(verdict, "exclude")["value"] == 1


def test_plan_table_may_hold_other_columns() -> None:
    from optimizer.plan.verify import verify

    scenario = small()
    assert verify(scenario, contacts(scenario, "anna sms w1").assign(comment="x"), None).passed


def test_include_reads_the_measures_of_pairs() -> None:
    appetence = pd.DataFrame(
        [("anna", "email", 0.1, 5.0), ("anna", "sms", 0.1, 1.0), ("ben", "email", 0.1, 1.0), ("ben", "sms", 0.1, 1.0)],
        columns=["customer_id", "channel", "score", "urgency"],
    )
    channels = {"email": {"unit_cost": 1}, "sms": {"unit_cost": 1}}
    scenario = small({"include": "urgency > 3"}, appetence=appetence, channels=channels)
    assert judged(scenario, "anna email w1").passed
    verdict = judged(scenario, "anna sms w1", "ben email w1")
    assert row(verdict, "include")["violation"] == 1
