"""``budget``: minimum and maximum money for any scope and level of a hierarchy.

    min_s ≤ Σ_{(i,a) in s} c_ia x_ia + C(n) + Σ response_cost ρ + Σ_{m in s} s_m + fixed costs opened + booked ≤ max_s

Media belong to a scope when they declare every column of the filter and of ``each``; fixed costs likewise. Budget and
fixed costs: Nobibon, Leus, Spieksma, European Journal of Operational Research 210 (2011).
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import CouplingRow
from optimizer.rules.base import Compiled, Context, Finding, Verb
from optimizer.rules.bounds import range_of, rows
from optimizer.rules.measures import measure
from optimizer.rules.notes import lint_coupling
from optimizer.rules.scope import scopes
from optimizer.rules.sentences import bounds_text, money, places
from optimizer.scenario.rule_schema import Rule


def compile_budget(rule: Rule, context: Context) -> Compiled:
    """Rows of a budget, one a scope."""
    coupling: list[CouplingRow] = []
    for scope in scopes(context, rule, np.ones(len(context.facts.media), bool)):
        lower, upper = range_of(context, rule, scope)
        if lower > -np.inf or upper < np.inf:
            coupling += rows(rule, scope.label, measure(context, "cost", scope), lower, upper)
    return Compiled(coupling=coupling)


def sentence(rule: Rule, context: Context) -> str:
    """``Spend at most 60,000.00 EUR in all``."""
    return f"spend {bounds_text(rule, money(context.scenario.currency))}{places(rule) or ' in all'}"


def lint(rule: Rule, context: Context) -> list[Finding]:
    """Budgets above the dearest plan or below what minima cost, and media or fixed costs outside the filter."""
    return lint_coupling(rule, context)


VERBS = (Verb("budget", compile_budget, sentence, lint),)
