"""The truth of the carmaker's world, and what it lets a tracker, a dealer and a CRM see. Nothing here is learnt.

Each week and country has so many people who may want a car. Display and social open the interest of those they reach;
who is interested searches, or comes straight to the site; paid search catches some of them and helps a little; a
sweepstakes portal collects leads of people who want the prize and no car.

    reached by m        cap_m · s / (half_m + s)                      s: euros a week and country
    interested          1 − (1 − own) · Π_m (1 − pull_m · reached_m)  m: display, social
    sale | interested   close · (1 + lift · search)                   search: cap · s / (half + s)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

SEED = 20260427
#: People who may want a car, a week.
COUNTRIES = {"DE": 2600, "ES": 1500, "FR": 2200}
WEEKS = 40
FIRST_WEEK = pd.Timestamp("2025-03-03")
#: Weeks that the plan buys.
HORIZON = 13
MARGIN = 1_100.0
#: Share of people reached at most, euros a week at half of it in a country of 2,000, what those reached do.
REACH = {"display": (0.60, 7_000.0), "social": (0.50, 5_000.0), "search": (0.80, 4_500.0), "portal": (0.30, 3_000.0)}
PULL = {"display": 0.10, "social": 0.08}
OWN_INTEREST, CLOSE, SEARCH_LIFT = 0.035, 0.18, 0.25
LEAD, DRIVE = 0.55, 0.65
PORTAL_LEAD, PORTAL_DRIVE = 0.40, 0.03
DIRECT = 0.85
MEDIA = tuple(REACH)


def reached(medium: str, country: str, spend: np.ndarray | float) -> np.ndarray:
    """Share of the people of a country that a week's spend reaches."""
    cap, half = REACH[medium]
    scaled = half * COUNTRIES[country] / 2_000
    return np.asarray(cap * np.asarray(spend, float) / (scaled + np.asarray(spend, float)))


def expected_sales(country: str, spend: dict[str, float]) -> float:
    """Sales that a week of this spend brings, by medium; interest of their own included."""
    stay = 1.0 - OWN_INTEREST
    for medium, pull in PULL.items():
        stay *= 1.0 - pull * float(reached(medium, country, spend.get(medium, 0.0)))
    search = float(reached("search", country, spend.get("search", 0.0)))
    return COUNTRIES[country] * (1.0 - stay) * CLOSE * (1.0 + SEARCH_LIFT * search)


def true_net_margin(spend: dict[str, float]) -> float:
    """What the money brings over the horizon beyond no money at all; ``spend`` by cell, as ``search[FR]``."""
    earned = 0.0
    for country in COUNTRIES:
        weekly = {medium: spend.get(f"{medium}[{country}]", 0.0) / HORIZON for medium in MEDIA}
        earned += HORIZON * MARGIN * (expected_sales(country, weekly) - expected_sales(country, {}))
    return earned - sum(spend.values())


def weekly_spend(rng: np.random.Generator, weeks: int) -> pd.DataFrame:
    """What was spent last year: country, week, medium, spend. It swings, as it must to tell anything."""
    usual = {"display": 5_500, "social": 4_000, "search": 6_500, "portal": 3_500}
    rows = [
        (country, week, medium, round(float(usual[medium] * size / 2_000 * rng.gamma(2.0, 0.5)), 2))
        for country, size in COUNTRIES.items()
        for week in range(weeks)
        for medium in MEDIA
    ]
    return pd.DataFrame(rows, columns=["country", "week", "medium", "spend"])


@dataclass(frozen=True)
class Seen:
    """What is on record: events of the trackers and the dealers, and the key table between them."""

    events: pd.DataFrame
    keys: pd.DataFrame


#: How each tool spells a medium: FR and ES buy through one, DE through another.
SPELLINGS = {
    "adhub": {
        "display": ["{c}_DSP_LAUNCH_VIDEO", "{c}_DSP_RETARGET_BANNER"],
        "social": ["{c}_SOC_REELS_SPRING", "{c}_SOC_CAROUSEL_SPRING"],
        "search": ["{c}_SEA_BRAND_EXACT", "{c}_SEA_MODEL_BROAD"],
        "portal": ["{c}_AFF_WIN-A-CAR_01"],
        "direct": ["(direct)"],
    },
    "kampagne": {
        "display": ["Anzeige/Video/Fruehling", "Anzeige/Banner/Wieder"],
        "social": ["Soziale Medien - Reels", "Soziale Medien - Karussell"],
        "search": ["Suche Marke genau", "Suche Modell weit"],
        "portal": ["Gewinnspielportal Auto 01"],
        "direct": ["direkt"],
    },
}
TOOL = {"FR": "adhub", "ES": "adhub", "DE": "kampagne"}
DAY = np.timedelta64(86_400, "s")


