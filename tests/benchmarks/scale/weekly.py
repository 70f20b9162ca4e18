"""Customers × 24: two offers by e-mail, letter and call in four weekly waves, 50 coupling rows.

A letter comes before a call, e-mails do not follow each other, contacts tire; bounds are shares of the number of
customers, so that a larger scenario is as hard as a smaller one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.scale import bounds
from tests.benchmarks.scale.distributions import COSTS, margins, responses
from tests.benchmarks.scale.writing import Columns, generator, write_scenario, write_tables

OFFERS = ("privilege", "newcomer")
CHANNELS = ("email", "print", "phone")
WAVES = {"w1": "2026-03-02", "w2": "2026-03-09", "w3": "2026-03-16", "w4": "2026-03-23"}
#: Days after the wave's date on which a channel lands.
LANDS = {"email": 0, "print": 2, "phone": 4}
#: Published scores do not differ by channel; a call persuades more than a mail does.
PERSUADES = {"email": 0.6, "print": 1.2, "phone": 2.2}
#: Who may be reached, and to whom an offer fits.
REACHED = {"email": 0.75, "print": 0.85, "phone": 0.45}
FITS = {"privilege": 0.80, "newcomer": 0.60}
#: What a wave's season does to the responses: waves differ, so customers prefer them in different degrees.
SEASON = {"w1": 1.06, "w2": 1.00, "w3": 0.93, "w4": 1.11}
COUNTRIES = {"FR": 0.35, "DE": 0.25, "IT": 0.18, "ES": 0.13, "BE": 0.09}
SEGMENTS = {"standard": 0.60, "silver": 0.25, "gold": 0.15}
#: Past contacts a customer: shares of 0, 1, 2 and 3, in the four weeks before the first wave.
PAST = (0.50, 0.25, 0.15, 0.10)
PAST_CHANNELS = {"email": 0.50, "print": 0.35, "phone": 0.15}
PAST_WEEKS = ("2026-02-02", "2026-02-09", "2026-02-16", "2026-02-23")


def write(folder: Path, customers: int, seed: int) -> Path:
    """Write the scenario folder and return its scenario.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tables(folder, customers, lambda block, ids: tables(seed, block, ids))
    return write_scenario(folder, document(customers))


def tables(seed: int, block: int, ids: NDArray[np.int64]) -> dict[str, Columns]:
    """The tables of one block: customers, appetence (a row a customer and offer), history."""
    random = generator(seed, 0, block)
    count = len(ids)
    people: Columns = {
        "customer_id": ids,
        "country": _drawn(random, count, COUNTRIES),
        "segment": _drawn(random, count, SEGMENTS),
        "wished_max": random.choice(np.arange(2, 5), count, p=[0.3, 0.4, 0.3]).astype(np.int64),
        "value": np.round(margins(random, (count,)), 2),
        "basket": np.round(margins(random, (count,)), 2),
    }
    return {
        "customers": people,
        "appetence": appetence(generator(seed, 1, block), ids),
        "history": history(generator(seed, 2, block), ids),
    }


def appetence(random: np.random.Generator, ids: NDArray[np.int64]) -> Columns:
    """A row a customer and offer, a column a channel; empty where no such contact is allowed."""
    shape = (len(ids), len(OFFERS), len(CHANNELS))
    scores = np.minimum(responses(random, shape) * np.array(list(PERSUADES.values())), 0.95)
    reached = random.random((len(ids), 1, len(CHANNELS))) < np.array(list(REACHED.values()))
    fits = random.random((len(ids), len(OFFERS), 1)) < np.array(list(FITS.values()))[:, None]
    # Everyone can be reached with something: customers without a score are no work.
    reached[:, :, CHANNELS.index("print")] |= ~reached.any(axis=2)
    fits[:, OFFERS.index("privilege")] |= ~fits.any(axis=1)
    scores = np.where(reached & fits, scores, np.nan).reshape(-1, len(CHANNELS)).astype(np.float32)
    offers = np.tile(np.arange(len(OFFERS), dtype=np.int32), len(ids))
    columns: Columns = {"customer_id": np.repeat(ids, len(OFFERS)), "offer": (offers, OFFERS)}
    return columns | {channel: scores[:, at] for at, channel in enumerate(CHANNELS)}


