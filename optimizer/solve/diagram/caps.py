"""Counts as caps that run along the steps: what is left of a bound, forgotten once it can no longer bind.

Σ w x ≤ upper  and  Σ -w x ≤ -lower: every side is a cap of its own.
state u = bound - sum so far; with later steps adding between ``least`` and ``most``
    u ≥ most    the cap can no longer bind: forgotten
    u < least   no choice keeps a hard cap; a soft one pays what it must, at once
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Bools, Count, Floats, Ints, Problem, Soft
from optimizer.solve.diagram.compiled import Hashes, Int64, bare, compiled, counted_order
from optimizer.solve.diagram.steps import Steps, say_runs
from optimizer.solve.diagram.whole import quantum, whole, whole_caps

#: How a rule enters a diagram: as it is, as a coarser cap, not at all. The last two make the diagram a relaxation.
EXACT, COARSE, DROPPED = 0, 1, 2
Eased = NDArray[np.int8]
#: Quanta that make up the largest bound of a coarse cap.
COARSE_STATES = 48

#: The state of a cap that can no longer bind.
FORGOTTEN = 1 << 61


class Caps(NamedTuple):
    """What caps read at each step; runs of rows by step.

    ``begins`` is the bound where the step is the cap's first one (``starts``), ``ends`` marks its last one.
    ``price`` is the penalty of one quantum beyond a soft cap, -1 for a hard one; ``slack`` is how far beyond it may go;
    ``rest`` is the part of a quantum that its bound has beyond the whole number.
    """

    start: Int64  # (S+1,)
    column: Ints
    weight: Int64
    starts: Bools
    begins: Int64
    ends: Bools
    most: Int64
    least: Int64
    price: Floats
    slack: Floats
    rest: Floats


@dataclass
class CapRows:
    """Collects caps, then lays them along the steps.

    ``worth`` (B,) and ``feasible`` (B,) take what holds of a class whatever is chosen.
    """

    steps: Steps
    worth: Floats
    feasible: Bools

    def __post_init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self._step: list[Int64] = []
        self._cap: list[Int64] = []
        self._weight: list[Int64] = []
        self._begins: list[Int64] = []
        self._price: list[Floats] = []
        self._slack: list[Floats] = []
        self._rest: list[Floats] = []
        self._rule: list[Ints] = []

    def add_counts(self, problem: Problem, eased: Eased) -> None:
        """Add both sides of every count; ``eased`` (B, rules) says where they are coarser or left out."""
        for number, rule in enumerate(problem.local):
            if not isinstance(rule, Count):
                continue
            holders = self.steps.holders(rule.units)
            place = self.steps.places(rule.units, rule.bound_units)
            how = np.where(place >= 0, eased[holders.cls, number], DROPPED)
            for level in (EXACT, COARSE):
                if (how == level).any():
                    self._add_count(number, rule, place, how == level, level == COARSE)

    def _add_count(self, number: int, rule: Count, place: Int64, bound: Bools, coarse: bool) -> None:
        holders = self.steps.holders(rule.units)
        there = self.steps.candidates(rule.weights)
        there = there[bound[holders.of_step[there]]]
        weights = self.steps.weights(rule.weights, there)
        counts = weights != 0
        there, weights = there[counts], weights[counts]
        unit = holders.of_step[there]
        where = np.flatnonzero(bound)
        limits = {sign: np.full(len(place), np.inf) for sign in (1, -1)}
        limits[1][where], limits[-1][where] = rule.upper[place[where]], -rule.lower[place[where]]
        q = quantum(weights, self.steps.longest)
        if coarse:
            q = max(q, _coarse(weights, [*limits.values()]))
        for sign, limit in limits.items():
            soft = rule.soft
            if soft is not None and not (soft.max_side if sign > 0 else soft.min_side):
                soft = None
            if not np.isfinite(limit).any():
                continue
            value = np.floor(sign * weights / q + 1e-9).astype(np.int64) if coarse else whole(sign * weights, q)
            self._add_side(number, holders.cls, there, unit, value, limit, q, soft)

    def _add_side(
        self,
        number: int,
        cls: Ints,
        there: Int64,
        unit: Ints,
        weight: Int64,
        limit: Floats,
        q: float,
        soft: Soft | None,
    ) -> None:
        begins, rest = whole_caps(limit, q, soft is not None)
        most, alone = _most(unit, weight, len(limit))
        alive = np.isfinite(limit) & (begins < most)
        # Without a contact that counts, a bound is kept or broken whatever is chosen.
        broken = np.flatnonzero(np.isfinite(limit) & alone & (begins < 0))
        if len(broken):
            over = -(begins[broken] + rest[broken]) * q
            unpaid = over > soft.tolerance + 1e-9 if soft is not None else np.ones(len(broken), bool)
            self.feasible[cls[broken[unpaid]]] = False
            if soft is not None:
                np.subtract.at(self.worth, cls[broken], soft.penalty * over)
        rows = np.flatnonzero(alive[unit] & (weight != 0))
        size = len(rows)
        if not size:
            return
        unit = unit[rows]
        self._step.append(there[rows])
        self._cap.append(unit.astype(np.int64) + self.count)
        self._weight.append(weight[rows])
        self._begins.append(begins[unit])
        self._price.append(np.full(size, -1.0 if soft is None else soft.penalty * q))
        self._slack.append(np.full(size, np.inf if soft is None else (soft.tolerance + 1e-9) / q))
        self._rest.append(rest[unit])
        self._rule.append(np.full(size, number, np.int32))
        self.count += len(limit)

    def laid(self) -> tuple[Caps, Ints, int]:
        """The caps along the steps, the rule of each row, and the number of columns their states need."""
        total = len(self.steps.cls)
        if not self._step:
            none, zero = np.empty(0, np.int64), np.empty(0)
            off = np.empty(0, bool)
            ints = np.empty(0, np.int32)
            empty = Caps(np.zeros(total + 1, np.int64), ints, none, off, none, off, none, none, zero, zero, zero)
            return empty, ints, 0
        step, cap = np.concatenate(self._step), np.concatenate(self._cap)
        weight = np.concatenate(self._weight)
        by_cap = counted_order(cap, self.count)
        by_step = counted_order(step[by_cap], total, by_cap)
        order = counted_order(cap[by_step], self.count, by_step)
        cap_in_order = cap[order]
        first_of_run = np.r_[True, cap_in_order[1:] != cap_in_order[:-1]]
        ends, starts = np.empty(len(step), bool), np.empty(len(step), bool)
        ends[order], starts[order] = first_of_run, np.r_[first_of_run[1:], True]
        most, least = np.empty(len(step), np.int64), np.empty(len(step), np.int64)
        for out, part in ((most, np.maximum(weight, 0)), (least, np.minimum(weight, 0))):
            before = np.cumsum(part[order]) - part[order]
            run = np.flatnonzero(first_of_run)
            out[order] = before - np.repeat(before[run], np.diff(np.r_[run, len(order)]))
        number = np.empty(len(step), np.int64)
        number[order] = np.cumsum(first_of_run) - 1
        start = np.zeros(total + 1, np.int64)
        np.cumsum(np.bincount(step, minlength=total), out=start[1:])
        column, width = columns(
            self.steps.start, start, number[by_step], starts[by_step], ends[by_step], int(number.max()) + 1
        )
        caps = Caps(
            start, column, weight[by_step], starts[by_step], np.concatenate(self._begins)[by_step], ends[by_step],
            most[by_step], least[by_step], np.concatenate(self._price)[by_step], np.concatenate(self._slack)[by_step],
            np.concatenate(self._rest)[by_step],
        )  # fmt: skip
        return caps, np.concatenate(self._rule)[by_step], width


def say_caps(said: Hashes, caps: Caps) -> None:
    """Add what caps read at each step to its hash."""
    words: list[NDArray[Any]] = [
        caps.column, caps.weight, caps.starts, np.where(caps.starts, caps.begins, 0), caps.ends, caps.most, caps.least,
        caps.price.view(np.int64), caps.slack.view(np.int64), caps.rest.view(np.int64),
    ]  # fmt: skip
    say_runs(said, caps.start, np.stack([word.astype(np.int64) for word in words], axis=1))


def _coarse(weights: Floats, limits: list[Floats]) -> float:
    """A quantum of which few make a bound: rounding weights down to it only loosens the rule."""
    finite = [np.abs(limit[np.isfinite(limit)]).max(initial=0.0) for limit in limits]
    return float(max(*finite, np.abs(weights).max(initial=0.0))) / COARSE_STATES


@compiled
def _most(unit: Ints, weight: Int64, size: int) -> tuple[Int64, Bools]:
    """The largest sum of each unit, and whether nothing counts in it."""
    most, alone = np.zeros(size, np.int64), np.ones(size, np.bool_)
    for k in range(len(unit)):
        alone[unit[k]] = False
        if weight[k] > 0:
            most[unit[k]] += weight[k]
    return most, alone


@compiled
def columns(classes: Int64, start: Int64, cap: Int64, starts: Bools, ends: Bools, count: int) -> tuple[Ints, int]:
    """A column for each cap while it runs, used again by others after; laid from the last step so that ends agree."""
    column = np.zeros(len(cap), np.int32)
    held = np.zeros(count, np.int32)
    free = np.empty(count + 1, np.int32)
    width = 0
    for c in range(len(classes) - 1):
        idle, used = 0, 0
        for s in range(classes[c], classes[c + 1]):
            for r in range(start[s], start[s + 1]):
                if ends[r]:
                    if idle:
                        idle -= 1
                        held[cap[r]] = free[idle]
                    else:
                        held[cap[r]] = used
                        used += 1
                column[r] = held[cap[r]]
            for r in range(start[s], start[s + 1]):
                if starts[r]:
                    free[idle] = column[r]
                    idle += 1
        width = max(width, used)
    return column, width


@bare
def step_caps(row: Int64, offset: int, s: int, take: bool, caps: Caps) -> float:
    """Decide step ``s`` in the columns of caps from ``offset``; what it costs, inf where a hard cap is broken."""
    cost = 0.0
    for r in range(caps.start[s], caps.start[s + 1]):
        place = offset + caps.column[r]
        left = caps.begins[r] if caps.starts[r] else row[place]
        if left != FORGOTTEN:
            if take:
                left -= caps.weight[r]
            most, least = caps.most[r], caps.least[r]
            if left >= most:
                left = FORGOTTEN
            elif caps.price[r] < 0.0:
                if left < least:
                    return np.inf
            elif caps.slack[r] < np.inf:
                if least - left - caps.rest[r] > caps.slack[r]:
                    return np.inf
            else:
                sure = least - 1 if caps.rest[r] > 0.0 else least
                if left < sure:
                    cost += (sure - left) * caps.price[r]
                    left = sure
        if caps.ends[r]:
            if left < 0:
                cost -= (left + caps.rest[r]) * caps.price[r]
            left = 0
        row[place] = left
    return cost
