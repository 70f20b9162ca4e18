"""How far the level of scores may be off: the table that ``optimizer forecast --scores`` reads.

    relative² = learning² + drift²

*Learning*: the coefficients were learnt from so many contacts of so many customers. Their error moves the sum of the
scores of the customers now scored by g, the gradient of its logarithm:

    learning² = g' V g,   g = Σ p (1 − p) x / Σ p,   V = H⁻¹ (Σ_c s_c s_c') H⁻¹,   H = X' W X + penalty

s_c is the gradient of the log-likelihood over all contacts of customer c, so that contacts of one customer need not be
independent (Huber, 1967; Liang and Zeger, 1986). Customers scored are not like the contacts learnt from (their history
is longer, nobody was written to yesterday), which g holds and a count of responses does not. Where a mend met the level
on later contacts, g is the difference to those, and their chance 1 / Σ w comes to it.

*Drift*: what responses O over expectation E = Σ p stray from period to period beyond chance, by moments as in
random-effects meta-analysis (DerSimonian and Laird, 1986), over all contacts of B periods, w = E² / Σ p (1 − p):

    drift² = max(0, (Σ w (O/E − m)² − (B − 1)) / (Σ w − Σ w² / Σ w)),   m = Σ w (O/E) / Σ w

Where a model missed the level of the contacts after those it learnt from by more than chance (p < 0.01), that miss is
the drift, if it is larger: what came next once may come next again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]
#: Periods of equal numbers of contacts; fewer where a period would expect fewer than so many responses.
PERIODS, LEAST_EXPECTED = 8, 5.0
#: A miss of later contacts counts below this p-value.
LEAST_P = 0.01


def coefficient_covariance(
    matrix: Floats, scores: Floats, responded: Bools, weights: Floats | None, penalty: float, customer: Rows
) -> Floats:
    """The covariance V of the coefficients of a penalised logistic regression, the intercept last.

    Parameters
    ----------
    matrix, scores, responded, weights : array
        What was learnt from, the model's own scores of it, what came, and the weights of contacts.
    penalty : float
        The inverse strength of the penalty, which the intercept is free of.
    customer : array of int
        Whose contact each is.
    """
    columns = np.column_stack([matrix, np.ones(len(matrix))])
    given = np.ones(len(matrix)) if weights is None else weights
    curvature = (columns * (given * scores * (1 - scores))[:, None]).T @ columns
    curvature[np.arange(len(curvature) - 1), np.arange(len(curvature) - 1)] += 1 / penalty
    owner = np.unique(customer, return_inverse=True)[1]
    pull = given * (responded - scores)
    summed = np.column_stack([np.bincount(owner, weights=pull * column) for column in columns.T])
    half = np.linalg.solve(curvature, summed.T)
    covariance: Floats = half @ half.T
    return covariance


def level_gradient(matrix: Floats, scores: Floats, slope: float = 1.0) -> Floats:
    """How the logarithm of Σ scores moves with the coefficients; ``slope`` is that of a mend on the log-odds."""
    bend = slope * scores * (1 - scores)
    gradient: Floats = np.append(bend @ matrix, bend.sum()) / scores.sum()
    return gradient


def chance_variance(scores: Floats) -> float:
    """The variance of responses over their expectation, of so many contacts."""
    return float((scores * (1 - scores)).sum() / scores.sum() ** 2)


def drift_variance(scores: Floats, responded: Bools, seconds: Rows) -> float:
    """The variance of the level from period to period beyond chance; 0 where contacts lie in one period.

    Parameters
    ----------
    scores, responded : array
        Of all contacts.
    seconds : array of int
        When each was made; contacts of one moment stay together.
    """
    periods = int(np.clip(float(scores.sum()) // LEAST_EXPECTED, 1, PERIODS))
    edges = np.unique(np.quantile(seconds, np.linspace(0, 1, periods + 1)[1:-1], method="lower"))
    period = np.searchsorted(edges, seconds, side="right")
    expected, count = np.bincount(period, weights=scores), np.bincount(period)
    met = count > 0
    ratio = np.bincount(period, weights=responded.astype(float))[met] / expected[met]
    weight = expected[met] ** 2 / np.bincount(period, weights=scores * (1 - scores))[met]
    total = float(weight.sum())
    room = total - float((weight**2).sum()) / total
    if len(ratio) < 2:
        return 0.0
    mean = float((weight * ratio).sum()) / total
    return max(0.0, float((weight * (ratio - mean) ** 2).sum() - (len(ratio) - 1)) / room)


def later_miss(judged: Floats, responded: Bools, learning: float) -> float:
    """The square by which a level was missed beyond chance and what was not learnt; 0 where these explain it.

    Parameters
    ----------
    judged, responded : array
        Scores of contacts that were made after those learnt from, and what came.
    learning : float
        The variance of their level that comes from how little was learnt from.
    """
    missed, explained = (float(responded.sum() / judged.sum()) - 1) ** 2, chance_variance(judged) + learning
    return missed - explained if chi2.sf(missed / explained, 1) < LEAST_P else 0.0


def uncertainty_row(channel: str, offer: str | None, relative: float | None, responded: Bools) -> dict[str, object]:
    """A row a channel and offer: ``relative`` where a model scores, else what was counted."""
    counted = {"contacts": np.nan, "responses": np.nan} if relative is not None else _counted(responded)
    return {"channel": channel, "offer": offer, "relative": np.nan if relative is None else relative, **counted}


def _counted(responded: Bools) -> dict[str, float]:
    return {"contacts": float(len(responded)), "responses": float(responded.sum())}


def uncertainty_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """channel, [offer], relative, contacts, responses; without offers, no such column."""
    table = pd.DataFrame(rows, columns=["channel", "offer", "relative", "contacts", "responses"])
    return table.drop(columns="offer") if table["offer"].isna().all() else table
