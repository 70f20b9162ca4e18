"""Customers who are alike: one bundle of contacts, one past and one bound, whatever their number.

What a check says of one of them it says of all. Where filters compare customer and activity, customers gather in
households, or bundles are too many, a check looks at each contact instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.bundles import Bundles
from optimizer.scenario.facts import Bools

Longs = NDArray[np.int64]
#: Combinations that are counted in a table; more are told apart by hashing.
TABLE = 1 << 22
#: Kinds beyond which numbers are told apart before another is added to them.
RADIX = 1 << 62


@dataclass(frozen=True)
class Kinds:
    """Customers by what is known of them without any plan.

    Attributes
    ----------
    of : unsigned int (N,) or None
        Each customer's kind; None where all are of one.
    table : int64 (S, W)
        The numbers that a kind stands for.
    """

    of: NDArray[np.unsignedinteger] | None
    table: Longs

    def __len__(self) -> int:
        return len(self.table)


def kinds_of(count: int, columns: Sequence[Longs | Bools], rows: Longs | None = None) -> Kinds:
    """The kinds of ``count`` customers by whole numbers (R,) of the customers ``rows``, who are all unless given.

    Others have 0 throughout.
    """
    size = count if rows is None else len(rows)
    code, width = np.zeros(size, dtype=np.int64), 1
    for column in columns:
        own = column.astype(np.int64)
        base = min(0, int(own.min(initial=0)))
        wide = int(own.max(initial=0)) - base + 1
        if width > RADIX // wide:
            code, found = pd.factorize(code)
            width = len(found)
        code, width = code * wide + (own - base), width * wide
    code, number = _numbered(code, width)
    one = np.empty(number, dtype=np.int64)
    one[code] = np.arange(size)  # any of a kind stands for it
    table = np.empty((number, len(columns)), dtype=np.int64)
    for k, column in enumerate(columns):
        table[:, k] = column[one]
    if rows is None:
        return Kinds(code.astype(smallest(len(table))) if len(table) > 1 else None, table)
    # those without a number are the first kind
    table = np.vstack([np.zeros((1, len(columns)), dtype=np.int64), table])
    if len(table) == 1:
        return Kinds(None, table)
    of = np.zeros(count, dtype=smallest(len(table)))
    of[rows] = code + 1
    return Kinds(of, table)


def _numbered(code: Longs, width: int) -> tuple[Longs, int]:
    """Codes below ``width`` as 0, 1, … without gaps, and how many there are."""
    if width > TABLE:
        place, found = pd.factorize(code)
        return place, len(found)
    there = np.zeros(width, dtype=bool)
    there[code] = True
    return (np.cumsum(there) - 1)[code], int(np.count_nonzero(there))


def smallest(count: int) -> type[np.unsignedinteger]:
    """The type of least bytes that numbers so many kinds."""
    return np.uint8 if count <= 1 << 8 else np.uint16 if count <= 1 << 16 else np.uint32


@dataclass(frozen=True)
class Alike:
    """Customers by bundle and kinds.

    Attributes
    ----------
    bundle : int64 (K,)
        What each gathering receives.
    kinds : list of int64 (K,)
        And of which kinds it is.
    number : int64 (K,)
        Its customers.
    at : int64 (R,) or None
        The customers gathered, ascending; None for all.
    row : callable
        Gives each customer's gathering, (R,).
    """

    bundle: Longs
    kinds: list[Longs]
    number: Longs
    at: Longs | None
    row: Callable[[], Longs]

    def customer(self, place: int) -> int:
        """The customer at a place among those gathered."""
        return place if self.at is None else int(self.at[place])

    def spread(self, values: Longs) -> Longs:
        """What holds of each gathering, (K,), for every customer gathered, (R,)."""
        return values[self.row()]


def gathered(bundles: Bundles, kinds: Sequence[Kinds], customers: Bools | None) -> Alike:
    """Customers, or some of them, by their bundle and by each of some kinds, crossed."""
    at = None if customers is None else np.flatnonzero(customers)
    key, size, squeezed = bundles.of if at is None else bundles.of[at], len(bundles), False
    for kind in kinds:
        if kind.of is not None:
            if size > RADIX // len(kind):
                key, known = pd.factorize(key)
                size, squeezed = len(known), True
            key, size = key * np.int64(len(kind)) + (kind.of if at is None else kind.of[at]), size * len(kind)
    if squeezed or size > TABLE:
        return _hashed(bundles, kinds, key, at)
    count = np.bincount(key, minlength=size)
    found = np.flatnonzero(count)

    def row() -> Longs:
        place = np.zeros(size, dtype=np.int64)
        place[found] = np.arange(len(found))
        return place[key]

    rest, each = found, []
    for kind in reversed(kinds):
        each.append(np.zeros_like(rest) if kind.of is None else rest % len(kind))
        rest = rest if kind.of is None else rest // len(kind)
    return Alike(rest, each[::-1], count[found], at, row)


def _hashed(bundles: Bundles, kinds: Sequence[Kinds], key: Longs, at: Longs | None) -> Alike:
    """Customers of equal keys; any of them stands for its gathering."""
    code, found = pd.factorize(key)
    one = np.empty(len(found), dtype=np.int64)
    one[code] = np.arange(len(code)) if at is None else at
    each = [np.zeros_like(one) if kind.of is None else kind.of[one].astype(np.int64) for kind in kinds]
    return Alike(bundles.of[one], each, np.bincount(code, minlength=len(found)), at, lambda: code)
