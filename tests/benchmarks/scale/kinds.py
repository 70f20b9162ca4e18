"""Customers × 24 with every kind of local rule: households, packages, duplicates, alternation, consent and the rest.

Built on ``weekly``; the coupling rows are the same, with bounds of their own because more rules leave less to choose.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.scale import bounds, weekly
from tests.benchmarks.scale.writing import Columns, generator, write_scenario, write_tables

#: As ``bounds.AMOUNTS``, from 1,800 customers solved exactly with the prices as soft rules; five maxima are 4 to 13 per
#: cent smaller since, for half of the rows to bind among 10,000.
AMOUNTS = {
    "total budget": 3.456,
    "budget of FR": 1.2,
    "budget of DE": 0.9454,
    "budget of IT": 0.6331,
    "budget of ES": 0.4253,
    "budget of BE": 0.3546,
    "email in w1": 0.09944,
    "email in w2": 0.05056,
    "email in w3": 0.07731,
    "email in w4": 0.14,
    "print in w1": 0.5431,
    "print in w2": 0.13,
    "print in w3": 0.1367,
    "print in w4": 0.5161,
    "phone in w1": 0.009444,
    "phone in w2": 0.03889,
    "phone in w3": 0.06722,
    "phone in w4": 0.07389,
    "privilege in w1": 0.3809,
    "privilege in w2": 0.1367,
    "privilege in w3": 0.1917,
    "privilege in w4": 0.5143,
    "newcomer in w1": 0.2211,
    "newcomer in w2": 0.08853,
    "newcomer in w3": 0.0617,
    "newcomer in w4": 0.2828,
    "email in FR": 0.111,
    "print in FR": 0.425,
    "phone in FR": 0.06092,
    "email in DE": 0.1006,
    "print in DE": 0.2536,
    "phone in DE": 0.04444,
    "email in IT": 0.07222,
    "print in IT": 0.2002,
    "phone in IT": 0.03333,
    "email in ES": 0.05242,
    "print in ES": 0.17,
    "phone in ES": 0.01936,
    "email in BE": 0.04,
    "print in BE": 0.09208,
    "phone in BE": 0.01722,
    "gold in w1": 0.1006,
    "gold in w2": 0.02125,
    "gold in w3": 0.04889,
    "gold in w4": 0.1106,
    "responses to newcomer": 0.03758,
    "responses to privilege": 0.05022,
    "share of calls": 0.1188,
    "cost per response": 35.81,
    "average basket": 467.1,
}
_TABLE = 4


def write(folder: Path, customers: int, seed: int) -> Path:
    """Write the scenario folder and return its scenario.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tables(folder, customers, partial(_tables, seed))
    document = weekly.document(customers)
    document["name"] += ", all kinds of local rules"
    document |= {"consent": "consent.parquet", "committed": "committed.parquet"}
    document["responses"] = {"combine": "independent", "per": ["customer_id", "offer", "wave"]}
    document["rules"] = [*weekly.local_rules(), *local_rules(), *bounds.rules(customers, amounts=AMOUNTS)]
    return write_scenario(folder, document)


def local_rules() -> list[dict[str, Any]]:
    """The kinds that ``weekly`` has not."""
    return [
        {"name": "household", "contacts": {"max": 4, "days": 28}, "per": "household_id"},
        {"name": "interruptions", "packages": {"max": 3, "days": 21}},
        {"name": "no repeats", "duplicates": {"max": 2, "of": "offer", "days": 28}},
        {"name": "worth of a customer", "cost_per_customer": {"max": 13.0}},
        {
            "name": "call with a mail",
            "requires": {
                "if": {"offer": "newcomer", "channel": "phone"},
                "then": {"offer": "newcomer", "channel": ["email", "print"]},
            },
        },
        {
            "name": "not both",
            "never": {
                "together": [{"offer": "privilege", "channel": "email"}, {"offer": "newcomer", "channel": "print"}],
                "days": 9,
            },
        },
        {"name": "alternate", "alternate": "channel"},
        {"name": "alternation pays", "effect": {"alternate": "channel", "factor": 1.10}},
        {"name": "right message", "effect": {"factor": 1.25}, "where": "channel == favourite"},
        {"name": "letter for the important", "include": {"channel": "print"}, "where": "vip", "soft": {"penalty": 6.0}},
        {"name": "recent buyers", "exclude": {"offer": "newcomer"}, "where": "months_since_purchase < 2"},
        {"name": "control group", "control": {"share": 0.03, "seed": 7, "by": "segment"}},
        {"name": "gold hears of us", "contacts": {"min": 1}, "where": {"segment": "gold"}, "soft": {"penalty": 1.5}},
        {
            "name": "quiet weeks",
            "pressure": {"max": 2, "days": 7},
            "where": {"segment": "silver"},
            "soft": {"penalty": 2.0, "tolerance": 2},
        },
    ]


def _tables(seed: int, block: int, ids: NDArray[np.int64]) -> dict[str, Columns]:
    made = weekly.tables(seed, block, ids)
    random = generator(seed, _TABLE, block)
    count = len(ids)
    # Neighbours in the table share a household: a third of the customers in couples, the others without one.
    coupled = np.repeat(random.random((count + 1) // 2) < 0.33, 2)[:count]
    people = made["customers"]
    people["household_id"] = np.where(coupled, (ids + 1) // 2, np.nan)
    people["vip"] = random.random(count) < 0.01
    people["months_since_purchase"] = random.integers(0, 37, count)
    people["favourite"] = random.integers(0, len(weekly.CHANNELS), count).astype(np.int32), weekly.CHANNELS
    agreed = random.random((count, len(weekly.CHANNELS))) < 0.97
    made["consent"] = {"customer_id": ids} | {name: agreed[:, at] for at, name in enumerate(weekly.CHANNELS)}
    booked = ids[random.random(count) < 0.05]
    days = np.array(list(weekly.WAVES.values()), "datetime64[D]")[random.integers(0, 4, len(booked))]
    mails = np.zeros(len(booked), np.int32), ("email",)
    made["committed"] = {"customer_id": booked, "date": days, "channel": mails}
    return made
