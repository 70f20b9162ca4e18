"""Local rules as rows: counts, distinct sets, clashes as maximal cliques, precedences.

Every function adds named rows to the linear model; soft rules add a violation ≥ 0 priced in the objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.problem import Bools, Clash, Count, Distinct, Floats, LocalRule, Precedence, Problem, Soft
from optimizer.solve.cliques import maximal_cliques
from optimizer.solve.linear_model import Indices, LinearModel
from optimizer.solve.patterns import PackingRows


@dataclass(frozen=True)
class Bend:
    """Violations of one soft rule on one side: their columns and their price."""

    rule: str
    scope: str
    side: str  # "min", "max" or "" where the rule has no sides
    columns: Indices
    soft: Soft


@dataclass(frozen=True)
class Owner:
    """A run of rows and the rules they state."""

    rules: tuple[str, ...]
    start: int
    stop: int


@dataclass
class LocalRows:
    """Adds local rules to a model.

    Attributes
    ----------
    contact : (E,) column of each pair, -1 where removed.
    free : (F,) pairs with a column, in model order; ``customer`` and ``activity`` are theirs.
    """

    model: LinearModel
    problem: Problem
    contact: Indices
    free: Indices
    bends: list[Bend] = field(default_factory=list)
    owners: list[Owner] = field(default_factory=list)
    _packing: list[tuple[Indices, Indices, Floats, Floats]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Look up the free pairs once."""
        self.customer = self.problem.customer[self.free]
        self.activity = self.problem.activity[self.free]
        self.column = self.contact[self.free]

    def add_all(self) -> None:
        """Add every local rule; hard clashes of the same units become common cliques."""
        clashes: dict[str, list[Clash]] = {}
        for rule in self.problem.local:
            start = self.model.height
            if isinstance(rule, Count):
                self._count(rule)
            elif isinstance(rule, Distinct):
                self._distinct(rule)
            elif isinstance(rule, Precedence):
                self._precedence(rule)
            elif rule.soft is None:
                clashes.setdefault(rule.units.kind, []).append(rule)
            else:
                self._soft_clash(rule)
            self.owners.append(Owner((rule.rule,), start, self.model.height))
        for rules in clashes.values():
            start = self.model.height
            active = self._cliques(rules)
            self.owners.append(Owner(active, start, self.model.height))

    def packing(self) -> PackingRows:
        """Hard rows inside one customer, for the pruning of patterns."""
        if not self._packing:
            return PackingRows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))
        offsets = np.cumsum([0] + [len(part[3]) for part in self._packing])
        return PackingRows(
            np.concatenate([part[0] + offset for part, offset in zip(self._packing, offsets, strict=False)]),
            np.concatenate([part[1] for part in self._packing]),
            np.concatenate([part[2] for part in self._packing]),
            np.concatenate([part[3] for part in self._packing]),
        )

    # --- lower ≤ Σ w x ≤ upper ------------------------------------------------------------------------------

    def _count(self, rule: Count) -> None:
        weights = rule.weights.on(self.problem.customer, self.problem.activity)[self.free]
        unit = rule.units.unit[self.customer]
        lower, upper = self._bounds(rule)
        in_rule = (weights != 0) & (np.isfinite(lower[unit]) | np.isfinite(upper[unit]))
        # A cap that the unit's whole list cannot reach, or a minimum it cannot miss, needs no row.
        most = np.bincount(unit[in_rule], np.maximum(weights[in_rule], 0), len(rule.units.names))
        least = np.bincount(unit[in_rule], np.minimum(weights[in_rule], 0), len(rule.units.names))
        upper = np.where(most <= upper, np.inf, upper)
        lower = np.where(least >= lower, -np.inf, lower)
        in_rule &= np.isfinite(lower[unit]) | np.isfinite(upper[unit])
        units = _in_order(unit[in_rule], np.flatnonzero(np.isfinite(lower) | np.isfinite(upper)))
        if not len(units):
            return
        place = np.full(len(rule.units.names), -1)
        place[units] = np.arange(len(units))
        row = place[unit[in_rule]]
        labels = [rule.units.names[u] for u in units]
        self._bounded(rule, row, self.column[in_rule], weights[in_rule], lower[units], upper[units], labels)
        hard_above = rule.soft is None or not rule.soft.max_side
        if hard_above and rule.units.kind == "customer" and (weights[in_rule] >= 0).all():
            finite = np.isfinite(upper[units])
            kept = finite[row]
            renumbered = np.cumsum(finite) - 1
            self._packing.append(
                (renumbered[row[kept]], self.free[in_rule][kept], weights[in_rule][kept], upper[units][finite])
            )

    def _bounds(self, rule: Count | Distinct) -> tuple[Floats, Floats]:
        """Bounds of every unit, ±inf where the rule does not bind it."""
        lower = np.full(len(rule.units.names), -np.inf)
        upper = np.full(len(rule.units.names), np.inf)
        lower[rule.bound_units], upper[rule.bound_units] = rule.lower, rule.upper
        return lower, upper

    def _bounded(
        self,
        rule: Count | Distinct,
        row: Indices,
        column: Indices,
        value: Floats,
        lower: Floats,
        upper: Floats,
        labels: Sequence[str],
    ) -> None:
        """Rows with hard or soft bounds; a soft side has a violation of its own."""
        size, soft, name = len(lower), rule.soft, _title(rule.rule, rule.scope)
        # Contacts and indicators lie in [0, 1]: what a row can reach bounds what it can bend.
        least = np.bincount(row, np.minimum(value, 0.0), size)
        most = np.bincount(row, np.maximum(value, 0.0), size)
        if soft is None:
            self.model.add_rows(name, row, column, value, lower=lower, upper=upper, size=size, labels=labels)
            return
        for side, bound, sign in (("min", lower, 1.0), ("max", upper, -1.0)):
            finite = np.flatnonzero(np.isfinite(bound))
            if not len(finite):
                continue
            place = np.full(size, -1)
            place[finite] = np.arange(len(finite))
            kept = place[row] >= 0
            rows, columns, values = place[row[kept]], column[kept], value[kept]
            names = [labels[int(k)] for k in finite]
            if soft.min_side if side == "min" else soft.max_side:
                furthest = np.maximum((bound - least if side == "min" else most - bound)[finite], 0.0)
                bends = self._bend(rule, side, f"{name} {side} violation", soft, furthest, names)
                rows = np.concatenate([rows, np.arange(len(finite))])
                columns = np.concatenate([columns, bends])
                values = np.concatenate([values, np.full(len(finite), sign)])
            self.model.add_rows(
                f"{name} {side}",
                rows,
                columns,
                values,
                lower=bound[finite] if side == "min" else -np.inf,
                upper=bound[finite] if side == "max" else np.inf,
                size=len(finite),
                labels=names,
            )

    def _bend(
        self, rule: LocalRule, side: str, name: str, soft: Soft, furthest: Floats, labels: Sequence[str] | None = None
    ) -> Indices:
        """Add violations ≥ 0, at most the tolerance and what can be reached, priced in the objective."""
        upper = np.minimum(furthest, soft.tolerance)
        columns = self.model.add_variables(name, len(furthest), upper=upper, objective=-soft.penalty, labels=labels)
        self.bends.append(Bend(rule.rule, rule.scope, side, columns, soft))
        return columns

    # --- number of groups touched -----------------------------------------------------------------------------

    def _distinct(self, rule: Distinct) -> None:
        name = _title(rule.rule, rule.scope)
        members = rule.members.on(self.problem.customer, self.problem.activity)[self.free] != 0
        unit = rule.units.unit[self.customer]
        lower, upper = self._bounds(rule)
        bound = np.full(len(rule.units.names), -1)
        bound[rule.bound_units] = np.arange(len(rule.bound_units))
        members &= bound[unit] >= 0
        groups = len(rule.groups)
        # (unit, group) keys of every pair that touches a group the past has not touched.
        pair, group = np.nonzero(rule.groups[:, self.activity].T & members[:, None])
        fresh = ~rule.touched[bound[unit[pair]], group]
        pair, group = pair[fresh], group[fresh]
        key, first, inverse = np.unique(
            unit[pair].astype(np.int64) * groups + group, return_index=True, return_inverse=True
        )
        order = np.argsort(first, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        key, inverse = key[order], rank[inverse]
        of_unit = key // groups
        reachable = np.bincount(of_unit, minlength=len(rule.units.names))
        upper = np.where(reachable <= upper, np.inf, upper)
        lower = np.where(lower <= 0, -np.inf, lower)
        size = np.bincount(inverse, minlength=len(key))
        needed = np.isfinite(lower[of_unit]) | np.isfinite(upper[of_unit])
        # One contact alone touches its group: the contact is the indicator.
        indicator = np.full(len(key), -1)
        single = size == 1
        alone = single[inverse]
        indicator[inverse[alone]] = self.column[pair[alone]]
        several = np.flatnonzero(~single & needed)
        touched = self.model.add_variables(
            f"{name} touched", len(several), upper=1.0,
            labels=[f"{rule.units.names[key[k] // groups]} group {key[k] % groups}" for k in several],
        )  # fmt: skip
        indicator[several] = touched
        place = np.full(len(key), -1)
        place[several] = np.arange(len(several))
        held = place[inverse] >= 0
        row, columns = place[inverse[held]], self.column[pair[held]]
        # x ≤ u, a row a contact; u ≤ Σ x, a row a group.
        count = len(row)
        self.model.add_rows(
            f"{name} touches", np.tile(np.arange(count), 2), np.concatenate([columns, touched[row]]),
            np.repeat([1.0, -1.0], count), lower=-np.inf, upper=0.0, size=count,
        )  # fmt: skip
        self.model.add_rows(
            f"{name} only if touched", np.r_[row, np.arange(len(several))], np.r_[columns, touched],
            np.repeat([1.0, -1.0], [count, len(several)]), lower=0.0, upper=np.inf, size=len(several),
        )  # fmt: skip
        conditional = np.zeros(len(rule.units.names), bool)
        if rule.if_contacted:
            conditional[rule.bound_units] = ~rule.touched.any(axis=1)
            self._if_contacted(rule, name, of_unit[needed], indicator[needed], np.where(conditional, lower, -np.inf))
            lower = np.where(conditional, -np.inf, lower)
        units = _in_order(of_unit[needed], np.flatnonzero(np.isfinite(lower) | np.isfinite(upper)))
        units = units[np.isfinite(lower[units]) | np.isfinite(upper[units])]
        place = np.full(len(rule.units.names), -1)
        place[units] = np.arange(len(units))
        kept = needed & (place[of_unit] >= 0)
        if len(units):
            labels = [rule.units.names[u] for u in units]
            self._bounded(
                rule, place[of_unit[kept]], indicator[kept], np.ones(kept.sum()), lower[units], upper[units], labels
            )

    def _if_contacted(self, rule: Distinct, name: str, of_unit: Indices, indicator: Indices, lower: Floats) -> None:
        """Σ_h u_h ≥ lower · u_g for every group g of the unit: none, or at least so many."""
        inside = np.isfinite(lower[of_unit])
        of_unit, indicator = of_unit[inside], indicator[inside]
        if not len(of_unit):
            return
        left, right = _joined(of_unit, of_unit)
        size = len(of_unit)
        row = np.concatenate([left, np.arange(size)])
        column = np.concatenate([indicator[right], indicator])
        value = np.concatenate([np.ones(len(left)), -lower[of_unit]])
        if rule.soft is not None and rule.soft.min_side:
            codes, units = pd.factorize(of_unit)
            bends = self._bend(
                rule, "min", f"{name} if contacted violation", rule.soft, np.full(len(units), lower.max(initial=0.0))
            )
            row = np.concatenate([row, np.arange(size)])
            column = np.concatenate([column, bends[codes]])
            value = np.concatenate([value, np.ones(size)])
        self.model.add_rows(f"{name} if contacted", row, column, value, lower=0.0, upper=np.inf, size=size)

    # --- clashes ----------------------------------------------------------------------------------------------

    def _edges(self, rule: Clash) -> tuple[Indices, Indices]:
        """Positions (in ``free``) of every clashing pair of contacts, the earlier position first."""
        first = rule.first.on(self.problem.customer, self.problem.activity)[self.free] != 0
        then = rule.then.on(self.problem.customer, self.problem.activity)[self.free] != 0
        active = np.flatnonzero(first | then)
        unit = rule.units.unit[self.customer[active]]
        left, right = _joined(unit, unit)
        left, right = active[left[left < right]], active[right[left < right]]
        a, b = self.activity[left], self.activity[right]
        clash = (first[left] & then[right] & rule.follows[a, b]) | (first[right] & then[left] & rule.follows[b, a])
        return left[clash], right[clash]

    def _cliques(self, rules: list[Clash]) -> tuple[str, ...]:
        """Hard clashes of all rules over the same units: one row a maximal clique of their union; the rules at work."""
        edges = [self._edges(rule) for rule in rules]
        left, right = np.concatenate([e[0] for e in edges]), np.concatenate([e[1] for e in edges])
        units = rules[0].units
        active = [rule.rule for rule, edge in zip(rules, edges, strict=True) if len(edge[0])]
        if not active:
            return ()
        unit = units.unit[self.customer[left]]
        nodes_row: list[Indices] = []
        nodes_position: list[Indices] = []
        labels: list[str] = []
        known: dict[tuple[int, bytes], list[list[int]]] = {}
        order = np.argsort(unit, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(unit[order])) + 1):
            nodes, flat = np.unique(np.concatenate([left[part], right[part]]), return_inverse=True)
            adjacency = np.zeros((len(nodes), len(nodes)), bool)
            a, b = flat[: len(part)], flat[len(part) :]
            adjacency[a, b] = adjacency[b, a] = True
            key = (len(nodes), np.packbits(adjacency).tobytes())
            if key not in known:
                known[key] = maximal_cliques(adjacency)
            for clique in known[key]:
                nodes_row.append(np.full(len(clique), len(labels)))
                nodes_position.append(nodes[clique])
                labels.append(f"{units.names[unit[part[0]]]} {len(labels)}")
        row, position = np.concatenate(nodes_row), np.concatenate(nodes_position)
        name = " + ".join(dict.fromkeys(active))
        self.model.add_rows(
            name, row, self.column[position], 1.0, lower=-np.inf, upper=1.0, size=len(labels), labels=labels
        )
        if units.kind == "customer":
            self._packing.append((row, self.free[position], np.ones(len(row)), np.ones(len(labels))))
        return tuple(dict.fromkeys(active))

    def _soft_clash(self, rule: Clash) -> None:
        """State x + x' − v ≤ 1: each clashing pair pays its own."""
        assert rule.soft is not None
        left, right = self._edges(rule)
        size, name = len(left), _title(rule.rule, rule.scope)
        bends = self._bend(rule, "", f"{name} violation", rule.soft, np.ones(size))
        self.model.add_rows(
            name, np.tile(np.arange(size), 3), np.concatenate([self.column[left], self.column[right], bends]),
            np.repeat([1.0, 1.0, -1.0], size), lower=-np.inf, upper=1.0, size=size,
        )  # fmt: skip

    # --- precedence -------------------------------------------------------------------------------------------

    def _precedence(self, rule: Precedence) -> None:
        """x_e − Σ x_e' − v ≤ 0 for every contact that needs another."""
        what = np.flatnonzero(rule.what.on(self.problem.customer, self.problem.activity)[self.free] != 0)
        enabler = np.flatnonzero(rule.enabler.on(self.problem.customer, self.problem.activity)[self.free] != 0)
        unit = rule.units.unit[self.customer]
        left, right = _joined(unit[what], unit[enabler])
        e, other = what[left], enabler[right]
        enables = rule.enables[self.activity[e], self.activity[other]]
        left, e, other = left[enables], e[enables], other[enables]
        free_alone = np.zeros(len(what), bool)
        free_alone[left[e == other]] = True
        place = np.cumsum(~free_alone) - 1
        kept = ~free_alone[left]
        size, name = int((~free_alone).sum()), _title(rule.rule, rule.scope)
        row = np.concatenate([np.arange(size), place[left[kept]]])
        column = np.concatenate([self.column[what[~free_alone]], self.column[other[kept]]])
        value = np.concatenate([np.ones(size), -np.ones(int(kept.sum()))])
        labels = [
            f"{self.problem.customer_names[self.customer[k]]} {self.problem.activity_names[self.activity[k]]}"
            for k in what[~free_alone]
        ]
        if rule.soft is not None:
            bends = self._bend(rule, "", f"{name} violation", rule.soft, np.ones(size), labels)
            row, column = np.concatenate([row, np.arange(size)]), np.concatenate([column, bends])
            value = np.concatenate([value, -np.ones(size)])
        self.model.add_rows(name, row, column, value, lower=-np.inf, upper=0.0, size=size, labels=labels)


