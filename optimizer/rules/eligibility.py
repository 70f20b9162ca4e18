"""Eligibility: ``exclude``, ``include`` (forced contact) and ``control`` (hold-out group).

    exclude   x_ia = 0                        for every pair that the filter keeps; soft: each such contact pays
    control   x_ia = 0                        for every pair of a held-out customer that ``where`` keeps
    include   Σ_a x_ia ≥ 1 − committed_i      over the pairs that the filter keeps, for every customer i for whom it
                                              holds on some activity, eligible or not

A customer is held out when int(first 8 bytes of sha256("seed:identifier")) / 2^64 < share, so that groups are
stable over campaigns and nested as the share grows. Control beats exclude, exclude beats include. In Unica
Optimize's words: exclude is "never A", include "always A".
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from optimizer.problem import Bools, Count, LocalRule, Weights
from optimizer.rules.base import Compiled, Context, Finding, Verb
from optimizer.rules.bounds import soft
from optimizer.rules.local_lint import lint_local
from optimizer.rules.measures import in_horizon
from optimizer.rules.removal import filter_of, forbidden_pairs, held_out, removing_rules
from optimizer.rules.scope import Scope, kept, past_kept, scopes
from optimizer.rules.sentences import listed, percent, where_text
from optimizer.rules.sides import pair_column, plain, side
from optimizer.rules.subjects import apart, contacts_word, unit_word
from optimizer.rules.units import unit_past, units_with_contacts, whole_soft
from optimizer.rules.weights import product
from optimizer.scenario.columns import as_text
from optimizer.scenario.rule_schema import Control, Rule
from optimizer.scenario.where import Condition, parse

# --- exclude --------------------------------------------------------------------------------------------------


def compile_exclude(rule: Rule, context: Context) -> Compiled:
    """Nothing when hard (its pairs are removed), a cap of 0 that each excluded contact pays for when soft."""
    if rule.soft is None:
        return Compiled()
    units = context.units(None)
    members = product(kept(context, rule.where), kept(context, filter_of(rule)))
    none, bound = np.zeros(len(units.names)), np.arange(len(units.names), dtype=np.int32)
    lower = np.full(len(bound), -np.inf)
    return Compiled(local=[Count(rule.name, "", members, units, bound, lower, none, whole_soft(rule))])


# --- control --------------------------------------------------------------------------------------------------


def compile_control(rule: Rule, context: Context) -> Compiled:
    """How many customers are held out; their pairs are removed."""
    out = held_out(rule, context)
    notes = [f"{int(out.sum()):,} of {len(out):,} customers are held out"]
    verb = cast(Control, rule.control)
    if verb.by is not None:
        values = as_text(context.facts.customers[plain(verb.by)]).fillna("empty")
        shares = pd.Series(out).groupby(values.to_numpy()).agg(["sum", "size"])
        notes += [
            f"{verb.by} {value}: {held:,} of {size:,} held out ({held / size:.2%})"
            for value, held, size in shares.itertuples()
        ]
    return Compiled(notes=notes)


# --- include --------------------------------------------------------------------------------------------------


def compile_include(rule: Rule, context: Context) -> Compiled:
    """A minimum of one contact for every unit that the filter holds for; those that cannot have one are named."""
    units = context.units(rule.per)
    wanted, booked = kept(context, filter_of(rule)), in_horizon(context) & past_kept(context, filter_of(rule))
    local: list[LocalRule] = []
    blocked: list[tuple[str, str, float]] = []
    notes: list[str] = []
    for scope in scopes(context, rule):
        members = product(scope.contacts, wanted)
        needed = np.zeros(len(units.names), bool)
        needed[units.unit[customers_held(rule, context, scope)]] = True
        needed &= unit_past(context, units, scope.past & booked) < 1
        bound = np.flatnonzero(needed).astype(np.int32)
        if not len(bound):
            continue
        upper = np.broadcast_to(np.inf, len(bound))
        local.append(
            Count(rule.name, scope.label, members, units, bound, np.broadcast_to(1.0, len(bound)), upper, soft(rule))
        )
        without = bound[~units_with_contacts(context, units, members)[bound]]
        if len(without):
            at = f"{scope.label}: " if scope.label else ""
            notes.append(f"{at}{len(without):,} of {len(bound):,} have no eligible contact to force")
            if rule.soft is None:
                blocked += [(scope.label, units.names[unit], 1.0) for unit in without]
    return Compiled(local=local, notes=notes, blocked=blocked)


def customers_held(rule: Rule, context: Context, scope: Scope) -> Bools:
    """Customers for whom an include's filter holds on some activity of the scope, eligible or not, shape (N,)."""
    facts = context.facts
    place = scope_weights(rule, context, scope)
    activity = np.ones(len(facts.activities), bool) if place.activity is None else place.activity != 0
    customer = np.ones(len(facts.customers), bool) if place.customer is None else place.customer != 0
    mixed: list[Condition] = []
    for condition in [parse(filter_of(rule)), *([] if rule.where is None else [parse(rule.where)])]:
        for conjunct in condition.conjuncts():
            sides = {side(facts, column) for column in conjunct.columns} - {"nowhere"}
            if sides <= {"activity"}:
                activity &= np.asarray(conjunct.holds(facts.activities), bool)
            elif sides == {"customer"}:
                customer &= np.asarray(conjunct.holds(facts.customers), bool)
            else:
                mixed.append(conjunct)
    if not mixed and place.pair is None:
        return customer if activity.any() else np.zeros(len(customer), bool)
    found = np.zeros(len(customer), bool)
    for row in np.flatnonzero(activity):
        holds = customer & _scope_of_activity(context, place, int(row))
        for conjunct in mixed:
            holds &= _holds_for_all(context, conjunct, int(row))
        found |= holds
    return found


