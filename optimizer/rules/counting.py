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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.problem import (
    Bools,
    ChangeFactor,
    Count,
    CouplingRow,
    Expression,
    Floats,
    Problem,
    RankFactor,
    Units,
    Weights,
)

#: Relative slack of comparisons: sums of numbers in another order differ by as much.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Extent:
    """What an expression can be: [low_e, high_e] a contacted pair, [low, high] for all the rest."""

    low: Floats  # (E,)
    high: Floats  # (E,)
    rest_low: float
    rest_high: float
    size: float  # Σ of magnitudes, for tolerances

    @property
    def touches(self) -> Bools:
        """The pairs whose contact can change it."""
        return (self.low != 0) | (self.high != 0)

    @property
    def least(self) -> float:
        """No plan is below."""
        return self.rest_low + float(np.minimum(self.low, 0.0).sum())

    @property
    def most(self) -> float:
        """No plan is above."""
        return self.rest_high + float(np.maximum(self.high, 0.0).sum())


class Ground:
    """What any plan may do at best: the pairs it may contact, and the range of each response and price."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.free: Bools = ~problem.removed

    @cached_property
    def responses(self) -> dict[str, tuple[Floats, Floats]]:
        """The range of each pair's effective response when contacted, by kind."""
        problem, responses = self.problem, self.problem.responses
        most, least = np.ones(len(problem.customer)), np.ones(len(problem.customer))
        factors: list[RankFactor | ChangeFactor] = [*responses.ranks, *responses.changes]
        for factor in factors:
            members = factor.members.on(problem.customer, problem.activity) != 0
            most[members] *= max(1.0, factor.factor)
            least[members] *= min(1.0, factor.factor)
        shared = np.zeros(len(problem.customer), bool)
        if responses.combine != "additive":
            shared = responses.group >= 0
        for cell in problem.cells:
            shared |= cell.member
        found = {}
        for kind, score in responses.scores.items():
            base = score * responses.static
            one, other = np.minimum(1.0, base * least), np.minimum(1.0, base * most)
            low, high = np.minimum(one, other), np.maximum(one, other)
            low, high = np.where(shared, np.minimum(low, 0.0), low), np.where(shared, np.maximum(high, 0.0), high)
            if responses.combine != "additive" and (score < 0).any():
                # Combined with responses below zero, a contact's part has no simple limit.
                low, high = np.where(shared, -np.inf, low), np.where(shared, np.inf, high)
            found[kind] = (low, high)
        return found

    @cached_property
    def prices(self) -> tuple[Floats, Floats]:
        """The range of a contact's price in cells with tiers; 0 elsewhere."""
        low, high = np.zeros(len(self.problem.customer)), np.zeros(len(self.problem.customer))
        for cell in self.problem.price_cells:
            low[cell.member], high[cell.member] = cell.prices.min(), cell.prices.max()
        return low, high

    def extent(self, expression: Expression) -> Extent:
        """The range of an expression over all plans that contact free pairs alone."""
        problem = self.problem
        low, size = np.zeros(len(problem.customer)), abs(expression.constant)
        for weights in expression.contacts:
            low += self._on(weights)
        high = low.copy()
        for ranges, terms in [
            (self.prices, expression.tiered),
            *((self.responses[kind], terms) for kind, terms in expression.responses.items()),
        ]:
            value = np.zeros(len(low))
            for weights in terms:
                value += self._on(weights)
            touched = value != 0
            ends = value[touched] * ranges[0][touched], value[touched] * ranges[1][touched]
            low[touched] += np.minimum(*ends)
            high[touched] += np.maximum(*ends)
        rest = [(expression.constant, expression.constant)]
        for row, value_of in expression.spend.items():
            medium = problem.media[row]
            rest.append(_interval(value_of, 0.0 if medium.or_zero else medium.low, medium.high))
        for row, value_of in expression.yields.items():
            medium = problem.media[row]
            yielded = medium.curve.value(np.array([0.0 if medium.or_zero else medium.low, medium.high]))
            rest.append(_interval(value_of, float(yielded[0]), float(yielded[1])))
        for value_of in expression.opened.values():
            rest.append(_interval(value_of, 0.0, 1.0))
        for reach, value_of in expression.reached:
            inside = (reach.label >= 0) & self.free
            if value_of < 0:
                low[inside] += value_of  # at most one label a contact
            else:
                rest.append((0.0, value_of * len(np.unique(reach.label[inside]))))
        low, high = np.where(self.free, low, 0.0), np.where(self.free, high, 0.0)
        size += float(np.maximum(np.abs(low), np.abs(high)).sum()) + sum(max(abs(a), abs(b)) for a, b in rest)
        return Extent(low, high, sum(a for a, _ in rest), sum(b for _, b in rest), size)

    def most_contacts(self, pairs: Bools) -> int:
        """How many of some pairs a plan may contact at most, under each hard cap of customers and households."""
        pairs = pairs & self.free
        counts = np.bincount(self.problem.customer[pairs], minlength=len(self.problem.order))
        best = int(counts.sum())
        for units, weight, upper in self._caps:
            unit = units.unit[self.problem.customer[pairs]]
            counted = weight[pairs]
            inside = np.bincount(unit[counted > 0], minlength=len(units.names))
            outside = np.bincount(unit[counted <= 0], minlength=len(units.names))
            if not (counted > 0).any():
                continue
            allowed = np.floor(upper / counted[counted > 0].min() * (1 + TOLERANCE))
            best = min(best, int((outside + np.minimum(inside, np.maximum(allowed, 0.0))).sum()))
        return best

    @cached_property
    def _caps(self) -> list[tuple[Units, Floats, Floats]]:
        """Hard local caps Σ w x ≤ upper, w ≥ 0: units, weights (E,), upper (U,)."""
        caps = []
        for rule in self.problem.local:
            if not isinstance(rule, Count) or (rule.soft is not None and rule.soft.max_side):
                continue
            if not np.isfinite(rule.upper).any():
                continue
            weight = self._on(rule.weights)
            if (weight < 0).any():
                continue
            upper = np.full(len(rule.units.names), np.inf)
            upper[rule.bound_units] = rule.upper
            caps.append((rule.units, weight, upper))
        return caps

    def _on(self, weights: Weights) -> Floats:
        return weights.on(self.problem.customer, self.problem.activity)


