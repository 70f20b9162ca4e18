"""Checks of money: budgets (contacts, media, fixed and response costs) and what each medium cell may receive."""

from __future__ import annotations

import numpy as np

from optimizer.plan.verify.evidence import Evidence
from optimizer.plan.verify.judge import Check, Judge, rounding
from optimizer.plan.verify.measure import check_total
from optimizer.scenario.rule_schema import Budget, Rule


def check_budget(rule: Rule, evidence: Evidence) -> list[Check]:
    """Check the money that every scope costs."""
    budget = rule.budget
    assert isinstance(budget, Budget)
    return check_total(rule, "cost", budget, evidence)


def check_spend(evidence: Evidence) -> list[Check]:
    """Check each medium cell: spend between its bounds, or zero where that is allowed."""
    checks = []
    for cell, spent in zip(evidence.facts.media, evidence.spend, strict=True):
        judge = Judge("spend", cell.name, noun="cells")
        zero = cell.or_zero and spent == 0
        low, high = (0.0, 0.0) if zero else (cell.spend_min, cell.spend_max)
        slop = max(float(rounding(bound, abs(spent))) for bound in (low, high) if np.isfinite(bound))
        judge.add(spent, max(low, 0.0), high, noise=slop)
        if zero:
            judge.remark("nothing spent")
        checks.append(judge.check())
    return checks
