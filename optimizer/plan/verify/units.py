"""Units: each customer alone, or customers by household; and those of them that a check looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.columns import split_name, text_of

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class UnitNames:
    """How customers gather.

    Attributes
    ----------
    of : int64 (N,)
        Each customer's unit; units are numbered by their first customer.
    first : int64 (U,)
        The first customer of each.
    customers : Series (N,)
        The customers' names.
    houses : Series (N,) or None
        The customers' households, empty where one is alone; None when all are.
    """

    of: Longs
    first: Longs
    customers: pd.Series
    houses: pd.Series | None

    def __len__(self) -> int:
        return len(self.first)

    @property
    def alone(self) -> bool:
        """Whether every unit is one customer, numbered as the customers are."""
        return self.houses is None

    def name(self, unit: int) -> str:
        """How a note calls a unit."""
        row = int(self.first[unit])
        house = "" if self.houses is None else text_of(self.houses.iloc[row])
        return house or str(self.customers.iloc[row])


def gathered(customers: pd.DataFrame, per: str | None) -> UnitNames:
    """Customers as units, by the column ``per`` or each alone."""
    names, everyone = customers["customer_id"], np.arange(len(customers), dtype=np.int64)
    if per is None:
        return UnitNames(everyone, everyone, names, None)
    houses = customers[split_name(per)[1]]
    codes, found = pd.factorize(houses)
    texts = np.asarray(found, dtype=object)
    if not isinstance(houses.dtype, pd.StringDtype):
        # values that read alike are one household
        same, texts = pd.factorize(np.array([*(text_of(value) for value in texts), ""], dtype=object))
        codes = same[codes]
    empty = np.append(texts == "", True)[codes]
    label = np.where(empty, everyone + len(texts), codes)
    of, _ = pd.factorize(label)
    first = np.empty(int(of.max(initial=-1)) + 1, dtype=np.int64)
    first[of[::-1]] = everyone[::-1]
    return UnitNames(of.astype(np.int64), first, names, houses)


class Compact:
    """The units among some lists of units, ascending: what a check looks at, so that the others cost it nothing.

    Parameters
    ----------
    count : int
        Units there are in all.
    *lists : int64 arrays
    """

    def __init__(self, count: int, *lists: Longs) -> None:
        self._place: Longs | None = None
        if 8 * sum(map(len, lists)) < count:
            self.at = np.unique(np.concatenate(lists))
            return
        present = np.zeros(count, dtype=bool)
        for units in lists:
            present[units] = True
        self.at = np.flatnonzero(present)
        self._place = np.full(count, -1, dtype=np.int64)
        self._place[self.at] = np.arange(len(self.at))

    def __len__(self) -> int:
        return len(self.at)

    def unit(self, place: int) -> int:
        """The unit that stands at a place."""
        return int(self.at[place])

    def places(self, units: Longs) -> Longs:
        """Where each unit stands in ``at``; -1 of one that is not there."""
        if self._place is not None:
            return self._place[units]
        if not len(self.at):
            return np.full(len(units), -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self.at, units), len(self.at) - 1)
        return np.where(self.at[found] == units, found, -1)
