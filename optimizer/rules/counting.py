"""Counts before any solve: the least and the most an expression can reach, and how far one rule binds another.

Every pair e adds to an expression a number in [low_e, high_e] when it is contacted and 0 otherwise; media, openings and
reached labels add a number in a range of their own. So

    least(expression) = constant + Σ_e min(0, low_e) + ranges ≤ any plan ≤ constant + Σ_e max(0, high_e) + ranges = most

whatever the plan. The range of an effective response: with q_e = min(1, p · factors), additive: q_e; combined or
saturated: [0, q_e]. Rules that ask for k contacts of a scope raise the least of another expression to the sum of its k
smallest; rules that allow k lower the most to the sum of its k largest. Local caps of customers limit how many of a
scope's pairs can be contacted. Nothing here is an estimate: what is called impossible or implied is so for every plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import (
    Bools,
    ChangeFactor,
    Count,
    CouplingRow,
    Distinct,
    Expression,
    Floats,
    Ints,
    Problem,
    RankFactor,
    Units,
    Weights,
)
from optimizer.rules.contactable import Contactable

#: Pairs looked at together: few enough to stay near the processor.
BLOCK = 1 << 17
#: Relative slack of comparisons: sums of numbers in another order differ by as much.
TOLERANCE = 1e-9

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Extent:
    """What an expression can be: [low_k, high_k] when ``pairs[k]`` is contacted, [rest_low, rest_high] for the rest.

    ``size`` is Σ of magnitudes, for tolerances. Pairs that change nothing are left out.
    """

    pairs: Rows
    low: Floats
    high: Floats
    rest_low: float
    rest_high: float
    size: float

    @property
    def least(self) -> float:
        """No plan is below."""
        return self.rest_low + float(np.minimum(self.low, 0.0).sum())

    @property
    def most(self) -> float:
        """No plan is above."""
        return self.rest_high + float(np.maximum(self.high, 0.0).sum())


@dataclass(frozen=True)
class Counted:
    """A set of pairs of which a hard rule asks for ``least`` contacts and allows ``most``."""

    pairs: Rows
    least: int
    most: int


class Ground:
    """What any plan may do at best: the pairs it may contact, and the range of each response and price.

    ``work`` counts the pairs looked at so far.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.work = 0
        self._below: dict[str, bool] = {}
        self._found: dict[int, Rows] = {}
        self._placed: Extent | None = None

    @cached_property
    def free(self) -> Bools:
        """Pairs that no hard rule takes away, shape (E,)."""
        return ~self.problem.removed

    @cached_property
    def _place(self) -> Ints:
        return np.full(len(self.problem.customer), -1, np.int32)

    @cached_property
    def contactable(self) -> Contactable:
        """The free pairs."""
        problem = self.problem
        sizes = len(problem.order), len(problem.activity_names)
        return Contactable(problem.customer, problem.activity, self.free, *sizes)

    def _pairs_of(self, activity: int) -> Rows:
        """The free pairs of an activity."""
        if activity not in self._found:
            rows = []
            for first in range(0, len(self.free), BLOCK):
                block = slice(first, first + BLOCK)
                rows.append(first + np.flatnonzero((self.problem.activity[block] == activity) & self.free[block]))
            self._found[activity] = np.concatenate(rows) if rows else np.empty(0, np.int64)
        return self._found[activity]

    def response(self, kind: str, pairs: Rows) -> tuple[Floats, Floats]:
        """The range of the effective response of some pairs when contacted."""
        problem, responses = self.problem, self.problem.responses
        most, least = np.ones(len(pairs)), np.ones(len(pairs))
        factors: list[RankFactor | ChangeFactor] = [*responses.ranks, *responses.changes]
        for factor in factors:
            members = self._sum([factor.members], pairs) != 0
            most[members] *= max(1.0, factor.factor)
            least[members] *= min(1.0, factor.factor)
        shared = np.zeros(len(pairs), bool)
        if responses.combine != "additive":
            shared = responses.group[pairs] >= 0
        for cell in problem.cells:
            shared |= cell.member[pairs]
        base = responses.scores[kind][pairs] * responses.static[pairs]
        one, other = np.minimum(1.0, base * least), np.minimum(1.0, base * most)
        low, high = np.minimum(one, other), np.maximum(one, other)
        low, high = np.where(shared, np.minimum(low, 0.0), low), np.where(shared, np.maximum(high, 0.0), high)
        if responses.combine != "additive" and self._falls(kind):
            # Combined with responses below zero, a contact's part has no simple limit.
            low, high = np.where(shared, -np.inf, low), np.where(shared, np.inf, high)
        return low, high

    def _falls(self, kind: str) -> bool:
        """Whether some response is below zero."""
        if kind not in self._below:
            self._below[kind] = bool((self.problem.responses.scores[kind] < 0).any())
        return self._below[kind]

    def price(self, pairs: Rows) -> tuple[Floats, Floats]:
        """The range of the price of some pairs in cells with tiers; 0 elsewhere."""
        low, high = np.zeros(len(pairs)), np.zeros(len(pairs))
        for cell in self.problem.price_cells:
            inside = cell.member[pairs]
            low[inside], high[inside] = cell.prices.min(), cell.prices.max()
        return low, high

    # --- expressions ------------------------------------------------------------------------------------------------

    def extent(self, expression: Expression) -> Extent:
        """The range of an expression over all plans that contact free pairs alone."""
        lost = [(reach.label, value_of) for reach, value_of in expression.reached if value_of < 0]
        terms = [*expression.contacts, *expression.tiered, *(w for kind in expression.responses.values() for w in kind)]
        pairs = self._support(terms)
        for label, _ in lost:
            pairs = np.union1d(pairs, np.flatnonzero((label >= 0) & self.free))
        low = self._sum(expression.contacts, pairs)
        high = low.copy()
        for label, value_of in lost:
            # At most one label a contact, and perhaps one that another contact has already reached.
            low += np.where(label[pairs] >= 0, value_of, 0.0)
        ranged: list[tuple[Callable[[Rows], tuple[Floats, Floats]], list[Weights]]] = [
            (self.price, expression.tiered),
            *((partial(self.response, kind), several) for kind, several in expression.responses.items()),
        ]
        for range_of, several in ranged:
            if several:
                value = self._sum(several, pairs)
                touched = np.flatnonzero(value)
                least, most = range_of(pairs[touched])
                ends = value[touched] * least, value[touched] * most
                low[touched] += np.minimum(*ends)
                high[touched] += np.maximum(*ends)
        moved = (low != 0) | (high != 0)
        pairs, low, high = pairs[moved], low[moved], high[moved]
        rest = [(expression.constant, expression.constant), *self._rest(expression)]
        size = float(np.maximum(np.abs(low), np.abs(high)).sum()) + sum(max(abs(a), abs(b)) for a, b in rest)
        return Extent(pairs, low, high, sum(a for a, _ in rest), sum(b for _, b in rest), size)

    def rest_low(self, expression: Expression) -> float:
        """The least of what is no contact: no expression's least is above it."""
        return expression.constant + sum(low for low, _ in self._rest(expression))

    def counted_pairs(self, row: CouplingRow) -> Rows | None:
        """The free pairs of a plain count of contacts, or None when the row is anything else."""
        expression = row.expression
        others = (expression.responses, expression.tiered, expression.spend, expression.yields, expression.opened)
        if any(others) or expression.reached or not expression.contacts:
            return None
        pairs = self._support(expression.contacts)
        value = self._sum(expression.contacts, pairs)
        return pairs[value != 0] if np.isin(value, (0.0, 1.0)).all() else None

    def most_contacts(self, pairs: Rows) -> int:
        """How many of some free pairs a plan may contact at most, under each hard cap of customers and households."""
        best = len(pairs)
        customer, activity = self.problem.customer[pairs], self.problem.activity[pairs]
        present = np.bincount(activity, minlength=len(self.problem.activity_names)) > 0
        known: dict[bytes, NDArray[np.int64]] = {}
        for rule in self.problem.local:
            if not isinstance(rule, Count) or (rule.soft is not None and rule.soft.max_side):
                continue
            if not np.isfinite(rule.upper).any():
                continue
            weights = rule.weights
            if weights.customer is None and weights.pair is None:
                # Rules that weigh the same activities count the same contacts of each customer.
                self.work += len(pairs)
                value = weights.factor * self._of_activity(weights)
                counts, value = present & (value > 0), value[present]
                held = known.get(counts.tobytes())
                if held is None:
                    held = np.bincount(customer[counts[activity]], minlength=len(self.problem.order))
                    known[counts.tobytes()] = held
            else:
                value = self._sum([weights], pairs)
                held = np.bincount(customer[value > 0], minlength=len(self.problem.order))
            if (value < 0).any() or not (value > 0).any():
                continue
            inside = np.bincount(rule.units.unit, held, minlength=len(rule.units.names))
            allowed = np.floor(rule.upper / value[value > 0].min() * (1 + TOLERANCE))
            free = len(pairs) - int(held.sum())
            inside[rule.bound_units] = np.minimum(inside[rule.bound_units], np.maximum(allowed, 0.0))
            best = min(best, free + int(inside.sum()))
        return best

    def most_local(self, one: Count | Distinct) -> Floats:
        """The most each bound unit can have of a local rule with all its free pairs, whatever other rules say."""
        self.work += len(self.problem.customer)
        if isinstance(one, Count):
            return self._most_by_unit(one.weights, one.units)[one.bound_units]
        total = np.zeros(len(one.bound_units))
        for group, touched in zip(one.groups, one.touched.T, strict=True):
            self.work += len(self.problem.customer)
            members = replace(one.members, activity=group * self._of_activity(one.members))
            total += (self._most_by_unit(members, one.units, flags=True)[one.bound_units] > 0) & ~touched
        return total

    def _of_activity(self, weights: Weights) -> Floats:
        return np.ones(len(self.problem.activity_names)) if weights.activity is None else weights.activity

    def _most_by_unit(self, weights: Weights, units: Units, *, flags: bool = False) -> Floats:
        """Σ of the weights above zero (or of 1 for each other than zero) over each unit's free pairs, shape (U,)."""
        most = np.zeros(len(units.names))
        of_activity = self._of_activity(weights)
        for activity in np.flatnonzero((of_activity != 0) & (weights.factor != 0)).tolist():
            value: Any = weights.factor * of_activity[activity]
            if weights.pair is None:
                customers: Rows = np.flatnonzero(self.contactable.by(activity))
            else:
                pairs = self._pairs_of(activity)
                customers, value = self.problem.customer[pairs].astype(np.int64), value * weights.pair[pairs]
            if weights.customer is not None:
                value = value * weights.customer[customers]
            value = np.broadcast_to(value != 0 if flags else np.maximum(value, 0.0), len(customers))
            most += np.bincount(units.unit[customers], value, minlength=len(most))
        return most

    # --- two rules ----------------------------------------------------------------------------------------------------

    def least_under(self, extent: Extent, sets: Sequence[Counted]) -> float:
        """The least of an expression while disjoint sets hold at least, and at most, so many contacts."""
        return extent.rest_low + self._sum_of_least(extent, extent.low, sets)

    def most_under(self, extent: Extent, sets: Sequence[Counted]) -> float:
        """The most of an expression while disjoint sets hold at least, and at most, so many contacts."""
        return extent.rest_high - self._sum_of_least(extent, -extent.high, sets)

    def within(self, inner: Extent, outer: Extent) -> bool:
        """Whether every pair that moves one expression moves the other."""
        return bool((self._places(outer)[inner.pairs] >= 0).all())

    def _sum_of_least(self, extent: Extent, values: Floats, sets: Sequence[Counted]) -> float:
        place = self._places(extent)
        total, outside = 0.0, np.ones(len(values), bool)
        for one in sets:
            self.work += len(one.pairs)
            inside = place[one.pairs]
            found = inside[inside >= 0]
            ordered = np.sort(np.concatenate([values[found], np.zeros(len(inside) - len(found))]))
            optional = ordered[one.least : max(one.most, one.least)]
            total += float(ordered[: one.least].sum() + np.minimum(optional, 0.0).sum())
            outside[found] = False
        return total + float(np.minimum(values[outside], 0.0).sum())

    def _places(self, extent: Extent) -> NDArray[np.int32]:
        """The position of each pair in an extent, -1 outside; kept for the last extent asked for."""
        if self._placed is not extent:
            if self._placed is not None:
                self._place[self._placed.pairs] = -1
            self._place[extent.pairs] = np.arange(len(extent.pairs), dtype=np.int32)
            self._placed = extent
        return self._place

    # --- weights ------------------------------------------------------------------------------------------------------

    def _support(self, terms: Sequence[Weights]) -> Rows:
        """Free pairs that may have a weight other than 0 in some term."""
        problem = self.problem
        terms = [weights for weights in terms if weights.factor != 0]
        activities = np.zeros(len(problem.activity_names), bool)
        customers: Bools | None = np.zeros(len(problem.order), bool)
        for weights in terms:
            activities |= True if weights.activity is None else weights.activity != 0
            if customers is not None and weights.customer is not None:
                customers |= weights.customer != 0
            else:
                customers = None
        pieces = [self._pairs_of(int(activity)) for activity in np.flatnonzero(activities)]
        pairs = np.concatenate(pieces) if pieces else np.empty(0, np.int64)
        self.work += len(pairs)
        return pairs if customers is None else pairs[customers[problem.customer[pairs]]]

    def _sum(self, terms: Sequence[Weights], pairs: Rows) -> Floats:
        """Σ of weights on some pairs."""
        total = np.zeros(len(pairs))
        for weights in terms:
            self.work += len(pairs)
            value: Any = weights.factor
            if weights.activity is not None:
                value = value * weights.activity[self.problem.activity[pairs]]
            if weights.customer is not None:
                value = value * weights.customer[self.problem.customer[pairs]]
            if weights.pair is not None:
                value = value * weights.pair[pairs]
            total += value
        return total

    def _rest(self, expression: Expression) -> list[tuple[float, float]]:
        """The ranges of media, openings and labels reached."""
        rest = []
        for row, value_of in expression.spend.items():
            medium = self.problem.media[row]
            rest.append(_interval(value_of, 0.0 if medium.or_zero else medium.low, medium.high))
        for row, value_of in expression.yields.items():
            medium = self.problem.media[row]
            yielded = medium.curve.value(np.array([0.0 if medium.or_zero else medium.low, medium.high]))
            rest.append(_interval(value_of, float(yielded[0]), float(yielded[1])))
        rest += [_interval(value_of, 0.0, 1.0) for value_of in expression.opened.values()]
        for reach, value_of in expression.reached:
            if value_of >= 0:
                self.work += len(reach.label)
                labels = reach.label[(reach.label >= 0) & self.free]
                rest.append((0.0, value_of * len(np.unique(labels))))
        return rest


def disjoint(sets: Sequence[Counted]) -> bool:
    """Whether no pair is in two sets."""
    return len(sets) < 2 or len(np.unique(np.concatenate([one.pairs for one in sets]))) == sum(
        len(o.pairs) for o in sets
    )


def hard(row: CouplingRow, side: str) -> float:
    """The row's lower (``min``) or upper (``max``) bound if no plan may pass it, tolerance included; else ∓inf."""
    bound, sign = (row.lower, -1.0) if side == "min" else (row.upper, 1.0)
    if row.soft is None or not (row.soft.min_side if side == "min" else row.soft.max_side):
        return bound
    return bound + sign * row.soft.tolerance


def _interval(factor: float, low: float, high: float) -> tuple[float, float]:
    return (factor * low, factor * high) if factor >= 0 else (factor * high, factor * low)
