"""The lint: what counting says of the rules before any solve, beside what each verb says of itself.

    contradictory   no plan holds the row: its minimum is above the most, or its maximum below the least, that any plan
                    reaches, alone or while another rule's hard bounds hold
    redundant       every bound of the rule holds in every plan, alone or while another hard rule holds that stays
    dead            the rule touches nobody, or costs nothing to break

Rules are compared two at a time, a rule's disjoint scopes together (minima per country against one maximum for all).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.problem import Bools, CouplingRow, Expression, Problem
from optimizer.rules.base import Context, Finding, Verb
from optimizer.rules.compile import compile_context
from optimizer.rules.counting import (
    TOLERANCE,
    Counted,
    Extent,
    Ground,
    counted_pairs,
    disjoint,
    hard,
    least_under,
    most_under,
)
from optimizer.rules.wording import beyond, implied, unit_of

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: Pairs looked at, over all comparisons of two rules, before comparing stops.
WORK = 300_000_000
#: Rows whose extents are kept at hand.
RECENT = 16


@dataclass(frozen=True)
class Bounded:
    """A coupling row with what it can reach.

    ``touches`` (A,) are the activities that can move it, ``customers`` the number of customers of a plain count (None
    of anything else), ``slack`` what rounding may account for.
    """

    row: CouplingRow
    least: float
    most: float
    slack: float
    touches: Bools
    customers: int | None


def lint_scenario(scenario: Scenario, verbs: Mapping[str, Verb]) -> list[Finding]:
    """Every finding, in the order of the rules."""
    context = Context(scenario)
    problem, compiled = compile_context(context, verbs)
    enforced = [rule for rule in scenario.rules if rule.mode == "enforce"]
    units = {rule.name: unit_of(rule, scenario.currency) for rule in scenario.rules}
    comparison = Comparison(problem, units)
    findings = [finding for rule in scenario.rules for finding in verbs[rule.verb].lint(rule, context)]
    settled = {finding.rule for finding in findings if finding.kind in ("dead", "contradictory", "redundant")}
    for rule, one in zip(enforced, compiled, strict=True):
        if (
            rule.soft is not None
            and rule.soft.penalty == 0
            and rule.soft.tolerance is None
            and rule.soft.side == "both"
        ):
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
                findings += [
                    Finding(one.rule, "note", f"{one.message} (reported, not enforced)", one.scope)
                    for one in comparison.alone(comparison.bounded(row), strict=False)
                ]
    if comparison.stopped:
        findings.append(
            Finding("all rules", "note", "too many to compare every two of them: some contradictions may be missed")
        )
    place = {rule.name: position for position, rule in enumerate(scenario.rules)}
    return sorted(findings, key=lambda finding: place.get(finding.rule, len(place)))


def contradictions(problem: Problem, scenario: Scenario | None = None) -> list[Finding]:
    """Contradictions that no plan can live with: those of hard bounds, and of soft ones beyond their tolerance."""
    units = {} if scenario is None else {rule.name: unit_of(rule, scenario.currency) for rule in scenario.rules}
    return Comparison(problem, units).contradictions(strict=True)


class Comparison:
    """Coupling rows of one problem held against what can be contacted and against each other."""

    def __init__(self, problem: Problem, units: Mapping[str, str]) -> None:
        self.problem, self.units = problem, units
        self.ground = Ground(problem)
        self._recent: dict[int, tuple[CouplingRow, Extent, Bools | None]] = {}
        self.rows = [self.bounded(row) for row in problem.coupling]
        self.by_rule: dict[str, list[Bounded]] = {}
        for one in self.rows:
            self.by_rule.setdefault(one.row.rule, []).append(one)
        self.work = WORK
        self.stopped = False

    def bounded(self, row: CouplingRow) -> Bounded:
        """A row with the least and the most it can reach, tightened by local caps where it is a plain count."""
        extent, counted = self._looked_up(row)
        touches = np.zeros(len(self.problem.activity_names), bool)
        touches[self.problem.activity[extent.touches]] = True
        most, customers = extent.most, None
        if counted is not None:
            most = min(most, row.expression.constant + self.ground.most_contacts(counted))
            customers = len(np.unique(self.problem.customer[counted]))
        return Bounded(row, extent.least, most, TOLERANCE * (1.0 + extent.size), touches, customers)

    def _looked_up(self, row: CouplingRow) -> tuple[Extent, Bools | None]:
        """The extent of a row and its pairs if it is a plain count, kept for the last few rows."""
        if id(row) not in self._recent:
            if len(self._recent) >= RECENT:
                self._recent.pop(next(iter(self._recent)))
            self._recent[id(row)] = row, self.ground.extent(row.expression), counted_pairs(row, self.ground)
        return self._recent[id(row)][1:]

    # --- contradictions ---------------------------------------------------------------------------------------------

    def contradictions(self, *, strict: bool) -> list[Finding]:
        """Rows that no plan holds; ``strict``: beyond the tolerance of soft bounds as well."""
        found = []
        for one in self.rows:
            alone = self.alone(one, strict=strict)
            found += alone or next(self.together(one, strict=strict), [])
        return found

    def alone(self, one: Bounded, *, strict: bool) -> list[Finding]:
        """The row against what is eligible."""
        lower, upper = _bounds(one.row, strict)
        unit = self.units.get(one.row.rule, "")
        if lower > upper:
            message = f"rule {one.row.rule!r} asks for at least {lower:,.10g} and at most {upper:,.10g}"
            return [Finding(one.row.rule, "contradictory", message, one.row.scope)]
        if lower > one.most + one.slack:
            return [
                Finding(
                    one.row.rule, "contradictory", beyond(one.row, "min", one.most, unit, one.customers), one.row.scope
                )
            ]
        if upper < one.least - one.slack:
            return [
                Finding(
                    one.row.rule, "contradictory", beyond(one.row, "max", one.least, unit, one.customers), one.row.scope
                )
            ]
        return []

    def together(self, one: Bounded, *, strict: bool) -> Iterator[list[Finding]]:
        """The row against the hard bounds of one other rule at a time; at most one finding a rule."""
        lower, upper = _bounds(one.row, strict)
        for other, rows in self._others(one):
            least, most = self._between(one, rows)
            for side, bound, reached in (("min", lower, most), ("max", upper, least)):
                short = bound - reached if side == "min" else reached - bound
                if short > one.slack + sum(row.slack for row in rows):
                    unit = self.units.get(one.row.rule, "")
                    message = f"{beyond(one.row, side, reached, unit, None)} while rule {other!r} holds"
                    yield [Finding(one.row.rule, "contradictory", message, one.row.scope, other)]

    # --- redundancies -----------------------------------------------------------------------------------------------

    def redundancies(self, settled: set[str]) -> list[Finding]:
        """Rules whose every bound the data, or one other rule that stays, already imply; the later of two alike."""
        found: list[Finding] = []
        gone = set(settled)
        for rule in reversed(self.by_rule):
            if rule in gone:
                continue
            by: list[str] = []
            rows = self.by_rule[rule]
            if not all(self._implied(one, gone, by) for one in rows):
                continue
            gone.add(rule)
            nobody = all(not one.touches.any() and not _moves(one.row.expression) for one in rows)
            if nobody:
                found.append(Finding(rule, "dead", f"rule {rule!r} covers nobody who can be contacted"))
            else:
                most = max((one.most for one in rows if np.isfinite(one.row.upper)), default=None)
                others = sorted(set(by))
                message = implied(rule, rows[0].row if len(rows) == 1 else None, most, others, self.units.get(rule, ""))
                found.append(Finding(rule, "redundant", message, other=others[0] if others else ""))
        return found[::-1]

    def _implied(self, one: Bounded, gone: set[str], by: list[str]) -> bool:
        """Whether both bounds of a row always hold; ``by`` collects the rules that make them."""
        row = one.row
        sides = {"min": not one.least >= row.lower, "max": not one.most <= row.upper}
        if not any(sides.values()):
            return True
        for other, rows in self._others(one):
            if other in gone:
                continue
            least, most = self._between(one, rows)
            helped = [
                side
                for side, open_ in sides.items()
                if open_ and (least >= row.lower if side == "min" else most <= row.upper)
            ]
            if helped:
                by.append(other)
                sides.update(dict.fromkeys(helped, False))
            if not any(sides.values()):
                return True
        return False

    # --- two rules ----------------------------------------------------------------------------------------------------

    def _others(self, one: Bounded) -> Iterator[tuple[str, list[Bounded]]]:
        """Rules with hard rows that touch what the row touches, and those rows."""
        for other, rows in self.by_rule.items():
            if other == one.row.rule:
                continue
            near = [
                row
                for row in rows
                if (np.isfinite(hard(row.row, "min")) or np.isfinite(hard(row.row, "max")))
                and ((row.touches & one.touches).any() or _share_money(row.row.expression, one.row.expression))
            ]
            if not near:
                continue
            self.work -= len(self.problem.customer) * (2 + len(near))
            if self.work < 0:
                self.stopped = True
                return
            yield other, near

    def _between(self, one: Bounded, rows: Sequence[Bounded]) -> tuple[float, float]:
        """The least and the most of a row while the hard bounds of another rule's rows hold."""
        least, most = one.least, one.most
        extent = self._looked_up(one.row)[0]
        looked_up = [self._looked_up(row.row) for row in rows]
        counts = [
            Counted(counted, *_whole(row, len(counted)))
            for row, (_, counted) in zip(rows, looked_up, strict=True)
            if counted is not None and counted.any()
        ]
        for sets in [counts] if disjoint(counts) else [[count] for count in counts]:
            least, most = max(least, least_under(extent, sets)), min(most, most_under(extent, sets))
        outside = ~extent.touches
        within = [row for row, (other, _) in zip(rows, looked_up, strict=True) if not (other.touches & outside).any()]
        for chosen in [list(rows), within, *([row] for row in rows if len(rows) > 1)]:
            if not chosen:
                continue
            total = Expression()
            for row in chosen:
                total += row.row.expression
            rest = self.ground.extent(one.row.expression + total.scaled(-1.0))
            least = max(least, sum(hard(row.row, "min") for row in chosen) + rest.least)
            most = min(most, sum(hard(row.row, "max") for row in chosen) + rest.most)
        return least, most


COUPLING = ("volume", "budget", "sum", "average", "ratio", "share", "open")


def _bounds(row: CouplingRow, strict: bool) -> tuple[float, float]:
    return (hard(row, "min"), hard(row, "max")) if strict else (row.lower, row.upper)


def _whole(one: Bounded, size: int) -> tuple[int, int]:
    """Contacts a plain count asks for and allows, its committed ones apart; ``size`` when it allows all."""
    constant = one.row.expression.constant
    low, high = hard(one.row, "min") - constant, hard(one.row, "max") - constant
    least = 0 if low <= 0 else min(int(np.ceil(low - TOLERANCE)), size)
    most = size if high >= size else max(int(np.floor(high + TOLERANCE)), 0)
    return least, most


def _moves(expression: Expression) -> bool:
    """Whether money or openings, and not contacts alone, can change an expression."""
    return bool(expression.spend or expression.yields or expression.opened)


def _share_money(left: Expression, right: Expression) -> bool:
    media = set(left.spend) | set(left.yields)
    return bool(media & (set(right.spend) | set(right.yields)) or set(left.opened) & set(right.opened))
