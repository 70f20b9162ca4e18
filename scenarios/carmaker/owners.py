"""The carmaker's owners: who they are, how each truly responds to a contact, and the contacts of the past two years."""

from __future__ import annotations

import numpy as np
import pandas as pd
from world import COUNTRIES

CHANNELS = ("email", "letter", "phone")
AS_OF = pd.Timestamp("2026-03-30")
#: Logit of a test drive booked: level, a year of the car's age beyond six, ten years of age, an hour to the dealer.
TASTE = {
    "email": (-3.5, 0.22, -0.25, -0.3),
    "letter": (-3.2, 0.20, 0.30, -0.5),
    "phone": (-2.3, 0.25, 0.05, -0.6),
}
#: Sales of 100 test drives, by segment.
CLOSING = {"fleet": 0.34, "loyal": 0.26, "used": 0.13}


def draw_owners(rng: np.random.Generator, count: int) -> pd.DataFrame:
    """customer_id, country, segment, age, car_age, hours to the dealer."""
    return pd.DataFrame(
        {
            "customer_id": [f"O{number:06d}" for number in range(count)],
            "country": rng.choice(list(COUNTRIES), count, p=[0.45, 0.2, 0.35]),
            "segment": rng.choice(list(CLOSING), count, p=[0.15, 0.45, 0.40]),
            "age": np.clip(rng.normal(50, 13, count), 20, 88).round(),
            "car_age": np.clip(rng.gamma(3.0, 2.0, count), 0, 18).round(1),
            "hours": rng.gamma(2.0, 0.25, count).round(2),
        }
    )


def true_scores(owners: pd.DataFrame, tilt: dict[str, float] | None = None) -> pd.DataFrame:
    """Probability that a contact books a test drive, a column a channel; ``tilt`` moves a channel's level."""
    found = owners[["customer_id"]].copy()
    for channel, (level, car, age, far) in TASTE.items():
        logit = (
            level
            + (tilt or {}).get(channel, 0.0)
            + car * (owners["car_age"] - 6)
            + age * (owners["age"] - 50) / 10
            + far * (owners["hours"] - 0.5)
        )
        found[channel] = 1.0 / (1.0 + np.exp(-logit))
    return found


def draw_history(rng: np.random.Generator, owners: pd.DataFrame, scores: pd.DataFrame, each: int) -> pd.DataFrame:
    """Past contacts: customer_id, date, channel, event (response or no_response), sale (0 or 1, of a test drive)."""
    rows = np.repeat(np.arange(len(owners)), each)
    channel = rng.choice(len(CHANNELS), len(rows), p=[0.5, 0.3, 0.2])
    chance = scores[list(CHANNELS)].to_numpy()[rows, channel]
    responded = rng.random(len(rows)) < chance
    closing = owners["segment"].map(CLOSING).to_numpy()[rows]
    day = rng.integers(30, 730, len(rows))
    history = pd.DataFrame(
        {
            "customer_id": owners["customer_id"].to_numpy()[rows],
            "date": AS_OF - pd.to_timedelta(day, unit="D"),
            "channel": np.array(CHANNELS, dtype=object)[channel],
            "event": np.where(responded, "response", "no_response"),
            "sale": (responded & (rng.random(len(rows)) < closing)).astype(int),
        }
    )
    return history.drop_duplicates(["customer_id", "date", "channel"]).reset_index(drop=True)
