"""Checks of who may or must be contacted: exclude, include (forced contact), control groups."""

from __future__ import annotations

import numpy as np
import pandas as pd

from optimizer.plan.columns import split_name, text_of
from optimizer.plan.records import Records, Scope
from optimizer.plan.verify.evidence import Evidence, rows_in, scope_label
from optimizer.plan.verify.judge import EXAMPLES, Check, judge_rule, listed
from optimizer.plan.verify.targets import contact_name
from optimizer.scenario.facts import Bools
from optimizer.scenario.rule_schema import Rule, TableVerb
from optimizer.scenario.where import parse


def check_exclude(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that no contact of ours matches; a soft rule prices each that does."""
    plan = evidence.plan
    assert not isinstance(rule.exclude, TableVerb)
    found = plan.scopes(rule.each_columns, plan.holds(rule.where) & plan.holds(rule.exclude))
    checks = []
    for scope in evidence.scopes(rule):
        rows = rows_in(found, scope)
        judge = judge_rule(rule, scope_label(rule.each_columns, scope), "contacts")
        judge.each_pays(len(rows), lambda k: contact_name(plan, int(rows[k])))
        checks.append(judge.check())
    return checks


def check_control(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that the control group receives nothing of ours that ``where`` keeps."""
    plan = evidence.plan
    control = rule.control
    assert control is not None
    held = evidence.control_group(rule)
    rows = np.flatnonzero(plan.holds(rule.where) & held[plan.customer])
    judge = judge_rule(rule, "", "contacts")
    judge.each_pays(len(rows), lambda k: contact_name(plan, int(rows[k])))
    judge.remark(f"{int(held.sum())} customers held out")
    if control.by is not None:
        column = evidence.facts.customers[split_name(control.by)[1]]
        code, values = pd.factorize(column, sort=True)
        known = code >= 0
        size, drawn = (np.bincount(code[rows], minlength=len(values)) for rows in (known, known & held))
        shares = [
            f"{text_of(value)} {share:.1%}" for value, share in zip(values[:EXAMPLES], drawn / size, strict=False)
        ]
        judge.remark(f"by {control.by}: {listed(shares, len(values))}")
    return [judge.check()]


def check_include(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check that everyone for whom the filter holds on some activity, eligible or not, has a matching contact."""
    units, plan, booked = evidence.units(rule.per), evidence.plan, evidence.booked
    each = rule.each_columns
    assert not isinstance(rule.include, TableVerb)
    ours = plan.scopes(each, plan.holds(rule.where) & plan.holds(rule.include))
    theirs = booked.scopes(each, booked.holds(rule.where) & booked.holds(rule.include))
    asked = _asked_customers(rule, evidence)
    checks = []
    for scope in evidence.scopes(rule):
        customers = asked.get(scope, np.zeros(len(evidence.facts.customers), dtype=bool))
        binds = np.flatnonzero(np.bincount(units.of[customers], minlength=len(units)) > 0)
        received = np.concatenate([plan.customer[rows_in(ours, scope)], booked.customer[rows_in(theirs, scope)]])
        count = np.bincount(units.of[received.astype(np.int64)], minlength=len(units))[binds]
        judge = judge_rule(rule, scope_label(each, scope), "customers" if rule.per is None else "households")
        # value: how many were reached; each one short pays for itself
        judge.add(np.minimum(count, 1), lower=1.0, name=lambda k: units.name(int(binds[k])))
        if len(binds):
            judge.remark(f"{int((count > 0).sum())} of {len(binds)} reached")
        checks.append(judge.check())
    return checks


def _asked_customers(rule: Rule, evidence: Evidence) -> dict[Scope, Bools]:
    """Scope -> customers for whom ``include`` and ``where`` hold on some activity of the scenario, shape (N,)."""
    facts = evidence.facts
    assert not isinstance(rule.include, TableVerb)
    count = len(facts.customers)
    everyone = np.arange(count, dtype=np.int64)
    asked: dict[Scope, Bools] = {}
    # what an activity's own columns refuse, no customer can make true
    possible = np.ones(len(facts.activities), dtype=bool)
    customer_only = True
    measured = any(split_name(column)[1] in facts.pairs.measures for column in rule.each_columns)
    for where in (rule.include, rule.where):
        for conjunct in parse(where).conjuncts() if where is not None else []:
            named = [split_name(name) for name in conjunct.columns]
            of_pair = any(name in facts.pairs.measures for _, name in named)
            on_customer = all(prefix != "activity" and name in facts.customers.columns for prefix, name in named)
            on_activity = all(prefix != "customer" and name not in facts.customers.columns for prefix, name in named)
            if on_activity and not of_pair:
                possible &= evidence.columns.held("activity", conjunct)
            elif of_pair or not on_customer:
                customer_only, measured = False, measured or of_pair
    candidates = np.flatnonzero(possible)
    if customer_only and not rule.each_columns:
        candidates = candidates[:1]  # one activity that may be is enough: the rest hangs on the customer alone
    for activity in candidates:
        pair = np.full(count, -1, dtype=np.int64)
        if measured:
            of_activity = np.flatnonzero(facts.pairs.activity == activity)
            pair[facts.pairs.customer[of_activity]] = of_activity
        records = Records(facts, everyone, np.full(count, activity), pair, columns=evidence.columns)
        kept = records.holds(rule.include) & records.holds(rule.where)
        for scope, rows in records.scopes(rule.each_columns, kept).items():
            asked.setdefault(scope, np.zeros(count, dtype=bool))[records.customer[rows]] = True
    return asked
