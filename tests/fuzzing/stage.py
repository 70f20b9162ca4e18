"""The stage of a random scenario: customers, channels, offers, waves, scores, past contacts, media; no rules yet."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from tests.bruteforce.filters import Row
from tests.bruteforce.reading import activities

CHANNELS = ("email", "sms", "print", "phone")
LINES = {"email": "digital", "sms": "digital", "print": "paper", "phone": "voice"}
COUNTRIES = ("FR", "BE", "CH")
START = date(2026, 2, 26)


def chance(rng: Random, share: float) -> bool:
    """True in about this share of the draws."""
    return rng.random() < share


def amount(rng: Random, low: float, high: float, digits: int = 2) -> float:
    """A number with few digits, so that a dump stays readable."""
    return round(rng.uniform(low, high), digits)


def stage(rng: Random) -> Row:
    """A scenario without rules.

    Returns
    -------
    dict
        Keys of a scenario file; tables are lists of records.
    """
    spec: Row = {"name": "fuzz", "objective": objective(rng)}
    if chance(rng, 0.02):
        return media_only(rng, spec)
    spec["customers"] = customers(rng)
    spec["channels"] = {name: channel(rng, name) for name in sorted(rng.sample(CHANNELS, rng.choice((1, 2, 2, 3))))}
    if spec["objective"] in ("net_margin", "revenue") or not chance(rng, 0.2):
        spec["offers"] = {name: offer(rng, name) for name in ("a", "b", "c")[: rng.choice((1, 1, 2, 2, 3))]}
    if chance(rng, 0.85):
        spec["waves"] = waves(rng, spec)
    if "offers" in spec and chance(rng, 0.12):
        spec["activities"] = activity_table(rng, spec)
    elif "offers" in spec and chance(rng, 0.1):
        spec["activities"] = {"except": [{"channel": rng.choice(list(spec["channels"])), "offer": "a"}]}
    if not activities(spec):
        del spec["activities"]
    limit = 9
    if chance(rng, 0.15):
        spec["media"], limit = media(rng, spec), 5
    if chance(rng, 0.15) or spec["objective"] == "lead":
        spec["kpis"] = {"lead": {"score": "p_lead"}}
        if chance(rng, 0.5):
            spec["kpis"]["lead"]["gross_margin"] = rng.choice(("value", amount(rng, 1, 20)))
    scores(rng, spec, limit)
    surroundings(rng, spec)
    return spec


def objective(rng: Random) -> Any:
    """What the plan is after."""
    kinds = ("net_margin", "revenue", "responses", "lead", "risk", {"minimize": "cost"})
    return rng.choices(kinds, (50, 8, 15, 6, 8, 10))[0]


def customers(rng: Random) -> list[Row]:
    """One to four customers with columns for filters, scopes, caps and households."""
    found = []
    for name in rng.sample("pqrstuvw", rng.choice((1, 2, 2, 3, 3, 4))):
        row: Row = {
            "customer_id": name,
            "country": rng.choice(COUNTRIES),
            "segment": rng.choice(("gold", "base")),
            "value": amount(rng, 5, 60),
            "basket": amount(rng, 10, 90),
            "age": rng.randint(20, 80),
            "vip": chance(rng, 0.4),
            "postage": amount(rng, 0.3, 2),
            "favourite": rng.choice(("x", "y")),
        }
        row["tags"] = rng.sample(("golf", "wine", "ski"), rng.randint(1, 2))
        row["wished"] = rng.choice((0, 1, 1, 2, 3, None))
        row["household"] = rng.choice(("h1", "h1", "h2", None))
        found.append(row)
    found[0]["household"] = "h1"  # a column that is empty throughout has no type
    return found


def channel(rng: Random, name: str) -> Row:
    """A channel's cost, pressure, days and openings."""
    body: Row = {"unit_cost": amount(rng, 0.05, 3), "line": LINES[name]}
    if chance(rng, 0.1):
        body["unit_cost"] = "postage"
    elif chance(rng, 0.1):
        steps = [[0, amount(rng, 1, 3)], [rng.choice((1, 2)), amount(rng, 0.2, 1.5)]]
        if chance(rng, 0.3):
            steps.append([3, amount(rng, 0.1, 2)])
        body["unit_cost"] = {"tiers": steps, "kind": rng.choice(("incremental", "all_units"))}
    if chance(rng, 0.4):
        body["pressure"] = rng.choice((0, 0.5, 1, 1.5, 2, 3))
    if chance(rng, 0.12):
        body["fixed_cost"] = rng.choice((amount(rng, 0.5, 5), {"amount": amount(rng, 0.5, 4), "each": "wave"}))
    if chance(rng, 0.08):
        body["min_volume_if_opened"] = rng.choice((2, 3))
    return body


