"""Customers × 125 or 175: the published customer assignment instances, larger, by patterns or pair by pair.

Activities, channels, products, scores, margins, costs and rules are drawn as ``distributions`` says the published ones
are; minimum and maximum assignments, sales, budgets, contacts and conflicts of 70 to 90 days stand as published, soft
where those are. Three rules are ours, so that a plan depends on its past and its order: past contacts (which the
conflicts look back to), a text message only after a letter or a call, and contacts that tire.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from tests.benchmarks.scale.distributions import CHANNELS, COSTS, margins, responses
from tests.benchmarks.scale.priced import Priced, priced_rules
from tests.benchmarks.scale.writing import Columns, generator, write_scenario, write_tables

NAMES = tuple(COSTS)
#: Day 0 of the instances, as in the reader of the published ones.
ORIGIN = np.datetime64("2000-12-31")
DAYS = 117
#: First, then, lag in days: the published conflicts.
CONFLICTS = (
    ("phone", "phone", 90),
    ("print", "print", 80),
    ("text", "text", 90),
    ("email", "email", 90),
    ("phone", "print", 70),
    ("print", "phone", 80),
    ("email", "text", 70),
    ("text", "email", 70),
)
#: Past contacts: who has one, on which day, so that thousands of classes remain, not one a customer.
PAST_SHARE = 0.25
PAST_DAYS = (-55, -20)
#: The greatest |profit| a pair can have, and so the published penalty.
PENALTY = 620.0
_TABLES = {"world": 10, "customers": 11, "pairs": 12, "history": 13}


@dataclass(frozen=True)
class World:
    """What all customers share: activities (A,), their templates, and the patterns of templates if there are any.

    A template is a channel with one or two products; its activities, on different days, have the same score.
    """

    day: NDArray[np.int64]
    template: NDArray[np.int64]
    channel: NDArray[np.int64]
    products: list[str]
    margin: NDArray[np.float64]  # (T,) gross margin a response where a template has one for all
    own_margin: NDArray[np.bool_]  # (T,) customers differ
    patterns: NDArray[np.bool_] | None  # (P, A)

    @property
    def cost(self) -> NDArray[np.float64]:
        """Money a contact of each activity."""
        return np.array([COSTS[name] for name in NAMES])[self.channel]


def world(activities: int, patterns: int | None, share: float, seed: int) -> World:
    """Draw what all customers share."""
    random = generator(seed, _TABLES["world"], 0)
    order = [NAMES.index(name) for name in CHANNELS]
    template: list[int] = []
    channel: list[int] = []
    day: list[int] = []
    while len(template) < activities:
        repeats = min(int(random.integers(1, 5)), activities - len(template))
        kind = int(random.choice(order, p=list(CHANNELS.values())))
        days = np.sort(random.choice(np.arange(1, DAYS - 3), repeats, replace=False))
        number = template[-1] + 1 if template else 0
        template += [number] * repeats
        channel += [kind] * repeats
        day += days.tolist()
    count = template[-1] + 1
    kinds = max(12, activities // 4)
    made: list[str] = []
    for _ in range(count):
        own = sorted(random.choice(kinds, 2 if random.random() < 0.3 else 1, replace=False) + 1)
        made.append(";".join(f"p{number}" for number in own))
    owners = np.asarray(template)
    chosen = None
    if patterns is not None:
        # Templates are drawn until the pattern holds its share of the activities.
        chosen = np.zeros((patterns, activities), bool)
        for row in chosen:
            for one in random.permutation(count):
                if row.sum() >= share * activities:
                    break
                row[owners == one] = True
    return World(
        np.asarray(day),
        owners,
        np.asarray(channel),
        [made[one] for one in template],
        margins(random, (count,)),
        random.random(count) < 0.35,
        chosen,
    )


@dataclass(frozen=True)
class Pairs:
    """Eligible pairs of some customers, by customer and activity: (E,) each."""

    customer: NDArray[np.int64]  # row of the customer in its block
    activity: NDArray[np.int64]
    score: NDArray[np.float64]
    margin: NDArray[np.float64]


def pairs(earth: World, share: float, seed: int, block: int, count: int) -> Pairs:
    """Draw the eligible pairs of a block of ``count`` customers."""
    random = generator(seed, _TABLES["pairs"], block)
    width = len(earth.day)
    if earth.patterns is not None:
        member = random.integers(0, len(earth.patterns), count)
        eligible = earth.patterns[member]
    else:
        # At least one pair each: a customer with none is no customer of the instance.
        eligible = random.random((count, width)) < share
        eligible[np.arange(count), random.integers(0, width, count)] = True
    owner, activity = np.nonzero(eligible)
    templates = len(earth.margin)
    score = responses(random, (count, templates)).astype(np.float32)
    own = np.round(margins(random, (count, templates)), 2)
    margin = np.where(earth.own_margin, own, np.round(earth.margin, 2))
    at = earth.template[activity]
    return Pairs(owner, activity, score[owner, at].astype(float), margin[owner, at])


def write(folder: Path, customers: int, activities: int, seed: int, patterns: int | None, share: float) -> Path:
    """Write the scenario folder and return its scenario.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    earth = world(activities, patterns, share, seed)
    names = [f"a{number + 1}" for number in range(activities)]

    def make(block: int, ids: NDArray[np.int64]) -> dict[str, Columns]:
        found = pairs(earth, share, seed, block, len(ids))
        return {
            "customers": {"customer_id": ids},
            "appetence": {
                "customer_id": ids[found.customer],
                "activity": (found.activity.astype(np.int32), names),
                "score": found.score.astype(np.float32),
                "gross_margin": found.margin,
            },
            "history": history(generator(seed, _TABLES["history"], block), ids),
        }

    write_tables(folder, customers, make)
    table = {
        "activity": names,
        "products": earth.products,
        "channel": [NAMES[channel] for channel in earth.channel],
        "date": ORIGIN + earth.day,
        "unit_cost": earth.cost,
    }
    pa.csv.write_csv(pa.table(table), folder / "activities.csv")
    return write_scenario(folder, document(earth, customers, share, seed))


