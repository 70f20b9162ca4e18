"""Bounds of published kinds, found by prices: a sample chooses best at them, and what it does becomes the bounds.

Local rules are taken in part (at most three contacts a customer, conflicts between them): soft minima and caps need no
more, and a bound a few per cent off still binds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Wanted = tuple[dict[str, Any], Bools, str]

MOST = 3
#: Prices at which the sample chooses, by verb: money a contact, a share of the money, money a response.
PRICES = {"volume": 2.0, "budget": 0.3, "sum": 60.0}
#: Customers solved at a time, and the widest list of activities that is looked at.
CHUNK, WIDEST = 500, 40
#: Rules, beside the bound, by how the bound shall be; a loose one is 25 % away.
_SIGN = {"min": -1.0, "max": 1.0, "loose": 0.0}


@dataclass(frozen=True)
class Priced:
    """A sample: pairs by customer (E,) with their responses and worth; costs (A,) and clashes (A, A) of activities."""

    customer: Ints
    activity: Ints
    response: Floats
    worth: Floats
    cost: Floats
    clash: Bools

    @property
    def customers(self) -> int:
        """Number of customers in the sample."""
        return int(self.customer[-1]) + 1

    def choices(self, value: Floats) -> Ints:
        """Pairs of the best sets of at most three contacts without a clash, by their value (E,)."""
        start = np.searchsorted(self.customer, np.arange(self.customers + 1))
        chosen = [self._chunk(value, start, first) for first in range(0, self.customers, CHUNK)]
        return np.concatenate(chosen)

    def _chunk(self, value: Floats, start: Ints, first: int) -> Ints:
        last = min(first + CHUNK, self.customers)
        size = start[first + 1 : last + 1] - start[first:last]
        width = min(int(size.max()), WIDEST)
        # Only each customer's best few matter: an activity beyond them is chosen by nobody.
        place = np.full((last - first, width + 1), -1, np.int64)
        for row in range(last - first):
            mine = np.arange(start[first + row], start[first + row + 1])
            mine = mine[np.argsort(-value[mine], kind="stable")][:width]
            place[row, : len(mine)] = mine
        worth = np.where(place >= 0, value[place], -np.inf)
        worth[:, width] = 0.0
        sets = np.array(
            [
                (*one, *[width] * (MOST - len(one)))
                for length in range(MOST + 1)
                for one in itertools.combinations(range(width), length)
            ]
        )
        activity = self.activity[place]
        total = worth[:, sets].sum(axis=2)
        clash = self.clash[activity[:, :, None], activity[:, None, :]]
        clash[:, width, :] = clash[:, :, width] = False
        for a, b in itertools.combinations(range(MOST), 2):
            total[clash[:, sets[:, a], sets[:, b]]] = -np.inf
        best = sets[total.argmax(axis=1)]
        found = place[np.arange(last - first)[:, None], best]
        return found[(best < width) & (found >= 0)]


def priced_rules(sample: Priced, wanted: Iterable[Wanted], customers: int, penalty: float) -> list[dict[str, Any]]:
    """The rules with their bounds for so many customers; minima and sales are soft, as published."""
    rows = list(wanted)
    everyone = np.arange(len(sample.customer))
    value = sample.worth - sample.cost[sample.activity]
    for rule, inside, side in rows:
        amount = _amount(sample, rule["verb"], everyone) * inside[sample.activity]
        value = value - _SIGN[side] * PRICES[rule["verb"]] * amount
    chosen = sample.choices(value)
    made: list[dict[str, Any]] = []
    for rule, inside, side in rows:
        verb = rule["verb"]
        kept, possible = (pairs[inside[sample.activity[pairs]]] for pairs in (chosen, everyone))
        # Where the sample hardly went at these prices, a bound of nothing would only close the activities.
        least = 0.0 if side == "min" else 0.02 * float(_amount(sample, verb, possible).sum())
        total = max(float(_amount(sample, verb, kept).sum()), least) / sample.customers * customers
        bound = total * 1.25 if side == "loose" else total
        limit: dict[str, Any] = {"min" if side == "min" else "max": _rounded(verb, bound, side)}
        of = {"of": "responses"} if verb == "sum" else {}
        soft = {"soft": {"penalty": penalty}} if side == "min" or verb == "sum" else {}
        made.append({"name": rule["name"], verb: {**of, **limit}, "where": rule["where"], **soft})
    return made


def _amount(sample: Priced, verb: str, pairs: Ints) -> Floats:
    """What each of the pairs adds to a row of this kind."""
    if verb == "budget":
        return sample.cost[sample.activity[pairs]]
    return sample.response[pairs] if verb == "sum" else np.ones(len(pairs))


def _rounded(verb: str, bound: float, side: str) -> float:
    if verb == "volume":
        return math.floor(bound) if side == "min" else math.ceil(bound)
    return round(bound, 3)