def offer(rng: Random, name: str) -> Row:
    """What a response to an offer is worth."""
    body: Row = {"family": rng.choice(("x", "y")), "revenue": rng.choice(("basket", amount(rng, 20, 90)))}
    if chance(rng, 0.3):
        body["margin_rate"] = amount(rng, 0.1, 0.9)
    else:
        body["gross_margin"] = rng.choice(("value", amount(rng, 3, 50)))
    if chance(rng, 0.25):
        body["response_cost"] = amount(rng, 0.5, 5)
    if chance(rng, 0.08):
        body["fixed_cost"] = amount(rng, 0.5, 5)
    if chance(rng, 0.08):
        body["min_volume_if_opened"] = rng.choice((2, 3))
    return body


def waves(rng: Random, spec: Row) -> list[Row]:
    """One to four waves, mostly days apart; channels may land before or after."""
    day, found = START + timedelta(days=rng.randint(0, 10)), []
    for k in range(rng.choice((1, 2, 2, 3, 3, 4))):
        found.append({"name": f"w{k + 1}", "date": day.isoformat()})
        day += timedelta(days=rng.choice((0, 1, 1, 2, 3, 5, 7, 12, 30)))
    for body in spec["channels"].values():
        if chance(rng, 0.15):
            body["days"] = rng.choice((-2, -1, 1))
    return found


def landing(spec: Row, wave: str) -> str:
    """The date of a wave."""
    return next(str(one["date"]) for one in spec["waves"] if one["name"] == wave)


def activity_table(rng: Random, spec: Row) -> list[Row]:
    """Activities named by the planner, some carrying two offers, some with a cost of their own."""
    found = []
    for k in range(rng.randint(2, 6)):
        named = rng.sample(list(spec["offers"]), min(len(spec["offers"]), rng.choice((1, 1, 1, 2))))
        row: Row = {
            "activity": f"act{k + 1}",
            "offer": ";".join(sorted(named)),
            "channel": rng.choice(list(spec["channels"])),
        }
        if "waves" in spec:
            wave = rng.choice(spec["waves"])
            row |= {"wave": wave["name"]}
            if chance(rng, 0.5):
                row["date"] = wave["date"]
        row["theme"] = rng.choice(("sun", "snow"))
        found.append(row)
    if chance(rng, 0.4) and not any(isinstance(body["unit_cost"], dict) for body in spec["channels"].values()):
        for row in found:
            row["unit_cost"] = amount(rng, 0.1, 3)
    if "waves" in spec and any("date" in row for row in found):
        for row in found:
            row.setdefault("date", landing(spec, row["wave"]))
    if any(";" in row["offer"] for row in found):
        for body in spec["offers"].values():
            del body["family"]
    return found


def scores(rng: Random, spec: Row, limit: int) -> None:
    """An appetence table, wide or long, with at most so many eligible pairs."""
    made = activities(spec)
    several = any(len(row["offers"]) > 1 for row in made)
    long = chance(rng, 0.35) or several or "kpis" in spec or spec["objective"] == "risk"
    by_activity = long and (several or chance(rng, 0.4))
    keys = ["activity"] if by_activity else ["channel"]
    if not by_activity:
        keys += [key for key in ("offer", "wave") if chance(rng, 0.75) and f"{key}s" in spec]
    slots: dict[tuple[Any, ...], int] = {}
    for customer in spec["customers"]:
        for row in made:
            slot = (customer["customer_id"], *(row[key] for key in keys))
            slots[slot] = slots.get(slot, 0) + 1
    chosen, left = [], rng.randint(max(1, limit - 5), limit)
    for slot, size in rng.sample(sorted(slots.items()), len(slots)):
        if size <= left:
            chosen.append(dict(zip(("customer_id", *keys), slot, strict=True)))
            left -= size
    if not chosen:
        slot = rng.choice(sorted(slots))
        chosen = [dict(zip(("customer_id", *keys), slot, strict=True))]
    spec["appetence"] = long_table(rng, spec, chosen) if long else wide_table(rng, spec, chosen)


