"""Customers whose true response to each channel is known, and the history a year of contacts leaves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

START = np.datetime64("2025-01-01", "s")
CHANNELS = {"email": (-3.2, 6.0, "click"), "sms": (-2.8, 2.0, "click"), "print": (-2.3, 2.0, "return")}


def simulate(
    customers: int = 3_000, seed: int = 1, days: int = 360
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, NDArray[np.float64]]]:
    """History, customers, and the true probability of each customer by channel.

    Warmth is a customer's own and not in any column; segment, preference and age are.
    """
    rng = np.random.default_rng(seed)
    names = np.array([f"C{number:05d}" for number in range(customers)])
    segment = rng.choice(["gold", "silver", "bronze"], customers, p=[0.2, 0.3, 0.5])
    age, preferred = rng.integers(18, 85, customers), rng.choice(list(CHANNELS), customers)
    warmth = rng.normal(0, 0.8, customers) + np.where(segment == "gold", 0.6, 0.0)
    parts, truth = [], {}
    for channel, (base, often, kind) in CHANNELS.items():
        logit = base + warmth + 0.9 * (preferred == channel) + (0.01 if channel == "print" else -0.01) * (age - 50)
        truth[channel] = 1 / (1 + np.exp(-logit))
        owner = np.repeat(np.arange(customers), rng.poisson(often, customers))
        second = rng.integers(0, days, len(owner)) * 86_400 + rng.integers(8, 20, len(owner)) * 3_600
        parts.append(_events(names[owner], channel, "sent", second))
        if channel == "email":  # proxies open for their readers, whoever they are
            opened = rng.random(len(owner)) < 0.4
            parts.append(_events(names[owner[opened]], channel, "open", second[opened] + 600))
        came = rng.random(len(owner)) < truth[channel][owner]
        parts.append(
            _events(names[owner[came]], channel, kind, second[came] + rng.integers(1, 7 * 24, came.sum()) * 3_600)
        )
    table = pd.DataFrame(
        {"customer_id": names, "segment": segment, "age": age, "preferred_channel": preferred,
         "value": np.round(rng.gamma(2, 60, customers), 2)}
    )  # fmt: skip
    return pd.concat(parts, ignore_index=True), table, truth


def _events(names: NDArray[np.str_], channel: str, kind: str, second: NDArray[np.int64]) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": names, "channel": channel, "event": kind, "time": START + second})
