"""What a plan would have brought, told from an experiment: inverse-propensity weighting, with intervals.

Where arms were drawn at random with known shares, the mean over customers of 1[drawn arm = chosen arm] · y / share is
the value of choosing so for everybody, without bias and without any model (Horvitz and Thompson, 1952; Dudík et al.,
2014). The Hájek form divides by the mean weight, which takes away most of its spread and costs a vanishing bias; its
error is that of the residuals. Two choices are compared customer by customer, so that what they share cancels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import finite

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean per customer, its standard error, and its interval."""

    mean: float
    error: float
    low: float
    high: float


class Experiment:
    """Customers with the arm they were drawn into and what came of it.

    Parameters
    ----------
    arm : Series
        The arm of each customer.
    outcome : array
        What came: 0 or 1, or money.
    shares : mapping, optional
        The probability of each arm. Default: the share of customers in it.

    Raises
    ------
    ScenarioError
        For an outcome that is no number, lengths that differ, an arm without a share, and (by what values a choice) an
        arm that was never drawn.
    """

    def __init__(self, arm: pd.Series, outcome: Floats, shares: Mapping[str, float] | None = None) -> None:
        self.arm, self.outcome = arm.to_numpy(object), finite("experiment", "outcome", outcome)
        if len(self.arm) != len(self.outcome):
            hint = f"expected one a customer, {len(self.arm):,}"
            raise ScenarioError("experiment", "outcome", f"{len(self.outcome):,} rows", hint)
        found = arm.value_counts(normalize=True)
        self.shares = {str(name): float(share) for name, share in (shares or found.to_dict()).items()}
        if missing := sorted(set(found.index) - set(self.shares)):
            raise ScenarioError("shares", "the arms", missing[0], "has no share; give the probability of every arm")
        if any(not 0 < share <= 1 for share in self.shares.values()):
            raise ScenarioError("shares", "the arms", dict(self.shares), "expected probabilities above 0")

    def value(self, chosen: pd.Series, level: float = 0.95) -> Estimate:
        """The mean outcome per customer had each been given the arm chosen for them."""
        return _estimate(self._influence(chosen), level)

    def difference(self, chosen: pd.Series, other: pd.Series, level: float = 0.95) -> Estimate:
        """The value of one choice less that of another."""
        return _estimate(self._influence(chosen) - self._influence(other), level)

    def random_part(self, chosen: pd.Series, other: pd.Series, share: float, level: float = 0.95) -> Estimate:
        """The value of ``chosen`` given to a random share of customers, of ``other`` to the rest."""
        return _estimate(share * self._influence(chosen) + (1 - share) * self._influence(other), level)

    def against_random_part(
        self, plan: pd.Series, chosen: pd.Series, other: pd.Series, share: float, level: float = 0.95
    ) -> Estimate:
        """The value of a plan less that of ``random_part``."""
        mixed = share * self._influence(chosen) + (1 - share) * self._influence(other)
        return _estimate(self._influence(plan) - mixed, level)

    def _influence(self, chosen: pd.Series) -> Floats:
        """What each customer adds to the Hájek mean: its mean is the value, its deviation the error."""
        names = chosen.to_numpy(object)
        if len(names) != len(self.arm):
            raise ScenarioError(
                "policy", "the arms", f"{len(names):,} rows", f"expected {len(self.arm):,}, one a customer"
            )
        if unknown := sorted({str(name) for name in names} - set(self.shares)):
            known = ", ".join(sorted(self.shares))
            raise ScenarioError("policy", "the arm", unknown[0], f"was never drawn; known: {known}")
        share = pd.Series(names).map(self.shares).to_numpy(float)
        weight = np.where(names == self.arm, 1 / share, 0.0)
        if not weight.any():
            raise ScenarioError("policy", "the arm", str(names[0]), "nobody was drawn into the arm chosen for them")
        value = float((weight * self.outcome).sum() / weight.sum())
        return value + weight * (self.outcome - value) / weight.mean()


def _estimate(influence: Floats, level: float) -> Estimate:
    mean, error = float(influence.mean()), float(influence.std(ddof=1) / np.sqrt(len(influence)))
    half = float(norm.ppf(0.5 + level / 2)) * error
    return Estimate(mean, error, mean - half, mean + half)
