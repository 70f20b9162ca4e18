"""Targets: which offers go together: k of n, A only with B, B only after A (``targets``, ``requires``, ``only_after``).

    targets     min ≤ |{o in among : Σ_{a of o} x_ia ≥ 1, or committed}| ≤ max
                if_contacted: 0, or at least min
    requires    x_ia ≤ Σ_{b matches then} x_ib                                   for every a that matches if
    only_after  x_ia ≤ Σ_{b matches after, min ≤ date_a − date_b ≤ max} x_ib     for every a that matches what

``where``, ``each`` and ``per`` hold on both sides. A contact that a past one enables needs nothing; a contact that
enables itself is free. Target groups of k of n offers: Bigler, Kammermann, Baumann, European Journal of
Operational Research 304 (2023); requires and only_after are Unica Optimize's "A only with B" and "A only after B".
"""

from __future__ import annotations

from typing import cast

import numpy as np

from optimizer.problem import Bools, Distinct, Ints, LocalRule, Precedence, Units, Weights
from optimizer.rules.base import Compiled, Context, Verb
from optimizer.rules.bounds import soft
from optimizer.rules.local_lint import lint_local
from optimizer.rules.measures import in_horizon
from optimizer.rules.scope import Scope, kept, past_kept, scopes
from optimizer.rules.sentences import listed, where_text
from optimizer.rules.subjects import counted, looked_at, such_contact, unit_word
from optimizer.rules.units import Days, past_against, units_in_scope, units_with_contacts, whole_soft
from optimizer.rules.weights import kept_pairs, product
from optimizer.scenario.rule_schema import OnlyAfter, Requires, Rule, Targets

# --- targets --------------------------------------------------------------------------------------------------


def compile_targets(rule: Rule, context: Context) -> Compiled:
    """The distinct offers of a targets rule, a primitive a scope; the minimum binds units with enough to offer."""
    verb = targets_of(rule)
    units = context.units(rule.per)
    offers = named_offers(verb)
    groups = offer_groups(context, offers)
    local: list[LocalRule] = []
    notes: list[str] = []
    for scope in scopes(context, rule):
        touched = _booked_offers(context, units, scope, offers)
        already = touched.sum(axis=1)
        lower = np.full(len(units.names), -np.inf)
        if verb.min is not None:
            enough = eligible_offers(context, units, scope, groups) >= verb.min
            lower[enough] = verb.min - already[enough]
            concerned = units_in_scope(context, units, scope.contacts)
            if (few := concerned & ~enough).any():
                at = f"{scope.label}: " if scope.label else ""
                notes.append(
                    f"{at}the minimum does not bind {int(few.sum()):,} of {int(concerned.sum()):,} with fewer than "
                    f"{verb.min} of the offers {', '.join(offers)} eligible"
                )
        lower = np.where(lower > 0, lower, -np.inf)
        upper = np.full(len(lower), np.inf) if verb.max is None else np.maximum(0.0, verb.max - already)
        bound = np.flatnonzero(np.isfinite(lower) | np.isfinite(upper)).astype(np.int32)
        if len(bound):
            local.append(
                Distinct(
                    rule.name, scope.label, groups, scope.contacts, units, bound, touched[bound], lower[bound],
                    upper[bound], verb.if_contacted, soft(rule),
                )
            )  # fmt: skip
    return Compiled(local=local, notes=notes)


def targets_of(rule: Rule) -> Targets:
    """The model of a targets rule."""
    return cast(Targets, rule.targets)


def named_offers(verb: Targets) -> list[str]:
    """The offers named, each once."""
    return list(dict.fromkeys(verb.among))


def offer_groups(context: Context, offers: list[str]) -> Bools:
    """Which activities carry which offer, shape (offers, A)."""
    carried = context.facts.activities["offers"]
    return np.array([[offer in of for of in carried] for offer in offers], bool).reshape(len(offers), len(carried))


def eligible_offers(context: Context, units: Units, scope: Scope, groups: Bools) -> Ints:
    """How many of the offers each unit has an eligible contact for in the scope, shape (U,)."""
    count = np.zeros(len(units.names), np.int32)
    for group in groups:
        count += units_with_contacts(context, units, product(scope.contacts, Weights(activity=group.astype(float))))
    return count


def _booked_offers(context: Context, units: Units, scope: Scope, offers: list[str]) -> Bools:
    """Which of the offers committed contacts inside the horizon already touch, shape (U, offers)."""
    past = context.facts.past[scope.past & in_horizon(context)]
    touched = np.zeros((len(units.names), len(offers)), bool)
    unit = units.unit[past["customer"].to_numpy()]
    for column, offer in enumerate(offers):
        carries = np.array([offer in of for of in past["offers"]], bool)
        touched[unit[carries], column] = True
    return touched


