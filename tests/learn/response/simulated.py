"""Weeks of spend and response made from curves that are known, to be found again."""

from __future__ import annotations

import numpy as np
import pandas as pd


def adstocked(spend: np.ndarray, decay: float, lags: int = 9) -> np.ndarray:
    """Normalised geometric carry-over, lag by lag."""
    weights = [decay**lag for lag in range(lags)]
    total = sum(weights)
    out = np.zeros(len(spend))
    for t in range(len(spend)):
        for lag in range(min(lags, t + 1)):
            out[t] += weights[lag] / total * spend[t - lag]
    return out


#: channel -> (top, rate of the logistic, decay); spend is between 0 and 1.
TRUTH = {"tv": (3.0, 4.0, 0.5), "web": (2.0, 2.5, 0.1)}


def weeks(number: int = 130, noise: float = 0.15, seed: int = 1) -> tuple[pd.DataFrame, dict[str, float]]:
    """A table of weeks, and what each channel truly brought in them."""
    random = np.random.default_rng(seed)
    spend = {name: random.gamma(1.5, 0.2, number).clip(0, 1) * (random.random(number) < 0.8) for name in TRUTH}
    brought = {
        name: top * np.tanh(0.5 * rate * adstocked(spend[name], decay)) for name, (top, rate, decay) in TRUTH.items()
    }
    dates = pd.date_range("2022-01-03", periods=number, freq="7D")
    season = 0.5 * np.sin(2 * np.pi * dates.day_of_year.to_numpy() / 365.25)
    price = random.normal(0, 1, number)
    response = 4 + 0.01 * np.arange(number) + season - 0.3 * price + sum(brought.values())
    table = pd.DataFrame(
        {"date": dates, **spend, "price": price, "orders": response + random.normal(0, noise, number)}
    )
    return table, {name: float(values.sum()) for name, values in brought.items()}
