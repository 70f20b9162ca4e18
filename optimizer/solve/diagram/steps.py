"""The contacts of some classes in the order in which their diagrams decide them, counted from the last.

Counting from the last slot lines up classes whose remaining slots are the same, so that they share states.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from optimizer.problem import Bools, Floats, Ints, Problem, Units, Weights
from optimizer.solve.diagram.bonds import Bonds
from optimizer.solve.diagram.compiled import Hashes, Int64, compiled, mixed
from optimizer.solve.diagram.units import PricingUnits
from optimizer.solve.diagram.whole import on_rows


@dataclass(frozen=True)
class Steps:
    """Steps of classes; step ``start[c] + t - 1`` of class c decides the slot with t - 1 slots after it.

    Attributes
    ----------
    problem : what the steps are of.
    start : (B+1,) runs of steps by class.
    cls : (S,) class (of this batch) of each step.
    slot, member, customer, activity : (S,) what the step decides.
    pair : (S,) the pair, -1 where the class speaks of slots its first unit has no pair for.
    all_customer, all_class : (M,) every customer of the first unit of each class, with a step or without.
    bonds : what bonds contacts, None where nothing does.
    """

    problem: Problem
    start: Int64
    cls: Ints
    slot: Ints
    member: Ints
    customer: Ints
    activity: Ints
    pair: Ints
    all_customer: Int64
    all_class: Ints
    orders: dict[int, Int64 | None] = field(default_factory=dict)  # known orders of bound units, by identity
    bonds: Bonds | None = None
    _holders: dict[int, Holders] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.start) - 1

    @property
    def words(self) -> int:
        """Words of a set of steps of one class."""
        return max(1, (self.longest + 63) // 64)

    @property
    def longest(self) -> int:
        """The largest number of steps of a class."""
        return int(np.diff(self.start).max(initial=0))

    def weights(self, weights: Weights, some: Int64 | None = None) -> Floats:
        """Weights of the contacts of all steps, or of some."""
        if some is None:
            return on_rows(weights, self.customer, self.activity, self.pair)
        return on_rows(weights, self.customer[some], self.activity[some], self.pair[some])

    def candidates(self, weights: Weights) -> Int64:
        """Steps of activities that the weights count."""
        if weights.activity is None:
            return np.arange(len(self.cls))
        counted = np.flatnonzero(weights.activity)
        order, start = self._by_activity
        runs = [order[start[a] : start[a + 1]] for a in counted.tolist()]
        return np.concatenate([np.empty(0, np.int64), *runs])

    @cached_property
    def _by_activity(self) -> tuple[Int64, Int64]:
        """The steps by activity, and where each activity's begin."""
        count = len(self.problem.activity_names)
        order = np.argsort(self.activity, kind="stable")
        return order, np.searchsorted(self.activity[order], np.arange(count + 1))

    def members(self, weights: Weights) -> Bools:
        """Whether 0/1 weights keep the steps' contacts, (S,)."""
        return self.weights(weights) != 0

    def holders(self, grouping: Units) -> Holders:
        """The units of a grouping inside the classes."""
        if id(grouping) not in self._holders:
            unit, at = np.unique(grouping.unit[self.all_customer], return_index=True)
            inside = np.searchsorted(unit, grouping.unit[self.customer])
            self._holders[id(grouping)] = Holders(unit, self.all_class[at], inside.astype(np.int32))
        return self._holders[id(grouping)]

    def places(self, grouping: Units, bound: Ints) -> Int64:
        """Where each holder is among a rule's bound units, -1 where it is not."""
        unit = self.holders(grouping).unit
        if not len(bound):
            return np.full(len(unit), -1, np.int64)
        key = id(bound)
        if key not in self.orders:
            rises = bool((bound[1:] > bound[:-1]).all())
            self.orders[key] = None if rises else np.argsort(bound, kind="stable")
        order = self.orders[key]
        if order is None and len(bound) == len(grouping.names):
            return unit.astype(np.int64)
        at = np.minimum(np.searchsorted(bound, unit, sorter=order), len(bound) - 1)
        at = at if order is None else order[at]
        return np.where(bound[at] == unit, at, -1).astype(np.int64)


@dataclass(frozen=True)
class Holders:
    """Units of a grouping: their number in the grouping, their class, and which of them holds each step."""

    unit: Ints
    cls: Ints
    of_step: Ints


def own_steps(problem: Problem, units: PricingUnits, first: Int64, orders: dict[int, Int64 | None]) -> Steps:
    """Steps of classes over the slots their first units have."""
    length = units.start[first + 1] - units.start[first]
    start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    cls = np.repeat(np.arange(len(first), dtype=np.int32), length)
    at = np.repeat(units.start[first + 1] - 1, length) - (np.arange(start[-1]) - start[cls])
    pair, slot = units.pair[at], units.slot[at]
    customers, begins = units.customers
    sizes = begins[first + 1] - begins[first]
    of_class = np.repeat(np.arange(len(first), dtype=np.int32), sizes)
    everyone = customers[np.repeat(begins[first] - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())]
    return Steps(
        problem, start, cls, slot, units.slot_member[slot], problem.customer[pair], problem.activity[pair], pair,
        everyone, of_class, orders,
    )  # fmt: skip


# --- which steps have the same future ---------------------------------------------------------------------------


def futures(steps: Steps, said: Hashes) -> Ints:
    """The first class whose steps from here to the end read the same, (S,); ``said`` hashes what each step reads."""
    total = np.empty(len(said), np.uint64)
    _chain(total, steps.start, said)
    _, first, inverse = np.unique(total, return_index=True, return_inverse=True)
    return steps.cls[first[inverse]]


@compiled
def _chain(total: Hashes, start: Int64, said: Hashes) -> None:
    for c in range(len(start) - 1):
        so_far = np.uint64(0)
        for s in range(start[c], start[c + 1]):
            so_far = mixed(mixed(so_far + np.uint64(s - start[c])) ^ said[s])
            total[s] = so_far


@compiled
def say(said: Hashes, words: Int64) -> None:
    """Add a row of numbers to the hash of each step; ``words`` (S, K)."""
    for s in range(len(said)):
        for k in range(words.shape[1]):
            said[s] = mixed(said[s] ^ np.uint64(words[s, k]))


@compiled
def say_runs(said: Hashes, start: Int64, words: Int64) -> None:
    """Add rows of numbers, several a step, to the hash of each step; ``words`` (R, K)."""
    for s in range(len(said)):
        for r in range(start[s], start[s + 1]):
            for k in range(words.shape[1]):
                said[s] = mixed(said[s] ^ np.uint64(words[r, k]))
        said[s] = mixed(said[s])