def long_table(rng: Random, spec: Row, slots: list[Row]) -> list[Row]:
    """A record a pair (or a pair of several waves): score, kpi scores and measures."""
    priced = chance(rng, 0.2) and not any(isinstance(body["unit_cost"], dict) for body in spec["channels"].values())
    margin = chance(rng, 0.2)
    for row in slots:
        row["score"] = amount(rng, 0.02, 0.9, 3)
        row["risk"] = amount(rng, 0, 10)
        if "kpis" in spec:
            row["p_lead"] = amount(rng, 0, 0.9, 3)
        if priced:
            row["cost"] = amount(rng, 0.05, 3)
        if margin:
            row["gross_margin"] = amount(rng, 2, 60)
    return slots


def wide_table(rng: Random, spec: Row, slots: list[Row]) -> list[Row]:
    """A record a customer (and offer, wave), a column a channel; empty is not eligible."""
    found: dict[Any, Row] = {}
    for slot in slots:
        rest = {key: cell for key, cell in slot.items() if key != "channel"}
        row = found.setdefault(tuple(rest.items()), {**rest, **dict.fromkeys(spec["channels"])})
        row[slot["channel"]] = amount(rng, 0.02, 0.9, 3)
    return list(found.values())


def surroundings(rng: Random, spec: Row) -> None:
    """Baseline, consent, responses combined, saturation, history and committed contacts."""
    names = [row["customer_id"] for row in spec["customers"]]
    combined = chance(rng, 0.2)
    if combined:
        wide = [["customer_id", "offer"], ["customer_id", "wave"]] if len(activities(spec)) <= 8 else []
        per = rng.choice((None, *wide))
        spec["responses"] = {"combine": rng.choice(("independent", "best"))} | ({"per": per} if per else {})
    elif chance(rng, 0.1):
        spec["baseline"] = baseline(rng, spec, names)
    if chance(rng, 0.12):
        known = [name for name in names if chance(rng, 0.9)] or names
        spec["consent"] = [{"customer_id": n} | {c: chance(rng, 0.85) for c in spec["channels"]} for n in known]
    if chance(rng, 0.15) and "baseline" not in spec:
        saturate(rng, spec)
    dates = sorted(row["date"] for row in activities(spec) if "date" in row)
    if dates and chance(rng, 0.4):
        days = [dates[0] - timedelta(days=rng.choice((1, 1, 2, 3, 5, 8, 14, 40))) for _ in range(rng.randint(1, 3))]
        spec["history"] = [past(rng, spec, day) for day in days]
    if chance(rng, 0.3):
        first, last = (dates[0], dates[-1]) if dates else (START, START)
        around = (first, last, first + (last - first) // 2, first - timedelta(days=2), last + timedelta(days=2))
        days = [rng.choice(around) for _ in range(rng.randint(1, 3))]
        spec["committed"] = [past(rng, spec, day) for day in days]
        for column in ("cost", "risk"):
            if chance(rng, 0.4):
                for row in spec["committed"]:
                    row[column] = amount(rng, 0.1, 4)


def baseline(rng: Random, spec: Row, names: list[str]) -> list[Row]:
    """What customers would do anyway, by offer or channel sometimes."""
    kind = rng.choice(("customer", "customer", "offer", "channel"))
    if kind == "customer" or f"{kind}s" not in spec:
        return [{"customer_id": name, "baseline": amount(rng, 0, 0.2, 3)} for name in names]
    return [
        {"customer_id": name, kind: thing, "baseline": amount(rng, 0, 0.2, 3)}
        for name in names
        for thing in spec[f"{kind}s"]
    ]


def past(rng: Random, spec: Row, day: date) -> Row:
    """One past contact."""
    name = rng.choice([row["customer_id"] for row in spec["customers"]])
    row: Row = {"customer_id": name, "date": day.isoformat(), "channel": rng.choice(list(spec["channels"]))}
    return row | ({"offer": rng.choice(list(spec["offers"]))} if "offers" in spec else {})


def saturate(rng: Random, spec: Row) -> None:
    """A response curve on one channel, calibrated near what its contacts yield."""
    name = rng.choice(list(spec["channels"]))
    top = amount(rng, 0.2, 1.5)
    forms: list[Row] = [
        {"points": [[5, top], [10, round(top * 1.4, 3)], [20, round(top * 1.6, 3)]]},
        {"points": [[2, round(top * 0.1, 3)], [5, top], [9, round(top * 1.3, 3)], [14, round(top * 1.35, 3)]]},
        {"hill": {"top": 2 * top, "half": 5.0, "slope": rng.choice((1.0, 1.8))}},
        {"michaelis_menten": {"top": 2 * top, "half": 5.0}},
        {"log": {"scale": top, "half": 3.0}},
        {"power": {"scale": top, "exponent": 0.5}},
        {"logistic": {"top": 2 * top, "rate": 0.2}},
    ]
    curve = {**rng.choice(forms), rng.choice(("volume_ref", "spend_ref")): 5.0}
    if chance(rng, 0.3):
        curve["by"] = ["country"]
    if chance(rng, 0.3):
        curve["factor"] = rng.choice((0.5, 0.8, 1.6))
    spec["channels"][name]["response_curve"] = curve


def media(rng: Random, spec: Row) -> Row:
    """One medium, or two, or one with two cells."""
    several = chance(rng, 0.4)
    found: Row = {"display": medium(rng, spec, smooth=not several)}
    if several and chance(rng, 0.6):
        found["tv"] = medium(rng, spec, smooth=False)
    elif several:
        body = found["display"]
        spends = [{"country": place, **body["spend"]} for place in ("FR", "BE")]
        body |= {"by": ["country"], "spend": {"table": spends}}
        if chance(rng, 0.5):
            kinks = [
                (place, s, round(y * share, 3))
                for place, share in (("FR", 1), ("BE", 0.7))
                for s, y in body["curve"]["points"]
            ]
            body["curve"] = {"table": [{"country": place, "spend": s, "response": y} for place, s, y in kinks]}
    return found


def medium(rng: Random, spec: Row, *, smooth: bool) -> Row:
    """Spend bounds and a curve whose kinks are at whole money (or, once in four, a smooth one)."""
    top = amount(rng, 4, 25) if spec["objective"] in ("net_margin", "revenue") else amount(rng, 0.3, 2)
    points = [[2, round(top * rng.choice((0.05, 0.5)), 3)], [5, round(top * 0.8, 3)], [10, top]]
    curve: Row = {"points": points}
    if smooth and chance(rng, 0.4):
        curve = {"hill": {"top": top, "half": 4.0, "slope": rng.choice((1.0, 2.0))}}
    body: Row = {"spend": {"min": rng.choice((0, 0, 1, 3)), "max": rng.choice((5, 8, 12))}, "curve": curve}
    if body["spend"]["min"]:
        body["spend"]["or_zero"] = chance(rng, 0.6)
    if chance(rng, 0.7):
        body["line"] = rng.choice(("digital", "paper"))
    if chance(rng, 0.35):
        body["in"] = "responses"
        if chance(rng, 0.7) or spec["objective"] == "net_margin":
            body["gross_margin"] = amount(rng, 2, 20)
    elif spec["objective"] == "lead":
        body["in"] = "lead"
    if chance(rng, 0.15):
        body["fixed_cost"] = amount(rng, 0.2, 2)
    return body


def media_only(rng: Random, spec: Row) -> Row:
    """Money and media, no customers."""
    spec["objective"] = rng.choice(("net_margin", "responses"))
    spec["media"] = media(rng, spec)
    for body in spec["media"].values():
        if spec["objective"] == "responses":
            body["in"] = "responses"
    return spec
