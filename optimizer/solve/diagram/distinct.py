"""Numbers of distinct groups along the steps: what is left of both bounds, and the touched groups still to be met.

    state (up, low, touched): up = upper - groups so far, low = lower - groups so far,
    touched = the groups so far that later slots may touch again
    reach   = groups that later slots may touch anew
        up ≥ reach   the maximum can no longer bind: forgotten
        low ≤ 0      the minimum holds: forgotten;  low > reach: broken, or paid at once where it is soft

Groups that the past touched are no groups of the unit. A minimum that holds only once a group is touched waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Bools, Distinct, Floats, Ints, Problem
from optimizer.solve.diagram.caps import EXACT, FORGOTTEN, Eased, columns
from optimizer.solve.diagram.compiled import Hashes, Int64, bare, compiled
from optimizer.solve.diagram.steps import Steps, say_runs
from optimizer.solve.diagram.whole import FAR, whole_caps

#: Added to a minimum that waits for the first group.
WAITING = 1 << 59


class Groups(NamedTuple):
    """What the numbers of groups read at each step; runs of rows by step.

    ``fresh`` and ``later`` are sets of groups as bits: those the step's contact touches, those later steps may touch.
    ``up`` and ``low`` begin the bounds where the step is the first one. Prices are -1 on a hard side.
    """

    start: Int64  # (S+1,)
    column: Ints  # counted in blocks of 2 + words
    fresh: Int64  # (R, words)
    later: Int64
    starts: Bools
    ends: Bools
    up: Int64
    low: Int64
    up_price: Floats
    low_price: Floats
    up_rest: Floats
    low_rest: Floats
    slack: Floats


@dataclass(frozen=True)
class _Part:
    """The rows of one rule."""

    step: Int64
    number: Int64
    fresh: Int64
    up: Int64
    low: Int64
    prices: Floats  # (R, 5): up_price, low_price, up_rest, low_rest, slack


def groups_of(problem: Problem, steps: Steps, eased: Eased, worth: Floats, feasible: Bools) -> tuple[Groups, Ints, int]:
    """Lay the distinct rules along the steps: what they read, the rule of each row, and the columns they need."""
    parts: list[_Part] = []
    rules: list[Ints] = []
    count = 0
    for number, rule in enumerate(problem.local):
        if isinstance(rule, Distinct):
            part = _part(rule, steps, eased[:, number] != EXACT, worth, feasible, count)
            count += len(steps.holders(rule.units).unit)
            if part is not None:
                parts.append(part)
                rules.append(np.full(len(part.step), number, np.int32))
    total = len(steps.cls)
    if not parts:
        none, zero, off = np.empty(0, np.int64), np.empty(0), np.empty(0, bool)
        ints, sets = np.empty(0, np.int32), np.empty((0, 1), np.int64)
        start = np.zeros(total + 1, np.int64)
        return Groups(start, ints, sets, sets, off, off, none, none, zero, zero, zero, zero, zero), ints, 0
    words = max(part.fresh.shape[1] for part in parts)
    fresh = np.concatenate([np.pad(part.fresh, ((0, 0), (0, words - part.fresh.shape[1]))) for part in parts])
    step = np.concatenate([part.step for part in parts])
    _, number_of = np.unique(np.concatenate([part.number for part in parts]), return_inverse=True)
    order = np.lexsort((number_of, step))
    start = np.zeros(total + 1, np.int64)
    np.cumsum(np.bincount(step, minlength=total), out=start[1:])
    number_of, fresh = number_of[order], np.ascontiguousarray(fresh[order])
    starts, ends, later = _laid(start, number_of, fresh, int(number_of.max()) + 1)
    column, width = columns(steps.start, start, number_of, starts, ends, int(number_of.max()) + 1)
    prices = np.concatenate([part.prices for part in parts])[order]
    found = Groups(
        start,
        column,
        fresh,
        later,
        starts,
        ends,
        np.concatenate([part.up for part in parts])[order],
        np.concatenate([part.low for part in parts])[order],
        *(np.ascontiguousarray(prices[:, k]) for k in range(5)),
    )
    return found, np.concatenate(rules)[order], width * (2 + words)


def say_groups(said: Hashes, groups: Groups) -> None:
    """Add what numbers of groups read at each step to its hash."""
    words: list[NDArray[Any]] = [
        groups.column, groups.starts, groups.ends, np.where(groups.starts, groups.up, 0),
        np.where(groups.starts, groups.low, 0), groups.up_price.view(np.int64), groups.low_price.view(np.int64),
        groups.up_rest.view(np.int64), groups.low_rest.view(np.int64), groups.slack.view(np.int64),
    ]  # fmt: skip
    table = np.stack([word.astype(np.int64) for word in words], axis=1)
    say_runs(said, groups.start, np.concatenate([table, groups.fresh, groups.later], axis=1))


def _part(rule: Distinct, steps: Steps, dropped: Bools, worth: Floats, feasible: Bools, count: int) -> _Part | None:
    """The rows of a rule where it can bind; what holds whatever is chosen goes into ``worth`` and ``feasible``."""
    holders = steps.holders(rule.units)
    place = steps.places(rule.units, rule.bound_units)
    bound = (place >= 0) & ~dropped[holders.cls]
    if not bound.any():
        return None
    at = np.maximum(place, 0)
    counts = steps.members(rule.members) & bound[holders.of_step]
    seen = np.flatnonzero(rule.groups[:, np.unique(steps.activity[counts])].any(axis=1))
    by_activity = _bits(rule.groups[seen].T)
    touched = _bits(rule.touched[at][:, seen])
    fresh = np.where(counts[:, None], by_activity[steps.activity] & ~touched[holders.of_step], 0)
    reach = _reach(holders.of_step, fresh, len(place))
    soft = rule.soft
    soft_up, soft_low = soft is not None and soft.max_side, soft is not None and soft.min_side
    upper, lower = np.where(bound, rule.upper[at], np.inf), np.where(bound, rule.lower[at], -np.inf)
    up, up_rest = whole_caps(upper, 1.0, soft_up)
    low, low_rest = whole_caps(-lower, 1.0, soft_low)
    low = -low
    waits = np.zeros(len(place), bool)
    if rule.if_contacted:
        waits = bound & ~rule.touched[at].any(axis=1)
    slack = np.inf if soft is None else soft.tolerance + 1e-9
    price = 0.0 if soft is None else soft.penalty
    for alone, rest, is_soft in (
        (np.where((reach == 0) & (up < 0), -up, 0), -up_rest, soft_up),
        (np.where((reach == 0) & ~waits & (low > 0) & (low < FAR), low, 0), -low_rest, soft_low),
    ):
        amount = np.where(alone > 0, alone + rest, 0.0)
        paid = amount * is_soft
        feasible[holders.cls[(alone > 0) & ((paid > slack) | (not is_soft))]] = False
        np.subtract.at(worth, holders.cls, price * paid)
    up = np.where(bound & (up < reach), up, FORGOTTEN)
    low = np.where(waits, np.where(low <= 1, FORGOTTEN, low + WAITING), np.where(low <= 0, FORGOTTEN, low))
    alive = bound & (reach > 0) & ((up != FORGOTTEN) | (low != FORGOTTEN))
    there = np.flatnonzero(alive[holders.of_step] & fresh.any(axis=1))
    if not len(there):
        return None
    unit = holders.of_step[there]
    size = len(there)
    prices = np.stack(
        [
            np.full(size, price if soft_up else -1.0),
            np.full(size, price if soft_low else -1.0),
            up_rest[unit],
            low_rest[unit],
            np.full(size, slack),
        ],
        axis=1,
    )
    return _Part(there, unit.astype(np.int64) + count, fresh[there], up[unit], low[unit], prices)


def _bits(member: Bools) -> Int64:
    """Rows of flags as sets of bits, (n, words)."""
    rows, size = member.shape
    words = max(1, (size + 63) // 64)
    padded = np.zeros((rows, words * 64), np.uint8)
    padded[:, :size] = member
    return np.packbits(padded, axis=1, bitorder="little").view(np.int64)


@compiled
def _reach(holder: Ints, fresh: Int64, size: int) -> Int64:
    """How many groups each holder's steps touch in all."""
    seen = np.zeros((size, fresh.shape[1]), np.int64)
    for s in range(len(holder)):
        seen[holder[s]] |= fresh[s]
    total = np.zeros(size, np.int64)
    for k in range(size):
        for w in range(fresh.shape[1]):
            total[k] += _ones(seen[k, w])
    return total


