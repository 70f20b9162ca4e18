"""``sum``, ``average``, ``ratio``, ``share``: bounds on what measures add up to over many customers.

    sum       min ≤ Σ g ≤ max
    average   Σ (g − min) x ≥ 0 and Σ (g − max) x ≤ 0, over contacts
    ratio     Σ of − min Σ to ≥ 0 and Σ of − max Σ to ≤ 0
    share     n(where and of) − min n(where) ≥ 0 and n(where and of) − max n(where) ≤ 0, contacts or money

All are linear in contacts, responses and money, and an empty base satisfies the last three. The hurdle (net margin to
cost) is that of Nobibon, Leus, Spieksma, European Journal of Operational Research 210 (2011); minimum and maximum
expected sales those of Bigler, Kammermann, Baumann, European Journal of Operational Research 304 (2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from optimizer.problem import CouplingRow, Expression
from optimizer.rules.base import Compiled, Context, Finding, Verb
from optimizer.rules.bounds import range_of, rows
from optimizer.rules.measures import booked_values, measure, measured_pairs
from optimizer.rules.notes import lint_coupling, media_looked_at
from optimizer.rules.scope import Scope, fixed_kept, kept, media_kept, past_kept, scopes
from optimizer.rules.sentences import bounds_text, in_unit, money, number, percent, places, spoken, where_text
from optimizer.rules.weights import product
from optimizer.scenario.rule_schema import Average, Filter, Ratio, Rule, Share, Sum

#: A rule's scope with its label, its sum and its base (None for a plain sum), and its bounds.
Measured = tuple[Scope, Expression, Expression | None, float, float]


def measured(rule: Rule, context: Context) -> Iterator[Measured]:
    """Every scope of the rule with what its bounds compare."""
    for scope in scopes(context, rule, media_looked_at(rule, context)):
        lower, upper = range_of(context, rule, scope)
        value, base = _value_and_base(rule, context, scope)
        yield scope, value, base, lower, upper


def compile_measure(rule: Rule, context: Context) -> Compiled:
    """Rows of a sum, average, ratio or share: one a scope, or one a side where the bound multiplies a base."""
    coupling: list[CouplingRow] = []
    for scope, value, base, lower, upper in measured(rule, context):
        if base is None:
            coupling += rows(rule, scope.label, value, lower, upper)
        elif lower == upper:
            coupling += rows(rule, scope.label, value + base.scaled(-lower), 0.0, 0.0)
        else:
            if lower > -np.inf:
                coupling += rows(rule, scope.label, value + base.scaled(-lower), 0.0, np.inf)
            if upper < np.inf:
                coupling += rows(rule, scope.label, value + base.scaled(-upper), -np.inf, 0.0)
    return Compiled(coupling=coupling)


def within(context: Context, scope: Scope, of: Filter) -> Scope:
    """The part of a scope that another filter keeps as well."""
    media, fixed = media_kept(context, of), fixed_kept(context, of)
    return replace(
        scope,
        contacts=product(scope.contacts, kept(context, of)),
        past=scope.past & past_kept(context, of),
        media=[row for row in scope.media if media[row]],
        fixed=[row for row in scope.fixed if fixed[row]],
    )


def _value_and_base(rule: Rule, context: Context, scope: Scope) -> tuple[Expression, Expression | None]:
    verb = getattr(rule, rule.verb)
    if isinstance(verb, Sum):
        return measure(context, verb.of, scope), None
    if isinstance(verb, Share):
        return measure(context, verb.in_, within(context, scope, verb.of)), measure(context, verb.in_, scope)
    if isinstance(verb, Average):
        values = booked_values(context, verb.of, scope)
        stated = ~np.isnan(values)
        value = measure(context, verb.of, scope, booked=False, paid=False)
        base = Expression(contacts=[measured_pairs(context, verb.of, scope.contacts)])
        return value + Expression(constant=float(values[stated].sum())), base + Expression(constant=float(stated.sum()))
    assert isinstance(verb, Ratio)
    above, below = booked_values(context, verb.of, scope), booked_values(context, verb.to, scope)
    stated = ~(np.isnan(above) | np.isnan(below))
    value = measure(context, verb.of, scope, booked=False) + Expression(constant=float(above[stated].sum()))
    base = measure(context, verb.to, scope, booked=False) + Expression(constant=float(below[stated].sum()))
    return value, base


def sentence_sum(rule: Rule, context: Context) -> str:
    """``the sum of lead is at most 40, for each dealer and week``."""
    assert isinstance(rule.sum, Sum)
    unit = in_unit(rule.sum.of, context.scenario.currency)
    return f"the sum of {spoken(rule.sum.of)} is {bounds_text(rule, unit)}{places(rule)}"


def sentence_average(rule: Rule, context: Context) -> str:
    """``the average basket of a contact is at least 45``."""
    assert isinstance(rule.average, Average)
    unit = in_unit(rule.average.of, context.scenario.currency)
    return f"the average {spoken(rule.average.of)} of a contact is {bounds_text(rule, unit)}{places(rule)}"


def sentence_ratio(rule: Rule, context: Context) -> str:
    """``cost to lead is at most 45.00 EUR, for each country``."""
    assert isinstance(rule.ratio, Ratio)
    above, below = (is_money(context, name) for name in (rule.ratio.of, rule.ratio.to))
    unit: Callable[[float], str] = money(context.scenario.currency) if above and not below else number
    return f"{spoken(rule.ratio.of)} to {spoken(rule.ratio.to)} is {bounds_text(rule, unit)}{places(rule)}"


def sentence_share(rule: Rule, context: Context) -> str:
    """``contacts where channel is print are at most 30 % of all contacts``."""
    assert isinstance(rule.share, Share)
    of, bounds = where_text(rule.share.of), bounds_text(rule, percent)
    if rule.share.in_ == "cost":
        return f"money spent where {of} is {bounds} of all money spent{places(rule)}"
    return f"contacts where {of} are {bounds} of all contacts{places(rule)}"


def is_money(context: Context, name: str) -> bool:
    """Whether a measure is in the scenario's currency."""
    return in_unit(name, "") is not number


def lint(rule: Rule, context: Context) -> list[Finding]:
    """Bounds that no plan reaches or that none can break, and scopes that touch nobody."""
    return lint_coupling(rule, context)


VERBS = (
    Verb("sum", compile_measure, sentence_sum, lint),
    Verb("average", compile_measure, sentence_average, lint),
    Verb("ratio", compile_measure, sentence_ratio, lint),
    Verb("share", compile_measure, sentence_share, lint),
)