def history(random: np.random.Generator, ids: NDArray[np.int64]) -> Columns:
    """A row a past contact, of the channel and offer it had."""
    owner = np.repeat(ids, random.choice(len(PAST), len(ids), p=PAST))
    channel, names = _drawn(random, len(owner), PAST_CHANNELS)
    lands = np.array([LANDS[name] for name in names])[channel]
    weeks = np.array(PAST_WEEKS, "datetime64[D]")[random.integers(0, len(PAST_WEEKS), len(owner))]
    offer = random.integers(0, len(OFFERS), len(owner)).astype(np.int32)
    return {"customer_id": owner, "date": weeks + lands, "channel": (channel, names), "offer": (offer, OFFERS)}


def document(customers: int) -> dict[str, Any]:
    """The scenario file."""
    return {
        "name": f"{customers} customers, 24 activities",
        "currency": "EUR",
        "objective": "net_margin",
        "customers": "customers.parquet",
        "appetence": "appetence.parquet",
        "history": "history.parquet",
        "channels": {
            name: {"unit_cost": COSTS[name], "days": LANDS[name], "pressure": 2 if name == "phone" else 1}
            for name in CHANNELS
        },
        "offers": {"privilege": {"gross_margin": "value"}, "newcomer": {"gross_margin": "basket"}},
        "waves": [{"name": name, "date": date} for name, date in WAVES.items()],
        "rules": [*local_rules(), *coupling_rules(customers)],
    }


def local_rules() -> list[dict[str, Any]]:
    """What binds one customer at a time: windows with history, caps, lags, k-of-n, a follow-up, fatigue."""
    return [
        {"name": "their own wish", "contacts": {"max": "wished_max", "days": 28}},
        {"name": "pressure", "pressure": {"max": 5, "days": 14}},
        {"name": "two a wave", "contacts": {"max": 2}, "each": "wave"},
        {"name": "rest", "rest": {"days": 3}},
        {"name": "no e-mail after e-mail", "never": _lag("email", "email", 7)},
        {"name": "no call after a call", "never": _lag("phone", "phone", 20)},
        {"name": "no letter after a call", "never": _lag("phone", "print", 10)},
        {
            "name": "call after a letter",
            "only_after": {
                "what": {"channel": "phone"},
                "after": {"channel": "print"},
                "days": {"min": 2, "max": 12},
            },
        },
        {
            "name": "one offer for most",
            "targets": {"max": 1, "among": list(OFFERS)},
            "where": {"segment": "standard"},
        },
        {
            "name": "both or none for gold",
            "targets": {"min": 2, "among": list(OFFERS), "if_contacted": True},
            "where": {"segment": "gold"},
        },
        {"name": "second contact", "effect": {"contact": 2, "factor": 0.85}},
        {"name": "third contact", "effect": {"contact": 3, "factor": 0.70}},
        *(
            {"name": f"season of {wave}", "effect": {"factor": factor}, "where": {"wave": wave}}
            for wave, factor in SEASON.items()
            if factor != 1.0
        ),
    ]


def coupling_rules(customers: int) -> list[dict[str, Any]]:
    """What binds many: 50 rows, the bounds in proportion to the customers."""
    return bounds.rules(customers)


def _drawn(random: np.random.Generator, count: int, shares: dict[str, float]) -> tuple[NDArray[np.int32], list[str]]:
    """Codes drawn by their shares, and the words they stand for."""
    edges = np.cumsum(list(shares.values()))[:-1]
    return np.searchsorted(edges, random.random(count), side="right").astype(np.int32), list(shares)


def _lag(first: str, then: str, days: int) -> dict[str, Any]:
    return {"first": {"channel": first}, "then": {"channel": then}, "days": days}
