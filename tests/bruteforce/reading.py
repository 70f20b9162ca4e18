"""Tables of a scenario as plain rows: customers, activities, eligible pairs, past contacts."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from tests.bruteforce.filters import Row, is_empty, reader

CHANNEL_KEYS = {"unit_cost", "pressure", "days", "fixed_cost", "min_volume_if_opened", "response_curve"}
OFFER_KEYS = {"gross_margin", "revenue", "margin_rate", "response_cost", "fixed_cost", "min_volume_if_opened"}


def records(table: Any) -> list[Row]:
    """A table, written as records or as a frame, without its empty cells."""
    if table is None:
        return []
    rows: list[Row] = table.to_dict("records") if isinstance(table, pd.DataFrame) else table  # type: ignore[assignment]
    return [{key: cell for key, cell in row.items() if not is_empty(cell)} for row in rows]


def as_date(value: Any) -> date | None:
    """A date from a date, a timestamp or ISO text."""
    if is_empty(value):
        return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def calendar(day: date | None) -> Row:
    """The columns a date gives."""
    if day is None:
        return {}
    year, week, _ = day.isocalendar()
    quarter = (day.month + 2) // 3
    return {
        "date": day,
        "day": day.isoformat(),
        "week": f"{year}-W{week:02d}",
        "month": f"{day.year}-{day.month:02d}",
        "quarter": f"{day.year}-Q{quarter}",
    }


def declared(things: dict[str, Any], name: str, keys: set[str]) -> Row:
    """Columns a planner declares on a channel or an offer beside the keys of the contract."""
    return {key: cell for key, cell in (things.get(name) or {}).items() if key not in keys}


def described(spec: Row, channel: str, offers: tuple[str, ...]) -> Row:
    """Channel, offers and the columns declared on them."""
    row: Row = {"channel": channel, **declared(spec.get("channels") or {}, channel, CHANNEL_KEYS)}
    for offer in offers:
        row.update(declared(spec.get("offers") or {}, offer, OFFER_KEYS))
    return {**row, "offer": ";".join(offers), "offers": offers}


def activities(spec: Row) -> list[Row]:
    """Every activity, crossed from offers, channels and waves or read from their own table."""
    written = spec.get("activities")
    table = None if written is None or (isinstance(written, dict) and "except" in written) else written
    if table is not None:
        return [from_table(spec, row) for row in records(table)]
    dropped = [reader(one) for one in (written or {}).get("except", [])]
    waves = spec.get("waves") or [{"name": ""}]
    made = [
        crossed(spec, offers, channel, wave)
        for offers in [(name,) for name in spec.get("offers") or {}] or [("offer",)]
        for channel in spec.get("channels") or {}
        for wave in waves
    ]
    return [row for row in made if not any(test(row) for test in dropped)]


def crossed(spec: Row, offers: tuple[str, ...], channel: str, wave: Row) -> Row:
    """One activity of the product: its date is the wave's plus its channel's days."""
    day = as_date(wave.get("date"))
    if day is not None:
        day += timedelta(days=int(spec["channels"][channel].get("days", 0)))
    name = " ".join(part for part in (*(offers if spec.get("offers") else ()), channel, wave["name"]) if part)
    extra = {key: cell for key, cell in wave.items() if key not in ("name", "date")}
    return {**described(spec, channel, offers), **extra, "activity": name, "wave": wave["name"], **calendar(day)}


def from_table(spec: Row, row: Row) -> Row:
    """One activity of an activities table; without a date of its own it takes its wave's."""
    offers = (
        tuple(str(row.get("offer", row.get("products", ""))).split(";")) if {"offer", "products"} & set(row) else ()
    )
    day = as_date(row.get("date"))
    if day is None and "wave" in row:
        wave = next(one for one in spec.get("waves") or [] if one["name"] == row["wave"])
        day = as_date(wave.get("date"))
        if day is not None:
            day += timedelta(days=int(spec["channels"][row["channel"]].get("days", 0)))
    own = {key: cell for key, cell in row.items() if key not in ("offer", "products", "date")}
    return {"wave": "", **described(spec, row["channel"], offers), **own, **calendar(day)}


