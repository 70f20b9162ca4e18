"""How far the level of scores may be off: the table that ``optimizer forecast --scores`` reads.

Contacts that no model saw are cut into periods. Each has responses O, expectation E = Σ p and chance variance
Σ p (1 − p). What O / E strays from 1 beyond chance is the spread of the level from period to period (and its bias),
found by moments as in random-effects meta-analysis (DerSimonian and Laird, 1986); to it comes the chance of having seen
so few:

    relative² = max(0, (Σ w (O/E − 1)² − B) / Σ w) + 1 / Σ w,   w = E² / Σ p (1 − p)
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Periods of equal numbers of contacts; fewer where a period would expect fewer than so many responses.
PERIODS, LEAST_EXPECTED = 8, 5.0


def level_error(scores: Floats, responded: NDArray[np.bool_], seconds: NDArray[np.int64]) -> float:
    """The relative standard deviation of the level of scores.

    Parameters
    ----------
    scores, responded : array
        Of contacts that were not learnt from.
    seconds : array of int
        When each was made; contacts of one moment stay together.
    """
    expected = float(scores.sum())
    periods = int(np.clip(expected // LEAST_EXPECTED, 1, PERIODS))
    edges = np.unique(np.quantile(seconds, np.linspace(0, 1, periods + 1)[1:-1], method="lower"))
    period = np.searchsorted(edges, seconds, side="right")
    e = np.bincount(period, weights=scores)
    o = np.bincount(period, weights=responded.astype(float))
    chance = np.bincount(period, weights=scores * (1 - scores))
    met = e > 0
    weight = e[met] ** 2 / chance[met]
    beyond = float((weight * (o[met] / e[met] - 1) ** 2).sum() - met.sum()) / float(weight.sum())
    return float(np.sqrt(max(beyond, 0.0) + 1 / weight.sum()))


def uncertainty_row(
    channel: str, offer: str | None, relative: float | None, responded: NDArray[np.bool_]
) -> dict[str, object]:
    """A row a channel and offer: ``relative`` where a model was judged, else what was counted."""
    counted = {"contacts": np.nan, "responses": np.nan} if relative is not None else _counted(responded)
    return {"channel": channel, "offer": offer, "relative": np.nan if relative is None else relative, **counted}


def _counted(responded: NDArray[np.bool_]) -> dict[str, float]:
    return {"contacts": float(len(responded)), "responses": float(responded.sum())}


def uncertainty_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """channel, [offer], relative, contacts, responses; without offers, no such column."""
    table = pd.DataFrame(rows, columns=["channel", "offer", "relative", "contacts", "responses"])
    return table.drop(columns="offer") if table["offer"].isna().all() else table
