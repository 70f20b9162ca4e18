"""Who can be contacted by what, a bit for each activity and customer: most of what rules ask needs no look at pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Bools, Ints, Weights

Rows = NDArray[np.int64]

#: Customers looked at together: few enough for their pairs to stay near the processor. A multiple of 8.
BLOCK = 1 << 13


class Contactable:
    """The pairs (customer, activity) that can be contacted, as sets of customers.

    Parameters
    ----------
    customer, activity : int32 (E,)
        The pairs, sorted by customer.
    free : bool (E,) or None
        Which of them count (None: all).
    customers, activities : int
        How many there are.
    """

    def __init__(self, customer: Ints, activity: Ints, free: Bools | None, customers: int, activities: int) -> None:
        self.customers = customers
        self.bits: NDArray[np.uint8] = np.zeros((activities, (customers + 7) // 8), np.uint8)
        edges = np.searchsorted(customer, np.arange(0, customers + BLOCK, BLOCK, dtype=customer.dtype))
        for k, first in enumerate(range(0, customers, BLOCK)):
            rows = slice(edges[k], edges[k + 1])
            member, of = customer[rows] - first, activity[rows]
            if free is not None:
                member, of = member[free[rows]], of[free[rows]]
            block = np.zeros((activities, min(BLOCK, customers - first)), bool)
            block[of, member] = True
            packed = np.packbits(block, axis=1)
            self.bits[:, first // 8 : first // 8 + packed.shape[1]] = packed

    def by(self, activity: int) -> Bools:
        """Customers that an activity can contact, shape (N,)."""
        return self._unpacked(self.bits[activity])

    def customers_of(self, weights: Weights) -> Bools:
        """Customers with a contact whose weight is not 0, shape (N,); the weights have no pair part."""
        chosen = self.bits[self._activities(weights)]
        found = self._unpacked(np.bitwise_or.reduce(chosen, axis=0) if len(chosen) else np.zeros_like(self.bits[0]))
        return found if weights.customer is None else found & (weights.customer != 0)

    def activities_of(self, weights: Weights) -> Bools:
        """Activities with a contact whose weight is not 0, shape (A,); the weights have no pair part."""
        chosen = self._activities(weights)
        inside = None if weights.customer is None else np.packbits(weights.customer != 0)
        found = np.zeros(len(self.bits), bool)
        for activity in np.flatnonzero(chosen):
            row = self.bits[activity]
            found[activity] = bool((row if inside is None else row & inside).any())
        return found

    def counts(self, weights: Weights) -> NDArray[np.int64]:
        """How many contacts of each customer have a weight other than 0, shape (N,); no pair part."""
        total = np.zeros(self.customers, np.int64)
        for activity in np.flatnonzero(self._activities(weights)):
            total += self.by(int(activity))
        if weights.customer is not None:
            total[weights.customer == 0] = 0
        return total

    def pairs_of(self, weights: Weights, start: NDArray[np.int64]) -> Iterator[tuple[int, Rows, Rows]]:
        """For each activity the customers with a weight other than 0 and their pairs; where all pairs count.

        ``start`` (N,): the first pair of each customer; pairs are sorted by customer, then activity.
        """
        chosen = self._activities(weights)
        inside = None if weights.customer is None else weights.customer != 0
        before: NDArray[np.integer[Any]] = np.zeros(self.customers, np.uint8 if len(self.bits) < 256 else np.int32)
        for activity in range(int(np.flatnonzero(chosen).max(initial=-1)) + 1):
            own = self.by(activity)
            if chosen[activity]:
                customers = np.flatnonzero(own if inside is None else own & inside)
                yield activity, customers, start[customers] + before[customers]
            np.add(before, own.view(np.uint8), out=before)

    def _activities(self, weights: Weights) -> Bools:
        assert weights.pair is None
        if weights.activity is None or weights.factor == 0:
            return np.full(len(self.bits), weights.factor != 0)
        return weights.activity != 0

    def _unpacked(self, row: NDArray[np.uint8]) -> Bools:
        found: Bools = np.unpackbits(row, count=self.customers).view(bool)
        return found
