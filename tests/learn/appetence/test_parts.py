"""Timing, fatigue, notes, look-alikes, stages: each against counting by hand, or a truth that was planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.learn.appetence.lookalike import lookalike, recent_buyers
from optimizer.learn.appetence.rates import notes_from_scores, rates_of, scores_from_notes
from optimizer.learn.appetence.stages import fit_stages
from optimizer.learn.appetence.timing import fatigue_table, timing_table


def _contacts(seed: int, size: int = 20_000) -> pd.DataFrame:
    """Evenings and Sundays respond better; a contact within a week of another, worse."""
    rng = np.random.default_rng(seed)
    start = int(pd.Timestamp("2025-01-06").timestamp())  # a Monday
    contacts = pd.DataFrame(
        {"customer": rng.integers(0, size // 4, size), "channel": "sms",
         "seconds": start + rng.integers(0, 300, size) * 86_400 + rng.integers(8, 21, size) * 3_600}
    )  # fmt: skip
    day, hour = (contacts["seconds"] - start) // 86_400 % 7, contacts["seconds"] % 86_400 // 3_600
    rate = 0.05 + 0.1 * (day == 6) + 0.05 * (hour >= 19)
    return contacts.assign(responded=rng.random(size) < rate, sunday=day == 6, evening=hour >= 19)


def test_timing_counts_what_a_table_by_hand_counts() -> None:
    contacts = _contacts(1)
    table = timing_table(contacts, hours=True)
    sunday = table[(table["by"] == "weekday") & (table["level"] == "Sunday")].iloc[0]
    mine = contacts[contacts["sunday"]]
    assert sunday["contacts"] == len(mine)
    assert sunday["responses"] == mine["responded"].sum()
    assert sunday["low"] < mine["responded"].mean() < sunday["high"]
    evening = table[table["level"] == "19–22h"].iloc[0]
    assert evening["contacts"] == contacts["evening"].sum()
    assert table[table["by"] == "weekday"]["level"].iloc[0] == "Monday"
    p = table.groupby("by")["p_value"].first()
    assert p["weekday"] < 1e-6
    assert p["hour"] < 1e-6
    assert p["days since last contact"] > 1e-3
    gaps = table[table["by"] == "days since last contact"]["contacts"].sum()
    assert gaps <= len(contacts) - contacts["customer"].nunique()
    assert "hour" not in set(timing_table(contacts, hours=False)["by"])


def test_fatigue_ranks_by_days_and_recovers_the_factors() -> None:
    rng = np.random.default_rng(2)
    customers = np.repeat(np.arange(8_000), 3)
    rank = np.tile([1, 2, 3], 8_000)
    contacts = pd.DataFrame(
        {"customer": customers, "channel": "email", "seconds": rank * 86_400 + rng.integers(0, 86_400, len(rank))}
    )
    contacts["responded"] = rng.random(len(rank)) < 0.2 * np.array([1.0, 0.8, 0.6])[rank - 1]
    table = fatigue_table(contacts)
    mine = table[table["channel"] == "email"]
    assert mine["rank"].tolist() == [1, 2, 3]
    assert mine["contacts"].tolist() == [8_000] * 3
    assert mine["factor"].to_numpy() == pytest.approx([1.0, 0.8, 0.6], abs=0.06)
    same_day = contacts.assign(seconds=86_400)
    assert fatigue_table(same_day).empty  # one rank: nothing to tell


def test_notes_become_probabilities_by_their_table() -> None:
    notes = pd.DataFrame({"customer_id": ["1", "2", "3"], "email": ["A", "B", None], "sms": ["B", "B", "A"]})
    rates = pd.DataFrame(
        {"note": ["A", "B", "A", "B"], "channel": ["email", "email", "sms", "sms"], "rate": [0.1, 0.02, 0.3, 0.2]}
    )
    found = scores_from_notes(notes, rates)
    assert found["email"].tolist()[:2] == [0.1, 0.02]
    assert np.isnan(found["email"][2])
    assert found["sms"].tolist() == [0.2, 0.2, 0.3]
    with pytest.raises(ScenarioError, match="row 1, column email is 'A': has no rate"):
        scores_from_notes(notes, rates[1:])
    with pytest.raises(ScenarioError, match="stands twice"):
        scores_from_notes(notes, pd.concat([rates, rates]))
    with pytest.raises(ScenarioError, match="a probability"):
        scores_from_notes(notes, rates.assign(rate=2.0))


def test_notes_made_of_scores_are_tenths_and_their_rates_come_back() -> None:
    rng = np.random.default_rng(3)
    scores = pd.DataFrame({"customer_id": np.arange(20_000).astype(str), "email": rng.beta(2, 20, 20_000)})
    notes = notes_from_scores(scores)
    assert notes["email"].value_counts().tolist() == [2_000] * 10
    contacts = pd.DataFrame({"note": notes["email"], "responded": rng.random(20_000) < scores["email"]})
    rates = rates_of(contacts)
    assert (rates["rate"].diff().dropna() >= 0).all()
    means = scores["email"].groupby(notes["email"].to_numpy()).mean()
    assert rates["rate"].to_numpy() == pytest.approx(means.to_numpy(), abs=0.02)
    again = scores_from_notes(notes, rates)
    assert again["email"].mean() == pytest.approx(scores["email"].mean(), rel=0.05)


def test_look_alikes_are_found_by_what_converters_have_in_common() -> None:
    rng = np.random.default_rng(4)
    customers = pd.DataFrame(
        {
            "customer_id": np.arange(6_000).astype(str),
            "town": rng.choice(["x", "y", "z"], 6_000),
            "age": rng.integers(20, 80, 6_000),
        }
    )
    alike = (customers["town"] == "x") & (customers["age"] > 50)
    converted = customers["customer_id"][alike & (rng.random(6_000) < 0.3)]
    found = lookalike(customers, converted).set_index("customer_id").loc[customers["customer_id"]]
    others = ~found["converted"].to_numpy()
    assert found["percentile"].to_numpy()[others & alike.to_numpy()].mean() > 80
    assert found["percentile"].to_numpy()[others & ~alike.to_numpy()].mean() < 55
    with pytest.raises(ScenarioError, match="is not in customers"):
        lookalike(customers, ["nobody"])
    with pytest.raises(ScenarioError, match="expected at least 25"):
        lookalike(customers, ["1", "2"])


def test_recent_buyers_are_a_column_that_a_rule_excludes_by() -> None:
    history = pd.DataFrame(
        [("1", "shop", "purchase", "2025-05-20", "sofa"), ("2", "shop", "purchase", "2025-01-01", "sofa"),
         ("3", "shop", "purchase", "2025-05-25", "lamp"), ("1", "email", "sent", "2025-05-01", None)],
        columns=["customer_id", "channel", "event", "date", "offer"],
    )  # fmt: skip
    customers = pd.DataFrame({"customer_id": ["1", "2", "3", "4"]})
    bought = recent_buyers(history, customers, days=30, as_of="2025-06-01")
    assert bought["recent_buyer"].tolist() == [True, False, True, False]
    assert bought["days_since_purchase"].tolist()[:3] == [12, 151, 7]
    sofas = recent_buyers(history, customers, days=30, as_of="2025-06-01", offer="sofa")
    assert sofas["recent_buyer"].tolist() == [True, False, False, False]
    scenario = opt.Scenario(
        customers=customers.merge(bought, on="customer_id"),
        appetence=customers.assign(email=0.1),
        objective="responses",
        channels={"email": {"unit_cost": 0.1}},
        rules=[{"name": "peace", "exclude": {"channel": "email"}, "where": "recent_buyer"}],
    )
    assert opt.solve(scenario).contacts["customer_id"].tolist() == ["2", "4"]


def _journeys() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    chance = {("start", "email"): 0.10, ("start", "phone"): 0.12, ("lead", "email"): 0.02, ("lead", "phone"): 0.25}
    rows: list[tuple[object, ...]] = []
    stage = dict.fromkeys(range(5_000), "start")
    for month in range(4):
        for customer in range(5_000):
            channel, at = ("email", "phone")[int(rng.integers(2))], pd.Timestamp(2025, month + 1, 1)
            rows.append((str(customer), channel, "sent", at))
            if stage[customer] != "sale" and rng.random() < chance[stage[customer], channel]:
                stage[customer] = "lead" if stage[customer] == "start" else "sale"
                rows.append((str(customer), None, stage[customer], at + pd.Timedelta(days=int(rng.integers(1, 9)))))
    return pd.DataFrame(rows, columns=["customer_id", "channel", "event", "time"])


def test_stages_and_what_moves_customers_on_make_the_next_best_action() -> None:
    customers = pd.DataFrame({"customer_id": np.arange(5_000).astype(str)})
    found = fit_stages(_journeys(), customers, ["lead", "sale"], as_of="2025-06-01", response_days=20)
    rate = found.table.set_index(["stage", "channel"])["rate"].to_dict()
    assert rate["lead", "phone"] == pytest.approx(0.25, abs=0.04)
    assert rate["lead", "email"] == pytest.approx(0.02, abs=0.01)
    assert rate["start", "email"] == pytest.approx(0.10, abs=0.01)
    assert found.counts["customers"].sum() == 5_000
    some = pd.concat([group.head(20) for _, group in found.customers.groupby("stage")])
    scores = found.appetence({"lead": 40.0, "sale": 100.0})
    scores = scores[scores["customer_id"].isin(some["customer_id"])]
    assert not set(scores["customer_id"]) & set(some["customer_id"][some["stage"] == "sale"])
    scenario = opt.Scenario(
        customers=some, appetence=scores, channels={"email": {"unit_cost": 0.1}, "phone": {"unit_cost": 4.0}},
        rules=[{"name": "one action", "contacts": {"max": 1}}],
    )  # fmt: skip
    actions = opt.solve(scenario).contacts.merge(some, on="customer_id").groupby("stage")["channel"].unique()
    # A lead is worth 40: by e-mail 3.9 net, by phone 0.8; a sale 100: by phone 21, by e-mail 1.9.
    assert actions["start"].tolist() == ["email"]
    assert actions["lead"].tolist() == ["phone"]
    with pytest.raises(ScenarioError, match="has no value"):
        found.appetence({"lead": 40.0})
    with pytest.raises(ScenarioError, match="did you mean lead"):
        fit_stages(_journeys(), customers, ["leads"])
