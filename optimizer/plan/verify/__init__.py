"""The independent check of a plan: every rule and the objective, recomputed from the scenario and the plan table alone.

It reads the scenario and its facts, never the compiled problem, the rules' code or a solver; no plan leaves the engine
without passing it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.plan.records import Records
from optimizer.plan.verify.eligibility import check_control, check_exclude, check_include
from optimizer.plan.verify.evidence import Evidence
from optimizer.plan.verify.judge import Check, Judge
from optimizer.plan.verify.known import known_pairs
from optimizer.plan.verify.measure import check_average, check_ratio, check_share, check_sum
from optimizer.plan.verify.money import check_budget, check_spend
from optimizer.plan.verify.opening import check_minimum_volumes, check_open
from optimizer.plan.verify.pressure import check_window
from optimizer.plan.verify.sequence import check_alternate, check_effect, check_rest
from optimizer.plan.verify.targets import check_never, check_only_after, check_requires, check_targets
from optimizer.plan.verify.verdict import CHECK_COLUMNS, Valuation, Verdict, check_certificate
from optimizer.plan.verify.volume import check_volume
from optimizer.scenario.facts import Facts, Floats
from optimizer.scenario.rule_schema import Rule

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

__all__ = ["CHECKS", "Valuation", "Verdict", "check_certificate", "verify"]

#: Verb -> its check.
CHECKS: dict[str, Callable[[Rule, Evidence], list[Check]]] = {
    "volume": check_volume,
    "budget": check_budget,
    "sum": check_sum,
    "average": check_average,
    "ratio": check_ratio,
    "share": check_share,
    "open": check_open,
    "contacts": check_window,
    "pressure": check_window,
    "packages": check_window,
    "duplicates": check_window,
    "cost_per_customer": check_window,
    "rest": check_rest,
    "targets": check_targets,
    "include": check_include,
    "exclude": check_exclude,
    "requires": check_requires,
    "only_after": check_only_after,
    "never": check_never,
    "alternate": check_alternate,
    "effect": check_effect,
    "control": check_control,
}

#: Contacts from which rules are checked at the same time, and by how many threads: numpy lets go of the interpreter.
MANY, THREADS = 100_000, 2
#: Contacts above which one rule at a time is checked, to hold the memory of one check.
MOST = 40_000_000


def verify(scenario: Scenario, contacts: pd.DataFrame | None, spend: Mapping[str, float] | None = None) -> Verdict:
    """Check and value a plan.

    Parameters
    ----------
    scenario : Scenario
    contacts : DataFrame or None
        ``customer_id`` and ``activity``, a row a contact; further columns are not looked at.
    spend : mapping, optional
        Medium cell -> money; a cell that is absent receives none.

    Returns
    -------
    Verdict
        Contacts that cannot be valued (unknown, repeated, not eligible) fail and are left out of every figure.

    Raises
    ------
    ScenarioError
        When the table lacks a column, or spend is no finite number.
    """
    facts = scenario.facts
    pair, checks = known_pairs(facts, contacts)
    money, unknown = _known_spend(facts, spend or {})
    evidence = Evidence(scenario, Records.of_pairs(facts, pair), money)
    checks += unknown + check_spend(evidence) + check_minimum_volumes(evidence)
    for found in _of_each(scenario.rules, evidence):
        checks += found
    table = pd.DataFrame([vars(check) for check in checks], columns=CHECK_COLUMNS)
    penalty = float(table["penalty"].sum())
    return Verdict(table, Valuation(evidence.worth, evidence.plan, penalty, scenario.sense))


def _of_each(rules: Sequence[Rule], evidence: Evidence) -> list[list[Check]]:
    """The checks of every rule, in the order of the rules; those of many contacts on both cores."""

    def checks_of(rule: Rule) -> list[Check]:
        return CHECKS[rule.verb](rule, evidence)

    if not MANY <= len(evidence.plan) <= MOST:
        return [checks_of(rule) for rule in rules]
    _ = evidence.plan.bundles, evidence.past, evidence.booked  # what both threads would make at the same time
    with ThreadPoolExecutor(THREADS) as pool:
        # What most rules read, and takes longest, comes first.
        worth = pool.submit(lambda: evidence.worth)
        found = list(pool.map(checks_of, rules))
        worth.result()
    return found


def _known_spend(facts: Facts, spend: Mapping[str, float]) -> tuple[Floats, list[Check]]:
    """Money on each medium cell, and the check that every cell named exists."""
    names = [cell.name for cell in facts.media]
    for name, money in spend.items():
        if not np.isfinite(money):
            raise ScenarioError("plan", f"spend on {name}", money, "expected a finite amount")
    unknown = [name for name in spend if name not in set(names)]
    checks = []
    if unknown:
        judge = Judge("plan", "unknown media", noun="media")
        judge.each_pays(len(unknown), lambda k: unknown[k])
        checks.append(judge.check())
    return np.array([float(spend.get(name, 0.0)) for name in names], dtype=np.float64), checks
