"""Pressure: contacts, weighted contacts, packages, duplicates and money that one customer or household may receive.

    contacts           min ≤ past + Σ_{a in W} x_ia ≤ max
    pressure           min ≤ past + Σ_{a in W} w_channel(a) x_ia ≤ max
    cost_per_customer  min ≤ past + Σ_{a in W} c_ia x_ia ≤ max
    duplicates         min ≤ past_v + Σ_{a in W, v in of(a)} x_ia ≤ max        for every value v of the column ``of``
    packages           min ≤ |{dates in W with a contact, ours or past}| ≤ max

for every window W of the rule (see ``windows``) and every unit i. The past is counted into the bounds: upper =
max(0, max − past), so that a past above the cap forbids more and is no violation; lower = min − past. A minimum
binds units with at least one eligible contact in the scope.

Minimum and maximum contacts in periods: Bigler, Kammermann, Baumann, European Journal of Operational Research 304
(2023). Packages, duplicates and cost per customer are the rules of these names in Unica Optimize.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optimizer.problem import Bools, Count, Distinct, Floats, LocalRule, Units, Weights
from optimizer.rules.base import Compiled, Context, Verb
from optimizer.rules.bounds import soft
from optimizer.rules.local_lint import lint_local
from optimizer.rules.measures import one_factored
from optimizer.rules.scope import Scope, scopes
from optimizer.rules.sentences import bounds_text, money, number
from optimizer.rules.subjects import apart, contacts_word, in_days, unit_word
from optimizer.rules.units import unit_bound, unit_past, units_in_scope, units_with_contacts
from optimizer.rules.weights import activities_of, product
from optimizer.rules.windows import BoundWindow, LocalWindow, binding, local_windows, remaining
from optimizer.scenario.rule_schema import Duplicates, Rule, Window


def compile_window(rule: Rule, context: Context) -> Compiled:
    """The counts of a contacts, pressure, duplicates or cost_per_customer rule: one a scope and window."""
    compiled = Compiled()
    for scope in counted_scopes(rule, context):
        _compile_scope(rule, context, scope, compiled)
    return compiled


def compile_packages(rule: Rule, context: Context) -> Compiled:
    """The distinct dates of a packages rule: one a scope and window."""
    compiled = Compiled()
    for scope in scopes(context, rule):
        _compile_scope(rule, context, scope, compiled)
    return compiled


def counted_scopes(rule: Rule, context: Context) -> list[Scope]:
    """The scopes of a window rule: those of ``each``, and for duplicates every value of ``of`` within them."""
    verb = window_of(rule)
    if isinstance(verb, Duplicates) and verb.of not in rule.each_columns:
        return scopes(context, rule.model_copy(update={"each": [*rule.each_columns, verb.of]}))
    return scopes(context, rule)


def window_of(rule: Rule) -> Window:
    """The verb's model, with its bounds and days."""
    verb = getattr(rule, rule.verb)
    assert isinstance(verb, Window)
    return verb


def unit_weights(rule: Rule, context: Context) -> tuple[Weights, Floats | None]:
    """What a contact weighs: on pairs, and on past contacts (None: 1 each)."""
    facts = context.facts
    if rule.verb == "pressure":
        return Weights(activity=facts.pressure), facts.past["pressure"].to_numpy(float)
    if rule.verb == "cost_per_customer":
        return one_factored(context, "unit_cost", facts.pairs.unit_cost), facts.past["cost"].to_numpy(float)
    return Weights(), None


def bound_windows(rule: Rule, context: Context, scope: Scope, units: Units) -> list[BoundWindow]:
    """Every window of a scope with what the past leaves of the bounds; minima only where they bind."""
    verb = window_of(rule)
    lower = unit_bound(context, rule, "min", scope, units)
    upper = unit_bound(context, rule, "max", scope, units)
    if np.isfinite(lower).any():
        able = units_with_contacts(context, units, scope.contacts)
        lower = np.where(able, lower, -np.inf)
    return [
        remaining(window, lower, upper, _past(rule, context, units, scope.past & window.past))
        for window in local_windows(context, rule, verb.days)
    ]


def _past(rule: Rule, context: Context, units: Units, mask: Bools) -> Floats:
    """What the past already holds of the rule's count, per unit."""
    if rule.verb == "packages":
        unit, days = _past_dates(context, units, mask)
        dates = np.unique(np.stack([unit, days], axis=1), axis=0)
        return np.bincount(dates[:, 0], minlength=len(units.names)).astype(float)
    return unit_past(context, units, mask, unit_weights(rule, context)[1])