def forbidden(problem: Problem) -> Bools:
    """Pairs that no plan may hold: removed ones, and those a hard cap is too small for on their own, (E,)."""
    gone = problem.removed.copy()
    for rule in problem.local:
        if isinstance(rule, Count) and (rule.soft is None or not rule.soft.max_side):
            weights = rule.weights.on(problem.customer, problem.activity)
            upper = np.full(len(rule.units.names), np.inf)
            upper[rule.bound_units] = rule.upper
            unit = rule.units.unit[problem.customer]
            negative = np.zeros(len(rule.units.names), bool)
            negative[unit[weights < 0]] = True
            limit = upper[unit]
            gone |= (weights > limit + 1e-9 * np.maximum(1.0, np.abs(limit))) & ~negative[unit]
    return gone


def _title(rule: str, scope: str) -> str:
    return f"{rule} [{scope}]" if scope else rule


def _in_order(seen: Indices, needed: Indices) -> Indices:
    """Distinct units in order of first appearance, then those needed that have no pair."""
    appeared = pd.unique(seen)
    return np.concatenate([appeared, np.setdiff1d(needed, appeared)]).astype(np.int64)


def _joined(left: NDArray[np.integer], right: NDArray[np.integer]) -> tuple[Indices, Indices]:
    """Positions (l, r) with left[l] == right[r], ordered by l then r."""
    order = np.argsort(right, kind="stable")
    start = np.searchsorted(right[order], left, side="left")
    count = np.searchsorted(right[order], left, side="right") - start
    places = np.repeat(np.arange(len(left)), count)
    within = np.arange(len(places)) - np.repeat(np.cumsum(count) - count, count)
    return places, order[np.repeat(start, count) + within]