def simulate(rng: np.random.Generator, spend: pd.DataFrame) -> Seen:
    """Draw every person of every week and country, and record what can be seen of them."""
    touches, outcomes, keys = [], [], []
    table = spend.set_index(["country", "week", "medium"])["spend"]
    for country, size in COUNTRIES.items():
        for week in sorted(spend["week"].unique()):
            start = np.datetime64(FIRST_WEEK + pd.Timedelta(weeks=int(week)), "s")
            share = {medium: float(reached(medium, country, table[country, week, medium])) for medium in MEDIA}
            seen = {medium: rng.random(size) < share[medium] for medium in ("display", "social", "portal")}
            stay = np.full(size, 1.0 - OWN_INTEREST)
            for medium, pull in PULL.items():
                stay *= 1.0 - pull * seen[medium]
            interested = rng.random(size) >= stay
            searched = interested & (rng.random(size) < share["search"])
            direct = interested & ~searched & (rng.random(size) < DIRECT)
            name = np.array([f"{country}-{week:02d}-{number:05d}" for number in range(size)], dtype=object)
            for channel, mask, low, high in (
                ("display", seen["display"], 0.0, 2.5),
                ("social", seen["social"], 0.0, 2.5),
                ("portal", seen["portal"], 0.0, 2.5),
                ("search", searched, 3.0, 5.0),
                ("direct", direct, 3.0, 5.0),
            ):
                who = np.flatnonzero(mask)
                spelled = SPELLINGS[TOOL[country]][channel]
                paid = 0.0 if channel == "direct" else float(table[country, week, channel]) / max(len(who), 1)
                touches.append(
                    pd.DataFrame(
                        {
                            "customer_id": "web-" + pd.Series(name[who], dtype="str"),
                            "timestamp": start + ((low + (high - low) * rng.random(len(who))) * 86_400).astype("m8[s]"),
                            "tool": TOOL[country],
                            "country": country,
                            "campaign": np.array([one.format(c=country) for one in spelled], dtype=object)[
                                rng.integers(0, len(spelled), len(who))
                            ],
                            "cost": paid,
                        }
                    )
                )
            # the funnel: a sale needs a test drive, a test drive a lead
            sale = interested & (rng.random(size) < CLOSE * (1.0 + SEARCH_LIFT * searched))
            drive = sale | (interested & (rng.random(size) < LEAD * DRIVE - CLOSE))
            lead = drive | (interested & (rng.random(size) < LEAD * (1.0 - DRIVE)))
            prize = seen["portal"] & ~interested & (rng.random(size) < PORTAL_LEAD)
            drive = drive | (prize & (rng.random(size) < PORTAL_DRIVE))
            lead = lead | prize
            for kpi, mask, after, worth in (
                ("lead", lead, 5.5, 0.0), ("test_drive", drive, 9.0, 0.0), ("sale", sale, 16.0, MARGIN)
            ):  # fmt: skip
                who = np.flatnonzero(mask)
                online = kpi == "lead"
                outcomes.append(
                    pd.DataFrame(
                        {
                            "customer_id": ("web-" if online else "dealer-") + pd.Series(name[who], dtype="str"),
                            "timestamp": start + ((after + rng.random(len(who))) * 86_400).astype("m8[s]"),
                            "tool": TOOL[country] if online else "dealers",
                            "country": country,
                            "conversion": kpi,
                            "value": worth,
                        }
                    )
                )
            known = pd.Series(name[np.flatnonzero(lead)], dtype="str")
            keys.append(pd.DataFrame({"web": "web-" + known, "dealer": "dealer-" + known}))
    events = pd.concat([*touches, *outcomes], ignore_index=True)
    order = rng.permutation(len(events))
    return Seen(events.iloc[order].reset_index(drop=True), pd.concat(keys, ignore_index=True))
