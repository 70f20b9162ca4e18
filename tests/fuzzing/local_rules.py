"""Bodies of random rules that bind one customer at a time: small bounds, short windows, simple filters."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.bruteforce.filters import Row
from tests.bruteforce.reading import activities
from tests.fuzzing.anchor import Anchor
from tests.fuzzing.filters import activity_filter, any_filter, customer_filter
from tests.fuzzing.stage import chance


def days(rng: Random, here: Anchor, share: float = 0.5) -> Row:
    """A window of days, or the horizon."""
    return {"days": rng.choice((1, 2, 3, 5, 7, 14, 40))} if here.dated and chance(rng, share) else {}


def small_range(rng: Random, here: Anchor, levels: tuple[float, ...], column: str | None = None) -> Row:
    """A small maximum, minimum or both."""
    sides = rng.choices((["max"], ["min"], ["min", "max"]), (70, 20, 10))[0]
    bounds: Row = {side: rng.choice(levels) for side in sides}
    if len(bounds) == 2:
        bounds["min"], bounds["max"] = min(bounds.values()), max(bounds.values())
    elif "max" in bounds and column and chance(rng, 0.15):
        bounds["max"] = column
    return bounds


def contacts(rng: Random, here: Anchor, made: Row) -> Row:
    """A count in windows."""
    return {**small_range(rng, here, (1, 1, 2, 2, 3), "wished"), **days(rng, here)}


def pressure(rng: Random, here: Anchor, made: Row) -> Row:
    """A weighted count in windows."""
    return {**small_range(rng, here, (0.5, 1, 1.5, 2, 3, 4), "wished"), **days(rng, here)}


def packages(rng: Random, here: Anchor, made: Row) -> Row:
    """Distinct dates in windows."""
    return {**small_range(rng, here, (1, 1, 2, 3), "wished"), **days(rng, here)}


def duplicates(rng: Random, here: Anchor, made: Row) -> Row:
    """Repeats of an offer, channel or wave."""
    columns = ["offer", "offer", "channel"] + ["wave"] * here.dated
    return {"max": rng.choice((1, 1, 2)), "of": rng.choice(columns), **days(rng, here)}


def rest(rng: Random, here: Anchor, made: Row) -> Row | None:
    """Days of rest."""
    return {"days": rng.choice((2, 3, 4, 6, 10))} if here.dated else None


def cost_per_customer(rng: Random, here: Anchor, made: Row) -> Row:
    """Money in windows."""
    costs = [pair.unit_cost for pair in here.world.pairs] or [1.0]
    level = rng.choice(costs) + (rng.choice(costs) if chance(rng, 0.6) else 0.0)
    return {"max": round(level * rng.choice((0.9, 1, 1.1)), 3), **days(rng, here, 0.3)}


def targets(rng: Random, here: Anchor, made: Row) -> Row | None:
    """K of n offers."""
    offers = list(here.spec.get("offers", []))
    if not offers:
        return None
    among = rng.sample(offers, rng.randint(1, len(offers)))
    kind = rng.choice(("min", "max", "exactly", "both"))
    k = rng.randint(0 if kind == "max" else 1, len(among))
    body: Row = {"among": among} | ({"min": min(1, k), "max": k} if kind == "both" else {kind: k})
    if kind != "max" and chance(rng, 0.35):
        body["if_contacted"] = True
    return body


def include(rng: Random, here: Anchor, made: Row) -> Any:
    """Forced contacts of some customers."""
    if chance(rng, 0.7):
        made["where"] = customer_filter(rng, here.spec)
    return activity_filter(rng, here.spec)


def exclude(rng: Random, here: Anchor, made: Row) -> Any:
    """Pairs that may not be."""
    return any_filter(rng, here.spec)


def simple(rng: Random, here: Anchor) -> Row:
    """A channel or an offer."""
    row = rng.choice(activities(here.spec))
    if "offers" in here.spec and chance(rng, 0.5):
        return {"offer": rng.choice(row["offers"])}
    return {"channel": row["channel"]}


def requires(rng: Random, here: Anchor, made: Row) -> Row:
    """One kind of contact only with another."""
    same = {"same": "wave"} if here.dated and chance(rng, 0.3) else {}
    then = simple(rng, here) if chance(rng, 0.6) else activity_filter(rng, here.spec)
    return {"if": simple(rng, here), "then": then, **same}


def only_after(rng: Random, here: Anchor, made: Row) -> Row | None:
    """One kind of contact only after another."""
    lag = rng.choice(({}, {"min": 0}, {"min": 2}, {"max": 7}, {"min": 1, "max": 5}, {"min": 0, "max": 3}))
    return (
        {"what": simple(rng, here), "after": any_filter(rng, here.spec)} | ({"days": lag} if lag else {})
        if here.dated
        else None
    )


def never(rng: Random, here: Anchor, made: Row) -> Row:
    """Contacts that clash."""
    lag = {"days": rng.choice((0, 1, 2, 5, 10))} if here.dated and chance(rng, 0.6) else {}
    one, other = simple(rng, here), activity_filter(rng, here.spec)
    return {"first": one, "then": other, **lag} if chance(rng, 0.5) else {"together": [one, other], **lag}


def alternate(rng: Random, here: Anchor, made: Row) -> str | None:
    """No channel in two waves running."""
    return "channel" if here.dated else None


def effect(rng: Random, here: Anchor, made: Row) -> Row:
    """A factor on responses."""
    factor = rng.choice((0, 0.5, 0.7, 0.85, 1.3, 2.5))
    kind = rng.choice(("contact", "alternate", "message")) if here.dated else "message"
    if kind == "contact":
        return {"contact": rng.choice((1, 2, 2, 3)), "factor": factor}
    return {"alternate": "channel", "factor": factor} if kind == "alternate" else {"factor": factor}


def control(rng: Random, here: Anchor, made: Row) -> Row:
    """A hold-out group."""
    if chance(rng, 0.3):
        held = [name for name in here.world.customers if chance(rng, 0.4)]
        return {"table": [{"customer_id": name, "control": name in held} for name in here.world.customers]}
    return {"share": rng.choice((0.1, 0.3, 0.5)), "seed": rng.randint(0, 99)}
