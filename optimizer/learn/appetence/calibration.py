"""Do scores mean what they say: the reliability check, and the mend where they do not.

Predictions are put into ten bins of equal size; over bins, Σ n (observed − predicted)² / (predicted (1 − predicted)) is
χ² with as many degrees of freedom when scores are right (Hosmer and Lemeshow, on data not learnt from). With many
contacts the smallest difference shows, so the check fails only when the miss is material, too: the root of the mean
squared difference over bins, less what chance alone makes of it, as a share of the mean rate. Mends: a logistic curve
on the log-odds (Platt), or an isotonic one where responses are many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import chi2

from optimizer.learn.appetence.intervals import wilson

Floats = NDArray[np.float64]
BINS = 10
#: The check fails below this p-value …
LEAST_P = 0.01
#: … when predictions also miss by more than this share of the mean rate.
MATERIAL = 0.05
#: Isotonic regression takes this many responses to beat a curve of two parameters.
ISOTONIC_RESPONSES = 1_000
_EDGE = 1e-6


def clipped(scores: Floats) -> Floats:
    """Scores kept a millionth away from 0 and 1."""
    return np.clip(scores, _EDGE, 1 - _EDGE)


def reliability(scores: Floats, responded: NDArray[np.bool_], bins: int = BINS) -> pd.DataFrame:
    """Predicted against observed in bins of equal size, ties together.

    Returns
    -------
    DataFrame
        bin, contacts, responses, predicted, observed, low, high (90 % Wilson interval of observed).
    """
    if not len(scores):
        return pd.DataFrame(columns=["bin", "contacts", "responses", "predicted", "observed", "low", "high"])
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, scores, side="left")
    grouped = pd.DataFrame({"bin": place, "score": scores, "responded": responded}).groupby("bin", sort=True)
    table = grouped.agg(contacts=("score", "size"), responses=("responded", "sum"), predicted=("score", "mean"))
    table = table.reset_index()
    table["bin"] = np.arange(1, len(table) + 1)
    table["responses"] = table["responses"].astype(int)
    table["observed"] = table["responses"] / table["contacts"]
    table["low"], table["high"] = wilson(table["responses"].to_numpy(float), table["contacts"].to_numpy(float))
    return table


@dataclass(frozen=True)
class Check:
    """The verdict: χ² and its p-value, and by how much predictions miss, as a share of the mean rate."""

    statistic: float
    p_value: float
    miss: float

    @property
    def fails(self) -> bool:
        """Whether scores need a mend."""
        return self.p_value < LEAST_P and self.miss > MATERIAL


def check(scores: Floats, responded: NDArray[np.bool_]) -> Check:
    """Hold predictions against what came, on contacts that were not learnt from."""
    table = reliability(clipped(scores), responded)
    if not len(table):
        return Check(0.0, 1.0, 0.0)
    n, p, o = (table[name].to_numpy(float) for name in ("contacts", "predicted", "observed"))
    statistic = float((n * (o - p) ** 2 / (p * (1 - p))).sum())
    rate = max(float(responded.mean()), 1 / len(responded))
    beyond_chance = float((n * (o - p) ** 2 - p * (1 - p)).sum() / n.sum())
    return Check(statistic, float(chi2.sf(statistic, len(table))), float(np.sqrt(max(beyond_chance, 0.0))) / rate)


@dataclass(frozen=True)
class Calibrator:
    """A rising map from raw scores to probabilities: ``none``, ``sigmoid`` or ``isotonic``."""

    kind: str = "none"
    slope: float = 1.0
    intercept: float = 0.0
    isotonic: Any = None

    def __call__(self, scores: Floats) -> Floats:
        """Probabilities."""
        if self.kind == "sigmoid":
            return expit(self.slope * logit(clipped(scores)) + self.intercept)
        if self.kind == "isotonic":
            return clipped(np.asarray(self.isotonic.predict(scores), float))
        return scores


def fit_calibrator(scores: Floats, responded: NDArray[np.bool_]) -> Calibrator:
    """The mend where the check fails, else none; the slope of a mend is never negative."""
    if not 0 < responded.sum() < len(responded) or not check(scores, responded).fails:
        return Calibrator()
    curve = _sigmoid(scores, responded)
    if responded.sum() < ISOTONIC_RESPONSES or not check(curve(scores), responded).fails:
        return curve
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(out_of_bounds="clip").fit(scores, responded.astype(float))
    return Calibrator("isotonic", isotonic=steps)


def _sigmoid(scores: Floats, responded: NDArray[np.bool_]) -> Calibrator:
    """Slope and intercept on the log-odds, by maximum likelihood."""
    odds, came = logit(clipped(scores)), responded.astype(float)

    def loss(at: Floats) -> tuple[float, Floats]:
        z = at[0] * odds + at[1]
        p = expit(z)
        value = float((np.logaddexp(0.0, z) - came * z).mean())
        return value, np.array([((p - came) * odds).mean(), (p - came).mean()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, 20.0), (-20.0, 20.0)])
    return Calibrator("sigmoid", float(found.x[0]), float(found.x[1]))
