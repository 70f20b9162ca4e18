"""Pricing units and their slots: which customers must be decided together, and over which contacts.

unit  a connected component of customers under every grouping that some local rule uses
slot  (activity, member rank of the customer in its unit), ordered by (day, activity, member)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from optimizer.problem import Bools, Count, Ints, Problem, Units
from optimizer.solve.diagram.compiled import Int64, compiled, counted_order


@dataclass(frozen=True)
class PricingUnits:
    """Customers gathered into units, and the pairs a plan may hold as slots of them.

    Attributes
    ----------
    unit : (N,) pricing unit of each customer; units are numbered by their first customer in the canonical order.
    member : (N,) rank of each customer in its unit, in the canonical order.
    pair : (F,) pairs that a plan may hold, by unit, then slot.
    start : (U+1,) their runs by unit.
    slot : (F,) slot of each.
    slot_activity, slot_member : (J,) what a slot is.
    """

    unit: Ints
    member: Ints
    pair: Ints
    start: Int64
    slot: Ints
    slot_activity: Ints
    slot_member: Ints

    @cached_property
    def customers(self) -> tuple[Int64, Int64]:
        """Customers by unit: (N,) of them, and (U + 1,) their runs."""
        count = len(self.start) - 1
        start = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(self.unit, minlength=count), out=start[1:])
        return counted_order(self.unit, count), start


def pricing_units(problem: Problem) -> PricingUnits:
    """Gather customers that share a local rule, and order their contacts by date."""
    unit = _units(problem)
    member = _members(problem, unit)
    count = int(unit.max(initial=-1)) + 1
    gone = forbidden(problem)
    members = int(member.max(initial=0)) + 1
    order = np.lexsort((np.arange(len(problem.activity_names)), problem.responses.day))
    used = np.zeros((len(problem.activity_names), members), bool)
    start = np.zeros(count + 1, np.int64)
    _count(gone, problem.customer, problem.activity, unit, member, used, start)
    np.cumsum(start, out=start)
    at, slot_member = np.nonzero(used[order])
    slot_activity = order[at].astype(np.int32)
    place = np.full(used.shape, -1, np.int32)
    place[slot_activity, slot_member] = np.arange(len(slot_activity))
    pair, slot = np.empty(start[-1], np.int32), np.empty(start[-1], np.int32)
    _gather(gone, problem.customer, problem.activity, unit, member, place, start[:-1].copy(), pair, slot)
    _sort(start, pair, slot)
    return PricingUnits(unit, member, pair, start, slot, slot_activity, slot_member.astype(np.int32))


def groupings(problem: Problem) -> list[Units]:
    """Every grouping a local rule uses, each once."""
    return list({id(rule.units): rule.units for rule in problem.local}.values())


def _units(problem: Problem) -> Ints:
    """The unit of every customer, numbered by first appearance in the canonical order, (N,)."""
    size = len(problem.customer_names)
    # Those that put several customers together.
    wide = [units.unit for units in groupings(problem) if np.bincount(units.unit).max(initial=0) > 1]
    if not wide:
        unit = np.empty(size, np.int32)
        unit[problem.order] = np.arange(size, dtype=np.int32)
        return unit
    label = wide[0].astype(np.int64)
    for other in wide[1:]:
        width = int(max(label.max(), other.max())) + 1
        ones = np.ones(size, np.int8)
        graph = coo_array((ones, (label, other.astype(np.int64) + width)), shape=(2 * width, 2 * width))
        label = connected_components(graph, directed=False)[1][label].astype(np.int64)
    in_order = label[problem.order]
    _, first, inverse = np.unique(in_order, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int32)
    number[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    unit = np.empty(size, np.int32)
    unit[problem.order] = number[inverse]
    return unit


def _members(problem: Problem, unit: Ints) -> Ints:
    """The rank of every customer in its unit, in the canonical order, (N,)."""
    in_order = unit[problem.order]
    by_unit = np.argsort(in_order, kind="stable")
    sorted_unit = in_order[by_unit]
    begins = np.searchsorted(sorted_unit, sorted_unit, side="left")
    member = np.empty(len(unit), np.int32)
    member[problem.order[by_unit]] = np.arange(len(unit)) - begins
    return member


def forbidden(problem: Problem) -> Bools:
    """Pairs that no plan may hold, (E,): removed ones, and those a hard cap is too small for on their own.

    The same pairs as ``local_rows.forbidden``, without an array of weights a rule where the weights allow it.
    """
    gone = problem.removed.copy()
    size = len(problem.customer_names)
    for rule in problem.local:
        if not isinstance(rule, Count) or (rule.soft is not None and rule.soft.max_side):
            continue
        weights = rule.weights
        parts = [part for part in (weights.activity, weights.customer, weights.pair) if part is not None]
        upper = np.full(len(rule.units.names), np.inf)
        upper[rule.bound_units] = rule.upper
        upper += 1e-9 * np.maximum(1.0, np.abs(upper))
        heaviest = weights.factor * np.prod([float(part.max(initial=0)) for part in parts])
        if weights.factor >= 0 and all((part >= 0).all() for part in parts):
            if upper.min(initial=np.inf) >= heaviest * (1 + 1e-12):
                continue
            _mark_too_heavy(
                gone, problem.customer, problem.activity, rule.units.unit, upper, weights.factor,
                _or_ones(weights.activity, len(problem.activity_names)), _or_ones(weights.customer, size),
                _or_ones(weights.pair, 1),
            )  # fmt: skip
            continue
        value = weights.on(problem.customer, problem.activity)
        unit = rule.units.unit[problem.customer]
        negative = np.zeros(len(rule.units.names), bool)
        negative[unit[value < 0]] = True
        gone |= (value > upper[unit]) & ~negative[unit]
    return gone


def _or_ones(part: NDArray[Any] | None, size: int) -> NDArray[Any]:
    """A part of weights as the loop takes it; flags as bytes."""
    if part is None:
        return np.ones(size)
    return np.ascontiguousarray(part.view(np.uint8) if part.dtype == bool else part)


@numba.njit(cache=True, parallel=True)
def _mark_too_heavy(  # type: ignore[no-untyped-def]  # numba infers
    gone, customer, activity, unit, limit, factor, by_activity, by_customer, by_pair
):  # fmt: skip
    for e in numba.prange(len(customer)):
        if by_activity[activity[e]] != 0.0:
            weight = factor * by_activity[activity[e]] * by_customer[customer[e]]
            if len(by_pair) == len(customer):
                weight *= by_pair[e]
            if weight > limit[unit[customer[e]]]:
                gone[e] = True


@compiled
def _count(gone: Bools, customer: Ints, activity: Ints, unit: Ints, member: Ints, used: Bools, count: Int64) -> None:
    """Which activities a member rank has pairs of, and how many pairs each unit has, at its place plus one."""
    for e in range(len(customer)):
        if not gone[e]:
            used[activity[e], member[customer[e]]] = True
            count[unit[customer[e]] + 1] += 1


@compiled
def _gather(
    gone: Bools,
    customer: Ints,
    activity: Ints,
    unit: Ints,
    member: Ints,
    place: Ints,
    at: Int64,
    pair: Ints,
    slot: Ints,
) -> None:
    """Put every pair into its unit's run."""
    for e in range(len(customer)):
        if not gone[e]:
            u = unit[customer[e]]
            pair[at[u]] = e
            slot[at[u]] = place[activity[e], member[customer[e]]]
            at[u] += 1


@numba.njit(cache=True, parallel=True)
def _sort(start, pair, slot):  # type: ignore[no-untyped-def]  # numba infers
    """Each unit's pairs by slot: few, and nearly in order."""
    for u in numba.prange(len(start) - 1):
        begin, end = start[u], start[u + 1]
        if end - begin > 64:
            order = begin + np.argsort(slot[begin:end])
            pair[begin:end], slot[begin:end] = pair[order], slot[order]
        else:
            for k in range(begin + 1, end):
                s, p, m = slot[k], pair[k], k
                while m > begin and slot[m - 1] > s:
                    slot[m], pair[m] = slot[m - 1], pair[m - 1]
                    m -= 1
                slot[m], pair[m] = s, p