@compiled
def _ones(word: int) -> int:
    """Number of bits set."""
    count = 0
    while word:
        word &= word - 1
        count += 1
    return count


@compiled
def _laid(start: Int64, number: Int64, fresh: Int64, count: int) -> tuple[Bools, Bools, Int64]:
    """First and last row of each number of groups, and the groups that later steps may touch."""
    starts, ends = np.zeros(len(number), np.bool_), np.zeros(len(number), np.bool_)
    later = np.zeros(fresh.shape, np.int64)
    seen, latest = np.zeros((count, fresh.shape[1]), np.int64), np.full(count, -1, np.int64)
    for s in range(len(start) - 1):
        for r in range(start[s], start[s + 1]):
            k = number[r]
            ends[r] = latest[k] < 0
            later[r] = seen[k]
            seen[k] |= fresh[r]
            latest[k] = r
    for k in range(count):
        starts[latest[k]] = True
    return starts, ends, later


@bare
def step_groups(row: Int64, offset: int, s: int, take: bool, groups: Groups) -> float:
    """Decide step ``s`` in the columns from ``offset``; what it costs, inf where a hard bound is broken."""
    cost = 0.0
    words = groups.fresh.shape[1]
    for r in range(groups.start[s], groups.start[s + 1]):
        place = offset + groups.column[r] * (2 + words)
        up, low = (groups.up[r], groups.low[r]) if groups.starts[r] else (row[place], row[place + 1])
        if up != FORGOTTEN or low != FORGOTTEN:
            new, reach = 0, 0
            for w in range(words):
                touched = row[place + 2 + w]
                if take:
                    new += _ones(groups.fresh[r, w] & ~touched)
                    touched |= groups.fresh[r, w]
                reach += _ones(groups.later[r, w] & ~touched)
                row[place + 2 + w] = touched & groups.later[r, w]
            if up != FORGOTTEN:
                up -= new
                price, rest = groups.up_price[r], groups.up_rest[r]
                if up >= reach:
                    up = FORGOTTEN
                elif price < 0.0:
                    if up < 0:
                        return np.inf
                elif groups.slack[r] < np.inf:
                    if -up - rest > groups.slack[r]:
                        return np.inf
                else:
                    sure = -1 if rest > 0.0 else 0
                    if up < sure:
                        cost += (sure - up) * price
                        up = sure
            if low != FORGOTTEN:
                price, rest = groups.low_price[r], groups.low_rest[r]
                if low > WAITING - (1 << 58) and new > 0:
                    low -= WAITING
                low -= new if low < WAITING - (1 << 58) else 0
                if low > WAITING - (1 << 58):
                    if reach == 0:
                        low = FORGOTTEN
                elif low <= 0:
                    low = FORGOTTEN
                elif price < 0.0:
                    if low > reach:
                        return np.inf
                elif groups.slack[r] < np.inf:
                    if low - rest - reach > groups.slack[r]:
                        return np.inf
                else:
                    sure = reach + 1 if rest > 0.0 else reach
                    if low > sure:
                        cost += (low - sure) * price
                        low = sure
        if groups.ends[r]:
            if up < 0:
                cost -= (up + groups.up_rest[r]) * groups.up_price[r]
            if 0 < low < WAITING - (1 << 58):
                cost += (low - groups.low_rest[r]) * groups.low_price[r]
            up, low = 0, 0
        if groups.ends[r] or (up == FORGOTTEN and low == FORGOTTEN):
            for w in range(words):
                row[place + 2 + w] = 0
        row[place], row[place + 1] = up, low
    return cost
