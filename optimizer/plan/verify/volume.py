"""Checks of how many contacts (customers, packages) a scope receives, over the horizon or in rolling windows.

min ≤ number of contacts (distinct customers; distinct customers and dates) ≤ max, ours and committed together. With
``days`` one row a window: the dates d − D + 1 … d ending on each activity date; ``except`` replaces that date's bounds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.plan.columns import Apart
from optimizer.plan.records import Records, Rows, Scope
from optimizer.plan.verify.apart import contacts_in, parts_of
from optimizer.plan.verify.evidence import Evidence, days_text, rows_in, scope_label
from optimizer.plan.verify.judge import Check, judge_rule
from optimizer.scenario.rule_schema import Rule, Volume

EVER = (-(10**9), 10**9)


def check_volume(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check the volume of every scope, and of every window."""
    volume = rule.volume
    assert isinstance(volume, Volume)
    plan = evidence.plan
    committed = evidence.booked if volume.days is None else evidence.committed
    parts = parts_of(evidence, rule.each_columns, rule.where) if volume.of == "contacts" else None
    ours = plan.scopes(rule.each_columns, plan.holds(rule.where)) if parts is None else {}
    theirs = committed.scopes(rule.each_columns, committed.holds(rule.where))
    checks = []
    for scope in evidence.scopes(rule):
        own, other = rows_in(ours, scope), rows_in(theirs, scope)
        low = evidence.scope_bound(volume.min, rule, scope, -np.inf)
        high = evidence.scope_bound(volume.max, rule, scope, np.inf)
        label = scope_label(rule.each_columns, scope)
        if volume.days is None:
            judge = judge_rule(rule, label, "scopes")
            number = _number(volume.of, (plan, own), (committed, other))
            judge.add(float(number + _ours(evidence, parts, scope, EVER)), low, high)
            checks.append(judge.check())
            continue
        for (start, end), window_low, window_high in window_bounds(volume, evidence, low, high):
            window = f"{days_text(start)} to {days_text(end)}"
            judge = judge_rule(rule, f"{label}, {window}" if label else window, "windows")
            inside = [
                (records, rows[(records.days[rows] >= start) & (records.days[rows] <= end)])
                for records, rows in ((plan, own), (committed, other))
            ]
            number = _number(volume.of, *inside) + _ours(evidence, parts, scope, (start, end))
            judge.add(float(number), window_low, window_high)
            checks.append(judge.check())
    return checks


def _ours(evidence: Evidence, parts: dict[Scope, Apart] | None, scope: Scope, window: tuple[int, int]) -> int:
    """Contacts of ours in a window where the rule is in parts; 0 where they are looked at one by one."""
    if parts is None or scope not in parts:
        return 0
    days, part = evidence.facts.days, parts[scope]
    return contacts_in(evidence, replace(part, activities=part.activities & (days >= window[0]) & (days <= window[1])))


def window_bounds(
    volume: Volume, evidence: Evidence, low: float, high: float
) -> list[tuple[tuple[int, int], float, float]]:
    """The windows of a rolling volume with the bounds that apply to each; those without any are left out."""
    assert volume.days is not None
    replaced = {int(np.datetime64(item.date, "D").astype(np.int64)): item for item in volume.except_}
    caps = [(end - volume.days + 1, end) for end in evidence.window_ends]
    floors = evidence.minimum_windows(volume.days)
    bounded = []
    for window in sorted({*caps, *floors}, key=lambda window: (window[1], window[0])):
        item = replaced.get(window[1])
        window_low = low if item is None else (-np.inf if item.min is None else item.min)
        window_high = high if item is None else (np.inf if item.max is None else item.max)
        window_low = window_low if window in floors else -np.inf
        window_high = window_high if window in caps else np.inf
        if np.isfinite(window_low) or np.isfinite(window_high):
            bounded.append((window, window_low, window_high))
    return bounded


def _number(of: str, *parts: tuple[Records, Rows]) -> int:
    """How many contacts, distinct customers or distinct customers and dates."""
    if of == "contacts":
        return sum(len(rows) for _, rows in parts)
    customer = np.concatenate([records.customer[rows] for records, rows in parts]).astype(np.int64)
    if of == "customers" or not len(customer):
        return len(np.unique(customer))
    day = np.concatenate([records.days[rows] for records, rows in parts])
    first = int(day.min())
    return len(np.unique(customer * (int(day.max()) - first + 1) + (day - first)))