def scope_weights(rule: Rule, context: Context, scope: Scope) -> Weights:
    """A scope's place by ``each`` alone, without ``where``."""
    if not rule.each_columns:
        return Weights()
    alone = rule.model_copy(update={"where": None})
    return next(one.contacts for one in scopes(context, alone) if one.label == scope.label)


def _scope_of_activity(context: Context, place: Weights, row: int) -> Bools:
    """Customers whose pair with the activity lies in a scope that is told apart by pairs, (N,)."""
    facts = context.facts
    inside = np.ones(len(facts.customers), bool)
    if place.pair is not None:
        ours = (facts.pairs.activity == row) & (place.pair != 0)
        inside[:] = False
        inside[facts.pairs.customer[ours]] = True
    return inside


def _holds_for_all(context: Context, condition: Condition, row: int) -> Bools:
    """Whether a condition on customer and activity holds for every customer with this activity, eligible or not, (N,).

    Columns of pairs are empty where the customer is not eligible.
    """
    facts = context.facts
    count = len(facts.customers)
    frame: dict[str, object] = {}
    for column in sorted(condition.columns):
        stands, name = side(facts, column), plain(column)
        if stands == "activity" and name in facts.activities:
            frame[column] = facts.activities[name].array.take(np.full(count, row))
            if name == "offer":
                frame["offers"] = facts.activities["offers"].array.take(np.full(count, row))
        elif stands == "customer" and name in facts.customers:
            frame[column] = facts.customers[name].array
        elif stands == "pair" and (values := pair_column(facts, name)) is not None:
            ours = facts.pairs.activity == row
            spread = np.full(count, np.nan)
            spread[facts.pairs.customer[ours]] = values[ours]
            frame[column] = spread
    return np.asarray(condition.holds(pd.DataFrame(frame, index=pd.RangeIndex(count))), bool)


# --- sentences ------------------------------------------------------------------------------------------------


def say_exclude(rule: Rule, context: Context) -> str:
    """``No contact where offer is newcomer, where months_since_purchase < 6``."""
    condition = f", where {where_text(rule.where)}" if rule.where is not None else ""
    return f"No contact where {where_text(filter_of(rule))}{condition}"


def say_include(rule: Rule, context: Context) -> str:
    """``Every customer where vip receives at least one contact where channel is phone``."""
    condition = f" where {where_text(rule.where)}" if rule.where is not None else ""
    forced = f"receives at least one contact where {where_text(filter_of(rule))}"
    return f"Every {unit_word(rule)}{condition} {forced}{apart(rule)}"


def say_control(rule: Rule, context: Context) -> str:
    """``A control group of 5 % of customers receives no contact``."""
    verb = cast(Control, rule.control)
    if verb.share is not None:
        group = f"A control group of {percent(verb.share)} of customers, drawn by seed {verb.seed},"
    else:
        group = f"The control group of {verb.table if isinstance(verb.table, str) else 'its table'}"
    return f"{group} receives no {contacts_word(rule, many=False)}"


# --- lint -------------------------------------------------------------------------------------------------------


def lint_exclude(rule: Rule, context: Context) -> list[Finding]:
    """A soft exclude is a cap like any other; a hard one may remove nothing, nothing new, or everything."""
    if rule.mode == "report":
        return []
    return lint_local(rule, context) if rule.soft is not None else _lint_removals(context).get(rule.name, [])


def lint_control(rule: Rule, context: Context) -> list[Finding]:
    """A control group may hold out nobody, nobody new, or everybody."""
    return [] if rule.mode == "report" else _lint_removals(context).get(rule.name, [])


def _lint_removals(context: Context) -> dict[str, list[Finding]]:
    """Findings on all rules that remove pairs; the later of two alike is the redundant one."""

    def make() -> dict[str, list[Finding]]:
        rules = removing_rules(context)
        masks = {rule.name: forbidden_pairs(rule, context) for rule in rules}
        found: dict[str, list[Finding]] = {}
        stay = list(masks)
        for rule in reversed(rules):
            mask, name = masks[rule.name], f"rule {rule.name!r}"
            others = [other for other in stay if other != rule.name and (masks[other] & mask).any()]
            left = mask.copy()
            for other in others:
                left &= ~masks[other]
            if not mask.any():
                what = "holds out nobody who" if rule.verb == "control" else "looks at no contact that"
                found[rule.name] = [Finding(rule.name, "dead", f"{name} {what} could be made")]
            elif not left.any():
                named = listed([repr(other) for other in others])
                message = f"{name} removes {int(mask.sum()):,} contacts that {named} remove already"
                found[rule.name] = [Finding(rule.name, "redundant", message, other=others[0])]
                stay.remove(rule.name)
            elif mask.all():
                found[rule.name] = [Finding(rule.name, "note", f"{name} removes every eligible contact")]
        return found

    return context.remembered(("removal lint",), make)


VERBS = (
    Verb("include", compile_include, say_include, lint_local),
    Verb("exclude", compile_exclude, say_exclude, lint_exclude),
    Verb("control", compile_control, say_control, lint_control),
)
