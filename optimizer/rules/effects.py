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

from optimizer.problem import ChangeFactor, RankFactor
from optimizer.rules.base import Compiled, Context, Finding, Verb
from optimizer.rules.scope import kept, kept_pairs
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
    return Compiled(static=np.where(kept_pairs(context, members), verb.factor, 1.0))


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
    """Nothing yet."""
    return []


VERBS = (Verb("effect", compile_effect, say_effect, lint_effect),)
