"""Random filters, scopes and bounds' neighbours for random rules."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.bruteforce.filters import Row
from tests.bruteforce.reading import activities
from tests.fuzzing.stage import LINES, chance


def customer_filter(rng: Random, spec: Row) -> Any:
    """A filter on customer columns, in any of its forms."""
    country = rng.choice(spec["customers"])["country"]
    age = rng.choice(spec["customers"])["age"]
    return rng.choice(
        (
            {"country": country},
            {"country": [country, "CH"]},
            {"segment": rng.choice(("gold", "base"))},
            {"age": rng.choice((f">= {age}", f"< {age}", f"!= {age}", f"<= {age}"))},
            {"vip": True},
            "vip",
            "not vip",
            f"age >= {age} and country != 'FR'",
            f"(age < {age} or vip) and not (segment == 'gold')",
            f"customer.country in ['{country}', 'CH']",
            f"wished >= {rng.choice((1, 2))}",
            f"not (wished > {rng.choice((0, 1))})",
            {"household": "h1"},
            "value > basket",
            {"tags": {"has": rng.choice(("golf", "wine"))}},
        )
    )


def activity_filter(rng: Random, spec: Row) -> Any:
    """A filter on activity columns."""
    row = rng.choice(activities(spec))
    forms: list[Any] = [
        {"channel": row["channel"]},
        {"channel": row["channel"]},
        {"channel": [row["channel"], rng.choice(list(spec["channels"]))]},
        f"channel != '{row['channel']}'",
        {"line": LINES[row["channel"]]},
    ]
    if "offers" in spec:
        offer = rng.choice(row["offers"])
        forms += [
            {"offer": offer},
            {"offer": offer},
            f"channel == '{row['channel']}' or offer == '{offer}'",
            f"offer in ('{offer}', '{rng.choice(list(spec['offers']))}')",
        ]
    if "date" in row:
        day = row["day"]
        forms += [{"wave": row["wave"]}] * bool(row["wave"])
        forms += [
            {"date": {"from": day}},
            {"date": {"to": day}},
            {"month": row["month"]},
            f"date >= '{day}'",
            {"week": row["week"]},
        ]
    if "family" in row:
        forms += ["family == favourite", {"family": rng.choice(("x", "y"))}]
    if "theme" in row:
        forms.append({"theme": row["theme"]})
    return rng.choice(forms)


def any_filter(rng: Random, spec: Row) -> Any:
    """A filter on customers, activities, or both."""
    if "customers" not in spec:
        return rng.choice(({"medium": "display"}, {"line": "digital"}) if lined(spec) else ({"medium": "display"},))
    kind = rng.random()
    if kind < 0.45:
        return customer_filter(rng, spec)
    if kind < 0.85:
        return activity_filter(rng, spec)
    one, other = customer_filter(rng, spec), activity_filter(rng, spec)
    return {**one, **other} if isinstance(one, dict) and isinstance(other, dict) else one


def lined(spec: Row) -> bool:
    """Say whether a channel or a medium declares a line."""
    declared = [*spec.get("channels", {}).values(), *spec.get("media", {}).values()]
    return any("line" in body for body in declared)


def each(rng: Random, spec: Row, media: bool = False) -> Any:
    """Columns to repeat a rule for."""
    if "customers" not in spec:
        return rng.choice(("medium", "line") if lined(spec) else ("medium",))
    columns = ["country", "segment", "channel", "line"] + ["offer"] * ("offers" in spec)
    if any("date" in row for row in activities(spec)):
        columns += ["wave", "week", "month", "day", "quarter"]
    if media and "media" in spec:
        columns += ["line", "line"]
    if chance(rng, 0.2):
        return rng.sample(sorted(set(columns)), 2)
    column = rng.choice(columns)
    return [column] if chance(rng, 0.2) else column


def soft(rng: Random, spec: Row, sided: bool = True) -> Row:
    """A price of about what a contact is worth, sometimes with a tolerance or a side."""
    worth = (
        3.0
        if isinstance(spec["objective"], dict)
        else {"net_margin": 4, "revenue": 8, "responses": 0.2, "lead": 0.2, "risk": 2}[spec["objective"]]
    )
    found: Row = {"penalty": float(f"{worth * rng.uniform(0.05, 1.2):.3g}")}
    if chance(rng, 0.3) and sided:
        found["tolerance"] = rng.choice((0.5, 1, 1, 2))
    if chance(rng, 0.3) and sided:
        found["side"] = rng.choice(("min", "max", "both"))
    return found
