"""Customers by their bundle, the set of activities they receive: a million customers have some hundred bundles.

What hangs on the activities alone (how many in a window, which of them are too near) is worked out once a bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.scenario.facts import Bools, Ints

Longs = NDArray[np.int64]
#: Activities that one whole number tells apart, a float64 holding them all exactly.
WIDEST = 53
#: Bundles times activities up to which bundles are worth it.
CELLS = 1 << 22


@dataclass(frozen=True)
class Bundles:
    """The bundles of a plan.

    Attributes
    ----------
    of : int64 (N,)
        Each customer's bundle; those without a contact have the empty one.
    holds : bool (B, A)
        Which activities each is of.
    days : int32 (A,)
        The activities' dates.
    """

    of: Longs
    holds: Bools
    days: Ints

    def __len__(self) -> int:
        return len(self.holds)

    @cached_property
    def earlier(self) -> Longs:
        """How many of a bundle's activities have a date before that of each activity, shape (B, A)."""
        before = self.days[:, None] < self.days[None, :]
        return counted(self.holds, before)


def counted(holds: Bools, weights: NDArray[np.generic]) -> Longs:
    """Σ of whole-numbered weights, shape (A, ...), over what each bundle holds, shape (B, ...)."""
    return np.rint(holds.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)


def bundles_of(customer: Longs, activity: Longs, customers: int, days: Ints) -> Bundles | None:
    """The bundles of some contacts, each there once; None where there are too many activities or bundles."""
    width = len(days)
    if width > WIDEST:
        return None
    text = np.bincount(customer, np.ldexp(1.0, np.arange(width))[activity], customers).astype(np.int64)
    of, found = pd.factorize(text)
    if len(found) * width > CELLS:
        return None
    holds = (found[:, None] >> np.arange(width)[None, :]) & 1
    return Bundles(of.astype(np.int64, copy=False), holds.astype(bool), days)
