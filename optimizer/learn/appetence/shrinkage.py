"""Rates of thin histories, drawn towards what is usual: the empirical-Bayes beta-binomial.

The rates of customers (or segments, or stages) are taken as drawn from a beta distribution of mean μ and strength
m = α + β; a group with k responses in n contacts then has the posterior mean (k + m μ) / (n + m). μ and m maximise the
marginal likelihood Π B(k + α, n − k + β) / B(α, β) of what was seen (Efron and Morris; Casella 1985).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import betaln
from scipy.stats import beta

Floats = NDArray[np.float64]
#: The strength looked for: from next to no shrinkage to nothing but the mean.
_LEAST, _MOST = 0.5, 1e6


@dataclass(frozen=True)
class Prior:
    """What is usual: a mean rate, and how many contacts it weighs."""

    mean: float
    strength: float

    def rates(self, responses: Floats, contacts: Floats, mean: Floats | None = None) -> Floats:
        """Posterior mean rates; ``mean`` in place of the prior's own where each group has another."""
        centre = self.mean if mean is None else mean
        return (responses + self.strength * centre) / (contacts + self.strength)

    def interval(self, responses: Floats, contacts: Floats, level: float = 0.9) -> tuple[Floats, Floats]:
        """The posterior interval of each rate."""
        a, b = responses + self.strength * self.mean, contacts - responses + self.strength * (1 - self.mean)
        a, b = np.maximum(a, 1e-9), np.maximum(b, 1e-9)
        tail = (1 - level) / 2
        return beta.ppf(tail, a, b), beta.ppf(1 - tail, a, b)


def fit_prior(responses: Floats, contacts: Floats) -> Prior:
    """The beta prior of groups with these responses and contacts, by marginal likelihood.

    The mean is the rate over all contacts. Without any response it is that of half a response more: a rate of exactly
    zero (or one) is never claimed. With a single group nothing tells how groups differ: the mean then weighs as the
    group itself.
    """
    seen = contacts > 0
    k, n = responses[seen].astype(float), contacts[seen].astype(float)
    total = float(n.sum())
    mean = (float(k.sum()) + 0.5) / (total + 1.0) if total else 0.5
    if not 0 < k.sum() < total or len(n) < 2:
        return Prior(mean, max(float(n.max(initial=1.0)), 1.0))
    mean = float(k.sum()) / total
    # Groups alike in both counts are many; each pair is looked at once.
    pairs, times = np.unique(np.stack([k, n]), axis=1, return_counts=True)

    def loss(log_strength: float) -> float:
        a, b = mean * np.exp(log_strength), (1 - mean) * np.exp(log_strength)
        return -float((times * (betaln(pairs[0] + a, pairs[1] - pairs[0] + b) - betaln(a, b))).sum())

    best = minimize_scalar(loss, bounds=(np.log(_LEAST), np.log(_MOST)), method="bounded", options={"xatol": 1e-6})
    return Prior(mean, float(np.exp(best.x)))
