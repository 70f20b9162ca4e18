"""Checks of what a customer may receive in a window of days.

``contacts`` counts, ``pressure`` weighs, ``packages`` counts distinct dates, ``duplicates`` counts the contacts of one
value of a column, ``cost_per_customer`` adds up unit costs. A window ends on each activity date. Ours ≤ max(0, bound −
past) is read as: ours and past together ≤ max(bound, past); a minimum counts both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.records import Records, Rows, Scope
from optimizer.plan.verify.evidence import Evidence, UnitNames, days_text, rows_in, scope_label
from optimizer.plan.verify.judge import Check, judge_rule, listed, rounding
from optimizer.scenario.facts import Bools, Floats
from optimizer.scenario.rule_schema import Contacts, CostPerCustomer, Duplicates, Packages, Pressure, Rule

WindowRule = Contacts | Pressure | Packages | Duplicates | CostPerCustomer
EVER = (-(10**9), 10**9)


@dataclass(frozen=True)
class Load:
    """The contacts of one scope: the unit, day and weight of each of ours and of the past."""

    unit: NDArray[np.int64]
    day: NDArray[np.int64]
    weight: Floats
    past_unit: NDArray[np.int64]
    past_day: NDArray[np.int64]
    past_weight: Floats


def check_window(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check any of the window verbs, one row a scope."""
    verb: WindowRule = getattr(rule, rule.verb)
    each = [*rule.each_columns, verb.of] if isinstance(verb, Duplicates) else rule.each_columns
    units = evidence.units(rule.per)
    past = evidence.booked if verb.days is None else evidence.past
    ours = evidence.plan.scopes(each, evidence.plan.holds(rule.where))
    theirs = past.scopes(each, past.holds(rule.where))
    minimum_binds = _available_units(rule, evidence, each, units) if verb.min is not None else {}
    weight, past_weight = _weights(rule.verb, evidence, past)
    checks = []
    for scope in evidence.scopes(rule, each=each):
        own, other = rows_in(ours, scope), rows_in(theirs, scope)
        load = Load(
            units.of[evidence.plan.customer[own]],
            evidence.plan.days[own],
            weight[own],
            units.of[past.customer[other]],
            past.days[other],
            past_weight[other],
        )
        binds = minimum_binds.get(scope, np.zeros(len(units), dtype=bool))
        checks.append(_check_scope(rule, verb, evidence, units, scope_label(each, scope), scope, load, binds))
    return checks


def _weights(verb: str, evidence: Evidence, past: Records) -> tuple[Floats, Floats]:
    plan, frame = evidence.plan, past.past
    assert plan.pair is not None
    assert frame is not None
    if verb == "pressure":
        return evidence.facts.pressure[plan.activity], frame["pressure"].to_numpy(np.float64)
    if verb == "cost_per_customer":
        return evidence.facts.pairs.unit_cost[plan.pair], frame["cost"].to_numpy(np.float64)
    return np.ones(len(plan)), np.ones(len(past))


def _available_units(rule: Rule, evidence: Evidence, each: list[str], units: UnitNames) -> dict[Scope, Bools]:
    """The units with an eligible contact in each scope, after hard excludes and control."""
    found: dict[Scope, Rows] = evidence.pairs.scopes(each, evidence.pairs.holds(rule.where) & evidence.available)
    customer = evidence.pairs.customer
    return {scope: np.bincount(units.of[customer[rows]], minlength=len(units)) > 0 for scope, rows in found.items()}


def _check_scope(
    rule: Rule,
    verb: WindowRule,
    evidence: Evidence,
    units: UnitNames,
    label: str,
    scope: Scope,
    load: Load,
    binds: Bools,
) -> Check:
    each_scope = scope[: len(rule.each_columns)]
    cap = evidence.unit_bounds(verb.max, rule, each_scope, units, np.inf)
    floor = np.where(binds, evidence.unit_bounds(verb.min, rule, each_scope, units, -np.inf), -np.inf)
    real = rule.verb in ("pressure", "cost_per_customer")
    noun = "customers" if rule.per is None else "households"
    judge = judge_rule(rule, label, f"windows of {noun}" if verb.days is not None else noun)
    for (start, end), capped, floored in _windows(verb, evidence):
        ours, past = _window_totals(rule.verb, load, start, end, len(units))
        # a cap binds who receives something of ours in the window; a minimum also who does not
        looked_at = np.zeros(len(units), dtype=bool)
        if capped:
            looked_at |= ours > 0
        if floored:
            looked_at |= np.isfinite(floor)
        at = np.flatnonzero(looked_at)
        upper = np.maximum(cap[at], past[at]) if capped else np.full(len(at), np.inf)
        lower = floor[at] if floored else np.full(len(at), -np.inf)
        total = ours[at] + past[at]
        noise = rounding(np.where(np.isfinite(upper), upper, lower), total) if real else 0.0
        window = "" if verb.days is None else f" to {days_text(end)}"
        judge.add(total, lower, upper, noise=noise, name=lambda k: units.names[at[k]] + window)
    if verb.min is not None:
        unbound = np.flatnonzero(evidence.population(rule.where, units) & ~binds)
        if len(unbound):
            judge.remark(f"minimum not asked of {listed([units.names[k] for k in unbound])}: nothing eligible")
    return judge.check()


def _windows(verb: WindowRule, evidence: Evidence) -> list[tuple[tuple[int, int], bool, bool]]:
    """The windows, and whether each has a cap and a minimum."""
    if verb.days is None:
        return [(EVER, verb.max is not None, verb.min is not None)]
    caps = [(end - verb.days + 1, end) for end in evidence.window_ends] if verb.max is not None else []
    floors = evidence.minimum_windows(verb.days) if verb.min is not None else []
    return [(window, window in caps, window in floors) for window in sorted({*caps, *floors})]


def _window_totals(verb: str, load: Load, start: int, end: int, count: int) -> tuple[Floats, Floats]:
    """What each unit receives in a window: of ours, and of the past. New dates alone count as ours in packages."""
    inside = (load.day >= start) & (load.day <= end)
    before = (load.past_day >= start) & (load.past_day <= end)
    if verb != "packages":
        ours = np.bincount(load.unit[inside], load.weight[inside], count).astype(np.float64)
        past = np.bincount(load.past_unit[before], load.past_weight[before], count).astype(np.float64)
        return ours, past
    past_dates = _distinct_dates(load.past_unit[before], load.past_day[before])
    both_units = np.concatenate([load.past_unit[before], load.unit[inside]])
    all_dates = _distinct_dates(both_units, np.concatenate([load.past_day[before], load.day[inside]]))
    past = np.bincount(past_dates, minlength=count).astype(np.float64)
    return np.bincount(all_dates, minlength=count).astype(np.float64) - past, past


def _distinct_dates(unit: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """The unit of every distinct (unit, day)."""
    if not len(unit):
        return unit
    order = np.lexsort((day, unit))
    unit, day = unit[order], day[order]
    new = np.append(True, (unit[1:] != unit[:-1]) | (day[1:] != day[:-1]))
    return unit[new]
