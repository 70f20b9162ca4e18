"""What the lint says of a coupling rule from its own words, without counting.

Scopes that touch nobody, rows of tables and dates that match nothing, media and fixed costs outside a filter.
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import Bools
from optimizer.rules.base import Context, Finding
from optimizer.rules.bounds import bound, keys_of, stated
from optimizer.rules.scope import Scope, scopes
from optimizer.rules.sides import plain
from optimizer.rules.weights import kept_pairs
from optimizer.scenario.rule_schema import Average, Ratio, Rule, Share, Sum, TableBound, Volume
from optimizer.scenario.where import parse

#: Names shown of a longer list.
SHOWN = 5


def lint_coupling(rule: Rule, context: Context) -> list[Finding]:
    """Dead scopes, dates and table rows that match nothing, media and fixed costs left outside."""
    looked_at = media_looked_at(rule, context)
    found = scopes(context, rule, looked_at)
    findings = _dead(rule, context, found)
    findings += _tables(rule, context, found)
    if rule.volume is not None:
        findings += _dates(rule, context)
    if counts_money(rule):
        findings += _outside(rule, context)
    return findings


def media_looked_at(rule: Rule, context: Context) -> Bools:
    """Which media a rule counts, shape (M,): those whose money or yield its measures add up."""
    verb = getattr(rule, rule.verb)
    if rule.verb == "budget" or (isinstance(verb, Share) and verb.in_ == "cost"):
        return np.ones(len(context.facts.media), bool)
    if isinstance(verb, Sum):
        return media_counted(context, verb.of)
    if isinstance(verb, Ratio):
        return media_counted(context, verb.of) | media_counted(context, verb.to)
    return np.zeros(len(context.facts.media), bool)


def media_counted(context: Context, name: str) -> Bools:
    """Which media a measure looks at: all for money spent, else those that yield it, shape (M,)."""
    media = context.facts.media
    if name in ("cost", "net_margin"):
        return np.ones(len(media), bool)
    if name == "gross_margin":
        return np.array([not np.isnan(cell.margin) for cell in media], bool)
    return np.array([cell.yields == name for cell in media], bool)


def counts_money(rule: Rule) -> bool:
    """Whether media spend and fixed costs belong to what the rule adds up."""
    verb = getattr(rule, rule.verb)
    names = {verb.of} if isinstance(verb, Sum) else {verb.of, verb.to} if isinstance(verb, Ratio) else set()
    in_cost = isinstance(verb, Share) and verb.in_ == "cost"
    return rule.verb == "budget" or in_cost or bool(names & {"cost", "net_margin"})


def _dead(rule: Rule, context: Context, found: list[Scope]) -> list[Finding]:
    if not found:
        return [
            Finding(
                rule.name, "dead", f"rule {rule.name!r} finds no value of {', '.join(rule.each_columns)} to hold for"
            )
        ]
    verb = stated(rule)
    if verb.max is None and verb.min == 0 and not isinstance(verb, Average | Ratio):
        nothing = "asks for at least 0 and so for nothing"
        if isinstance(verb, Volume) and not any(one.min or one.max is not None for one in verb.except_):
            return [Finding(rule.name, "dead", f"rule {rule.name!r} {nothing}")]
        if rule.verb in ("open", "share") and not (isinstance(verb, Share) and verb.in_ == "cost"):
            return [Finding(rule.name, "dead", f"rule {rule.name!r} {nothing}")]
    if rule.each_columns or kept_pairs(context, found[0].contacts).any() or found[0].media or found[0].past.any():
        return []
    asks = _asks_for_something(rule, context, found[0])
    message = f"rule {rule.name!r} covers nobody: no eligible contact matches its filter"
    return [] if asks else [Finding(rule.name, "dead", message)]


def _asks_for_something(rule: Rule, context: Context, scope: Scope) -> bool:
    """Whether zero breaks the rule: a minimum above 0 or a maximum below, of something that is no average or share."""
    verb = stated(rule)
    if isinstance(verb, Average | Ratio | Share):
        return False
    if isinstance(verb, Volume) and any(one.min for one in verb.except_):
        return True
    least, most = bound(context, rule, verb.min, "min", scope), bound(context, rule, verb.max, "max", scope)
    return (least is not None and least > 0) or (most is not None and most < 0)


def _tables(rule: Rule, context: Context, found: list[Scope]) -> list[Finding]:
    """Scopes without a row in the bounds' table, and rows of it that no scope uses."""
    findings = []
    verb = stated(rule)
    for name, value in (("min", verb.min), ("max", verb.max)):
        if not isinstance(value, TableBound) or not found:
            continue
        without = [scope.label for scope in found if bound(context, rule, value, name, scope) is None]
        if without:
            message = f"rule {rule.name!r} has no {name} in its table for {_some(without)}: no {name} holds there"
            findings.append(Finding(rule.name, "note", message))
        columns, keys = keys_of(context, rule, value, name)
        used = {tuple(scope.values[column] for column in columns) for scope in found}
        unused = [", ".join(key) for key in keys if key not in used]
        if unused:
            message = f"rule {rule.name!r} has a {name} in its table for {_some(unused)}, where no contact is eligible"
            findings.append(Finding(rule.name, "note", message))
    return findings


def _dates(rule: Rule, context: Context) -> list[Finding]:
    verb = rule.volume
    assert isinstance(verb, Volume)
    known = set(context.facts.days.tolist())
    missed = [
        one.date.isoformat() for one in verb.except_ if int(np.datetime64(one.date, "D").astype(int)) not in known
    ]
    if verb.except_ and verb.days is None:
        return [Finding(rule.name, "note", f"rule {rule.name!r} states exceptions but no days: they change nothing")]
    if not missed:
        return []
    return [
        Finding(
            rule.name, "note", f"rule {rule.name!r}: no activity on {_some(missed)}, so that exception changes nothing"
        )
    ]


def _outside(rule: Rule, context: Context) -> list[Finding]:
    """Media and fixed costs that the rule's filter or ``each`` leaves out because they do not declare a column."""
    named = set(rule.each_columns)
    if rule.where is not None:
        named |= parse(rule.where).columns
    findings = []
    for what, declared in (
        ("media", [(cell.name, cell.columns) for cell in context.facts.media]),
        ("fixed costs", [(cost.name, cost.columns) for cost in context.facts.fixed_costs]),
    ):
        lacking: dict[tuple[str, ...], list[str]] = {}
        for name, columns in declared:
            if missing := tuple(sorted(column for column in named if plain(column) not in columns)):
                lacking.setdefault(missing, []).append(name)
        for missing, names in lacking.items():
            message = (
                f"the {what} of {_some(names)} stay outside rule {rule.name!r}: they declare no {', '.join(missing)}"
            )
            findings.append(Finding(rule.name, "note", message))
    return findings


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
