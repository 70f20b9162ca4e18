"""Effects: ``effect``, a factor on the response of some contacts.

    response of contact a = min(1, p_ia · Π static factors · Π factors of its rank · Π factors of a change of channel)

    effect: {factor}                 every contact that ``where`` keeps
    effect: {contact: k, factor}     contacts of rank k = 1 + the customer's contacts on earlier dates of the horizon;
                                     beyond the last rank stated, that rank's factor
    effect: {alternate: channel, …}  contacts whose channel is absent from the customer's previous date of contact

Contacts of one date share their rank; committed contacts inside the horizon count, history does not. Factors act
on the response, never on the cost.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from optimizer.problem import ChangeFactor, Ints, RankFactor
from optimizer.rules.base import Compiled, Context, Finding, Verb
from optimizer.rules.measures import in_horizon
from optimizer.rules.removal import eligible_pairs, removed_pairs
from optimizer.rules.scope import kept
from optimizer.rules.sentences import number
from optimizer.rules.subjects import contacts_word
from optimizer.scenario.rule_schema import Effect, Rule


def compile_effect(rule: Rule, context: Context) -> Compiled:
    """A factor of rank, of change, or a static one."""
    verb = effect_of(rule)
    members = kept(context, rule.where)
    if verb.contact is not None:
        return Compiled(ranks=[RankFactor(rule.name, verb.contact, verb.factor, members)])
    if verb.alternate is not None:
        return Compiled(changes=[ChangeFactor(rule.name, verb.factor, members)])
    return Compiled(static=(members, verb.factor))


def effect_of(rule: Rule) -> Effect:
    """The model of an effect rule."""
    return cast(Effect, rule.effect)


def say_effect(rule: Rule, context: Context) -> str:
    """``The response of a customer's contact 2 is multiplied by 0.85``."""
    verb = effect_of(rule)
    contact = contacts_word(rule, many=False)
    if verb.contact is not None:
        return f"The response of each {contact} of rank {verb.contact} is multiplied by {number(verb.factor)}"
    if verb.alternate is not None:
        return f"The response of each {contact} that changes channel is multiplied by {number(verb.factor)}"
    return f"The response of each {contact} is multiplied by {number(verb.factor)}"


def lint_effect(rule: Rule, context: Context) -> list[Finding]:
    """Effects on no contact, of factor 1, or of a rank that nobody reaches."""
    if rule.mode == "report":
        return []
    verb, name = effect_of(rule), f"rule {rule.name!r}"
    members = eligible_pairs(context, kept(context, rule.where))
    if not members.any():
        return [Finding(rule.name, "dead", f"{name} looks at no eligible contact")]
    ranks = highest_ranks(context)[members]
    # A stated rank also says where the last rank lies for the others of the same contacts.
    beside = [
        effect_of(other).contact or 0
        for other in context.scenario.rules
        if other is not rule and other.mode == "enforce" and other.verb == "effect" and effect_of(other).contact
        and (members & eligible_pairs(context, kept(context, other.where))).any()
    ]  # fmt: skip
    alone = verb.contact is None or not beside
    if verb.factor == 1 and alone:
        return [Finding(rule.name, "redundant", f"{name} multiplies by 1, which changes nothing")]
    needed = verb.contact if verb.contact is not None else 2 if verb.alternate is not None else 1
    if ranks.max() < needed:
        reach = f"no contact can have a rank above {int(ranks.max())}"
        if alone or ranks.max() <= min(beside):
            return [Finding(rule.name, "dead", f"{name} never acts: {reach}")]
        return [Finding(rule.name, "note", f"{name} never acts itself: {reach}; it only says where other ranks end")]
    return []


def highest_ranks(context: Context) -> Ints:
    """The highest rank each pair could have: 1 + the customer's eligible and booked contacts on earlier dates, (E,)."""

    def make() -> Ints:
        facts = context.facts
        pairs, usable = facts.pairs, ~removed_pairs(context)
        booked = facts.past[in_horizon(context)]
        who, when = booked["customer"].to_numpy(), booked["days"].to_numpy()
        of_pair = facts.days[pairs.activity]
        ranks = np.ones(len(pairs), np.int32)
        for day in np.unique(facts.days):
            before = np.bincount(pairs.customer[usable & (of_pair < day)], minlength=len(facts.customers))
            before += np.bincount(who[when < day], minlength=len(facts.customers))
            on_day = of_pair == day
            ranks[on_day] += before[pairs.customer[on_day]].astype(np.int32)
        return ranks

    return context.remembered(("highest ranks",), make)


VERBS = (Verb("effect", compile_effect, say_effect, lint_effect),)