@dataclass(frozen=True)
class Counted:
    """A set of pairs of which a hard rule asks for ``least`` contacts and allows ``most``."""

    pairs: Bools
    least: int
    most: int


def least_under(extent: Extent, sets: Sequence[Counted]) -> float:
    """The least of an expression while disjoint sets hold at least, and at most, so many contacts."""
    return extent.rest_low + _sum_of_least(extent.low, sets)


def most_under(extent: Extent, sets: Sequence[Counted]) -> float:
    """The most of an expression while disjoint sets hold at least, and at most, so many contacts."""
    return extent.rest_high - _sum_of_least(-extent.high, sets)


def disjoint(sets: Sequence[Counted]) -> bool:
    """Whether no pair is in two sets."""
    return len(sets) < 2 or int(np.sum([one.pairs for one in sets], axis=0).max(initial=0)) <= 1


def counted_pairs(row: CouplingRow, ground: Ground) -> Bools | None:
    """The pairs of a plain count of contacts, constant apart, or None when the row is anything else."""
    expression = row.expression
    others = (expression.responses, expression.tiered, expression.spend, expression.yields, expression.opened)
    if any(others) or expression.reached or not expression.contacts:
        return None
    value = np.zeros(len(ground.free))
    for weights in expression.contacts:
        value += weights.on(ground.problem.customer, ground.problem.activity)
    if not np.isin(value, (0.0, 1.0)).all():
        return None
    return (value != 0) & ground.free


def hard(row: CouplingRow, side: str) -> float:
    """The row's lower (``min``) or upper (``max``) bound if no plan may pass it, tolerance included; else ∓inf."""
    bound, sign = (row.lower, -1.0) if side == "min" else (row.upper, 1.0)
    if row.soft is None or not (row.soft.min_side if side == "min" else row.soft.max_side):
        return bound
    return bound + sign * row.soft.tolerance


def _sum_of_least(values: Floats, sets: Sequence[Counted]) -> float:
    total, outside = 0.0, np.ones(len(values), bool)
    for one in sets:
        ordered = np.sort(values[one.pairs])
        total += float(
            ordered[: one.least].sum() + np.minimum(ordered[one.least : max(one.most, one.least)], 0.0).sum()
        )
        outside &= ~one.pairs
    return total + float(np.minimum(values[outside], 0.0).sum())


def _interval(factor: float, low: float, high: float) -> tuple[float, float]:
    return (factor * low, factor * high) if factor >= 0 else (factor * high, factor * low)
