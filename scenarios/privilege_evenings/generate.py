"""The tables of the privilege evenings, made from a seed: ``python scenarios/privilege_evenings/generate.py``.

A retailer of home and fashion invites the 2,400 card holders of its eight stores to two privilege evenings. The
customers are invented; what makes the case hard is not. Gold customers are few and worth much; the old read letters,
the young texts; e-mail is nearly free and weak; some consents are missing; last month's contacts still count.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20260312
CUSTOMERS = 2_400
FOLDER = Path(__file__).parent
#: Store, share of the customers, guests an evening it can seat.
STORES = {
    "Lille": (0.18, 14), "Lyon": (0.17, 13), "Nantes": (0.14, 11), "Bordeaux": (0.13, 10),
    "Nice": (0.12, 9), "Rennes": (0.10, 8), "Dijon": (0.09, 7), "Metz": (0.07, 6),
}  # fmt: skip
SEGMENTS = {"gold": (0.12, 1.9), "silver": (0.33, 1.15), "bronze": (0.55, 0.75)}


def main() -> None:
    """Write customers, appetence, consent, history and stores beside this script."""
    rng = np.random.default_rng(SEED)
    customers = draw_customers(rng)
    write(customers, "customers.csv")
    write(draw_appetence(rng, customers), "appetence.csv")
    write(draw_consent(rng, customers), "consent.csv")
    write(draw_history(rng, customers), "history.csv")
    seats = pd.DataFrame({"store": list(STORES), "seats": [seated for _, seated in STORES.values()]})
    write(seats, "stores.csv")


def draw_customers(rng: np.random.Generator) -> pd.DataFrame:
    """Who they are: store, card, age, distance, basket, last visit, and how many contacts a month some asked for."""
    segment = rng.choice(list(SEGMENTS), CUSTOMERS, p=[share for share, _ in SEGMENTS.values()])
    richness = pd.Series(segment).map({name: factor for name, (_, factor) in SEGMENTS.items()}).to_numpy()
    wished = rng.choice(["", "1", "2"], CUSTOMERS, p=[0.86, 0.08, 0.06])
    return pd.DataFrame(
        {
            "customer_id": [f"M{number:05d}" for number in rng.permutation(np.arange(10_000, 10_000 + CUSTOMERS))],
            "store": rng.choice(list(STORES), CUSTOMERS, p=[share for share, _ in STORES.values()]),
            "segment": segment,
            "age": np.clip(rng.normal(49, 16, CUSTOMERS), 18, 92).astype(int),
            "distance_km": np.round(rng.gamma(2.0, 5.0, CUSTOMERS), 1),
            "basket": np.round(rng.gamma(4.0, 20.0, CUSTOMERS) * richness + 15, 2),
            "months_since_visit": rng.poisson(4, CUSTOMERS),
            "wished_max": wished,
        }
    )


def draw_appetence(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    """Probability that a customer comes when invited by each channel to each evening."""
    age, size = customers["age"].to_numpy(), len(customers)
    warmth = (
        rng.normal(0, 0.55, size)
        - 0.035 * customers["distance_km"].to_numpy()
        - 0.06 * customers["months_since_visit"].to_numpy()
        + customers["segment"].map({"gold": 0.55, "silver": 0.15, "bronze": -0.2}).to_numpy()
    )
    taste = {
        "print": -2.75 + 0.018 * (age - 49) + rng.normal(0, 0.35, size),
        "sms": -3.15 - 0.022 * (age - 49) + rng.normal(0, 0.45, size),
        "email": -3.85 - 0.008 * (age - 49) + rng.normal(0, 0.45, size),
    }
    parts = []
    for wave, season in (("first evening", 0.0), ("second evening", -0.12)):
        mood = rng.normal(season, 0.25, size)
        scores = {name: np.round(1 / (1 + np.exp(-(warmth + liking + mood))), 4) for name, liking in taste.items()}
        parts.append(pd.DataFrame({"customer_id": customers["customer_id"], "wave": wave, **scores}))
    return pd.concat(parts, ignore_index=True)


def draw_consent(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    """Who may be written to, texted and e-mailed. The table covers 98 customers in 100: the others gave no consent."""
    age, size = customers["age"].to_numpy(), len(customers)
    consent = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "print": rng.random(size) < 0.93,
            "sms": rng.random(size) < np.clip(0.62 - 0.004 * (age - 30), 0.25, 0.9),
            "email": rng.random(size) < np.clip(0.70 - 0.003 * (age - 30), 0.35, 0.9),
        }
    )
    return consent[rng.random(size) < 0.98]


def draw_history(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    """The contacts of the four weeks before: half of the customers, at most three each."""
    count = rng.choice([0, 1, 2, 3], len(customers), p=[0.5, 0.28, 0.15, 0.07])
    customer = np.repeat(customers["customer_id"].to_numpy(), count)
    day = rng.integers(0, 28, len(customer))
    history = pd.DataFrame(
        {
            "customer_id": customer,
            "date": (pd.Timestamp("2026-02-01") + pd.to_timedelta(day, unit="D")).strftime("%Y-%m-%d"),
            "channel": rng.choice(["print", "sms", "email"], len(customer), p=[0.15, 0.25, 0.6]),
        }
    )
    return history.sort_values(["customer_id", "date", "channel"], ignore_index=True)


def write(table: pd.DataFrame, name: str) -> None:
    """Write a table as CSV, the same bytes on every system."""
    table.to_csv(FOLDER / name, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