def history(random: np.random.Generator, ids: NDArray[np.int64]) -> Columns:
    """At most one past contact a customer, by channels as the activities have them."""
    owner = ids[random.random(len(ids)) < PAST_SHARE]
    shares = [CHANNELS[name] for name in NAMES]
    channel = random.choice(len(NAMES), len(owner), p=shares).astype(np.int32)
    day = np.array(PAST_DAYS)[random.integers(0, len(PAST_DAYS), len(owner))]
    return {"customer_id": owner, "date": ORIGIN + day, "channel": (channel, NAMES)}


def document(earth: World, customers: int, share: float, seed: int) -> dict[str, Any]:
    """The scenario file."""
    sample = pairs(earth, share, seed + 1, 0, 8_000)
    products = sorted({one for cell in earth.products for one in cell.split(";")}, key=lambda one: int(one[1:]))
    rows = priced_rules(_priced(earth, sample), _wanted(earth, products, seed), customers, PENALTY)
    return {
        "name": f"{customers} customers, {len(earth.day)} activities",
        "objective": "net_margin",
        "customers": "customers.parquet",
        "appetence": "appetence.parquet",
        "history": "history.parquet",
        "channels": {name: {} for name in NAMES},
        "offers": {product: {} for product in products},
        "activities": "activities.csv",
        "rules": [*local_rules(products), *rows],
    }


def local_rules(products: list[str]) -> list[dict[str, Any]]:
    """What binds one customer: contacts, conflicts, k-of-n; and a follow-up and fatigue of ours."""
    late = {"date": {"from": _iso(57), "to": _iso(DAYS)}}
    return [
        {"name": "maximum contact", "contacts": {"max": 3}},
        {"name": "maximum contact early", "contacts": {"max": 2}, "where": {"date": {"from": _iso(1), "to": _iso(56)}}},
        {"name": "minimum contact", "contacts": {"min": 1}, "where": late, "soft": {"penalty": 2.0}},
        *(
            {
                "name": f"conflict {number}",
                "never": {"first": {"channel": first}, "then": {"channel": then}, "days": lag},
            }
            for number, (first, then, lag) in enumerate(CONFLICTS, 1)
        ),
        {"name": "two of six", "targets": {"max": 2, "among": products[:6]}},
        {
            "name": "text after a letter or a call",
            "only_after": {
                "what": {"channel": "text", "offer": products[: len(products) // 2]},
                "after": {"channel": ["print", "phone"]},
                "days": {"min": 3, "max": 60},
            },
        },
        {"name": "second contact", "effect": {"contact": 2, "factor": 0.90}},
        {"name": "third contact", "effect": {"contact": 3, "factor": 0.80}},
    ]


def _wanted(earth: World, products: list[str], seed: int) -> Iterator[tuple[dict[str, Any], NDArray[np.bool_], str]]:
    """The coupling rows: their rule without a bound, the activities inside, and how the bound shall be."""
    random = generator(seed, _TABLES["world"], 1)
    for channel in range(len(NAMES)):
        for first, last in ((1, 28), (29, 56), (57, 87), (88, DAYS)):
            inside = (earth.channel == channel) & (earth.day >= first) & (earth.day <= last)
            side = str(random.choice(["min", "max", "max", "loose"]))
            where = {"channel": NAMES[channel], "date": {"from": _iso(first), "to": _iso(last)}}
            yield {"name": f"{NAMES[channel]}, days {first} to {last}", "verb": "volume", "where": where}, inside, side
    calls = earth.channel == NAMES.index("phone")
    yield {"name": "budget of calls", "verb": "budget", "where": {"channel": "phone"}}, calls, "max"
    others = [name for name in NAMES if name != "phone"]
    yield {"name": "budget of all else", "verb": "budget", "where": {"channel": others}}, ~calls, "max"
    for number, product in enumerate(products[: 4 * (len(products) // 4)]):
        inside = np.array([product in cell.split(";") for cell in earth.products])
        # Caps of sales seldom bind where contacts are capped too: of minima there are as many.
        side = ("min", "max", "min", "max", "loose")[number % 5]
        yield {"name": f"sales of {product}", "verb": "sum", "where": {"offer": product}}, inside, side


def _priced(earth: World, sample: Pairs) -> Priced:
    """The sample in the form in which prices are tried out."""
    clash = np.zeros((len(earth.day), len(earth.day)), bool)
    apart = earth.day[None, :] - earth.day[:, None]
    for first, then, lag in CONFLICTS:
        near = (earth.channel == NAMES.index(first))[:, None] & (earth.channel == NAMES.index(then))[None, :]
        clash |= near & (apart >= 0) & (apart <= lag)
    return Priced(
        sample.customer, sample.activity, sample.score, sample.score * sample.margin, earth.cost, clash | clash.T
    )


def _iso(day: int) -> str:
    return str(ORIGIN + day)
