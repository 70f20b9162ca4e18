"""Diagrams over all slots, whatever a unit has pairs for: the fewest classes where units differ mostly by eligibility.

A path through a slot that a unit has no pair for is worth -inf to it; the other paths are just its feasible sets, as
every local rule speaks of the contacts made. This needs rules that read the same of a contact whoever has it, but for
the customer: weights with a pair part are taken apart by activity, and where that fails there are no such classes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Clash, Count, Distinct, Floats, Ints, LocalRule, Problem, Weights
from optimizer.solve.diagram.compiled import Int64, compiled
from optimizer.solve.diagram.steps import Steps
from optimizer.solve.diagram.units import PricingUnits


def without_pairs(problem: Problem, units: PricingUnits) -> Problem | None:
    """The same problem with no pair part in any local rule or effect, None where one depends on the pair."""
    found: dict[int, Floats | None] = {}

    def apart(weights: Weights) -> Weights:
        if weights.pair is None:
            return weights
        if id(weights.pair) not in found:
            found[id(weights.pair)] = _by_activity(problem, units, weights.pair)
        part = found[id(weights.pair)]
        if part is None:
            raise _Apart
        return replace(weights, pair=None, activity=part if weights.activity is None else part * weights.activity)

    try:
        said = problem.responses
        return replace(
            problem,
            local=[_with(rule, apart) for rule in problem.local],
            responses=replace(
                said,
                ranks=[replace(factor, members=apart(factor.members)) for factor in said.ranks],
                changes=[replace(factor, members=apart(factor.members)) for factor in said.changes],
            ),
        )
    except _Apart:
        return None


class _Apart(Exception):
    """A weight depends on the pair."""


def _with(rule: LocalRule, apart: Any) -> LocalRule:
    if isinstance(rule, Count):
        return replace(rule, weights=apart(rule.weights))
    if isinstance(rule, Distinct):
        return replace(rule, members=apart(rule.members))
    if isinstance(rule, Clash):
        return replace(rule, first=apart(rule.first), then=apart(rule.then))
    return replace(rule, what=apart(rule.what), enabler=apart(rule.enabler))


def _by_activity(problem: Problem, units: PricingUnits, part: NDArray[Any]) -> Floats | None:
    """The part by activity, where it is the same on all pairs of an activity that a plan may hold."""
    value = np.full(len(problem.activity_names), np.nan)
    plain = np.ascontiguousarray(part.view(np.uint8) if part.dtype == bool else part)
    if not _same(units.pair, problem.activity, plain, value):
        return None
    return np.nan_to_num(value)


@compiled
def _same(pair: Ints, activity: Ints, part: NDArray[Any], value: Floats) -> bool:
    for e in pair:
        known = value[activity[e]]
        if np.isnan(known):
            value[activity[e]] = part[e]
        elif known != part[e]:
            return False
    return True


def shared_steps(problem: Problem, units: PricingUnits, first: Int64, orders: dict[int, Int64 | None]) -> Steps:
    """Steps of classes over all slots of their members; ``problem`` has no pair parts."""
    sizes = np.bincount(units.unit, minlength=len(units.start) - 1)
    in_order = np.lexsort((units.member, units.unit))
    begins = np.cumsum(sizes) - sizes
    slots = {
        int(size): np.flatnonzero(units.slot_member < size)[::-1].astype(np.int32) for size in np.unique(sizes[first])
    }
    lists = [slots[int(size)] for size in sizes[first]]
    start = np.concatenate([[0], np.cumsum([len(some) for some in lists])]).astype(np.int64)
    slot = np.concatenate([np.empty(0, np.int32), *lists])
    cls = np.repeat(np.arange(len(first), dtype=np.int32), np.diff(start))
    member = units.slot_member[slot]
    customer = in_order[begins[first[cls]] + member].astype(np.int32)
    counts = sizes[first]
    all_class = np.repeat(np.arange(len(first), dtype=np.int32), counts)
    within = np.arange(len(all_class)) - np.repeat(np.cumsum(counts) - counts, counts)
    return Steps(
        problem, start, cls, slot, member, customer, units.slot_activity[slot], np.full(len(slot), -1, np.int64),
        in_order[begins[first[all_class]] + within], all_class, orders,
    )  # fmt: skip