def _compile_scope(rule: Rule, context: Context, scope: Scope, compiled: Compiled) -> None:
    units = context.units(rule.per)
    contacts = product(scope.contacts, unit_weights(rule, context)[0])
    found = bound_windows(rule, context, scope, units)
    for one in binding(found, activities_of(context, contacts), drop_implied=rule.soft is None):
        compiled.local.append(_primitive(rule, context, scope, contacts, units, one))
    if window_of(rule).min is not None:
        stated = np.isfinite(unit_bound(context, rule, "min", scope, units))
        concerned = stated & units_in_scope(context, units, scope.contacts)
        without = concerned & ~units_with_contacts(context, units, scope.contacts)
        if without.any():
            at = f"{scope.label}: " if scope.label else ""
            many, all_of = int(without.sum()), int(concerned.sum())
            compiled.notes.append(f"{at}the minimum does not bind {many:,} of {all_of:,} without an eligible contact")


def _primitive(
    rule: Rule, context: Context, scope: Scope, contacts: Weights, units: Units, one: BoundWindow
) -> LocalRule:
    window = one.window
    label = ", ".join(part for part in (scope.label, window.label) if part)
    bound = np.flatnonzero(np.isfinite(one.lower) | np.isfinite(one.upper)).astype(np.int32)
    if units.kind == "customer" and len(bound) == len(units.unit):
        bound = units.unit  # the same for all rules that bind everybody
    lower, upper = _at(one.lower, bound), _at(one.upper, bound)
    inside = (
        contacts if window.activities.all() else product(contacts, Weights(activity=window.activities.astype(float)))
    )
    if rule.verb != "packages":
        return Count(rule.name, label, inside, units, bound, lower, upper, soft(rule))
    groups, touched = _dates(context, scope, window, units)
    touched = touched[bound] if touched.any() else np.broadcast_to(np.False_, (len(bound), len(groups)))
    return Distinct(rule.name, label, groups, inside, units, bound, touched, lower, upper, soft=soft(rule))


def _dates(context: Context, scope: Scope, window: LocalWindow, units: Units) -> tuple[Bools, Bools]:
    """The window's activity dates as groups (G, A), and which of them each unit's past has touched (U, G)."""
    facts = context.facts
    days = np.unique(facts.days[window.activities])
    groups = (facts.days == days[:, None]) & window.activities
    touched = np.zeros((len(units.names), len(days)), bool)
    unit, past_days = _past_dates(context, units, scope.past & window.past)
    group = np.searchsorted(days, past_days)
    same = (group < len(days)) & (days[np.minimum(group, len(days) - 1)] == past_days)
    touched[unit[same], group[same]] = True
    return groups, touched


def _past_dates(context: Context, units: Units, mask: Bools) -> tuple[np.ndarray, np.ndarray]:
    """Unit and date of the past contacts that the mask keeps; without dates all share one."""
    facts = context.facts
    unit = units.unit[facts.past["customer"].to_numpy()[mask]].astype(np.int64)
    return unit, facts.past["days"].to_numpy()[mask].astype(np.int64)


def _at(values: Floats, rows: np.ndarray) -> Floats:
    """Values at rows, without memory where all are equal."""
    if values.strides == (0,):
        return np.broadcast_to(values[0], len(rows)) if len(rows) else np.empty(0)
    return values if len(rows) == len(values) else values[rows]


# --- sentences ------------------------------------------------------------------------------------------------


def say(rule: Rule, context: Context) -> str:
    """``No customer receives more than 3 contacts in any 30 days``."""
    verb, unit = window_of(rule), unit_word(rule)
    only = verb.max if verb.min is None else verb.min if verb.max is None else None
    many = only != 1
    if isinstance(verb, Duplicates):
        noun = f"{contacts_word(rule, many)} with the same {verb.of}"
    elif rule.verb == "packages":
        noun = f"{'dates' if many else 'date'} with {contacts_word(rule)}"
    elif rule.verb == "pressure":
        noun = f"{'units' if many else 'unit'} of pressure from {contacts_word(rule)}"
    else:
        noun = contacts_word(rule, many)
    shown: Callable[[float], str] = number
    if rule.verb == "cost_per_customer":
        shown = money(context.scenario.currency)
        noun = f"of {contacts_word(rule)}"
    end = f"{in_days(verb.days)}{apart(rule)}"
    bounds = bounds_text(rule, shown)
    if verb.min is None:
        return f"No {unit} receives more than {bounds.removeprefix('at most ')} {noun}{end}"
    return f"Every {unit} that can be contacted receives {bounds} {noun}{end}"


VERBS = (
    Verb("contacts", compile_window, say, lint_local),
    Verb("pressure", compile_window, say, lint_local),
    Verb("packages", compile_packages, say, lint_local),
    Verb("duplicates", compile_window, say, lint_local),
    Verb("cost_per_customer", compile_window, say, lint_local),
)
