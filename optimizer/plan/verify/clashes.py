"""Whether any contacts of customers are near that should not be, asked of bundles and of kinds of past contacts.

Most plans that are checked break nothing: where that is seen of a few hundred bundles, no contact is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan.bundles import Bundles, counted
from optimizer.plan.columns import Apart
from optimizer.plan.records import Scope
from optimizer.plan.verify.alike import Kinds, gathered
from optimizer.plan.verify.apart import bundles_of, contacts_in, loads_of, parts_of
from optimizer.plan.verify.evidence import Evidence, Filter, scope_label
from optimizer.plan.verify.judge import Check, judge_rule
from optimizer.scenario.facts import Bools, Facts
from optimizer.scenario.rule_schema import Rule

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Near:
    """Contacts of ours that match one filter, and others that match another ``low`` to ``high`` days after them."""

    ours: Filter | None
    others: Filter | None
    low: int
    high: int


def none_near(rule: Rule, evidence: Evidence, own: Near, past: Sequence[Near], *, booked: bool = False) -> bool:
    """Whether no two contacts are near as said: two of ours, or one of ours and one of the past (or booked).

    False, too, where bundles cannot tell.
    """
    found = _parts(rule, evidence, own.ours, own.others)
    if found is None:
        return False
    bundles, facts = bundles_of(evidence), evidence.facts
    apart = ~np.eye(len(facts.days), dtype=bool)
    loads = [
        loads_of(evidence, rule.each_columns, [rule.where, one.others], _around(facts, one), booked=booked)
        for one in past
    ]
    for scope in evidence.scopes(rule):
        first, then = (parts[scope] for parts in found)
        clash = bundles.holds & first.activities & (_faced(bundles, facts, own, then.activities, apart) > 0)
        kinds = [of_scope(scope).kinds for of_scope in loads]
        alike = gathered(bundles, kinds, first.customers)
        if clash[alike.bundle].any():
            return False
        for one, kind, at in zip(past, kinds, alike.kinds, strict=True):
            ours = (first if one.ours == own.ours else then).activities
            if (bundles.holds[alike.bundle] & ours & (_met(facts, kind) > 0)[at]).any():
                return False
    return True


def none_clash(rule: Rule, evidence: Evidence) -> list[Check]:
    """The rows of a rule under which no pair clashes."""
    checks = []
    for scope in evidence.scopes(rule):
        judge = judge_rule(rule, scope_label(rule.each_columns, scope), "pairs")
        judge.each_pays(0)
        checks.append(judge.check())
    return checks


def all_near(rule: Rule, evidence: Evidence, near: Near) -> dict[Scope, int] | None:
    """Scope -> how many contacts of ours match, where each has another near, of ours or of the past.

    None where one has not, or bundles cannot tell.
    """
    found = _parts(rule, evidence, near.ours, near.others)
    if found is None:
        return None
    bundles, facts = bundles_of(evidence), evidence.facts
    every = np.ones((len(facts.days), len(facts.days)), dtype=bool)
    loads = loads_of(evidence, rule.each_columns, [rule.where, near.others], _around(facts, near))
    number = {}
    for scope in evidence.scopes(rule):
        needing, enabling = (parts[scope] for parts in found)
        short = bundles.holds & needing.activities & (_faced(bundles, facts, near, enabling.activities, every) == 0)
        kinds = loads(scope).kinds
        alike = gathered(bundles, [kinds], needing.customers)
        if (short[alike.bundle] & (_met(facts, kinds) == 0)[alike.kinds[0]]).any():
            return None
        number[scope] = contacts_in(evidence, needing)
    return number


def _parts(rule: Rule, evidence: Evidence, *filters: Filter | None) -> list[dict[Scope, Apart]] | None:
    """The parts of the rule's contacts that match each filter, where all filters ask the same of customers."""
    found = []
    for one in filters:
        parts = None if rule.per is not None else parts_of(evidence, rule.each_columns, rule.where, one)
        if parts is None:
            return None
        found.append(parts)
    words = {part.words for parts in found for part in parts.values()}
    return found if len(words) <= 1 else None


def _faced(bundles: Bundles, facts: Facts, near: Near, others: Bools, allowed: Bools) -> Longs:
    """How many others of its bundle are near each activity, shape (B, A)."""
    gap = facts.days[:, None] - facts.days[None, :]
    return counted(bundles.holds & others, (near.low <= gap) & (gap <= near.high) & allowed)


def _around(facts: Facts, near: Near) -> list[tuple[int, int]]:
    """The days near each date of activities, in order."""
    return [(int(day) + near.low, int(day) + near.high) for day in np.unique(facts.days)]


def _met(facts: Facts, kinds: Kinds) -> Longs:
    """How many past contacts each kind of customer has near each activity, shape (S, A)."""
    return kinds.table[:, np.searchsorted(np.unique(facts.days), facts.days)]
