"""Questions about eligible pairs, asked an activity at a time, against a list of all pairs."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.plan.columns import Columns
from optimizer.plan.records import Records
from optimizer.plan.verify.candidates import Candidates
from optimizer.scenario import Scenario

FILTERS: list[Any] = [
    None,
    {"channel": "email"},
    {"country": ["FR", "BE"]},
    {"country": "FR", "wave": "w1"},
    "customer.favourite == activity.line",
    "customer.favourite != activity.line and channel == 'sms' or country == 'BE'",
    "risk > 0.4",
    "risk > 0.4 and country == 'FR'",
    {"offer": "a"},
    {"missing": 1},
]
EACH = [
    ["country"],
    ["wave"],
    ["country", "wave"],
    ["wave", "country", "channel"],
    ["offer"],
    ["offer", "country"],
    ["favourite"],
    ["risk"],
    ["country", "risk"],
    ["missing"],
]


def scenario(seed: int) -> Scenario:
    """Some customers, activities of one or two offers, a measure a pair, gaps in every column."""
    rng = Random(seed)
    names = [f"c{k}" for k in range(rng.randint(1, 7))]
    customers = pd.DataFrame(
        {
            "customer_id": names,
            "country": [rng.choice(["FR", "BE", None]) for _ in names],
            "favourite": [rng.choice(["x", "y", "x;y", None]) for _ in names],
        }
    )
    activities = pd.DataFrame(
        [
            {"activity": f"{offer} {channel} {date}", "offer": offer, "channel": channel, "date": date, "wave": wave}
            for offer in ("a", "b", "a;b")
            for channel in ("email", "sms")
            for wave, date in (("w1", "2026-03-02"), ("w2", "2026-03-09"))
            if rng.random() < 0.6
        ]
        or [{"activity": "only", "offer": "a", "channel": "email", "date": "2026-03-02", "wave": "w1"}]
    )
    pairs = [(name, activity) for name in names for activity in activities["activity"] if rng.random() < 0.6]
    pairs = pairs or [(names[0], activities["activity"][0])]
    appetence = pd.DataFrame(pairs, columns=["customer_id", "activity"]).assign(score=0.1)
    appetence["risk"] = [rng.choice([0.25, 0.5, None]) for _ in pairs]
    return Scenario(
        objective="responses",
        customers=customers,
        activities=activities,
        appetence=appetence.astype({"risk": float}),
        channels={"email": {"unit_cost": 1, "line": "x"}, "sms": {"unit_cost": 2, "line": "y"}},
        offers={"a": {}, "b": {}},
        waves=[{"name": "w1", "date": "2026-03-02"}, {"name": "w2", "date": "2026-03-09"}],
        rules=[],
    )


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_a_list_of_all_pairs(seed: int) -> None:
    facts = scenario(seed).facts
    everything = Records.of_pairs(facts, np.arange(len(facts.pairs)))
    candidates = Candidates(facts, Columns(facts))
    for where in FILTERS:
        kept = everything.holds(where)
        wanted = {(int(everything.activity[k]), int(everything.customer[k])) for k in np.flatnonzero(kept)}
        found = {(activity, int(k)) for activity, held in candidates.kept(where) for k in np.flatnonzero(held)}
        assert found == wanted, where
        for each in EACH:
            scopes = everything.scopes(each, kept)
            assert candidates.scope_names(each, where) == set(scopes), (where, each)
            customers = {scope: np.unique(everything.customer[rows]).tolist() for scope, rows in scopes.items()}
            theirs = {scope: rows.tolist() for scope, rows in candidates.customers(each, where).items()}
            assert theirs == customers, (where, each)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_refused_is_left_out(seed: int) -> None:
    facts = scenario(seed).facts
    everything = Records.of_pairs(facts, np.arange(len(facts.pairs)))
    candidates = Candidates(facts, Columns(facts))
    refused = FILTERS[4], FILTERS[6]
    left = candidates.without(*(candidates.kept(where) for where in refused))
    wanted = ~everything.holds(refused[0]) & ~everything.holds(refused[1])
    assert left.holds[everything.activity, everything.customer].tolist() == wanted.tolist()
    assert candidates.holds.sum() == len(facts.pairs), "what they are taken from is as it was"
