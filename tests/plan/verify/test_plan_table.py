"""Contacts and money that no scenario knows, and minimum volumes and bounds of spend that every plan must hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optimizer.errors import ScenarioError
from optimizer.plan.bundles import WIDEST
from optimizer.plan.verify import known, verify
from tests.plan.small import contacts, customers, judged, row, small


def plan_of(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "activity"])


def test_an_empty_plan_passes() -> None:
    assert verify(small(), None, None).passed
    assert verify(small(), contacts(small()), {}).passed


@pytest.mark.parametrize("widest", [0, WIDEST])
@pytest.mark.parametrize(
    "scope", ["unknown customers", "unknown activities", "repeated contacts", "contacts that are not eligible"]
)
def test_each_fault_fails_alone_and_is_named(scope: str, widest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "WIDEST", widest)
    appetence = pd.DataFrame(
        {"customer_id": ["anna", "ben"], "email": [0.1, None], "sms": [0.2, 0.2], "phone": [0.3, 0.3]}
    )
    scenario = small(appetence=appetence)
    activity = contacts(scenario, "anna email w1")["activity"].iloc[0]
    wrong = {
        "unknown customers": [("dora", activity)],
        "unknown activities": [("anna", "fax")],
        "repeated contacts": [("anna", activity)],
        "contacts that are not eligible": [("ben", activity)],
    }[scope]
    verdict = verify(scenario, plan_of(("anna", activity), *wrong), None)
    assert not verdict.passed
    failed = verdict.checks[~verdict.checks["passed"]]
    assert failed[["rule", "scope", "violation"]].to_numpy().tolist() == [["plan", scope, 1.0]]
    assert wrong[0][0] in failed["note"].iloc[0]
    # what cannot be valued is in no figure
    assert verdict.valuation.worth.net_margin == pytest.approx(9)
    assert len(verdict.failures) == 1


def test_both_ways_find_the_pairs_of_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    names = [f"c{k:02d}" for k in range(30)]
    scores = np.where(random.random((30, 3)) < 0.4, np.nan, 0.1)
    appetence = pd.DataFrame({"customer_id": names, "email": scores[:, 0], "sms": scores[:, 1], "phone": scores[:, 2]})
    appetence = appetence.dropna(how="all", subset=["email", "sms", "phone"])
    scenario = small(customers=customers().iloc[[0] * 30].assign(customer_id=names), appetence=appetence)
    facts = scenario.facts
    asked = plan_of(*random.permutation([(name, act) for name in names for act in facts.activities["activity"]]))
    asked = asked.iloc[: len(asked) // 2]
    text = facts.customers["customer_id"], facts.activities["activity"]
    wanted = sorted(
        k
        for k, pair in enumerate(zip(facts.pairs.customer, facts.pairs.activity, strict=True))
        if (asked == [column.iloc[code] for column, code in zip(text, pair, strict=True)]).all(axis=1).any()
    )
    for widest in (0, WIDEST):
        monkeypatch.setattr(known, "WIDEST", widest)
        assert known.known_pairs(facts, asked)[0].tolist() == wanted


def test_consent_makes_ineligible() -> None:
    consent = pd.DataFrame(
        {"customer_id": ["anna", "ben"], "email": [True, False], "sms": [True, True], "phone": [True, True]}
    )
    scenario = small(consent=consent)
    assert judged(scenario, "anna email w1", "ben sms w1").passed
    assert not judged(scenario, "ben email w1").passed
    assert not judged(scenario, "cleo sms w1").passed


def test_identifiers_are_text() -> None:
    scenario = small(customers=customers().assign(customer_id=["1", "2", "3"]))
    activity = contacts(scenario, "1 email w1")["activity"].iloc[0]
    assert verify(scenario, pd.DataFrame({"customer_id": [1], "activity": [activity]}), None).passed


def test_a_missing_column_is_bad_input() -> None:
    with pytest.raises(ScenarioError, match="activity"):
        verify(small(), pd.DataFrame({"customer_id": ["anna"]}), None)


MEDIA = {"tv": {"spend": {"min": 10, "max": 50, "or_zero": True}, "curve": {"log": {"scale": 1, "half": 1}}}}


@pytest.mark.parametrize(
    ("money", "passes"), [(0, True), (10, True), (50, True), (9.99, False), (50.01, False), (-1, False), (0.001, False)]
)
def test_spend_or_zero(money: float, passes: bool) -> None:
    verdict = judged(small(media=MEDIA), spend={"tv": money})
    assert verdict.passed is passes
    assert row(verdict, "spend", "tv")["value"] == money


def test_without_or_zero_the_minimum_must_be_spent() -> None:
    media = {"tv": MEDIA["tv"] | {"spend": {"min": 10, "max": 50}}}
    assert not judged(small(media=media)).passed
    assert judged(small(media=media), spend={"tv": 10}).passed


def test_unknown_medium_and_infinite_money() -> None:
    assert any("unknown media" in failure for failure in judged(small(media=MEDIA), spend={"radio": 3}).failures)
    with pytest.raises(ScenarioError, match="tv"):
        judged(small(media=MEDIA), spend={"tv": float("nan")})


@pytest.mark.parametrize(
    ("plan", "passes"),
    [((), True), (("anna email w1",), False), (("anna email w1", "ben email w1"), True), (("anna sms w1",), True)],
)
def test_minimum_volume_if_opened(plan: tuple[str, ...], passes: bool) -> None:
    scenario = small(channels={"email": {"unit_cost": 1, "min_volume_if_opened": 2}, "sms": {"unit_cost": 2}})
    assert judged(scenario, *plan).passed is passes
