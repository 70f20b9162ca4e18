"""Greedy by priority: contacts in the order of what each is worth alone, taken while every rule allows.

First the contacts that a minimum still lacks, then all that earn something. It is what rule engines do; fatigue and
combined responses are not foreseen, and the plan is valued afterwards like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Clash, Count, Distinct, Expression, LocalRule, Precedence, Problem, Weights
from optimizer.solve.local_rows import forbidden
from tests.benchmarks.scale.greedy_kernel import take

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def greedy(problem: Problem) -> Ints:
    """The pairs chosen."""
    worth = worth_of(problem, problem.objective)
    pairs = np.flatnonzero(~forbidden(problem))
    order = pairs[np.argsort(-worth[pairs], kind="stable")]
    units = _Units.of(problem)
    counts, clashes = _counts(problem, units), _ordered(problem, units, Clash)
    befores, groups, rows = _ordered(problem, units, Precedence), _groups(problem, units), _rows(problem)
    made = take(
        order, worth, problem.customer.astype(np.int64), problem.activity.astype(np.int64), units.unit, units.most,
        (counts.kind, counts.cap, counts.weight, counts.dense_row, counts.dense),
        (clashes.kind, clashes.first, clashes.then, clashes.follows),
        (befores.kind, befores.first, befores.then, befores.follows),
        (groups.kind, groups.member, groups.group, groups.touched, groups.upper),
        (rows.start, rows.row, rows.value, rows.lower, rows.upper),
    )  # fmt: skip
    return np.flatnonzero(_without_halves(problem, made))


def worth_of(problem: Problem, expression: Expression) -> Floats:
    """What each pair adds to an expression when it stands alone, (E,)."""
    value = np.zeros(len(problem.customer))
    for weights in expression.contacts:
        value += weights.on(problem.customer, problem.activity)
    for kind, terms in expression.responses.items():
        alone = np.minimum(1.0, problem.responses.scores[kind] * problem.responses.static)
        for weights in terms:
            value += weights.on(problem.customer, problem.activity) * alone
    return value


@dataclass(frozen=True)
class _Units:
    """Customers, and whatever else gathers them, by number: ``unit`` (kinds, N)."""

    names: list[str]
    unit: Ints
    most: int

    @classmethod
    def of(cls, problem: Problem) -> _Units:
        known = {rule.units.kind: rule.units.unit for rule in problem.local}
        known[problem.units.kind] = problem.units.unit
        unit = np.stack([one.astype(np.int64) for one in known.values()])
        return cls(list(known), unit, int(unit.max()) + 1)

    def number(self, rule: LocalRule) -> int:
        return self.names.index(rule.units.kind)


@dataclass(frozen=True)
class _Counts:
    kind: Ints  # (R,)
    cap: NDArray[np.float32]  # (R, U)
    weight: Floats  # (R, A)
    dense_row: Ints  # (R,) row of ``dense``, -1 where the weight depends on the activity alone
    dense: NDArray[np.float32]  # (D, E)


@dataclass(frozen=True)
class _Ordered:
    """Clashes; or precedences, in which ``first`` needs a ``then``."""

    kind: Ints
    first: Bools  # (R, E)
    then: Bools
    follows: Bools  # (R, A, A)


@dataclass(frozen=True)
class _Groups:
    kind: Ints
    member: Bools  # (R, E)
    group: Bools  # (R, G, A)
    touched: Bools  # (R, U, G)
    upper: NDArray[np.float32]  # (R, U)


@dataclass(frozen=True)
class _Rows:
    start: Ints  # (E + 1,)
    row: NDArray[np.int32]
    value: Floats
    lower: Floats
    upper: Floats


def _counts(problem: Problem, units: _Units) -> _Counts:
    rules = [rule for rule in problem.local if isinstance(rule, Count) and np.isfinite(rule.upper).any()]
    width = len(problem.activity_names)
    cap = np.full((len(rules), units.most), np.inf, np.float32)
    weight, dense_row = np.zeros((len(rules), width)), np.full(len(rules), -1, np.int64)
    dense: list[NDArray[np.float32]] = []
    for number, rule in enumerate(rules):
        cap[number, rule.bound_units] = rule.upper
        if rule.weights.customer is None and rule.weights.pair is None:
            part = rule.weights.activity
            weight[number] = rule.weights.factor * (np.ones(width) if part is None else part)
        else:
            dense_row[number] = len(dense)
            dense.append(rule.weights.on(problem.customer, problem.activity).astype(np.float32))
    return _Counts(_kinds(rules, units), cap, weight, dense_row, _stacked(dense, (len(problem.customer),), np.float32))


def _ordered(problem: Problem, units: _Units, kind: type[Clash] | type[Precedence]) -> _Ordered:
    rules = [rule for rule in problem.local if isinstance(rule, kind) and rule.soft is None]
    sides: list[tuple[Weights, Weights, Bools]] = [
        (rule.first, rule.then, rule.follows) if isinstance(rule, Clash) else (rule.what, rule.enabler, rule.enables)
        for rule in rules
        if isinstance(rule, Clash | Precedence)
    ]
    length, width = len(problem.customer), len(problem.activity_names)
    return _Ordered(
        _kinds(rules, units),
        _stacked([_flags(problem, first) for first, _, _ in sides], (length,), bool),
        _stacked([_flags(problem, then) for _, then, _ in sides], (length,), bool),
        _stacked([follows for _, _, follows in sides], (width, width), bool),
    )


def _groups(problem: Problem, units: _Units) -> _Groups:
    rules = [
        rule
        for rule in problem.local
        if isinstance(rule, Distinct) and rule.soft is None and np.isfinite(rule.upper).any()
    ]
    most = max((len(rule.groups) for rule in rules), default=0)
    group = np.zeros((len(rules), most, len(problem.activity_names)), bool)
    touched = np.zeros((len(rules), units.most, most), bool)
    upper = np.full((len(rules), units.most), np.inf, np.float32)
    for number, rule in enumerate(rules):
        group[number, : len(rule.groups)] = rule.groups
        touched[number, rule.bound_units, : len(rule.groups)] = rule.touched
        upper[number, rule.bound_units] = rule.upper
    member = _stacked([_flags(problem, rule.members) for rule in rules], (len(problem.customer),), bool)
    return _Groups(_kinds(rules, units), member, group, touched, upper)


def _rows(problem: Problem) -> _Rows:
    """Coupling rows by pair, without what is not of contacts."""
    length = len(problem.customer)
    values = [worth_of(problem, row.expression) for row in problem.coupling]
    start = np.zeros(length + 1, np.int64)
    for value in values:
        start[1:] += value != 0
    np.cumsum(start, out=start)
    place, row, amount = start[:-1].copy(), np.empty(start[-1], np.int32), np.empty(start[-1])
    for number, value in enumerate(values):
        inside = np.flatnonzero(value)
        row[place[inside]], amount[place[inside]] = number, value[inside]
        place[inside] += 1
    bounds = np.array([(one.lower, one.upper) for one in problem.coupling], float).reshape(-1, 2)
    constant = np.array([one.expression.constant for one in problem.coupling])
    return _Rows(start, row, amount, bounds[:, 0] - constant, bounds[:, 1] - constant)


def _without_halves(problem: Problem, made: Bools) -> Bools:
    """Drop the contacts of units that a hard minimum of groups leaves half done."""
    kept = made.copy()
    for rule in problem.local:
        if not isinstance(rule, Distinct) or rule.soft is not None or not (rule.lower > 0).any():
            continue
        chosen = np.flatnonzero(kept & _flags(problem, rule.members))
        unit = rule.units.unit[problem.customer]
        reached = np.zeros((int(rule.units.unit.max()) + 1, len(rule.groups)), bool)
        for number, group in enumerate(rule.groups):
            reached[unit[chosen[group[problem.activity[chosen]]]], number] = True
        count = reached.sum(axis=1)
        least = np.zeros(len(count))
        least[rule.bound_units] = rule.lower
        kept &= ~((count > 0) & (count < least))[unit]
    return kept


def _flags(problem: Problem, weights: Weights) -> Bools:
    return np.asarray(weights.on(problem.customer, problem.activity) != 0)


def _kinds(rules: list[LocalRule] | list[Count] | list[Distinct] | list[Clash | Precedence], units: _Units) -> Ints:
    return np.array([units.number(rule) for rule in rules], np.int64)


def _stacked(parts: list[NDArray], shape: tuple[int, ...], dtype: type) -> NDArray:
    return np.stack(parts).astype(dtype) if parts else np.zeros((0, *shape), dtype)
