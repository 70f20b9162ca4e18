"""The lint: what counting says of the rules before any solve, beside what each verb says of itself.

    contradictory   no plan holds the row: its minimum is above the most, or its maximum below the least, that any plan
                    reaches, alone or while another rule's hard bounds hold
    redundant       every bound of the rule holds in every plan, alone or while another hard rule holds that stays
    dead            the rule touches nobody, or costs nothing to break

Rules are compared two at a time, a rule's disjoint scopes together (minima per country against one maximum for all).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from optimizer.problem import Bools, Count, CouplingRow, Distinct, Expression, Problem
from optimizer.reuse import Memory, memory_of
from optimizer.rules.base import Context, Finding, Verb
from optimizer.rules.compile import compile_context
from optimizer.rules.counting import TOLERANCE, Counted, Ground, disjoint, hard
from optimizer.rules.reached import Reached
from optimizer.rules.sentences import number
from optimizer.rules.wording import beyond, implied, unit_of

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: Pairs looked at before comparing stops: by the lint, and before a solve.
LINT_WORK, SOLVE_WORK = 150_000_000, 30_000_000
#: By how much a local minimum must be missed to be called out of reach: more than any rounding.
SURE = 1e-6
#: Rows of one rule that are also looked at one by one.
SINGLE = 12
COUPLING = ("volume", "budget", "sum", "average", "ratio", "share", "open")


def lint_scenario(scenario: Scenario, verbs: Mapping[str, Verb]) -> list[Finding]:
    """Every finding, in the order of the rules."""
    context = Context(scenario)
    problem, compiled = compile_context(context, verbs)
    enforced = [rule for rule in scenario.rules if rule.mode == "enforce"]
    units = {rule.name: unit_of(rule, scenario.currency) for rule in scenario.rules}
    comparison = Comparison(problem, units, LINT_WORK)
    findings = [finding for rule in scenario.rules for finding in verbs[rule.verb].lint(rule, context)]
    settled = {finding.rule for finding in findings if finding.kind in ("dead", "contradictory", "redundant")}
    for rule, one in zip(enforced, compiled, strict=True):
        price = rule.soft
        if price is not None and price.penalty == 0 and price.tolerance is None and price.side == "both":
            findings.append(Finding(rule.name, "dead", f"rule {rule.name!r} costs nothing to break"))
            settled.add(rule.name)
        elif rule.verb in COUPLING and not one.coupling and rule.name not in settled:
            findings.append(Finding(rule.name, "dead", f"rule {rule.name!r} has no bound in any scope"))
            settled.add(rule.name)
    against = comparison.contradictions(strict=False)
    findings += against
    settled |= {finding.rule for finding in against}
    findings += comparison.redundancies(settled)
    for rule in scenario.rules:
        if rule.mode == "report" and rule.verb in COUPLING:
            for row in verbs[rule.verb].compile(rule, context).coupling:
                if (alone := comparison.alone(row, strict=False)) is not None:
                    message = f"{alone.message} (reported, not enforced)"
                    findings.append(Finding(rule.name, "note", message, alone.scope))
    findings += _never_opened(context, comparison.ground)
    if comparison.stopped:
        findings.append(
            Finding("all rules", "note", "too many to compare every two of them: some contradictions may be missed")
        )
    place = {rule.name: position for position, rule in enumerate(scenario.rules)}
    return sorted(findings, key=lambda finding: place.get(finding.rule, len(place)))


def _never_opened(context: Context, ground: Ground) -> list[Finding]:
    """Offers and channels whose minimum volume is above what can be contacted: they stay closed."""
    findings = []
    for minimum in context.facts.minimum_volumes:
        pairs = np.flatnonzero(ground.free & minimum.activities[context.facts.pairs.activity])
        if (most := ground.most_contacts(pairs)) < minimum.volume:
            needed = f"it needs {number(minimum.volume)} contacts, {number(most)} are possible"
            findings.append(Finding(minimum.name, "note", f"{minimum.name} can never open: {needed}"))
    return findings


def contradictions(problem: Problem, scenario: Scenario | None = None) -> list[Finding]:
    """Contradictions that no plan can live with: those of hard bounds, and of soft ones beyond their tolerance.

    Of local rules, hard minima that the contacts left cannot reach; what takes two rules is left to the lint.
    """
    units = {} if scenario is None else {rule.name: unit_of(rule, scenario.currency) for rule in scenario.rules}
    comparison = Comparison(problem, units, SOLVE_WORK, None if scenario is None else memory_of(scenario.facts))
    return comparison.contradictions(strict=True) + comparison.local_minima()


class Comparison:
    """Coupling rows of one problem held against what can be contacted and against each other.

    ``stopped`` tells that the work allowed did not suffice to look at everything.
    """

    def __init__(self, problem: Problem, units: Mapping[str, str], work: int, memory: Memory | None = None) -> None:
        self.problem, self.units, self.allowed = problem, units, work
        self.ground = Ground(problem)
        self.reached = Reached(problem, self.ground, memory)
        self.stopped = False
        self.by_rule: dict[str, list[CouplingRow]] = {}
        for row in problem.coupling:
            self.by_rule.setdefault(row.rule, []).append(row)

    @property
    def spent(self) -> bool:
        """Whether the work allowed is done."""
        self.stopped |= self.ground.work > self.allowed
        return self.stopped

    # --- contradictions ---------------------------------------------------------------------------------------------

    def contradictions(self, *, strict: bool) -> list[Finding]:
        """Rows that no plan holds; ``strict``: beyond the tolerance of soft bounds as well."""
        found: dict[int, list[Finding]] = {}
        for place, row in enumerate(self.problem.coupling):
            if not self.spent and (finding := self.alone(row, strict=strict)):
                found[place] = [finding]
        for place, row in enumerate(self.problem.coupling):
            if place not in found and not self.spent:
                found[place] = next(self._together(row, strict=strict), [])
        return [finding for place in sorted(found) for finding in found[place]]

    def alone(self, row: CouplingRow, *, strict: bool) -> Finding | None:
        """The row against what is eligible."""
        lower, upper = _bounds(row, strict)
        if lower > upper:
            message = f"rule {row.rule!r} asks for at least {lower:,.10g} and at most {upper:,.10g}"
            return Finding(row.rule, "contradictory", message, row.scope)
        # What is no contact settles most rows: nobody has to be contacted for them.
        if lower <= self.ground.rest_low(row.expression) <= upper:
            return None
        reach = self.reached.bounded(row)
        for side, short, reached in (
            ("min", lower - reach.most, reach.most),
            ("max", reach.least - upper, reach.least),
        ):
            if short > reach.slack:
                message = beyond(row, side, reached, self.units.get(row.rule, ""), reach.customers)
                return Finding(row.rule, "contradictory", message, row.scope)
        return None

    def local_minima(self) -> list[Finding]:
        """Hard minima of customers and households beyond what all their contacts give, at most one a rule.

        Soft rules are left out, and so are minima that hold only once somebody is contacted.
        """
        found: dict[str, Finding] = {}
        for one in self.problem.local:
            if not isinstance(one, Count | Distinct) or one.soft is not None or one.rule in found:
                continue
            if (isinstance(one, Distinct) and one.if_contacted) or not (one.lower > 0).any() or self.spent:
                continue
            reach = np.minimum(self.ground.most_local(one), one.upper)
            asked = np.isfinite(one.lower) & (one.lower > 0)
            if not (short := asked & (one.lower > reach + SURE * (1.0 + np.abs(one.lower)))).any():
                continue
            first = int(np.flatnonzero(short)[0])
            unit = one.units.names[one.bound_units[first]]
            units = "customers" if one.units.kind == "customer" else "households"
            message = (
                f"rule {one.rule!r} asks for more than {int(short.sum()):,} of the {int(asked.sum()):,} {units} "
                f"it binds can have: {unit} needs {number(float(one.lower[first]))} and can have "
                f"{number(max(0.0, float(reach[first])))} at most"
            )
            found[one.rule] = Finding(one.rule, "contradictory", message, one.scope)
        return list(found.values())

    def _together(self, row: CouplingRow, *, strict: bool) -> Iterator[list[Finding]]:
        """The row against the hard bounds of one other rule at a time."""
        lower, upper = _bounds(row, strict)
        for other, rows in self._others(row):
            if not any(self._asks(one) for one in (row, *rows)):
                continue
            reach = self.reached.bounded(row)
            least, most = self._between(row, rows)
            slack = reach.slack + sum(self.reached.bounded(one).slack for one in rows)
            for side, short, reached in (("min", lower - most, most), ("max", least - upper, least)):
                if short > slack:
                    words = beyond(row, side, reached, self.units.get(row.rule, ""), None)
                    message = f"{words} while rule {other!r} holds"
                    yield [Finding(row.rule, "contradictory", message, row.scope, other)]

    def _asks(self, row: CouplingRow) -> bool:
        """Whether doing nothing breaks a row, or may: only such rows contradict others."""
        return not hard(row, "min") <= self.ground.rest_low(row.expression) <= hard(row, "max")

    # --- redundancies -----------------------------------------------------------------------------------------------

    def redundancies(self, settled: set[str]) -> list[Finding]:
        """Rules whose every bound the data, or one other rule that stays, already imply; the later of two alike."""
        found: list[Finding] = []
        gone = set(settled)
        for rule in reversed(self.by_rule):
            rows, by = self.by_rule[rule], set[str]()
            if self.spent or rule in gone or not all(self._implied(row, gone, by) for row in rows):
                continue
            gone.add(rule)
            if all(not len(self.reached.extent(row).pairs) and not _moves(row.expression) for row in rows):
                found.append(Finding(rule, "dead", f"rule {rule!r} covers nobody who can be contacted"))
                continue
            others = sorted(by)
            most = self.reached.bounded(rows[0]).most
            message = implied(rule, rows[0] if len(rows) == 1 else None, most, others, self.units.get(rule, ""))
            found.append(Finding(rule, "redundant", message, other=others[0] if others else ""))
        return found[::-1]

    def _implied(self, row: CouplingRow, gone: set[str], by: set[str]) -> bool:
        """Whether both bounds of a row always hold; ``by`` collects the rules that make them."""
        reach = self.reached.bounded(row)
        low, high = reach.least >= row.lower, reach.most <= row.upper
        if low and high:
            return True
        for other, rows in self._others(row):
            if other in gone or self.spent:
                continue
            least, most = self._between(row, rows)
            if (not low and least >= row.lower) or (not high and most <= row.upper):
                by.add(other)
                low, high = low or least >= row.lower, high or most <= row.upper
            if low and high:
                return True
        return False

    # --- two rules ----------------------------------------------------------------------------------------------------

    def _others(self, row: CouplingRow) -> Iterator[tuple[str, list[CouplingRow]]]:
        """Rules with hard rows that may touch what the row touches, and those rows."""
        touched = self._touches(row)
        for other, rows in self.by_rule.items():
            near = [
                one
                for one in rows
                if (hard(one, "min") > -np.inf or hard(one, "max") < np.inf)
                and ((self._touches(one) & touched).any() or _share_money(one.expression, row.expression))
            ]
            if other != row.rule and near and not self.spent:
                yield other, near

    def _between(self, row: CouplingRow, rows: Sequence[CouplingRow]) -> tuple[float, float]:
        """The least and the most of a row while the hard bounds of another rule's rows hold."""
        reach, extent = self.reached.bounded(row), self.reached.extent(row)
        least, most = reach.least, reach.most
        counts = []
        inside = []
        for one in rows:
            pairs = self.reached.counted(one)
            if pairs is not None and len(pairs):
                counts.append(Counted(pairs, *_whole(one, len(pairs))))
            if self.ground.within(self.reached.extent(one), extent):
                inside.append(one)
        for sets in [counts] if disjoint(counts) else [[count] for count in counts]:
            least = max(least, self.ground.least_under(extent, sets))
            most = min(most, self.ground.most_under(extent, sets))
        groups = [list(rows), inside] if len(inside) < len(rows) else [list(rows)]
        if 1 < len(rows) <= SINGLE:
            groups += [[one] for one in rows]
        for chosen in filter(None, groups):
            total = Expression()
            for one in chosen:
                total += one.expression
            rest = self.ground.extent(row.expression + total.scaled(-1.0))
            least = max(least, sum(hard(one, "min") for one in chosen) + rest.least)
            most = min(most, sum(hard(one, "max") for one in chosen) + rest.most)
        return least, most

    # --- one row ----------------------------------------------------------------------------------------------------

    def _touches(self, row: CouplingRow) -> Bools:
        """Activities whose contacts may move a row, shape (A,)."""
        touched = np.zeros(len(self.problem.activity_names), bool)
        expression = row.expression
        kinds = expression.responses.values()
        for weights in [*expression.contacts, *expression.tiered, *(w for terms in kinds for w in terms)]:
            touched |= True if weights.activity is None else weights.activity != 0
        for reach, _ in expression.reached:
            touched[self.problem.activity[reach.label >= 0]] = True
        return touched


def _bounds(row: CouplingRow, strict: bool) -> tuple[float, float]:
    return (hard(row, "min"), hard(row, "max")) if strict else (row.lower, row.upper)


def _whole(row: CouplingRow, size: int) -> tuple[int, int]:
    """Contacts a plain count asks for and allows, its committed ones apart; ``size`` when it allows all."""
    constant = row.expression.constant
    low, high = hard(row, "min") - constant, hard(row, "max") - constant
    least = 0 if low <= 0 else min(int(np.ceil(low - TOLERANCE)), size)
    most = size if high >= size else max(int(np.floor(high + TOLERANCE)), 0)
    return least, most


def _moves(expression: Expression) -> bool:
    """Whether money or openings, and not contacts alone, can change an expression."""
    return bool(expression.spend or expression.yields or expression.opened)


def _share_money(left: Expression, right: Expression) -> bool:
    media = set(left.spend) | set(left.yields)
    return bool(media & (set(right.spend) | set(right.yields)) or set(left.opened) & set(right.opened))
