"""Checks of what is opened: at most n offers (channels, waves …), and minimum volumes of what is."""

from __future__ import annotations

import numpy as np

from optimizer.plan.verify.evidence import Evidence, rows_in, scope_label
from optimizer.plan.verify.judge import Check, Judge, judge_rule
from optimizer.scenario.rule_schema import Open, Rule


def check_open(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check the number of distinct values of a column with a contact of ours."""
    verb = rule.open
    assert isinstance(verb, Open)
    plan = evidence.plan
    ours = plan.scopes(rule.each_columns, plan.holds(rule.where))
    column = plan.coded(verb.of)
    checks = []
    for scope in evidence.scopes(rule):
        chosen = np.zeros(len(plan), dtype=bool)
        chosen[rows_in(ours, scope)] = True
        code = column.code[chosen if column.rows is None else chosen[column.rows]]
        values = sorted({column.texts[one] for one in np.unique(code[code >= 0])})
        low = evidence.scope_bound(verb.min, rule, scope, -np.inf)
        high = evidence.scope_bound(verb.max, rule, scope, np.inf)
        judge = judge_rule(rule, scope_label(rule.each_columns, scope), "scopes")
        judge.add(float(len(values)), low, high)
        judge.remark(f"open: {', '.join(values) or 'none'}")
        checks.append(judge.check())
    return checks


def check_minimum_volumes(evidence: Evidence) -> list[Check]:
    """Check that what asks for a minimum volume has none of our contacts, or that many."""
    checks = []
    for item in evidence.facts.minimum_volumes:
        volume = float(item.activities[evidence.plan.activity].sum())
        judge = Judge("minimum volume if opened", item.name, noun="volumes")
        judge.add(volume, item.volume if volume else 0.0)
        checks.append(judge.check())
    return checks
