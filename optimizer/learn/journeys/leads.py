"""Leads within journeys: when, on the way to one KPI (the sale), another (the lead) was reached first."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.learn.journeys.order import joint_key
from optimizer.learn.journeys.paths import Ints, Paths

#: Microseconds.
_DAY = 86_400_000_000


@dataclass(frozen=True)
class Reached:
    """When a KPI was reached: customer and moment (microseconds since 1970, UTC) of each time, in any order."""

    customer: Ints
    moment: Ints


def with_lead(paths: Paths, leads: Reached) -> Paths:
    """Journeys with the days from their lead to their end: the first one from their first touch on, NaN where none.

    Parameters
    ----------
    paths : Paths
        Single journeys with their times.
    leads : Reached
        When the lead's KPI was reached.
    """
    assert paths.age is not None
    assert paths.end is not None
    assert paths.customer is not None
    begin = paths.end - np.round(paths.age[paths.start[:-1]] * _DAY).astype(np.int64)
    number = len(paths)
    # One key for all, so that a lead is found among the moments of its own customer.
    key = joint_key(
        np.concatenate((leads.customer, paths.customer, paths.customer)),
        np.concatenate((leads.moment, begin, paths.end)),
    )
    reached = len(leads.moment)
    order = np.argsort(key[:reached], kind="stable")
    after = np.searchsorted(key[:reached][order], key[reached : reached + number])
    found: NDArray[np.bool_] = after < reached
    nearest = order[np.where(found, after, 0)] if reached else np.zeros(number, np.int64)
    found &= key[nearest] <= key[reached + number :]
    days = (paths.end - leads.moment[nearest]) / _DAY if reached else np.zeros(number)
    return replace(paths, lead=np.where(found, days, np.nan))


def lead_touch(paths: Paths) -> Ints:
    """The place in each journey of its last touch up to the lead; −1 where there is no lead, or no touch before it."""
    if paths.lead is None or paths.age is None:
        return np.full(len(paths), -1, np.int64)
    # Comparison with NaN is false: without a lead no touch stands before it.
    before = paths.age >= paths.lead[paths.path]
    return np.maximum.reduceat(np.where(before, paths.position, -1), paths.start[:-1]) if len(paths) else paths.length