def merged(customer: Row, activity: Row) -> Row:
    """What a filter sees of a contact; a name in both stands as customer.x and activity.x."""
    row = {**customer, **activity}
    for name in customer.keys() & activity.keys():
        row[f"customer.{name}"], row[f"activity.{name}"] = customer[name], activity[name]
    return row


def consents(spec: Row, customer: str, channel: str, table: dict[str, Row]) -> bool:
    """Whether the customer may be contacted through the channel."""
    return "consent" not in spec or bool(table.get(customer, {}).get(channel, False))


def scored(spec: Row, made: list[Row]) -> dict[tuple[str, str], Row]:
    """The appetence record of every (customer, activity): ``score`` and the pair's other columns."""
    rows = records(spec.get("appetence"))
    channels = set(spec.get("channels") or {})
    long = any("score" in row for row in rows)
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        for activity in made:
            if any(key in row and row[key] != activity.get(key) for key in ("activity", "offer", "wave")):
                continue
            if long and ("channel" not in row or row["channel"] == activity["channel"]) and "score" in row:
                found[row["customer_id"], activity["activity"]] = row
            elif not long and activity["channel"] in row.keys() & channels:
                found[row["customer_id"], activity["activity"]] = {"score": row[activity["channel"]]}
    return found


def baseline(spec: Row) -> Any:
    """A function of (customer, activity): the probability of responding without contact."""
    rows = records(spec.get("baseline"))

    def of(customer: str, activity: Row) -> float:
        for row in rows:
            if row["customer_id"] == customer and all(
                row.get(key) in (None, activity.get(key)) for key in ("offer", "channel")
            ):
                return float(row["baseline"])
        return 0.0

    return of


def amount(written: Any, customer: Row) -> float:
    """A number, or the customer's cell of a column."""
    return float(customer[written]) if isinstance(written, str) else float(written)


def offer_money(spec: Row, offers: tuple[str, ...], customer: Row) -> tuple[float, float, float]:
    """Gross margin, revenue and response cost of one response, summed over the activity's offers."""
    margin = revenue = paid = 0.0
    for name in offers:
        offer = (spec.get("offers") or {}).get(name) or {}
        if "revenue" in offer:
            revenue += amount(offer["revenue"], customer)
        if "gross_margin" in offer:
            margin += amount(offer["gross_margin"], customer)
        elif "revenue" in offer and "margin_rate" in offer:
            margin += amount(offer["revenue"], customer) * amount(offer["margin_rate"], customer)
        paid += amount(offer.get("response_cost", 0.0), customer)
    return margin, revenue, paid


def contact_cost(spec: Row, activity: Row, customer: Row, pair: Row) -> float:
    """The unit cost of a contact: the pair's, else the activity's, else the channel's (first tier)."""
    written = pair.get("cost", activity.get("unit_cost", spec["channels"][activity["channel"]].get("unit_cost", 0.0)))
    if isinstance(written, dict):
        return float(written["tiers"][0][1])
    return amount(written, customer)


def past_rows(spec: Row) -> list[tuple[Row, Row, bool]]:
    """History and committed contacts: what a filter sees, its own columns, whether it is committed."""
    customers = {row["customer_id"]: row for row in records(spec.get("customers"))}
    found = []
    for key, committed in (("history", False), ("committed", True)):
        for row in records(spec.get(key)):
            if row["customer_id"] in customers:
                offers = tuple(str(row["offer"]).split(";")) if "offer" in row else ()
                columns = {**described(spec, row["channel"], offers), **row, **calendar(as_date(row["date"]))}
                found.append((merged(customers[row["customer_id"]], {**columns, "offers": offers}), columns, committed))
    return found


def tier_total(tiers: Row, n: int) -> float:
    """What n contacts of a channel with price tiers cost in all."""
    steps = tiers["tiers"]
    if tiers.get("kind", "incremental") == "all_units":
        return n * next((price for start, price in reversed(steps) if start <= n), 0.0)
    ends = [start for start, _ in steps[1:]] + [math.inf]
    return sum(price * max(0.0, min(n, end) - start) for (start, price), end in zip(steps, ends, strict=True))