# --- requires and only_after ------------------------------------------------------------------------------------


def compile_requires(rule: Rule, context: Context) -> Compiled:
    """A precedence in any order; with ``same: wave`` among contacts of one wave."""
    verb = cast(Requires, rule.requires)
    activities = context.facts.activities
    if verb.same == "wave":
        wave = activities["wave"].to_numpy()
        enables = wave[:, None] == wave[None, :]
    else:
        enables = np.ones((len(activities), len(activities)), bool)
    local: list[LocalRule] = []
    units = context.units(rule.per)
    for scope in scopes(context, rule):
        what = product(scope.contacts, kept(context, verb.if_))
        if verb.same is None:
            # A committed contact has no wave, so that it enables only where the wave does not matter.
            past = scope.past & in_horizon(context) & past_kept(context, verb.then)
            customers = context.facts.past["customer"].to_numpy()[past]
            if len(customers):
                enabled = np.zeros(len(units.names), bool)
                enabled[units.unit[customers]] = True
                what = product(what, Weights(customer=~enabled[units.unit]))
        enabler = product(scope.contacts, kept(context, verb.then))
        local.append(Precedence(rule.name, scope.label, what, enabler, enables, units, whole_soft(rule)))
    return Compiled(local=local)


def compile_only_after(rule: Rule, context: Context) -> Compiled:
    """A precedence with a lag; contacts that the past allows need nothing."""
    verb = cast(OnlyAfter, rule.only_after)
    facts = context.facts
    local: list[LocalRule] = []
    units = context.units(rule.per)
    for scope in scopes(context, rule):
        what = product(scope.contacts, kept(context, verb.what))
        past = scope.past & past_kept(context, verb.after)
        if past.any():
            allowed = past_against(context, units, what, past, lambda lag: within(lag, verb))
            what = Weights(pair=kept_pairs(context, what) & (allowed == 0))
        enabler = product(scope.contacts, kept(context, verb.after))
        enables = within(facts.days[:, None].astype(np.int64) - facts.days[None, :], verb)
        local.append(Precedence(rule.name, scope.label, what, enabler, enables, units, whole_soft(rule)))
    return Compiled(local=local)


def within(lag: Days, verb: OnlyAfter) -> Bools:
    """Whether a number of days lies between the rule's least and greatest."""
    near: Bools = lag >= verb.days.min
    return near if verb.days.max is None else near & (lag <= verb.days.max)


# --- sentences ------------------------------------------------------------------------------------------------


def say_targets(rule: Rule, context: Context) -> str:
    """``Every customer with enough eligible offers is in at least 2 of privilege and newcomer``."""
    verb, unit = targets_of(rule), unit_word(rule)
    offers = named_offers(verb)
    among = f"of the offers {listed(offers)}" if len(offers) > 1 else f"of the offer {offers[0]}"
    end = looked_at(rule)
    if verb.min is None:
        return f"No {unit} is in more than {verb.max} {among}{end}"
    if verb.min == verb.max:
        bounds = f"exactly {verb.min}"
    else:
        bounds = f"at least {verb.min}" + ("" if verb.max is None else f" and at most {verb.max}")
    if verb.if_contacted:
        return f"A {unit} is in none {among}, or in {bounds}{end}"
    return f"Every {unit} with enough eligible offers is in {bounds} {among}{end}"


def say_requires(rule: Rule, context: Context) -> str:
    """``A contact where offer is newcomer needs a contact where offer is privilege for the same customer``."""
    verb = cast(Requires, rule.requires)
    wave = " in the same wave" if verb.same == "wave" else ""
    needs = f"A contact where {where_text(verb.if_)} needs {such_contact(verb.then)}"
    return f"{needs} for the same {unit_word(rule)}{wave}{looked_at(rule)}"


def say_only_after(rule: Rule, context: Context) -> str:
    """``A contact where channel is phone needs a contact where channel is print 3 to 14 days before``."""
    verb = cast(OnlyAfter, rule.only_after)
    least, most = verb.days.min, verb.days.max
    if most is None:
        lag = "on the same day or before" if least == 0 else f"at least {counted(least, 'day')} before"
    else:
        lag = f"{least} to {counted(most, 'day')} before" if least != most else f"{counted(least, 'day')} before"
    needs = f"A contact where {where_text(verb.what)} needs {such_contact(verb.after)} {lag}"
    return f"{needs}, for the same {unit_word(rule)}{looked_at(rule)}"


VERBS = (
    Verb("targets", compile_targets, say_targets, lint_local),
    Verb("requires", compile_requires, say_requires, lint_local),
    Verb("only_after", compile_only_after, say_only_after, lint_local),
)
