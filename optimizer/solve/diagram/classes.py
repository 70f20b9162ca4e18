"""Classes: pricing units whose local rules read the same, found by hashing what the rules read of each unit.

A unit's hash is the sum of one mixed number per slot it has, per bound that holds for it and per weight that its
slots alone do not tell. Two different units are taken for the same with a chance of about units² / 4e19.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import ChangeFactor, Clash, Count, Distinct, Floats, Ints, Problem, RankFactor, Units, Weights
from optimizer.solve.diagram.bonds import Bonds
from optimizer.solve.diagram.compiled import Hashes, Int64, compiled, mixed
from optimizer.solve.diagram.units import PricingUnits, groupings
from optimizer.solve.diagram.whole import quantum, whole_caps


@dataclass(frozen=True)
class Classes:
    """Units by class.

    Attributes
    ----------
    class_of : (U,) class of each unit; classes are numbered by their first unit.
    first : (C,) the first unit of each class.
    """

    class_of: Ints
    first: Int64


def classes(problem: Problem, units: PricingUnits, bonds: Bonds | None = None) -> Classes:
    """The classes of units."""
    reader = _Reader(problem, units, np.zeros(len(units.start) - 1, np.uint64))
    reader.read_rules()
    for anchor in bonds.anchor if bonds is not None else []:
        reader.read_anchor(anchor)
    return _numbered(reader.own())


def shared_classes(problem: Problem, units: PricingUnits) -> Classes:
    """The classes of units whatever pairs they have; no rule of ``problem`` may have a pair part."""
    reader = _Reader(problem, units, np.zeros(len(units.start) - 1, np.uint64))
    reader.read_rules()
    return _numbered(reader.total)


def _numbered(total: Hashes) -> Classes:
    _, first, inverse = np.unique(total, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int32)
    order = np.argsort(first)
    number[order] = np.arange(len(first), dtype=np.int32)
    return Classes(number[inverse], first[order].astype(np.int64))


@dataclass
class _Reader:
    """Adds up what the rules read of each unit."""

    problem: Problem
    units: PricingUnits
    total: Hashes
    _salt: int = 0
    _seen: set[tuple[int, bool]] = field(default_factory=set)
    _first: dict[int, Int64] = field(default_factory=dict)

    def own(self) -> Hashes:
        """The hashes with the slots each unit has."""
        total = self.total.copy()
        _add_slots(total, self.units.start, self.units.slot)
        return total

    def read_rules(self) -> None:
        """Add what local rules and effects read, beyond the slots."""
        self._groupings()
        for rule in self.problem.local:
            if isinstance(rule, Count):
                self._weights(rule.weights, binary=False)
                self._bounds(rule)
            elif isinstance(rule, Distinct):
                self._weights(rule.members, binary=True)
                self._bounds(rule)
                self._touched(rule)
            elif isinstance(rule, Clash):
                self._weights(rule.first, binary=True)
                self._weights(rule.then, binary=True)
            else:
                self._weights(rule.what, binary=True)
                self._weights(rule.enabler, binary=True)
        said = self.problem.responses
        factors: list[RankFactor | ChangeFactor] = [*said.ranks, *said.changes]
        for factor in factors:
            self._weights(factor.members, binary=True)
        if said.ranks or said.changes:
            when = (said.booked_day.astype(np.int64) * 4096 + said.booked_channel).astype(float)
            self._add(self.units.unit[said.booked_customer], self.units.member[said.booked_customer], when)

    def read_anchor(self, anchor: Ints) -> None:
        """Add which slots of a unit have a label in common."""
        _add_pairs(
            self.total, self.units.start, self.units.slot, self.units.pair, anchor.astype(np.int64) + 1,
            self._next_salt(),
        )  # fmt: skip

    def _groupings(self) -> None:
        """How many members a unit has, and how a grouping narrower than the unit parts them."""
        unit, member = self.units.unit, self.units.member
        self._add(unit, member, np.zeros(len(unit)))
        for grouping in groupings(self.problem):
            self._add(unit, member, member[self._first_customer(grouping)[grouping.unit]].astype(float))

    def _weights(self, weights: Weights, binary: bool) -> None:
        """What the slots do not tell of weights: their customer and pair parts."""
        for part, by_pair in ((weights.customer, False), (weights.pair, True)):
            if part is None or (id(part), binary) in self._seen:
                continue
            self._seen.add((id(part), binary))
            value = part != 0 if binary else part
            if by_pair:
                bits = _bits(value) if value.dtype == float else np.ascontiguousarray(value.view(np.uint8))
                _add_pairs(self.total, self.units.start, self.units.slot, self.units.pair, bits, self._next_salt())
            else:
                self._add(self.units.unit, self.units.member, np.asarray(value, np.float64))

    def _bounds(self, rule: Count | Distinct) -> None:
        """Bounds, in the quantum of the weights where it is the same for all units."""
        unit, label = self._holders(rule.units, rule.bound_units)
        weights = rule.weights if isinstance(rule, Count) else Weights()
        plain = weights.customer is None and weights.pair is None and rule.soft is None
        values = weights.factor * (np.ones(1) if weights.activity is None else weights.activity)
        step = quantum(values, len(self.units.slot_activity)) if plain else 1.0
        for bound, sign in ((rule.upper, 1.0), (rule.lower, -1.0)):
            if len(bound) == len(rule.units.names) and bound.min() == bound.max():
                continue  # the same for all
            there = np.isfinite(bound)
            value = sign * bound[there]
            if plain:
                value = whole_caps(value, step, soft=False)[0].astype(float)
            self._add(unit[there], label[there], value)

    def _touched(self, rule: Distinct) -> None:
        """Groups that the past has touched."""
        if not any(rule.touched.strides):
            touched = np.flatnonzero(rule.touched[:1].any(axis=0))
        else:
            touched = np.flatnonzero(rule.touched.any(axis=0))
        unit, label = self._holders(rule.units, rule.bound_units)
        for group in touched:
            there = np.flatnonzero(rule.touched[:, group])
            self._add(unit[there], label[there], np.full(len(there), float(group)))

    def _holders(self, grouping: Units, bound: Ints) -> tuple[Ints, Ints]:
        """The pricing unit that holds each bound unit of a rule, and the member it begins with."""
        first = self._first_customer(grouping)[bound]
        return self.units.unit[first], self.units.member[first]

    def _first_customer(self, grouping: Units) -> Int64:
        """The first customer of every unit of a grouping in the canonical order."""
        if id(grouping) not in self._first:
            first = np.zeros(len(grouping.names), np.int64)
            backwards = self.problem.order[::-1]
            first[grouping.unit[backwards]] = backwards
            self._first[id(grouping)] = first
        return self._first[id(grouping)]

    def _add(self, unit: Ints, label: Ints, value: Floats) -> None:
        """Add labelled numbers to the hashes of their units."""
        _add_numbers(self.total, unit, label, _bits(value), self._next_salt())

    def _next_salt(self) -> np.uint64:
        """A number that tells apart what is added."""
        self._salt += 1
        return np.uint64(mixed(np.uint64(self._salt << 32)))


def _bits(value: NDArray[Any]) -> Hashes:
    return (np.ascontiguousarray(value, np.float64) + 0.0).view(np.uint64)


@compiled
def _add_slots(total: Hashes, start: Int64, slot: Ints) -> None:
    for u in range(len(total)):
        for k in range(start[u], start[u + 1]):
            total[u] += mixed(np.uint64(slot[k]))


@compiled
def _add_pairs(total: Hashes, start: Int64, slot: Ints, pair: Ints, bits: NDArray[Any], salt: np.uint64) -> None:
    for u in range(len(total)):
        for k in range(start[u], start[u + 1]):
            value = np.uint64(bits[pair[k]])
            if value != np.uint64(0):
                total[u] += mixed(mixed(np.uint64(slot[k]) + salt) ^ value)


@compiled
def _add_numbers(total: Hashes, unit: Ints, label: Ints, value: Hashes, salt: np.uint64) -> None:
    for k in range(len(unit)):
        total[unit[k]] += mixed(mixed(np.uint64(label[k]) + salt) ^ value[k])
